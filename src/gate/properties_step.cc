// Step 4: every property of the charter holds for the candidate's own bytes: of a network by a certificate that the
// checker accepts, of code by a run; and where the charter asks, its drift from the baseline is proven. Where no
// certificate is at hand, and none of the live release whose envelope the candidate lies in, the prover searches for
// one; it is not trusted. The step ends with the commit: the candidate
// statement, from which on the lifetime budget is spent.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <span>

#include "encoding/json.h"
#include "encoding/number.h"
#include "gate/steps.h"
#include "model/network.h"
#include "model/property.h"
#include "oversight/charter_trial.h"
#include "oversight/code_property.h"
#include "prover/family.h"
#include "prover/parent.h"
#include "sandbox/sandbox.h"
#include "warrant/property_check.h"
#include "work/asker.h"

namespace pawl::gate {
namespace {

using audit::FindingOutcome;
using audit::ProposalHistory;
using warrant::Action;
using warrant::CertificateReference;

struct Material {
  warrant::RequiredProof proof;
  std::string what;  // "'calm'", or "'calm', drift within 0.5"
  std::string network;
  std::string spec;
  std::string baseline;  // of drift: the baseline's network
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;

  // The question to the checker; the views are into this.
  warrant::PropertyBytes Asked(std::string_view certificate, unsigned threads) const {
    warrant::PropertyBytes bytes{network, spec, certificate, arithmetic, threads};
    if (proof.baseline) {
      bytes.baseline = baseline;
      bytes.within_max = proof.within;
    }
    return bytes;
  }
};

Result<Material> Collect(Gate& gate, const warrant::RequiredProof& proof) {
  Material material;
  material.proof = proof;
  const charter::Property& property = *proof.property;
  material.what = "'" + property.name + (proof.baseline ? "', drift within " + proof.within.ToString() : "'");
  const warrant::CharterFiles& files = gate.log().charter();
  const subject::FileEntry* spec = files.manifest.Find(property.spec);
  if (spec == nullptr) return Refused("property.spec", "the charter has no file " + property.spec);
  Result<std::string> spec_bytes = files.read(spec->digest, subject::kFileBytesMax);
  if (!spec_bytes.ok()) return spec_bytes.error();
  Result<std::string> network_bytes = gate.log().store().ReadBlob(proof.network, subject::kFileBytesMax);
  if (!network_bytes.ok()) return network_bytes.error();
  if (proof.baseline) {
    Result<std::string> baseline = gate.log().store().ReadBlob(*proof.baseline, subject::kFileBytesMax);
    if (!baseline.ok()) return baseline.error();
    material.baseline = std::move(*baseline);
  }
  material.network = std::move(*network_bytes);
  material.spec = std::move(*spec_bytes);
  material.arithmetic =
      property.arithmetic == charter::Arithmetic::kReal ? checker::Arithmetic::kReal : checker::Arithmetic::kFloat32;
  return material;
}

// Whether the certificate that is named proves what is asked, and the charter lets it.
Result<checker::Verdict> Judge(Gate& gate, const Material& material, const CertificateReference& named) {
  const std::vector<warrant::LiveTree> past = gate.log().history().live_trees();
  Result<void> allowed = warrant::EnvelopeAllowed(gate.charter(), material.proof, named, past, gate.log().store());
  if (!allowed.ok()) return allowed.error();
  return warrant::CheckRequiredProof(material.proof, named, gate.log().charter(), gate.log().store(),
                                     gate.options().threads);
}

// A certificate of an earlier candidate with the same network bytes under the same charter; checked like any other.
Result<std::optional<CertificateReference>> Reuse(Gate& gate, const Material& material) {
  for (const ProposalHistory& past : gate.log().history().proposals()) {
    if (!past.candidate || past.candidate->charter != gate.charter().digest) continue;
    for (const CertificateReference& reference : past.candidate->certificates) {
      if (reference.property != material.proof.property->name || reference.network != material.proof.network) continue;
      const Result<checker::Verdict> verdict = Judge(gate, material, reference);
      if (verdict.ok() && verdict->proven) return std::optional(reference);
    }
  }
  return std::optional<CertificateReference>();
}

// "tau = 3.2 s", from the property file's own names and units.
std::string InWords(const model::VariableNote& note, double value, char letter, size_t index) {
  double shown = value;
  if (note.factor) shown = shown * note.factor->NearestFloat64();
  if (note.offset) shown = shown + note.offset->NearestFloat64();
  char text[64];
  std::snprintf(text, sizeof text, "%.6g", shown);
  const std::string name = note.name.empty() ? std::string(1, letter) + "_" + std::to_string(index) : note.name;
  return name + " = " + text + (note.unit.empty() ? "" : " " + note.unit);
}

struct Refutation {
  std::string words;     // for people, in the subject's own units
  std::string document;  // canonical JSON, for machines
};

Refutation Describe(const Material& material, const model::Property& property,
                    const prover::Counterexample& counterexample) {
  Refutation refutation;
  const auto note = [&](size_t variable) {
    return variable < property.variables.size() ? property.variables[variable] : model::VariableNote{};
  };
  const auto list = [&](const std::vector<double>& values, char letter, size_t first) {
    encoding::Json texts = encoding::Json::array();
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) refutation.words += ", ";
      refutation.words += InWords(note(first + i), values[i], letter, i);
      texts.push_back(std::isfinite(values[i]) ? encoding::NumberText(values[i]) : "not finite");
    }
    return texts;
  };
  encoding::Json document = {{"property", material.proof.property->name},
                             {"network", material.proof.network.Text()},
                             {"spec", crypto::Sha256(material.spec).Text()},
                             {"violates_float", counterexample.violates_float},
                             {"violates_real", counterexample.violates_real}};
  document["inputs"] = list(counterexample.inputs, 'X', 0);
  refutation.words += " gives ";
  document["outputs"] = list(counterexample.outputs, 'Y', property.input_count);
  if (material.proof.baseline) {
    refutation.words += "; the baseline gives ";
    document["baseline_outputs"] = list(counterexample.baseline_outputs, 'Y', property.input_count);
    document["baseline"] = material.proof.baseline->Text();
    document["within"] = material.proof.within.ToString();
  }
  document["words"] = refutation.words;
  refutation.document = encoding::CanonicalJson(document);
  return refutation;
}

