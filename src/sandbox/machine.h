// What this machine offers to contain a program with.
//
//   const sandbox::Machine& machine = sandbox::ThisMachine();
//   for (const std::string& sentence : machine.capabilities.sentences) std::puts(sentence.c_str());
//
// Thread safety: ThisMachine may be called from any thread; the rest are values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pawl::sandbox {

// Which control groups can be created for a job.
enum class CgroupKind {
  kNone,      // none: memory is limited for each process alone
  kVersion1,  // hierarchies of version 1, writable as root
  kVersion2,  // a delegated subtree of version 2
};

// Whether whoever jobs run as (root's jobs run as user 65534) may create a user namespace.
enum class UserNamespaces {
  kWork,
  kUsedUp,          // user.max_user_namespaces, here or further out, leaves none
  kForbidden,       // by a sysctl, a security module or a container's system-call filter
  kUserOutOfReach,  // root cannot become user 65534: it is not mapped here, or root lacks the right to
};

// What was found, as plain data and as sentences for a person.
struct Capabilities {
  bool runs_as_root = false;
  UserNamespaces user_namespaces = UserNamespaces::kForbidden;
  std::string bubblewrap_version;  // "bubblewrap 0.8.0"; empty if it is missing
  bool helper = false;             // pawl-sandbox-helper was found beside the program
  int landlock_abi = 0;            // 0: not available
  bool seccomp = false;            // filters can be loaded
  CgroupKind cgroup = CgroupKind::kNone;
  bool memory_limited = false;     // for the job as a whole
  bool processes_limited = false;  // for the job as a whole, and reported
  bool cpu_limited = false;        // summed over all processes
  bool kills_by_cgroup = false;    // cgroup.kill exists (the end of the process namespace kills everything without it)
  bool idmapped_mounts = false;    // inputs that only root may read can be shown to the program
  std::string test_job_failure;    // why Probe's job was not run, as bubblewrap or the helper said it; empty otherwise
  std::vector<std::string> sentences;

  // True if everything that a job cannot do without is there. What Probe returns has been tried as well.
  bool usable() const {
    return user_namespaces == UserNamespaces::kWork && !bubblewrap_version.empty() && helper && seccomp &&
           test_job_failure.empty();
  }
};

// The directories below which a job's control groups are created; empty where there is none. In version 2 one
// directory serves all controllers; a version-2 directory without controllers still serves cgroup.kill and CPU time.
struct CgroupParents {
  std::filesystem::path memory;   // version 1
  std::filesystem::path pids;     // version 1
  std::filesystem::path cpuacct;  // version 1
  std::filesystem::path unified;  // version 2
  bool unified_has_memory = false;
  bool unified_has_pids = false;
};

// Everything that RunOn needs to know about the machine. Tests change a copy to see what holds without a layer.
struct Machine {
  std::filesystem::path bubblewrap = "/usr/bin/bwrap";
  // The static helper: beside the running executable, else ../libexec/pawl/ from it. No environment variable has a say.
  std::filesystem::path helper;
  CgroupParents cgroups;
  Capabilities capabilities;
};

// Looks at the machine afresh. Takes a few milliseconds; changes nothing that stays.
Machine FindMachine();

// The machine as FindMachine saw it at the first call in this process.
const Machine& ThisMachine();

// What this machine enforces, for `pawl sandbox check`: FindMachine().capabilities; and where they should do, a job is
// run, since a container can forbid what each part alone may do, such as mounting /proc. Leaves nothing behind.
Capabilities Probe();

}  // namespace pawl::sandbox
