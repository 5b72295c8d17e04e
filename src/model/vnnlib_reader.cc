// Formulas to disjunctive form, and from there to cases.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "model/property.h"
#include "model/vnnlib_parser.h"

namespace pawl::model {
namespace {

// One conjunction of the disjunctive form: atoms that hold together, and the `or` alternatives it took.
struct Expanded {
  std::vector<uint32_t> atoms, alternatives;
};

// Disjunctive form, its size known to be within limits before any of it is built.
class Expander {
 public:
  explicit Expander(const PropertyLimits& limits) : limits_(limits) {}

  Result<std::vector<Expanded>> Expand(const std::vector<Formula>& asserted) {
    Size total{1, 0};
    for (const Formula& formula : asserted) {
      if (!Combine(total, Measure(formula))) return TooLarge();
    }
    std::vector<Expanded> result(1);
    for (const Formula& formula : asserted) Conjoin(result, Disjuncts(formula));
    return result;
  }

  std::vector<size_t> alternative_lines;  // where each alternative of an `or` begins

 private:
  struct Size {
    uint64_t conjunctions = 0, constraints = 0;  // 0 conjunctions: over the limit
  };

  static Error TooLarge() {
    return LimitReached("vnnlib.limit", "the assertions have too many cases when written out as one disjunction");
  }
  bool Within(const Size& size) const {
    return size.conjunctions != 0 && size.conjunctions <= limits_.conjunctions_max &&
           size.constraints <= limits_.constraints_max;
  }
  // The size of "left and right". Both are within limits, so the products cannot overflow.
  bool Combine(Size& left, const Size& right) const {
    if (!Within(left) || !Within(right)) return false;
    left = {left.conjunctions * right.conjunctions,
            left.constraints * right.conjunctions + right.constraints * left.conjunctions};
    return Within(left);
  }
  Size Measure(const Formula& formula) const {
    if (formula.kind == Formula::Kind::kAtom) return {1, 1};
    Size size{formula.kind == Formula::Kind::kAnd ? 1u : 0u, 0};
    for (const Formula& part : formula.parts) {
      const Size other = Measure(part);
      if (!Within(other)) return {};
      if (formula.kind == Formula::Kind::kAnd) {
        if (!Combine(size, other)) return {};
      } else {
        size = {size.conjunctions + other.conjunctions, size.constraints + other.constraints + other.conjunctions};
        if (!Within(size)) return {};
      }
    }
    return size;
  }

  std::vector<Expanded> Disjuncts(const Formula& formula) {
    std::vector<Expanded> result;
    switch (formula.kind) {
      case Formula::Kind::kAtom:
        result.push_back({{static_cast<uint32_t>(formula.atom)}, {}});
        break;
      case Formula::Kind::kAnd:
        result.emplace_back();
        for (const Formula& part : formula.parts) Conjoin(result, Disjuncts(part));
        break;
      case Formula::Kind::kOr:
        for (const Formula& part : formula.parts) {
          const auto alternative = static_cast<uint32_t>(alternative_lines.size());
          alternative_lines.push_back(part.line);
          for (Expanded& disjunct : Disjuncts(part)) {
            disjunct.alternatives.push_back(alternative);
            result.push_back(std::move(disjunct));
          }
        }
        break;
    }
    return result;
  }

  static void Append(Expanded& to, const Expanded& from) {
    to.atoms.insert(to.atoms.end(), from.atoms.begin(), from.atoms.end());
    to.alternatives.insert(to.alternatives.end(), from.alternatives.begin(), from.alternatives.end());
  }
  // In place where one side has a single disjunct, so that a long list of plain bounds stays linear.
  static void Conjoin(std::vector<Expanded>& left, const std::vector<Expanded>& right) {
    if (right.size() == 1) {
      for (Expanded& disjunct : left) Append(disjunct, right.front());
      return;
    }
    std::vector<Expanded> product;
    product.reserve(left.size() * right.size());
    for (const Expanded& a : left) {
      for (const Expanded& b : right) {
        product.push_back(a);
        Append(product.back(), b);
      }
    }
    left = std::move(product);
  }

  const PropertyLimits& limits_;
};

// The tightest plain rows (coefficient ±1, one variable) on one variable.
struct Bounds {
  const Row *upper = nullptr, *lower = nullptr;  // lower has the coefficient −1

