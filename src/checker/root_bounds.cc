#include "checker/root_bounds.h"

#include <atomic>
#include <limits>
#include <optional>
#include <span>
#include <thread>
#include <utility>

namespace pawl::checker {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One backward substitution: the lower or the upper bound of a neuron, with its slopes; where the layer has trees,
// under the phases of one leaf.
struct Target {
  std::size_t neuron = 0;
  double sign = 1;
  BoundLeaf by = {};  // no slopes: the default ones
};

class RootBounder {
 public:
  RootBounder(const Claim& claim, const std::vector<RootLayer>& layers, unsigned threads, RootBounds& bounds)
      : claim_(claim), layers_(layers), threads_(threads), listed_(bounds.listed), relaxation_(bounds.relaxation) {}

  // False where something is not finite or may overflow.
  bool Run(const RootBox& box) {
    LoadBox(box);
    std::vector<bool> is_tight(claim_.sizes.size(), false);
    std::size_t layer = 0;
    for (std::size_t s = 0; s < claim_.steps.size(); ++s) {
      const Step& step = claim_.steps[s];
      if (IsBent(step.kind)) {
        const bool wanted = !is_tight[step.input] && IsWorthTightening(claim_, step);
        if (wanted && !Tighten(step, step.is_rectifier() && !layers_.empty() ? &layers_[layer] : nullptr)) return false;
        is_tight[step.input] = is_tight[step.input] || wanted;
        layer += step.is_rectifier() ? 1 : 0;
      }
      Forward(step, s + 1);
    }
    return poison_[0] == 0;
  }

 private:
  void LoadBox(const RootBox& box) {
    Relaxation::Value& x = relaxation_.value(0);
    for (std::size_t j = 0; j < claim_.input_count(); ++j) {
      x.lower[j] = box.lower[j];
      x.upper[j] = box.upper[j];
    }
    Relaxation::Measure(x, poison_);
  }

  void Forward(const Step& step, std::size_t v) {
    Relaxation::Value& out = relaxation_.value(v);
    const Relaxation::Value& in = relaxation_.value(step.input);
    for (std::size_t i = 0; i < step.rows; ++i) {
      switch (step.kind) {
        case StepKind::kDense:
        case StepKind::kConvolution:
        case StepKind::kElementwise:
          ForwardAffineRow(step, i, out);
          break;
        case StepKind::kSum:
          ForwardSumRow(step, i, out);
          break;
        case StepKind::kSelect: {
          const Step::Source& source = step.sources[i];
          const bool is_constant = source.value == model::kNoConstant;
          out.lower[i] = is_constant ? step.bias[i] : relaxation_.value(source.value).lower[source.index];
          out.upper[i] = is_constant ? step.bias[i] : relaxation_.value(source.value).upper[source.index];
          break;
        }
        case StepKind::kMaximum:
          relaxation_.RelaxMaximum(v, i);
          break;
        case StepKind::kRelu:
          out.lower[i] = Max(in.lower[i], 0.0);
          out.upper[i] = Max(in.upper[i], 0.0);
          relaxation_.Relax(v, i);
          break;
        case StepKind::kCurve:
        case StepKind::kReluDifference:
          relaxation_.RelaxCurve(v, i);
          break;
      }
    }
    Relaxation::Measure(out, poison_);
  }

  static Lanes Charge(const Step& step, const Relaxation::Value& in, std::size_t j) {
    return OperandCharge(step, in.lower[j], in.upper[j], Magnitude(in.lower[j], in.upper[j]));
  }

  void Finish(const Step& step, std::size_t i, const Lanes& lower, const Lanes& upper, const Lanes& charge,
              const Lanes& operands, Relaxation::Value& out) {
    const Lanes radius = relaxation_.WithInherited(
        step, i, RowRadius(step, i, charge, operands, kTiny, claim_.format.finite_max, poison_));
    // One more rounding each than the radius has.
    const Lanes outer = radius + (Abs(lower) + Abs(upper) + radius) * (4 * kUnit);
    out.radius[i] = radius;
    out.lower[i] = lower - outer;
    out.upper[i] = upper + outer;
  }

