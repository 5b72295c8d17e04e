#include "checker/relaxation.h"

namespace pawl::checker {

Relaxation::Relaxation(const Claim& claim) : claim_(&claim), values_(claim.sizes.size()) {
  std::size_t widest = 0, total = 0;
  for (std::size_t v = 0; v < values_.size(); ++v) {
    const std::size_t size = claim.sizes[v];
    widest = std::max(widest, size);
    total += size;
    Value& value = values_[v];
    for (auto* array : {&value.lower, &value.upper, &value.radius, &value.coefficients}) array->resize(size);
    const StepKind kind = v == 0 ? StepKind::kDense : claim.steps[v - 1].kind;
    const std::size_t members = kind == StepKind::kMaximum ? claim.steps[v - 1].maximum.members.size() : 0;
    total += members;
    if (IsBent(kind)) {
      for (auto* array : {&value.slope, &value.keep}) array->resize(std::max(size, members));
      value.offset.resize(size);
    }
    if (kind == StepKind::kCurve || kind == StepKind::kReluDifference) value.keep_offset.resize(size);
  }
  // At most five additions a neuron or member of a maximum on the way back, and one for the split multiplier of each
  // lane; and as many again for the sum of their magnitudes.
  rounding_ = Gamma(2 * (5 + kLanes) * total + 64, kUnit);
  added_.resize(widest);
}

void Relaxation::RelaxCurve(std::size_t v, std::size_t i) {
  const Step& step = claim_->steps[v - 1];
  const Value& operand = values_[step.input];
  Value& value = values_[v];
  for (std::size_t l = 0; l < kLanes; ++l) {
    const auto interval = [&](std::size_t of) { return Interval{values_[of].lower[i][l], values_[of].upper[i][l]}; };
    const CurveBounds bounds =
        step.kind == StepKind::kReluDifference
            ? BoundReluDifference(interval(step.input), interval(step.of_network), interval(step.of_baseline))
            : BoundCurve(step, claim_->format, operand.lower[i][l], operand.upper[i][l]);
    value.slope[i].Set(l, bounds.slope);
    value.offset[i].Set(l, bounds.offset);
    value.keep[i].Set(l, bounds.keep);
    value.keep_offset[i].Set(l, bounds.keep_offset);
    value.lower[i].Set(l, bounds.lower);
    value.upper[i].Set(l, bounds.upper);
  }
}

// Below: the member that is largest in the middle of its bounds. Above: the largest upper bound U; or, where that is
// less in the middle, L + Σ max(x − L, 0) with a chord for each term, L being the largest lower bound. Where one member
// is always the largest, both are that member.
void Relaxation::RelaxMaximum(std::size_t v, std::size_t i) {
  const Step& step = claim_->steps[v - 1];
  const Value& x = values_[step.input];
  Value& value = values_[v];
  const std::uint32_t first = step.maximum.begin[i], end = step.maximum.begin[i + 1];
  const auto member = [&](std::uint32_t e) { return step.maximum.members[e]; };
  Lanes floor = x.lower[member(first)], ceiling = x.upper[member(first)], best = floor + ceiling;
  for (std::uint32_t e = first; e < end; ++e) {
    floor = Max(floor, x.lower[member(e)]);
    ceiling = Max(ceiling, x.upper[member(e)]);
    best = Max(best, x.lower[member(e)] + x.upper[member(e)]);
  }
  Lanes above = 0.0, constant = floor, size = Abs(floor), chosen = 0.0;
  for (std::uint32_t e = first; e < end; ++e) {
    const Lanes &lower = x.lower[member(e)], &upper = x.upper[member(e)];
    const Mask rises = upper > floor;
    value.slope[e] = Select(rises, Min((upper - floor) / (upper - lower), 1.0), 0.0);
    above += Select(rises, upper - floor, 0.0);
    constant = constant - value.slope[e] * lower;
    size += Magnitude(lower, upper);
    value.keep[e] = Select((lower + upper >= best) & (chosen < 1.0), 1.0, 0.0);
    chosen += value.keep[e];
  }
  const Mask linear = above * 0.5 < ceiling - floor;
  for (std::uint32_t e = first; e < end; ++e) value.slope[e] = Select(linear, value.slope[e], 0.0);
  // Room for slopes that differ by some units, and for the sums above.
  constant += size * Gamma(end - first + 16, kUnit) + kTiny;
  value.offset[i] = Select(linear, constant, ceiling);
  value.lower[i] = floor;
  value.upper[i] = ceiling;
}

}  // namespace pawl::checker
