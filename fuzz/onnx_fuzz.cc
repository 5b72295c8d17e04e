// Any bytes are read or refused; what is read keeps the invariants that network.h promises and can be evaluated.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "model/evaluation.h"
#include "model/network.h"
#include "model/vector_program.h"

using namespace pawl::model;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckInvariants(const Network& network) {
  Require(network.input < network.tensors.size() && network.output < network.tensors.size());
  std::vector<bool> known(network.tensors.size(), false);
  for (size_t i = 0; i < network.tensors.size(); ++i) {
    const Tensor& tensor = network.tensors[i];
    known[i] = tensor.is_constant || i == network.input;
    Require(tensor.type == network.element_type() || tensor.is_constant);
    Require(tensor.values.size() == (tensor.is_constant ? ElementCount(tensor.shape) : 0));
  }
  for (const Node& node : network.nodes) {
    for (const size_t input : node.inputs) Require(known.at(input));
    Require(!known.at(node.output));
    known[node.output] = true;
  }
  Require(known[network.output] && !network.tensors[network.output].is_constant);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  NetworkLimits limits;
  limits.elements_max = 1 << 16;
  const pawl::Result<Network> network = ReadOnnx({data, size}, limits);
  if (!network.ok()) {
    Require(!network.error().rule.empty() && !network.error().message.empty());
    return 0;
  }
  CheckInvariants(*network);
  Require(SameGraph(*network, *network));
  const VectorProgram program = ToVectorProgram(*network);
  Require(program.SizeOf(program.output) == network->output_size());
  const auto output = EvaluateReference(program, std::vector<double>(network->input_size(), 0.5));
  Require(output.ok() && output->size() == network->output_size());
  return 0;
}
