// The commands of pawl-check. Each returns the process's exit status (result/exit_code.h).
#pragma once

#include <string>

#include "result/exit_code.h"
#include "result/result.h"

namespace pawl::check {

// Words after the command's name.
ExitCode CheckCertificate(int count, const char* const* words);
ExitCode CheckWarrant(int count, const char* const* words);
ExitCode StateCommand(int count, const char* const* words);

// The value of --threads: 1 to 1024, or 2 where it was not given.
Result<unsigned> ParseThreads(const std::string& word);

}  // namespace pawl::check