struct Proof {
  std::optional<CertificateReference> certificate;
  std::optional<StepReport> failure;
  std::string words;
};

// What proves the same property of the live release, or null.
const CertificateReference* LiveCertificate(Gate& gate, const Material& material) {
  const CertificateReference* live = nullptr;
  for (const ProposalHistory& past : gate.log().history().proposals()) {
    if (!past.candidate || past.candidate->tree != gate.log().history().live_tree()) continue;
    // The first of that name; one of drift may follow.
    live = nullptr;
    for (const CertificateReference& reference : past.candidate->certificates)
      if (live == nullptr && reference.property == material.proof.property->name) live = &reference;
  }
  return live;
}

// The live release's certificate, where the candidate lies in its envelope and the charter lets it: no search is
// needed.
std::optional<Proof> InEnvelope(Gate& gate, const Material& material) {
  if (!gate.charter().envelope || material.proof.baseline) return std::nullopt;
  const CertificateReference* live = LiveCertificate(gate, material);
  if (live == nullptr) return std::nullopt;
  const CertificateReference named{material.proof.property->name, material.proof.network, live->certificate};
  const Result<checker::Verdict> verdict = Judge(gate, material, named);
  if (!verdict.ok() || !verdict->proven) {
    gate.Say("the live release's certificate does not do for " + material.what + ": " +
             (verdict.ok() ? verdict->reason : verdict.error()).message);
    return std::nullopt;
  }
  double furthest = 0;
  for (const double distance : verdict->distances) furthest = std::max(furthest, distance);
  char words[96];
  std::snprintf(words, sizeof words, " proven by the live release's envelope (%.0f %% of the way out)", 100 * furthest);
  return Proof{named, std::nullopt, material.what + words};
}

