// Drift: how far a network's outputs can be from a baseline's, on the boxes of a property.
//
//   Result<model::Property> apart = DriftProperty(property, certificate.drift->within);
//   Result<Claim> claim = PrepareDriftClaim(network, baseline, *apart, Arithmetic::kFloat32);
//
// The claim is an ordinary one about a graph of three parts: the baseline's nodes, the network's nodes, and
// differences, one for each pair of values that correspond. The input is shared, and the claim's output is the
// difference of the two outputs. Differences are carried through the layers,
//
//   W'x' + b' − (Wx + b) = W'(x' − x) + (W' − W)x + (b' − b),
//
// and through a ReLU by lines over the difference of its operands (Paulsen et al., "ReluDiff", ICSE 2020, and
// "NeuroDiff", ASE 2020), so that what the networks have in common cancels, whatever it is relaxed to. A deployed
// difference errs by as much as both values do: their roundings do not cancel.
//
// Where the graphs differ in a node, or the node is neither a sum of products, a sum, a relabelling nor a ReLU, the
// difference of its two values is taken as it stands. That is sound, and loose.
//
// Thread safety: pure functions.
#pragma once

#include <span>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "model/decimal.h"
#include "model/network.h"
#include "model/property.h"
#include "result/result.h"

namespace pawl::checker {

// The property that the difference of outputs has to have: unsafe is, for each output i, Y_i > within[i], and then
// Y_i < −within[i]. Of `inputs` only the boxes are used. Failure: kRefused "checker.input-rows" (a case constrains its
// inputs by more than its box), "checker.within" (another number of outputs, or a bound that is not above 0).
Result<model::Property> DriftProperty(const model::Property& inputs, std::span<const model::Decimal> within);

// `property` outlives the claim, and comes from DriftProperty. Failure: as PrepareClaim, of either network.
Result<Claim> PrepareDriftClaim(const model::Network& network, const model::Network& baseline,
                                const model::Property& property, Arithmetic arithmetic);

}  // namespace pawl::checker
