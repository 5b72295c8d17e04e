#include "checker/relaxation.h"

namespace pawl::checker {

Relaxation::Relaxation(const Claim& claim) : claim_(&claim), values_(claim.sizes.size()) {
  std::size_t widest = 0, total = 0;
  for (std::size_t v = 0; v < values_.size(); ++v) {
    const std::size_t size = claim.sizes[v];
    widest = std::max(widest, size);
    total += size;
    Value& value = values_[v];
    for (auto* array : {&value.lower, &value.upper, &value.radius, &value.coefficients}) array->resize(size);
    if (v > 0 && claim.steps[v - 1].kind == model::OperationKind::kRelu)
      for (auto* array : {&value.slope, &value.offset, &value.keep}) array->resize(size);
  }
  // At most five additions a neuron on the way back, and as many again for the sum of their magnitudes.
  rounding_ = Gamma(10 * total + 64, kUnit);
  added_.resize(widest);
}

}  // namespace pawl::checker
