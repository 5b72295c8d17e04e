#include "site/notifier.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <thread>

#include "audit/records.h"
#include "crypto/digest.h"
#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/json.h"
#include "encoding/number.h"
#include "encoding/utf8.h"
#include "server/http_client.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "warrant/statements.h"

extern char** environ;

namespace pawl::site {
namespace {

using encoding::Json;

constexpr uint64_t kSettingsBytesMax = 65'536;
constexpr size_t kTargetsMax = 32, kUrlBytesMax = 2'048;
constexpr uint64_t kEntriesPerStep = 200;  // of one log for one target
constexpr int64_t kFirstWait_s = 5, kLongestWait_s = 3'600, kGiveUp_s = 86'400;
constexpr std::chrono::seconds kTurnMax{1};  // of one target, beside the message that is being sent
constexpr std::string_view kSecretPrefix = "whsec_";
constexpr size_t kSigningSecretMin = 24, kSigningSecretMax = 64;

// https to anybody, http to this machine; nothing that would have to be quoted in curl's file.
Result<void> CheckUrl(const std::string& url) {
  const bool plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
  const auto here = server::IsOnThisMachine(url);
  if (plain && url.size() <= kUrlBytesMax && (url.starts_with("https://") || (here.ok() && *here))) return {};
  return Error{ErrorCode::kUsage, "notify.url", "messages go by https, or by http to this machine",
               "correct the url in notify.json"};
}

std::string Hmac(std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out, &size);
  return std::string(reinterpret_cast<const char*>(out), size);
}

// A value in double quotes, as curl's files have it. No line ends: bodies are JSON on one line.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

Result<subject::FileDescriptor> InMemory(std::string_view bytes) {
  subject::FileDescriptor file(memfd_create("pawl-notify", MFD_CLOEXEC));
  if (file.valid() && storage::WriteAll(file.get(), bytes) && lseek(file.get(), 0, SEEK_SET) == 0) return file;
  return SystemFailure("notify.memory", "cannot hold a message in memory");
}

// Slack reads these three as markup.
std::string SlackText(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    plain += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  }
  return plain;
}

template <typename T>
std::optional<T> OrNothing(Result<T> read) {
  return read.ok() ? std::optional(std::move(*read)) : std::nullopt;
}

}  // namespace

Result<NotifySettings> ReadNotifySettings(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) != 0) {
    return Refused("notify.permissions", "others may read '" + path + "', and secrets stand in it",
                   "chmod 600 " + path);
  }
  Result<std::string> text =
      subject::ReadRegularFile(path, kSettingsBytesMax, "notify.unreadable", subject::Links::kFollow);
  if (!text.ok()) return text.error();
  Result<Json> json = encoding::ParseJson(*text);
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "notify");
  NotifySettings settings{.link = object.String("link", kUrlBytesMax)};
  std::vector<std::string> names;
  for (encoding::JsonObject& one : object.Objects("targets", kTargetsMax)) {
    NotifyTarget target{.name = one.String("name", 64)};
    target.form = one.Choice<NoticeForm>("form", {{"webhook", NoticeForm::kWebhook}, {"slack", NoticeForm::kSlack}});
    target.url = one.String("url", kUrlBytesMax);
    if (target.form == NoticeForm::kWebhook) {
      const std::string secret = one.String("secret", 256);
      const Result<std::string> bytes = secret.starts_with(kSecretPrefix)
                                            ? encoding::DecodeBase64(secret.substr(kSecretPrefix.size()))
                                            : Result<std::string>(std::string());
      if (!bytes.ok() || bytes->size() < kSigningSecretMin || bytes->size() > kSigningSecretMax) {
        one.Fail("notify.secret", "secret", "is whsec_ and 24 to 64 bytes in base64");
      } else {
        target.secret = *bytes;
      }
    }
    if (!encoding::IsName(target.name) || std::ranges::find(names, target.name) != names.end()) {
      one.Fail("notify.name", "name", "is no name, or another target's");
    }
    names.push_back(target.name);
    settings.targets.push_back(std::move(target));
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (Result<void> link = CheckUrl(settings.link); !link.ok() || !settings.link.ends_with('/')) {
    return Error{ErrorCode::kUsage, "notify.link", "link is the page's address, with a / at its end", "correct it"};
  }
  for (const NotifyTarget& target : settings.targets) {
    if (Result<void> url = CheckUrl(target.url); !url.ok()) return url.error();
  }
  return settings;
}

