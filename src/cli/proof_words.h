// How the commands that prove say what is asked and what was found.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checker/certificate.h"
#include "encoding/json.h"
#include "prover/envelope.h"
#include "prover/prover.h"
#include "result/exit_code.h"
#include "result/result.h"

namespace pawl::cli {

std::string_view StatusName(prover::ProofStatus status);
// Empty for UnknownReason::kNone.
std::string_view ReasonName(prover::UnknownReason reason);
ExitCode ExitOf(const prover::ProofResult& result);

// What --weight-radius asks for.
struct RadiusChoice {
  bool widest = false;  // "auto"
  prover::WeightRadius radius;
};
// "0.001", "0.1%" or "auto".
Result<RadiusChoice> ParseRadius(const std::string& text);

// "0.125 %", three digits.
std::string PercentText(double share);

// {"tensors": {name: radius}}, and of a search for the largest radius, or null, its share and trials.
encoding::Json RadiiJson(const std::vector<checker::TensorRadius>& radii, const prover::WidestProof* widest);

}  // namespace pawl::cli
