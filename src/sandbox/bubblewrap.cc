#include "sandbox/bubblewrap.h"

#include <filesystem>

#include "sandbox/helper_plan.h"

namespace pawl::sandbox {
namespace {

using Arguments = std::vector<std::string>;

void Add(Arguments& arguments, std::initializer_list<std::string> more) { arguments.insert(arguments.end(), more); }

// The programs and libraries of the host, and nothing of its configuration but what finding them takes.
void AddPrograms(Arguments& arguments) {
  Add(arguments, {"--ro-bind", "/usr", "/usr"});
  for (const char* name : {"/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"}) {
    std::error_code failed;
    if (std::filesystem::is_symlink(name, failed)) {
      const std::filesystem::path target = std::filesystem::read_symlink(name, failed);
      if (!failed) Add(arguments, {"--symlink", target.string(), name});
    } else if (std::filesystem::is_directory(name, failed)) {
      Add(arguments, {"--ro-bind", name, name});
    }
  }
  Add(arguments, {"--ro-bind-try", "/etc/alternatives", "/etc/alternatives"});
  Add(arguments, {"--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"});
}

// A process directory of the new namespace. /proc/sys would tell hosts apart (boot_id, tunables, counters).
void AddProcesses(Arguments& arguments) {
  Add(arguments, {"--proc", "/proc", "--size", "4096", "--tmpfs", "/proc/sys", "--remount-ro", "/proc/sys"});
  for (const char* name : {"/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/kallsyms", "/proc/cmdline",
                           "/proc/config.gz", "/proc/sched_debug", "/proc/latency_stats"}) {
    std::error_code failed;
    if (std::filesystem::exists(name, failed)) Add(arguments, {"--ro-bind", "/dev/null", name});
  }
}

// Only the five devices without state. Descriptors 0 to 2 are found under their usual names; there is no terminal.
void AddDevices(Arguments& arguments) {
  Add(arguments, {"--size", "4096", "--tmpfs", "/dev"});
  for (const char* name : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    Add(arguments, {"--dev-bind", name, name});
  }
  Add(arguments, {"--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/proc/self/fd/0", "/dev/stdin", "--symlink",
                  "/proc/self/fd/1", "/dev/stdout", "--symlink", "/proc/self/fd/2", "/dev/stderr"});
  Add(arguments, {"--bind", std::string(kStage) + "/shm", "/dev/shm", "--remount-ro", "/dev"});
}

}  // namespace

Arguments BubblewrapArguments(const std::vector<View>& views) {
  Arguments arguments = {"--unshare-user",
                         "--unshare-pid",
                         "--unshare-net",
                         "--unshare-ipc",
                         "--unshare-uts",
                         "--disable-userns",
                         "--unshare-cgroup-try",
                         "--new-session",
                         "--as-pid-1",
                         "--die-with-parent",
                         "--cap-drop",
                         "ALL",
                         "--clearenv",
                         "--uid",
                         "1000",
                         "--gid",
                         "1000",
                         "--hostname",
                         "pawl",
                         "--chdir",
                         "/"};
  AddPrograms(arguments);
  AddProcesses(arguments);
  AddDevices(arguments);
  Add(arguments, {"--bind", std::string(kStage) + "/tmp", "/tmp", "--bind", std::string(kStage) + "/out", "/out",
                  "--perms", "0755", "--dir", "/in"});
  for (const View& view : views) {
    Add(arguments, {"--ro-bind", std::string(kStage) + "/" + view.stage_name, view.path_inside});
  }
  Add(arguments, {"--remount-ro", "/"});
  return arguments;
}

}  // namespace pawl::sandbox
