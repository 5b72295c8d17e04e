#include "model/property.h"

#include <algorithm>

namespace pawl::model {
namespace {

bool Holds(const Row& row, std::span<const double> input, std::span<const double> output) {
  Decimal sum;
  for (const Term& term : row.terms) {
    const double value = term.variable < input.size() ? input[term.variable] : output[term.variable - input.size()];
    sum = sum + term.coefficient * Decimal::FromDouble(value);
  }
  return row.strict ? sum < row.bound : sum <= row.bound;
}

// Axes of 1 do not change which element is which.
bool SameButForOnes(const std::optional<Shape>& declared, Shape shape) {
  if (!declared) return true;
  Shape other = *declared;
  std::erase(other, uint64_t{1});
  std::erase(shape, uint64_t{1});
  return other == shape;
}

}  // namespace

Result<void> CheckFits(const Network& network, const Property& property) {
  if (property.input_count != network.input_size() || property.output_count != network.output_size()) {
    return Malformed("property.size", "the property has " + std::to_string(property.input_count) + " inputs and " +
                                          std::to_string(property.output_count) + " outputs, the network " +
                                          std::to_string(network.input_size()) + " and " +
                                          std::to_string(network.output_size()));
  }
  if (property.element_type && *property.element_type != network.type) {
    return Malformed("property.element-type",
                     "the property declares " + std::string(ElementTypeName(*property.element_type)) +
                         " numbers, the network has " + std::string(ElementTypeName(network.type)));
  }
  if (!SameButForOnes(property.input_shape, network.input_shape) ||
      !SameButForOnes(property.output_shape, network.output_shape)) {
    return Malformed("property.shape", "the property declares another shape of input or output than the network has");
  }
  return {};
}

bool InBox(std::span<const InputRange> box, std::span<const double> input) {
  for (size_t i = 0; i < box.size(); ++i) {
    const int lower = box[i].lower.Compare(input[i]), upper = box[i].upper.Compare(input[i]);
    if (lower > 0 || upper < 0 || (lower == 0 && box[i].lower_strict) || (upper == 0 && box[i].upper_strict))
      return false;
  }
  return true;
}

std::optional<Violation> FindViolation(const Property& property, std::span<const double> input,
                                       std::span<const double> output) {
  const bool finite = std::all_of(output.begin(), output.end(), [](double y) { return y - y == 0; });
  for (size_t i = 0; i < property.cases.size(); ++i) {
    if (!InBox(property.cases[i].box, input)) continue;
    for (size_t j = 0; j < property.cases[i].unsafe.size(); ++j) {
      const Conjunction& rows = property.cases[i].unsafe[j];
      if (std::all_of(rows.begin(), rows.end(), [&](const Row& row) {
            const bool over_inputs = row.terms.back().variable < input.size();
            return (!finite && !over_inputs) || Holds(row, input, output);
          })) {
        return Violation{i, j};
      }
    }
  }
  return std::nullopt;
}

}  // namespace pawl::model
