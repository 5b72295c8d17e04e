// The steps of the path, one function each. A step looks at the ledger and at bytes, does its own check, and reports;
// it writes nothing but blobs to the store. decide.cc writes the report to the ledger.
//
// An Error is a failure of the machine: nothing was found out about the proposal, which stays pending (decide.h).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "audit/history.h"
#include "gate/gate.h"
#include "result/result.h"

namespace pawl::gate {

struct StepReport {
  audit::FindingOutcome outcome = audit::FindingOutcome::kPending;
  std::string rule;     // empty when passed
  std::string summary;  // one line for people and for the ledger
  std::map<std::string, crypto::Digest> evidence;
  std::vector<std::string> waits_for;             // kPending: who has to do what
  std::vector<encoding::Envelope> events_before;  // logged before the finding, in the same append
  std::vector<encoding::Envelope> events_after;   // logged after it, in the same append
};

StepReport Passed(std::string summary);
StepReport Failed(audit::FindingOutcome outcome, std::string rule, std::string summary);
StepReport Waiting(std::string rule, std::string summary, std::vector<std::string> waits_for);

using Step = Result<StepReport>(Gate&, const audit::ProposalHistory&);

Step Freeze;      // the tree is whole in the store
Step Surface;     // every changed path is allowed, of an allowed kind, within its limits
Step Pace;        // not halted, interval and window hold, the parent is the live release
Step Properties;  // every property has a certificate that the checker accepts; then the commit
Step Trial;       // candidate, parent and baseline on seeds that come from the ledger after the commit
Step Bounds;      // harm, improvement, step, ceiling, drift
Step Quorum;      // the charter's rule over the votes, and the auditors' closing statement
Step Approval;    // enough distinct people have signed
Step Warrant;     // everything in one file, logged
Step Release;     // the loader checks the warrant and switches; the caller holds the lock on its state

// An amendment that an approver has said no to before it is live.
bool IsVetoed(const audit::ProposalHistory& proposal);
StepReport SaidNo(const audit::ProposalHistory& proposal);

}  // namespace pawl::gate