  void ForwardAffineRow(const Step& step, std::size_t i, Relaxation::Value& out) {
    const Relaxation::Value& in = relaxation_.value(step.input);
    Lanes lower = step.bias[i], upper = step.bias[i], charge = 0.0;
    step.ForEachTerm(i, [&](std::size_t j, double w) {
      lower += (w >= 0 ? in.lower[j] : in.upper[j]) * w;
      upper += (w >= 0 ? in.upper[j] : in.lower[j]) * w;
      charge += Charge(step, in, j) * std::abs(w);
    });
    Finish(step, i, lower, upper, charge, relaxation_.OperandSum(step, i), out);
  }

  void ForwardSumRow(const Step& step, std::size_t i, Relaxation::Value& out) {
    const Relaxation::Value &a = relaxation_.value(step.input), &b = relaxation_.value(step.second_input);
    const bool plus = step.second_sign >= 0;
    const Lanes low = plus ? b.lower[i] : -b.upper[i], high = plus ? b.upper[i] : -b.lower[i];
    Finish(step, i, a.lower[i] + low, a.upper[i] + high, Charge(step, a, i) + Charge(step, b, i), 0.0, out);
  }

  // The targets of a layer in order: for each open neuron its lower and its upper bound.
  std::vector<Target> Targets(const Step& step, const RootLayer* section) const {
    const Relaxation::Value& operand = relaxation_.value(step.input);
    std::vector<Target> targets;
    std::size_t listed_before = 0, rank = 0;
    while (section != nullptr && listed_before < listed_.size() && listed_[listed_before].value < ValueOf(step))
      ++listed_before;
    std::vector<BoundLeaf> leaves;
    if (section != nullptr && section->mode == RootMode::kBySplits)
      leaves = std::move(*BoundLeaves(*section, listed_before));  // ListNeurons has asked
    auto leaf = leaves.begin();
    for (std::size_t i = 0; i < operand.lower.size(); ++i) {
      const bool is_listed = section != nullptr && section->lists(i);
      const std::size_t own_rank = is_listed ? rank++ : 0;
      if (!Any(relaxation_.IsOpen(step, i))) continue;
      for (const std::size_t side : {0u, 1u}) {
        const std::size_t tree = 2 * own_rank + side;
        if (is_listed && section->mode == RootMode::kBySplits) {
          while (leaf != leaves.end() && leaf->tree < tree) ++leaf;
          for (; leaf != leaves.end() && leaf->tree == tree; ++leaf)
            targets.push_back({i, side == 0 ? 1.0 : -1.0, std::move(*leaf)});
          continue;
        }
        Target target{i, side == 0 ? 1.0 : -1.0, {}};
        const bool has_table = section != nullptr && (section->mode == RootMode::kPerLayer ||
                                                      (section->mode == RootMode::kPerNeuron && is_listed));
        const std::size_t table = section != nullptr && section->mode == RootMode::kPerNeuron ? tree : side;
        if (has_table) target.by.slopes = {section->tables.data() + table * listed_before, listed_before};
        targets.push_back(std::move(target));
      }
    }
    return targets;
  }

  std::size_t ValueOf(const Step& step) const { return static_cast<std::size_t>(&step - claim_.steps.data()) + 1; }

