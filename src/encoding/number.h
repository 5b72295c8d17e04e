// Numbers with fractions, as the decimal strings that stand in signed JSON.
//
//   NumberText(0.1) == "0.1"     NumberText(1e-9) == "1e-09"     NumberText(-0.0) == "0"
//   ParseNumber("0.10")          // error: NumberText(0.1) is the only text of that number
//
// One number has one text, so equal statements have equal bytes. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::encoding {

// The shortest text that reads back as the same double (std::to_chars). Requires a finite number. Negative zero is
// written as zero.
std::string NumberText(double number);

// Accepts exactly what NumberText prints; anything else, infinities and NaN included, is "number.malformed".
Result<double> ParseNumber(std::string_view text);

// Decimal integers as notes and checkpoints write them: digits only, no sign, no leading zero, at most `max`.
// Fails with "number.malformed".
Result<uint64_t> ParseUnsigned(std::string_view text, uint64_t max = UINT64_MAX);

}  // namespace pawl::encoding
