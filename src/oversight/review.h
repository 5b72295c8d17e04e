// A reviewer: an independent process with a key of its own that re-does its role's checks from the bytes and signs what
// it found.
//
//   Reviewer reviewer{.record = *charter.FindReviewer("prover-a"), .key = key, …};
//   for (const ReviewReport& report : *ReviewOpenProposals(log, reviewer)) Print(report);
//
// A reviewer believes nothing that the gate says: it folds the log itself, takes trees and certificates from the store
// by digest, and computes manifests, diffs, surface, pace, budget index, trials and roots again. It votes once on each
// candidate statement; what it could not do for reasons of its own machine it says by not voting yet, so that it can
// try again.
//
// Thread safety: one reviewer, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "encoding/json.h"
#include "ledger/subject_log.h"
#include "oversight/language_model.h"
#include "oversight/peer_network.h"
#include "result/result.h"
#include "signing/signer.h"
#include "warrant/statements.h"
#include "witness/gathering.h"

namespace pawl::oversight {

// What an auditor does about reviewers that have not voted.
enum class Waiting {
  kForEveryVote,  // close when every reviewer of the charter has voted
  kForQuorum,     // close as soon as the charter's quorum is met
};

struct Reviewer {
  charter::Reviewer record;
  signing::Signer key;
  // Where a vote is kept that the ledger did not take; auditors, evaluators: what they have seen (log_memory.h).
  std::string memory_folder;
  std::string state_path;  // auditors: the loader's state, whose halt folder it looks into
  int64_t now_s = 0;       // local clock
  unsigned threads = 2;
  Waiting waiting = Waiting::kForEveryVote;
  std::function<void(const std::string&)> progress;
  std::optional<LanguageModel> model{};  // critics: whom they ask
  std::optional<PeerNetwork> peers{};    // peers, auditors: the other subjects
  witness::Transport post{};             // how witnesses are told and asked of notices; empty: they are not
};

// What a role's checks came to.
struct Opinion {
  warrant::VoteVerdict verdict = warrant::VoteVerdict::kAbstain;
  std::vector<std::string> reasons;  // never empty unless for
  encoding::Json evidence = encoding::Json::object();
};

struct ReviewReport {
  std::string proposal;
  enum class What { kVoted, kClosed, kCosigned, kWaiting, kNothingToDo } what = What::kNothingToDo;
  Opinion opinion;      // kVoted
  std::string summary;  // one line for people
  bool soon = false;    // kWaiting: for something that no new entry of the log will tell of
};

// Looks at every proposal that waits for this reviewer, in log order, and acts. One that an amendment has overtaken
// waits for nobody. Errors are of the machine or of the log ("ledger.…", "history.…", "audit.…"): nothing was signed
// about the proposal at hand.
Result<std::vector<ReviewReport>> ReviewOpenProposals(ledger::SubjectLog& log, const Reviewer& reviewer);

// One file a role. Opinions about a proposal that has a candidate statement; Requires that the store can be read.
Result<Opinion> ReviewAsProver(ledger::SubjectLog& log, const Reviewer& reviewer,
                               const audit::ProposalHistory& proposal);
Result<Opinion> ReviewAsEvaluator(ledger::SubjectLog& log, const Reviewer& reviewer,
                                  const audit::ProposalHistory& proposal);
Result<Opinion> ReviewAsIntegrity(ledger::SubjectLog& log, const Reviewer& reviewer,
                                  const audit::ProposalHistory& proposal);
Result<Opinion> ReviewAsCritic(ledger::SubjectLog& log, const Reviewer& reviewer,
                               const audit::ProposalHistory& proposal);
Result<Opinion> ReviewAsPeer(ledger::SubjectLog& log, const Reviewer& reviewer, const audit::ProposalHistory& proposal);
Result<ReviewReport> ReviewAsAuditor(ledger::SubjectLog& log, const Reviewer& reviewer,
                                     const audit::ProposalHistory& proposal);

}  // namespace pawl::oversight
