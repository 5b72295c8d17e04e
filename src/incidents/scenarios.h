// The incidents of the field, each as something that is tried: a hostile candidate, a charter that protects nothing, a
// program that was changed after it was approved. And changes that nobody should be kept from.
//
//   for (const Incident& incident : Incidents()) {
//     if (incident.needs != Needs::kAnyCharter && !world.is_example()) continue;
//     Result<Ending> ending = incident.run(world);
//     bool held = ending.ok() && Holds(incident, world, *ending);
//   }
//
// In the built-in example each hostile candidate is one that would be accepted, but for its defect. docs/threats.md
// says where the incidents come from.
//
// Thread safety: values; runs belong to the world's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "incidents/world.h"

namespace pawl::incidents {

enum class Needs {
  kAnyCharter,  // can be tried under every charter
  kTrials,      // under every one that asks for trials
  kExample,     // a program made for the built-in example
  kBeside,      // likewise, where the evaluator reads the subject itself
};

struct Incident {
  std::string id;       // "T7"
  std::string attempt;  // what is tried, in a few words
  Needs needs = Needs::kAnyCharter;
  Ending expected;  // outcome, step and rule in the built-in example
  std::function<Result<Ending>(IncidentWorld&)> run;
};

std::vector<Incident> Incidents();

// In the example: exactly as expected. Elsewhere: stopped by the same step, or an earlier one.
bool Holds(const Incident& incident, const IncidentWorld& world, const Ending& ending);

// What a charter has by being read, for incidents that cannot be tried under it.
struct Protection {
  std::string id;
  std::string question;
  bool holds = false;
  std::string reason;
};
std::vector<Protection> ProtectionsOf(const charter::Charter& charter);

// A change that has to pass, up to its release; for the built-in examples.
struct HonestChange {
  std::string what;
  Needs needs = Needs::kExample;
  std::function<Result<void>(const std::string& tree)> apply;
};
std::vector<HonestChange> HonestChanges();

}  // namespace pawl::incidents
