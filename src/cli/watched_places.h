// The subjects that a command which runs for long looks after: the one that was named, or all that the home has, those
// included that are added while it runs.
//
//   Result<WatchedPlaces> places = WatchedPlaces::Find(globals);
//   for (;; places->Wait()) {
//     for (Place& place : places->TakeNew()) Begin(std::move(place));
//     LookAtAll();
//   }
//
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/command.h"
#include "ledger/growth_watch.h"

namespace pawl::cli {

class WatchedPlaces {
 public:
  // kUsage "cli.which-state" where a state file was named and the home has several subjects; what FindPlace says of a
  // home without any.
  static Result<WatchedPlaces> Find(const Globals& globals);

  // Those that were not given before; looks into the home every few seconds at most.
  std::vector<Place> TakeNew();
  // Whether there is, or could come to be, more than one.
  bool all() const { return all_; }
  // Until a log may have grown, then MayHaveGrown says which; or until `also`, a descriptor or -1, can be read.
  void Wait(int also = -1);
  bool MayHaveGrown(const std::string& subject) const { return !grown_ || grown_->contains(subject); }

 private:
  WatchedPlaces(const Globals& globals, ledger::Home home, bool all) : globals_(globals), home_(home), all_(all) {}

  Globals globals_;
  ledger::Home home_;
  bool all_;
  std::set<std::string> given_;
  std::chrono::steady_clock::time_point look_again_;
  std::optional<std::set<std::string>> grown_;  // nothing: any
  std::string watched_;                         // the URL that growth_ watches
  std::unique_ptr<ledger::GrowthWatch> growth_;
};

}  // namespace pawl::cli