std::optional<Notice> NoticeOf(const std::string& subject, uint64_t index, const std::string& entry) {
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  if (!envelope.ok()) return std::nullopt;
  const Result<audit::StatementKind> kind = audit::KindOf(envelope->payload);
  if (!kind.ok()) return std::nullopt;
  Notice notice{.subject = subject, .entry = index};
  const std::string& payload = envelope->payload;
  switch (*kind) {
    case audit::StatementKind::kProposal:
      if (const auto read = OrNothing(audit::ReadProposal(payload))) {
        notice.kind = "proposal.opened";
        notice.proposal = read->proposal;
        notice.sentence = read->proposal + " was proposed (" + std::string(warrant::ActionName(read->action)) + ")";
      }
      break;
    case audit::StatementKind::kFinding:
      if (const auto read = OrNothing(audit::ReadFinding(payload));
          read && read->step == audit::Step::kApproval && read->outcome == audit::FindingOutcome::kPending) {
        notice.kind = "proposal.waits-for-people";
        notice.proposal = read->proposal;
        notice.sentence = read->proposal + " waits for people to approve or reject it";
      }
      break;
    case audit::StatementKind::kRefusal:
      if (OrNothing(audit::ReadRefusal(payload))) {
        notice.kind = "proposal.refused";
        notice.sentence = "somebody has rejected a proposal";
      }
      break;
    case audit::StatementKind::kOutcome:
      if (const auto read = OrNothing(audit::ReadOutcomeRecord(payload))) {
        notice.kind = "proposal.ended";
        notice.proposal = read->proposal;
        notice.sentence = read->proposal + " has ended: " + std::string(audit::ProposalOutcomeName(read->outcome));
      }
      break;
    case audit::StatementKind::kRelease:
      if (const auto read = OrNothing(audit::ReadReleaseRecord(payload))) {
        notice.kind = "release";
        notice.proposal = read->proposal;
        notice.sentence = read->proposal + " is live, as epoch " + std::to_string(read->epoch);
      }
      break;
    case audit::StatementKind::kDecision:
      if (const auto read = OrNothing(warrant::ReadDecision(payload))) {
        if (read->action == warrant::Action::kHalt) {
          notice.kind = "halt";
          notice.sentence = "HALTED: nothing more is accepted, released or started";
        } else if (read->action == warrant::Action::kResume) {
          notice.kind = "resume";
          notice.sentence = "people have lifted a halt";
        }
      }
      break;
    case audit::StatementKind::kComplaint:
      if (const auto read = OrNothing(audit::ReadComplaint(payload))) {
        notice.kind = "complaint";
        notice.sentence = std::string("somebody is accused of ").append(audit::ComplaintRuleName(read->rule));
      }
      break;
    case audit::StatementKind::kCandidate:
    case audit::StatementKind::kVote:
    case audit::StatementKind::kClosing:
    case audit::StatementKind::kWarrant:
      break;
  }
  return notice.kind.empty() ? std::nullopt : std::optional(notice);
}

Post MakePost(const NotifyTarget& target, const Notice& notice, const std::string& link, int64_t now_s) {
  const std::string where =
      link + "#/s/" + notice.subject +
      (notice.proposal.empty() ? "/ledger/" + std::to_string(notice.entry) : "/p/" + notice.proposal);
  Post post{.url = target.url, .headers = {{"content-type", "application/json"}}, .body = {}};
  if (target.form == NoticeForm::kSlack) {
    const std::string text = notice.subject + ": " + notice.sentence;
    post.body = Json({{"text", SlackText(text) + " <" + where + "|look>"}}).dump();
    return post;
  }
  post.body = Json({{"type", notice.kind},
                    {"data",
                     {{"subject", notice.subject},
                      {"entry", notice.entry},
                      {"proposal", notice.proposal.empty() ? Json(nullptr) : Json(notice.proposal)},
                      {"sentence", notice.sentence},
                      {"link", where}}}})
                  .dump();
  // The same for each try, so that whoever gets one twice can tell.
  const std::string id =
      "pawl_" + crypto::Sha256(notice.subject + "\n" + std::to_string(notice.entry)).Hex().substr(0, 32);
  const std::string time = std::to_string(now_s);
  post.headers.emplace_back("webhook-id", id);
  post.headers.emplace_back("webhook-timestamp", time);
  post.headers.emplace_back("webhook-signature",
                            "v1," + encoding::EncodeBase64(Hmac(target.secret, id + "." + time + "." + post.body)));
  return post;
}

Result<unsigned> SendByCurl(const Post& post) {
  // By standard input: what stands on a command line can be read by every user of the machine.
  std::string config = "url = " + Quoted(post.url) +
                       "\nproto = \"=https,http\"\nmax-time = 5\nsilent\noutput = \"/dev/null\"\n"
                       "write-out = \"%{http_code}\"\ndata-raw = " +
                       Quoted(post.body) + "\n";
  for (const auto& [name, value] : post.headers) config += "header = " + Quoted(name + ": " + value) + "\n";
  Result<subject::FileDescriptor> input = InMemory(config);
  if (!input.ok()) return input.error();
  Result<subject::FileDescriptor> output = InMemory("");
  if (!output.ok()) return output.error();
  char name[] = "curl", no_rc[] = "--disable", flag[] = "--config", dash[] = "-";
  char* argv[] = {name, no_rc, flag, dash, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input->get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output->get(), STDOUT_FILENO);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, "curl", &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return SystemFailure("notify.curl", "cannot run curl", "install curl");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return SystemFailure("notify.unreachable", "there was no whole answer in time; curl ended with status " +
                                                   std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1));
  }
  std::string code;
  lseek(output->get(), 0, SEEK_SET);
  if (Result<void> read = subject::ReadUpTo(output->get(), 16, code); !read.ok()) return read.error();
  const Result<uint64_t> number = encoding::ParseUnsigned(code, 599);
  if (!number.ok()) return SystemFailure("notify.curl", "curl did not say how it went");
  return static_cast<unsigned>(*number);
}

