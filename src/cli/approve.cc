// pawl approve, pawl reject: a person reads what everything came to, and signs exactly one decision statement.
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>

#include "cli/command.h"
#include "cli/ssh_sign.h"
#include "encoding/time.h"
#include "oversight/quorum.h"
#include "warrant/approval.h"

namespace pawl::cli {
namespace {

using warrant::ProposalHistory;

struct Options {
  std::string proposal;
  SignerChoice signer;
  std::string reason;
  bool yes = false;
};

// What changes, by our own diff: of the tree against what is live, or of the new charter against the one in force.
void ShowChanges(const ledger::SubjectLog& log, const warrant::Candidate& candidate) {
  const bool is_amendment = candidate.action == warrant::Action::kAmendment;
  if (!is_amendment && !candidate.parent_tree) return;
  const crypto::Digest from = is_amendment ? log.charter().charter.digest : *candidate.parent_tree;
  Result<subject::Manifest> before = log.store().ReadManifest(from);
  Result<subject::Manifest> after = log.store().ReadManifest(candidate.tree);
  if (!before.ok() || !after.ok()) {
    std::puts("  THE DIFF CANNOT BE MADE: a tree is missing from the store");
    return;
  }
  const std::vector<subject::SurfaceRule> rules =
      is_amendment ? std::vector<subject::SurfaceRule>() : log.charter().charter.SurfaceRules();
  Result<subject::SurfaceReport> report = subject::CheckSurface(rules, *before, *after, log.store().Reader());
  if (!report.ok()) {
    std::printf("  THE DIFF CANNOT BE MADE: %s\n", Shown(report.error().message).c_str());
    return;
  }
  for (const subject::SurfaceFinding& finding : report->findings) {
    const bool not_allowed = !is_amendment && !finding.allowed;
    std::printf("  %-9s %s%s\n", std::string(subject::ChangeTypeName(finding.change.type)).c_str(),
                Shown(finding.change.path).c_str(), not_allowed ? "  NOT ALLOWED BY THE SURFACE" : "");
  }
  if (is_amendment) {
    std::printf("  compare   diff -r %s %s\n", log.store().ViewPath(from).c_str(),
                log.store().ViewPath(candidate.tree).c_str());
  }
}

// Everything a person needs to decide, computed here from the signed bytes and the store, not taken from the gate's
// words: the reasons against come first.
void ShowDecision(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  const warrant::Candidate& candidate = *proposal.candidate;
  std::printf("%s of %s, epoch %lld: %s\n", std::string(warrant::ActionName(candidate.action)).c_str(),
              log.subject().c_str(), static_cast<long long>(candidate.epoch), Shown(proposal.proposal.note).c_str());
  for (const warrant::LoggedVote& logged : proposal.votes) {
    if (logged.vote.verdict == warrant::VoteVerdict::kFor) continue;
    std::printf("  AGAINST OR ABSTAINING  %s (%s): %s\n", logged.vote.reviewer.c_str(), logged.vote.role.c_str(),
                logged.vote.reasons.empty() ? "" : Shown(logged.vote.reasons.front()).c_str());
  }
  std::printf("  votes     %s\n", oversight::TallyQuorum(log.charter().charter, proposal).summary.c_str());
  ShowChanges(log, candidate);
  for (const warrant::LoggedVote& logged : proposal.votes) {
    if (logged.vote.role == "evaluator" && !logged.vote.reasons.empty()) {
      std::printf("  %s: %s\n", logged.vote.reviewer.c_str(), Shown(logged.vote.reasons.front()).c_str());
    }
  }
  for (const auto& [step, words] : proposal.decision->results) {
    std::printf("  %-10s %s\n", step.c_str(), Shown(words).c_str());
  }
  std::printf("  tree      %s\n  charter   %s\n  decision  %s\n  expires   %s\n", candidate.tree.Text().c_str(),
              candidate.charter.Text().c_str(),
              warrant::StatementDigest(proposal.decision_envelope.payload).Text().c_str(),
              encoding::TimeText(proposal.decision->expires).c_str());
}

// The statement names exactly what the ledger shows: nobody signs what a gate has slipped in.
Result<void> CheckDraft(const ProposalHistory& proposal) {
  const warrant::Decision& decision = *proposal.decision;
  const bool same = decision.candidate == proposal.candidate_digest && proposal.closing &&
                    decision.closing == warrant::StatementDigest(proposal.closing_envelope.payload) &&
                    decision.votes == proposal.closing->votes && decision.target == proposal.candidate->tree &&
                    decision.epoch == proposal.candidate->epoch &&
                    decision.previous == proposal.candidate->parent_warrant;
  if (same) return {};
  return Refused("approve.mismatch", "the decision statement is not about what the ledger shows",
                 "do not sign; tell the other approvers");
}

Result<const ProposalHistory*> Draft(const ledger::SubjectLog& log, const std::string& name) {
  const ProposalHistory* proposal = log.history().Find(name);
  if (proposal == nullptr) {
    return Error{ErrorCode::kNotFound, "approve.no-proposal", "there is no proposal '" + name + "'", "pawl status"};
  }
  if (proposal->outcome) {
    return Refused(
        "approve.decided",
        "'" + name + "' is " + std::string(warrant::ProposalOutcomeName(proposal->outcome->outcome)) + " already");
  }
  if (!proposal->decision) {
    return Error{ErrorCode::kPending, "approve.too-early", "'" + name + "' has not come to people yet",
                 "pawl advance " + name};
  }
  if (Result<void> checked = CheckDraft(*proposal); !checked.ok()) return checked.error();
  return proposal;
}

bool Confirmed() {
  std::printf("sign this? Type yes: ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes";
}

// Appends and takes the proposal on.
ExitCode AppendAndDecide(const Globals& globals, const Place& place, const std::string& name,
                         const encoding::Envelope& envelope) {
  Result<gate::Gate> gate = OpenGate(globals, place);
  if (!gate.ok()) return Fail(globals, gate.error());
  for (;;) {
    Result<void> appended = gate->log().Append({envelope});
    if (appended.ok()) break;
    if (appended.error().rule != "ledger.conflict") return Fail(globals, appended.error());
    if (Result<void> refreshed = gate->log().Refresh(); !refreshed.ok()) return Fail(globals, refreshed.error());
  }
  Result<gate::Position> position = gate::Decide(*gate, name, gate::Until::kLastApproval);
  if (!position.ok()) return Fail(globals, position.error());
  return ShowPosition(globals, *position);
}

ExitCode Approve(const Globals& globals, const Options& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  encoding::Envelope envelope;
  {
    Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
    if (!log.ok()) return Fail(globals, log.error());
    Result<const ProposalHistory*> proposal = Draft(*log, options.proposal);
    if (!proposal.ok()) return Fail(globals, proposal.error());
    Result<SignerChoice> signer = ResolveSigner(log->charter().charter, options.signer);
    if (!signer.ok()) return Fail(globals, signer.error());
    if (!globals.json) ShowDecision(*log, **proposal);
    if (!options.yes && isatty(STDIN_FILENO) && !Confirmed()) {
      return Fail(globals, Refused("approve.not-confirmed", "nothing was signed"));
    }
    envelope = {.payload_type = (*proposal)->decision_envelope.payload_type,
                .payload = (*proposal)->decision_envelope.payload,
                .signatures = {}};
    Result<encoding::Signature> signature = SignAsPerson(envelope.payload, log->charter().charter, *signer);
    if (!signature.ok()) return Fail(globals, signature.error());
    envelope.signatures.push_back(std::move(*signature));
    Result<std::vector<warrant::Approver>> valid =
        warrant::VerifyApprovals(envelope, log->charter().charter, std::time(nullptr));
    if (!valid.ok()) return Fail(globals, valid.error());
  }
  return AppendAndDecide(globals, *place, options.proposal, envelope);
}

ExitCode Reject(const Globals& globals, const Options& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  encoding::Envelope envelope{.payload_type = std::string(warrant::kPayloadType), .payload = {}, .signatures = {}};
  {
    Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
    if (!log.ok()) return Fail(globals, log.error());
    Result<const ProposalHistory*> proposal = Draft(*log, options.proposal);
    if (!proposal.ok()) return Fail(globals, proposal.error());
    Result<SignerChoice> signer = ResolveSigner(log->charter().charter, options.signer);
    if (!signer.ok()) return Fail(globals, signer.error());
    envelope.payload =
        warrant::WriteRefusal({.about = {.subject = log->subject(), .digest = (*proposal)->candidate->tree},
                               .decision = warrant::StatementDigest((*proposal)->decision_envelope.payload),
                               .principal = signer->principal,
                               .reason = gate::PlainText(options.reason),
                               .time = std::max<int64_t>(log->history().time(), std::time(nullptr))});
    Result<encoding::Signature> signature = SignAsPerson(envelope.payload, log->charter().charter, *signer);
    if (!signature.ok()) return Fail(globals, signature.error());
    envelope.signatures.push_back(std::move(*signature));
  }
  return AppendAndDecide(globals, *place, options.proposal, envelope);
}

}  // namespace

void AddApprove(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  const auto add_signer = [&](CLI::App* command) {
    command->add_option("PROPOSAL", options->proposal, "its name, like p3")->required();
    command->add_option("--key", options->signer.key, "OpenSSH key to sign with (default: yours in ~/.ssh)");
    command->add_option("--as", options->signer.principal, "who signs, where a key is listed for several people");
  };
  CLI::App* approve = app.add_subcommand("approve", "show what a decision says, recomputed here, and sign it");
  add_signer(approve);
  approve->add_flag("--yes", options->yes, "do not ask again on a terminal");
  approve->footer("example:\n  pawl approve p3 --key ~/.ssh/id_ed25519_sk");
  approve->callback([options, &globals] { globals.exit = Approve(globals, *options); });

  CLI::App* reject = app.add_subcommand("reject", "sign a no, with its reason");
  add_signer(reject);
  reject->add_option("-m,--reason", options->reason, "why, for everybody to read")->required();
  reject->callback([options, &globals] { globals.exit = Reject(globals, *options); });
}

}  // namespace pawl::cli
