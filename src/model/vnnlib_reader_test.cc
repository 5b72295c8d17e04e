#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "model/network.h"
#include "model/property.h"

namespace pawl::model {
namespace vnnlib_reader_test {

const std::string kDeclarations =
    "(declare-const X_0 Real)\n(declare-const X_1 Real)\n(declare-const Y_0 Real)\n(declare-const Y_1 Real)\n";
const std::string kBox = "(assert (>= X_0 -1.5))(assert (<= X_0 0.1))(assert (>= X_1 0))(assert (<= X_1 1e-2))\n";

Property Good(const std::string& text) {
  Result<Property> property = ReadVnnlib(text, {});
  EXPECT_TRUE(property.ok()) << property.error().rule << ": " << property.error().message;
  return property.ok() ? *property : Property{};
}

void ExpectRule(const std::string& text, const std::string& rule, const PropertyLimits& limits = {}) {
  const Result<Property> property = ReadVnnlib(text, limits);
  ASSERT_FALSE(property.ok()) << "expected " << rule << " for " << text.substr(0, 300);
  EXPECT_EQ(property.error().rule, rule) << property.error().message;
}

Decimal D(const std::string& text) { return *Decimal::Parse(text, 100); }

// "1*v0 + -1*v2 <= 0.5"
std::string Text(const Row& row) {
  std::string text;
  for (const Term& term : row.terms) {
    text += (text.empty() ? "" : " + ") + term.coefficient.ToString() + "*v" + std::to_string(term.variable);
  }
  return text + (row.strict ? " < " : " <= ") + row.bound.ToString();
}

TEST(ReadVnnlib, ReadsBoxesAndRowsExactly) {
  const Property property = Good(kDeclarations + kBox + "(assert (<= Y_0 Y_1))(assert (> Y_0 0.25))");
  EXPECT_EQ(property.input_count, 2u);
  EXPECT_EQ(property.output_count, 2u);
  ASSERT_EQ(property.cases.size(), 1u);
  EXPECT_EQ(property.cases[0].box, (std::vector<InputRange>{{D("-1.5"), D("0.1")}, {D("0"), D("0.01")}}));
  ASSERT_EQ(property.cases[0].unsafe.size(), 1u);
  ASSERT_EQ(property.cases[0].unsafe[0].size(), 2u);
  EXPECT_EQ(Text(property.cases[0].unsafe[0][0]), "1*v2 + -1*v3 <= 0");
  EXPECT_EQ(Text(property.cases[0].unsafe[0][1]), "-1*v2 < -0.25");
}

TEST(ReadVnnlib, ExpandsDisjunctionsAndGroupsEqualBoxes) {
  const Property property = Good(kDeclarations +
                                 "(assert (or (and (<= X_0 1) (>= X_0 0) (<= X_1 1) (>= X_1 0))"
                                 "            (and (<= X_0 3) (>= X_0 2) (<= X_1 1) (>= X_1 0))))"
                                 "(assert (or (<= Y_0 0) (and (>= Y_1 1) (>= Y_1 Y_0))))");
  ASSERT_EQ(property.cases.size(), 2u);
  EXPECT_EQ(property.cases[1].box[0].lower, D("2"));
  for (const Case& c : property.cases) {
    ASSERT_EQ(c.unsafe.size(), 2u);
    EXPECT_EQ(c.unsafe[0].size(), 1u);
    EXPECT_EQ(c.unsafe[1].size(), 2u);
  }
}

TEST(ReadVnnlib, MixesInputsAndOutputsAndKeepsRowsOverInputs) {
  const Property property = Good(
      kDeclarations + kBox + "(assert (or (and (<= X_0 X_1) (<= Y_0 0)) (and (>= (+ Y_0 (* 2 X_0)) 3) (<= X_0 0))))");
  ASSERT_EQ(property.cases.size(), 2u);
  EXPECT_EQ(Text(property.cases[0].unsafe[0][0]), "1*v0 + -1*v1 <= 0");
  EXPECT_EQ(property.cases[1].box[0].upper, D("0"));
  EXPECT_EQ(Text(property.cases[1].unsafe[0][0]), "-2*v0 + -1*v2 <= -3");
}

TEST(ReadVnnlib, KeepsLinearArithmeticExact) {
  const auto row = [](const std::string& comparison) {
    const Property property = Good(kDeclarations + kBox + "(assert " + comparison + ")");
    return Text(property.cases.at(0).unsafe.at(0).at(0));
  };
  EXPECT_EQ(row("(<= (- (* 0.1 (+ Y_0 Y_1 3)) (* Y_1 0.2) (- 0.7)) (+ 1 (* 2 3)))"), "0.1*v2 + -0.1*v3 <= 6");
  EXPECT_EQ(row("(>= (- Y_0) (- 1 Y_1))"), "1*v2 + -1*v3 <= -1");
  EXPECT_EQ(row("(<= (* 2 3 Y_0 0.5) 1)"), "3*v2 <= 1");
  EXPECT_EQ(row("(<= (* 0.1 0.1 Y_0) 1e-30)"), "0.01*v2 <= 0.000000000000000000000000000001");
}

TEST(ReadVnnlib, TurnsAnEqualityIntoTwoRows) {
  const Property property = Good(kDeclarations + "(assert (= X_0 0.5))(assert (= X_1 1))(assert (= Y_0 Y_1))");
  EXPECT_EQ(property.cases[0].box[0], (InputRange{D("0.5"), D("0.5")}));
  ASSERT_EQ(property.cases[0].unsafe[0].size(), 2u);
  EXPECT_EQ(Text(property.cases[0].unsafe[0][0]), "1*v2 + -1*v3 <= 0");
  EXPECT_EQ(Text(property.cases[0].unsafe[0][1]), "-1*v2 + 1*v3 <= 0");
}

TEST(ReadVnnlib, TakesTheTighterBoundAndItsStrictness) {
  const Property property = Good(kDeclarations + kBox +
                                 "(assert (< X_0 0.1))(assert (<= X_0 0.2))(assert (> X_0 -1.6))(assert (>= X_0 -1.50))"
                                 "(assert (> X_1 0.0))(assert (< X_1 0.01))(assert (<= Y_0 0))");
  EXPECT_EQ(property.cases[0].box[0], (InputRange{D("-1.5"), D("0.1"), false, true}));
  EXPECT_EQ(property.cases[0].box[1], (InputRange{D("0"), D("0.01"), true, true}));
}

TEST(ReadVnnlib, AcceptsDeclareFunAndAnyWhiteSpace) {
  const Property property = Good(
      "(declare-fun X_0 () Real)(declare-fun Y_0 () Real)\r\n(assert(<= X_0\t1))(assert(>= X_0 0))(assert(<= Y_0 0))");
  EXPECT_EQ(property.cases.size(), 1u);
}

TEST(ReadVnnlib, ReadsNamesUnitsAndScalesFromComments) {
  const Property property =
      Good(";; X_0: distance to intruder [ft], unscaled = 60261.0 * x + 19791.091\n" + kDeclarations +
           "; X_1: bearing\n; Y_0: score, clear of conflict [1], unscaled = 2 * x - 0.5\n"
           "; X_0: second says nothing new\n; Y_9: not declared\n; Y_1:\n; Y_1: bad, unscaled = x\n"
           "; Unscaled Input 0: (0, 1)\n; X_1\n" +
           kBox + "(assert (<= Y_0 0)) ; X_7: end");
  ASSERT_EQ(property.variables.size(), 4u);
  EXPECT_EQ(property.variables[0].name, "distance to intruder");
  EXPECT_EQ(property.variables[0].unit, "ft");
  EXPECT_EQ(property.variables[0].factor, D("60261"));
  EXPECT_EQ(property.variables[0].offset, D("19791.091"));
  EXPECT_EQ(property.variables[1].name, "bearing");
  EXPECT_EQ(property.variables[1].unit, "");
  EXPECT_FALSE(property.variables[1].factor.has_value());
  EXPECT_EQ(property.variables[2].name, "score, clear of conflict");
  EXPECT_EQ(property.variables[2].offset, D("-0.5"));
  EXPECT_EQ(property.variables[3].name, "");
}

TEST(ReadVnnlib, DropsControlCharactersFromNotes) {
  EXPECT_EQ(Good("; X_0: \x1b[2J\n" + kDeclarations + kBox + "(assert (<= Y_0 0))").variables[0].name, "");
}

TEST(ReadVnnlib, RefusesWhatIsNotVnnlib) {
  const std::string good = kDeclarations + kBox + "(assert (<= Y_0 0))";
  Good(good);
  const auto bad = [&](const std::string& more) { ExpectRule(good + more, "vnnlib.syntax"); };
  ExpectRule("hello", "vnnlib.syntax");
  bad(")");
  bad("(");
  bad("(assert");
  bad("(assert)");
  bad("(assert (<= Y_0 0)");
  bad("(assert (<= Y_0 0) (<= Y_1 0))");
  bad("(check-sat)");
  bad("()");
  bad("(assert Y_0)");
  bad("(assert (not (<= Y_0 0)))");
  bad("(assert (and))");
  bad("(assert (or))");
  bad("(assert (<= Y_0))");
  bad("(assert (<= Y_0 0 1))");
  bad("(assert (<= Y_0 0x1))");
  bad("(assert (<= Y_0 1.))");
  bad("(assert (<= Y_0 .5))");
  bad("(assert (<= Y_0 1e))");
  bad("(assert (<= Y_0 --1))");
  bad("(assert (<= Y_0 nan))");
  bad("(assert (<= Y_0 inf))");
  bad("(assert (<= Y_0 ()))");
  bad("(assert (<= Y_0 (/ 1 3)))");
  bad("(assert (<= Y_0 (+)))");
  bad("(declare-const Y_2 Int)");
  bad("(declare-const Z_0 Real)");
  bad("(declare-const X_01 Real)");
  bad("(declare-const X_ Real)");
  bad("(declare-const X_-1 Real)");
  bad("(declare-fun X_2 Real)");
  bad(std::string(1, '\0'));
}

TEST(ReadVnnlib, RefusesTruncation) {
  const std::string good = kDeclarations + kBox + "(assert (<= Y_0 0))";
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ReadVnnlib(good.substr(0, size), {}).ok()) << size;
  }
}

