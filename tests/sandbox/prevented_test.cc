// What a program must not be able to do: each probe succeeds outside and is refused inside, with every layer and with
// layers taken away. Where a case says so it is the root of the host that succeeds outside.
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <map>

#include "fixture.h"
#include "sandbox/descriptor.h"
#include "source_directory.h"

namespace pawl::sandbox::testing {
namespace {

volatile int victims_variable = 42;

// Everything on the host that a probe could get at. Made once.
class Host {
 public:
  static Host& The() {
    static Host host;
    return host;
  }

  // Whether a datagram has come since the last look.
  bool Received() const {
    char bytes[16];
    bool any = false;
    while (recv(udp_.get(), bytes, sizeof bytes, MSG_DONTWAIT) > 0) any = true;
    return any;
  }

  // Replaces "$NAME" arguments.
  std::vector<std::string> Expand(std::vector<std::string> arguments) const {
    for (std::string& argument : arguments) {
      if (const auto found = values_.find(argument); found != values_.end()) argument = found->second;
    }
    return arguments;
  }

 private:
  Host() : victim_(StartVictim()), named_(StartNamed()) {
    tcp_ = Descriptor(Listen(SOCK_STREAM, "$TCP"));
    udp_ = Descriptor(Listen(SOCK_DGRAM, "$UDP"));
    const std::string name = "pawl-test-" + std::to_string(getpid());
    abstract_ = Descriptor(ListenUnix("@" + name));
    path_ = Descriptor(ListenUnix((directory_.path() / "socket").string()));
    values_["$ABSTRACT"] = "@" + name;
    values_["$SOCKET"] = (directory_.path() / "socket").string();
    key_ = 0x5a5a0000 + getpid();
    shared_ = shmget(key_, 4096, IPC_CREAT | 0666);
    values_["$KEY"] = std::to_string(key_);
    queue_ = "/" + name;
    mq_close(mq_open(queue_.c_str(), O_RDWR | O_CREAT, 0666, nullptr));
    values_["$QUEUE"] = queue_;
    values_["$VICTIM"] = std::to_string(victim_.process());
    values_["$ADDRESS"] = std::to_string(reinterpret_cast<std::uintptr_t>(&victims_variable));
    values_["$TOKEN"] = Token();
    const CgroupParents& groups = ThisMachine().cgroups;
    const std::filesystem::path& group = groups.memory.empty() ? groups.unified : groups.memory;
    values_["$GROUP"] = (group.empty() ? "/sys/fs/cgroup" : group) / "cgroup.procs";
    // A descriptor without FD_CLOEXEC, as a careless library would leave it, and a secret.
    leaked_ = Descriptor(open("/", O_RDONLY | O_DIRECTORY));
    leaked_file_ = Descriptor(open((directory_.path() / "verdict").c_str(), O_RDWR | O_CREAT, 0600));
    setenv("PAWL_TEST_SECRET", "hunter2", 1);
    values_["$DIRECTORY"] = directory_.path();
    values_["$COPY"] = directory_.path() / "copy";
    std::filesystem::copy_file(ProbeOutside(), values_["$COPY"]);
  }
  ~Host() {
    shmctl(shared_, IPC_RMID, nullptr);
    mq_unlink(queue_.c_str());
  }

  static std::string Token() { return "pawl-victim-" + std::to_string(getpid()); }

  static pid_t StartVictim() {
    const pid_t child = fork();
    if (child == 0) {
      dup2(open("/dev/null", O_RDONLY), 3);
      for (;;) pause();
    }
    return child;
  }
  static pid_t StartNamed() {
    const std::string token = Token();
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/sleep", token.c_str(), "1000", nullptr);
      _exit(126);
    }
    return child;
  }

  int Listen(int type, const char* name) {
    const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (type == SOCK_STREAM) listen(descriptor, 64);
    socklen_t size = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    values_[name] = std::to_string(ntohs(address.sin_port));
    return descriptor;
  }

  static int ListenUnix(const std::string& name) {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    bind(descriptor, reinterpret_cast<const sockaddr*>(&address),
         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
    listen(descriptor, 64);
    return descriptor;
  }

  TemporaryDirectory directory_;
  std::map<std::string, std::string> values_;
  Child victim_, named_;
  Descriptor tcp_, udp_, abstract_, path_, leaked_, leaked_file_;
  key_t key_ = 0;
  int shared_ = -1;
  std::string queue_;
};

struct Case {
  int number;  // of the list of cases in docs
  std::vector<std::string> arguments;
  // kConfigured: the kernel's settings (ptrace_scope, userns, io_uring, perf) may keep ordinary users from it.
  enum class Outside { kSucceeds, kConfigured, kOnlyRoot } outside = Outside::kSucceeds;
  End inside = End::kExited;
  // Where the same would harm the machine, or means nothing outside: another process, program or place, which shows
  // that the probe can do what it tries. No program that runs can be written to anywhere, say.
  std::vector<std::string> arguments_outside = {};

