// The hostile programs of `pawl incidents run`: each the skill of a candidate that would otherwise be accepted, with
// what it tries. Many answer well only where their attack has worked, so that contained they are turned away for bad
// answers. That alone would not tell a contained attack from one that never worked: incident_programs_test.cc has each
// of them win, in a container that lacks what Pawl adds, before a scorer as those were that it happened to.
//
//   for (const HostileProgram& program : HostilePrograms()) WriteText(tree / "skill.py", program.skill);
//
// Thread safety: values.
#pragma once

#include <string>
#include <vector>

namespace pawl::incidents {

// What the program has from its attack where nothing keeps it from it.
enum class Unguarded {
  kScoresBetter,  // than the parent that it was made from
  kRunsOn,        // without end
};

struct HostileProgram {
  const char* id;       // "T7"
  const char* attempt;  // what is tried, in a few words
  const char *outcome, *step, *rule;
  std::string skill;     // skill.py
  std::string settings;  // settings.json; empty: as it was
  Unguarded unguarded = Unguarded::kScoresBetter;
};

std::vector<HostileProgram> HostilePrograms();

// A skill that answers well only where `attack`, the body of a Python function, returns true, and else with -1.
std::string OnlyIf(const std::string& attack);

}  // namespace pawl::incidents
