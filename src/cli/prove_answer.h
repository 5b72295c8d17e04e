// What `pawl prove` says of a search, for people and as JSON, and the files that it leaves.
//
//   if (Result<void> written = WriteProofFiles(options, found.result); !written.ok()) …
//   PrintJson(ProofAnswerJson(options, question, beginning, found));
//
// Thread safety: pure but for output and files.
#pragma once

#include "cli/command.h"
#include "cli/prove_question.h"
#include "cli/prove_search.h"
#include "encoding/json.h"
#include "prover/prover.h"
#include "result/result.h"

namespace pawl::cli {

// Of one search, whatever it was asked with.
encoding::Json ProofResultJson(const ProofQuestion& question, const prover::ProofResult& result);

// The same with what became of a parent's certificate, of radii and of workers.
encoding::Json ProofAnswerJson(const ProveOptions& options, const ProofQuestion& question,
                               const SearchBeginning& beginning, const ProofFound& found);
void ShowProofAnswer(const ProveOptions& options, const ProofQuestion& question, const SearchBeginning& beginning,
                     const ProofFound& found);

// Certificate, counterexample, checkpoint and the competition's answer, where the options name a file for them.
Result<void> WriteProofFiles(const ProveOptions& options, const prover::ProofResult& result);

}  // namespace pawl::cli
