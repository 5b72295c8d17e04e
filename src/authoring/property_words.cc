#include "authoring/property_words.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sandbox/sandbox.h"

namespace pawl::authoring {
namespace {

using model::Decimal;

constexpr size_t kLinesMax = 40;  // of one list

std::string Format(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Exact where that is short, else six digits.
std::string Number(const Decimal& value) {
  const std::string exact = value.ToString();
  return exact.size() <= 12 ? exact : Format("%.6g", value.NearestFloat64());
}

const model::VariableNote* Note(const model::Property& property, size_t variable) {
  return variable < property.variables.size() ? &property.variables[variable] : nullptr;
}

Decimal InUnit(const model::Property& property, size_t variable, const Decimal& value) {
  const model::VariableNote* note = Note(property, variable);
  if (note == nullptr || !note->factor) return value;
  return *note->factor * value + (note->offset ? *note->offset : Decimal());
}

bool IsScaled(const model::Property& property, size_t variable) {
  const model::VariableNote* note = Note(property, variable);
  return note != nullptr && note->factor.has_value();
}

std::string Unit(const model::Property& property, size_t variable) {
  const model::VariableNote* note = Note(property, variable);
  return note == nullptr || note->unit.empty() ? "" : " " + sandbox::DisplayableOnOneLine(note->unit);
}

std::string RangeWords(const model::Property& property, size_t variable, const model::InputRange& range) {
  Decimal low = InUnit(property, variable, range.lower), high = InUnit(property, variable, range.upper);
  bool low_strict = range.lower_strict, high_strict = range.upper_strict;
  if (high < low) {  // a negative factor turns the range round
    std::swap(low, high);
    std::swap(low_strict, high_strict);
  }
  const std::string name = VariableName(property, variable);
  if (low == high) return name + " exactly " + Number(low) + Unit(property, variable);
  return name + (low_strict ? " above " : " from ") + Number(low) + (high_strict ? " to below " : " to ") +
         Number(high) + Unit(property, variable);
}

std::string Sum(const model::Property& property, const std::vector<model::Term>& terms) {
  const Decimal one = Decimal::FromDouble(1);
  std::string text;
  for (const model::Term& term : terms) {
    if (!text.empty()) text += " + ";
    if (!(term.coefficient == one)) text += Number(term.coefficient) + " * ";
    text += VariableName(property, term.variable);
  }
  return text;
}

// A bound on one variable, in its unit.
std::string BoundWords(const model::Property& property, const model::Row& row, const char* below, const char* above) {
  const model::Term& term = row.terms.front();
  const bool is_upper = term.coefficient.Sign() > 0;
  const Decimal bound = is_upper ? row.bound : -row.bound;
  const model::VariableNote* note = Note(property, term.variable);
  const bool turned = IsScaled(property, term.variable) && note->factor->Sign() < 0;
  return VariableName(property, term.variable) + (is_upper != turned ? below : above) +
         Quantity(property, term.variable, bound);
}

// Every term of `lines` from `kLinesMax` on is left out, with a word on it.
void AppendCut(std::vector<std::string>& to, std::vector<std::string> lines, const char* indent) {
  const size_t left_out = lines.size() > kLinesMax ? lines.size() - kLinesMax : 0;
  lines.resize(lines.size() - left_out);
  for (const std::string& line : lines) to.push_back(indent + line);
  if (left_out > 0) to.push_back(indent + ("… and " + std::to_string(left_out) + " more"));
}

std::vector<std::string> UnsafeWords(const model::Property& property, const model::Case& one) {
  std::vector<std::string> alternatives;
  for (const model::Conjunction& conjunction : one.unsafe) {
    std::string text;
    for (size_t i = 0; i < conjunction.size() && i < kLinesMax; ++i) {
      text += (i == 0 ? "" : " and ") + RowWords(property, conjunction[i]);
    }
    if (conjunction.size() > kLinesMax) text += " and " + std::to_string(conjunction.size() - kLinesMax) + " more";
    alternatives.push_back((alternatives.empty() ? "" : "or ") + text);
  }
  return alternatives;
}

}  // namespace

std::string VariableName(const model::Property& property, size_t variable) {
  const model::VariableNote* note = Note(property, variable);
  if (note != nullptr && !note->name.empty()) return sandbox::DisplayableOnOneLine(note->name);
  return variable < property.input_count ? "X_" + std::to_string(variable)
                                         : "Y_" + std::to_string(variable - property.input_count);
}

std::string Quantity(const model::Property& property, size_t variable, const Decimal& value) {
  return Number(InUnit(property, variable, value)) + Unit(property, variable);
}

std::string RowWords(const model::Property& property, const model::Row& row) {
  const char* below = row.strict ? " < " : " <= ";
  const char* above = row.strict ? " > " : " >= ";
  const Decimal one = Decimal::FromDouble(1);
  const bool is_unit = row.terms.front().coefficient == one || -row.terms.front().coefficient == one;
  if (row.terms.size() == 1 && is_unit) return BoundWords(property, row, below, above);
  std::vector<model::Term> left, right;
  bool scaled = false;
  for (const model::Term& term : row.terms) {
    scaled = scaled || IsScaled(property, term.variable);
    if (term.coefficient.Sign() > 0) {
      left.push_back(term);
    } else {
      right.push_back({term.variable, -term.coefficient});
    }
  }
  std::string text;
  if (left.empty()) {
    text = Sum(property, right) + above + Number(-row.bound);
  } else {
    text = Sum(property, left) + below + Sum(property, right);
    if (right.empty()) {
      text += Number(row.bound);
    } else if (row.bound.Sign() != 0) {
      text += (row.bound.Sign() > 0 ? " + " : " - ") + Number(row.bound.Sign() > 0 ? row.bound : -row.bound);
    }
  }
  return scaled ? text + " (in the network's own scale)" : text;
}

std::vector<std::string> PropertyWords(const model::Property& property) {
  std::vector<std::string> lines;
  constexpr size_t kCasesMax = 8;
  for (size_t i = 0; i < property.cases.size() && i < kCasesMax; ++i) {
    const model::Case& one = property.cases[i];
    std::vector<std::string> ranges;
    for (size_t x = 0; x < one.box.size(); ++x) ranges.push_back(RangeWords(property, x, one.box[x]));
    lines.push_back(i == 0 ? "for every input with" : "and for every input with");
    AppendCut(lines, std::move(ranges), "  ");
    lines.push_back("it never happens that");
    AppendCut(lines, UnsafeWords(property, one), "  ");
  }
  if (property.cases.size() > kCasesMax) {
    lines.push_back("and " + std::to_string(property.cases.size() - kCasesMax) + " more cases like these");
  }
  return lines;
}

std::string_view ArithmeticName(checker::Arithmetic arithmetic) {
  switch (arithmetic) {
    case checker::Arithmetic::kReal:
      return "real";
    case checker::Arithmetic::kFloat32:
      return "float32";
    case checker::Arithmetic::kFloat64:
      return "float64";
  }
  return "";
}

std::vector<std::string> CounterexampleTable(const model::Property& property, const prover::Counterexample& found) {
  std::vector<std::string> lines;
  const auto add = [&](const char* letter, size_t number, size_t variable, double value) {
    const std::string symbol = letter + std::to_string(number);
    const std::string name = VariableName(property, variable);
    std::string line = symbol + std::string(symbol.size() < 6 ? 6 - symbol.size() : 1, ' ');
    const std::string digits = Format("%.9g", value);
    line += digits + std::string(digits.size() < 16 ? 16 - digits.size() : 1, ' ');
    if (name != symbol) line += name;
    if (std::isfinite(value) && (IsScaled(property, variable) || !Unit(property, variable).empty())) {
      line += " = " + Quantity(property, variable, Decimal::FromDouble(value));
    }
    while (line.ends_with(' ')) line.pop_back();
    lines.push_back(std::move(line));
  };
  for (size_t i = 0; i < found.inputs.size(); ++i) add("X_", i, i, found.inputs[i]);
  for (size_t i = 0; i < found.outputs.size(); ++i) add("Y_", i, property.input_count + i, found.outputs[i]);
  for (size_t i = 0; i < found.baseline_outputs.size(); ++i)
    add("B_", i, property.input_count + i, found.baseline_outputs[i]);
  if (lines.size() > 2 * kLinesMax) {
    const size_t left_out = lines.size() - 2 * kLinesMax;
    lines.erase(lines.begin() + kLinesMax, lines.end() - kLinesMax);
    lines.insert(lines.begin() + kLinesMax, "… " + std::to_string(left_out) + " lines left out");
  }
  return lines;
}

std::string CounterexampleText(const prover::Counterexample& found) {
  std::string text = "(";
  const auto add = [&](const char* letter, size_t number, double value) {
    if (text.size() > 1) text += "\n ";
    text += "(" + std::string(letter) + std::to_string(number) + " " + Format("%.17g", value) + ")";
  };
  for (size_t i = 0; i < found.inputs.size(); ++i) add("X_", i, found.inputs[i]);
  for (size_t i = 0; i < found.outputs.size(); ++i) add("Y_", i, found.outputs[i]);
  for (size_t i = 0; i < found.baseline_outputs.size(); ++i) add("B_", i, found.baseline_outputs[i]);
  return text + ")\n";
}

}  // namespace pawl::authoring
