#include "prover/root_section.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "prover/bound_trees.h"
#include "prover/dual_bounds.h"

namespace pawl::prover {
namespace {

constexpr std::size_t kColumns = 96;
constexpr float kFirstRate = 0.3f, kDecay = 0.94f;
// Steps of ascent for a leaf of a tree.
constexpr int kTreeSteps = 8;

class RootMaker {
 public:
  RootMaker(const FlatNetwork& network, const std::vector<float>& lower, const std::vector<float>& upper,
            const RootOptions& options)
      : network_(network), options_(options) {
    for (unsigned i = 0; i < std::max(1u, options.threads); ++i) {
      workers_.push_back(std::make_unique<DualBounds>(network, kColumns));
      workers_.back()->SetBox(lower, upper);
    }
  }

  RootSection Run() {
    RootSection section;
    for (std::size_t k = 0; k < network_.layers.size() && network_.layers[k].relu; ++k) {
      if (OutOfTime()) return section;
      section.layers.push_back(MakeLayer(k));
    }
    section.complete = !OutOfTime();
    return section;
  }

 private:
  bool OutOfTime() const {
    return options_.deadline.has_value() && std::chrono::steady_clock::now() >= *options_.deadline;
  }

  checker::RootLayer MakeLayer(std::size_t k) {
    std::vector<float> lower, upper;
    workers_[0]->IntervalBounds(k, lower, upper);
    checker::RootLayer layer;
    layer.neurons = static_cast<std::uint32_t>(lower.size());
    layer.listed.resize((lower.size() + 7) / 8);
    Bound(k, 0, lower, upper);
    for (std::size_t i = 0; i < lower.size(); ++i) {
      if (lower[i] < 0 && upper[i] > 0) layer.listed[i / 8] |= static_cast<std::uint8_t>(1 << i % 8);
    }
    if (options_.steps > 0 && !listed_.empty() && layer.listed_count() > 0) {
      std::vector<BoundTarget> targets = Bound(k, options_.steps, lower, upper);
      if (options_.leaves_max > 1) GrowTrees(k, targets, lower, upper);
      WriteTables(targets, k, layer);
    }
    for (const auto& worker : workers_) worker->SetHidden(k, lower, upper);
    for (std::uint32_t i = 0; i < layer.neurons; ++i)
      if (layer.lists(i)) listed_.push_back({static_cast<std::uint32_t>(k), i});
    return layer;
  }

  // Bounds every operand of layer k whose sign is open, below and above, in order.
  std::vector<BoundTarget> Bound(std::size_t k, int steps, std::vector<float>& lower, std::vector<float>& upper) {
    std::vector<BoundTarget> targets;
    for (std::size_t i = 0; i < lower.size(); ++i) {
      if (!(lower[i] < 0 && upper[i] > 0)) continue;
      targets.push_back({i, 1.0f, lower[i], {}});
      targets.push_back({i, -1.0f, -upper[i], {}});
    }
    ForEachBatch(targets, kColumns, [&](DualBounds& bounds, std::span<BoundTarget> batch) {
      BoundBatch(bounds, k, steps, batch.data(), batch.size());
    });
    Take(targets, lower, upper);
    return targets;
  }

  void GrowTrees(std::size_t k, std::vector<BoundTarget>& targets, std::vector<float>& lower,
                 std::vector<float>& upper) {
    std::vector<std::size_t> first_neurons = {0};
    for (std::size_t layer = 0; layer < k; ++layer)
      first_neurons.push_back(first_neurons.back() + network_.layers[layer].outputs);
    const BoundTreeOptions options{k, first_neurons, options_.leaves_max, kTreeSteps, [this] { return OutOfTime(); }};
    ForEachBatch(targets, kColumns / 2,
                 [&](DualBounds& bounds, std::span<BoundTarget> batch) { GrowBoundTrees(bounds, options, batch); });
    Take(targets, lower, upper);
  }

