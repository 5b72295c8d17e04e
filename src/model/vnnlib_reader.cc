// Reads VNN-LIB 1.0 (vnnlib.org): tokens, then formulas over linear rows, then disjunctive form, then cases.
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "model/property.h"

namespace pawl::model {
namespace {

// Y_j while parsing, when the number of inputs is not yet known.
constexpr size_t kOutputBase = size_t{1} << 32;
// Products and sums of constants may need more digits than one literal; beyond this they are refused.
constexpr size_t kExactDigitsMax = 4'000;

struct Linear {
  std::map<size_t, Decimal> terms;
  Decimal constant;
};

// A comparison, or `and` / `or` of formulas.
struct Formula {
  enum class Kind { kAtom, kAnd, kOr } kind = Kind::kAtom;
  size_t atom = 0;
  size_t line = 0;
  std::vector<Formula> parts;
};

// One conjunction of the disjunctive form: atoms that hold together, and the `or` alternatives it took.
struct Expanded {
  std::vector<uint32_t> atoms, alternatives;
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The index of "X_12" or "Y_3" as a variable; nothing where the text is no such name.
std::optional<size_t> VariableNamed(std::string_view text) {
  if (text.size() < 3 || text.size() > 9 || (text[0] != 'X' && text[0] != 'Y') || text[1] != '_') return std::nullopt;
  if (text[2] == '0' && text.size() > 3) return std::nullopt;
  size_t index = 0;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + static_cast<size_t>(c - '0');
  }
  return text[0] == 'Y' ? kOutputBase + index : index;
}

std::string VariableName(size_t variable) {
  return variable < kOutputBase ? "X_" + std::to_string(variable) : "Y_" + std::to_string(variable - kOutputBase);
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// "name [unit], unscaled = A * x + B"; unit and scale may be missing.
std::optional<VariableNote> ParseNote(std::string_view text, size_t digits_max) {
  VariableNote note;
  constexpr std::string_view kScale = ", unscaled =";
  if (const size_t at = text.rfind(kScale); at != std::string_view::npos) {
    const std::string_view scale = Trimmed(text.substr(at + kScale.size()));
    const size_t times = scale.find(" * x ");
    if (times == std::string_view::npos || scale.size() < times + 7) return std::nullopt;
    const char sign = scale[times + 5];
    const auto factor = Decimal::Parse(Trimmed(scale.substr(0, times)), digits_max);
    const auto offset = Decimal::Parse(Trimmed(scale.substr(times + 6)), digits_max);
    if (!factor.ok() || !offset.ok() || (sign != '+' && sign != '-')) return std::nullopt;
    note.factor = *factor;
    note.offset = sign == '-' ? -*offset : *offset;
    text = text.substr(0, at);
  }
  text = Trimmed(text);
  if (const size_t open = text.find('['); open != std::string_view::npos && text.ends_with(']')) {
    note.unit = Trimmed(text.substr(open + 1, text.size() - open - 2));
    text = Trimmed(text.substr(0, open));
  }
  note.name = text;
  if (note.name.empty()) return std::nullopt;
  return note;
}

// The first failure sticks and ends the token stream, so that every loop below ends; Parse returns it.
class Parser {
 public:
  Parser(std::string_view text, const PropertyLimits& limits) : rest_(text), limits_(limits) {}

  // The whole file: fills the members below.
  Result<void> Parse() {
    for (Advance(); !token_.empty(); Advance()) ParseCommand();
    CheckDeclarations();
    if (error_) return *error_;
    return {};
  }

  std::vector<Row> atoms;
  std::vector<Formula> asserted;
  std::map<size_t, VariableNote> notes;
  size_t input_count = 0, output_count = 0;

 private:
  void Fail(const char* rule, const std::string& what, ErrorCode code = ErrorCode::kMalformed) {
    if (!error_) error_ = Error{code, rule, "line " + std::to_string(line_) + ": " + what, ""};
    rest_ = token_ = {};
  }
  void FailSyntax(const std::string& what) { Fail("vnnlib.syntax", what); }
  void FailLimit(const std::string& what) { Fail("vnnlib.limit", what, ErrorCode::kLimit); }
  static std::string Shown(std::string_view token) {
    return token.empty() ? "the end of the file" : "'" + std::string(token.substr(0, 40)) + "'";
  }

  // Moves to the next token: "(", ")", a symbol, or nothing at the end. Returns the one before.
  std::string_view Advance() {
    const std::string_view before = token_;
    while (!rest_.empty() && (IsSpace(rest_.front()) || rest_.front() == ';')) {
      if (rest_.front() == ';') {
        const size_t end = std::min(rest_.find('\n'), rest_.size());
        ReadComment(rest_.substr(0, end));
        rest_.remove_prefix(end);
      } else {
        if (rest_.front() == '\n') ++line_;
        rest_.remove_prefix(1);
      }
    }
    size_t size = std::min(rest_.find_first_of(" \t\r\n();"), rest_.size());
    if (size == 0 && !rest_.empty()) size = 1;
    token_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return before;
  }

  void Expect(std::string_view token) {
    if (Advance() != token) FailSyntax("expected '" + std::string(token) + "'");
  }

  void ReadComment(std::string_view comment) {
    while (!comment.empty() && comment.front() == ';') comment.remove_prefix(1);
    comment = Trimmed(comment);
    const size_t colon = comment.find(':');
    if (colon == std::string_view::npos || notes.size() >= limits_.variables_max) return;
    const auto variable = VariableNamed(comment.substr(0, colon));
    // Notes are shown on terminals and pages: control characters have no business in them.
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (!variable || std::any_of(comment.begin(), comment.end(), is_control)) return;
    if (auto note = ParseNote(comment.substr(colon + 1), limits_.digits_max))
      notes.emplace(*variable, *std::move(note));
  }

  // One command, up to its closing parenthesis, which stays the current token.
  void ParseCommand() {
    Expect("(");
    const std::string_view command = Advance();
    if (command == "declare-const" || command == "declare-fun") {
      const std::string_view name = Advance();
      if (command == "declare-fun") {
        Expect("(");
        Expect(")");
      }
      Expect("Real");
      Declare(name);
    } else if (command == "assert") {
      asserted.push_back(ParseFormula(0));
    } else {
      FailSyntax("unknown command " + Shown(command));
    }
    if (token_ != ")") FailSyntax("expected ')' before " + Shown(token_));
  }

  void Declare(std::string_view name) {
    const auto variable = VariableNamed(name);
    if (!variable) return FailSyntax(Shown(name) + " is not named X_i or Y_i");
    if (declared_.size() >= limits_.variables_max) return FailLimit("too many variables");
    if (!declared_.insert(*variable).second) {
      Fail("vnnlib.duplicate-declaration", VariableName(*variable) + " is declared twice");
    }
    ++(*variable < kOutputBase ? input_count : output_count);
  }

  void CheckDeclarations() {
    size_t next_input = 0, next_output = kOutputBase;
    for (const size_t variable : declared_) {
      size_t& next = variable < kOutputBase ? next_input : next_output;
      if (variable != next) {
        return Fail("vnnlib.gap", VariableName(variable) + " is declared, " + VariableName(next) + " is not");
      }
      ++next;
    }
    if (input_count == 0 || output_count == 0)
      Fail("vnnlib.no-variables", "no inputs X_i or no outputs Y_i are declared");
  }

  Formula ParseFormula(size_t depth) {
    Formula formula;
    formula.line = line_;
    if (depth >= limits_.depth_max) FailLimit("parentheses are nested too deeply");
    Expect("(");
    const std::string_view head = Advance();
    if (head == "and" || head == "or") {
      formula.kind = head == "and" ? Formula::Kind::kAnd : Formula::Kind::kOr;
      while (token_ != ")" && !error_) formula.parts.push_back(ParseFormula(depth + 1));
      if (formula.parts.empty()) FailSyntax("an empty " + Shown(head));
    } else if (head == "<=" || head == ">=" || head == "<" || head == ">" || head == "=") {
      const Linear left = ParseLinear(depth + 1);
      AddComparison(head, left, ParseLinear(depth + 1), formula);
    } else {
      FailSyntax(Shown(head) + " is not and, or, <=, >=, <, > or =");
    }
    Expect(")");
    return formula;
  }

  void AddComparison(std::string_view comparison, const Linear& left, const Linear& right, Formula& formula) {
    Linear difference = left;  // left - right, compared with 0
    Accumulate(difference, right, Decimal::FromDouble(-1));
    Row row, turned;
    for (const auto& [variable, coefficient] : difference.terms) {
      if (coefficient.Sign() == 0) continue;
      row.terms.push_back({variable, coefficient});
      turned.terms.push_back({variable, -coefficient});
    }
    if (row.terms.empty()) return Fail("vnnlib.constant-comparison", "a comparison says nothing about any variable");
    row.bound = -difference.constant;
    turned.bound = difference.constant;
    row.strict = turned.strict = comparison == "<" || comparison == ">";
    formula.atom = atoms.size();
    atoms.push_back(comparison.front() == '>' ? turned : row);
    if (comparison != "=") return;
    Formula second = formula;
    second.atom = atoms.size();
    atoms.push_back(std::move(turned));
    formula.parts = {formula, std::move(second)};
    formula.kind = Formula::Kind::kAnd;
  }

  // sum := sum + factor · addend.
  void Accumulate(Linear& sum, const Linear& addend, const Decimal& factor) {
    const auto add = [&](Decimal& to, const Decimal& value) {
      to = to + factor * value;
      if (to.DigitBound() > kExactDigitsMax) FailLimit("constants combine to a number with too many digits");
    };
    add(sum.constant, addend.constant);
    for (const auto& [variable, coefficient] : addend.terms) add(sum.terms[variable], coefficient);
  }

  Linear ParseLinear(size_t depth) {
    if (depth >= limits_.depth_max) FailLimit("parentheses are nested too deeply");
    if (++term_count_ > limits_.terms_max) FailLimit("too many terms");
    const std::string_view token = Advance();
    if (token == "(") return ParseOperation(depth);
    Linear linear;
    if (const auto variable = VariableNamed(token)) {
      if (!declared_.contains(*variable)) Fail("vnnlib.undeclared-variable", Shown(token) + " is not declared");
      linear.terms.emplace(*variable, Decimal::FromDouble(1));
    } else if (const Result<Decimal> number = Decimal::Parse(token, limits_.digits_max); number.ok()) {
      linear.constant = *number;
    } else if (number.error().code == ErrorCode::kLimit) {
      FailLimit(number.error().message);
    } else {
      FailSyntax(Shown(token) + " is neither a number nor a variable");
    }
    return linear;
  }

  // After "(": + - * and their operands.
  Linear ParseOperation(size_t depth) {
    const std::string_view head = Advance();
    if (head != "+" && head != "-" && head != "*") FailSyntax(Shown(head) + " is not +, - or *");
    Linear result = ParseLinear(depth + 1);
    if (head == "-" && token_ == ")") {
      const Linear operand = std::exchange(result, {});
      Accumulate(result, operand, Decimal::FromDouble(-1));
    }
    while (token_ != ")" && !error_) {
      Linear operand = ParseLinear(depth + 1);
      if (head == "*") {
        if (!result.terms.empty() && !operand.terms.empty()) Fail("vnnlib.nonlinear", "a product of variables");
        if (result.terms.empty()) std::swap(result, operand);
        const Linear factor = std::exchange(result, {});
        Accumulate(result, factor, operand.constant);
      } else {
        Accumulate(result, operand, Decimal::FromDouble(head == "+" ? 1 : -1));
      }
    }
    Expect(")");
    return result;
  }

  std::string_view rest_, token_;
  const PropertyLimits& limits_;
  std::optional<Error> error_;
  size_t line_ = 1;
  size_t term_count_ = 0;
  std::set<size_t> declared_;
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

// The bounds that plain rows (coefficient ±1, one variable) put on one variable.
struct Bounds {
  const Decimal *lower = nullptr, *upper = nullptr;
  bool lower_strict = false, upper_strict = false;
  Decimal negated_lower;  // storage of lower

  void Tighten(const Row& row) {
    if (row.terms[0].coefficient.Sign() > 0) {
      const auto order = upper ? row.bound <=> *upper : std::strong_ordering::less;
      if (order < 0) upper_strict = row.strict;
      if (order == 0) upper_strict = upper_strict || row.strict;
      if (order < 0) upper = &row.bound;
    } else {
      Decimal bound = -row.bound;
      const auto order = lower ? bound <=> *lower : std::strong_ordering::greater;
      if (order > 0) lower_strict = row.strict;
      if (order == 0) lower_strict = lower_strict || row.strict;
      if (order > 0) negated_lower = std::move(bound);
      lower = &negated_lower;
    }
  }
  bool Empty() const {
    if (!lower || !upper) return false;
    const auto order = *lower <=> *upper;
    return order > 0 || (order == 0 && (lower_strict || upper_strict));
  }
};

// Turns the disjunctive form into cases.
class CaseBuilder {
 public:
  CaseBuilder(Parser& parser) : parser_(parser) {
    for (Row& row : parser_.atoms) {
      for (Term& term : row.terms) {
        if (term.variable >= kOutputBase) term.variable = term.variable - kOutputBase + parser_.input_count;
      }
    }
    property_.input_count = parser_.input_count;
    property_.output_count = parser_.output_count;
    property_.variables.resize(property_.input_count + property_.output_count);
    for (auto& [variable, note] : parser_.notes) {
      const bool is_input = variable < kOutputBase;
      const size_t index = is_input ? variable : variable - kOutputBase;
      if (index >= (is_input ? property_.input_count : property_.output_count)) continue;
      property_.variables[is_input ? index : property_.input_count + index] = note;
    }
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
  static bool IsPlain(const Row& row) {
    static const Decimal kOne = Decimal::FromDouble(1);
    if (row.terms.size() != 1) return false;
    const Decimal& coefficient = row.terms[0].coefficient;
    return coefficient == kOne || -coefficient == kOne;
  }

  // False: plain bounds contradict each other, nothing was added.
  Result<bool> AddCase(const Expanded& disjunct) {
    std::vector<Bounds> bounds(property_.variables.size());
    Conjunction rows;
    bool has_output = false;
    for (const uint32_t atom : disjunct.atoms) {
      const Row& row = parser_.atoms[atom];
      const bool over_inputs = row.terms.back().variable < property_.input_count;
      has_output = has_output || !over_inputs;
      if (IsPlain(row)) bounds[row.terms[0].variable].Tighten(row);
      if (!over_inputs || !IsPlain(row)) rows.push_back(row);
    }
    if (std::any_of(bounds.begin(), bounds.end(), [](const Bounds& b) { return b.Empty(); })) return false;
    std::vector<InputRange> box;
    for (size_t i = 0; i < property_.input_count; ++i) {
      const Bounds& b = bounds[i];
      if (!b.lower || !b.upper) {
        return Malformed("vnnlib.unbounded-input",
                         VariableName(i) + " has no " + (b.lower ? "upper" : "lower") + " bound in some case",
                         "assert plain bounds, as in (<= " + VariableName(i) + " 1.0), on every input");
      }
      box.push_back({*b.lower, *b.upper, b.lower_strict, b.upper_strict});
    }
    if (!has_output) {
      return Malformed("vnnlib.no-output-assertion", "some case asserts nothing about the outputs");
    }
    if (property_.cases.empty() || property_.cases.back().box != box) property_.cases.push_back({std::move(box), {}});
    property_.cases.back().unsafe.push_back(std::move(rows));
    return true;
  }

  Parser& parser_;
  Property property_;
};

bool Holds(const Row& row, std::span<const double> input, std::span<const double> output) {
  Decimal sum;
  for (const Term& term : row.terms) {
    const double value = term.variable < input.size() ? input[term.variable] : output[term.variable - input.size()];
    sum = sum + term.coefficient * Decimal::FromDouble(value);
  }
  return row.strict ? sum < row.bound : sum <= row.bound;
}

}  // namespace

Result<Property> ReadVnnlib(std::string_view text, const PropertyLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return LimitReached("vnnlib.limit", "the file has " + std::to_string(text.size()) + " bytes");
  }
  Parser parser(text, limits);
  if (Result<void> parsed = parser.Parse(); !parsed.ok()) return parsed.error();
  Expander expander(limits);
  Result<std::vector<Expanded>> disjuncts = expander.Expand(parser.asserted);
  if (!disjuncts.ok()) return disjuncts.error();
  return CaseBuilder(parser).Build(*disjuncts, expander.alternative_lines);
}

Result<void> CheckFits(const Network& network, const Property& property) {
  if (property.input_count == network.input_size() && property.output_count == network.output_size()) return {};
  return Malformed("property.size", "the property has " + std::to_string(property.input_count) + " inputs and " +
                                        std::to_string(property.output_count) + " outputs, the network " +
                                        std::to_string(network.input_size()) + " and " +
                                        std::to_string(network.output_size()));
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
