// Starts `pawl` itself, or another program of the system, and reads what it answers.
//
//   Result<ProgramAnswer> answer = RunProgram({"/proc/self/exe", "--json", "status"});
//   if (answer.ok() && answer->status == 0) Parse(answer->standard_output);
//
// Thread safety: starts a process; no shared state.
#pragma once

#include <string>
#include <vector>

#include "result/result.h"

namespace pawl::incidents {

struct ProgramAnswer {
  int status = 0;  // of exit; 128 and the signal where one ended it
  std::string standard_output;
  std::string standard_error;
};

// Searched along PATH where the first word has no '/'. Standard input is empty. At most 16 MiB of either stream, else
// kLimit "program.output"; kSystem "program.start".
Result<ProgramAnswer> RunProgram(const std::vector<std::string>& words);

}  // namespace pawl::incidents
