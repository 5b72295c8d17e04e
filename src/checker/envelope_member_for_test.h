// Other networks of an envelope, as files: each element somewhere within its radius, on the rim more often than not.
// For tests of bounds and proofs, which may not depend on which member is taken.
#pragma once

#include <gmpxx.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "checker/certificate.h"
#include "model/network.h"

namespace pawl::checker {

// A number of the format as far from `from` as the radius allows, or less; decided with rationals.
template <typename T>
T Neighbour(T from, double radius, std::mt19937_64& random) {
  const std::size_t where = random() % 4;
  const double share = where < 2 ? 1 : where == 2 ? std::uniform_real_distribution<double>(0, 1)(random) : 0;
  T to = static_cast<T>(static_cast<double>(from) + (random() % 2 == 0 ? share : -share) * radius);
  while (abs(mpq_class(mpq_class(static_cast<double>(to)) - mpq_class(static_cast<double>(from)))) > mpq_class(radius))
    to = std::nextafter(to, from);
  return to;
}

// `centre` was read from `bytes`.
inline std::string DrawMember(const model::Network& centre, const std::string& bytes,
                              const std::vector<TensorRadius>& radii, std::mt19937_64& random) {
  std::string member = bytes;
  const auto put = [&member](std::size_t at, auto value) { std::memcpy(member.data() + at, &value, sizeof value); };
  for (const TensorRadius& radius : radii) {
    for (const model::Tensor& tensor : centre.tensors) {
      if (tensor.origin != radius.tensor || tensor.stored_at == model::Tensor::kNotStored) continue;
      for (std::size_t i = 0; i < tensor.values.size(); ++i) {
        if (tensor.type == model::ElementType::kFloat32)
          put(tensor.stored_at + 4 * i, Neighbour(static_cast<float>(tensor.values[i]), radius.radius, random));
        else
          put(tensor.stored_at + 8 * i, Neighbour(tensor.values[i], radius.radius, random));
      }
    }
  }
  return member;
}

}  // namespace pawl::checker
