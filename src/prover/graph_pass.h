// Rows and points going through any network that the checker can bound, node by node: for networks that are no chain of
// dense layers and ReLUs. One row or point at a time, in double precision; what it finds only steers the search.
//
//   GraphPass pass(claim);
//   pass.Evaluate(x);                                  // pass.value(v): every value at x; lines: tangents there
//   pass.Pull(output_row, nullptr);                    // pass.coefficients(0): the row's gradient at x
//
//   pass.Relax(root);                                  // lines: the root's relaxation
//   double bound = pass.Pull(output_row, &box);        // the row's lower bound
//   pass.Push();                                       // pass.value(v): the relaxed network where it is reached
//
// Thread safety: one object per thread; the claim outlives it.
#pragma once

#include <cstddef>
#include <vector>

#include "checker/claim.h"
#include "checker/root_bounds.h"

namespace pawl::prover {

class GraphPass {
 public:
  // What bounds the elements of one value by its operand: keep·x + keep_offset ≤ y ≤ slope·x + offset. Of a maximum,
  // slope and keep belong to its members.
  struct Lines {
    std::vector<double> slope, offset, keep, keep_offset;
  };

  explicit GraphPass(const checker::Claim& claim);

  void Evaluate(const std::vector<double>& x);
  void Relax(const checker::RootBounds& root);
  Lines& lines(std::size_t v) { return lines_[v]; }

  // Adds to the row that the next Pull starts with.
  void AddToRow(std::size_t v, std::size_t index, double coefficient) { extra_.push_back({v, index, coefficient}); }
  // Substitutes a row over the outputs down to the inputs. With a box, returns its lower bound there.
  double Pull(const std::vector<double>& row, const checker::RootBox* box);
  void Push();

  const std::vector<double>& value(std::size_t v) const { return values_[v]; }
  // Of value v in the row that was substituted, before its own node was passed.
  const std::vector<double>& coefficients(std::size_t v) const { return coefficients_[v]; }

 private:
  struct Extra {
    std::size_t value, index;
    double coefficient;
  };
  void Through(const checker::Step& step, std::size_t v, double& constant);
  double Element(const checker::Step& step, std::size_t v, std::size_t i);
  double AffineElement(const checker::Step& step, std::size_t i) const;

  const checker::Claim& claim_;
  std::vector<Lines> lines_;
  std::vector<std::vector<double>> values_, coefficients_, radius_;
  std::vector<Extra> extra_;
};

}  // namespace pawl::prover
