#include "checker/envelope.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <string>

#include "checker/arithmetic.h"
#include "model/protobuf.h"

namespace pawl::checker {
namespace {

Error Outside(const std::string& what) {
  return Refused("checker.envelope", "the network is not in the certificate's envelope: " + what, "prove this network");
}

}  // namespace

// Rounding is monotone and the radius is a double, so the rounded difference decides, unless it is the radius itself:
// then its own rounding error does, which is a double (Knuth's TwoSum).
bool IsWithin(double from, double to, double radius) {
  const double difference = to - from;
  if (std::abs(difference) != radius) return std::abs(difference) < radius;
  const double part = difference - to, error = (to - (difference - part)) + (-from - part);
  return difference > 0 ? error <= 0 : error >= 0;
}

Result<std::vector<double>> MeasureDistances(const model::Network& centre, std::span<const std::uint8_t> centre_bytes,
                                             std::span<const std::uint8_t> candidate_bytes,
                                             std::span<const TensorRadius> radii) {
  if (!EnvironmentIsSound())
    return SystemFailure("checker.environment", "floating-point arithmetic is unusual in a thread of this machine");
  if (candidate_bytes.size() != centre_bytes.size()) return Outside("its file has another size than the centre's");
  // The candidate, with the centre's elements in the place of its own.
  std::vector<std::uint8_t> restored(candidate_bytes.begin(), candidate_bytes.end());
  std::vector<double> distances;
  for (const TensorRadius& radius : radii) {
    const auto tensor = std::find_if(centre.tensors.begin(), centre.tensors.end(), [&](const model::Tensor& t) {
      return t.origin == radius.tensor && t.stored_at != model::Tensor::kNotStored;
    });
    if (tensor == centre.tensors.end())
      return Refused("checker.radius", "the centre does not hold tensor '" + radius.tensor + "' as raw data");
    const bool is_wide = tensor->type == model::ElementType::kFloat64;
    const std::size_t width = is_wide ? 8 : 4;
    double& distance = distances.emplace_back(0);
    for (std::size_t i = 0; i < tensor->values.size(); ++i) {
      const std::size_t at = tensor->stored_at + i * width;
      assert(at + width <= centre_bytes.size());
      const std::uint64_t bits = model::LittleEndian(candidate_bytes.subspan(at, width));
      const double from = tensor->values[i],
                   to = is_wide ? std::bit_cast<double>(bits) : std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      if (!IsWithin(from, to, radius.radius))
        return Outside("element " + std::to_string(i) + " of tensor '" + radius.tensor + "' is beyond its radius");
      distance = std::max(distance, std::abs(to - from) / radius.radius);
      std::copy_n(&centre_bytes[at], width, &restored[at]);
    }
  }
  if (!std::equal(restored.begin(), restored.end(), centre_bytes.begin()))
    return Outside("it differs from the centre in more than the tensors that have a radius");
  return distances;
}

}  // namespace pawl::checker
