#include "authoring/property_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace pawl::authoring {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kNotes[] =
    "; X_0: intruder altitude [ft], unscaled = 1000 * x + 0\n"
    "; X_1: depth [m], unscaled = -2 * x + 1\n"
    "; Y_0: cost of climb\n";
constexpr char kDeclarations[] =
    "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)\n"
    "(assert (>= X_0 3))(assert (<= X_0 4))(assert (>= X_1 0))(assert (< X_1 0.5))\n";

model::Property Read(const std::string& text) {
  Result<model::Property> property = model::ReadVnnlib(text, model::PropertyLimits{});
  EXPECT_TRUE(property.ok()) << property.error().message;
  return std::move(*property);
}

TEST(PropertyWords, UsesNamesAndUnits) {
  const model::Property property = Read(std::string(kNotes) + kDeclarations + "(assert (<= Y_0 Y_1))");
  EXPECT_THAT(PropertyWords(property),
              ElementsAre("for every input with", "  intruder altitude from 3000 to 4000 ft", "  depth above 0 to 1 m",
                          "it never happens that", "  cost of climb <= Y_1"));
}

TEST(PropertyWords, UsesSymbolsWithoutNotes) {
  const model::Property property = Read(std::string(kDeclarations) + "(assert (or (>= Y_0 100) (< Y_1 -2)))");
  EXPECT_THAT(PropertyWords(property),
              ElementsAre("for every input with", "  X_0 from 3 to 4", "  X_1 from 0 to below 0.5",
                          "it never happens that", "  Y_0 >= 100", "  or Y_1 < -2"));
}

TEST(PropertyWords, SaysRowsOfSeveralVariables) {
  const model::Property plain = Read(std::string(kDeclarations) + "(assert (<= (+ Y_0 (* 2 Y_1)) 3))");
  EXPECT_EQ(RowWords(plain, plain.cases[0].unsafe[0][0]), "Y_0 + 2 * Y_1 <= 3");
  const model::Property mixed = Read(std::string(kNotes) + kDeclarations + "(assert (<= (- Y_1 X_0) 1))");
  EXPECT_EQ(RowWords(mixed, mixed.cases[0].unsafe[0][0]), "Y_1 <= intruder altitude + 1 (in the network's own scale)");
}

TEST(PropertyWords, SaysAPointAsExactly) {
  const model::Property property =
      Read("(declare-const X_0 Real)(declare-const Y_0 Real)(assert (= X_0 0.25))(assert (>= Y_0 0))");
  EXPECT_EQ(PropertyWords(property)[1], "  X_0 exactly 0.25");
}

TEST(PropertyWords, CutsLongLists) {
  std::string text = "(declare-const Y_0 Real)";
  for (int i = 0; i < 100; ++i) {
    const std::string name = "X_" + std::to_string(i);
    text += "(declare-const " + name + " Real)(assert (>= " + name + " 0))(assert (<= " + name + " 1))";
  }
  const std::vector<std::string> words = PropertyWords(Read(text + "(assert (>= Y_0 0))"));
  EXPECT_LT(words.size(), 50u);
  EXPECT_THAT(words, testing::Contains(HasSubstr("and 60 more")));
}

TEST(PropertyWords, ShowsControlCharactersOfNamesVisibly) {
  model::Property property = Read(std::string(kDeclarations) + "(assert (>= Y_0 0))");
  property.variables[0].name = "a\x1b[31m";
  EXPECT_EQ(VariableName(property, 0).find('\x1b'), std::string::npos);
}

TEST(CounterexampleTable, ShowsNumbersNamesAndUnits) {
  const model::Property property = Read(std::string(kNotes) + kDeclarations + "(assert (<= Y_0 Y_1))");
  prover::Counterexample found;
  found.inputs = {3.5, 0.25};
  found.outputs = {1, HUGE_VAL};
  const std::vector<std::string> table = CounterexampleTable(property, found);
  ASSERT_EQ(table.size(), 4u);
  EXPECT_THAT(table[0], HasSubstr("intruder altitude = 3500 ft"));
  EXPECT_THAT(table[1], HasSubstr("depth = 0.5 m"));
  EXPECT_THAT(table[2], HasSubstr("cost of climb"));
  EXPECT_THAT(table[3], HasSubstr("inf"));
}

TEST(CounterexampleText, IsExact) {
  prover::Counterexample found;
  found.inputs = {0.1};
  found.outputs = {-2};
  EXPECT_EQ(CounterexampleText(found), "((X_0 0.10000000000000001)\n (Y_0 -2))\n");
}

}  // namespace
}  // namespace pawl::authoring
