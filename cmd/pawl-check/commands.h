// The commands of pawl-check. Each returns the process's exit status (result/exit_code.h).
#pragma once

#include <string>

#include "encoding/json.h"
#include "result/exit_code.h"
#include "result/result.h"

namespace pawl::check {

// Words after the command's name.
ExitCode CheckCertificate(int count, const char* const* words);
ExitCode CheckWarrant(int count, const char* const* words);
ExitCode CheckLog(int count, const char* const* words);
ExitCode StateCommand(int count, const char* const* words);

// Reads a whole regular file of at most `bytes_max` bytes, once.
Result<std::string> ReadFile(const std::string& path, size_t bytes_max);

enum class Output { kText, kJson };

// Prints an error with its advice, or as JSON, and gives its exit status.
ExitCode Report(const Error& error, Output output);

}  // namespace pawl::check
