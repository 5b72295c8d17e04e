#include "checker/envelope.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "checker/arithmetic.h"
#include "model/protobuf.h"

namespace pawl::checker {
namespace {

using Bytes = std::span<const std::uint8_t>;

// A tensor's elements in both files.
struct Stored {
  std::size_t begin = 0, end = 0;  // bytes
  std::size_t width = 4;           // of an element
  std::size_t radius = 0;          // whose it is

  static double Element(Bytes bytes, std::size_t at, std::size_t width) {
    const std::uint64_t bits = model::LittleEndian(bytes.subspan(at, width));
    return width == 8 ? std::bit_cast<double>(bits) : std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  }
};

Error Outside(const std::string& what) {
  return Refused("checker.envelope", "the network is not in the certificate's envelope: " + what, "prove this network");
}

// Where the centre holds the tensors, in the order of the file.
Result<std::vector<Stored>> Locate(const model::Network& centre, std::span<const TensorRadius> radii,
                                   std::size_t file_size) {
  std::vector<Stored> places;
  for (std::size_t r = 0; r < radii.size(); ++r) {
    const auto tensor = std::find_if(centre.tensors.begin(), centre.tensors.end(), [&](const model::Tensor& t) {
      return t.origin == radii[r].tensor && t.stored_at != model::Tensor::kNotStored;
    });
    if (tensor == centre.tensors.end())
      return Refused("checker.radius", "the centre does not hold tensor '" + radii[r].tensor + "' as raw data");
    const std::size_t width = tensor->type == model::ElementType::kFloat32 ? 4 : 8;
    const std::size_t begin = tensor->stored_at, size = width * tensor->values.size();
    if (begin > file_size || size > file_size - begin) return Outside("the centre is another file");
    places.push_back({begin, begin + size, width, r});
  }
  std::sort(places.begin(), places.end(), [](const Stored& a, const Stored& b) { return a.begin < b.begin; });
  return places;
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

Result<std::vector<double>> MeasureDistances(const model::Network& centre, Bytes centre_bytes, Bytes candidate_bytes,
                                             std::span<const TensorRadius> radii) {
  if (!EnvironmentIsSound())
    return SystemFailure("checker.environment", "floating-point arithmetic is unusual in a thread of this machine");
  if (candidate_bytes.size() != centre_bytes.size()) return Outside("its file has another size than the centre's");
  Result<std::vector<Stored>> places = Locate(centre, radii, centre_bytes.size());
  if (!places.ok()) return places.error();
  std::vector<double> distances(radii.size(), 0);
  std::size_t at = 0;
  const auto is_same = [&](std::size_t end) {
    return std::memcmp(centre_bytes.data() + at, candidate_bytes.data() + at, end - at) == 0;
  };
  constexpr const char* kMore = "it differs from the centre in more than the tensors that have a radius";
  for (const Stored& place : *places) {
    if (place.begin < at || !is_same(place.begin)) return Outside(kMore);
    for (at = place.begin; at < place.end; at += place.width) {
      const double from = Stored::Element(centre_bytes, at, place.width);
      const double to = Stored::Element(candidate_bytes, at, place.width);
      const TensorRadius& radius = radii[place.radius];
      if (!IsWithin(from, to, radius.radius))
        return Outside("element " + std::to_string((at - place.begin) / place.width) + " of tensor '" + radius.tensor +
                       "' is farther from the centre's than its radius");
      distances[place.radius] = std::max(distances[place.radius], std::abs(to - from) / radius.radius);
    }
  }
  if (!is_same(centre_bytes.size())) return Outside(kMore);
  return distances;
}

}  // namespace pawl::checker
