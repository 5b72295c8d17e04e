#include "prover/graph_search.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "checker/curve.h"
#include "checker/leaf.h"
#include "checker/root_bounds.h"
#include "prover/dual_bounds.h"
#include "prover/graph_attack.h"
#include "prover/neuron_tree.h"

namespace pawl::prover {
namespace {

using checker::Step;
using Clock = std::chrono::steady_clock;

constexpr int kAttackRounds = 6, kDescentSteps = 30;
// One batch of boxes in this many also descends from a centre.
constexpr std::uint64_t kDescentEvery = 50;
constexpr std::uint32_t kDepthMax = 4000;
// Steps of gradient ascent for a row at the root and for a node below, and their rates.
constexpr int kRootSteps = 40, kNodeSteps = 16;
constexpr double kSlopeRate = 0.25, kWeightRate = 0.2, kRateDecay = 0.93;
constexpr std::size_t kCandidates = 4;
constexpr double kBetterChild = 0.7;

bool OutOfTime(const SearchOptions& options) {
  return options.cancel.stop_requested() || (options.deadline.has_value() && Clock::now() >= *options.deadline);
}

// ---- Boxes

struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<OpenBox> open;  // guarded by mutex, as all below
  std::size_t busy = 0;
  bool stop = false;
  SearchOutcome outcome;
};

class BoxWorker {
 public:
  BoxWorker(const checker::Claim& claim, const Query& query, const RowsOfCases& rows, const Confirmer& confirmer,
            const SearchOptions& options, SplitTree& tree, Shared& shared, unsigned index)
      : claim_(claim),
        rows_(rows),
        options_(options),
        tree_(tree),
        shared_(shared),
        recipe_(options.recipe == RecipeChoice::kForward ? checker::Recipe::kForward : checker::Recipe::kBackward),
        attack_(claim, query, rows, confirmer, options.seed * 7919 + index),
        engine_(claim) {}

  void Run() {
    std::vector<OpenBox> boxes;
    while (Take(boxes)) {
      const std::size_t count = boxes.size();
      std::vector<OpenBox> children;
      Work(boxes, children);
      const std::lock_guard lock(shared_.mutex);
      shared_.busy -= count;
      shared_.outcome.boxes += count;
      shared_.outcome.leaves += count - children.size() / 2;
      for (OpenBox& child : children) shared_.open.push_back(std::move(child));
      const std::uint64_t bytes = tree_.memory_bytes() * 5 + shared_.open.size() * (64 + 16 * claim_.input_count());
      if (bytes > options_.memory_bytes_max) End(SearchEnd::kMemory, "the memory limit was reached");
      shared_.changed.notify_all();
    }
  }

 private:
  struct Known {
    std::uint32_t number = 0;
    std::vector<checker::RefutationRow> rows;
  };

  // Requires the mutex.
  void End(SearchEnd end, const char* detail) {
    if (!shared_.stop) shared_.outcome.end = end, shared_.outcome.detail = detail;
    shared_.stop = true;
  }

  bool Take(std::vector<OpenBox>& boxes) {
    boxes.clear();
    std::unique_lock lock(shared_.mutex);
    while (!shared_.stop && (!shared_.open.empty() || shared_.busy > 0)) {
      if (OutOfTime(options_))
        return End(options_.cancel.stop_requested() ? SearchEnd::kCancelled : SearchEnd::kTimeout,
                   "the time limit was reached"),
               false;
      while (!shared_.open.empty() && boxes.size() < checker::kLanes &&
             (boxes.empty() || boxes[0].case_index == shared_.open.back().case_index)) {
        boxes.push_back(std::move(shared_.open.back()));
        shared_.open.pop_back();
      }
      shared_.busy += boxes.size();
      if (!boxes.empty()) return true;
      shared_.changed.wait_for(lock, std::chrono::milliseconds(20));
    }
    return false;
  }

  void Found(Counterexample found) {
    const std::lock_guard lock(shared_.mutex);
    End(SearchEnd::kViolated, "");
    if (shared_.outcome.end == SearchEnd::kViolated) shared_.outcome.counterexample = std::move(found);
  }

