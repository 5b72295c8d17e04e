// Counterexamples by gradient for any network that the checker can bound; see graph_search.h. Thread safety: as
// GraphPass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "prover/counterexample.h"
#include "prover/graph_pass.h"
#include "prover/query.h"

namespace pawl::prover {

// The rows of the unsafe set as the checker forms them: [case][conjunction][row].
using RowsOfCases = std::vector<std::vector<std::vector<checker::RefutationRow>>>;
// Empty where a row exceeds double precision.
RowsOfCases AllRows(const checker::Claim& claim);

class GraphAttack {
 public:
  GraphAttack(const checker::Claim& claim, const Query& query, const RowsOfCases& rows, const Confirmer& confirmer,
              std::uint64_t seed);

  GraphPass& pass() { return pass_; }
  // A row's value at the point that was evaluated last.
  double ValueOf(const checker::RefutationRow& row) const;
  // The row of a conjunction that is largest there.
  std::size_t LargestRow(std::size_t case_index, std::size_t conjunction) const;
  // Evaluates the network at the nearest point of the case's box that has numbers of the element type; a counterexample
  // if it is one.
  std::optional<Counterexample> Try(std::size_t case_index, std::vector<double>& point);
  // The gradient of a row over the inputs. Requires Try.
  std::vector<double> Gradient(const checker::RefutationRow& row);
  // Descends from a point, or from a random one where it is empty (Madry et al., 2018, with a step that shrinks).
  std::optional<Counterexample> Descend(std::size_t case_index, std::size_t conjunction, std::vector<double> point,
                                        int steps);

 private:
  const checker::Claim& claim_;
  const Query& query_;
  const RowsOfCases& rows_;
  const Confirmer& confirmer_;
  GraphPass pass_;
  std::mt19937_64 random_;
};

}  // namespace pawl::prover
