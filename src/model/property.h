// A property of a network: for which inputs which outputs would be unsafe. Read from VNN-LIB.
//
//   Result<Property> property = ReadVnnlib(text, PropertyLimits{});
//   Result<void> fits = CheckFits(network, *property);
//   for (const Case& c : property->cases) ...
//
// The file asserts what a counterexample would satisfy. Here that is a disjunction of cases; a case is a box of inputs
// and a disjunction of conjunctions of linear rows. A counterexample is an input x and y = network(x) such that, for
// some case, x lies in the box and all rows of at least one of its conjunctions hold for (x, y). The property holds
// where there is none. All numbers are exact decimals; nothing is rounded.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/decimal.h"
#include "model/network.h"
#include "result/result.h"

namespace pawl::model {

// lower ≤ X_i ≤ upper; strict bounds exclude their endpoint. Never empty.
struct InputRange {
  Decimal lower, upper;
  bool lower_strict = false, upper_strict = false;
  friend bool operator==(const InputRange&, const InputRange&) = default;
};

struct Term {
  size_t variable = 0;  // X_i is i; Y_j is input_count + j
  Decimal coefficient;  // not 0
  friend bool operator==(const Term&, const Term&) = default;
};

// Σ coefficient·variable ≤ bound (< where strict). >= is turned round by its signs; an equality is two rows.
struct Row {
  std::vector<Term> terms;  // at least one; ascending variables, each once
  Decimal bound;
  bool strict = false;
  friend bool operator==(const Row&, const Row&) = default;
};

// Rows that hold together. At least one has an output in it. Rows over inputs alone occur where a constraint is not a
// plain bound on one input; bounds on one input are in the case's box.
using Conjunction = std::vector<Row>;

struct Case {
  std::vector<InputRange> box;      // one a network input
  std::vector<Conjunction> unsafe;  // any of them is unsafe; at least one
};

// What a comment says about a variable; for people only, never used in a decision.
struct VariableNote {
  std::string name;  // "relative altitude"; empty: nothing was said
  std::string unit;  // "ft"; may be empty
  // What the variable means in its unit: unscaled = factor·variable + offset.
  std::optional<Decimal> factor, offset;
};

struct Property {
  size_t input_count = 0;
  size_t output_count = 0;
  std::vector<Case> cases;              // in the file's order; neighbours with equal boxes are one case
  std::vector<VariableNote> variables;  // input_count + output_count
  // What VNN-LIB 2.0 declares of the network; nothing: any fits. A declared float32 says that inputs are float32
  // numbers: every claim covers those, since it is about all real points of the boxes.
  std::optional<ElementType> element_type;
  std::optional<Shape> input_shape, output_shape;
};

// Checked before anything of the size in question is allocated.
struct PropertyLimits {
  size_t bytes_max = size_t{1} << 26;   // of the text
  size_t depth_max = 64;                // nested parentheses
  size_t variables_max = 100'000;       // declared
  size_t conjunctions_max = 10'000;     // after expansion to disjunctive form
  size_t constraints_max = 10'000'000;  // constraints of all conjunctions together, after expansion
  size_t terms_max = 1'000'000;         // variables and numbers in the file's expressions together
  size_t digits_max = 120;              // of a number
};

// Accepted: (declare-const X_i Real), (declare-const Y_j Real), (declare-fun X_i () Real), and (assert F) with F built
// of and, or, <=, >=, <, >, = over linear expressions of +, -, * (by constants), numbers and declared variables. X and
// Y may be mixed and are each numbered from 0 without gaps.
//
// Of VNN-LIB 2.0, files that begin with (vnnlib-version <2.0>), queries about one network with one input and one
// output: (declare-network f (declare-input X Real [1,5]) (declare-output Y Real [5])), elements as X[0,3], numbered
// row by row, element types Real, float32 and float64, and == for =. Refused by name: further networks, inputs or
// outputs, hidden tensors, equal-to, isomorphic-to, names of ONNX tensors, other element types, and != (whose closure
// is everything).
//
// Refused, because the property could then not mean what its author thinks: an undeclared variable, an input without
// finite lower and upper bound in some case, a comparison without variables, no assertion over outputs in some case, an
// alternative of an `or` (or the whole file) that no point can satisfy because plain bounds contradict each other:
// lower > upper, Y_0 >= 1 with Y_0 <= 0. Rules below "vnnlib.".
//
// Comments of the form
//   ; X_0: distance to intruder [ft]
//   ; X_1: bearing [rad], unscaled = 6.283185 * x + 0
// fill Property::variables. Other comments are ignored, and so are comments of this form that are not understood.
Result<Property> ReadVnnlib(std::string_view text, const PropertyLimits& limits);

// Whether the property speaks about as many inputs and outputs as the network has (rule "property.size") and, where it
// declares them, in the network's shapes but for axes of 1 (property.shape) and element type (property.element-type).
Result<void> CheckFits(const Network& network, const Property& property);

// Whether lower_i ≤ x_i ≤ upper_i, strict bounds being strict. Requires as many finite inputs as the box has ranges.
bool InBox(std::span<const InputRange> box, std::span<const double> input);

// Whether (input, output) is a counterexample, decided exactly and without tolerance, strict rows being strict. A NaN
// or infinite output is one wherever the input lies in a box and satisfies the rows over inputs alone. Requires sizes
// that fit and a finite input. Returns the indices of the case and of the conjunction that hold.
struct Violation {
  size_t case_index = 0, conjunction_index = 0;
};
std::optional<Violation> FindViolation(const Property& property, std::span<const double> input,
                                       std::span<const double> output);

}  // namespace pawl::model
