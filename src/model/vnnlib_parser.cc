// Tokens, declarations, formulas and linear expressions of VNN-LIB 1.0 (vnnlib.org) and of the single-network part of
// VNN-LIB 2.0 (github.com/VNNLIB/VNNLIB-Standard, grammar.cf and chapter "Query Language").
#include "model/vnnlib_parser.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace pawl::model {
namespace {

// Y_j while parsing, when the number of inputs is not yet known.
constexpr size_t kOutputBase = size_t{1} << 32;
// Products and sums of constants may need more digits than one literal; beyond this they are refused.
constexpr size_t kExactDigitsMax = 4'000;
constexpr size_t kAxesMax = 8;

struct Linear {
  std::map<size_t, Decimal> terms;
  Decimal constant;
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The variable "X_12" or "Y_3" of VNN-LIB 1.0; nothing where the text is no such name.
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

  Result<ParsedProperty> Parse() {
    for (Advance(); !token_.empty(); Advance()) ParseCommand();
    if (!network_declared_) CheckDeclarations();
    if (error_) return *error_;
    NumberOutputs();
    return std::move(parsed_);
  }

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

  // Moves to the next token: a bracket or comma, a symbol, text in quotes, or nothing at the end. Returns the one
  // before.
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
    size_t size = std::min(rest_.find_first_of(" \t\r\n();[],"), rest_.size());
    if (size == 0 && !rest_.empty()) size = 1;
    if (rest_.starts_with('"')) size = std::min(rest_.find('"', 1), rest_.size() - 1) + 1;
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
    if (colon == std::string_view::npos || notes_.size() >= limits_.variables_max) return;
    const auto variable = VariableNamed(comment.substr(0, colon));
    // Notes are shown on terminals and pages: control characters have no business in them.
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (!variable || std::any_of(comment.begin(), comment.end(), is_control)) return;
    if (auto note = ParseNote(comment.substr(colon + 1), limits_.digits_max))
      notes_.emplace(*variable, *std::move(note));
  }

  // One command, up to its closing parenthesis, which stays the current token.
  void ParseCommand() {
    Expect("(");
    const std::string_view command = Advance();
    const bool first = std::exchange(first_command_, false);
    if (command == "vnnlib-version") {
      if (!first || Advance() != "<2.0>") Fail("vnnlib.version", "a version other than <2.0>, or not at the beginning");
      version_2_ = true;
    } else if (command == "declare-network") {
      ParseNetwork();
    } else if (version_2_ && command != "assert") {
      FailSyntax(Shown(command) + " is no command of VNN-LIB 2.0");
    } else if (command == "declare-const" || command == "declare-fun") {
      const std::string_view name = Advance();
      if (command == "declare-fun") {
        Expect("(");
        Expect(")");
      }
      Expect("Real");
      Declare(name);
    } else if (command == "assert") {
      if (version_2_ && !network_declared_) FailSyntax("an assertion before the network is declared");
      parsed_.asserted.push_back(ParseFormula(0));
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
      Fail("vnnlib.duplicate-declaration", Shown(name) + " is declared twice");
    }
    ++(*variable < kOutputBase ? parsed_.head.input_count : parsed_.head.output_count);
  }

  void CheckDeclarations() {
    size_t next_input = 0, next_output = kOutputBase;
    for (const size_t variable : declared_) {
      size_t& next = variable < kOutputBase ? next_input : next_output;
      if (variable != next) {
        const bool input = variable < kOutputBase;
        return Fail("vnnlib.gap", (input ? "X_" : "Y_") + std::to_string(next % kOutputBase) +
                                      " is not declared, but one with a larger number is");
      }
      ++next;
    }
    if (parsed_.head.input_count == 0 || parsed_.head.output_count == 0)
      Fail("vnnlib.no-variables", "no inputs X_i or no outputs Y_i are declared");
  }

  // ---- VNN-LIB 2.0 ----

  // After "declare-network": its name, one input and one output.
  void ParseNetwork() {
    if (!version_2_) Fail("vnnlib.version", "'declare-network' without '(vnnlib-version <2.0>)' at the beginning");
    if (network_declared_) Fail("vnnlib.several-networks", "a second network");
    network_declared_ = true;
    ParseName();
    ParseTensor("declare-input", input_, parsed_.head.input_count);
    ParseTensor("declare-output", output_, parsed_.head.output_count);
    if (!error_ && input_.name == output_.name)
      Fail("vnnlib.duplicate-declaration", Shown(input_.name) + " stands twice");
    if (!error_ && input_.type != output_.type)
      Fail("vnnlib.element-type", "input and output of different element types");
    parsed_.head.element_type = input_.type;
    parsed_.head.input_shape = input_.shape;
    parsed_.head.output_shape = output_.shape;
  }

  struct DeclaredTensor {
    std::string_view name;
    std::optional<ElementType> type;  // nothing: Real
    Shape shape;
  };

