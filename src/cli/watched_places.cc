#include "cli/watched_places.h"

#include <algorithm>

namespace pawl::cli {
namespace {

constexpr std::chrono::seconds kLookForSubjects{5};
constexpr std::string_view kSqlite = "sqlite:";  // alone, a place that tells nothing

}  // namespace

Result<WatchedPlaces> WatchedPlaces::Find(const Globals& globals) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  const bool all = globals.subject.empty();
  const size_t count = home->Subjects().size();
  if (!all || count == 0) {
    Result<Place> place = FindPlace(globals);
    if (!place.ok()) return place.error();
  } else if (!globals.state.empty() && count > 1) {
    return Error{ErrorCode::kUsage, "cli.which-state", "one state file cannot be that of several subjects",
                 "--subject NAME, or leave --state out"};
  }
  return WatchedPlaces(globals, *std::move(home), all);
}

std::vector<Place> WatchedPlaces::TakeNew() {
  const auto now = std::chrono::steady_clock::now();
  if (now < look_again_ || (!all_ && !given_.empty())) return {};
  look_again_ = now + kLookForSubjects;
  std::vector<Place> places;
  // With one state file there is one subject, whatever comes.
  std::vector<std::string> names = all_ ? home_.Subjects() : std::vector<std::string>{globals_.subject};
  if (!globals_.state.empty()) names.resize(std::min<size_t>(names.size(), given_.empty() ? 1 : 0));
  for (const std::string& name : names) {
    if (given_.contains(name)) continue;
    Globals one = globals_;
    one.subject = name;
    Result<Place> place = FindPlace(one);
    if (!place.ok()) continue;  // until the next time
    given_.insert(name);
    places.push_back(*std::move(place));
  }
  // One notice is enough for all logs of one database, and for all files of a folder. Logs of several kinds are looked
  // at every tenth of a second.
  const std::string before = watched_;
  for (const Place& place : places) {
    const Result<ledger::LedgerPlace> at = place.home.PlaceOfLedger(place.subject);
    std::string url(at.ok() ? at->url : kSqlite);
    if (url.starts_with(kSqlite)) url.resize(std::max(kSqlite.size(), url.rfind('/') + 1));
    watched_ = watched_.empty() || watched_ == url ? url : kSqlite;
  }
  if (growth_ == nullptr || watched_ != before) {
    growth_ = std::make_unique<ledger::GrowthWatch>(
        ledger::LedgerPlace{watched_.empty() ? std::string(kSqlite) : watched_, {}});
  }
  return places;
}

void WatchedPlaces::Wait(int also) { grown_ = growth_->Wait(also); }

}  // namespace pawl::cli
