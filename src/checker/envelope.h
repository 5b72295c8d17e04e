// Whether a network lies in a certificate's envelope, and how near to its rim.
//
//   Result<std::vector<double>> distances = MeasureDistances(centre, centre_bytes, candidate_bytes, certificate.radii);
//   if (distances.ok()) ...                  // what is proven of the envelope is proven of the candidate
//
// Nothing of the candidate is parsed: its file is the centre's, byte by byte, but where the centre's file holds the
// elements of a tensor with a radius. So both are the same graph, and no reader can see it otherwise.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checker/certificate.h"
#include "model/network.h"
#include "result/result.h"

namespace pawl::checker {

// For each radius the largest |w' − w| / radius over its tensor's elements, rounded to nearest. Whether that is at most
// 1 is decided exactly. `centre` was read from `centre_bytes`.
// Failure: kRefused "checker.envelope" where the candidate is not in the envelope, "checker.radius" for a tensor that
// the centre does not hold as raw data; kSystem "checker.environment".
Result<std::vector<double>> MeasureDistances(const model::Network& centre, std::span<const std::uint8_t> centre_bytes,
                                             std::span<const std::uint8_t> candidate_bytes,
                                             std::span<const TensorRadius> radii);

// Whether |to − from| <= radius, exactly. False where a number is not finite.
bool IsWithin(double from, double to, double radius);

}  // namespace pawl::checker