  // Shares batches of at most `size` targets out to the workers.
  void ForEachBatch(std::vector<BoundTarget>& targets, std::size_t size,
                    const std::function<void(DualBounds&, std::span<BoundTarget>)>& use) {
    std::atomic<std::size_t> next = 0;
    const auto work = [&](DualBounds& bounds) {
      for (std::size_t first; (first = next.fetch_add(size)) < targets.size();)
        use(bounds, std::span(targets).subspan(first, std::min(size, targets.size() - first)));
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < workers_.size(); ++i) threads.emplace_back(work, std::ref(*workers_[i]));
    work(*workers_[0]);
    for (std::thread& thread : threads) thread.join();
  }

  static void Take(const std::vector<BoundTarget>& targets, std::vector<float>& lower, std::vector<float>& upper) {
    for (const BoundTarget& target : targets) {
      float& bound = (target.sign > 0 ? lower : upper)[target.neuron];
      bound = target.sign > 0 ? std::max(bound, target.bound) : std::min(bound, -target.bound);
    }
  }

  void BoundBatch(DualBounds& bounds, std::size_t k, int steps, BoundTarget* targets, std::size_t count) const {
    bounds.Start(k, count);
    for (std::size_t c = 0; c < count; ++c) bounds.SetNeuron(c, targets[c].neuron, targets[c].sign);
    const std::size_t open = bounds.OpenNeurons(k).size();
    float rate = kFirstRate;
    for (int s = 0; s <= steps && !(s > 0 && OutOfTime()); ++s, rate *= kDecay) {
      bounds.Evaluate();
      for (std::size_t c = 0; c < count; ++c) {
        if (s > 0 && !(bounds.bound(c) > targets[c].bound)) continue;
        if (steps > 0) {
          targets[c].slopes.resize(open);
          bounds.StoreSlopes(c, targets[c].slopes.data());
        }
        targets[c].bound = s == 0 ? bounds.bound(c) : std::max(targets[c].bound, bounds.bound(c));
      }
      if (s < steps) bounds.Ascend(rate, 0);
    }
  }

  // Slopes of open neurons, spread over the listed ones; a neuron that is listed and no longer open may have any.
  void WriteTables(const std::vector<BoundTarget>& targets, std::size_t k, checker::RootLayer& layer) const {
    const std::vector<DualBounds::Place> open = workers_[0]->OpenNeurons(k);
    std::vector<std::size_t> at(open.size());  // of an open neuron in a table
    for (std::size_t o = 0, l = 0; o < open.size(); ++l)
      if (listed_[l] == open[o]) at[o++] = l;
    const bool has_trees =
        std::any_of(targets.begin(), targets.end(), [](const BoundTarget& target) { return !target.splits.empty(); });
    layer.mode = has_trees ? checker::RootMode::kBySplits : checker::RootMode::kPerNeuron;
    const auto write = [&](std::span<const std::uint8_t> slopes) {
      layer.tables.resize(layer.tables.size() + listed_.size());
      std::uint8_t* table = &layer.tables[layer.tables.size() - listed_.size()];
      for (std::size_t o = 0; o < slopes.size(); ++o) table[at[o]] = slopes[o];
    };
    for (const BoundTarget& target : targets) {
      if (target.splits.empty()) {
        write(target.slopes);
        if (has_trees) layer.splits.push_back(0);
        continue;
      }
      for (std::size_t first = 0; first < target.leaf_slopes.size(); first += open.size())
        write(std::span(target.leaf_slopes).subspan(first, open.size()));
      layer.splits.insert(layer.splits.end(), target.splits.begin(), target.splits.end());
      layer.weights.insert(layer.weights.end(), target.weights.begin(), target.weights.end());
    }
  }

