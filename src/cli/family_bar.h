// The proofs of all properties as one bar on a terminal: written over and over, gone in between.
//
//   FamilyBar bar(globals);
//   prover::Family family(count, [bar](const prover::FamilyProgress& progress) { bar.Show(progress); });
//
// Thread safety: one thread.
#pragma once

#include <string>

#include "cli/command.h"
#include "prover/family.h"

namespace pawl::cli {

class FamilyBar {
 public:
  // Shows nothing unless standard error is a terminal, or where quiet, verbose or JSON is asked for.
  explicit FamilyBar(const Globals& globals);
  void Show(const prover::FamilyProgress& progress) const;

 private:
  bool shown_ = false;
};

// "[######..............]  31 %, 2 of 8 done; clear-above: 45 % after 12 s".
std::string BarText(const prover::FamilyProgress& progress);

}  // namespace pawl::cli
