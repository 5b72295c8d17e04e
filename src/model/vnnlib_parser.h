// VNN-LIB text to formulas over linear rows, with nothing yet expanded. See property.h for what is accepted.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "model/property.h"
#include "result/result.h"

namespace pawl::model {

// A comparison, or `and` / `or` of formulas.
struct Formula {
  enum class Kind { kAtom, kAnd, kOr } kind = Kind::kAtom;
  size_t atom = 0;  // of kAtom: an index into ParsedProperty::atoms
  size_t line = 0;
  std::vector<Formula> parts;
};

struct ParsedProperty {
  std::vector<Row> atoms;
  std::vector<Formula> asserted;  // all of them hold
  Property head;                  // everything but the cases
};

Result<ParsedProperty> ParseVnnlib(std::string_view text, const PropertyLimits& limits);

// "X_3" or "Y_0", for messages.
std::string VariableName(size_t variable, size_t input_count);

}  // namespace pawl::model
