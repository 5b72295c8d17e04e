#include "trial/conversation.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <thread>

#include "encoding/utf8.h"

namespace pawl::trial {

namespace {

using sandbox::Descriptor;

struct Pipe {
  Descriptor reader, writer;
};

Result<Pipe> OpenPipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return SystemFailure("evaluation.machine", "cannot create a pipe", "close other programs and try again");
  }
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

bool IsText(std::string_view line) {
  if (!encoding::IsUtf8(line)) return false;
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

// Reads lines from a pipe whose other side may send anything.
class ReplyReader {
 public:
  explicit ReplyReader(Descriptor from) : from_(std::move(from)) {}

  enum class Got { kLine, kEnd, kTooLong };

  // Waits for the next line, which is given without its line feed.
  Got Next(std::string& line) {
    for (;;) {
      const std::size_t feed = buffer_.find('\n', searched_);
      if (feed != std::string::npos) {
        line.assign(buffer_, 0, feed);
        buffer_.erase(0, feed + 1);
        searched_ = 0;
        return line.size() > kMessageBytesMax ? Got::kTooLong : Got::kLine;
      }
      searched_ = buffer_.size();
      if (buffer_.size() > kMessageBytesMax) return Got::kTooLong;
      if (!Fill()) return Got::kEnd;
    }
  }

  // Bytes that came without being waited for.
  bool HasMore() {
    if (!buffer_.empty()) return true;
    pollfd polled{from_.get(), POLLIN, 0};
    return poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0;
  }

 private:
  bool Fill() {
    std::array<char, 1 << 16> bytes;
    ssize_t got;
    do {
      got = read(from_.get(), bytes.data(), bytes.size());
    } while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }

  Descriptor from_;
  std::string buffer_;
  std::size_t searched_ = 0;  // bytes of buffer_ without a line feed
};

// False where the other side has gone. SIGPIPE is blocked in the thread that calls this.
bool WriteLine(const Descriptor& to, std::string_view mark, std::string_view text) {
  std::string line;
  line.reserve(mark.size() + text.size() + 1);
  line.append(mark).append(text).push_back('\n');
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t wrote = write(to.get(), line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return true;
}

void BlockBrokenPipeSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// The one place between the two programs.
class Relay {
 public:
  Relay(Descriptor from_evaluator, Descriptor to_evaluator, Descriptor from_subject, Descriptor to_subject)
      : requests_from_(std::move(from_evaluator)),
        answers_from_(std::move(from_subject)),
        to_evaluator_(std::move(to_evaluator)),
        to_subject_(std::move(to_subject)) {}

  // Until the evaluator closes its side, or breaks the rules: then both its pipes close.
  void Run(std::stop_source& stop_subject) {
    BlockBrokenPipeSignal();
    std::string request, answer;
    for (;;) {
      const ReplyReader::Got got = requests_from_.Next(request);
      if (got == ReplyReader::Got::kEnd) break;
      if (got == ReplyReader::Got::kTooLong || request.empty() || !IsText(request) || ++requests_ > kRequestsMax) {
        bad_request_ = true;
        break;
      }
      if (!end_) {
        if (const std::optional<ConversationEnd> none = Ask(request, answer)) {
          end_ = none;
          stop_subject.request_stop();
        }
      }
      const bool told = end_ ? WriteLine(to_evaluator_, "-", Name(*end_)) : WriteLine(to_evaluator_, "+", answer);
      if (!told) break;
    }
    stop_subject.request_stop();
    to_evaluator_.Close();
    to_subject_.Close();
  }

  ConversationEnd end() const { return end_.value_or(ConversationEnd::kFinished); }
  std::int64_t requests() const { return requests_; }
  bool bad_request() const { return bad_request_; }

 private:
  // Why there is no answer; nothing where there is one.
  std::optional<ConversationEnd> Ask(const std::string& request, std::string& answer) {
    if (answers_from_.HasMore()) return ConversationEnd::kUnasked;
    if (!WriteLine(to_subject_, "", request)) return ConversationEnd::kEnded;
    switch (answers_from_.Next(answer)) {
      case ReplyReader::Got::kEnd:
        return ConversationEnd::kEnded;
      case ReplyReader::Got::kTooLong:
        return ConversationEnd::kTooLong;
      case ReplyReader::Got::kLine:
        break;
    }
    if (!IsText(answer)) return ConversationEnd::kMalformed;
    if (answers_from_.HasMore()) return ConversationEnd::kUnasked;
    return std::nullopt;
  }

  ReplyReader requests_from_, answers_from_;
  Descriptor to_evaluator_, to_subject_;
  std::optional<ConversationEnd> end_;
  std::int64_t requests_ = 0;
  bool bad_request_ = false;
};

}  // namespace

std::string_view Name(ConversationEnd end) {
  switch (end) {
    case ConversationEnd::kFinished:
      return "finished";
    case ConversationEnd::kEnded:
      return "ended";
    case ConversationEnd::kTooLong:
      return "too-long";
    case ConversationEnd::kMalformed:
      return "malformed";
    case ConversationEnd::kUnasked:
      return "unasked";
  }
  return "";
}

Result<Conversation> Converse(const sandbox::Job& evaluator, const sandbox::Job& subject,
                              const weakening::Weakenings& accepted, const std::filesystem::path& output_directory) {
  Result<Pipe> requests = OpenPipe(), replies = OpenPipe(), asked = OpenPipe(), answers = OpenPipe();
  for (const Result<Pipe>* pipe : {&requests, &replies, &asked, &answers}) {
    if (!pipe->ok()) return pipe->error();
  }
  const sandbox::Machine machine = sandbox::ThisMachine();
  std::stop_source stop_subject, stop_evaluator;
  Relay relay(std::move(requests->reader), std::move(replies->writer), std::move(answers->reader),
              std::move(asked->writer));

  // What the subject's program leaves in its /out; nobody reads it.
  const std::filesystem::path discarded = output_directory.string() + ".discarded";
  std::optional<Result<sandbox::Outcome>> subject_outcome;
  std::jthread subject_thread([&, input = std::move(asked->reader), output = std::move(answers->writer)]() mutable {
    subject_outcome = sandbox::RunWithStreams(machine, subject, accepted, discarded,
                                              {std::move(input), std::move(output)}, stop_subject.get_token());
    // Without a program to ask, the machine's fault must not look like the program's.
    const bool stopped = !subject_outcome->ok() && subject_outcome->error().rule == "sandbox.stopped";
    const bool failed = !subject_outcome->ok() || (*subject_outcome)->end == sandbox::End::kSetupError;
    if (failed && !stopped) stop_evaluator.request_stop();
  });
  std::jthread relay_thread([&] { relay.Run(stop_subject); });
  Result<sandbox::Outcome> evaluator_outcome =
      sandbox::RunWithStreams(machine, evaluator, accepted, output_directory,
                              {std::move(replies->reader), std::move(requests->writer)}, stop_evaluator.get_token());
  stop_subject.request_stop();
  subject_thread.join();
  relay_thread.join();
  std::error_code ignored;
  std::filesystem::remove_all(discarded, ignored);

  const bool subject_stopped = !subject_outcome->ok() && subject_outcome->error().rule == "sandbox.stopped";
  if (!subject_outcome->ok() && !subject_stopped) return subject_outcome->error();
  if (subject_outcome->ok() && (*subject_outcome)->end == sandbox::End::kSetupError) {
    return SystemFailure("evaluation.machine", (*subject_outcome)->explanation, "mend the machine and try again");
  }
  if (!evaluator_outcome.ok()) return evaluator_outcome.error();
  Conversation conversation;
  conversation.evaluator = std::move(*evaluator_outcome);
  conversation.subject_end = relay.end();
  conversation.requests = relay.requests();
  conversation.bad_request = relay.bad_request();
  return conversation;
}

}  // namespace pawl::trial
