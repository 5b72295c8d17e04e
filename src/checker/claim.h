// What a certificate is about, made ready for bounding: a network, a property and an arithmetic.
//
//   Result<Claim> claim = PrepareClaim(network, property, Arithmetic::kFloat32);
//   if (!claim.ok()) return claim.error();
//   Result<RefutationRow> row = MakeRefutationRow(*claim, /*case_index=*/0, /*conjunction=*/0, refutation);
//
// Checker and prover prepare their own from the same bytes. A Claim is read-only after it was made and may be shared by
// threads; it refers to the property, which must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checker/arithmetic.h"
#include "checker/certificate.h"
#include "model/network.h"
#include "model/property.h"
#include "model/vector_graph.h"
#include "result/result.h"

namespace pawl::checker {

enum class StepKind {
  kDense,           // z = W·x + b
  kConvolution,     // the same, W being a window that slides
  kElementwise,     // z_i = w_i·x_i + b_i
  kSum,             // z_i = x_i ± x'_i
  kSelect,          // z_i is an element of some value, or a constant
  kMaximum,         // z_i is the largest of some elements
  kRelu,            // z_i = max(x_i, 0)
  kCurve,           // the other activations; see curve.h
  kReluDifference,  // z_i = max(network's x_i, 0) − max(baseline's x_i, 0), bounded by the difference of the x; drift.h
};

// One node of the network with everything about its rounding that does not depend on the box.
// Value 0 is the network's input, value i + 1 the result of step i.
struct Step {
  StepKind kind = StepKind::kRelu;
  std::size_t input = 0, second_input = 0;  // values; the second of kSum only
  double second_sign = 1;                   // kSum: ±1
  std::size_t rows = 0, columns = 0;        // columns: elements of the input
  double products = 0;                      // of one pass through the step
  // kDense: rows × columns, row-major, alpha applied. kElementwise: one an element. kConvolution: output channel ×
  // (input channel of its group × kernel).
  std::vector<double> weights;
  std::vector<double> bias;  // one a row, beta applied; kSelect: the constants
  // Σ_j |W_ij|, not below, and Σ of the magnitudes that the bias was made of, where those are not |bias|.
  std::vector<double> weight_sums, bias_sizes;
  // How far each weight and each bias of a network in the envelope may be from these, not below; factors applied.
  double weight_radius = 0, bias_radius = 0;
  // Deployed rounding: a row errs by at most gamma·(Σ|W||x| + |b|) + underflow·(Σ|W| + Σ|x| + underflow_count).
  double gamma = 0, underflow = 0, underflow_count = 0;
  // The checker's own: forming a row's bound errs by at most own_gamma·(Σ|W|·|form of x| + |b|).
  double own_gamma = 0;
  // Where factors may be applied early or late: one over every intermediate order of multiplication.
  double overflow_factor = 1;
  bool scaled = false;

  // kConvolution: the window at position p of an output channel has taps[first_tap[p]] … taps[first_tap[p + 1] − 1],
  // and its weights are multiplied by scale[p].
  struct Taps {
    std::vector<model::WindowTap> taps;
    std::vector<std::size_t> first_tap;
    std::vector<double> scale;
    std::size_t kernel_size = 0, input_size = 0, group_inputs = 0, group_outputs = 0;
    friend bool operator==(const Taps&, const Taps&) = default;
  } window;
  // kSelect: {value, element}, the constant bias[i] where there is no such value.
  struct Source {
    std::size_t value = model::kNoConstant, index = 0;
    friend bool operator==(const Source&, const Source&) = default;
  };
  std::vector<Source> sources;
  model::Maximum maximum;        // kMaximum
  model::Activation activation;  // kCurve
  double curve_error = 0;        // Sigmoid and Tanh: of a deployed value, relative and absolute
  // Of a difference of two networks' values (drift.h), else 0: the two values. Of a kReluDifference, its two operands;
  // of other steps, those whose radii its own has to include.
  std::size_t of_network = 0, of_baseline = 0;