TEST(ReadVnnlib, RefusesBadDeclarations) {
  ExpectRule(kDeclarations + "(assert (<= Y_2 0))", "vnnlib.undeclared-variable");
  ExpectRule("(assert (<= Y_0 0))" + kDeclarations, "vnnlib.undeclared-variable");
  ExpectRule(kDeclarations + "(declare-const X_0 Real)", "vnnlib.duplicate-declaration");
  ExpectRule(kDeclarations + "(declare-const X_3 Real)", "vnnlib.gap");
  ExpectRule(kDeclarations + "(declare-const Y_3 Real)", "vnnlib.gap");
  ExpectRule("(declare-const X_0 Real)", "vnnlib.no-variables");
  ExpectRule("(declare-const Y_0 Real)", "vnnlib.no-variables");
  ExpectRule("", "vnnlib.no-variables");
}

TEST(ReadVnnlib, RefusesNonlinearAndEmptyComparisons) {
  ExpectRule(kDeclarations + kBox + "(assert (<= (* Y_0 Y_1) 0))", "vnnlib.nonlinear");
  ExpectRule(kDeclarations + kBox + "(assert (<= (* Y_0 Y_0) 0))", "vnnlib.nonlinear");
  ExpectRule(kDeclarations + kBox + "(assert (<= 0 1))", "vnnlib.constant-comparison");
  ExpectRule(kDeclarations + kBox + "(assert (<= Y_0 Y_0))", "vnnlib.constant-comparison");
  ExpectRule(kDeclarations + kBox + "(assert (<= (* 0 Y_0) 1))", "vnnlib.constant-comparison");
}

