// The values of a file of the subject, as a question to solvers takes them: JSON or TOML, by the file's name.
//
//   Result<encoding::Json> values = ReadSubjectValues("limits.toml", bytes);
//   Result<std::string> literal = RealLiteral((*values)["rate"]);   // "0.25"
//
// JSON is read by encoding/json.h, TOML by the charter's reader's rules: strings end on their line, letters beyond
// ASCII stand in strings and comments alone. Dates, times, infinities, NaN, -0 and integers beyond 2^53 - 1 are
// refused.
//
// A number with a fraction is one that has at most 15 significant digits. Such decimals and the doubles that programs
// read of them correspond one to one, in the same order (15 is DBL_DIG of IEEE 754 binary64), so that comparing the
// decimals is comparing the doubles; sums and products of doubles round, and a template about them has to allow for it.
// In JSON such a number is written without exponent in at most 16 characters. A float of TOML is by TOML's own words a
// double; what counts is the shortest decimal that reads as this double.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "encoding/json.h"
#include "result/result.h"

namespace pawl::oversight {

// TOML where the path ends in ".toml", else JSON. At most 4 MiB of JSON and 1 MiB of TOML, 16 levels, 50,000 values.
// Errors are those of ParseJson; of TOML "toml.syntax" (kMalformed), "toml.value" (kMalformed), "toml.limit" (kLimit).
Result<encoding::Json> ReadSubjectValues(std::string_view path, std::string_view bytes);

// A number of such a file as an SMT-LIB literal of sort Real: "7.0", "(- 0.25)". Requires a number.
std::string RealLiteral(const encoding::Json& number);

}  // namespace pawl::oversight
