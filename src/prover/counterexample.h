// Finding inputs that reach the unsafe set, and confirming them exactly.
//
// Thread safety: Confirmer is shared by threads; an Attacker belongs to one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/network.h"
#include "model/property.h"
#include "prover/batch_bounds.h"
#include "prover/prover.h"
#include "prover/query.h"

namespace pawl::prover {

// Decides whether an input is a counterexample: the input constraints exactly, the outputs by the reference evaluation
// and in real arithmetic. Network and property must outlive it.
class Confirmer {
 public:
  // With a baseline, the property is one of the difference of outputs (checker/drift.h), which is taken exactly.
  Confirmer(const model::Network& network, const model::Network* baseline, const model::Property& property,
            checker::Arithmetic arithmetic);

  // `input` holds numbers of the network's element type. Nothing unless it violates the requested arithmetic.
  std::optional<Counterexample> Confirm(const std::vector<double>& input) const;

 private:
  std::optional<model::Violation> FloatViolation(Counterexample& found) const;
  std::optional<model::Violation> RealViolation(const std::vector<double>& input) const;

  const model::Network& network_;
  const model::Network* baseline_;
  const model::Property& property_;
  checker::Arithmetic arithmetic_;
  // Exact evaluation is slow; near misses may ask for it this often.
  mutable std::atomic<int> exact_budget_;
};

// Projected gradient descent on the largest row of a conjunction, sixteen points at a time (Madry et al., "Towards Deep
// Learning Models Resistant to Adversarial Attacks", 2018, with a step that shrinks), then random steps around the best
// point.
class Attacker {
 public:
  // `bounds` is used for its point evaluation only and must not be between Propagate and a reader of its results that
  // needs the point buffers.
  Attacker(const Query& query, const Confirmer& confirmer, BatchBounds& bounds, std::uint64_t seed);

  // Descends from sixteen random points of the case, four of them corners, for one conjunction.
  std::optional<Counterexample> FromRandomPoints(const QueryCase& query_case, std::size_t conjunction);
  // Descends from the given points, then searches around the best one; `points` is [kLanes][inputs] and is changed.
  // With 0 steps the points are only tried.
  std::optional<Counterexample> FromPoints(const QueryCase& query_case, std::size_t conjunction,
                                           std::vector<float>& points, int steps);

 private:
  std::optional<Counterexample> Evaluate(const QueryCase& query_case, std::size_t conjunction,
                                         std::vector<float>& points);
  float RowValue(const RowSet& rows, std::uint32_t row, std::size_t lane, const float* point) const;
  void Descend(const QueryCase& query_case, std::vector<float>& points, float step);
  std::optional<Counterexample> Try(const QueryCase& query_case, const float* point);
  void Clamp(const QueryCase& query_case, float* point) const;
  double Random();  // in [0, 1)

  const Query& query_;
  const Confirmer& confirmer_;
  BatchBounds& bounds_;
  std::uint64_t state_;
  std::vector<float> gradient_rows_;  // [outputs][kLanes]
  std::uint32_t worst_row_[kLanes] = {};
  float best_loss_ = 0;
  std::vector<float> best_point_;
};

}  // namespace pawl::prover