TEST(ReadVnnlib, RefusesUnboundedInputs) {
  ExpectRule(kDeclarations + "(assert (<= X_0 1))(assert (>= X_1 0))(assert (<= X_1 1))(assert (<= Y_0 0))",
             "vnnlib.unbounded-input");
  ExpectRule(kDeclarations + "(assert (>= X_0 1))(assert (>= X_1 0))(assert (<= X_1 1))(assert (<= Y_0 0))",
             "vnnlib.unbounded-input");
  // Bounded in one case only.
  ExpectRule(kDeclarations +
                 "(assert (>= X_0 0))(assert (>= X_1 0))(assert (<= X_1 1))"
                 "(assert (or (<= X_0 1) (<= Y_1 0)))(assert (<= Y_0 0))",
             "vnnlib.unbounded-input");
  // A coefficient other than ±1 is a row, not a bound: 1/3 is no decimal.
  ExpectRule(kDeclarations +
                 "(assert (>= X_0 0))(assert (<= (* 3 X_0) 1))(assert (>= X_1 0))(assert (<= X_1 1))"
                 "(assert (<= Y_0 0))",
             "vnnlib.unbounded-input");
}

TEST(ReadVnnlib, RefusesPropertiesThatCannotFail) {
  const std::string unsafe = "(assert (<= Y_0 0))";
  ExpectRule(kDeclarations + kBox + "(assert (>= X_0 0.11))" + unsafe, "vnnlib.empty");
  ExpectRule(kDeclarations + kBox + "(assert (> X_0 0.1))" + unsafe, "vnnlib.empty");
  ExpectRule(kDeclarations + kBox + unsafe + "(assert (>= Y_0 1))", "vnnlib.empty");
  ExpectRule(kDeclarations + kBox + unsafe + "(assert (> Y_0 0))", "vnnlib.empty");
  Good(kDeclarations + kBox + unsafe + "(assert (>= Y_0 0))");  // exactly 0 is left
  // Differences below any float are seen.
  ExpectRule(kDeclarations + kBox + "(assert (<= Y_0 0.3))(assert (>= Y_0 0.30000000000000000000000001))",
             "vnnlib.empty");
  // One alternative alone is empty.
  ExpectRule(kDeclarations + kBox + "(assert (or (<= Y_1 3) (and (<= Y_0 0) (>= Y_0 1))))", "vnnlib.empty-alternative");
  ExpectRule(kDeclarations + kBox + "(assert (or (>= X_0 0.2) (<= X_0 0)))" + unsafe, "vnnlib.empty-alternative");
  ExpectRule(kDeclarations + kBox, "vnnlib.no-output-assertion");
  ExpectRule(kDeclarations + kBox + "(assert (or (<= X_0 0) (<= Y_0 0)))", "vnnlib.no-output-assertion");
  ExpectRule(kDeclarations, "vnnlib.unbounded-input");
}