Result<Notifier> Notifier::Open(const ledger::Home& home, const std::vector<std::string>& subjects,
                                NotifySettings settings, Say say) {
  Notifier notifier(home.root() + "/notify", std::move(settings), std::move(say));
  for (const std::string& subject : subjects) {
    Result<ledger::SubjectLog> log =
        ledger::SubjectLog::Open(home, subject, ledger::LedgerAccess::kReadOnly, ledger::FoldFrom::kSnapshot);
    if (!log.ok()) return log.error();
    notifier.logs_.emplace(subject, std::move(*log));
  }
  std::error_code failure;
  std::filesystem::create_directories(notifier.folder_, failure);
  for (const NotifyTarget& target : notifier.settings_.targets) {
    auto& places = notifier.places_[target.name];
    const std::string path = notifier.folder_ + "/" + target.name + ".json";
    if (std::filesystem::exists(path, failure)) {
      Result<std::string> text =
          subject::ReadRegularFile(path, kSettingsBytesMax, "notify.state", subject::Links::kRefuse);
      if (!text.ok()) return text.error();
      Result<Json> json = encoding::ParseJson(*text);
      if (!json.ok()) return json.error();
      encoding::JsonObject object(*json, "notify.state");
      for (const std::string& subject : object.Names()) {
        places[subject].next = static_cast<uint64_t>(object.Integer(subject.c_str(), 0));
      }
      if (Result<void> done = object.Finish(); !done.ok()) return done.error();
    }
    for (const auto& [subject, log] : notifier.logs_) places.try_emplace(subject, Place{.next = log.history().size()});
    if (Result<void> kept = notifier.Keep(target.name); !kept.ok()) return kept.error();
  }
  return notifier;
}

Result<void> Notifier::Keep(const std::string& target) const {
  Json json = Json::object();
  for (const auto& [subject, place] : places_.at(target)) json[subject] = place.next;
  return storage::ReplaceFile(folder_ + "/" + target + ".json", json.dump() + "\n");
}

void Notifier::Advance(const NotifyTarget& target, ledger::SubjectLog& log, Place& place, int64_t now_s,
                       const std::stop_token& stop) {
  if (now_s < place.due_s || place.next >= log.history().size()) return;
  const uint64_t count = std::min(kEntriesPerStep, log.history().size() - place.next);
  const Result<std::vector<std::string>> entries = log.ledger().Entries(place.next, count);
  if (!entries.ok()) return say_(entries.error().message);
  const auto begun = std::chrono::steady_clock::now();
  for (const std::string& entry : *entries) {
    // Who is slow to take its messages keeps the others, and a halt that they are to hear of, waiting for one at most.
    if (stop.stop_requested() || std::chrono::steady_clock::now() - begun >= kTurnMax) return;
    if (const std::optional<Notice> notice = NoticeOf(log.subject(), place.next, entry)) {
      const Result<unsigned> status = SendByCurl(MakePost(target, *notice, settings_.link, now_s));
      if (!status.ok() || *status < 200 || *status > 299) {
        const std::string why = status.ok() ? "status " + std::to_string(*status) : status.error().message;
        if (place.wait_s == 0) place.since_s = now_s;
        if (now_s - place.since_s < kGiveUp_s) {
          place.wait_s = std::min(kLongestWait_s, place.wait_s == 0 ? kFirstWait_s : 2 * place.wait_s);
          place.due_s = now_s + place.wait_s;
          return say_("'" + target.name + "' did not take entry " + std::to_string(place.next) + " of " +
                      log.subject() + " (" + why + "); again in " + std::to_string(place.wait_s) + " s");
        }
        say_("'" + target.name + "' took entry " + std::to_string(place.next) + " of " + log.subject() +
             " for a whole day not (" + why + "): it is left out");
      }
    }
    place = {.next = place.next + 1};
    if (Result<void> kept = Keep(target.name); !kept.ok()) return say_(kept.error().message);
  }
}

void Notifier::Step(int64_t now_s, const std::stop_token& stop) {
  for (auto& [subject, log] : logs_) {
    Result<void> fresh = log.ledger().RenewCopy();
    if (fresh.ok()) fresh = log.Refresh();
    if (!fresh.ok()) {
      say_(fresh.error().message);
      continue;
    }
    for (const NotifyTarget& target : settings_.targets)
      Advance(target, log, places_[target.name][subject], now_s, stop);
  }
}

void Notifier::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Step(std::time(nullptr), stop);
    for (int i = 0; i < 10 && !stop.stop_requested(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace pawl::site
