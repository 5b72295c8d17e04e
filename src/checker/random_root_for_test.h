// Random root sections: lists, slopes and trees of splits for the ReLUs of a claim. For tests of bounds, which hold
// whatever a certificate says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "checker/certificate.h"
#include "checker/claim.h"

namespace pawl::checker {

inline SlopeTable RandomTable(std::mt19937_64& random, std::size_t count) {
  SlopeTable table(count);
  for (std::uint8_t& slope : table)
    slope = static_cast<std::uint8_t>(random() % 3 == 0 ? (random() % 2) * 0xFF : random());
  return table;
}

// Two random trees for each listed neuron of a layer, over the neurons that have bounds before `operand`.
inline void DrawTrees(std::mt19937_64& random, const Claim& claim, std::size_t operand, std::size_t listed_before,
                      RootLayer& layer) {
  std::vector<std::uint32_t> before;
  for (std::uint32_t n = 0; n < claim.neurons.size(); ++n)
    if (claim.neurons[n].value < operand) before.push_back(n);
  std::size_t leaves = 0;
  std::vector<std::uint32_t> path;
  const auto draw = [&](const auto& self) -> void {
    const std::uint32_t neuron = before[random() % before.size()];
    if (path.size() < 4 && random() % 2 == 0 && std::find(path.begin(), path.end(), neuron) == path.end()) {
      layer.splits.push_back(neuron + 1);
      path.push_back(neuron);
      for (int side = 0; side < 2; ++side) self(self);
      path.pop_back();
      return;
    }
    layer.splits.push_back(0);
    ++leaves;
    for (std::size_t p = 0; p < path.size(); ++p)
      layer.weights.push_back(static_cast<std::uint8_t>(random() % 3 == 0 ? 0 : 100 + random() % 120));
  };
  for (std::size_t tree = 0; tree < 2 * layer.listed_count(); ++tree) draw(draw);
  layer.mode = RootMode::kBySplits;
  layer.tables = RandomTable(random, leaves * listed_before);
}

// Random lists, modes, slopes and trees for a network's ReLUs.
inline std::vector<RootLayer> RandomRoot(std::mt19937_64& random, const Claim& claim) {
  std::vector<RootLayer> layers;
  std::size_t listed = 0;
  for (const Step& step : claim.steps) {
    if (!step.is_rectifier()) continue;
    RootLayer& layer = layers.emplace_back();
    layer.neurons = static_cast<std::uint32_t>(step.rows);
    layer.listed.resize((step.rows + 7) / 8);
    for (std::size_t n = 0; n < step.rows; ++n)
      if (random() % 4 != 0) layer.listed[n / 8] |= static_cast<std::uint8_t>(1 << n % 8);
    std::size_t tables = 0;
    if (listed > 0 && random() % 3 != 0) layer.mode = RootMode::kPerLayer, tables = 2;
    if (listed > 0 && layer.listed_count() > 0 && random() % 2 == 0)
      layer.mode = RootMode::kPerNeuron, tables = 2 * layer.listed_count();
    layer.tables = RandomTable(random, tables * listed);
    const bool has_neurons_before = std::any_of(claim.neurons.begin(), claim.neurons.end(),
                                                [&](const Neuron& neuron) { return neuron.value < step.input; });
    if (listed > 0 && layer.listed_count() > 0 && has_neurons_before && random() % 4 != 0)
      DrawTrees(random, claim, step.input, listed, layer);
    listed += layer.listed_count();
  }
  return layers;
}

}  // namespace pawl::checker