TEST(ReadVnnlib, TakesNoBoundFromAnAlternativeThatIsEmpty) {
  // X_1 is bounded in the first alternative alone, which no point satisfies.
  ExpectRule(kDeclarations +
                 "(assert (or (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1) (<= Y_0 0) (>= Y_0 1))"
                 "            (and (>= X_0 0) (<= X_0 1) (<= Y_0 0))))",
             "vnnlib.unbounded-input");
}

const std::string kNetwork2 =
    "(vnnlib-version <2.0>)\n(declare-network f (declare-input X Real [1, 2]) (declare-output Y Real [2,1]))\n";
const std::string kBox2 = "(assert (and (>= X[0,0] 0.0) (<= X[0,0] 1.0)))(assert (== X [0, 1] 0.5))\n";

TEST(ReadVnnlib, ReadsVersion2OfOneNetwork) {
  const Property property =
      Good(kNetwork2 + kBox2 + "(assert (or (< Y[0,0] Y[1,0]) (>= (+ Y[1,0] (* 2.0 X[0,1])) 3)))");
  EXPECT_EQ(property.input_count, 2u);
  EXPECT_EQ(property.output_count, 2u);
  EXPECT_FALSE(property.element_type.has_value());
  EXPECT_EQ(property.input_shape, (Shape{1, 2}));
  EXPECT_EQ(property.output_shape, (Shape{2, 1}));
  ASSERT_EQ(property.cases.size(), 1u);
  EXPECT_EQ(property.cases[0].box, (std::vector<InputRange>{{D("0"), D("1")}, {D("0.5"), D("0.5")}}));
  ASSERT_EQ(property.cases[0].unsafe.size(), 2u);
  EXPECT_EQ(Text(property.cases[0].unsafe[0][0]), "1*v2 + -1*v3 < 0");
  EXPECT_EQ(Text(property.cases[0].unsafe[1][0]), "-2*v1 + -1*v3 <= -3");
}