// The live release's proof of the same property, for the search to begin with; nothing where there is none that fits.
// Nothing of it is believed.
std::optional<prover::Parent> LiveProof(Gate& gate, const Material& material, const prover::ProofRequest& request) {
  const CertificateReference* live = LiveCertificate(gate, material);
  if (live == nullptr) return std::nullopt;
  const auto from_scratch = [&](const Error& error) {
    gate.Say("proving " + material.what + " from scratch: " + error.message);
    return std::nullopt;
  };
  Result<std::string> bytes = gate.log().store().ReadBlob(live->certificate, subject::kFileBytesMax);
  if (!bytes.ok()) return from_scratch(bytes.error());
  Result<prover::Parent> parent =
      prover::ReadParent({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()}, request);
  if (!parent.ok()) return from_scratch(parent.error());
  return std::move(*parent);
}

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Of the network, and where the charter has [envelope] of all networks as far around it as can be proven in time, which
// like drift is not shared out.
work::HelpedSearch Prove(Gate& gate, const Material& material, prover::Family& family,
                         const prover::ProofRequest& request) {
  const std::optional<charter::Envelope>& envelope = gate.charter().envelope;
  if (envelope && request.baseline == nullptr) {
    const prover::WidestLimits limits{.radius_max = envelope->radius_max,
                                      .widening_ms = static_cast<uint64_t>(envelope->time_limit_s) * 1'000};
    return {family.ProveWidest(material.what, request, limits).result, 0};
  }
  const auto here = [&](const prover::ProofRequest& asked) { return family.Prove(material.what, asked); };
  const std::optional<work::WorkerShare>& workers = gate.options().workers;
  if (!workers || request.baseline != nullptr) return {here(request), 0};
  return work::ProveWithHelp(request, {material.network, material.spec}, *workers, here,
                             [&](const std::string& line) { gate.Say(material.what + ": " + line); });
}

Result<Proof> Search(Gate& gate, const Material& material, prover::Family& family) {
  Proof proof;
  const warrant::RequiredProof& required = material.proof;
  Result<const model::Network*> network = family.Read(required.network.bytes, AsBytes(material.network));
  if (!network.ok()) {
    proof.failure =
        Failed(FindingOutcome::kRejected, network.error().rule, material.what + ": " + network.error().message);
    return proof;
  }
  Result<model::Property> property = model::ReadVnnlib(material.spec, model::PropertyLimits{});
  if (!property.ok()) return property.error();
  prover::ProofRequest request;
  request.network = *network;
  request.property = &*property;
  request.network_digest = required.network.bytes;
  request.property_digest = crypto::Sha256(material.spec).bytes;
  request.arithmetic = material.arithmetic;
  request.timeout_ms = static_cast<uint64_t>(required.property->time_limit_s) * 1'000;
  request.threads = gate.options().threads;
  gate.Say("proving " + material.what);
  std::optional<prover::Parent> parent;
  if (required.baseline) {
    Result<const model::Network*> baseline = family.Read(required.baseline->bytes, AsBytes(material.baseline));
    if (!baseline.ok()) return baseline.error();
    request.baseline = *baseline;
    request.baseline_digest = required.baseline->bytes;
    request.within = required.within;
  } else {
    parent = LiveProof(gate, material, request);
  }
  if (parent.has_value()) request.parent = &*parent;
  const auto [result, parts] = Prove(gate, material, family, request);
  switch (result.status) {
    case prover::ProofStatus::kProven: {
      const std::string_view bytes(reinterpret_cast<const char*>(result.certificate.data()), result.certificate.size());
      // The prover is not trusted: its bytes go through the checker like anybody's.
      const checker::Verdict verdict = warrant::CheckPropertyCertificate(material.Asked(bytes, gate.options().threads));
      if (!verdict.proven) {
        return Error{
            ErrorCode::kInternal, "property.prover",
            "the checker refuses the prover's certificate for " + material.what + ": " + verdict.reason.message, ""};
      }
      Result<crypto::Digest> digest = gate.log().store().PutBlob(bytes);
      if (!digest.ok()) return digest.error();
      proof.certificate = CertificateReference{required.property->name, required.network, *digest};
      proof.words = material.what + " proven (" + std::to_string(verdict.leaves) +
                    (verdict.leaves == 1 ? " leaf" : " leaves") +
                    (result.statistics.kept > 0
                         ? ", " + std::to_string(result.statistics.kept) + " of the live release's proof still hold"
                         : "") +
                    (parts > 0 ? ", " + std::to_string(parts) + " parts by workers" : "") + ")" +
                    (verdict.radii.empty() ? "" : ", with an envelope");
      return proof;
    }
    case prover::ProofStatus::kViolated: {
      const Refutation refutation = Describe(material, *property, result.counterexample);
      Result<crypto::Digest> digest = gate.log().store().PutBlob(refutation.document);
      if (!digest.ok()) return digest.error();
      const std::string words = material.what + ": " + refutation.words;
      proof.failure = required.baseline ? Failed(FindingOutcome::kRejected, "drift.exceeded", words)
                                        : Failed(FindingOutcome::kRejected, "property.violated", words);
      proof.failure->evidence = {{"counterexample", *digest}};
      return proof;
    }
    case prover::ProofStatus::kUnknown: {
      const std::string words = material.what + ": " + result.detail;
      proof.failure = required.baseline ? Failed(FindingOutcome::kRejected, "drift.not-proven", words)
                                        : Failed(FindingOutcome::kRejected, "property.not-proven", words);
      return proof;
    }
  }
  return Error{ErrorCode::kInternal, "property.prover", "the prover gave no answer", ""};
}

// The commit. Nothing of the candidate can change after it.
Result<encoding::Envelope> Commit(Gate& gate, const ProposalHistory& proposal,
                                  std::vector<CertificateReference> certificates) {
  const audit::History& history = gate.log().history();
  const charter::Charter& charter = gate.charter();
  warrant::Candidate candidate;
  candidate.about = gate.About(proposal.proposal.tree);
  candidate.proposal = proposal.proposal.proposal;
  candidate.action = proposal.proposal.action;
  candidate.resource = charter.subject.resource_uri;
  candidate.epoch = history.epoch() + 1;
  candidate.tree = proposal.proposal.tree;
  candidate.parent_tree = history.live_tree();
  candidate.parent_warrant = history.last_warrant();
  candidate.baseline = charter.subject.baseline;
  candidate.charter = charter.digest;
  candidate.charter_epoch = history.charter_epoch();
  candidate.budget_index = history.budget_index() + (candidate.action == Action::kRelease ? 1 : 0);
  candidate.diff = proposal.proposal.diff;
  if (candidate.action == Action::kRelease && !charter.evaluation.command.empty()) {
    Result<trial::EvaluationEnvironment> environment = oversight::DescribeEvaluation(gate.log());
    if (!environment.ok()) return environment.error();
    Result<crypto::Digest> digest = gate.log().store().PutBlob(environment->description);
    if (!digest.ok()) return digest.error();
    candidate.environment = *digest;
  }
  candidate.certificates = std::move(certificates);
  candidate.time = gate.Now();
  return gate.Signed(warrant::WriteCandidate(candidate));
}

// Properties of code, run here to turn hopeless candidates away early: what counts are the provers' own runs. A
// failure, or the words for those that hold.
struct CodeChecks {
  std::optional<StepReport> failure;
  std::string words;
};

Result<CodeChecks> CheckCode(Gate& gate, const crypto::Digest& tree) {
  Result<charter::ProgramRules> programs = gate.log().programs();
  if (!programs.ok()) return programs.error();
  const charter::QuorumRule* provers = gate.charter().FindQuorum(charter::Role::kProver);
  CodeChecks checks;
  for (const charter::CodeProperty& property : programs->properties) {
    gate.Say("checking '" + property.name + "'");
    Result<oversight::CodeVerdict> verdict = oversight::CheckCodeProperty(
        gate.log(), property, {tree, gate.log().history().live_tree()}, programs->accepted);
    if (!verdict.ok()) return verdict.error();
    const std::string words =
        "'" + property.name + "'" + sandbox::AcceptedWords(verdict->weaker_guarantees) + ": " + verdict->words;
    if (!verdict->holds) {
      checks.failure = Failed(FindingOutcome::kRejected, "property.not-held", words);
      return checks;
    }
    checks.words += (checks.words.empty() ? "" : ", ") + words + " (not proven; " +
                    std::to_string(provers == nullptr ? 0 : provers->at_least) + " provers have to check it)";
  }
  return checks;
}

}  // namespace

