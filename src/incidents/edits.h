// What candidates of `pawl incidents run` are written with: an accepted candidate of each built-in example, to which a
// scenario adds its defect, or an honest change something harmless.
//
//   Result<void> written = WriteText(tree / "skill.py", Skill("", kBetterAnswer, kFlag));
//
// Thread safety: writes files; no shared state.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::incidents {

// In place of what is there; folders on the way are made. Errors are the disk's.
Result<void> WriteText(const std::filesystem::path& path, std::string_view bytes);

// The skill of an accepted candidate of the first example: better, and with nothing wrong about it. `head` stands
// before the functions; the others are expressions of `signal`.
std::string Skill(const std::string& head, const std::string& answer, const std::string& flag);
inline constexpr char kBetterAnswer[] = "0.75 * signal";
inline constexpr char kFlag[] = "signal < 0 or signal > 1";

// An accepted candidate of the second example, a better share, and one file beside it.
Result<void> WriteShare(const std::filesystem::path& tree, const std::string& path, std::string_view bytes);

}  // namespace pawl::incidents
