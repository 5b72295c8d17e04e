// The one path. decide.cc reads top to bottom like the list in ARCHITECTURE.md; nothing else decides anything.
//
//   Result<Position> position = Decide(gate, "p7", Until::kLastApproval);
//   if (!position.ok()) …                       // the ledger itself failed; the proposal waits and can be tried again
//   else if (!position->outcome) Print(position->waits_for);
//
// Decide goes as far as it can: it takes up where the ledger says the proposal stands, runs the next step, writes what
// the step saw to the ledger, and goes on, until a step says no, or waits for somebody, or the proposal is accepted.
// Calling it again after a crash, or when somebody has acted, is always right.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/gate.h"
#include "result/result.h"
#include "warrant/statements.h"

namespace pawl::gate {

enum class Until {
  kLastApproval,  // up to a complete warrant; the loader is left alone
  kReleased,      // the loader switches as well
};

// Where a proposal stands.
struct Position {
  std::string proposal;
  std::string trace_id;                           // trace.h
  std::optional<audit::ProposalOutcome> outcome;  // none: pending
  audit::Step step = audit::Step::kFreeze;        // the last one looked at
  std::string rule;                               // of what it failed or waits for
  std::string reason;
  std::vector<std::string> waits_for;  // commands that move it on, each with who has to act
};

Result<Position> Decide(Gate& gate, const std::string& proposal, Until until);

// A step that the machine kept from its answer leaves the proposal pending, with the reason in a finding whose rule
// begins with "machine."; it is taken up again by the next Decide, with the same candidate statement, budget index and
// seeds. The last failure that is allowed rejects the proposal ("machine.retries"). spec/ledger.md is normative.
inline constexpr int kMachineFailuresMax = 5;  // of one proposal, over all steps
bool IsMachineFailure(const audit::Finding& finding);
int MachineFailures(const audit::ProposalHistory& proposal);

// Where it stands by the ledger alone; runs nothing and writes nothing.
Position PositionOf(const audit::ProposalHistory& proposal);

}  // namespace pawl::gate