  void Work(std::vector<OpenBox>& boxes, std::vector<OpenBox>& children) {
    const std::size_t case_index = boxes[0].case_index;
    std::vector<checker::LeafTask> tasks;
    std::vector<const Known*> known;
    for (OpenBox& box : boxes) {
      known.push_back(&Prepare(box));
      tasks.push_back({box.lower(), box.upper(), known.back()->rows});
    }
    std::vector<double> margins(boxes.size());
    engine_.Margins(recipe_, tasks, margins);
    for (std::size_t t = 0; t < boxes.size(); ++t) {
      OpenBox& box = boxes[t];
      if (margins[t] > 0) {
        tree_.Close(box.node, known[t]->number);
        continue;
      }
      if (!Split(box, children)) return;
    }
    if (++batches_ % kDescentEvery != 1 || children.empty()) return;
    for (std::size_t k = 0; k < rows_[case_index].size(); ++k)
      if (auto found = attack_.Descend(case_index, k, Centre(children[0]), kDescentSteps))
        return Found(std::move(*found));
  }

  static std::vector<double> Centre(const OpenBox& box) {
    std::vector<double> centre;
    for (std::size_t j = 0; j < box.lower().size(); ++j)
      centre.push_back(checker::SplitMidpoint(box.lower()[j], box.upper()[j]));
    return centre;
  }

  // Which row refutes each conjunction, by the values at the box's centre; and how much each input matters there.
  const Known& Prepare(OpenBox& box) {
    std::vector<double> centre = Centre(box);
    if (auto found = attack_.Try(box.case_index, centre)) Found(std::move(*found));
    std::vector<std::uint32_t> key = {box.case_index};
    const checker::RefutationRow* hardest = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < rows_[box.case_index].size(); ++k) {
      key.push_back(static_cast<std::uint32_t>(attack_.LargestRow(box.case_index, k)));
      const checker::RefutationRow& row = rows_[box.case_index][k][key.back()];
      const double value = attack_.ValueOf(row);
      if (hardest == nullptr || value < least) least = value, hardest = &row;
    }
    box.smear.clear();
    for (const double slope : attack_.Gradient(*hardest)) box.smear.push_back(static_cast<float>(std::abs(slope)));
    const auto [at, is_new] = arguments_.try_emplace(key);
    if (is_new) {
      checker::Argument argument{recipe_, {}, {}};
      for (std::size_t k = 0; k + 1 < key.size(); ++k) {
        argument.refutations.push_back({{key[k + 1], checker::kUnitMultiplier}});
        at->second.rows.push_back(rows_[box.case_index][k][key[k + 1]]);
      }
      at->second.number = tree_.ArgumentNumber(argument);
    }
    return at->second;
  }

  bool Split(const OpenBox& box, std::vector<OpenBox>& children) {
    // A part of the mean gradient for every input: where one is flat in the centre it may matter elsewhere.
    double mean = 0;
    for (const float slope : box.smear) mean += static_cast<double>(slope) / static_cast<double>(box.smear.size());
    double best = -1;
    std::size_t input = 0;
    for (std::size_t j = 0; j < box.smear.size(); ++j) {
      const double lower = box.lower()[j], upper = box.upper()[j], middle = checker::SplitMidpoint(lower, upper);
      const double resolution = 0x1p-22 * std::max(std::abs(lower), std::abs(upper));
      if (!(lower < middle && middle < upper && upper - lower >= resolution)) continue;
      const double score = (upper - lower) * (static_cast<double>(box.smear[j]) + 0.2 * mean + 1e-12);
      if (score > best) best = score, input = j;
    }
    const NodeId low =
        best < 0 || box.depth >= kDepthMax ? 0 : tree_.Split(box.node, static_cast<std::uint32_t>(input));
    if (low == 0) {
      const std::lock_guard lock(shared_.mutex);
      End(SearchEnd::kStuck, "a box that cannot be split further is neither proven nor violated");
      return false;
    }
    for (const std::size_t side : {1u, 0u}) children.push_back(box.Child(side, low, input));
    return true;
  }

  const checker::Claim& claim_;
  const RowsOfCases& rows_;
  const SearchOptions& options_;
  SplitTree& tree_;
  Shared& shared_;
  const checker::Recipe recipe_;
  GraphAttack attack_;
  checker::LeafEngine engine_;
  std::map<std::vector<std::uint32_t>, Known> arguments_;
  std::uint64_t batches_ = 0;
};

// ---- Phases

struct PhaseOf {
  std::size_t listed = 0;  // which listed neuron
  bool positive = false;
  double weight = 0;
};

struct OpenNode {
  NeuronTree::Id node = 0;
  std::vector<double> slopes;  // of listed neurons
  std::vector<PhaseOf> phases;
};

