#include "prover/box_finish.h"

#include <algorithm>
#include <iterator>

#include "prover/parent.h"

namespace pawl::prover {
namespace {

using Side = DualBounds::Side;

constexpr std::size_t kColumns = 48;
// Conjunctions that are refuted together; beyond it a case has too many rows for this.
constexpr std::size_t kConjunctionsMax = 16;
// Parts of one box, beyond which it is better halved first.
constexpr std::size_t kPartsMax = 96;
// Steps of gradient ascent for a part, and once all its neurons are fixed.
constexpr int kSteps = 48, kLastSteps = 200;
constexpr float kSlopeRate = 0.25f, kWeightRate = 0.2f, kRateDecay = 0.94f, kLastDecay = 0.98f;
// Columns in which tables of slopes that are there already are tried on a leaf, and steps that its multipliers get.
constexpr std::size_t kKnownColumns = 48;
constexpr int kKnownSteps = 16;
// What a neuron may lose counts this much beside what it loses where the bound is reached.
constexpr float kMostShare = 0.05f;

}  // namespace

std::vector<checker::RootLayer> ListAllNeurons(const FlatNetwork& network) {
  std::vector<checker::RootLayer> layers;
  for (const FlatLayer& layer : network.layers) {
    if (!layer.relu) continue;
    checker::RootLayer& all = layers.emplace_back();
    all.neurons = static_cast<std::uint32_t>(layer.outputs);
    all.listed.assign((layer.outputs + 7) / 8, 0xFF);
    if (layer.outputs % 8 != 0) all.listed.back() = static_cast<std::uint8_t>((1 << layer.outputs % 8) - 1);
  }
  return layers;
}

BoxFinisher::BoxFinisher(const Query& query)
    : query_(query), dual_(query.network, kColumns), first_neuron_{0}, top_(ReluLayers(query.network)) {
  for (const FlatLayer& layer : query.network.layers) {
    if (layer.relu) first_neuron_.push_back(first_neuron_.back() + static_cast<std::uint32_t>(layer.outputs));
  }
}

bool BoxFinisher::Suits(const Query& query) {
  return std::all_of(query.cases.begin(), query.cases.end(), [&](const QueryCase& c) {
    return c.conjunctions() <= kConjunctionsMax && HasDualRows(query.network, c.rows);
  });
}

std::uint64_t BoxFinisher::MemoryBytes(const FlatNetwork& network) {
  return DualBounds::MemoryBytes(network, kColumns);
}

std::optional<checker::GroupProof> BoxFinisher::Try(std::size_t case_index, std::span<const double> lower,
                                                    std::span<const double> upper, const HiddenBox& hidden,
                                                    std::span<const std::uint32_t> rows,
                                                    const checker::GroupProof* earlier) {
  nodes_bounded_ = 0;
  std::vector<float> box_lower, box_upper;
  for (const double value : lower) box_lower.push_back(RoundedDown(value));
  for (const double value : upper) box_upper.push_back(RoundedUp(value));
  dual_.SetBox(box_lower, box_upper);
  for (std::size_t k = 0; k < top_; ++k) dual_.SetHidden(k, hidden.lower[k], hidden.upper[k]);
  open_ = dual_.OpenNeurons(top_);
  default_slopes_.clear();
  for (std::size_t k = 0; k < top_; ++k) {
    for (std::size_t i = 0; i < hidden.lower[k].size(); ++i)
      default_slopes_.push_back(hidden.upper[k][i] > -hidden.lower[k][i] ? 0xFF : 0);
  }
  const QueryCase& query_case = query_.cases[case_index];
  const std::vector<DualRow> all = MakeDualRows(dual_, query_.network, query_case.rows);
  rows_.clear();
  argument_ = {checker::Recipe::kBackward, {}, {}};
  for (std::size_t c = 0; c < rows.size(); ++c) {
    rows_.push_back(all[query_case.first_row[c] + rows[c]]);
    argument_.refutations.push_back({{rows[c], checker::kUnitMultiplier}});
  }
  if (known_case_ != case_index || !std::equal(rows.begin(), rows.end(), known_rows_.begin(), known_rows_.end())) {
    known_.clear();
    known_case_ = case_index;
    known_rows_.assign(rows.begin(), rows.end());
  }
  parts_.assign(1, Part());
  parts_[0].slopes.resize(rows_.size());
  parts_[0].weights.resize(rows_.size());
  leaves_.clear();
  tree_.assign(1, TreeNode());
  if (earlier != nullptr) Begin(*earlier, hidden);
  if (!Grow()) return std::nullopt;
  return ToProof();
}

void BoxFinisher::Begin(const checker::GroupProof& earlier, const HiddenBox& hidden) {
  const auto place = [&](std::uint32_t neuron) {
    std::uint32_t layer = 0;
    while (layer + 1 < top_ && neuron >= first_neuron_[layer + 1]) ++layer;
    return Place{layer, neuron - first_neuron_[layer]};
  };
  NeuronReplay replay;
  replay.sign = [&](std::uint32_t neuron) {
    if (neuron >= first_neuron_[top_]) return NeuronSign::kForeign;
    const Place at = place(neuron);
    if (hidden.lower[at.layer][at.neuron] >= 0) return NeuronSign::kPositive;
    return hidden.upper[at.layer][at.neuron] <= 0 ? NeuronSign::kNegative : NeuronSign::kOpen;
  };
  replay.split = [&](std::uint32_t node, std::uint32_t neuron) {
    const auto low = static_cast<std::uint32_t>(tree_.size());
    tree_[node] = {neuron, low, 0};
    tree_.resize(tree_.size() + 2);
    return low;
  };
  parts_.clear();
  for (const ReplayedLeaf& leaf : ReplayNeurons(earlier, replay)) {
    Part& part = parts_.emplace_back();
    part.node = leaf.node;
    part.slopes.resize(rows_.size());
    part.weights.resize(rows_.size());
    for (const ReplayedLeaf::Phase& phase : leaf.phases)
      part.phases.push_back({place(phase.neuron), phase.positive ? Side::kHigh : Side::kLow});
    for (std::size_t c = 0; c < rows_.size(); ++c) {
      for (const std::uint8_t weight : leaf.weights[c])
        part.weights[c].push_back(static_cast<float>(checker::SplitWeight(weight)));
      if (leaf.argument == nullptr || leaf.argument->slopes.size() != rows_.size()) continue;
      const checker::SlopeTable& table = leaf.argument->slopes[c];
      if (table.size() != first_neuron_[top_]) continue;
      for (const Place& open : open_) part.slopes[c].push_back(table[first_neuron_[open.layer] + open.neuron]);
    }
  }
}

// Until nothing is open; false where that takes too many parts.
bool BoxFinisher::Grow() {
  const std::size_t batch = std::max<std::size_t>(1, kColumns / rows_.size());
  while (!parts_.empty()) {
    if (parts_.size() + leaves_.size() > kPartsMax) return false;
    const std::size_t count = std::min(batch, parts_.size());
    std::vector<Part> some(std::make_move_iterator(parts_.end() - static_cast<std::ptrdiff_t>(count)),
                           std::make_move_iterator(parts_.end()));
    parts_.resize(parts_.size() - count);
    if (!BoundParts(some)) return false;
  }
  return true;
}

// Bounds parts: each becomes a leaf or is split. False where one is neither.
bool BoxFinisher::BoundParts(std::vector<Part>& parts) {
  const std::size_t rows = rows_.size();
  nodes_bounded_ += parts.size();
  dual_.Start(top_, parts.size() * rows);
  bool any_fixed = false;  // a part that has no neuron left to split
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const Part& part = parts[p];
    any_fixed = any_fixed || part.phases.size() == open_.size();
    for (std::size_t c = 0; c < rows; ++c) {
      const std::size_t column = p * rows + c;
      dual_.SetRow(column, rows_[c].coefficients.data(), rows_[c].constant);
      if (!part.slopes[c].empty()) dual_.LoadSlopes(column, part.slopes[c].data());
      for (std::size_t i = 0; i < part.phases.size(); ++i)
        dual_.SetPhase(column, part.phases[i].place, part.phases[i].side, part.weights[c][i]);
    }
  }
  std::vector<bool> done(parts.size() * rows, false);
  std::size_t left = done.size();
  const int steps = any_fixed ? kLastSteps : kSteps;
  const float decay = any_fixed ? kLastDecay : kRateDecay;
  float slope_rate = kSlopeRate, weight_rate = kWeightRate;
  for (int s = 0; s <= steps && left > 0; ++s, slope_rate *= decay, weight_rate *= decay) {
    dual_.Evaluate();
    for (std::size_t column = 0; column < done.size(); ++column) {
      if (done[column] || !(dual_.bound(column) > rows_[column % rows].margin)) continue;
      Record(parts[column / rows], column % rows, column);
      done[column] = true;
      --left;
    }
    if (left > 0) dual_.Ascend(slope_rate, weight_rate);
  }
  for (std::size_t p = 0; p < parts.size(); ++p) {
    Part& part = parts[p];
    const bool refuted =
        std::all_of(done.begin() + static_cast<std::ptrdiff_t>(p * rows),
                    done.begin() + static_cast<std::ptrdiff_t>((p + 1) * rows), [](bool d) { return d; });
    if (refuted) {
      tree_[part.node].leaf = static_cast<std::uint32_t>(leaves_.size());
      leaves_.push_back(std::move(part));
      continue;
    }
    for (std::size_t c = 0; c < rows; ++c)
      if (!done[p * rows + c]) Record(part, c, p * rows + c);
    part.split = ChooseSplit(part, p * rows, done);
    if (!SplitPart(std::move(part))) return false;
  }
  return true;
}