  void Tighten(const Row& row, bool opposite) {
    const Row*& tightest = opposite ? lower : upper;
    const auto order = tightest ? row.bound <=> tightest->bound : std::strong_ordering::less;
    if (order < 0 || (order == 0 && row.strict)) tightest = &row;
  }
  // No number is between −lower.bound and upper.bound.
  bool Empty() const {
    if (!lower || !upper) return false;
    const int sum = (lower->bound + upper->bound).Sign();
    return sum < 0 || (sum == 0 && (lower->strict || upper->strict));
  }
};

// Turns the disjunctive form into cases.
class CaseBuilder {
 public:
  explicit CaseBuilder(ParsedProperty& parsed) : atoms_(parsed.atoms), property_(std::move(parsed.head)) {
    const Decimal one = Decimal::FromDouble(1);
    for (const Row& row : atoms_) {
      const Term& first = row.terms[0];
      const bool opposite = first.coefficient.Sign() < 0;
      const bool plain = row.terms.size() == 1 && (opposite ? -first.coefficient : first.coefficient) == one;
      kinds_.push_back({first.variable, plain, opposite});
    }
    bounds_.resize(property_.input_count + property_.output_count);
  }

  Result<Property> Build(const std::vector<Expanded>& disjuncts, const std::vector<size_t>& alternative_lines) {
    std::vector<bool> satisfiable(alternative_lines.size(), false);
    for (const Expanded& disjunct : disjuncts) {
      Result<bool> added = AddCase(disjunct);
      if (!added.ok()) return added.error();
      for (const uint32_t alternative : disjunct.alternatives) {
        if (*added) satisfiable[alternative] = true;
      }
    }
    if (property_.cases.empty()) {
      return Malformed("vnnlib.empty", "no point satisfies the assertions: bounds on a variable contradict each other");
    }
    for (size_t i = 0; i < satisfiable.size(); ++i) {
      if (satisfiable[i]) continue;
      return Malformed("vnnlib.empty-alternative", "no point satisfies the alternative that begins on line " +
                                                       std::to_string(alternative_lines[i]) +
                                                       ": bounds on a variable contradict each other");
    }
    return std::move(property_);
  }

 private:
  // What an atom is to the case it stands in: a plain bound on a variable from above or, `opposite`, below, or a row.
  struct Kind {
    size_t variable;
    bool plain, opposite;
  };

  // False: plain bounds contradict each other, nothing was added.
  Result<bool> AddCase(const Expanded& disjunct) {
    Result<bool> added = AddBoundedCase(disjunct);
    // The next disjunct must not see the bounds of this one, whatever became of it.
    for (const uint32_t atom : disjunct.atoms) bounds_[kinds_[atom].variable] = {};
    return added;
  }

  Result<bool> AddBoundedCase(const Expanded& disjunct) {
    Conjunction rows;
    bool has_output = false, empty = false;
    for (const uint32_t atom : disjunct.atoms) {
      const Row& row = atoms_[atom];
      const Kind& kind = kinds_[atom];
      if (kind.plain) {
        bounds_[kind.variable].Tighten(row, kind.opposite);
        empty = empty || bounds_[kind.variable].Empty();
      }
      has_output = has_output || row.terms.back().variable >= property_.input_count;
      if (!kind.plain || kind.variable >= property_.input_count) rows.push_back(row);
    }
    if (empty) return false;
    std::vector<InputRange> box;
    for (size_t i = 0; i < property_.input_count; ++i) {
      const Bounds& bounds = bounds_[i];
      if (!bounds.lower || !bounds.upper) {
        const std::string name = VariableName(i, property_.input_count);
        return Malformed("vnnlib.unbounded-input",
                         name + " has no " + (bounds.lower ? "upper" : "lower") + " bound in some case",
                         "assert plain bounds, as in (<= " + name + " 1.0), on every input");
      }
      box.push_back({-bounds.lower->bound, bounds.upper->bound, bounds.lower->strict, bounds.upper->strict});
    }
    if (!has_output) {
      return Malformed("vnnlib.no-output-assertion", "some case asserts nothing about the outputs");
    }
    if (property_.cases.empty() || property_.cases.back().box != box) property_.cases.push_back({std::move(box), {}});
    property_.cases.back().unsafe.push_back(std::move(rows));
    return true;
  }

  const std::vector<Row>& atoms_;
  std::vector<Kind> kinds_;     // one an atom
  std::vector<Bounds> bounds_;  // of each variable, in the disjunct at hand
  Property property_;
};

}  // namespace

Result<Property> ReadVnnlib(std::string_view text, const PropertyLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return LimitReached("vnnlib.limit", "the file has " + std::to_string(text.size()) + " bytes");
  }
  Result<ParsedProperty> parsed = ParseVnnlib(text, limits);
  if (!parsed.ok()) return parsed.error();
  Expander expander(limits);
  Result<std::vector<Expanded>> disjuncts = expander.Expand(parsed->asserted);
  if (!disjuncts.ok()) return disjuncts.error();
  return CaseBuilder(*parsed).Build(*disjuncts, expander.alternative_lines);
}

}  // namespace pawl::model
