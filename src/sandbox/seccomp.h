// The system-call filter (seccomp(2), libseccomp): an allow-list, checked by the kernel before every call.
#pragma once

#include <string>

#include "result/result.h"

namespace pawl::sandbox {

// The filter as the kernel's BPF instructions. Made once per process; the same bytes for every job.
//   listed                         allowed, some with conditions on their arguments
//   known to be privileged         EPERM, so that a program that asks gets the answer it expects
//   anything else                  ENOSYS, as on a kernel that does not have it
//   a foreign architecture, x32    the process is killed: End::kForbiddenCall
Result<std::string> SystemCallFilter();

}  // namespace pawl::sandbox
