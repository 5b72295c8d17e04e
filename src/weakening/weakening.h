// What a machine may lack of the sandbox's promises without making it useless. Each is a guarantee that becomes weaker;
// nothing is run with one that the charter does not accept by name, under [sandbox] accept.
//
//   weakening::Weakenings accepted = {weakening::Weakening::kMemoryPerProcess};
//
// What a machine needs to run anything at all (bubblewrap, user namespaces, seccomp, the helper) cannot be given up and
// is not listed here.
#pragma once

#include <set>
#include <string_view>

namespace pawl::weakening {

// kMemoryPerProcess: memory is limited for each process, not for the job: no control group for it.
// kForksUncounted: a refused fork is not reported: no control group counts processes.
// kCpuPerProcess: CPU time is limited for each process, not for the job: no control group for it.
// kNoLandlock: mounts and namespaces alone protect files.
enum class Weakening { kMemoryPerProcess, kForksUncounted, kCpuPerProcess, kNoLandlock };
using Weakenings = std::set<Weakening>;

// The stable names, in the order of Weakening.
inline constexpr std::string_view kNames[] = {"memory-per-process", "forks-uncounted", "cpu-per-process",
                                              "no-landlock"};

}  // namespace pawl::weakening