  std::string_view ParseName() {
    const std::string_view name = Advance();
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto part = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; };
    if (name.empty() || !letter(name.front()) || !std::all_of(name.begin(), name.end(), part)) {
      FailSyntax(Shown(name) + " is no name");
    }
    return name;
  }

  void ParseTensor(std::string_view command, DeclaredTensor& tensor, size_t& count) {
    Expect("(");
    const std::string_view found = Advance();
    if (found == "equal-to" || found == "isomorphic-to" || found == "declare-hidden" ||
        (found == "declare-input" && found != command)) {
      return Fail("vnnlib.unsupported",
                  Shown(found) + " is not supported: one network with one input and one output is");
    }
    if (found != command) return FailSyntax("expected '" + std::string(command) + "' before " + Shown(found));
    tensor.name = ParseName();
    const std::string_view type = Advance();
    if (type == "float32" || type == "float64") {
      tensor.type = type == "float32" ? ElementType::kFloat32 : ElementType::kFloat64;
    } else if (type != "Real" && type != "real") {
      Fail("vnnlib.element-type", Shown(type) + " is not Real, float32 or float64");
    }
    count = 1;
    tensor.shape = ParseNumbers();
    for (const uint64_t axis : tensor.shape) {
      if (axis == 0) return FailSyntax("an axis of no elements");
      if (axis > limits_.variables_max / count) return FailLimit("too many variables");
      count *= axis;
    }
    if (token_.starts_with('"')) {
      return Fail("vnnlib.unsupported", "names of ONNX tensors are not supported: there is one input and one output");
    }
    Expect(")");
    if (command == "declare-output" && token_ == "(") Fail("vnnlib.unsupported", "a second output is not supported");
  }

  // "[3, 4]" or "[]".
  Shape ParseNumbers() {
    Shape numbers;
    Expect("[");
    while (token_ != "]" && !error_) {
      if (!numbers.empty()) Expect(",");
      const std::string_view token = Advance();
      uint64_t number = 0;
      bool good = !token.empty() && token.size() <= 9;
      for (const char c : token.substr(0, 9)) {
        good = good && c >= '0' && c <= '9';
        number = number * 10 + static_cast<uint64_t>(c - '0');
      }
      if (!good) FailSyntax(Shown(token) + " is no number of an axis");
      if (numbers.size() == kAxesMax) FailLimit("too many axes");
      numbers.push_back(number);
    }
    Expect("]");
    return numbers;
  }

  // The element that a name just read and the indices behind it stand for, row by row; nothing for other names.
  std::optional<size_t> ParseElement(std::string_view name) {
    if (!version_2_) return VariableNamed(name);
    const bool is_input = name == input_.name;
    if (!is_input && name != output_.name) return std::nullopt;
    const Shape& shape = is_input ? input_.shape : output_.shape;
    const Shape indices = token_ == "[" ? ParseNumbers() : Shape();
    size_t element = 0;
    for (size_t i = 0; i < std::min(indices.size(), shape.size()); ++i) {
      if (indices[i] >= shape[i]) Fail("vnnlib.undeclared-variable", Shown(name) + " has no such element");
      element = element * shape[i] + indices[i];
    }
    if (indices.size() != shape.size()) Fail("vnnlib.undeclared-variable", Shown(name) + " has another number of axes");
    return is_input ? element : kOutputBase + element;
  }

  // ---- formulas ----

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
    } else if (head == "<=" || head == ">=" || head == "<" || head == ">" || head == "=" ||
               (version_2_ && head == "==")) {
      const Linear left = ParseLinear(depth + 1);
      AddComparison(head, left, ParseLinear(depth + 1), formula);
    } else if (head == "!=") {
      Fail("vnnlib.unsupported", "'!=' is not supported: its closure is everything");
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
    formula.atom = parsed_.atoms.size();
    parsed_.atoms.push_back(comparison.front() == '>' ? turned : row);
    if (comparison.front() != '=') return;
    Formula second = formula;
    second.atom = parsed_.atoms.size();
    parsed_.atoms.push_back(std::move(turned));
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
    if (const auto variable = ParseElement(token)) {
      if (!version_2_ && !declared_.contains(*variable))
        Fail("vnnlib.undeclared-variable", Shown(token) + " is not declared");
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

  // Outputs after the inputs, whose number is now known.
  void NumberOutputs() {
    Property& head = parsed_.head;
    const auto number = [&](size_t variable) {
      return variable < kOutputBase ? variable : variable - kOutputBase + head.input_count;
    };
    for (Row& row : parsed_.atoms) {
      for (Term& term : row.terms) term.variable = number(term.variable);
    }
    head.variables.resize(head.input_count + head.output_count);
    for (auto& [variable, note] : notes_) {
      const bool is_input = variable < kOutputBase;
      if (variable % kOutputBase >= (is_input ? head.input_count : head.output_count)) continue;
      head.variables[number(variable)] = std::move(note);
    }
  }

  std::string_view rest_, token_;
  const PropertyLimits& limits_;
  std::optional<Error> error_;
  size_t line_ = 1;
  size_t term_count_ = 0;
  ParsedProperty parsed_;
  std::map<size_t, VariableNote> notes_;
  std::set<size_t> declared_;  // of VNN-LIB 1.0
  bool first_command_ = true, version_2_ = false, network_declared_ = false;
  DeclaredTensor input_, output_;  // of VNN-LIB 2.0
};

}  // namespace

Result<ParsedProperty> ParseVnnlib(std::string_view text, const PropertyLimits& limits) {
  return Parser(text, limits).Parse();
}

std::string VariableName(size_t variable, size_t input_count) {
  return variable < input_count ? "X_" + std::to_string(variable) : "Y_" + std::to_string(variable - input_count);
}

}  // namespace pawl::model
