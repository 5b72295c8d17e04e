// A property, and a counterexample to it, in words: with the variables' own names and units where the specification
// gives them (model::VariableNote), else as X_0, Y_1.
//
//   for (const std::string& line : PropertyWords(property)) std::puts(line.c_str());
//   // for every input with
//   //   intruder altitude minus own altitude from 3000 to 4000 ft
//   // it never happens that
//   //   cost of SDES2500 <= cost of COC
//
// What is shown is for people; nothing is decided from it. Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/property.h"
#include "prover/prover.h"

namespace pawl::authoring {

// "own vertical rate", else "X_1" or "Y_0".
std::string VariableName(const model::Property& property, size_t variable);

// A value of a variable in its own unit, scaled as the note says: "3000 ft". About six digits where it has more.
std::string Quantity(const model::Property& property, size_t variable, const model::Decimal& value);

// One row as an inequality between names: "cost of SDES2500 <= cost of COC".
std::string RowWords(const model::Property& property, const model::Row& row);

// The whole property, one line each; what depends on a line stands below it, two blanks further in. Long lists are cut,
// and say how many lines were left out.
std::vector<std::string> PropertyWords(const model::Property& property);

// "real", "float32", "float64": as charters and commands have it.
std::string_view ArithmeticName(checker::Arithmetic arithmetic);

// The counterexample as a table: variable, the network's number, name, value in the unit. B_i are a baseline's outputs.
std::vector<std::string> CounterexampleTable(const model::Property& property, const prover::Counterexample& found);

// The counterexample in the form that VNN-COMP uses: ((X_0 0.5) … (Y_0 1.25)), every number exact.
std::string CounterexampleText(const prover::Counterexample& found);

}  // namespace pawl::authoring
