#include "cli/live_release.h"

#include <ctime>

#include "warrant/verify.h"

namespace pawl::cli {
namespace {

// Halts are judged by the charter in force, a warrant by the charter that it was accepted under.
Result<warrant::LocalHalts> ReadHalts(const Place& place, const subject::Store& store, const warrant::State& state) {
  Result<warrant::CharterFiles> in_force = warrant::ReadCharterFiles(store, state.charter);
  if (!in_force.ok()) return in_force.error();
  return warrant::ReadLocalHalts(place.state_path, in_force->charter, state);
}

}  // namespace

Result<LiveRelease> VerifyLiveRelease(const Place& place) {
  Result<warrant::State> state = warrant::ReadStateFile(place.state_path);
  if (!state.ok()) return state.error();
  if (!state->tree || state->releases.empty()) {
    return Error{ErrorCode::kPending, "current.nothing", "nothing is live yet", "pawl propose the baseline"};
  }
  Result<subject::Store> store = subject::Store::Open(place.home.StorePath());
  if (!store.ok()) return store.error();
  Result<warrant::LocalHalts> halts = ReadHalts(place, *store, *state);
  if (!halts.ok()) return halts.error();
  Result<std::string> bytes = store->ReadBlob(state->releases.back().warrant, warrant::kWarrantBytesMax);
  if (!bytes.ok()) return bytes.error();
  Result<warrant::Warrant> warrant = warrant::ReadWarrant(*bytes);
  if (!warrant.ok()) return warrant.error();
  Result<warrant::Candidate> candidate = warrant::ReadCandidate(warrant->candidate.payload);
  if (!candidate.ok()) return candidate.error();
  Result<warrant::CharterFiles> charter = warrant::ReadCharterFiles(*store, candidate->charter);
  if (!charter.ok()) return charter.error();
  const warrant::WarrantVerdict verdict = warrant::VerifyWarrant({.warrant = *bytes,
                                                                  .charter = &*charter,
                                                                  .store = &*store,
                                                                  .state = &*state,
                                                                  .halts = *halts,
                                                                  .now_s = std::time(nullptr),
                                                                  .purpose = warrant::Purpose::kRestart,
                                                                  .threads = 2});
  if (!verdict.accepted) return verdict.reason;
  Result<subject::Manifest> manifest = store->ReadManifest(*state->tree);
  if (!manifest.ok()) return manifest.error();
  return LiveRelease{std::move(*store), std::move(*state), std::move(*manifest), verdict.warnings};
}

Result<void> LookAgain(const Place& place, const LiveRelease& live) {
  Result<warrant::State> state = warrant::ReadStateFile(place.state_path);
  if (!state.ok()) return state.error();
  Result<warrant::LocalHalts> halts = ReadHalts(place, live.store, *state);
  if (!halts.ok()) return halts.error();
  if (!halts->in_force.empty()) {
    return Refused("halt.in-force", "halted by " + halts->reasons.front(), "people lift a halt: pawl resume");
  }
  if (state->tree != live.state.tree || state->epoch != live.state.epoch) {
    return Error{ErrorCode::kPending, "exec.overtaken", "another release went live while this one was checked",
                 "start it again"};
  }
  return {};
}

Result<std::string> ReadLiveFile(const LiveRelease& live, const std::string& path) {
  const subject::FileEntry* file = live.manifest.Find(path);
  if (file == nullptr) {
    return Error{ErrorCode::kNotFound, "current.no-file", "the live release has no file '" + path + "'",
                 "pawl current lists them"};
  }
  return live.store.ReadBlob(file->digest, subject::kFileBytesMax);
}

}  // namespace pawl::cli
