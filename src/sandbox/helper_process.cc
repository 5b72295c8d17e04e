#include "sandbox/helper_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <vector>

#include "sandbox/system_error.h"

namespace pawl::sandbox {
namespace {

Error CannotStart(const std::string& what, int error_number = errno) {
  return SystemCallFailed("sandbox.setup.start", what, "", error_number);
}

// posix_spawn's own clean-up, in one place.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // In the child, `target` becomes what `source` is here. Sources are first moved above all targets, so that no
  // target overwrites a source that is still needed.
  bool Give(int source, int target) {
    Descriptor moved(fcntl(source, F_DUPFD_CLOEXEC, 64));
    const bool added = moved.valid() && posix_spawn_file_actions_adddup2(&actions_, moved.get(), target) == 0;
    moved_.push_back(std::move(moved));
    return added;
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<Descriptor> moved_;
};

struct Pipe {
  Descriptor reader, writer;
};

bool Open(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  pipe = {Descriptor(ends[0]), Descriptor(ends[1])};
  return fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK) == 0;
}

}  // namespace

Result<HelperProcess> HelperProcess::Start(const std::filesystem::path& helper, const HelperPlans& plans,
                                           Streams streams) {
  HelperProcess started;
  Pipe output, error;
  if (!Open(error)) return CannotStart("cannot create a pipe");
  std::array<int, 2> sockets{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return CannotStart("cannot create a socket");
  }
  started.control_ = Descriptor(sockets[0]);
  const Descriptor theirs(sockets[1]);
  const int on = 1;
  if (setsockopt(started.control(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return CannotStart("cannot ask for the senders of messages");
  }
  if (!streams.input.valid()) streams.input = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!streams.input.valid()) return CannotStart("cannot open /dev/null");
  if (streams.output.valid()) {
    output = {{}, std::move(streams.output)};
  } else if (!Open(output)) {
    return CannotStart("cannot create a pipe");
  }

  SpawnSettings settings;
  if (!settings.Give(streams.input.get(), 0) || !settings.Give(output.writer.get(), 1) ||
      !settings.Give(error.writer.get(), 2) || !settings.Give(theirs.get(), kControl) ||
      !settings.Give(plans.prepare.get(), kPreparePlan) ||
      !settings.Give(plans.bubblewrap_arguments.get(), kBubblewrapArguments) ||
      !settings.Give(plans.enter.get(), kEnterPlan)) {
    return CannotStart("cannot pass descriptors");
  }
  char name[] = "pawl-sandbox-helper", stage[] = "prepare";
  char* arguments[] = {name, stage, nullptr};
  char* environment[] = {nullptr};
  pid_t process = 0;
  if (const int failed =
          posix_spawn(&process, helper.c_str(), settings.actions(), settings.attributes(), arguments, environment);
      failed != 0) {
    return CannotStart("cannot start " + helper.string(), failed);
  }
  started.process_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!started.process_.valid()) {
    const int failed = errno;
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
    return CannotStart("cannot watch the helper (Linux 5.3 or newer is needed)", failed);
  }
  started.standard_output_ = std::move(output.reader);
  started.standard_error_ = std::move(error.reader);
  return started;
}

HelperProcess::~HelperProcess() {
  if (!process_.valid()) return;
  Kill();
  Reap();
}

std::optional<ReceivedReport> HelperProcess::Receive(bool& closed) const {
  ReceivedReport received;
  iovec bytes{&received.report, sizeof received.report};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))> space{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  ssize_t got;
  do {
    got = recvmsg(control(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  for (cmsghdr* header = got < 0 ? nullptr : CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_RIGHTS) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header), sizeof number);
      received.descriptor = Descriptor(number);
    } else if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
      received.sender = sender.pid;
    }
  }
  closed = got == 0 || (got < 0 && errno != EAGAIN);
  if (got != static_cast<ssize_t>(sizeof received.report)) return std::nullopt;
  received.report.step[sizeof received.report.step - 1] = '\0';
  return received;
}

bool HelperProcess::LetStart() const { return send(control(), "s", 1, MSG_NOSIGNAL) == 1; }

void HelperProcess::Kill() const { syscall(SYS_pidfd_send_signal, process(), SIGKILL, nullptr, 0); }

void HelperProcess::Reap() {
  siginfo_t info{};
  while (waitid(P_PIDFD, static_cast<id_t>(process()), &info, WEXITED) != 0 && errno == EINTR) {
  }
  process_.Close();
}

}  // namespace pawl::sandbox