  const std::vector<std::string>& ArgumentsOutside() const {
    return arguments_outside.empty() ? arguments : arguments_outside;
  }
};
using enum Case::Outside;

const Case kCases[] = {
    // network and communication
    {1, {"tcp", "$TCP"}},
    {1, {"family", "inet6"}},
    {2, {"unix", "$ABSTRACT"}},
    {3, {"unix", "$SOCKET"}},
    {4, {"family", "vsock"}},
    {5, {"family", "netlink"}},
    {6, {"family", "packet"}, kOnlyRoot},
    {6, {"family", "raw"}, kOnlyRoot},
    {7, {"family", "alg"}},
    {8, {"udp", "$UDP"}},
    {9, {"shm", "$KEY"}},
    {10, {"mqueue", "$QUEUE"}},
    // processes
    {11, {"signal", "$VICTIM"}},
    {13, {"attach", "$VICTIM"}, kConfigured},
    {14, {"proc", "$VICTIM", "mem"}, kConfigured},
    {14, {"proc", "$VICTIM", "environ"}},
    {15, {"vm-read", "$VICTIM", "$ADDRESS"}, kConfigured},
    {16, {"steal-descriptor", "$VICTIM"}, kConfigured},
    {17, {"see", "$TOKEN"}},
    {18, {"traceme"}},
    {14, {"proc", "1", "mem"}, kConfigured, End::kExited, {"proc", "$VICTIM", "mem"}},
    {14, {"proc", "1", "fd/3"}, kConfigured, End::kExited, {"proc", "$VICTIM", "fd/3"}},
    {14, {"proc", "1", "environ"}, kSucceeds, End::kExited, {"proc", "$VICTIM", "environ"}},
    // memory that no limit would count
    {40, {"mlock"}},
    {40, {"huge-pages"}},
    // inputs and descriptors
    {50, {"open-write", "/proc/1/exe"}, kSucceeds, End::kExited, {"open-write", "$COPY"}},
    {50, {"open-write", "/proc/self/exe"}, kSucceeds, End::kExited, {"open-write", "$COPY"}},
    {51, {"write-inherited"}},
    {52, {"leaked-directory"}},
    {53, {"secret", "PAWL_TEST_SECRET"}},
    {53, {"open-read", "/etc/passwd"}},
    {53, {"open-read", "/etc/hostname"}},
    {53, {"open-read", "/root"}, kOnlyRoot},
    {53, {"open-read", "/home"}},
    {53, {"open-read", "/var"}},
    {53, {"open-read", "/proc/sys/kernel/random/boot_id"}},
    {14, {"open-read", "/proc/self/root/etc/passwd"}},
    // privilege and kernel
    {55, {"mount"}, kOnlyRoot},
    {55, {"remount"}, kOnlyRoot},
    {55, {"umount"}, kOnlyRoot},
    {55, {"open-tree"}, kOnlyRoot},
    {55, {"fsopen"}, kOnlyRoot},
    {55, {"chroot"}, kOnlyRoot},
    {56, {"unshare-user"}, kConfigured},
    {56, {"clone-user", "clone"}, kConfigured},
    {56, {"clone-user", "clone3"}, kConfigured},
    {57, {"keys"}},
    {58, {"io-uring"}, kConfigured},
    {59, {"bpf"}, kOnlyRoot},
    {59, {"perf"}, kConfigured},
    {60, {"userfault"}, kOnlyRoot},
    {61, {"administer", "module"}, kOnlyRoot},
    {61, {"administer", "kexec"}, kOnlyRoot},
    {61, {"administer", "reboot"}, kOnlyRoot},
    {61, {"administer", "swapon"}, kOnlyRoot},
    {61, {"administer", "hostname"}, kOnlyRoot},
    {61, {"administer", "clock"}, kOnlyRoot},
    {62, {"file-handle"}, kOnlyRoot},
    {63, {"leave", "device", "/tmp"}, kOnlyRoot, End::kExited, {"leave", "device", "$DIRECTORY"}},
    {64, {"open-write", "/proc/sys/kernel/core_pattern"}, kOnlyRoot},
    {64, {"open-write", "/proc/sysrq-trigger"}, kOnlyRoot},
    {64, {"open-read", "/sys/fs/cgroup"}},
    {64, {"open-write", "$GROUP"}, kOnlyRoot},
    {64, {"open-read", "/dev/kmsg"}, kOnlyRoot},
    {64, {"open-read", "/dev/kvm"}, kOnlyRoot},
    {64, {"open-read", "/dev/tty"}},
    {65, {"ioctl-high"}},
    {65, {"push-input"}, kOnlyRoot},
    {66, {"ldt"}},
    {66, {"int80"}, kSucceeds, End::kForbiddenCall},
    {66, {"x32"}, kSucceeds, End::kForbiddenCall},
    {66, {"lock", "/usr/bin/env"}},
    {66, {"personality"}},
    {66, {"raise-limits"}},
};

std::string Text(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text += argument + " ";
  return text;
}

bool IsTriedOutside(const Case& probe) { return probe.outside != kOnlyRoot || geteuid() == 0; }

constexpr int kNotHere = 3;  // the probes' word for it: this machine or its kernel has no such thing

// What comes of a probe outside; what is to be opened may not be there at all.
int TryOutside(const std::vector<std::string>& arguments) {
  std::error_code failed;
  const bool opens = arguments[0] == "open-read" || arguments[0] == "open-write";
  if (opens && !std::filesystem::exists(arguments[1], failed)) return kNotHere;
  return RunOutside(arguments);
}

class Prevented : public ::testing::TestWithParam<Layers> {};

TEST_P(Prevented, EveryProbeSucceedsOutsideAndFailsInside) {
  const Machine machine = MachineWith(GetParam());
  const TemporaryDirectory directory;
  int shown_outside = 0;
  for (const Case& probe : kCases) {
    SCOPED_TRACE("case " + std::to_string(probe.number) + ": " + Text(probe.arguments));
    const std::vector<std::string> arguments = Host::The().Expand(probe.arguments);
    if (IsTriedOutside(probe) && GetParam() == Layers::kAll) {
      const int outside = TryOutside(Host::The().Expand(probe.ArgumentsOutside()));
      if (outside == kNotHere) {
        std::printf("not possible on this machine, even outside: %s\n", Text(probe.arguments).c_str());
      } else {
        if (geteuid() == 0 || probe.outside == kSucceeds) {
          EXPECT_EQ(outside, 0) << "the probe shows nothing";
        }
        shown_outside += outside == 0 ? 1 : 0;
      }
      EXPECT_EQ(Host::The().Received(), arguments.front() == "udp");
    }
    const Outcome inside = RunInside(directory, ProbeJob(arguments), machine);
    EXPECT_FALSE(Host::The().Received());
    EXPECT_EQ(inside.end, probe.inside) << inside.explanation;
    if (inside.end == End::kExited) {
      EXPECT_TRUE(inside.status == 1 || inside.status == 3) << inside.explanation << inside.standard_error;
    }
  }
  if (GetParam() == Layers::kAll) std::printf("%d probes succeeded outside\n", shown_outside);
  if (GetParam() == Layers::kAll) {
    EXPECT_GE(shown_outside, geteuid() == 0 ? 62 : 34);
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, Prevented,
                         ::testing::Values(Layers::kAll, Layers::kLandlockAbi2, Layers::kNoLandlock,
                                           Layers::kNoControlGroups),
                         [](const auto& layers) { return Name(layers.param); });

// ---- the table of docs/sandbox-cases.md: bare, bubblewrap alone, Pawl

struct TableRow {
  int number;
  std::vector<std::string> arguments;  // "$OUT" is a place to write to
  int64_t cpu_ms = 60'000;             // of the job in the sandbox
};

// What limits hold, beside what is prevented.
const TableRow kLimits[] = {
    {19, {"fork", "100"}},
    {24, {"zombies", "100"}},
    {25, {"burn", "4", "1"}, 400},
    {26, {"burn", "0", "1"}, 400},
    {28, {"touch", "400"}},
    {29, {"touch-children", "4", "100"}},
    {30, {"memory-files", "400"}},
    {30, {"socket-buffers", "400"}},
    {31, {"fill", "/tmp/pawl-table", "12"}},
    {32, {"fill", "$OUT/x", "9"}},
    {34, {"many-files", "$OUT", "20000"}},
    {35, {"deep", "$OUT", "1000"}},
    {36, {"sparse", "$OUT/x"}},
    {37, {"flood", "100", "1"}},
    {42, {"leave", "symlink", "$OUT"}},
    {43, {"leave", "directory-symlink", "$OUT"}},
    {44, {"leave", "hard-link", "$OUT"}},
    {45, {"leave", "fifo", "$OUT"}},
    {46, {"leave", "socket", "$OUT"}},
    {47, {"leave", "newline", "$OUT"}},
};

std::vector<std::string> At(std::vector<std::string> arguments, const std::string& out) {
  for (std::string& argument : arguments) {
    if (argument.starts_with("$OUT")) argument.replace(0, 4, out);
  }
  return arguments;
}

// bubblewrap with every namespace, a fresh /proc, /dev and /tmp, the host's files read-only: nothing of ours.
int RunInBubblewrap(const std::vector<std::string>& arguments, const std::string& out) {
  std::vector<std::string> words = {ThisMachine().bubblewrap,
                                    "--unshare-all",
                                    "--die-with-parent",
                                    "--new-session",
                                    "--ro-bind",
                                    "/",
                                    "/",
                                    "--dev",
                                    "/dev",
                                    "--proc",
                                    "/proc",
                                    "--tmpfs",
                                    "/tmp",
                                    "--bind",
                                    out,
                                    out,
                                    "--ro-bind",
                                    ProbeOutside(),
                                    "/tmp/probe",
                                    "/tmp/probe"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return RunOutside(words, words.front());
}

// "`signal $VICTIM`".
std::string RowName(const std::vector<std::string>& arguments) {
  std::string text = Text(arguments);
  text.back() = '`';
  return "`" + text;
}

const char* Word(int status) { return status == 0 ? "succeeds" : status == kNotHere ? "not here" : "prevented"; }

// What stands in the table of a probe that was run inside: "prevented", or the end that a limit put to it.
std::string WordInside(const Outcome& inside, bool is_possible) {
  if (Succeeded(inside)) return "succeeds";
  if (inside.end != End::kExited) return std::string(Name(inside.end));
  // What the filter refuses looks inside as if the kernel had no such thing.
  return Word(inside.status == kNotHere && !is_possible ? kNotHere : 1);
}

// Prints Markdown; tests/sandbox/table runs it, and writes the page or compares it.
TEST(Prevented, DISABLED_Table) {
  const TemporaryDirectory directory;
  constexpr Layers kColumns[] = {Layers::kAll, Layers::kLandlockAbi2, Layers::kNoLandlock, Layers::kNoControlGroups};
  int fresh = 0, succeeded[2 + std::size(kColumns)] = {}, rows = 0;
  // `other`: what is tried bare in its place.
  const auto row = [&](int number, const std::vector<std::string>& shown, bool bare_too,
                       const std::vector<std::string>& other, int64_t cpu_ms = 60'000) {
    const std::vector<std::string> arguments = Host::The().Expand(shown);
    const std::vector<std::string> bare_arguments = Host::The().Expand(other.empty() ? shown : other);
    std::string outs[2];
    for (std::string& out : outs) {
      out = (directory.path() / ("table-" + std::to_string(fresh++))).string();
      std::filesystem::create_directory(out);
    }
    const int bare = bare_too ? TryOutside(At(bare_arguments, outs[0])) : 1;
    const int bubblewrap = RunInBubblewrap(At(arguments, outs[1]), outs[1]);
    succeeded[0] += bare_too && bare == 0;
    succeeded[1] += bubblewrap == 0;
    std::printf("| %d | %s | %s%s | %s |", number, RowName(shown).c_str(), bare_too ? Word(bare) : "takes root",
                other.empty() ? "" : "\\*", Word(bubblewrap));
    for (size_t column = 0; column < std::size(kColumns); ++column) {
      Job job = ProbeJob(At(arguments, "/out"));
      job.limits.cpu_ms = cpu_ms;
      const Outcome inside = RunInside(directory, job, MachineWith(kColumns[column]));
      std::printf(" %s |", WordInside(inside, bare != kNotHere).c_str());
      succeeded[2 + column] += Succeeded(inside);
    }
    std::printf("\n");
    ++rows;
    for (const std::string& out : outs) std::filesystem::remove_all(out);
  };
  std::printf(
      "| case | probe | bare | bubblewrap alone | Pawl | with Landlock's ABI 2 | without Landlock | without control "
      "groups |\n|---|---|---|---|---|---|---|---|\n");
  for (const Case& probe : kCases) row(probe.number, probe.arguments, IsTriedOutside(probe), probe.arguments_outside);
  for (const TableRow& limit : kLimits) row(limit.number, limit.arguments, true, {}, limit.cpu_ms);
  std::printf("| | **succeed, of %d** |", rows);
  for (const int count : succeeded) std::printf(" %d |", count);
  std::printf("\n");
  EXPECT_EQ(succeeded[2], 0);
}

// The page has a row for each probe, in their order, and no other.
TEST(Prevented, ThePageHasARowForEachProbe) {
  std::string made;
  const auto add = [&](int number, const std::vector<std::string>& arguments) {
    made += "| " + std::to_string(number) + " | " + RowName(arguments) + " |\n";
  };
  for (const Case& probe : kCases) add(probe.number, probe.arguments);
  for (const TableRow& limit : kLimits) add(limit.number, limit.arguments);
  std::ifstream page(SourceDirectory() + "/docs/sandbox-cases.md");
  std::string published;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| ") && std::isdigit(static_cast<unsigned char>(line[2])) != 0) {
      published += line.substr(0, line.find("` |") + 3) + "\n";
    }
  }
  EXPECT_EQ(published, made) << "tests/sandbox/table makes it anew";
}

}  // namespace
}  // namespace pawl::sandbox::testing