// Adam on numbers kept in [0, most] (Kingma and Ba, 2015).
class Ascent {
 public:
  explicit Ascent(std::size_t count) : first_(count), second_(count) {}
  void Step(std::size_t i, double gradient, double rate, double most, int step, double& value) {
    first_[i] = 0.9 * first_[i] + 0.1 * gradient;
    second_[i] = 0.99 * second_[i] + 0.01 * gradient * gradient;
    const double mean = first_[i] / (1 - std::pow(0.9, step)),
                 size = std::sqrt(second_[i] / (1 - std::pow(0.99, step)));
    value = std::clamp(value + rate * mean / (size + 1e-12), 0.0, most);
  }

 private:
  std::vector<double> first_, second_;
};

struct NeuronLess {
  bool operator()(const checker::ListedNeuron& a, const checker::ListedNeuron& b) const {
    return std::pair(a.value, a.neuron) < std::pair(b.value, b.neuron);
  }
};

// The tree of one conjunction after the other, over one case.
class PhaseSearch {
 public:
  PhaseSearch(const checker::Claim& claim, const Query& query, const RowsOfCases& rows, const Confirmer& confirmer,
              const SearchOptions& options, std::size_t case_index, checker::RootBounds& root)
      : claim_(claim),
        rows_(rows[case_index]),
        options_(options),
        case_index_(case_index),
        root_(root),
        pass_(claim),
        attack_(claim, query, rows, confirmer, options.seed),
        engine_(claim) {
    pass_.Relax(root);
    engine_.SetRoot(&root);
    for (std::size_t v = 1; v < claim.sizes.size(); ++v)
      if (claim.steps[v - 1].kind == checker::StepKind::kReluDifference)
        for (const std::size_t operand : {claim.steps[v - 1].of_network, claim.steps[v - 1].of_baseline})
          differences_[operand] = v;
    std::uint32_t number = 0;
    for (std::size_t v = 1, l = 0; v < claim.sizes.size(); ++v) {
      if (!claim.steps[v - 1].is_rectifier()) continue;
      for (std::size_t i = 0; i < claim.sizes[v]; ++i, ++number)
        if (l < root.listed.size() && root.listed[l].value == v && root.listed[l].neuron == i)
          numbers_.push_back(number), ++l;
    }
  }

  // False: `outcome` says why there is no proof.
  bool Run(std::size_t conjunction, checker::GroupProof& group, SearchOutcome& outcome) {
    const std::size_t row = BestRow(conjunction);
    row_ = &rows_[conjunction][row];
    NeuronTree tree;
    std::vector<OpenNode> open(1);
    for (const checker::ListedNeuron& listed : root_.listed)
      open[0].slopes.push_back(pass_.lines(listed.value).keep[listed.neuron] > 0.5 ? 1 : 0);
    for (std::uint64_t worked = 0; !open.empty(); ++worked) {
      if (OutOfTime(options_))
        return outcome.end = SearchEnd::kTimeout, outcome.detail = "the time limit was reached", false;
      OpenNode node = std::move(open.back());
      open.pop_back();
      ++outcome.boxes;
      if (Close(node, tree, outcome)) continue;
      if (worked % 16 == 0) {
        outcome.counterexample = attack_.Descend(case_index_, conjunction, pass_.value(0), kDescentSteps);
        if (outcome.counterexample) return outcome.end = SearchEnd::kViolated, false;
      }
      const std::optional<std::size_t> chosen = Choose(node);
      if (!chosen)
        return outcome.end = SearchEnd::kStuck, outcome.detail = "all phases are fixed and a row is not refuted", false;
      const NeuronTree::Id low = tree.Split(node.node, numbers_[*chosen]);
      for (const bool positive : {true, false}) {
        OpenNode child = node;
        child.node = low + (positive ? 1 : 0);
        child.phases.push_back({*chosen, positive, 0});
        open.push_back(std::move(child));
      }
      if (open.size() * (16 * root_.listed.size() + 64) > options_.memory_bytes_max)
        return outcome.end = SearchEnd::kMemory, outcome.detail = "the memory limit was reached", false;
    }
    group = tree.ToGroup(static_cast<std::uint32_t>(row));
    group.members = {static_cast<std::uint32_t>(conjunction)};
    return true;
  }

