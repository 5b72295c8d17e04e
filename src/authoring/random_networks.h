// Does a property say anything? One that a hundred networks with random weights all satisfy asks for very little.
//
//   RandomTrial trial = TryRandomNetworks({.shape = &network, .property = &property});
//   if (!trial.violated) Warn(…);
//
// Method: the affine layers' weights are drawn anew (normal, variance 2/inputs: He et al. 2015; biases with variance
// 1/inputs), everything else stays. Each network is tried on random points of the input boxes; where no point of any
// network violates the property, the prover looks at one network after the other for a moment each.
//
// Thread safety: pure function.
#pragma once

#include <cstdint>

#include "checker/certificate.h"
#include "model/network.h"
#include "model/property.h"

namespace pawl::authoring {

struct RandomTrialRequest {
  const model::Network* shape = nullptr;  // graph, sizes and element type; its weights are replaced
  const model::Property* property = nullptr;
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;
  unsigned networks = 100;
  uint64_t seed = 1;
  double seconds_max = 10;
};

struct RandomTrial {
  bool violated = false;  // some network was seen to violate the property; nothing was tried after it
  unsigned sampled = 0;   // networks tried on random points
  unsigned proven = 0;    // networks that the prover showed to satisfy it
};

// Requires a property that fits the network.
RandomTrial TryRandomNetworks(const RandomTrialRequest& request);

}  // namespace pawl::authoring
