// Envelopes: radii for a network's weights, and the largest ones for which a property can be proven.
//
//   request.radii = RadiiFor(network, {.value = 0.001, .unit = RadiusUnit::kShare});   // 0.1 % of the largest weight
//   ProofResult result = Prove(request);
//
//   WidestProof widest = ProveWidest(request);            // within request.timeout_ms
//   if (widest.result.status == ProofStatus::kProven) Use(widest.result.certificate, widest.share);
//
// Thread safety: as Prove.
#pragma once

#include <cstdint>
#include <vector>

#include "checker/certificate.h"
#include "model/network.h"
#include "prover/prover.h"

namespace pawl::prover {

enum class RadiusUnit {
  kAbsolute,  // the same for every tensor
  kShare,     // of the largest magnitude in the tensor
};
struct WeightRadius {
  double value = 0;
  RadiusUnit unit = RadiusUnit::kShare;
};

struct WidestLimits {
  // No tensor gets a larger radius than this, absolute, however large its weights are; 0: no limit.
  double radius_max = 0;
  // For everything after the proof of the centre, which then has the request's time for itself; 0: what the centre
  // leaves of it.
  std::uint64_t widening_ms = 0;
};

// Radii for all weights and biases of Gemm, MatMul and Conv and all constants that Add adds, where nothing else uses
// them and the file holds them as raw data; none for tensors that are 0 where a share is asked for. Names increase.
std::vector<checker::TensorRadius> RadiiFor(const model::Network& network, const WeightRadius& radius,
                                            const WidestLimits& limits = {});

struct WidestProof {
  // Of the largest radius that was proven; kProven without radii where the centre alone was. Else why the centre was
  // not.
  // Its seconds are those of all trials; what it says of a parent is about the proof of the centre.
  ProofResult result;
  double share = 0;        // the radius, of each tensor's largest magnitude, before limits; 0: of the centre alone
  double share_open = 0;   // the smallest for which no proof was found; 0: none was tried
  std::size_t trials = 0;  // searches
};

// First a proof of the centre, then of larger and smaller envelopes, by bisection of the exponent down to steps of a
// tenth. Each search begins with the certificate of the largest radius so far and gets a share of the time that is
// left, so a larger radius may exist that more time would find. It ends as well where every tensor has the largest
// radius that the limits allow. `request.radii` is not used.
WidestProof ProveWidest(const ProofRequest& request, const WidestLimits& limits = {});

}  // namespace pawl::prover