// Takes over a column's slopes and multipliers.
void BoxFinisher::Record(Part& part, std::size_t conjunction, std::size_t column) {
  part.slopes[conjunction].resize(open_.size());
  dual_.StoreSlopes(column, part.slopes[conjunction].data());
  RecordWeights(part, conjunction, column);
}

void BoxFinisher::RecordWeights(Part& part, std::size_t conjunction, std::size_t column) const {
  for (std::size_t i = 0; i < part.phases.size(); ++i)
    part.weights[conjunction][i] = RoundedWeight(dual_.Multiplier(column, part.phases[i].place));
}

// The open neuron that loses most in the rows that are not refuted yet.
std::optional<DualBounds::Place> BoxFinisher::ChooseSplit(const Part& part, std::size_t first_column,
                                                          const std::vector<bool>& done) const {
  std::optional<Place> best;
  float most = -1;
  for (const Place& place : open_) {
    const bool fixed =
        std::any_of(part.phases.begin(), part.phases.end(), [&](const PhaseOf& phase) { return phase.place == place; });
    if (fixed) continue;
    float loss = 0;
    for (std::size_t c = 0; c < rows_.size(); ++c) {
      if (done[first_column + c]) continue;
      const DualBounds::Loss lost = dual_.LossAt(first_column + c, place);
      loss += lost.here + kMostShare * lost.most;
    }
    if (loss > most) {
      most = loss;
      best = place;
    }
  }
  return best;
}