  // Substitutes every operand for which the step is not exact, below and above. `section`: its layer, if it has one.
  bool Tighten(const Step& step, const RootLayer* section) {
    const std::size_t v = step.input;
    const std::vector<Target> targets = Targets(step, section);
    std::vector<double> found(targets.size());
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> environment_sound = true;
    const auto work = [&] {
      if (!EnvironmentIsSound()) environment_sound = false;
      Relaxation own = relaxation_;
      std::vector<Neuron> cut;
      for (std::size_t first; (first = next.fetch_add(kLanes)) < targets.size();)
        Substitute(own, cut, v, std::span(targets).subspan(first, std::min(kLanes, targets.size() - first)),
                   &found[first]);
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < std::min<std::size_t>(threads_, targets.size() / (2 * kLanes)); ++i)
      threads.emplace_back(work);
    work();
    for (std::thread& thread : threads) thread.join();
    Relaxation::Value& operand = relaxation_.value(v);
    for (std::size_t t = 0; t < targets.size();) {
      const Target& first = targets[t];
      // The leaves of a tree hold all evaluations together; one that is not bounded leaves the whole unbounded.
      double least = kInfinity;
      for (; t < targets.size() && targets[t].neuron == first.neuron && targets[t].sign == first.sign; ++t)
        least = std::min(least, found[t]);
      if (!(std::abs(least) <= kFiniteMax)) continue;
      Lanes& bound = (first.sign > 0 ? operand.lower : operand.upper)[first.neuron];
      bound = first.sign > 0 ? Max(bound, least) : Min(bound, -least);
    }
    Relaxation::Measure(operand, poison_);
    return environment_sound;
  }

  // `cut` lists the neurons whose bounds in `relaxation` are not those of the root. What is found is not below the
  // bound: −∞ where there is none, +∞ where the phases leave no evaluation.
  void Substitute(Relaxation& relaxation, std::vector<Neuron>& cut, std::size_t v, std::span<const Target> targets,
                  double* found) const {
    const std::vector<bool> is_empty = Cut(relaxation, cut, targets);
    relaxation.StartNeuron(v, targets[0].neuron, 0.0, kTiny);
    std::vector<Lanes>& coefficients = relaxation.value(v).coefficients;
    for (std::size_t l = 0; l < targets.size(); ++l) {
      const BoundLeaf& by = targets[l].by;
      coefficients[targets[l].neuron].Set(l, targets[l].sign);
      for (std::size_t k = 0; k < by.slopes.size(); ++k)
        relaxation.SetSlope(listed_[k].value, listed_[k].neuron, l, by.slopes[k]);
      for (std::size_t p = 0; p < by.phases.size(); ++p)
        relaxation.AddWeight(claim_.neurons[by.phases[p].neuron], l, by.phases[p].positive, SplitWeight(by.weights[p]));
      // A neuron without a table in a layer with tables: what the lane before left is undone.
      for (std::size_t k = 0; by.slopes.empty() && k < listed_.size(); ++k) {
        if (listed_[k].value >= v) break;
        relaxation.value(listed_[k].value)
            .keep[listed_[k].neuron]
            .Set(l, relaxation_.value(listed_[k].value).keep[listed_[k].neuron][0]);
      }
    }
    const Lanes bound = relaxation.Backward(v);
    for (std::size_t l = 0; l < targets.size(); ++l)
      found[l] = is_empty[l] ? kInfinity : std::abs(bound[l]) <= kFiniteMax ? bound[l] : -kInfinity;
  }

  // Gives the targets' phases to their lanes, and says which lanes hold no evaluation.
  std::vector<bool> Cut(Relaxation& relaxation, std::vector<Neuron>& cut, std::span<const Target> targets) const {
    for (const Neuron& neuron : cut) {
      relaxation.value(neuron.value).lower[neuron.index] = relaxation_.value(neuron.value).lower[neuron.index];
      relaxation.value(neuron.value).upper[neuron.index] = relaxation_.value(neuron.value).upper[neuron.index];
      relaxation.RelaxUsers(neuron);
    }
    cut.clear();
    std::vector<bool> is_empty(targets.size(), false);
    for (std::size_t l = 0; l < targets.size(); ++l) {
      for (const Phase& phase : targets[l].by.phases) {
        const Neuron& neuron = claim_.neurons[phase.neuron];
        if (!relaxation.Cut(neuron, l, phase.positive)) is_empty[l] = true;
        relaxation.RelaxUsers(neuron);
        cut.push_back(neuron);
      }
    }
    return is_empty;
  }

