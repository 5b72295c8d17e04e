// Collects what a job left in /out, once everything that could change it is dead.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "result/result.h"
#include "sandbox/sandbox.h"

namespace pawl::sandbox {

// What a tree may have as well (subject/path.h). Below PATH_MAX, so that no name the program chose fails a system call.
inline constexpr int kOutputDepthMax = 32;
inline constexpr std::size_t kOutputPathBytesMax = 1'024;

// Copies every regular file below the directory `out` to the empty directory `destination`, directories with them, and
// returns the files sorted by path. Looks at everything before it copies anything. Both descriptors stay open.
//
//   kRefused  "sandbox.output.kind"  a symbolic link, FIFO, socket, device, or a regular file with a second name
//             "sandbox.output.name"  not UTF-8, a control character or a backslash in it, a path of more than
//                                    kOutputPathBytesMax bytes, or a name that the destination does not take
//             "sandbox.output.mode"  its owner may not read it; /out itself as well
//             "sandbox.output.changed"  not what it was a moment ago (only possible if something is still alive)
//   kLimit    "sandbox.output.size", ".count", ".depth"
//   kSystem   "sandbox.output.read", ".write"  the machine failed; what was copied so far remains in `destination`
//
// Nothing that a program can leave in /out is kSystem: a program must not be able to pass its failure off as the
// machine's. Every message names the entry; a long path is cut.
Result<std::vector<OutputFile>> CollectOutput(int out, int destination, const Limits& limits);

// True if the file system of `out` has no room left, for bytes or for files.
bool IsFull(int out);

}  // namespace pawl::sandbox
