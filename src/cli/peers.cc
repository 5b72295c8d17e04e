#include "cli/peers.h"

#include <algorithm>

#include "cli/live_release.h"

namespace pawl::cli {
namespace {

Result<Place> PlaceOf(const ledger::Home& home, const std::string& subject) {
  const std::vector<std::string> known = home.Subjects();
  if (std::find(known.begin(), known.end(), subject) == known.end()) {
    return Error{ErrorCode::kNotFound, "peer.unknown", "this home has no subject '" + subject + "'",
                 "pawl init, or pawl node join, for that subject on this machine"};
  }
  return Place{home, subject, home.StatePath(subject)};
}

Result<oversight::PeerLife> ReadLife(const ledger::Home& home, const std::string& subject) {
  const Result<Place> place = PlaceOf(home, subject);
  if (!place.ok()) return place.error();
  const Result<ledger::SubjectLog> log =
      OpenLog(*place, ledger::LedgerAccess::kReadOnly, ledger::FoldFrom::kFirstEvent);
  if (!log.ok()) return log.error();
  oversight::PeerLife life{.baseline = log->charter().charter.subject.baseline,
                           .releases = {},
                           .surface = log->charter().charter.SurfaceRules()};
  for (const audit::ReleaseRecord& release : log->history().releases()) {
    life.releases.push_back({.tree = release.tree, .warrant = release.warrant, .epoch = release.epoch});
  }
  return life;
}

Result<oversight::PeerRelease> ReadLive(const ledger::Home& home, const std::string& subject) {
  const Result<Place> place = PlaceOf(home, subject);
  if (!place.ok()) return place.error();
  const Result<LiveRelease> live = VerifyLiveRelease(*place);
  if (!live.ok()) return live.error();
  return oversight::PeerRelease{.tree = *live->state.tree,
                                .warrant = live->state.releases.back().warrant,
                                .epoch = live->state.releases.back().epoch};
}

}  // namespace

oversight::PeerNetwork PeersOf(const Place& place) {
  return {.life = [home = place.home](const std::string& subject) { return ReadLife(home, subject); },
          .live = [home = place.home](const std::string& subject) { return ReadLive(home, subject); }};
}

}  // namespace pawl::cli
