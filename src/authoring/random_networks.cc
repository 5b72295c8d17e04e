#include "authoring/random_networks.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <vector>

#include "evaluation/reference.h"
#include "prover/prover.h"

namespace pawl::authoring {
namespace {

using Clock = std::chrono::steady_clock;

double AsElement(double value, model::ElementType type) {
  return type == model::ElementType::kFloat32 ? static_cast<double>(static_cast<float>(value)) : value;
}

model::Network Randomised(const model::Network& shape, std::mt19937_64& random) {
  model::Network network = shape;
  std::normal_distribution<double> normal(0, 1);
  const auto redraw = [&](size_t constant, double variance) {
    if (constant == model::kNoConstant || shape.tensors[constant].origin.empty()) return;
    for (double& value : network.tensors[constant].values) {
      value = AsElement(std::sqrt(variance) * normal(random), network.element_type());
    }
  };
  for (const model::VectorNode& node : shape.graph.nodes) {
    if (const auto* dense = std::get_if<model::Dense>(&node.function)) {
      redraw(dense->weights, 2.0 / static_cast<double>(dense->columns));
      redraw(dense->bias, 1.0 / static_cast<double>(dense->columns));
    } else if (const auto* convolution = std::get_if<model::Convolution>(&node.function)) {
      const uint64_t products = convolution->input_channels / convolution->groups * convolution->window.KernelSize();
      redraw(convolution->weights, 2.0 / static_cast<double>(products));
      redraw(convolution->bias, 1.0 / static_cast<double>(products));
    }
  }
  return network;
}

// A point of the box in the network's element type; where the box holds no such number, one that is near.
std::vector<double> RandomPoint(const model::Case& one, model::ElementType type, std::mt19937_64& random) {
  std::vector<double> point;
  std::uniform_real_distribution<double> uniform(0, 1);
  for (const model::InputRange& range : one.box) {
    const bool narrow = type == model::ElementType::kFloat32;
    const double low = narrow ? range.lower.EncloseFloat32().upper : range.lower.EncloseFloat64().upper;
    const double high = narrow ? range.upper.EncloseFloat32().lower : range.upper.EncloseFloat64().lower;
    const double value = AsElement(low + (high - low) * uniform(random), type);
    point.push_back(low <= high ? std::clamp(value, low, high) : low);
  }
  return point;
}

bool ViolatedSomewhere(const model::Network& network, const model::Property& property, std::mt19937_64& random) {
  constexpr size_t kPoints = 128;
  for (size_t i = 0; i < kPoints; ++i) {
    const std::vector<double> point =
        RandomPoint(property.cases[i % property.cases.size()], network.element_type(), random);
    if (!std::all_of(point.begin(), point.end(), [](double x) { return std::isfinite(x); })) continue;
    const Result<std::vector<double>> output = evaluation::EvaluateReference(network, point);
    if (output.ok() && model::FindViolation(property, point, *output)) return true;
  }
  return false;
}

}  // namespace

RandomTrial TryRandomNetworks(const RandomTrialRequest& request) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(request.seconds_max);
  std::mt19937_64 random(request.seed);
  RandomTrial trial;
  while (trial.sampled < request.networks && Clock::now() < deadline) {
    const model::Network network = Randomised(*request.shape, random);
    ++trial.sampled;
    trial.violated = ViolatedSomewhere(network, *request.property, random);
    if (trial.violated) return trial;
  }
  std::mt19937_64 again(request.seed + 1);
  for (unsigned i = 0; i < request.networks; ++i) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) break;
    const model::Network network = Randomised(*request.shape, again);
    prover::ProofRequest proof;
    proof.network = &network;
    proof.property = request.property;
    proof.arithmetic = request.arithmetic;
    proof.timeout_ms = static_cast<uint64_t>(std::min<int64_t>(left, 250));
    proof.threads = 1;
    proof.memory_mib_max = 256;
    const prover::ProofResult result = prover::Prove(proof);
    trial.violated = result.status == prover::ProofStatus::kViolated;
    if (trial.violated) break;
    if (result.status == prover::ProofStatus::kProven) ++trial.proven;
  }
  return trial;
}

}  // namespace pawl::authoring
