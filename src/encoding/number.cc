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

using Buffer = char[32];

std::string_view Write(double number, Buffer& buffer) {
  assert(std::isfinite(number));
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number == 0 ? 0.0 : number);
  assert(error == std::errc());
  return {buffer, end};
}

}  // namespace

std::string NumberText(double number) {
  Buffer buffer;
  return std::string(Write(number, buffer));
}

Result<double> ParseNumber(std::string_view text) {
  double number = 0;
  Buffer buffer;
  if (text.size() > 32 || !ReadAll(text, number) || !std::isfinite(number) || Write(number, buffer) != text) {
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
