// The prover's role: every property of a network has a certificate that this process's own checker accepts for the
// candidate's own bytes, and every property of code holds by this process's own run.
#include <chrono>

#include "oversight/code_property.h"
#include "oversight/content_objection.h"
#include "oversight/review.h"
#include "sandbox/sandbox.h"
#include "warrant/property_check.h"

namespace pawl::oversight {
namespace {

// Whether the certificate of one property, or of its drift, counts; what the checker did and how long it took.
struct Checked {
  std::string objection;  // empty: it counts
  uint64_t leaves = 0;    // that were confirmed
  int64_t spent_ms = 0;
};

Result<Checked> CheckNamed(ledger::SubjectLog& log, const Reviewer& reviewer, const warrant::RequiredProof& proof,
                           const warrant::CertificateReference& named) {
  const auto start = std::chrono::steady_clock::now();
  const std::string what = "'" + proof.property->name + "'";
  Checked checked;
  Result<void> allowed =
      warrant::EnvelopeAllowed(log.charter().charter, proof, named, log.history().live_trees(), log.store());
  if (!allowed.ok() && allowed.error().rule != "property.envelope") return allowed.error();
  if (!allowed.ok()) {
    checked.objection = what + ": " + allowed.error().message + " (" + allowed.error().rule + ")";
    return checked;
  }
  Result<checker::Verdict> verdict =
      warrant::CheckRequiredProof(proof, named, log.charter(), log.store(), reviewer.threads);
  if (!verdict.ok()) return verdict.error();
  checked.leaves = verdict->leaves;
  checked.spent_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  if (!verdict->proven) {
    checked.objection =
        what + (proof.baseline ? ", drift: " : ": ") + verdict->reason.message + " (" + verdict->reason.rule + ")";
  }
  return checked;
}

// Where nothing is tried the proofs alone speak for a release, so that a prover also looks at what they do not speak
// of.
Result<std::optional<ContentObjection>> FindUnprovenContent(ledger::SubjectLog& log,
                                                            const warrant::Candidate& candidate) {
  const charter::Charter& charter = log.charter().charter;
  if (candidate.action != warrant::Action::kRelease || !candidate.parent_tree || !charter.evaluation.command.empty()) {
    return std::optional<ContentObjection>();
  }
  const Result<subject::Manifest> parent = log.store().ReadManifest(*candidate.parent_tree);
  if (!parent.ok()) return parent.error();
  const Result<subject::Manifest> tree = log.store().ReadManifest(candidate.tree);
  if (!tree.ok()) return tree.error();
  const Result<subject::SurfaceReport> surface =
      subject::CheckSurface(charter.SurfaceRules(), *parent, *tree, log.store().Reader());
  if (!surface.ok()) return surface.error();
  return FindContentObjection(*surface, log.charter(), log.store().Reader());
}

}  // namespace

Result<Opinion> ReviewAsProver(ledger::SubjectLog& log, const Reviewer& reviewer,
                               const audit::ProposalHistory& proposal) {
  const warrant::Candidate& candidate = *proposal.candidate;
  Opinion opinion;
  encoding::Json checked = encoding::Json::array(), results = encoding::Json::array();
  if (candidate.action != warrant::Action::kAmendment) {
    Result<subject::Manifest> tree = log.store().ReadManifest(candidate.tree);
    if (!tree.ok()) return tree.error();
    Result<std::vector<warrant::RequiredProof>> required =
        warrant::RequiredProofs(log.charter().charter, *tree, log.store());
    if (!required.ok() && required.error().rule != "property.network") return required.error();
    if (!required.ok()) {
      opinion.reasons.push_back(required.error().message);
      required = std::vector<warrant::RequiredProof>();
    } else if (candidate.certificates.size() != required->size()) {
      opinion.reasons.push_back(std::to_string(candidate.certificates.size()) + " certificates, and " +
                                std::to_string(required->size()) + " are asked for");
    }
    for (size_t i = 0; i < required->size() && i < candidate.certificates.size(); ++i) {
      const warrant::RequiredProof& proof = (*required)[i];
      if (reviewer.progress) {
        reviewer.progress("checking certificate of '" + proof.property->name + (proof.baseline ? "', drift" : "'"));
      }
      Result<Checked> one = CheckNamed(log, reviewer, proof, candidate.certificates[i]);
      if (!one.ok()) return one.error();
      if (!one->objection.empty()) opinion.reasons.push_back(one->objection);
      checked.push_back(candidate.certificates[i].certificate.Text());
      results.push_back({{"holds", one->objection.empty()}, {"leaves", one->leaves}, {"ms", one->spent_ms}});
    }
  }
  const Result<std::optional<ContentObjection>> unproven = FindUnprovenContent(log, candidate);
  if (!unproven.ok()) return unproven.error();
  if (*unproven) opinion.reasons.push_back((*unproven)->reason);
  encoding::Json code = encoding::Json::array();
  Result<charter::ProgramRules> programs = log.programs();
  if (!programs.ok()) return programs.error();
  for (const charter::CodeProperty& property : programs->properties) {
    if (candidate.action == warrant::Action::kAmendment) break;
    if (reviewer.progress) reviewer.progress("checking '" + property.name + "'");
    Result<CodeVerdict> verdict =
        CheckCodeProperty(log, property, {candidate.tree, candidate.parent_tree}, programs->accepted);
    if (!verdict.ok()) return verdict.error();
    if (!verdict->holds) opinion.reasons.push_back("'" + property.name + "': " + verdict->words);
    encoding::Json weaker = encoding::Json::array();
    for (const weakening::Weakening each : verdict->weaker_guarantees) weaker.push_back(sandbox::Describe(each));
    code.push_back({{"property", property.name}, {"words", verdict->words}, {"weaker", weaker}});
  }
  opinion.verdict = opinion.reasons.empty() ? warrant::VoteVerdict::kFor : warrant::VoteVerdict::kAgainst;
  opinion.evidence = {{"checked", checked}, {"results", results}};
  if (!code.empty()) opinion.evidence["code"] = code;
  return opinion;
}

}  // namespace pawl::oversight
