// The prover's role: every property of a network has a certificate that this process's own checker accepts for the
// candidate's own bytes, and every property of code holds by this process's own run.
#include "oversight/code_property.h"
#include "oversight/review.h"
#include "sandbox/sandbox.h"
#include "warrant/property_check.h"

namespace pawl::oversight {
namespace {

// Why the certificate of one property does not count, or nothing.
Result<std::string> Objection(ledger::SubjectLog& log, const Reviewer& reviewer, const charter::Property& property,
                              const warrant::CertificateReference& reference, const subject::Manifest& tree) {
  const subject::FileEntry* network = tree.Find(property.network);
  const subject::FileEntry* spec = log.charter().manifest.Find(property.spec);
  if (network == nullptr) return "'" + property.name + "': the tree has no file " + property.network;
  if (spec == nullptr) return "'" + property.name + "': the charter has no file " + property.spec;
  if (reference.property != property.name || reference.network != network->digest) {
    return "'" + property.name + "': the certificate named is about something else";
  }
  Result<std::string> network_bytes = log.store().ReadBlob(network->digest, subject::kFileBytesMax);
  if (!network_bytes.ok()) return network_bytes.error();
  Result<std::string> spec_bytes = log.charter().read(spec->digest, subject::kFileBytesMax);
  if (!spec_bytes.ok()) return spec_bytes.error();
  Result<std::string> certificate = log.store().ReadBlob(reference.certificate, subject::kFileBytesMax);
  if (!certificate.ok()) return certificate.error();
  const auto arithmetic =
      property.arithmetic == charter::Arithmetic::kReal ? checker::Arithmetic::kReal : checker::Arithmetic::kFloat32;
  const checker::Verdict verdict =
      warrant::CheckPropertyCertificate({*network_bytes, *spec_bytes, *certificate, arithmetic, reviewer.threads});
  if (verdict.proven) return std::string();
  return "'" + property.name + "': " + verdict.reason.message + " (" + verdict.reason.rule + ")";
}

}  // namespace

Result<Opinion> ReviewAsProver(ledger::SubjectLog& log, const Reviewer& reviewer,
                               const audit::ProposalHistory& proposal) {
  const warrant::Candidate& candidate = *proposal.candidate;
  Opinion opinion;
  encoding::Json checked = encoding::Json::array();
  const auto& properties = log.charter().charter.properties;
  if (candidate.action != warrant::Action::kAmendment) {
    Result<subject::Manifest> tree = log.store().ReadManifest(candidate.tree);
    if (!tree.ok()) return tree.error();
    if (candidate.certificates.size() != properties.size()) {
      opinion.reasons.push_back(std::to_string(candidate.certificates.size()) + " certificates for " +
                                std::to_string(properties.size()) + " properties");
    }
    for (size_t i = 0; i < properties.size() && i < candidate.certificates.size(); ++i) {
      if (reviewer.progress) reviewer.progress("checking certificate of '" + properties[i].name + "'");
      Result<std::string> objection = Objection(log, reviewer, properties[i], candidate.certificates[i], *tree);
      if (!objection.ok()) return objection.error();
      if (!objection->empty()) opinion.reasons.push_back(*objection);
      checked.push_back(candidate.certificates[i].certificate.Text());
    }
  }
  encoding::Json code = encoding::Json::array();
  Result<charter::ProgramRules> programs = charter::ReadProgramRules(log.charter());
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
  opinion.evidence = {{"checked", checked}};
  if (!code.empty()) opinion.evidence["code"] = code;
  return opinion;
}

}  // namespace pawl::oversight
