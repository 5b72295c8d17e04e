// The questions of `pawl charter new` on a terminal. Every answer can be given as an option instead, and what was given
// is not asked.
//
//   CharterInterview interview(std::cin, std::cout);
//   Result<void> asked = interview.Fill(options, {"--key", "--name"});
//
// Thread safety: one thread.
#pragma once

#include <istream>
#include <ostream>
#include <set>
#include <string>

#include "authoring/charter_new.h"
#include "result/result.h"

namespace pawl::authoring {

class CharterInterview {
 public:
  CharterInterview(std::istream& in, std::ostream& out) : in_(in), out_(out) {}

  // Asks for what `given` does not name (options as they are typed). An empty answer takes what stands in brackets; an
  // answer that does not fit is asked again. The end of input is kUsage "new.interrupted", and nothing was written.
  Result<void> Fill(NewCharterOptions& options, const std::set<std::string>& given);

 private:
  enum class Kind { kText, kFile, kOptionalFile, kFolder, kNumber, kDuration };
  Result<void> Ask(const std::set<std::string>& given, const char* option, const std::string& question, Kind kind,
                   std::string& answer);
  Result<bool> AskYesOrNo(const std::string& question, bool if_empty);
  Result<std::string> ReadLine(const std::string& prompt);
  static std::string WhyNot(Kind kind, const std::string& answer);

  std::istream& in_;
  std::ostream& out_;
};

}  // namespace pawl::authoring
