// A prover of a dozen lines: bisects the widest input until every conjunction is refuted, using the checker's own leaf
// routine. For tests.
#pragma once

#include <string>
#include <vector>

#include "checker/checker.h"
#include "checker/leaf.h"
#include "model/onnx_writer_for_test.h"

namespace pawl::checker {

struct SearchOptions {
  Recipe recipe = Recipe::kForward;
  std::uint32_t depth_max = 24;
  std::size_t leaves_max = 20'000;
};

class ProofSearch {
 public:
  ProofSearch(const Claim& claim, SearchOptions options) : claim_(claim), options_(options), engine_(claim) {}

  // True where a proof was found; `certificate` then has it, with digests left zero.
  bool Run(Certificate& certificate) {
    certificate.arithmetic = claim_.arithmetic;
    certificate.cases.clear();
    for (std::size_t i = 0; i < claim_.boxes.size(); ++i) {
      CaseProof& case_proof = certificate.cases.emplace_back();
      GroupProof& proof = case_proof.groups.emplace_back();
      const auto& unsafe = claim_.property->cases[i].unsafe;
      case_proof.conjunctions = static_cast<std::uint32_t>(unsafe.size());
      for (std::uint32_t k = 0; k < unsafe.size(); ++k) proof.members.push_back(k);
      rows_.clear();
      for (std::size_t k = 0; k < unsafe.size(); ++k) {
        auto& rows = rows_.emplace_back();
        for (std::uint32_t r = 0; r < unsafe[k].size(); ++r) {
          Result<RefutationRow> row = MakeRefutationRow(claim_, i, k, {{r, kUnitMultiplier}});
          if (!row.ok()) return false;
          rows.push_back(*row);
        }
      }
      if (!Prove(claim_.boxes[i].lower, claim_.boxes[i].upper, 0, proof)) return false;
    }
    return true;
  }

 private:
  bool Prove(const std::vector<double>& lower, const std::vector<double>& upper, std::uint32_t depth,
             GroupProof& proof) {
    Argument argument{options_.recipe, {}, {}};
    for (const auto& rows : rows_) {
      for (std::uint32_t r = 0; r < rows.size(); ++r) {
        const LeafTask task{lower, upper, {&rows[r], 1}};
        double margin = 0;
        engine_.Margins(options_.recipe, {&task, 1}, {&margin, 1});
        if (!(margin > 0)) continue;
        argument.refutations.push_back({{r, kUnitMultiplier}});
        break;
      }
    }
    if (argument.refutations.size() == rows_.size()) {
      proof.arguments.push_back(argument);
      proof.nodes.push_back(Node::Leaf(static_cast<std::uint32_t>(proof.arguments.size() - 1)));
      return true;
    }
    std::size_t widest = 0;
    for (std::size_t j = 0; j < lower.size(); ++j)
      if (upper[j] - lower[j] > upper[widest] - lower[widest]) widest = j;
    const double middle = SplitMidpoint(lower[widest], upper[widest]);
    const bool can_split = lower[widest] < middle && middle < upper[widest];
    if (depth >= options_.depth_max || proof.nodes.size() > 2 * options_.leaves_max || !can_split) return false;
    proof.nodes.push_back(Node::MidpointSplit(static_cast<std::uint32_t>(widest)));
    std::vector<double> cut = upper;
    cut[widest] = middle;
    if (!Prove(lower, cut, depth + 1, proof)) return false;
    cut = lower;
    cut[widest] = middle;
    return Prove(cut, upper, depth + 1, proof);
  }

  const Claim& claim_;
  SearchOptions options_;
  LeafEngine engine_;
  std::vector<std::vector<RefutationRow>> rows_;
};

// One dense layer: Gemm with weights [to][from], then ReLU or not.
struct DenseLayer {
  std::vector<std::vector<float>> weights;
  std::vector<float> bias;
  bool relu = true;
};

inline std::string DenseNetworkBytes(const std::vector<DenseLayer>& layers) {
  using namespace model::onnx;  // NOLINT: the writer's vocabulary
  std::vector<std::string> nodes, initializers;
  std::string current = "x";
  const auto inputs = static_cast<std::int64_t>(layers[0].weights[0].size());
  std::int64_t size = inputs;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string n = std::to_string(i);
    const auto to = static_cast<std::int64_t>(layers[i].weights.size());
    std::vector<float> flat;
    for (const auto& row : layers[i].weights) flat.insert(flat.end(), row.begin(), row.end());
    initializers.push_back(Tensor<float>("w" + n, {to, size}, flat));
    initializers.push_back(Tensor<float>("b" + n, {to}, layers[i].bias));
    nodes.push_back(
        model::onnx::Node("Gemm", {current, "w" + n, "b" + n}, {"z" + n}, {IntegerAttribute("transB", 1)}, "gemm" + n));
    current = "z" + n;
    if (layers[i].relu) {
      nodes.push_back(model::onnx::Node("Relu", {current}, {"a" + n}, {}, "relu" + n));
      current = "a" + n;
    }
    size = to;
  }
  return Model(Graph(nodes, initializers, {Value("x", {1, inputs}, 1)}, {Value(current, {1, size}, 1)}), 13);
}

inline std::span<const std::uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace pawl::checker
