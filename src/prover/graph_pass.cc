#include "prover/graph_pass.h"

#include <algorithm>
#include <cmath>

namespace pawl::prover {

using checker::Step;
using checker::StepKind;

namespace {

using Form = model::Activation::Form;

struct Tangent {
  double value = 0, slope = 0;
};

Tangent TangentOf(const Step& step, double x) {
  if (step.is_rectifier()) return x > 0 ? Tangent{x, 1} : Tangent{step.leak() * x, step.leak()};
  switch (step.activation.form) {
    case Form::kRelu:
    case Form::kLeakyRelu:
      break;
    case Form::kClip:
      return {std::clamp(x, step.activation.lower, step.activation.upper),
              x > step.activation.lower && x < step.activation.upper ? 1.0 : 0.0};
    case Form::kSigmoid: {
      const double y = 1 / (1 + std::exp(-x));
      return {y, y * (1 - y)};
    }
    case Form::kTanh: {
      const double y = std::tanh(x);
      return {y, 1 - y * y};
    }
  }
  return {};
}

}  // namespace

GraphPass::GraphPass(const checker::Claim& claim)
    : claim_(claim),
      lines_(claim.sizes.size()),
      values_(claim.sizes.size()),
      coefficients_(claim.sizes.size()),
      radius_(claim.sizes.size()) {
  for (std::size_t v = 0; v < claim.sizes.size(); ++v) {
    values_[v].resize(claim.sizes[v]);
    coefficients_[v].resize(claim.sizes[v]);
    radius_[v].resize(claim.sizes[v]);
    if (v == 0 || !checker::IsBent(claim.steps[v - 1].kind)) continue;
    const std::size_t members = std::max(claim.sizes[v], claim.steps[v - 1].maximum.members.size());
    for (auto* array : {&lines_[v].slope, &lines_[v].keep}) array->resize(members);
    for (auto* array : {&lines_[v].offset, &lines_[v].keep_offset}) array->resize(claim.sizes[v]);
  }
}

void GraphPass::Relax(const checker::RootBounds& root) {
  for (std::size_t v = 1; v < lines_.size(); ++v) {
    const checker::Relaxation::Value& from = root.relaxation.value(v);
    const auto copy = [](const std::vector<checker::Lanes>& lanes, std::vector<double>& to) {
      for (std::size_t i = 0; i < std::min(lanes.size(), to.size()); ++i) to[i] = lanes[i][0];
    };
    copy(from.slope, lines_[v].slope);
    copy(from.offset, lines_[v].offset);
    copy(from.keep, lines_[v].keep);
    std::fill(lines_[v].keep_offset.begin(), lines_[v].keep_offset.end(), 0.0);
    copy(from.keep_offset, lines_[v].keep_offset);
    const StepKind kind = claim_.steps[v - 1].kind;
    if (!checker::IsBent(kind) && kind != StepKind::kSelect) copy(from.radius, radius_[v]);
  }
}

double GraphPass::AffineElement(const Step& step, std::size_t i) const {
  if (step.kind == StepKind::kSum) return values_[step.input][i] + step.second_sign * values_[step.second_input][i];
  if (step.kind == StepKind::kSelect) {
    const Step::Source& source = step.sources[i];
    return source.value == model::kNoConstant ? step.bias[i] : values_[source.value][source.index];
  }
  const std::vector<double>& x = values_[step.input];
  double sum = step.bias[i];
  step.ForEachTerm(i, [&](std::size_t j, double w) { sum += w * x[j]; });
  return sum;
}

void GraphPass::Evaluate(const std::vector<double>& x) {
  values_[0] = x;
  for (std::size_t v = 1; v < values_.size(); ++v) {
    const Step& step = claim_.steps[v - 1];
    const std::vector<double>& operand = values_[step.input];
    Lines& lines = lines_[v];
    for (std::size_t i = 0; i < step.rows; ++i) {
      double& y = values_[v][i];
      if (!checker::IsBent(step.kind)) {
        y = AffineElement(step, i);
      } else if (step.kind == StepKind::kMaximum) {
        std::uint32_t best = step.maximum.begin[i];
        for (std::uint32_t e = best; e < step.maximum.begin[i + 1]; ++e) {
          lines.slope[e] = lines.keep[e] = 0;
          if (operand[step.maximum.members[e]] > operand[step.maximum.members[best]]) best = e;
        }
        lines.slope[best] = lines.keep[best] = 1;
        y = operand[step.maximum.members[best]];
      } else if (step.kind == StepKind::kReluDifference) {
        const double network = values_[step.of_network][i], baseline = values_[step.of_baseline][i];
        y = std::max(network, 0.0) - std::max(baseline, 0.0);
        // Where the signs differ, the share of the change that passes.
        lines.slope[i] = lines.keep[i] = network == baseline ? (network > 0 ? 1 : 0) : y / (network - baseline);
      } else {
        const Tangent tangent = TangentOf(step, operand[i]);
        y = tangent.value;
        lines.slope[i] = lines.keep[i] = tangent.slope;
      }
    }
  }
}

void GraphPass::Through(const Step& step, std::size_t v, double& constant) {
  const std::vector<double>& from = coefficients_[v];
  std::vector<double>& to = coefficients_[step.input];
  const Lines& lines = lines_[v];
  for (std::size_t i = 0; i < step.rows; ++i) {
    const double a = from[i];
    if (a == 0) continue;
    switch (step.kind) {
      case StepKind::kDense:
      case StepKind::kConvolution:
      case StepKind::kElementwise:
        constant += a * step.bias[i] - std::abs(a) * radius_[v][i];
        step.ForEachTerm(i, [&](std::size_t j, double w) { to[j] += a * w; });
        break;
      case StepKind::kSum:
        constant -= std::abs(a) * radius_[v][i];
        to[i] += a;
        coefficients_[step.second_input][i] += step.second_sign * a;
        break;
      case StepKind::kSelect: {
        const Step::Source& source = step.sources[i];
        if (source.value == model::kNoConstant)
          constant += a * step.bias[i];
        else
          coefficients_[source.value][source.index] += a;
        break;
      }
      case StepKind::kMaximum:
        constant += a < 0 ? a * lines.offset[i] : 0;
        for (std::uint32_t e = step.maximum.begin[i]; e < step.maximum.begin[i + 1]; ++e)
          to[step.maximum.members[e]] += a * (a < 0 ? lines.slope[e] : lines.keep[e]);
        break;
      case StepKind::kRelu:
      case StepKind::kCurve:
      case StepKind::kReluDifference:
        constant += a * (a < 0 ? lines.offset[i] : lines.keep_offset[i]);
        to[i] += a * (a < 0 ? lines.slope[i] : lines.keep[i]);
        break;
    }
  }
}

double GraphPass::Pull(const std::vector<double>& row, const checker::RootBox* box) {
  for (std::vector<double>& coefficients : coefficients_) std::fill(coefficients.begin(), coefficients.end(), 0.0);
  coefficients_[claim_.output] = row;
  for (const Extra& extra : extra_) coefficients_[extra.value][extra.index] += extra.coefficient;
  extra_.clear();
  double constant = 0;
  for (std::size_t v = coefficients_.size() - 1; v > 0; --v) Through(claim_.steps[v - 1], v, constant);
  if (box == nullptr) return constant;
  for (std::size_t j = 0; j < values_[0].size(); ++j) {
    const double a = coefficients_[0][j];
    values_[0][j] = a >= 0 ? box->lower[j] : box->upper[j];
    constant += a * values_[0][j];
  }
  return constant;
}

double GraphPass::Element(const Step& step, std::size_t v, std::size_t i) {
  const std::vector<double>& x = values_[step.input];
  const Lines& lines = lines_[v];
  const bool falls = coefficients_[v][i] < 0;
  if (!checker::IsBent(step.kind)) return AffineElement(step, i);
  if (step.kind != StepKind::kMaximum)
    return falls ? lines.slope[i] * x[i] + lines.offset[i] : lines.keep[i] * x[i] + lines.keep_offset[i];
  double y = falls ? lines.offset[i] : 0;
  for (std::uint32_t e = step.maximum.begin[i]; e < step.maximum.begin[i + 1]; ++e)
    y += (falls ? lines.slope[e] : lines.keep[e]) * x[step.maximum.members[e]];
  return y;
}

void GraphPass::Push() {
  for (std::size_t v = 1; v < values_.size(); ++v)
    for (std::size_t i = 0; i < values_[v].size(); ++i) values_[v][i] = Element(claim_.steps[v - 1], v, i);
}

}  // namespace pawl::prover
