// What another charter would allow that this one does not, and the other way round: for people who are asked to sign an
// amendment.
//
//   Result<CharterChanges> changes = CompareCharters(before_files, after_files);
//   for (const CharterChange& change : changes->changes) …   // {"step limit of score", "0.02", "0.05", kLoosens}
//
// What has an order is compared by it: limits, thresholds, times, who may sign, what may change. The rest (another
// program, another key, another order of rules, another content of any file) is kOther: whether it allows more cannot
// be seen from here. `words` holds every sentence of CharterWords that only one of the two has, so that nothing is left
// out because nobody thought of comparing it.
//
// Thread safety: a pure function of the bytes.
#pragma once

#include <string>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::authoring {

enum class Effect { kLoosens, kTightens, kOther };
std::string_view EffectName(Effect effect);  // "loosens", "tightens", "other"

struct CharterChange {
  std::string what;
  std::string before;  // empty: there was none
  std::string after;   // empty: there is none
  Effect effect = Effect::kOther;
};

struct ChangedWords {
  std::string title;  // of the section
  std::vector<std::string> gone;
  std::vector<std::string> come;
};

struct CharterChanges {
  std::vector<CharterChange> changes;  // what loosens first, then the rest, then what tightens
  std::vector<ChangedWords> words;
};

// Errors are those of the charter reader.
Result<CharterChanges> CompareCharters(const charter::CharterFiles& before, const charter::CharterFiles& after);

}  // namespace pawl::authoring
