#include "model/network.h"

#include <algorithm>

namespace pawl::model {

std::string_view ElementTypeName(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return "float32";
    case ElementType::kFloat64:
      return "float64";
  }
  return "";
}

uint64_t ElementCount(const Shape& shape) {
  uint64_t count = 1;
  for (const uint64_t axis : shape) count *= axis;
  return count;
}

bool SameGraph(const Network& a, const Network& b) {
  const auto same_tensor = [](const Tensor& x, const Tensor& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape && x.origin == y.origin;
  };
  return a.type == b.type && a.input_shape == b.input_shape && a.output_shape == b.output_shape && a.graph == b.graph &&
         std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(), same_tensor);
}

}  // namespace pawl::model
