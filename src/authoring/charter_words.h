// A charter read back in words, so that people can see what they are about to sign.
//
//   for (const Section& section : CharterWords(charter, programs.accepted)) Print(section.title, section.lines);
//
// Properties need their specifications and are described by property_words.h. Thread safety: pure functions.
#pragma once

#include <string>
#include <vector>

#include "charter/program_rules.h"

namespace pawl::authoring {

struct Section {
  std::string title;
  std::vector<std::string> lines;  // sentences
};

// Subject, surface, improver, trial, sandbox, reviewers, people, pace, gate; in this order. Every key is in it: what is
// not said is not a rule. `accepted` is ProgramRules::accepted.
std::vector<Section> CharterWords(const charter::Charter& charter, const weakening::Weakenings& accepted);

// A number as a person would write it: up to nine digits, no trailing zeros.
std::string PlainNumber(double value);

}  // namespace pawl::authoring