bool BoxFinisher::SplitPart(Part part) {
  if (!part.split.has_value()) return false;
  const Place place = *part.split;
  const auto low = static_cast<std::uint32_t>(tree_.size());
  tree_[part.node] = {first_neuron_[place.layer] + place.neuron, low, 0};
  tree_.resize(tree_.size() + 2);
  part.split.reset();
  for (std::vector<float>& weights : part.weights) weights.push_back(0);
  for (const std::uint32_t side : {0u, 1u}) {
    Part& child = parts_.emplace_back(part);
    child.node = low + side;
    child.phases.push_back({place, side == 0 ? Side::kLow : Side::kHigh});
  }
  return true;
}

// The default slopes, or tables of leaves before, that refute a leaf too, with multipliers that are found for them.
std::optional<BoxFinisher::Tables> BoxFinisher::FindTables(Part& leaf) {
  const std::size_t rows = rows_.size();
  const std::size_t sets = std::min(known_.size() + 1, std::max<std::size_t>(1, kKnownColumns / rows));
  const auto known = [&](std::size_t set) { return known_.end() - static_cast<std::ptrdiff_t>(set); };
  dual_.Start(top_, sets * rows);
  std::vector<std::uint8_t> slopes(open_.size());
  for (std::size_t set = 0; set < sets; ++set) {
    for (std::size_t c = 0; c < rows; ++c) {
      const std::size_t column = set * rows + c;
      dual_.SetRow(column, rows_[c].coefficients.data(), rows_[c].constant);
      for (std::size_t o = 0; o < open_.size() && set > 0; ++o)
        slopes[o] = (*known(set))[c][first_neuron_[open_[o].layer] + open_[o].neuron];
      if (set > 0) dual_.LoadSlopes(column, slopes.data());
      for (std::size_t i = 0; i < leaf.phases.size(); ++i)
        dual_.SetPhase(column, leaf.phases[i].place, leaf.phases[i].side, leaf.weights[c][i]);
    }
  }
  float rate = kWeightRate;
  for (int s = 0; s <= kKnownSteps; ++s, rate *= kRateDecay) {
    dual_.Evaluate();
    for (std::size_t set = 0; set < sets; ++set) {
      bool refuted = true;
      for (std::size_t c = 0; c < rows; ++c) refuted = refuted && dual_.bound(set * rows + c) > rows_[c].margin;
      if (!refuted) continue;
      for (std::size_t c = 0; c < rows; ++c) RecordWeights(leaf, c, set * rows + c);
      if (set == 0) return Tables();
      std::rotate(known(set), known(set) + 1, known_.end());
      return known_.back();
    }
    dual_.Ascend(0, rate);
  }
  return std::nullopt;
}

