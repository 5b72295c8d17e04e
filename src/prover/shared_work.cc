#include "prover/shared_work.h"

#include <algorithm>
#include <cmath>

#include "checker/drift.h"

namespace pawl::prover {

Result<void> SharedWork::Fold(const ProofRequest& request, const model::Property& property) {
  claim_.reset();
  roots_.clear();
  Result<checker::Claim> claim =
      request.baseline != nullptr
          ? checker::PrepareDriftClaim(*request.network, *request.baseline, property, request.arithmetic)
          : checker::PrepareClaim(*request.network, property, request.arithmetic, request.radii);
  if (!claim.ok()) return claim.error();
  ++folded_;
  claim_ = std::move(*claim);
  query_ = MakeQuery(*request.network, property, *claim_);
  return {};
}

Result<void> SharedWork::Prepare(const ProofRequest& request, const model::Property& property) {
  Key key{request.network, request.baseline, request.arithmetic, request.radii};
  if (!claim_.has_value() || key != key_) {
    key_ = std::move(key);
    return Fold(request, property);
  }
  for (const model::Network* network : {request.network, request.baseline}) {
    if (network == nullptr) continue;
    if (Result<void> fits = model::CheckFits(*network, property); !fits.ok()) return fits.error();
  }
  claim_->property = &property;
  SetCases(*request.network, property, request.arithmetic, query_);
  claim_->boxes.clear();
  for (const QueryCase& query_case : query_.cases) {
    for (std::size_t i = 0; i < query_case.lower.size(); ++i) {
      const double lower = query_case.lower[i], upper = query_case.upper[i];
      // The checker has the words for it.
      if (!std::isfinite(lower) || !std::isfinite(upper) || lower > upper) return Fold(request, property);
    }
    claim_->boxes.push_back({query_case.lower, query_case.upper});
  }
  return {};
}

RootSection SharedWork::RootOf(const std::vector<float>& lower, const std::vector<float>& upper,
                               const RootOptions& options) {
  const auto known = std::find_if(roots_.begin(), roots_.end(), [&](const KnownRoot& root) {
    return root.steps == options.steps && root.leaves_max == options.leaves_max;
  });
  if (known != roots_.end() && known->lower == lower && known->upper == upper) return known->section;
  if (known != roots_.end()) roots_.erase(known);
  ++bounded_;
  RootSection section = MakeRootSection(query_.network, lower, upper, options);
  if (section.complete) roots_.push_back({options.steps, options.leaves_max, lower, upper, section});
  return section;
}

}  // namespace pawl::prover
