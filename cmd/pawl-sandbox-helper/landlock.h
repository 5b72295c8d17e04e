// Landlock: what the program may do to files, and that it may not reach out of its own domain (linux/landlock.h; the
// kernel's Documentation/userspace-api/landlock.rst).
#pragma once

namespace pawl::sandbox::helper {

// Restricts the calling thread as far as `abi` goes, which the kernel must offer:
//   1 (Linux 5.13)  reading and executing anywhere, writing in /tmp, /out, /dev/shm and the harmless devices only, no
//                   device nodes at all; the mounts say the same
//   2 (5.19)        renaming and linking between directories of those three (never allowed before)
//   3 (6.2)         truncating follows the right to write; before, only the mounts' read-only flag holds it
//   4 (6.7)         no TCP at all; before, the network namespace and the seccomp filter hold it
//   5 (6.10)        no ioctl on devices; before, the filter's list of ioctls holds it
//   6 (6.12)        no abstract socket and no signal outside the domain, so not to process 1 either; before, the
//                   network and process namespaces hold it
// Fails through control.h.
void RestrictFiles(int abi);

}  // namespace pawl::sandbox::helper