 private:
  // The row's lower bound by the node's slopes, phases and multipliers.
  double Bound(const OpenNode& node) {
    for (std::size_t k = 0; k < root_.listed.size(); ++k) SetLine(k, node.slopes[k]);
    for (const PhaseOf& phase : node.phases) {
      const checker::ListedNeuron& listed = root_.listed[phase.listed];
      const Step& step = claim_.steps[listed.value - 1];
      GraphPass::Lines& lines = pass_.lines(listed.value);
      lines.slope[listed.neuron] = lines.keep[listed.neuron] = phase.positive ? 1 : step.leak();
      lines.offset[listed.neuron] = lines.keep_offset[listed.neuron] = 0;
      const double weight = static_cast<double>(RoundedWeight(static_cast<float>(phase.weight)));
      pass_.AddToRow(step.input, listed.neuron, phase.positive ? -weight : weight);
    }
    RelaxDifferences(node);
    for (const auto& term : row_->inputs) pass_.AddToRow(0, term.input, term.coefficient);
    return pass_.Pull(row_->coefficients, &claim_.boxes[case_index_]) - row_->bound;
  }

  // Of drift: differences of neurons that are split are bounded by the phases, as the checker does it; all others are
  // as at the root.
  void RelaxDifferences(const OpenNode& node) {
    std::map<checker::ListedNeuron, bool, NeuronLess> fixed;  // by operand
    for (const PhaseOf& phase : node.phases) {
      const checker::ListedNeuron& listed = root_.listed[phase.listed];
      fixed[{claim_.steps[listed.value - 1].input, listed.neuron}] = phase.positive;
    }
    const auto interval = [&](std::size_t value, std::size_t i) {
      checker::Interval bounds{root_.relaxation.value(value).lower[i][0], root_.relaxation.value(value).upper[i][0]};
      const auto phase = fixed.find({value, i});
      if (phase != fixed.end() && phase->second) bounds.lower = std::max(bounds.lower, 0.0);
      if (phase != fixed.end() && !phase->second) bounds.upper = std::min(bounds.upper, 0.0);
      return bounds;
    };
    const auto relax = [&](std::size_t operand, std::size_t i) {
      const auto at = differences_.find(operand);
      if (at == differences_.end()) return;
      const Step& step = claim_.steps[at->second - 1];
      const checker::CurveBounds bounds = checker::BoundReluDifference(
          interval(step.input, i), interval(step.of_network, i), interval(step.of_baseline, i));
      GraphPass::Lines& lines = pass_.lines(at->second);
      lines.slope[i] = bounds.slope;
      lines.offset[i] = bounds.offset;
      lines.keep[i] = bounds.keep;
      lines.keep_offset[i] = bounds.keep_offset;
    };
    for (const checker::ListedNeuron& neuron : relaxed_) relax(neuron.value, neuron.neuron);
    relaxed_.clear();
    for (const auto& [neuron, positive] : fixed) {
      relax(neuron.value, neuron.neuron);
      relaxed_.push_back(neuron);
    }
  }

  // What the relaxation of a difference loses where the bound is reached, of which the operand is a part.
  double DifferenceLoss(std::size_t operand, std::size_t i) const {
    const auto at = differences_.find(operand);
    if (at == differences_.end()) return 0;
    const Step& step = claim_.steps[at->second - 1];
    const double exact =
        std::max(pass_.value(step.of_network)[i], 0.0) - std::max(pass_.value(step.of_baseline)[i], 0.0);
    return std::abs(pass_.coefficients(at->second)[i] * (pass_.value(at->second)[i] - exact));
  }

  void SetLine(std::size_t k, double slope) {
    const checker::ListedNeuron& listed = root_.listed[k];
    const checker::Relaxation::Value& from = root_.relaxation.value(listed.value);
    const double leak = claim_.steps[listed.value - 1].leak();
    GraphPass::Lines& lines = pass_.lines(listed.value);
    lines.slope[listed.neuron] = from.slope[listed.neuron][0];
    lines.offset[listed.neuron] = from.offset[listed.neuron][0];
    lines.keep[listed.neuron] = leak + (1 - leak) * checker::SlopeOf(SlopeByte(static_cast<float>(slope)));
    lines.keep_offset[listed.neuron] = from.keep_offset.empty() ? 0 : from.keep_offset[listed.neuron][0];
  }

  std::size_t BestRow(std::size_t conjunction) {
    std::size_t best = 0;
    double bound = -std::numeric_limits<double>::infinity();
    for (std::size_t r = 0; r < rows_[conjunction].size(); ++r) {
      for (const auto& term : rows_[conjunction][r].inputs) pass_.AddToRow(0, term.input, term.coefficient);
      const double found =
          pass_.Pull(rows_[conjunction][r].coefficients, &claim_.boxes[case_index_]) - rows_[conjunction][r].bound;
      if (found > bound) bound = found, best = r;
    }
    return best;
  }

