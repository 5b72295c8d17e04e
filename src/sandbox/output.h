// Collects what a job left in /out, once everything that could change it is dead.
#pragma once

#include <string>
#include <vector>

#include "result/result.h"
#include "sandbox/sandbox.h"

namespace pawl::sandbox {

inline constexpr int kOutputDepthMax = 32;

// Copies every regular file below the directory `out` to the empty directory `destination`, directories with them, and
// returns the files sorted by path. Looks at everything before it copies anything. Both descriptors stay open.
//
//   kRefused  "sandbox.output.kind"  a symbolic link, FIFO, socket, device, or a regular file with a second name
//             "sandbox.output.name"  not UTF-8, a control character or a backslash in it, or too long
//             "sandbox.output.mode"  its owner may not read it
//             "sandbox.output.changed"  not what it was a moment ago (only possible if something is still alive)
//   kLimit    "sandbox.output.size", ".count", ".depth"
//   kSystem   "sandbox.output.read", ".write"  the machine failed; what was copied so far remains in `destination`
//
// Every message names the entry.
Result<std::vector<OutputFile>> CollectOutput(int out, int destination, const Limits& limits);

// True if the file system of `out` has no room left, for bytes or for files.
bool IsFull(int out);

}  // namespace pawl::sandbox