Result<StepReport> Properties(Gate& gate, const ProposalHistory& proposal) {
  // The steps above have passed before another parent; the commit names the one that is live.
  if (proposal.proposal.parent_warrant != gate.log().history().last_warrant()) {
    return Failed(FindingOutcome::kRejected, "property.overtaken",
                  "something else has become live since surface and pace were looked at");
  }
  std::vector<CertificateReference> certificates;
  std::string words;
  if (proposal.proposal.action != Action::kAmendment) {
    Result<subject::Manifest> tree = gate.log().store().ReadManifest(proposal.proposal.tree);
    if (!tree.ok()) return tree.error();
    Result<std::vector<warrant::RequiredProof>> required =
        warrant::RequiredProofs(gate.charter(), *tree, gate.log().store());
    if (!required.ok()) {
      if (required.error().rule != "property.network") return required.error();
      return Failed(FindingOutcome::kRejected, required.error().rule, required.error().message);
    }
    const auto start = std::chrono::steady_clock::now();
    prover::Family family(required->size(), gate.options().proving);
    for (const warrant::RequiredProof& needed : *required) {
      Result<Material> material = Collect(gate, needed);
      if (!material.ok()) return material.error();
      Result<std::optional<CertificateReference>> known = Reuse(gate, *material);
      if (!known.ok()) return known.error();
      if (known->has_value()) {
        certificates.push_back(**known);
        words += (words.empty() ? "" : ", ") + material->what + " proven before";
        family.Skip();
        continue;
      }
      if (const std::optional<Proof> near = InEnvelope(gate, *material)) {
        certificates.push_back(*near->certificate);
        words += (words.empty() ? "" : ", ") + near->words;
        family.Skip();
        continue;
      }
      Result<Proof> proof = Search(gate, *material, family);
      if (!proof.ok()) return proof.error();
      if (proof->failure) return *proof->failure;
      certificates.push_back(*proof->certificate);
      words += (words.empty() ? "" : ", ") + proof->words;
    }
    if (!required->empty()) {
      char spent[48];
      std::snprintf(spent, sizeof spent, " (in %.2f s)",
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      words += spent;
    }
    Result<CodeChecks> code = CheckCode(gate, proposal.proposal.tree);
    if (!code.ok()) return code.error();
    if (code->failure) return *code->failure;
    if (!code->words.empty()) words += (words.empty() ? "" : ", ") + code->words;
  }
  StepReport report = Passed(words.empty() ? "no property is asked for by this action" : words);
  // Those of drift stand behind the properties' own. "drift of" cannot be part of a name.
  for (size_t i = 0; i < certificates.size(); ++i) {
    const bool is_drift = i >= gate.charter().properties.size();
    report.evidence[(is_drift ? "drift of " : "") + certificates[i].property] = certificates[i].certificate;
  }
  Result<encoding::Envelope> commit = Commit(gate, proposal, std::move(certificates));
  if (!commit.ok()) return commit.error();
  report.events_after.push_back(std::move(*commit));
  return report;
}

}  // namespace pawl::gate