  // Optimises the node's bound; closes it where the checker accepts it.
  bool Close(OpenNode& node, NeuronTree& tree, SearchOutcome& outcome) {
    Ascent slopes(node.slopes.size()), weights(node.phases.size());
    double slope_rate = kSlopeRate, weight_rate = kWeightRate;
    const int steps = node.phases.empty() ? kRootSteps : kNodeSteps;
    bool asked = false;
    for (int s = 0; s <= steps; ++s, slope_rate *= kRateDecay, weight_rate *= kRateDecay) {
      bound_ = Bound(node);
      if (bound_ > 1e-9 * (1 + std::abs(row_->bound)) && (!asked || s == steps)) {
        asked = true;
        if (Confirm(node, tree)) return ++outcome.leaves, true;
        ++outcome.refused_leaves;
      }
      pass_.Push();
      if (s == steps) break;
      for (std::size_t k = 0; k < node.slopes.size(); ++k) {
        const checker::ListedNeuron& listed = root_.listed[k];
        const double a = pass_.coefficients(listed.value)[listed.neuron];
        const double z = pass_.value(claim_.steps[listed.value - 1].input)[listed.neuron];
        slopes.Step(k, std::max(a, 0.0) * z, slope_rate, 1, s + 1, node.slopes[k]);
      }
      for (std::size_t p = 0; p < node.phases.size(); ++p) {
        const checker::ListedNeuron& listed = root_.listed[node.phases[p].listed];
        const double z = pass_.value(claim_.steps[listed.value - 1].input)[listed.neuron];
        weights.Step(p, node.phases[p].positive ? -z : z, weight_rate, 2048, s + 1, node.phases[p].weight);
      }
    }
    outcome.best_margin = std::min(outcome.best_margin, bound_);
    return false;
  }

  bool Confirm(const OpenNode& node, NeuronTree& tree) {
    NeuronTree::Leaf leaf;
    std::vector<checker::Phase> phases;
    for (const double slope : node.slopes) leaf.slopes.push_back(SlopeByte(static_cast<float>(slope)));
    for (const PhaseOf& phase : node.phases) {
      phases.push_back({numbers_[phase.listed], phase.positive});
      leaf.weights.push_back(WeightByte(static_cast<float>(phase.weight)));
    }
    const checker::RootBox& box = claim_.boxes[case_index_];
    const checker::LeafTask task{box.lower, box.upper,    {row_, 1},
                                 phases,    leaf.weights, {&leaf.slopes, leaf.slopes.empty() ? 0u : 1u}};
    double margin = 0;
    engine_.Margins(checker::Recipe::kRoot, {&task, 1}, {&margin, 1});
    if (!(margin > 0)) return false;
    tree.Close(node.node, std::move(leaf));
    return true;
  }

  // The neuron whose children have the best bounds, of those that lose most where the bound is reached. Requires Close.
  std::optional<std::size_t> Choose(const OpenNode& node) {
    std::vector<std::pair<double, std::size_t>> losses;
    for (std::size_t k = 0; k < root_.listed.size(); ++k) {
      const bool fixed =
          std::any_of(node.phases.begin(), node.phases.end(), [&](const PhaseOf& p) { return p.listed == k; });
      if (fixed) continue;
      const checker::ListedNeuron& listed = root_.listed[k];
      const Step& step = claim_.steps[listed.value - 1];
      const double z = pass_.value(step.input)[listed.neuron], y = pass_.value(listed.value)[listed.neuron];
      const double a = pass_.coefficients(listed.value)[listed.neuron];
      const double own = std::abs(a * (y - std::max(z, step.leak() * z)));
      losses.emplace_back(own + DifferenceLoss(step.input, listed.neuron), k);
    }
    const std::size_t count = std::min(kCandidates, losses.size());
    std::partial_sort(losses.begin(), losses.begin() + static_cast<std::ptrdiff_t>(count), losses.end(),
                      std::greater<>());
    std::optional<std::size_t> chosen;
    double best = 0;
    for (std::size_t i = 0; i < count; ++i) {
      double gains[2];
      for (const bool positive : {false, true}) {
        OpenNode child = node;
        child.phases.push_back({losses[i].second, positive, 0});
        gains[positive ? 1 : 0] = std::min(Bound(child), 0.0) - bound_;
      }
      const double score = std::min(gains[0], gains[1]) + kBetterChild * std::max(gains[0], gains[1]);
      if (!chosen || score > best) best = score, chosen = losses[i].second;
    }
    return chosen;
  }

