// What pawl-check and pawl-check-log have in common: reading a file once, and saying what came of it.
#pragma once

#include <string>
#include <string_view>

#include "encoding/json.h"
#include "result/exit_code.h"
#include "result/result.h"

namespace pawl::check {

// Reads a whole regular file of at most `bytes_max` bytes, once.
Result<std::string> ReadFile(const std::string& path, size_t bytes_max);

enum class Output { kText, kJson };

// Prints an error with its advice, or as JSON, and gives its exit status.
ExitCode Report(const Error& error, Output output);

// One line on standard output; bytes that are not UTF-8 are replaced.
void PrintJson(const encoding::Json& json);

// Text of others on one line of a terminal: control characters, bytes that are not UTF-8, and characters that cannot be
// seen or change the direction of text become \xHH, byte by byte; a backslash becomes two.
std::string Shown(std::string_view text);

}  // namespace pawl::check
