// Any bytes are refused with a rule, or are a value whose canonical text reads back as the same value; and what the
// strict reader calls canonical is that text. Numbers, times, durations and base64 have one text for each value.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "encoding/base64.h"
#include "encoding/json.h"
#include "encoding/number.h"
#include "encoding/time.h"

using namespace pawl;            // NOLINT
using namespace pawl::encoding;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const Result<double> number = ParseNumber(text); number.ok()) Require(NumberText(*number) == text);
  if (const Result<int64_t> time_s = ParseTime(text); time_s.ok()) Require(TimeText(*time_s) == text);
  if (const Result<int64_t> duration_s = ParseDuration(text); duration_s.ok()) {
    Require(*ParseDuration(DurationText(*duration_s)) == *duration_s);
  }
  if (const Result<std::string> bytes = DecodeBase64(text); bytes.ok()) Require(EncodeBase64(*bytes) == text);

  const JsonLimits limits{.bytes_max = 4'096, .depth_max = 8, .elements_max = 256};
  const Result<Json> value = ParseJson(text, limits);
  const Result<Json> strict = ParseCanonicalJson(text, limits);
  if (!value.ok()) {
    Require(!value.error().rule.empty() && !strict.ok());
    return 0;
  }
  const std::string canonical = CanonicalJson(*value);
  Require(strict.ok() == (canonical == text));
  const Result<Json> again =
      ParseCanonicalJson(canonical, {.bytes_max = 4'096 * 6, .depth_max = 8, .elements_max = 256});
  Require(again.ok() && *again == *value);

  JsonObject object(*value, "fuzz");
  if (object.Has("a")) object.Integer("a", -5, 5);
  if (object.Has("b")) object.Number("b");
  if (object.Has("c")) object.Base64("c", 10);
  if (object.Has("d")) {
    for (JsonObject& item : object.Objects("d", 3)) item.DigestText("e");
  }
  if (object.Finish().ok()) Require(value->is_object() && value->size() <= 4);
  return 0;
}
