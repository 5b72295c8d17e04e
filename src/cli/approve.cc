// pawl approve, pawl reject: a person reads what everything came to, and signs exactly one decision statement.
#include <algorithm>
#include <ctime>
#include <optional>

#include "authoring/charter_changes.h"
#include "cli/command.h"
#include "cli/not_yet_signer.h"
#include "cli/ssh_sign.h"
#include "encoding/time.h"
#include "gate/approval_reasons.h"
#include "gate/drafted_decision.h"
#include "ledger/keys.h"
#include "oversight/quorum.h"

namespace pawl::cli {
namespace {

using audit::ProposalHistory;

struct ApproveOptions {
  std::string proposal;
  SignerChoice signer;
  std::string reason;
  bool yes = false;
};

// What the new charter would allow that the one in force does not. The rest is in its diff, and on the page.
void ShowWhatItAllows(const ledger::SubjectLog& log, const warrant::Candidate& candidate) {
  const Result<charter::CharterFiles> after = charter::ReadCharterFiles(log.store(), candidate.tree);
  const Result<authoring::CharterChanges> compared =
      after.ok() ? authoring::CompareCharters(log.charter(), *after) : Result<authoring::CharterChanges>(after.error());
  if (!compared.ok()) {
    std::printf("  WHAT IT ALLOWS CANNOT BE SAID: %s\n", Shown(compared.error().message).c_str());
    return;
  }
  for (const authoring::CharterChange& one : compared->changes) {
    if (one.effect != authoring::Effect::kLoosens) continue;
    std::printf("  ALLOWS MORE  %s: %s -> %s\n", Shown(one.what).c_str(),
                one.before.empty() ? "none" : Shown(one.before).c_str(),
                one.after.empty() ? "none" : Shown(one.after).c_str());
  }
}

// What changes, by our own diff: of the tree against what is live, or of the new charter against the one in force.
void ShowChanges(const ledger::SubjectLog& log, const std::string& name, const warrant::Candidate& candidate) {
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
  std::printf("  read it   pawl diff %s\n", name.c_str());
}

// Everything a person needs to decide, computed here from the signed bytes and the store, not taken from the gate's
// words: the reasons against come first.
void ShowDecision(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  const warrant::Candidate& candidate = *proposal.candidate;
  std::printf("%s of %s, epoch %lld: %s\n", std::string(warrant::ActionName(candidate.action)).c_str(),
              log.subject().c_str(), static_cast<long long>(candidate.epoch), Shown(proposal.proposal.note).c_str());
  if (const auto found = oversight::FindDisagreement(proposal)) std::printf("  %s\n", Shown(found->Text()).c_str());
  for (const audit::LoggedVote& logged : proposal.votes) {
    if (logged.vote.verdict == warrant::VoteVerdict::kFor) continue;
    std::printf("  AGAINST OR ABSTAINING  %s (%s): %s\n", logged.vote.reviewer.c_str(), logged.vote.role.c_str(),
                logged.vote.reasons.empty() ? "" : Shown(logged.vote.reasons.front()).c_str());
  }
  std::printf("  votes     %s\n", oversight::TallyQuorum(log.charter().charter, proposal).summary.c_str());
  if (candidate.action == warrant::Action::kAmendment) ShowWhatItAllows(log, candidate);
  ShowChanges(log, proposal.proposal.proposal, candidate);
  for (const audit::LoggedVote& logged : proposal.votes) {
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

// The first of the charters that lists the person's key; where none does, the error is about the one in force.
Result<const charter::Charter*> ListingCharter(const std::vector<charter::Charter>& charters,
                                               const SignerChoice& choice) {
  for (const charter::Charter& charter : charters) {
    if (ResolveSigner(charter, choice).ok()) return &charter;
  }
  return ResolveSigner(charters.front(), choice).error();
}

// Whether a gate can work here. One folds the whole log before it finds that its keys are elsewhere.
Result<void> RequireGateKeys(const ledger::SubjectLog& log) {
  const charter::GateKeys& keys = log.charter().charter.gate;
  for (const crypto::NoteKey& key : {keys.log, keys.clock}) {
    if (Result<signing::Ed25519PrivateKey> held = ledger::FindPrivateKey(log.home(), key); !held.ok())
      return held.error();
  }
  return {};
}

ExitCode FailSigned(const Globals& globals, const std::string& name, Error error) {
  error.message = "the signature is on the ledger, and the proposal waits: " + error.message;
  error.advice = "pawl advance " + name + ", where and when a gate can work";
  return Fail(globals, error);
}

// Appends to the log that the person was shown, and takes the proposal on. What a person has signed stands on the
// ledger whatever a gate is doing: one that holds its lock for ever keeps out no veto.
ExitCode AppendAndDecide(const Globals& globals, const Place& place, const std::string& name,
                         std::optional<ledger::SubjectLog> log, const encoding::Envelope& envelope) {
  if (Result<void> appended = gate::AppendSigned(*log, envelope, name); !appended.ok())
    return Fail(globals, appended.error());
  if (Result<void> held = RequireGateKeys(*log); !held.ok()) return FailSigned(globals, name, held.error());
  log.reset();
  Result<gate::Gate> gate = OpenGate(globals, place);
  if (!gate.ok()) return FailSigned(globals, name, gate.error());
  Result<gate::Position> position = gate::Decide(*gate, name, gate::Until::kLastApproval);
  if (!position.ok()) return Fail(globals, position.error());
  return ShowPosition(globals, place.subject, *position);
}

ExitCode Approve(const Globals& globals, const ApproveOptions& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  encoding::Envelope envelope;
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return Fail(globals, log.error());
  Result<const ProposalHistory*> proposal = gate::FindDrafted(*log, options.proposal, std::time(nullptr));
  if (!proposal.ok()) return Fail(globals, proposal.error());
  Result<std::vector<charter::Charter>> charters = gate::ChartersOf(*log, *(*proposal)->candidate);
  if (!charters.ok()) return Fail(globals, charters.error());
  Result<const charter::Charter*> listing = ListingCharter(*charters, options.signer);
  if (!listing.ok()) return Fail(globals, listing.error());
  Result<SignerChoice> signer = ResolveSigner(**listing, options.signer);
  if (!signer.ok()) return Fail(globals, signer.error());
  if (!globals.json) ShowDecision(*log, **proposal);
  if (Result<void> given = gate::RequireReason(**proposal, signer->principal, options.reason); !given.ok()) {
    return Fail(globals, given.error());
  }
  const Asking asking = options.yes ? Asking::kAnswered : Asking::kOnTerminal;
  if (Result<void> confirmed = ConfirmSigning(globals, asking); !confirmed.ok()) {
    return Fail(globals, confirmed.error());
  }
  envelope = {.payload_type = (*proposal)->decision_envelope.payload_type,
              .payload = (*proposal)->decision_envelope.payload,
              .signatures = {}};
  Result<encoding::Signature> signature = SignAsPerson(envelope.payload, **listing, *signer);
  if (!signature.ok()) return Fail(globals, signature.error());
  envelope.signatures.push_back(std::move(*signature));
  if (Result<void> valid = gate::VerifyUnder(*charters, envelope, std::time(nullptr)); !valid.ok()) {
    return Fail(globals, valid.error());
  }
  Result<void> kept = gate::KeepReason(log->home(), log->subject(), warrant::StatementDigest(envelope.payload),
                                       signer->principal, options.reason);
  if (!kept.ok()) return Fail(globals, kept.error());
  return AppendAndDecide(globals, *place, options.proposal, *std::move(log), envelope);
}

ExitCode Reject(const Globals& globals, const ApproveOptions& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  encoding::Envelope envelope{.payload_type = std::string(warrant::kPayloadType), .payload = {}, .signatures = {}};
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return Fail(globals, log.error());
  Result<const ProposalHistory*> proposal =
      gate::FindDrafted(*log, options.proposal, std::time(nullptr), gate::Expiry::kIgnored);
  if (!proposal.ok()) return Fail(globals, proposal.error());
  Result<SignerChoice> signer = ResolveSigner(log->charter().charter, options.signer);
  if (!signer.ok()) return Fail(globals, WhyNoSigner(*log, options.signer, signer.error()));
  envelope.payload = audit::WriteRefusal({.about = {.subject = log->subject(), .digest = (*proposal)->candidate->tree},
                                          .decision = warrant::StatementDigest((*proposal)->decision_envelope.payload),
                                          .principal = signer->principal,
                                          .reason = gate::PlainText(options.reason),
                                          .time = std::max<int64_t>(log->history().time(), std::time(nullptr))});
  Result<encoding::Signature> signature = SignAsPerson(envelope.payload, log->charter().charter, *signer);
  if (!signature.ok()) return Fail(globals, signature.error());
  envelope.signatures.push_back(std::move(*signature));
  return AppendAndDecide(globals, *place, options.proposal, *std::move(log), envelope);
}

}  // namespace

void AddApprove(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ApproveOptions>();
  const auto add_signer = [&](CLI::App* command) {
    command->add_option("PROPOSAL", options->proposal, "its name, like p3")->required();
    command->add_option("--key", options->signer.key, "OpenSSH key to sign with (default: yours in ~/.ssh)");
    command->add_option("--as", options->signer.principal, "who signs, where a key is listed for several people");
  };
  CLI::App* approve = app.add_subcommand("approve", "show what a decision says, recomputed here, and sign it");
  add_signer(approve);
  approve->add_flag("--yes", options->yes, "do not ask again on a terminal");
  approve->add_option("-m,--reason", options->reason,
                      "why, for everybody to read, as words that nobody signed; asked for where others spoke against");
  approve->footer(
      "Where a reviewer voted against, or another person refused, -m says why you approve all the same.\n\n"
      "examples:\n  pawl approve p3 --key ~/.ssh/id_ed25519_sk\n  pawl approve p3 -m 'tried at night, see the report'");
  approve->callback([options, &globals] { globals.exit = Approve(globals, *options); });

  CLI::App* reject = app.add_subcommand("reject", "sign a no, with its reason");
  add_signer(reject);
  reject->add_option("-m,--reason", options->reason, "why, for everybody to read")->required();
  reject->footer("example:\n  pawl reject p3 -m 'the second layer was never tried at night'");
  reject->callback([options, &globals] { globals.exit = Reject(globals, *options); });
}

}  // namespace pawl::cli