TEST(ReadVnnlib, NumbersElementsRowByRowAndScalarsWithoutIndices) {
  const Property property = Good(
      "(vnnlib-version <2.0>)(declare-network f (declare-input in_1 float64 [2,3]) (declare-output out float64 []))"
      "(assert (and (>= in_1[0,0] 0) (<= in_1[0,0] 1) (>= in_1[0,1] 0) (<= in_1[0,1] 1) (>= in_1[0,2] 0)"
      "(<= in_1[0,2] 1) (>= in_1[1,0] 0) (<= in_1[1,0] 1) (>= in_1[1,1] 0) (<= in_1[1,1] 1) (>= in_1[1,2] 0)"
      "(<= in_1[1,2] 1)))(assert (<= (+ out in_1[1,0]) 0))");
  EXPECT_EQ(property.input_count, 6u);
  EXPECT_EQ(property.element_type, ElementType::kFloat64);
  EXPECT_EQ(Text(property.cases[0].unsafe[0][0]), "1*v3 + 1*v6 <= 0");
}

TEST(ReadVnnlib, RefusesWhatElseVersion2Has) {
  const auto network = [](const std::string& inside, const std::string& rule) {
    ExpectRule("(vnnlib-version <2.0>)(declare-network f " + inside + ")" + kBox2 + "(assert (<= Y[0,0] 0))", rule);
  };
  const std::string x = "(declare-input X Real [1,2])", y = "(declare-output Y Real [2,1])";
  network(x + "(declare-input X2 Real [1,2])" + y, "vnnlib.unsupported");
  network(x + y + "(declare-output Y2 Real [2,1])", "vnnlib.unsupported");
  network(x + "(declare-hidden Z Real [3] \"h (1)\")" + y, "vnnlib.unsupported");
  network("(equal-to g)" + x + y, "vnnlib.unsupported");
  network("(isomorphic-to g)" + x + y, "vnnlib.unsupported");
  network("(declare-input X Real [1,2] \"in put\")" + y, "vnnlib.unsupported");
  network("(declare-input X float16 [1,2])" + y, "vnnlib.element-type");
  network("(declare-input X float32 [1,2])" + y, "vnnlib.element-type");  // another type than the output
  network("(declare-input X Real [1,0])" + y, "vnnlib.syntax");
  network("(declare-input X Real [1,-2])" + y, "vnnlib.syntax");
  network("(declare-input X Real [1 2])" + y, "vnnlib.syntax");
  network("(declare-input X Real)" + y, "vnnlib.syntax");
  network("(declare-input _X Real [1,2])" + y, "vnnlib.syntax");
  network("(declare-input Y Real [1,2])" + y, "vnnlib.duplicate-declaration");
  network("(declare-input X Real [99999,99999])" + y, "vnnlib.limit");
  network("(declare-input X Real [1,1,1,1,1,1,1,1,2])" + y, "vnnlib.limit");
  network("(declare-input X Real [1,2]" + y, "vnnlib.syntax");
  network(y + x, "vnnlib.syntax");
  ExpectRule(kNetwork2 + "(declare-network g (declare-input A Real [1]) (declare-output B Real [1]))",
             "vnnlib.several-networks");
  ExpectRule(kNetwork2 + kDeclarations, "vnnlib.syntax");
  ExpectRule(kDeclarations + kNetwork2, "vnnlib.version");
  ExpectRule(kNetwork2.substr(kNetwork2.find('\n')), "vnnlib.version");
  ExpectRule("(vnnlib-version <2.1>)", "vnnlib.version");
  ExpectRule("(vnnlib-version <2.0>)(assert (<= X[0,0] 0))", "vnnlib.syntax");
  const auto formula = [](const std::string& text, const std::string& rule) {
    ExpectRule(kNetwork2 + kBox2 + "(assert " + text + ")", rule);
  };
  formula("(!= Y[0,0] 1)", "vnnlib.unsupported");
  formula("(<= Y[2,0] 1)", "vnnlib.undeclared-variable");
  formula("(<= Y[0] 1)", "vnnlib.undeclared-variable");
  formula("(<= Y 1)", "vnnlib.undeclared-variable");
  formula("(<= Y_0 1)", "vnnlib.syntax");
  formula("(<= Y[0,0 1)", "vnnlib.syntax");
  formula("(<= (* X[0,0] Y[0,0]) 1)", "vnnlib.nonlinear");
  ExpectRule(kDeclarations + kBox + "(assert (== Y_0 1))", "vnnlib.syntax");  // not of version 1
}