BoxFinisher::Tables BoxFinisher::TablesOf(Part& leaf) {
  if (const std::optional<Tables> found = FindTables(leaf)) return *found;
  Tables& own = known_.emplace_back(rows_.size(), default_slopes_);
  for (std::size_t c = 0; c < rows_.size(); ++c)
    for (std::size_t o = 0; o < open_.size(); ++o)
      own[c][first_neuron_[open_[o].layer] + open_[o].neuron] = leaf.slopes[c][o];
  if (known_.size() > kKnownColumns) known_.erase(known_.begin());
  return known_.back();
}

checker::GroupProof BoxFinisher::ToProof() {
  checker::GroupProof proof;
  for (std::uint32_t c = 0; c < rows_.size(); ++c) proof.members.push_back(c);
  std::vector<std::uint32_t> open = {0};
  while (!open.empty()) {
    const TreeNode& node = tree_[open.back()];
    open.pop_back();
    if (node.low != 0) {
      proof.nodes.push_back(checker::Node::NeuronSplit(node.neuron));
      open.push_back(node.low + 1);
      open.push_back(node.low);
      continue;
    }
    Part& leaf = leaves_[node.leaf];
    const auto number = static_cast<std::uint32_t>(proof.arguments.size());
    checker::Argument& argument = proof.arguments.emplace_back(argument_);
    argument.slopes = TablesOf(leaf);
    std::vector<std::uint8_t> weights;
    for (const std::vector<float>& of_row : leaf.weights)
      for (const float weight : of_row) weights.push_back(WeightByte(weight));
    const bool weighted = std::any_of(weights.begin(), weights.end(), [](std::uint8_t w) { return w != 0; });
    proof.nodes.push_back(weighted ? checker::Node::WeightedLeaf(number) : checker::Node::Leaf(number));
    if (weighted) proof.weights.insert(proof.weights.end(), weights.begin(), weights.end());
  }
  return proof;
}

}  // namespace pawl::prover
