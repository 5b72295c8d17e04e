// Rows of an unsafe set as DualBounds takes them: over the results of the network's last ReLU.
//
// Internal to src/prover. Thread safety: values.
#pragma once

#include <vector>

#include "prover/batch_bounds.h"
#include "prover/dual_bounds.h"
#include "prover/flat_network.h"

namespace pawl::prover {

struct DualRow {
  std::vector<float> coefficients;  // one a result of the last ReLU
  float constant = 0;
  float margin = 0;  // a single precision bound above this is worth showing to the checker
};

// How many layers have a ReLU: all, or all but the last.
std::size_t ReluLayers(const FlatNetwork& network);

// Whether the rows of a network can be given over its last ReLU: it has one, and no row has input terms.
bool HasDualRows(const FlatNetwork& network, const RowSet& rows);

// Of all rows in `set`, in order. `bounds` knows the box and the hidden bounds, whose rounding the rows are charged
// with.
std::vector<DualRow> MakeDualRows(const DualBounds& bounds, const FlatNetwork& network, const RowSet& set);

// The nearest single precision number not above (not below) the value.
float RoundedDown(double value);
float RoundedUp(double value);

}  // namespace pawl::prover
