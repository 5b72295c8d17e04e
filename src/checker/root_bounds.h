// Bounds of all values over a whole case, by the root section of its proof: what Recipe::kRoot starts from.
//
//   Result<RootBounds> root = BoundRoot(*claim, /*case_index=*/0, proof.root, /*threads=*/2);
//   engine.SetRoot(&*root);
//
// Each value gets interval bounds; each operand of a ReLU whose sign they leave open gets one backward substitution
// below and one above, with the slopes of the section. Lane = one of these substitutions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "checker/relaxation.h"
#include "result/result.h"

namespace pawl::checker {

// A neuron that slope tables have a slope for.
struct ListedNeuron {
  std::size_t value = 0;  // the ReLU's result
  std::size_t neuron = 0;
};

struct RootBounds {
  std::vector<ListedNeuron> listed;  // in the order of slope tables
  Relaxation relaxation;             // the same in all lanes
  bool usable = true;                // false: something is not finite, or may overflow
};

// Which neurons the tables of a case have slopes for. Failure: kRefused "checker.root" where the section's layers are
// not the network's.
Result<std::vector<ListedNeuron>> ListNeurons(const Claim& claim, const std::vector<RootLayer>& layers);

// Failure: as ListNeurons; kSystem "checker.environment". `threads` is at least 1; the result does not depend on it.
Result<RootBounds> BoundRoot(const Claim& claim, std::size_t case_index, const std::vector<RootLayer>& layers,
                             unsigned threads);

// Multiplications and additions at most, for limits of work.
double RootOperations(const Claim& claim, const std::vector<RootLayer>& layers);

}  // namespace pawl::checker
