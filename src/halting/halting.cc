#include "halting/halting.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "gate/gate.h"
#include "halting/halt_room.h"
#include "storage/named_file.h"
#include "warrant/state.h"
#include "warrant/verify.h"

namespace pawl::halting {
namespace {

std::string LoaderFileName(const std::string& payload) {
  return warrant::StatementDigest(payload).Hex().substr(0, 16) + ".json";
}

}  // namespace

Result<Ground> LoaderGround(const ledger::Home& home, const std::string& subject, const std::string& state_path) {
  Result<warrant::State> state = warrant::ReadStateFile(state_path);
  if (!state.ok()) return state.error();
  if (state->subject != subject) {
    return Refused("halt.subject", "the state at '" + state_path + "' is that of '" + state->subject + "'",
                   "--subject and --state have to agree");
  }
  Result<subject::Store> store = subject::Store::Open(home.StorePath());
  if (!store.ok()) return store.error();
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(*store, state->charter);
  if (!files.ok()) return files.error();
  return Ground{std::move(files->charter), state->charter_epoch, state->time};
}

Ground LedgerGround(const ledger::SubjectLog& log) {
  return {log.charter().charter, log.history().charter_epoch(), log.history().time()};
}

warrant::Decision MakeDecision(const Ground& ground, warrant::Action action, const std::string& reason, int64_t now_s) {
  warrant::Decision decision;
  decision.about = {.subject = ground.charter.subject.name, .digest = ground.charter.digest};
  decision.action = action;
  decision.resource = ground.charter.subject.resource_uri;
  decision.charter = ground.charter.digest;
  decision.charter_epoch = ground.charter_epoch;
  decision.reason = gate::PlainText(reason);
  decision.issued = std::max(ground.time, now_s);
  decision.expires = decision.issued + ground.charter.approval.expiry_s;
  return decision;
}

bool LiftedInLedger(const ledger::SubjectLog& log, const crypto::Digest& halt) {
  return std::ranges::any_of(log.history().halts(),
                             [&](const audit::LoggedHalt& other) { return other.lifted && other.digest == halt; });
}

std::string DraftHalt(const std::string& state_path, const Ground& ground, const std::string& reason,
                      const ledger::SubjectLog* log, int64_t now_s) {
  warrant::Decision decision = MakeDecision(ground, warrant::Action::kHalt, reason, now_s);
  const Result<warrant::State> state = warrant::ReadStateFile(state_path);
  for (;; ++decision.issued, ++decision.expires) {
    std::string payload = warrant::WriteDecision(decision);
    const crypto::Digest digest = warrant::StatementDigest(payload);
    std::error_code failure;
    const bool known =
        std::filesystem::exists(warrant::HaltFolder(state_path) + "/" + LoaderFileName(payload), failure) ||
        (state.ok() && std::ranges::binary_search(state->lifted, digest)) ||
        (log != nullptr && LiftedInLedger(*log, digest));
    if (!known) return payload;
  }
}

Result<void> DeliverToLoader(const std::string& state_path, const encoding::Envelope& envelope) {
  const std::string folder = warrant::HaltFolder(state_path);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemFailure("halt.folder", "cannot make '" + folder + "': " + std::strerror(errno));
  }
  const std::string name = LoaderFileName(envelope.payload);
  // Written beside the folder: a half-written file in it would be unreadable, and that stops loading.
  const std::string bytes = encoding::SerializeEnvelope(envelope);
  Result<void> written = storage::WriteNamedFileBy(state_path + ".halt-" + name, folder + "/" + name, bytes);
  if (written.ok() || MoveRoomTo(state_path, folder + "/" + name, bytes)) return {};
  return written;
}

}  // namespace pawl::halting
