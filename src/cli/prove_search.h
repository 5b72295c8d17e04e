// The search that `pawl prove` makes, on this machine or with workers, and what it begins with.
//
//   const Result<SearchBeginning> beginning = ReadSearchBeginning(options, question);
//   const Result<ProofFound> found = SearchProof(globals, options, question, *beginning);
//
// Thread safety: one search at a time, since it watches for signals and writes its progress.
#pragma once

#include <optional>
#include <vector>

#include "checker/certificate.h"
#include "cli/command.h"
#include "cli/prove_question.h"
#include "prover/checkpoint.h"
#include "prover/envelope.h"
#include "prover/parent.h"
#include "prover/prover.h"
#include "result/result.h"
#include "work/asker.h"

namespace pawl::cli {

// What a search may begin with.
struct SearchBeginning {
  std::optional<prover::Checkpoint> checkpoint;
  std::optional<prover::Parent> parent;
  std::optional<Error> parent_unfit;  // why the parent's certificate is not used
};

struct ProofFound {
  prover::ProofResult result;
  std::optional<work::AskReport> shared;      // where there were workers
  std::optional<prover::WidestProof> widest;  // of "auto", its result moved away
  std::vector<checker::TensorRadius> radii;   // that were proven or, without "auto", asked for
};

// A checkpoint that does not fit is an error; without a parent's certificate that fits, the search begins with nothing.
Result<SearchBeginning> ReadSearchBeginning(const ProveOptions& options, const ProofQuestion& question);

// Shows its progress on a terminal. Usage errors where the options ask for what cannot be; errors of workers' queues.
Result<ProofFound> SearchProof(const Globals& globals, const ProveOptions& options, const ProofQuestion& question,
                               const SearchBeginning& beginning);

}  // namespace pawl::cli
