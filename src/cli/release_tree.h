// The tree in which `pawl exec` starts a command: verified bytes, read-only, in the command's own mount namespace.
//
//   Result<subject::FileDescriptor> release = SealRelease(live);           // outside, from the store
//   std::vector<std::string> stage = FillingStage(*self, *release, form);  // bubblewrap starts this inside
//   if (IsFillingStage(argc, argv)) return FillAndStart(argc, argv);       // main(), inside
//
// A release may have more files than bubblewrap takes words, so bubblewrap mounts an empty folder and starts `pawl`
// once more. That stage fills the folder from one sealed file of memory, makes it read-only, gives up what let it do
// so, and becomes the command.
//
// Thread safety: none of it starts threads; FillAndStart owns its process.
#pragma once

#include <string>
#include <vector>

#include "cli/live_release.h"
#include "result/result.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {

inline constexpr char kReleaseTree[] = "/pawl-exec";

// Every file of the release with its path and size in a file without a name that nobody can change any more, and that
// was compared with the manifest after that. Inherited by programs that are started. "exec.memory"; "exec.altered"
// where somebody changed it meanwhile; or the rule of the file that is damaged.
Result<subject::FileDescriptor> SealRelease(const LiveRelease& live);

// The words that start the stage; the command's follow. `self` holds this very program. Both descriptors are inherited.
enum class ErrorForm { kText, kJson };
std::vector<std::string> FillingStage(const subject::FileDescriptor& self, const subject::FileDescriptor& release,
                                      ErrorForm form);

bool IsFillingStage(int argc, char** argv);

// Fills kReleaseTree, which has to be an empty folder that can be written to, and executes the command there. The
// command gets neither descriptor, and none of the capabilities that the stage was given: a user other than root has
// none at all. Returns, with an exit status, only where nothing was started: "exec.fill", "exec.read-only",
// "exec.capabilities", "exec.no-command".
int FillAndStart(int argc, char** argv);

}  // namespace pawl::cli
