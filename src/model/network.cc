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

std::vector<double> Strided(const std::vector<double>& from, const Shape& shape, const std::vector<uint64_t>& step) {
  std::vector<double> values(ElementCount(shape));
  Shape at(shape.size(), 0);
  for (double& value : values) {
    uint64_t source = 0;
    for (size_t i = 0; i < at.size(); ++i) source += at[i] * step[i];
    value = from[source];
    for (size_t i = at.size(); i > 0 && ++at[i - 1] == shape[i - 1]; --i) at[i - 1] = 0;
  }
  return values;
}

std::vector<double> Broadcast(const Tensor& constant, const Shape& shape) {
  // The step in the constant for one step along each axis of `shape`: 0 where the constant is stretched.
  std::vector<uint64_t> stride(shape.size(), 0);
  uint64_t step = 1;
  for (size_t i = 1; i <= constant.shape.size(); ++i) {
    const uint64_t axis = constant.shape[constant.shape.size() - i];
    if (axis != 1) stride[shape.size() - i] = step;
    step *= axis;
  }
  return Strided(constant.values, shape, stride);
}

bool SameGraph(const Network& a, const Network& b) {
  const auto same_tensor = [](const Tensor& x, const Tensor& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape && x.is_constant == y.is_constant &&
           x.origin == y.origin;
  };
  const auto same_node = [](const Node& x, const Node& y) {
    return x.kind == y.kind && x.name == y.name && x.onnx_operator == y.onnx_operator && x.inputs == y.inputs &&
           x.output == y.output && x.gemm.alpha == y.gemm.alpha && x.gemm.beta == y.gemm.beta &&
           x.gemm.transpose_a == y.gemm.transpose_a && x.gemm.transpose_b == y.gemm.transpose_b;
  };
  return a.input == b.input && a.output == b.output &&
         std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(), same_tensor) &&
         std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), same_node);
}

}  // namespace pawl::model