  const checker::Claim& claim_;
  const std::vector<std::vector<checker::RefutationRow>>& rows_;
  const SearchOptions& options_;
  const std::size_t case_index_;
  checker::RootBounds& root_;
  GraphPass pass_;
  GraphAttack attack_;
  checker::LeafEngine engine_;
  std::vector<std::uint32_t> numbers_;              // of listed neurons, for splits
  std::map<std::size_t, std::size_t> differences_;  // of drift: by operand, the value that is the ReLUs' difference
  std::vector<checker::ListedNeuron> relaxed_;      // whose differences are not as at the root
  const checker::RefutationRow* row_ = nullptr;
  double bound_ = 0;
};

// One layer a rectifier, listing the neurons whose sign `bounds` leaves open.
std::vector<checker::RootLayer> ListOpen(const checker::Claim& claim, const checker::RootBounds* bounds) {
  std::vector<checker::RootLayer> layers;
  for (const Step& step : claim.steps) {
    if (!step.is_rectifier()) continue;
    checker::RootLayer& layer = layers.emplace_back();
    layer.neurons = static_cast<std::uint32_t>(step.rows);
    layer.listed.resize((step.rows + 7) / 8);
    for (std::size_t i = 0; bounds != nullptr && i < step.rows; ++i) {
      const checker::Relaxation::Value& operand = bounds->relaxation.value(step.input);
      if (operand.lower[i][0] < 0 && operand.upper[i][0] > 0)
        layer.listed[i / 8] |= static_cast<std::uint8_t>(1 << i % 8);
    }
  }
  return layers;
}

}  // namespace

GraphSearch::GraphSearch(const checker::Claim& claim, const Query& query, const Confirmer& confirmer,
                         const SearchOptions& options)
    : claim_(claim), query_(query), confirmer_(confirmer), options_(options), rows_(AllRows(claim)) {}

std::optional<Counterexample> GraphSearch::Attack() {
  GraphAttack attack(claim_, query_, rows_, confirmer_, options_.seed);
  for (int round = 0; round < kAttackRounds; ++round) {
    for (std::size_t c = 0; c < rows_.size(); ++c) {
      for (std::size_t k = 0; k < rows_[c].size(); ++k) {
        if (OutOfTime(options_)) return std::nullopt;
        if (std::optional<Counterexample> found = attack.Descend(c, k, {}, kDescentSteps)) return found;
      }
    }
  }
  return std::nullopt;
}

SearchOutcome GraphSearch::SplitBoxes(SplitTree& tree, std::vector<OpenBox> boxes) {
  Shared shared;
  shared.outcome.best_margin = std::numeric_limits<double>::infinity();
  if (rows_.empty())
    return shared.outcome.end = SearchEnd::kStuck, shared.outcome.detail = "a row has no bounds", shared.outcome;
  shared.open = std::move(boxes);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, options_.threads); ++i)
      threads.emplace_back([&, i] { BoxWorker(claim_, query_, rows_, confirmer_, options_, tree, shared, i).Run(); });
  }
  return std::move(shared.outcome);
}

SearchOutcome GraphSearch::SplitNeurons(std::size_t case_index, checker::CaseProof& proof) {
  SearchOutcome outcome;
  outcome.best_margin = std::numeric_limits<double>::infinity();
  const auto stuck = [&](const char* why) { return outcome.end = SearchEnd::kStuck, outcome.detail = why, outcome; };
  if (rows_.empty()) return stuck("a row has no bounds");
  Result<checker::RootBounds> root =
      checker::BoundRoot(claim_, case_index, ListOpen(claim_, nullptr), options_.threads);
  if (!root.ok() || !root->usable) return stuck("the hidden neurons have no finite bounds");
  // Tables of slopes are for rows alone, so listing neurons changes no bound.
  proof.root = ListOpen(claim_, &*root);
  root->listed = *checker::ListNeurons(claim_, proof.root);
  proof.conjunctions = static_cast<std::uint32_t>(rows_[case_index].size());
  PhaseSearch search(claim_, query_, rows_, confirmer_, options_, case_index, *root);
  for (std::size_t k = 0; k < rows_[case_index].size(); ++k)
    if (!search.Run(k, proof.groups.emplace_back(), outcome)) return outcome;
  outcome.end = SearchEnd::kClosed;
  return outcome;
}

}  // namespace pawl::prover
