// Any bytes are read or refused; what is read keeps the invariants that network.h promises and can be evaluated.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "evaluation/reference.h"
#include "model/network.h"

using namespace pawl::model;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// Sizes and places that the functions' descriptions promise.
class Checker {
 public:
  Checker(const Network& network, const VectorNode& node) : network_(network), node_(node) {
    for (const size_t input : node.inputs) list_size_ += network.graph.SizeOf(input);
  }

  void operator()(const Dense& dense) const {
    Require(dense.rows == node_.size && dense.columns == list_size_);
    RequireTensor(dense.weights, (dense.rows - 1) * dense.row_step + (dense.columns - 1) * dense.column_step + 1);
    if (dense.bias != kNoConstant) RequireTensor(dense.bias, (dense.rows - 1) * dense.bias_step + 1);
  }
  void operator()(const Convolution& convolution) const {
    const Window& window = convolution.window;
    Require(convolution.input_channels * window.InputSize() == list_size_);
    Require(convolution.output_channels * window.OutputSize() == node_.size);
    Require(convolution.input_channels % convolution.groups == 0 &&
            convolution.output_channels % convolution.groups == 0);
    RequireTensor(convolution.weights,
                  convolution.output_channels * convolution.input_channels / convolution.groups * window.KernelSize());
    if (convolution.bias != kNoConstant) RequireTensor(convolution.bias, convolution.output_channels);
    Require(convolution.divisors.empty() || convolution.divisors.size() == window.OutputSize());
  }
  void operator()(const Elementwise& elementwise) const {
    Require(node_.size == list_size_);
    RequireTensor(elementwise.constant, (node_.size - 1) * elementwise.constant_step + 1);
  }
  void operator()(const BatchNormalization& norm) const {
    Require(node_.size == list_size_ && node_.size % norm.channel_size == 0);
    for (const size_t constant : {norm.scale, norm.bias, norm.mean, norm.variance}) {
      RequireTensor(constant, node_.size / norm.channel_size);
    }
  }
  void operator()(const Sum&) const {
    Require(node_.inputs.size() == 2);
    for (const size_t input : node_.inputs) Require(network_.graph.SizeOf(input) == node_.size);
  }
  void operator()(const Select& select) const {
    uint64_t size = list_size_;
    for (const size_t constant : select.constants) size += network_.tensors.at(constant).values.size();
    Require(select.source.size() == node_.size);
    for (const uint32_t i : select.source) Require(i < size);
  }
  void operator()(const Maximum& maximum) const {
    Require(maximum.begin.size() == node_.size + 1 && maximum.begin.front() == 0);
    Require(maximum.begin.back() == maximum.members.size());
    for (size_t i = 0; i < node_.size; ++i) Require(maximum.begin[i] < maximum.begin[i + 1]);
    for (const uint32_t i : maximum.members) Require(i < list_size_);
  }
  void operator()(const Activation& activation) const {
    Require(node_.size == list_size_ && activation.lower <= activation.upper);
  }

 private:
  void RequireTensor(size_t constant, uint64_t size) const {
    Require(network_.tensors.at(constant).values.size() >= size);
    Require(network_.tensors[constant].type == network_.type);
  }

  const Network& network_;
  const VectorNode& node_;
  uint64_t list_size_ = 0;  // elements of all operands
};

void CheckInvariants(const Network& network) {
  for (const Tensor& tensor : network.tensors) Require(tensor.values.size() == ElementCount(tensor.shape));
  const VectorGraph& graph = network.graph;
  std::vector<bool> used(graph.nodes.size() + 1, false);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Require(!graph.nodes[i].inputs.empty() && !graph.nodes[i].description.empty());
    for (const size_t input : graph.nodes[i].inputs) {
      Require(input <= i);
      used[input] = true;
    }
    std::visit(Checker(network, graph.nodes[i]), graph.nodes[i].function);
  }
  used.at(graph.output) = true;
  for (size_t v = 1; v < used.size(); ++v) Require(used[v]);
  Require(ElementCount(network.input_shape) == network.input_size());
  Require(ElementCount(network.output_shape) == network.output_size());
}

// Where the file holds a tensor, other bytes are other values of this tensor and change nothing else: what networks of
// an envelope rely on.
void CheckStoredTensors(const Network& network, std::span<const uint8_t> file, const NetworkLimits& limits) {
  std::vector<uint8_t> changed(file.begin(), file.end());
  std::set<std::string> stored;
  for (const Tensor& tensor : network.tensors) {
    if (tensor.stored_at == Tensor::kNotStored) continue;
    const uint64_t width = tensor.type == ElementType::kFloat64 ? 8 : 4;
    Require(tensor.origin == tensor.name && stored.insert(tensor.name).second);
    Require(tensor.stored_at <= file.size() && tensor.values.size() <= (file.size() - tensor.stored_at) / width);
    for (size_t i = 0; i < tensor.values.size(); ++i) changed[tensor.stored_at + i * width] ^= 1;  // the last digit
  }
  const pawl::Result<Network> other = ReadOnnx(changed, limits);
  if (!other.ok()) return Require(other.error().rule == "onnx.non-finite");  // divides by what is 0 now
  Require(other->graph == network.graph && other->tensors.size() == network.tensors.size());
  for (size_t t = 0; t < network.tensors.size(); ++t) {
    Tensor expected = other->tensors[t];
    const bool moves = stored.contains(expected.origin);
    Require(moves == (expected.values != network.tensors[t].values));
    expected.values = network.tensors[t].values;
    Require(expected == network.tensors[t]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  NetworkLimits limits;
  limits.elements_max = 1 << 14;
  const pawl::Result<Network> network = ReadOnnx({data, size}, limits);
  if (!network.ok()) {
    Require(!network.error().rule.empty() && !network.error().message.empty());
    return 0;
  }
  CheckInvariants(*network);
  CheckStoredTensors(*network, {data, size}, limits);
  const auto output = pawl::evaluation::EvaluateReference(*network, std::vector<double>(network->input_size(), 0.5));
  Require(output.ok() && output->size() == network->output_size());
  return 0;
}
