// A proof request in the form that the search works on: boxes and rows in floating point.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <vector>

#include "checker/certificate.h"
#include "model/network.h"
#include "model/property.h"
#include "prover/batch_bounds.h"
#include "prover/flat_network.h"
#include "result/result.h"

namespace pawl::prover {

// One disjunct of the input set.
struct QueryCase {
  // The root box as spec/certificate.md defines it for the arithmetic.
  std::vector<double> lower, upper;
  // Where counterexamples are looked for: the smallest and largest number of the network's element type that satisfies
  // the exact constraints. lower > upper where there is none.
  std::vector<double> attack_lower, attack_upper;
  // The rows of all conjunctions, one after the other.
  RowSet rows;
  // Rows [first_row[c], first_row[c + 1]) are those of conjunction c.
  std::vector<std::uint32_t> first_row;

  std::size_t conjunctions() const { return first_row.size() - 1; }
  bool attackable() const;
};

struct Query {
  FlatNetwork network;  // no layers where the network is no chain of dense layers and ReLUs: see graph_search.h
  bool single_precision = true;
  std::vector<QueryCase> cases;
  std::size_t rows_max = 0;  // of one case

  bool is_chain() const { return !network.layers.empty(); }
};

// The cases of another property, in the place of those that the query has.
void SetCases(const model::Network& network, const model::Property& property, checker::Arithmetic arithmetic,
              Query& query);

// The claim is that of network and property.
Query MakeQuery(const model::Network& network, const model::Property& property, const checker::Claim& claim);

}  // namespace pawl::prover
