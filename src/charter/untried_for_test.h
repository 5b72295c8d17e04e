// The charter of the tests without an evaluation, for tests about charters that ask for no trials.
#pragma once

#include <string>

#include "charter/testing.h"

namespace pawl::charter {

// Takes out evaluation, bounds and evaluators, and lets only the network change, whose drift is to be proven. Of a
// charter that has other reviewers than TestCharter's as well.
inline void WithoutTrials(TestCharter& charter) {
  std::string& text = charter.files["charter.toml"];
  const auto cut = [&](const std::string& from, const std::string& to) {
    const size_t begin = text.find(from), end = text.find(to, begin);
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos) << from;
    text.erase(begin, end - begin);
  };
  cut("[[surface]]\npath = \"improver/**\"", "[[property]]");
  cut("[evaluation]", "# Tests run as ordinary users");
  cut("[bounds.harm]", "[pace]");
  while (text.find("name = \"evaluator-") != std::string::npos) {
    const size_t begin = text.rfind("[[reviewer]]", text.find("name = \"evaluator-"));
    text.erase(begin, text.find("\n\n", begin) + 2 - begin);
  }
  cut("  { role = \"evaluator\"",
      "  { role = \"" + std::string(text.find("\"integrity\"") == text.npos ? "auditor" : "integrity"));
  charter.Replace("falsified_by", "drift_within = 1.25\nfalsified_by");
}

}  // namespace pawl::charter
