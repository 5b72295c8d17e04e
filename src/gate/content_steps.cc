// Steps 1 to 3: what the candidate is, where it may differ, and whether it may come now.
#include <algorithm>

#include "encoding/time.h"
#include "gate/shared_log_key.h"
#include "gate/steps.h"
#include "oversight/content_objection.h"
#include "oversight/key_rotation.h"
#include "oversight/pace.h"
#include "oversight/reviewers_files.h"
#include "subject/surface.h"

namespace pawl::gate {
namespace {

using audit::FindingOutcome;
using audit::ProposalHistory;
using warrant::Action;

// What a person reads of a surface report: the first path that is refused, or how much changed.
std::string DescribeSurface(const subject::SurfaceReport& report) {
  for (const subject::SurfaceFinding& finding : report.findings) {
    if (!finding.allowed) return finding.change.path + ": " + finding.reason;
  }
  return std::to_string(report.findings.size()) + " changed paths, all within the surface";
}

StepReport SurfaceOfRollback(Gate& gate, const ProposalHistory& proposal) {
  const auto& revoked = gate.charter().revocation.trees;
  if (std::find(revoked.begin(), revoked.end(), proposal.proposal.tree) != revoked.end()) {
    return Failed(FindingOutcome::kOutsideCharter, "rollback.target", "the charter has revoked this tree");
  }
  const auto& releases = gate.log().history().releases();
  const bool known = std::any_of(releases.begin(), releases.end(),
                                 [&](const audit::ReleaseRecord& past) { return past.tree == proposal.proposal.tree; });
  if (!known) return Failed(FindingOutcome::kRejected, "rollback.target", "this tree has never been live");
  return Passed("the target was live before and is not revoked");
}

Result<StepReport> SurfaceOfAmendment(Gate& gate, const ProposalHistory& proposal) {
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(gate.log().store(), proposal.proposal.tree);
  if (!files.ok()) {
    return Failed(FindingOutcome::kRejected, files.error().rule, files.error().message);
  }
  if (Result<void> keys = oversight::CheckReviewersFiles(*files); !keys.ok()) {
    return Failed(FindingOutcome::kRejected, keys.error().rule, keys.error().message);
  }
  const charter::Charter& next = files->charter;
  const charter::Charter& now = gate.charter();
  if (next.subject.name != now.subject.name || next.subject.resource_uri != now.subject.resource_uri ||
      next.subject.baseline != now.subject.baseline || !(next.gate.log == now.gate.log)) {
    return Failed(FindingOutcome::kRejected, "amendment.lineage",
                  "an amendment may not change the subject's name, resource, baseline or log");
  }
  const bool brings_witnesses = now.witnesses.all.empty() && !next.witnesses.all.empty();
  if (const auto other = brings_witnesses ? OtherSubjectOfLogKey(gate.log().home(), next) : std::nullopt) {
    return Failed(FindingOutcome::kRejected, "amendment.shared-log-key",
                  "the new charter has witnesses, and its log key is that of '" + *other +
                      "' too: they would take the two logs for one that was tampered with; begin a subject with a log "
                      "key of its own");
  }
  const Result<std::vector<oversight::KeyChange>> changes = oversight::FindKeyChanges(gate.log().charter(), *files);
  if (!changes.ok()) return Failed(FindingOutcome::kRejected, changes.error().rule, changes.error().message);
  std::string words = "the new charter can be read and protects what a charter has to";
  constexpr size_t kShownMax = 16;
  for (size_t i = 0; i < std::min(changes->size(), kShownMax); ++i) words += "; " + (*changes)[i].Words();
  if (changes->size() > kShownMax) words += "; and " + std::to_string(changes->size() - kShownMax) + " more keys";
  return Passed(std::move(words));
}

}  // namespace

StepReport Passed(std::string summary) {
  StepReport report;
  report.outcome = FindingOutcome::kPass;
  report.summary = std::move(summary);
  return report;
}

StepReport Failed(FindingOutcome outcome, std::string rule, std::string summary) {
  StepReport report;
  report.outcome = outcome;
  report.rule = std::move(rule);
  report.summary = std::move(summary);
  return report;
}

StepReport Waiting(std::string rule, std::string summary, std::vector<std::string> waits_for) {
  StepReport report = Failed(FindingOutcome::kPending, std::move(rule), std::move(summary));
  report.waits_for = std::move(waits_for);
  return report;
}

Result<StepReport> Freeze(Gate& gate, const ProposalHistory& proposal) {
  Result<subject::Manifest> manifest = gate.log().store().ReadManifest(proposal.proposal.tree);
  if (!manifest.ok()) return manifest.error();
  uint64_t bytes_total = 0;
  for (const subject::FileEntry& file : manifest->files) {
    Result<std::string> bytes = gate.log().store().ReadBlob(file.digest, subject::kFileBytesMax);
    if (!bytes.ok()) return bytes.error();
    bytes_total += bytes->size();
  }
  StepReport report = Passed(std::to_string(manifest->files.size()) + " files, " + std::to_string(bytes_total) +
                             " bytes, tree " + proposal.proposal.tree.Text());
  report.evidence = {{"tree", proposal.proposal.tree}, {"diff", proposal.proposal.diff}};
  return report;
}

Result<StepReport> Surface(Gate& gate, const ProposalHistory& proposal) {
  if (proposal.proposal.action == Action::kRollback) return SurfaceOfRollback(gate, proposal);
  if (proposal.proposal.action == Action::kAmendment) return SurfaceOfAmendment(gate, proposal);
  if (!proposal.proposal.parent_tree) {
    if (proposal.proposal.tree == gate.charter().subject.baseline) return Passed("the charter's baseline");
    return Failed(FindingOutcome::kOutsideCharter, "surface.refused",
                  "the first release must be the charter's baseline");
  }
  const subject::Store& store = gate.log().store();
  Result<subject::Manifest> parent = store.ReadManifest(*proposal.proposal.parent_tree);
  if (!parent.ok()) return parent.error();
  Result<subject::Manifest> tree = store.ReadManifest(proposal.proposal.tree);
  if (!tree.ok()) return tree.error();
  Result<subject::SurfaceReport> report =
      subject::CheckSurface(gate.charter().SurfaceRules(), *parent, *tree, store.Reader());
  if (!report.ok()) return report.error();
  if (report->findings.empty()) {
    return Failed(FindingOutcome::kRejected, "surface.no-change", "the candidate is the live release, byte for byte");
  }
  if (report->allowed) {
    Result<std::optional<oversight::ContentObjection>> objection =
        oversight::FindContentObjection(*report, gate.log().charter(), store.Reader());
    if (!objection.ok()) return objection.error();
    if (!*objection) return Passed(DescribeSurface(*report));
    return Failed(FindingOutcome::kOutsideCharter, (*objection)->rule, (*objection)->reason);
  }
  std::string rule = "surface.refused";
  for (const subject::SurfaceFinding& finding : report->findings) {
    if (!finding.allowed) {
      rule = finding.rule;
      break;
    }
  }
  return Failed(FindingOutcome::kOutsideCharter, rule, DescribeSurface(*report));
}

Result<StepReport> Pace(Gate& gate, const ProposalHistory& proposal) {
  const audit::History& history = gate.log().history();
  if (proposal.proposal.parent_tree != history.live_tree() ||
      proposal.proposal.parent_warrant != history.last_warrant()) {
    return Failed(FindingOutcome::kRejected, "pace.parent", "something else has become live since this was proposed");
  }
  const oversight::PaceReport pace = oversight::CheckPace(history, proposal.proposal.action, gate.Now());
  if (pace.allowed) return Passed("not halted; interval and window of the charter hold");
  const std::string command = "pawl advance " + proposal.proposal.proposal;
  std::vector<std::string> waits_for = {command};
  if (pace.allowed_from == 0) waits_for.insert(waits_for.begin(), "pawl resume (people lift the halt)");
  return Waiting(pace.rule, pace.reason, waits_for);
}

}  // namespace pawl::gate
