// How many of those whom a charter asks may lie, object or be silent before it lets through what it should not, or
// nothing at all.
//
//   const FaultTolerance tolerance = TolerateFaults(charter);
//   for (const RoleTolerance& role : tolerance.roles) …     // role.who, role.lying, role.silent, …
//   tolerance.colluders, tolerance.amenders                 // a smallest group whose yes is every yes: by name
//   tolerance.single_points                                 // sentences, each naming who it is
//
// Principals are counted, as the quorum counts them: two reviewers of one principal fail together. A lying one says yes
// to everything, an objecting one no, a silent one nothing. The numbers hold whatever the gate does: it may keep back
// honest votes against, so that nobody's no is counted on here. What a loader computes from bytes (surface,
// certificates, pace) stands beside all of this, whoever lies.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "charter/charter.h"

namespace pawl::authoring {

struct RoleTolerance {
  std::string who;         // "prover", …, "approver", "amendment", "witness"
  int64_t principals = 0;  // n
  int64_t needed = 0;      // whose yes is asked for; 0 where objections alone count
  int64_t lying = 0;       // so many can say yes to everything, and theirs is not enough
  int64_t objecting = 0;   // so many can say no to everything, and something still passes
  int64_t silent = 0;      // so many can say nothing, and something still passes
  std::string Text() const;
};

struct FaultTolerance {
  std::vector<RoleTolerance> roles;  // in the order of the charter's quorum, then people, then witnesses
  // Who together have every vote for, closing signature and approval that a release needs: as few as can be.
  std::vector<std::string> colluders;
  // The same of an amendment, which asks fewer roles and can change all of them; a veto can be kept back as a vote can.
  std::vector<std::string> amenders;
  int64_t lying = 0;               // one less than the smaller of the two
  int64_t silent = 0;              // so few that whoever they are, a release can still pass; votes need not be complete
  std::vector<std::string> notes;  // what is single in every charter: the gate, its database
  std::vector<std::string> single_points;  // warnings
};

FaultTolerance TolerateFaults(const charter::Charter& charter);

// The whole of it but for the warnings, a sentence a line.
std::vector<std::string> ToleranceWords(const FaultTolerance& tolerance);

}  // namespace pawl::authoring
