// Control groups: limits and counters for the job as a whole (the kernel's Documentation/admin-guide/cgroup-v1 and
// cgroup-v2.rst).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "result/result.h"
#include "sandbox/sandbox.h"

namespace pawl::sandbox {

// Finds where this process may create control groups; by trying, which leaves nothing behind. The second form takes the
// texts of /proc/self/cgroup and /proc/self/mountinfo.
CgroupParents FindCgroupParents();
CgroupParents FindCgroupParents(const std::string& own_cgroups, const std::string& mounts);

// Limits what a group of version 2 may use of memory, swap not at all, and has the kernel kill all of it at once.
// kSystem "sandbox.setup.cgroup".
Result<void> LimitMemoryVersion2(const std::filesystem::path& group, const std::string& bytes);

struct CgroupCounters {
  std::int64_t cpu_ms = 0;
  std::int64_t memory_peak_bytes = 0;
  std::int64_t processes_peak = 0;
  std::int64_t killed_for_memory = 0;
  std::int64_t forks_refused = 0;
};

// The control groups of one job, removed at the end of their life. Every process in them must be dead by then.
class ControlGroups {
 public:
  // kSystem "sandbox.setup.cgroup". Also removes what dead processes of this process namespace left behind.
  static Result<ControlGroups> Create(const CgroupParents& parents, const Limits& limits);

  ControlGroups(ControlGroups&& other) noexcept;
  ControlGroups& operator=(ControlGroups&&) = delete;
  ~ControlGroups();

  // The files that a process writes "0" to in order to join.
  std::vector<std::string> JoinFiles() const;
  // Counters that this machine does not have are zero.
  CgroupCounters Read() const;
  // Kills every process inside at once; false if there is no cgroup.kill.
  bool Kill() const;

 private:
  ControlGroups() = default;

  std::filesystem::path memory_, pids_, cpuacct_, unified_;
};

}  // namespace pawl::sandbox