  const Claim& claim_;
  const std::vector<RootLayer>& layers_;
  const unsigned threads_;
  const std::vector<ListedNeuron>& listed_;
  Relaxation& relaxation_;
  Lanes poison_ = 0.0;
};

// Whether trees split what has bounds before their layer's operand, the value `operand`, and nothing twice on a path.
bool AreTrees(const Claim& claim, std::size_t operand, const RootLayer& layer, std::size_t listed_before) {
  const std::optional<std::vector<BoundLeaf>> leaves = BoundLeaves(layer, listed_before);
  if (!leaves || listed_before == 0) return false;
  std::vector<std::size_t> seen(claim.neurons.size(), 0);  // the last leaf, counted from 1, whose path has the neuron
  for (std::size_t leaf = 0; leaf < leaves->size(); ++leaf) {
    for (const Phase& phase : (*leaves)[leaf].phases) {
      if (phase.neuron >= claim.neurons.size() || claim.neurons[phase.neuron].value >= operand) return false;
      if (std::exchange(seen[phase.neuron], leaf + 1) == leaf + 1) return false;
    }
  }
  return true;
}

// Whether a layer has the tables that its mode asks for, as those from ReadCertificate have.
bool IsWhole(const Claim& claim, std::size_t operand, const RootLayer& layer, std::size_t listed_before) {
  if (layer.listed.size() != (std::size_t{layer.neurons} + 7) / 8) return false;
  if (layer.mode == RootMode::kBySplits) return AreTrees(claim, operand, layer, listed_before);
  // For each neuron that is listed before.
  const std::size_t tables = layer.mode == RootMode::kDefault    ? 0
                             : layer.mode == RootMode::kPerLayer ? 2
                                                                 : 2 * layer.listed_count();
  return layer.splits.empty() && layer.weights.empty() && layer.tables.size() == tables * listed_before;
}

}  // namespace

Result<std::vector<ListedNeuron>> ListNeurons(const Claim& claim, const std::vector<RootLayer>& layers) {
  std::vector<ListedNeuron> listed;
  std::size_t layer = 0;
  for (std::size_t s = 0; s < claim.steps.size() && !layers.empty(); ++s) {
    if (!claim.steps[s].is_rectifier()) continue;
    if (layer == layers.size() || layers[layer].neurons != claim.sizes[s + 1] ||
        !IsWhole(claim, claim.steps[s].input, layers[layer], listed.size()))
      return Refused("checker.root", "a root section's layers are not the network's");
    for (std::size_t i = 0; i < claim.sizes[s + 1]; ++i)
      if (layers[layer].lists(i)) listed.push_back({s + 1, i});
    ++layer;
  }
  if (layer != layers.size()) return Refused("checker.root", "a root section's layers are not the network's");
  return listed;
}

Result<RootBounds> BoundRoot(const Claim& claim, std::size_t case_index, const std::vector<RootLayer>& layers,
                             unsigned threads) {
  Result<std::vector<ListedNeuron>> listed = ListNeurons(claim, layers);
  if (!listed.ok()) return listed.error();
  if (!EnvironmentIsSound())
    return SystemFailure("checker.environment", "floating-point arithmetic is unusual in a thread of this machine");
  RootBounds bounds{std::move(*listed), Relaxation(claim), true};
  bounds.usable = RootBounder(claim, layers, threads, bounds).Run(claim.boxes[case_index]);
  return bounds;
}

double RootOperations(const Claim& claim, const std::vector<RootLayer>& layers) {
  double backward = 0, total = 0;
  for (const Step& step : claim.steps) {
    if (IsBent(step.kind)) total += 2 * static_cast<double>(step.columns) * backward;
    backward += step.products + 16 * static_cast<double>(step.rows);
    total += 4 * step.products + (step.kind == StepKind::kCurve ? 2'000 * static_cast<double>(step.rows) : 0);
  }
  for (const RootLayer& layer : layers) {
    // Every node may be a leaf. A phase is looked at for every step and may relax a curve, when it is given and when it
    // is taken back.
    total += static_cast<double>(layer.splits.size()) * backward;
    total += 2 * static_cast<double>(layer.weights.size()) * static_cast<double>(claim.steps.size() + 2'000);
  }
  return total;
}

}  // namespace pawl::checker
