// The command line of pawl-check: positional words and options that each take one value or none.
//
//   Arguments arguments({"--charter", "--state"}, {"--json"});
//   Result<void> parsed = arguments.Parse(argc - 2, argv + 2);
//
// Small on purpose: this program links no command-line library.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "result/result.h"

namespace pawl::check {

// What is wrong with the words that were given.
Error Usage(std::string message);

class Arguments {
 public:
  Arguments(std::set<std::string> with_value, std::set<std::string> flags)
      : with_value_(std::move(with_value)), flags_(std::move(flags)) {}

  // "--name value" and "--name=value"; an option that is not known or stands twice is kUsage.
  Result<void> Parse(int count, const char* const* words);

  const std::vector<std::string>& words() const { return words_; }
  bool Has(const std::string& option) const { return values_.contains(option); }
  // Empty where it was not given.
  std::string Value(const std::string& option) const {
    const auto found = values_.find(option);
    return found == values_.end() ? std::string() : found->second;
  }

 private:
  std::set<std::string> with_value_, flags_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> words_;
};

}  // namespace pawl::check
