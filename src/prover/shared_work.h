// What a search needs of a network whatever the property is, kept from one property to the next: the graph with its
// constants folded, in the checker's form and in the prover's; and, of networks with many inputs, the slopes that bound
// the hidden neurons of a box.
//
//   SharedWork work;
//   for (const model::Property& property : properties) {
//     request.property = &property;
//     request.shared = &work;
//     ProofResult result = Prove(request);
//   }
//
// The answers are those without it, except that bounds of hidden neurons that a deadline cut short are not kept.
//
// Thread safety: one call to Prove at a time.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "checker/claim.h"
#include "prover/prover.h"
#include "prover/query.h"
#include "prover/root_section.h"
#include "result/result.h"

namespace pawl::prover {

class SharedWork {
 public:
  // Makes claim and query ready for a request about `property`, which outlives their use: what an earlier request about
  // the same network, baseline, arithmetic and radii has left is used again. Failure: as checker::PrepareClaim.
  Result<void> Prepare(const ProofRequest& request, const model::Property& property);

  // Of the last Prepare that succeeded.
  const checker::Claim& claim() const { return *claim_; }
  const Query& query() const { return query_; }
  // How often a graph was folded, for tests and reports.
  std::size_t folded() const { return folded_; }

  // The root section of a box as MakeRootSection gives it; the last one of each number of steps and leaves is kept.
  // Sections that are not complete are not.
  RootSection RootOf(const std::vector<float>& lower, const std::vector<float>& upper, const RootOptions& options);
  // How often RootOf had to make one.
  std::size_t bounded() const { return bounded_; }

 private:
  struct Key {
    const model::Network* network = nullptr;
    const model::Network* baseline = nullptr;
    checker::Arithmetic arithmetic = checker::Arithmetic::kReal;
    std::vector<checker::TensorRadius> radii;
    bool operator==(const Key&) const = default;
  };
  struct KnownRoot {
    int steps = 0;
    std::size_t leaves_max = 1;
    std::vector<float> lower, upper;
    RootSection section;
  };

  Result<void> Fold(const ProofRequest& request, const model::Property& property);

  Key key_;
  std::optional<checker::Claim> claim_;
  Query query_;
  std::vector<KnownRoot> roots_;  // no two of the same numbers of steps and leaves
  std::size_t folded_ = 0, bounded_ = 0;
};

}  // namespace pawl::prover
