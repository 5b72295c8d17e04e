#include "encoding/number.h"

#include <cassert>
#include <charconv>
#include <cmath>

namespace pawl::encoding {
namespace {

template <typename T>
bool ReadAll(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string NumberText(double number) {
  assert(std::isfinite(number));
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number == 0 ? 0.0 : number);
  assert(error == std::errc());
  return std::string(buffer, end);
}

Result<double> ParseNumber(std::string_view text) {
  double number = 0;
  if (text.size() > 32 || !ReadAll(text, number) || !std::isfinite(number) || NumberText(number) != text) {
    return Malformed("number.malformed", "not a finite decimal number in its shortest form");
  }
  return number;
}

Result<uint64_t> ParseUnsigned(std::string_view text, uint64_t max) {
  uint64_t number = 0;
  if (!ReadAll(text, number) || number > max || std::to_string(number) != text) {
    return Malformed("number.malformed", "not a decimal integer from 0 to " + std::to_string(max));
  }
  return number;
}

}  // namespace pawl::encoding