  // Whether it is linear on each side of 0, so that its neurons may be split and have slopes: z_i = max(x_i, leak·x_i).
  bool is_rectifier() const {
    return kind == StepKind::kRelu ||
           (kind == StepKind::kCurve && activation.form == model::Activation::Form::kLeakyRelu);
  }
  double leak() const { return kind == StepKind::kCurve ? activation.slope : 0; }

  // Calls f(column, weight) for each term of row `row` of kDense, kConvolution or kElementwise, in a fixed order.
  template <typename Function>
  inline __attribute__((always_inline)) void ForEachTerm(std::size_t row, const Function& f) const {
    if (kind == StepKind::kDense) {
      for (std::size_t j = 0; j < columns; ++j) f(j, weights[row * columns + j]);
    } else if (kind == StepKind::kElementwise) {
      f(row, weights[row]);
    } else {
      const std::size_t positions = window.scale.size(), channel = row / positions, p = row % positions;
      const std::size_t first_channel = channel / window.group_outputs * window.group_inputs;
      for (std::size_t c = 0; c < window.group_inputs; ++c) {
        const double* kernel = &weights[(channel * window.group_inputs + c) * window.kernel_size];
        const std::size_t base = (first_channel + c) * window.input_size;
        for (std::size_t t = window.first_tap[p]; t < window.first_tap[p + 1]; ++t)
          f(base + window.taps[t].input, kernel[window.taps[t].kernel] * window.scale[p]);
      }
    }
  }
};

// The box of one case on the network's (rounded) inputs; see "The root box of a case" in spec/certificate.md.
struct RootBox {
  std::vector<double> lower, upper;
};

// One element of the operand of a ReLU or LeakyRelu.
struct Neuron {
  std::size_t value = 0, index = 0;
};

struct Claim {
  const model::Property* property = nullptr;
  Arithmetic arithmetic = Arithmetic::kReal;
  Format format;
  std::vector<Step> steps;
  std::vector<std::size_t> sizes;  // elements of each value, steps.size() + 1
  std::size_t output = 0;          // the value that is the network's output
  std::vector<Neuron> neurons;     // that may be split, by their numbers; rectifier after rectifier
  std::vector<RootBox> boxes;      // one a case

  std::size_t input_count() const { return sizes[0]; }
  std::size_t output_count() const { return sizes[output]; }
};

// Failure: kMalformed "property.size" (the two do not fit), kRefused "model.unsupported-function" (a LeakyRelu with a
// slope outside [0, 1], a convolution of more than 2^24 windows times kernel elements), "checker.arithmetic" (float32
// asked of a float64 network or the reverse), "checker.rounding" (a sum so long that k·u ≥ 1/2, a factor so extreme
// that a product underflows in double precision), "checker.box" (bounds beyond the format), "checker.radius" (of a
// tensor that the network does not have, or that something else than sums of products and constants added to them
// depends on), kLimit "checker.limit-terms" (a sum of more than kTermsMax products), kSystem "checker.environment"
// (this machine's arithmetic is not as assumed).
Result<Claim> PrepareClaim(const model::Network& network, const model::Property& property, Arithmetic arithmetic,
                           std::span<const TensorRadius> radii = {});

// A weighted sum of rows, Σ m_r·(a_r·y + b_r·x − c_r), that is to be shown positive. Formed exactly in decimals, then
// enclosed: each coefficient is within its error of the exact one, and the bound is not below it.
struct RefutationRow {
  struct InputTerm {
    std::size_t input = 0;
    double coefficient = 0, error = 0;
  };
  std::vector<double> coefficients, errors;  // one an output
  std::vector<InputTerm> inputs;
  double bound = 0;
};

// Failure: kRefused "checker.row" (no such case, conjunction or row, no term, rows that do not increase),
// "checker.non-finite" (a coefficient beyond double precision).
Result<RefutationRow> MakeRefutationRow(const Claim& claim, std::size_t case_index, std::size_t conjunction,
                                        const Refutation& refutation);

}  // namespace pawl::checker