  const FlatNetwork& network_;
  const RootOptions& options_;
  std::vector<std::unique_ptr<DualBounds>> workers_;
  std::vector<DualBounds::Place> listed_;  // of the layers so far
};

}  // namespace

std::vector<checker::RootLayer> ListAsWell(const std::vector<checker::RootLayer>& section,
                                           const std::vector<std::vector<float>>& lower,
                                           const std::vector<std::vector<float>>& upper) {
  // Of each neuron listed so far: its slope where a table has none, and where a table of the given section has it.
  struct Slope {
    std::uint8_t unlisted = 0;
    std::optional<std::size_t> at;
  };
  std::vector<Slope> before;
  std::size_t listed_before = 0;
  const auto append = [&](const std::uint8_t* table, std::vector<std::uint8_t>& tables) {
    for (const Slope& slope : before) tables.push_back(table && slope.at ? table[*slope.at] : slope.unlisted);
  };
  std::vector<checker::RootLayer> result;
  for (std::size_t k = 0; k < section.size(); ++k) {
    const checker::RootLayer& from = section[k];
    checker::RootLayer& to = result.emplace_back();
    to.neurons = from.neurons;
    to.listed.resize(from.listed.size());
    std::vector<Slope> here;
    std::vector<std::optional<std::size_t>> tables;  // of the listed ones, where they are in the given section
    std::size_t listed = 0;
    for (std::size_t i = 0; i < from.neurons; ++i) {
      const bool was = from.lists(i), open = lower[k][i] < 0 && upper[k][i] > 0;
      const bool has_tables =
          was && (from.mode == checker::RootMode::kPerNeuron || from.mode == checker::RootMode::kBySplits);
      const std::optional<std::size_t> index = was ? std::optional(listed) : std::nullopt;
      listed += was ? 1 : 0;
      if (!open && !has_tables) continue;
      to.listed[i / 8] |= static_cast<std::uint8_t>(1 << i % 8);
      const std::uint8_t unlisted = upper[k][i] > -lower[k][i] ? 0xFF : 0;
      here.push_back({unlisted, index ? std::optional(listed_before + *index) : std::nullopt});
      tables.push_back(has_tables ? index : std::nullopt);
    }
    if (!before.empty() && from.mode == checker::RootMode::kPerLayer) {
      for (const std::size_t side : {0u, 1u}) append(&from.tables[side * listed_before], to.tables);
      to.mode = from.mode;
    } else if (!before.empty() && !tables.empty() && from.mode == checker::RootMode::kPerNeuron) {
      for (const std::optional<std::size_t>& table : tables)
        for (const std::size_t side : {0u, 1u})
          append(table ? &from.tables[(2 * *table + side) * listed_before] : nullptr, to.tables);
      to.mode = from.mode;
    } else if (from.mode == checker::RootMode::kBySplits) {
      const std::vector<checker::BoundLeaf> leaves = *checker::BoundLeaves(from, listed_before);
      auto leaf = leaves.begin();
      auto node = from.splits.begin();
      for (const std::optional<std::size_t>& table : tables) {
        for (std::size_t tree = table ? 2 * *table : 0, end = tree + 2; tree < end; ++tree) {
          // All that were listed still are, in order; a new one has a leaf of its own.
          std::size_t open = 1;  // subtrees
          for (; table && open > 0; ++node) {
            to.splits.push_back(*node);
            open = *node != 0 ? open + 1 : open - 1;
          }
          if (!table) to.splits.push_back(0), append(nullptr, to.tables);
          for (; table && leaf != leaves.end() && leaf->tree == tree; ++leaf) append(leaf->slopes.data(), to.tables);
        }
      }
      to.weights = from.weights;
      to.mode = from.mode;
    }
    before.insert(before.end(), here.begin(), here.end());
    listed_before += listed;
  }
  return result;
}

RootSection MakeRootSection(const FlatNetwork& network, const std::vector<float>& lower,
                            const std::vector<float>& upper, const RootOptions& options) {
  return RootMaker(network, lower, upper, options).Run();
}

}  // namespace pawl::prover
