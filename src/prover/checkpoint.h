// The state of a search that was interrupted, as a file that a later search goes on from.
//
//   Result<Checkpoint> checkpoint = ReadCheckpoint(bytes, request);   // of the same network, property and arithmetic
//   request.resume = &*checkpoint;
//   ProofResult result = Prove(request);
//
// The file is the word "PAWLOPEN" and a certificate whose open parts are leaves by Recipe::kForward, which these
// searches do not use otherwise. It claims nothing: what it calls a leaf is checked with the certificate that is made
// in the end, so a wrong checkpoint costs time and never makes a wrong proof. Slopes of open parts are not kept.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checker/certificate.h"
#include "prover/prover.h"
#include "prover/query.h"
#include "prover/search.h"
#include "prover/split_tree.h"
#include "result/result.h"

namespace pawl::prover {

struct Checkpoint {
  std::vector<checker::CaseProof> cases;  // as many as the property has
};

// `cases` may have empty ones, of which nothing is known yet.
std::vector<std::uint8_t> WriteCheckpoint(const ProofRequest& request, std::vector<checker::CaseProof> cases);

// Failure: kMalformed "prover.checkpoint" for bytes that are no checkpoint; kRefused "prover.checkpoint-network",
// "-property", "-arithmetic", "-radius" or "-shape" where it is about something else; kLimit as
// checker::ReadCertificate.
Result<Checkpoint> ReadCheckpoint(std::span<const std::uint8_t> bytes, const ProofRequest& request);

// How an open part is marked: a leaf with an argument for which IsOpen is true.
checker::Argument OpenArgument(std::size_t conjunctions);
bool IsOpen(const checker::Argument& argument);
// Whether nothing is open in a case that something is known of.
bool IsComplete(const checker::CaseProof& proof);

// Grows `tree` as the case's proof has it, and lists what is open. Failure: kRefused "prover.checkpoint-shape".
// RestoreBox: the same of one box and its undecided node, anywhere in a tree.
Result<std::vector<OpenBox>> RestoreBox(const Query& query, OpenBox box, const checker::CaseProof& proof,
                                        SplitTree& tree);
Result<std::vector<OpenBox>> RestoreBoxes(const Query& query, std::size_t case_index, const checker::CaseProof& proof,
                                          SplitTree& tree);

}  // namespace pawl::prover
