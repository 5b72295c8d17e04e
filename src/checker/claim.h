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
#include <vector>

#include "checker/arithmetic.h"
#include "checker/certificate.h"
#include "model/network.h"
#include "model/property.h"
#include "model/vector_program.h"
#include "result/result.h"

namespace pawl::checker {

// One operation of the network with everything about its rounding that does not depend on the box.
// Value 0 is the network's input, value i + 1 the result of step i.
struct Step {
  model::OperationKind kind = model::OperationKind::kRelu;
  std::size_t input = 0, second_input = 0;  // values; the second of kSum only
  double second_sign = 1;                   // kSum: ±1
  std::size_t rows = 0, columns = 0;        // columns: elements of the input
  // kAffine: rows × columns, row-major, alpha applied. kElementwise: the scale, one an element.
  std::vector<double> weights;
  std::vector<double> bias;         // kAffine (beta applied) and kElementwise: one a row
  std::vector<double> weight_sums;  // kAffine: Σ_j |W_ij|, not below; kElementwise: |scale|
  // Deployed rounding: a row errs by at most gamma·(Σ|W||x| + |b|) + underflow·(Σ|W| + Σ|x| + underflow_count).
  double gamma = 0, underflow = 0, underflow_count = 0;
  // The checker's own: forming a row's bound errs by at most own_gamma·(Σ|W|·|form of x| + |b|).
  double own_gamma = 0;
  // Gemm with alpha or beta: a factor over every intermediate order of multiplication; 1 otherwise.
  double overflow_factor = 1;
  bool scaled = false;
};

// The box of one case on the network's (rounded) inputs; see "The root box of a case" in spec/certificate.md.
struct RootBox {
  std::vector<double> lower, upper;
};

// One element of a ReLU's operand.
struct Neuron {
  std::size_t value = 0, index = 0;
};

struct Claim {
  const model::Property* property = nullptr;
  Arithmetic arithmetic = Arithmetic::kReal;
  Format format;
  std::vector<Step> steps;
  std::vector<std::size_t> sizes;  // elements of each value, steps.size() + 1
  std::vector<std::size_t> uses;   // how many step operands read each value
  std::size_t output = 0;          // the value that is the network's output
  std::vector<Neuron> neurons;     // that may be split, by their numbers; ReLU after ReLU
  std::vector<RootBox> boxes;      // one a case

  std::size_t input_count() const { return sizes[0]; }
  std::size_t output_count() const { return sizes[output]; }
};

// Failure: kMalformed "property.size" (the two do not fit), kRefused "model.unsupported-function" (the network has an
// operator that no bound is known for yet), "checker.arithmetic" (float32 asked of a float64 network or the reverse),
// "checker.rounding" (a sum so long that k·u ≥ 1/2, or a weight that underflows in double precision when alpha or beta
// is applied), "checker.box" (bounds beyond the format), kLimit "checker.limit-terms" (a sum of more than kTermsMax
// products), kSystem "checker.environment" (this machine's arithmetic is not as assumed).
Result<Claim> PrepareClaim(const model::Network& network, const model::Property& property, Arithmetic arithmetic);

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
