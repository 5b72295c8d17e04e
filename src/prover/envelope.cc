#include "prover/envelope.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "prover/parent.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;

// By what is used of the tensors: weights and biases, and whatever else.
struct Uses {
  const model::Network& network;
  std::set<std::string> moves, stays;

  void Add(std::set<std::string>& to, std::size_t tensor) const {
    if (tensor != model::kNoConstant) to.insert(network.tensors[tensor].origin);
  }
  void operator()(const model::Dense& dense) {
    for (const std::size_t tensor : {dense.weights, dense.bias}) Add(moves, tensor);
  }
  void operator()(const model::Convolution& convolution) {
    for (const std::size_t tensor : {convolution.weights, convolution.bias}) Add(moves, tensor);
  }
  void operator()(const model::Elementwise& elementwise) {
    Add(elementwise.form == model::Elementwise::Form::kAdd ? moves : stays, elementwise.constant);
  }
  void operator()(const model::BatchNormalization& norm) {
    for (const std::size_t tensor : {norm.scale, norm.bias, norm.mean, norm.variance}) Add(stays, tensor);
  }
  void operator()(const model::Select& select) {
    for (const std::size_t tensor : select.constants) Add(stays, tensor);
  }
  void operator()(const model::Sum&) {}
  void operator()(const model::Maximum&) {}
  void operator()(const model::Activation&) {}
};

// Where a search for the largest radius begins, and how near it goes to it.
constexpr double kFirstShare = 0x1p-9, kShareMin = 0x1p-40, kStep = 1.1;
// Of the time that is left, for one trial.
constexpr double kTrialShare = 0.2;

}  // namespace

std::vector<checker::TensorRadius> RadiiFor(const model::Network& network, const WeightRadius& radius,
                                            const WidestLimits& limits) {
  Uses uses{network, {}, {}};
  for (const model::VectorNode& node : network.graph.nodes) std::visit(uses, node.function);
  std::map<std::string, double> radii;
  for (const model::Tensor& tensor : network.tensors) {
    const bool may_move = uses.moves.contains(tensor.origin) && !uses.stays.contains(tensor.origin);
    if (!may_move || tensor.stored_at == model::Tensor::kNotStored) continue;
    double largest = 0;
    for (const double value : tensor.values) largest = std::max(largest, std::abs(value));
    const double wanted = radius.unit == RadiusUnit::kShare ? radius.value * largest : radius.value;
    radii[tensor.origin] = limits.radius_max > 0 ? std::min(wanted, limits.radius_max) : wanted;
  }
  std::vector<checker::TensorRadius> result;
  for (const auto& [tensor, value] : radii)
    if (value > 0) result.push_back({tensor, value});
  return result;
}

WidestProof ProveWidest(const ProofRequest& request, const WidestLimits& limits) {
  const Clock::time_point start = Clock::now();
  WidestProof widest;
  ProofRequest trial = request;
  trial.radii.clear();
  widest.result = Prove(trial);
  widest.trials = 1;
  const ProofStatistics centre = widest.result.statistics;
  trial.resume = nullptr;
  trial.keep_checkpoint = false;
  const std::uint64_t time_ms = limits.widening_ms > 0 ? limits.widening_ms : request.timeout_ms;
  const Clock::time_point from = limits.widening_ms > 0 ? Clock::now() : start;
  const auto left_ms = [&] {
    const double spent = std::chrono::duration<double, std::milli>(Clock::now() - from).count();
    return static_cast<double>(time_ms) - spent;
  };
  double share = kFirstShare;
  std::vector<checker::TensorRadius> proven;
  while (widest.result.status == ProofStatus::kProven && !request.cancel.stop_requested()) {
    const double slice_ms = kTrialShare * left_ms();
    const bool is_near = widest.share > 0 && widest.share_open > 0 && widest.share_open < kStep * widest.share;
    if (slice_ms < 1 || is_near || share < kShareMin) break;
    trial.radii = RadiiFor(*request.network, {share, RadiusUnit::kShare}, limits);
    if (trial.radii.empty() || trial.radii == proven) break;
    trial.timeout_ms = static_cast<std::uint64_t>(slice_ms);
    const Result<Parent> parent = ReadParent(widest.result.certificate, trial);
    trial.parent = parent.ok() ? &*parent : nullptr;
    ProofResult result = Prove(trial);
    ++widest.trials;
    if (result.status == ProofStatus::kProven) {
      widest.result = std::move(result);
      widest.share = share;
      proven = trial.radii;
    } else {
      widest.share_open = share;
    }
    share = widest.share == 0        ? share / 8
            : widest.share_open == 0 ? share * 4
                                     : std::sqrt(widest.share * widest.share_open);
  }
  widest.result.statistics.parent_leaves = centre.parent_leaves;
  widest.result.statistics.kept = centre.kept;
  widest.result.statistics.merged = centre.merged;
  widest.result.statistics.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return widest;
}

}  // namespace pawl::prover
