// Any text is read or refused; what is read keeps the invariants that property.h promises.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/property.h"

using namespace pawl::model;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckRow(const Property& property, const Row& row) {
  Require(!row.terms.empty());
  for (size_t i = 0; i < row.terms.size(); ++i) {
    Require(row.terms[i].variable < property.input_count + property.output_count);
    Require(row.terms[i].coefficient.Sign() != 0);
    Require(i == 0 || row.terms[i - 1].variable < row.terms[i].variable);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  PropertyLimits limits;
  limits.conjunctions_max = 1'000;
  limits.constraints_max = 20'000;
  const auto property = ReadVnnlib({reinterpret_cast<const char*>(data), size}, limits);
  if (!property.ok()) {
    Require(!property.error().rule.empty() && !property.error().message.empty());
    return 0;
  }
  Require(!property->cases.empty());
  std::vector<double> input, output(property->output_count, 0.25);
  for (const Case& c : property->cases) {
    Require(c.box.size() == property->input_count && !c.unsafe.empty());
    input.clear();
    for (const InputRange& range : c.box) {
      Require(range.lower <= range.upper);
      const Enclosure wide = range.lower.EncloseFloat64();
      Require(range.lower.Compare(wide.lower) >= 0 && range.lower.Compare(wide.upper) <= 0);
      const auto again = Decimal::Parse(range.upper.ToString(), 2'000);
      Require(again.ok() && *again == range.upper);
      const double nearest = range.lower.NearestFloat64();
      input.push_back(std::isfinite(nearest) ? nearest : 0.0);
    }
    for (const Conjunction& conjunction : c.unsafe) {
      bool has_output = false;
      for (const Row& row : conjunction) {
        CheckRow(*property, row);
        has_output = has_output || row.terms.back().variable >= property->input_count;
      }
      Require(has_output);
    }
  }
  (void)FindViolation(*property, input, output);
  return 0;
}
