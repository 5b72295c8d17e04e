#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>

#include "sandbox/descriptor.h"
#include "sandbox/system_error.h"

namespace pawl::sandbox {
namespace {

using std::filesystem::path;

std::string ReadText(const path& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

bool WriteText(const path& file, const std::string& text) {
  const Descriptor descriptor(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return descriptor.valid() && write(descriptor.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::int64_t Number(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The number after `key` in a file of "key number" lines; 0 if it is not there.
std::int64_t Counter(const path& file, const std::string& key) {
  std::istringstream lines(ReadText(file));
  std::string name;
  std::string value;
  while (lines >> name >> value) {
    if (name == key) return Number(value);
  }
  return 0;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool Contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A name that tells whose it is: "pawl-<process namespace>-<process>-<number>". A process id means nothing in another
// process namespace, so only our own namespace's remains are swept.
std::string NamePrefix() {
  struct stat status {};
  stat("/proc/self/ns/pid", &status);
  return "pawl-" + std::to_string(status.st_ino) + "-";
}

std::string NewName() {
  static std::atomic<unsigned> counter{0};
  return NamePrefix() + std::to_string(getpid()) + "-" + std::to_string(counter++);
}

void SweepDead(const path& parent) {
  const std::string prefix = NamePrefix();
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(parent, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const pid_t owner = static_cast<pid_t>(Number(std::string_view(name).substr(prefix.size())));
    if (owner > 0 && owner != getpid() && kill(owner, 0) != 0 && errno == ESRCH) rmdir(entry->path().c_str());
  }
}

// What /proc/self/cgroup says: controllers ("" for version 2) to our path.
std::map<std::string, std::string> OwnCgroups(const std::string& text) {
  std::map<std::string, std::string> own;
  for (const std::string& line : Split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::vector<std::string> controllers = Split(line.substr(first + 1, second - first - 1), ',');
    if (controllers.empty()) own[""] = line.substr(second + 1);
    for (const std::string& controller : controllers) own[controller] = line.substr(second + 1);
  }
  return own;
}

struct CgroupMount {
  path mount_point;
  bool version2 = false;
  std::vector<std::string> options;
};

std::vector<CgroupMount> CgroupMounts(const std::string& text) {
  std::vector<CgroupMount> mounts;
  for (const std::string& line : Split(text, '\n')) {
    const std::vector<std::string> words = Split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.end() - dash < 4 || words.size() < 5 || !dash[1].starts_with("cgroup")) continue;
    mounts.push_back({words[4], dash[1] == "cgroup2", Split(dash[3], ',')});
  }
  return mounts;
}

bool CanCreateIn(const path& directory) {
  if (access((directory / "cgroup.procs").c_str(), W_OK) != 0) return false;
  const path attempt = directory / NewName();
  if (mkdir(attempt.c_str(), 0755) != 0) return false;
  rmdir(attempt.c_str());
  return true;
}

// Our own place in a hierarchy, so that limits above us go on to hold; its root where a container shows only that.
path OwnDirectory(const CgroupMount& mount, const std::string& own_path) {
  const path own = (mount.mount_point / path(own_path).relative_path()).lexically_normal();
  return access((own / "cgroup.procs").c_str(), F_OK) == 0 ? own : mount.mount_point;
}

// Version 2: processes may live only in groups that give no controllers on, so the nearest group above us that gives
// memory and pids on, and that we may change, is the place. Without one, our own group still has cgroup.kill.
void FindUnified(const CgroupMount& mount, const std::string& own_path, CgroupParents& parents) {
  const path own = OwnDirectory(mount, own_path);
  for (path directory = own; directory.string().size() >= mount.mount_point.string().size();
       directory = directory.parent_path()) {
    const std::vector<std::string> given = Split(ReadText(directory / "cgroup.subtree_control"), ' ');
    std::vector<std::string> names;
    for (std::string name : given) {
      name.erase(std::remove_if(name.begin(), name.end(), [](unsigned char c) { return std::isspace(c) != 0; }),
                 name.end());
      names.push_back(name);
    }
    if (Contains(names, "memory") && Contains(names, "pids") && CanCreateIn(directory)) {
      parents.unified = directory;
      parents.unified_has_memory = parents.unified_has_pids = true;
      return;
    }
    if (directory == mount.mount_point) break;
  }
  if (CanCreateIn(own)) parents.unified = own;
}

Error CannotLimit(const path& file) {
  return SystemCallFailed("sandbox.setup.cgroup", "cannot set " + file.string(),
                          "Run `pawl sandbox check` to see which control groups this machine offers.");
}

Result<path> MakeGroup(const path& parent, const std::string& name) {
  SweepDead(parent);
  const path group = parent / name;
  if (mkdir(group.c_str(), 0755) != 0) {
    return SystemCallFailed("sandbox.setup.cgroup", "cannot create the control group " + group.string());
  }
  return group;
}

// A group can be removed a moment after its last process is gone, not always at once.
void RemoveGroup(const path& group) {
  if (group.empty()) return;
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (rmdir(group.c_str()) == 0 || errno != EBUSY) return;
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
  }
}

Result<void> LimitMemoryVersion1(const path& group, const std::string& bytes) {
  if (!WriteText(group / "memory.limit_in_bytes", bytes)) return CannotLimit(group / "memory.limit_in_bytes");
  // Memory and swap together; not there where the kernel does not account for swap.
  const path with_swap = group / "memory.memsw.limit_in_bytes";
  if (access(with_swap.c_str(), F_OK) == 0 && !WriteText(with_swap, bytes)) return CannotLimit(with_swap);
  return {};
}

}  // namespace

Result<void> LimitMemoryVersion2(const path& group, const std::string& bytes) {
  if (!WriteText(group / "memory.max", bytes)) return CannotLimit(group / "memory.max");
  const path swap = group / "memory.swap.max";
  if (access(swap.c_str(), F_OK) == 0 && !WriteText(swap, "0")) return CannotLimit(swap);
  if (!WriteText(group / "memory.oom.group", "1")) return CannotLimit(group / "memory.oom.group");
  return {};
}

CgroupParents FindCgroupParents() {
  return FindCgroupParents(ReadText("/proc/self/cgroup"), ReadText("/proc/self/mountinfo"));
}

CgroupParents FindCgroupParents(const std::string& own_cgroups, const std::string& mounts) {
  CgroupParents parents;
  const std::map<std::string, std::string> own = OwnCgroups(own_cgroups);
  for (const CgroupMount& mount : CgroupMounts(mounts)) {
    if (mount.version2) {
      if (const auto found = own.find(""); found != own.end()) FindUnified(mount, found->second, parents);
      continue;
    }
    for (const auto& [controller, place] :
         {std::pair{"memory", &parents.memory}, {"pids", &parents.pids}, {"cpuacct", &parents.cpuacct}}) {
      const auto found = own.find(controller);
      if (found == own.end() || !place->empty() || !Contains(mount.options, controller)) continue;
      const path directory = OwnDirectory(mount, found->second);
      if (CanCreateIn(directory)) *place = directory;
    }
  }
  return parents;
}

Result<ControlGroups> ControlGroups::Create(const CgroupParents& parents, const Limits& limits) {
  ControlGroups groups;
  const std::string name = NewName();
  const struct {
    const path& parent;
    path& group;
  } places[] = {{parents.memory, groups.memory_},
                {parents.pids, groups.pids_},
                {parents.cpuacct, groups.cpuacct_},
                {parents.unified, groups.unified_}};
  for (const auto& [parent, group] : places) {
    if (parent.empty()) continue;
    Result<path> made = MakeGroup(parent, name);
    if (!made.ok()) return made.error();
    group = *made;
  }
  const std::string bytes = std::to_string(limits.memory_mib << 20);
  // bubblewrap's outer process and process 1 count too.
  const std::string processes = std::to_string(limits.processes + 2);
  Result<void> limited;
  if (!groups.memory_.empty()) limited = LimitMemoryVersion1(groups.memory_, bytes);
  if (limited.ok() && parents.unified_has_memory) limited = LimitMemoryVersion2(groups.unified_, bytes);
  if (!limited.ok()) return limited.error();
  const path pids_max = !groups.pids_.empty()      ? groups.pids_ / "pids.max"
                        : parents.unified_has_pids ? groups.unified_ / "pids.max"
                                                   : "";
  if (!pids_max.empty() && !WriteText(pids_max, processes)) return CannotLimit(pids_max);
  return groups;
}

ControlGroups::ControlGroups(ControlGroups&& other) noexcept
    : memory_(std::exchange(other.memory_, {})),
      pids_(std::exchange(other.pids_, {})),
      cpuacct_(std::exchange(other.cpuacct_, {})),
      unified_(std::exchange(other.unified_, {})) {}

ControlGroups::~ControlGroups() {
  for (const path& group : {memory_, pids_, cpuacct_, unified_}) RemoveGroup(group);
}

std::vector<std::string> ControlGroups::JoinFiles() const {
  std::vector<std::string> files;
  for (const path& group : {memory_, pids_, cpuacct_, unified_}) {
    if (!group.empty()) files.push_back((group / "cgroup.procs").string());
  }
  return files;
}

CgroupCounters ControlGroups::Read() const {
  CgroupCounters counters;
  if (!unified_.empty()) {
    counters.cpu_ms = Counter(unified_ / "cpu.stat", "usage_usec") / 1000;
    counters.memory_peak_bytes = Number(ReadText(unified_ / "memory.peak"));
    counters.killed_for_memory = Counter(unified_ / "memory.events", "oom_kill");
    counters.processes_peak = Number(ReadText(unified_ / "pids.peak"));
    counters.forks_refused = Counter(unified_ / "pids.events", "max");
  }
  if (!cpuacct_.empty()) counters.cpu_ms = Number(ReadText(cpuacct_ / "cpuacct.usage")) / 1'000'000;
  if (!memory_.empty()) {
    counters.memory_peak_bytes = Number(ReadText(memory_ / "memory.max_usage_in_bytes"));
    counters.killed_for_memory = Counter(memory_ / "memory.oom_control", "oom_kill");
  }
  if (!pids_.empty()) {
    counters.processes_peak = Number(ReadText(pids_ / "pids.peak"));
    counters.forks_refused = Counter(pids_ / "pids.events", "max");
  }
  return counters;
}

bool ControlGroups::Kill() const { return !unified_.empty() && WriteText(unified_ / "cgroup.kill", "1"); }

}  // namespace pawl::sandbox