TEST(ReadVnnlib, RefusesEveryTruncationOfVersion2) {
  const std::string text = kNetwork2 + kBox2 + "(assert (<= Y[0,0] 0))";
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(ReadVnnlib(text.substr(0, size), {}).ok()) << size;
}

TEST(ReadVnnlib, DropsCombinationsThatContradictEachOther) {
  const Property property = Good(kDeclarations + kBox + "(assert (or (<= X_0 -1) (>= X_0 -0.5)))" +
                                 "(assert (or (and (<= X_0 -1.2) (<= Y_0 0)) (and (>= X_0 0) (<= Y_1 0))))");
  ASSERT_EQ(property.cases.size(), 2u);  // of four
  EXPECT_EQ(property.cases[0].box[0].upper, D("-1.2"));
  EXPECT_EQ(property.cases[1].box[0].lower, D("0"));
}

TEST(ReadVnnlib, ChecksLimitsBeforeExpanding) {
  PropertyLimits limits;
  std::string bomb = kDeclarations + kBox;
  for (int i = 0; i < 64; ++i) bomb += "(assert (or (<= Y_0 0) (<= Y_1 0)))";  // 2^64 cases
  ExpectRule(bomb, "vnnlib.limit");
  std::string nested = "(<= Y_0 0)";
  for (int i = 0; i < 40; ++i) nested = "(and (or " + nested + " (<= Y_1 0)) (or (<= Y_0 1) (<= Y_1 1)))";
  ExpectRule(kDeclarations + kBox + "(assert " + nested + ")", "vnnlib.limit");
  std::string deep = kDeclarations + "(assert ";
  for (int i = 0; i < 100'000; ++i) deep += "(and ";
  ExpectRule(deep, "vnnlib.limit");
  deep = kDeclarations + "(assert (<= ";
  for (int i = 0; i < 100'000; ++i) deep += "(+ ";
  ExpectRule(deep, "vnnlib.limit");
  const std::string good = kDeclarations + kBox + "(assert (or (<= Y_0 0) (<= Y_1 0)))";
  Good(good);
  limits.bytes_max = 20;
  ExpectRule(good, "vnnlib.limit", limits);
  limits = {};
  limits.variables_max = 3;
  ExpectRule(good, "vnnlib.limit", limits);
  limits = {};
  limits.conjunctions_max = 1;
  ExpectRule(good, "vnnlib.limit", limits);
  limits = {};
  limits.constraints_max = 9;  // 4 bounds and 1 row in each of 2 cases, and 2 alternatives
  ExpectRule(good, "vnnlib.limit", limits);
  limits = {};
  limits.terms_max = 11;
  ExpectRule(good, "vnnlib.limit", limits);
  limits = {};
  limits.digits_max = 1;
  ExpectRule(good, "vnnlib.limit", limits);
  ExpectRule(kDeclarations + kBox + "(assert (<= Y_0 1e401))", "vnnlib.limit");
  std::string product = "(*";
  for (int i = 0; i < 1000; ++i) product += " 1e400";
  ExpectRule(kDeclarations + kBox + "(assert (<= Y_0 " + product + ")))", "vnnlib.limit");
}

TEST(FindViolation, IsExactAndStrictWhereTheFileIs) {
  const Property property = Good(kDeclarations +
                                 "(assert (>= X_0 0))(assert (< X_0 0.1))(assert (>= X_1 0))(assert (<= X_1 0.1))"
                                 "(assert (or (< Y_0 Y_1) (>= (+ Y_0 Y_1) 0.3)))");
  const auto find = [&](double x0, double x1, double y0, double y1) {
    const double x[] = {x0, x1}, y[] = {y0, y1};
    const auto violation = FindViolation(property, x, y);
    return violation ? static_cast<int>(violation->conjunction_index) : -1;
  };
  EXPECT_EQ(find(0, 0, 1, 2), 0);
  EXPECT_EQ(find(0, 0, 0, 0), -1);    // strict
  EXPECT_EQ(find(0.1, 0, 1, 2), -1);  // the double 0.1 lies above the decimal 0.1
  EXPECT_EQ(find(0, 0.1, 1, 2), -1);
  EXPECT_EQ(find(0, 0.0999999999999999, 1, 2), 0);
  EXPECT_EQ(find(-1e-300, 0, 1, 2), -1);
  EXPECT_EQ(find(0, 0, 0.2, 0.1), 1);  // the exact sum of these doubles lies above 0.3
  EXPECT_EQ(find(0, 0, 0.2, 0.09999999999999998), -1);
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(find(0, 0, infinity, 0), 0);
  EXPECT_EQ(find(0, 0, 5, nan), 0);
  EXPECT_EQ(find(0.1, 0, 5, nan), -1);
}

TEST(CheckFits, ComparesSizes) {
  const Property property = Good(kDeclarations + kBox + "(assert (<= Y_0 0))");
  Network network;
  network.graph.input_size = 2;
  network.graph.nodes = {{Activation{}, {0}, 3, "Relu node 'y'"}};
  network.graph.output = 1;
  ASSERT_FALSE(CheckFits(network, property).ok());
  EXPECT_EQ(CheckFits(network, property).error().rule, "property.size");
  network.graph.nodes[0].size = 2;
  EXPECT_TRUE(CheckFits(network, property).ok());
}

TEST(CheckFits, ComparesDeclaredShapesAndElementTypes) {
  const auto fits = [](const std::string& type, const std::string& shape, Shape network_shape) {
    const Property property =
        Good("(vnnlib-version <2.0>)(declare-network f (declare-input X " + type + " [2]) (declare-output Y " + type +
             " " + shape + "))(assert (and (>= X[0] 0) (<= X[0] 1) (>= X[1] 0) (<= X[1] 1)))(assert (<= X[0] Y" +
             (shape == "[6]" ? "[5]" : "[1,2]") + "))");
    Network network;
    network.input_shape = {1, 2};
    network.output_shape = std::move(network_shape);
    network.graph.input_size = 2;
    network.graph.nodes = {{Activation{}, {0}, 6, "Relu node 'y'"}};
    network.graph.output = 1;
    const Result<void> result = CheckFits(network, property);
    return result.ok() ? "fits" : result.error().rule;
  };
  EXPECT_EQ(fits("Real", "[2,3]", {1, 2, 3}), "fits");
  EXPECT_EQ(fits("real", "[6]", {6, 1}), "fits");
  EXPECT_EQ(fits("float32", "[2,3]", {2, 3}), "fits");
  EXPECT_EQ(fits("float64", "[2,3]", {2, 3}), "property.element-type");
  EXPECT_EQ(fits("Real", "[2,3]", {3, 2}), "property.shape");
  EXPECT_EQ(fits("Real", "[6]", {2, 3}), "property.shape");
}

}  // namespace vnnlib_reader_test
}  // namespace pawl::model
