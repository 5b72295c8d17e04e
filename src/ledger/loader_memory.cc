#include "ledger/loader_memory.h"

#include <optional>

#include "ledger/past_root.h"

namespace pawl::ledger {
namespace {

bool IsAboutBeginning(const SubjectLog& log, const warrant::State& state) {
  return log.history().has_genesis() && state.genesis == log.history().genesis().charter;
}

// What the loader has seen and the log does not hold; nothing where it holds everything.
Result<std::optional<std::string>> SeenAndMissing(SubjectLog& log, const warrant::State& state) {
  const uint64_t size = log.history().size();
  if (state.checkpoint_size > size) {
    return std::optional("it has seen more events than there are, " + std::to_string(state.checkpoint_size) + " and " +
                         std::to_string(size));
  }
  if (state.checkpoint_size == 0) return std::optional<std::string>();
  Result<crypto::Digest> root = PastRoot(log, state.checkpoint_size);
  if (!root.ok()) return root.error();
  if (*root == state.checkpoint_root) return std::optional<std::string>();
  return std::optional<std::string>("it has seen other events");
}

}  // namespace

Result<void> VerifyState(SubjectLog& log, const warrant::State& state) {
  const auto refuse = [&](const std::string& what) {
    return Refused("verify.state", "the loader's state of '" + log.subject() + "' is not about this ledger: " + what,
                   "docs/recovery.md says how to take a newer ledger, or to begin a state anew");
  };
  if (state.subject != log.subject()) return refuse("it is that of '" + state.subject + "'");
  if (!IsAboutBeginning(log, state)) return refuse("it began with another charter");
  Result<std::optional<std::string>> missing = SeenAndMissing(log, state);
  if (!missing.ok()) return missing.error();
  if (missing->has_value()) return refuse(**missing);
  if (state.tree) {
    if (Result<subject::Manifest> live = log.store().ReadManifest(*state.tree); !live.ok()) return live.error();
  }
  return {};
}

Result<void> RequireNotOlder(SubjectLog& log, const warrant::State& state) {
  if (state.subject != log.subject() || !IsAboutBeginning(log, state)) return {};
  Result<std::optional<std::string>> missing = SeenAndMissing(log, state);
  if (!missing.ok()) return missing.error();
  if (!missing->has_value()) return {};
  return SystemFailure("ledger.older",
                       "this ledger of '" + log.subject() + "' is not the one that the loader has followed: " +
                           **missing + "; nothing is appended to it",
                       "take the newer ledger, with its -wal file, from where it is; docs/recovery.md (Back-ups) says "
                       "what to do where there is none");
}

Result<void> RequireNotOlder(SubjectLog& log, const std::string& state_path) {
  Result<warrant::State> state = warrant::ReadStateFile(state_path);
  if (!state.ok()) return {};
  return RequireNotOlder(log, *state);
}

}  // namespace pawl::ledger
