#include "gate/propose.h"

#include "oversight/diff_document.h"
#include "storage/tree_store.h"
#include "subject/surface.h"

namespace pawl::gate {
namespace {

using warrant::Action;

Result<std::string> LogProposal(Gate& gate, Action action, const crypto::Digest& tree, const crypto::Digest& diff,
                                const std::string& note) {
  for (int attempt = 0; attempt < ledger::kConflictsMax; ++attempt) {
    const audit::History& history = gate.log().history();
    const audit::Proposal proposal{.about = gate.About(tree),
                                   .proposal = history.NextProposalName(),
                                   .action = action,
                                   .tree = tree,
                                   .parent_tree = history.live_tree(),
                                   .parent_warrant = history.last_warrant(),
                                   .diff = diff,
                                   .note = PlainText(note),
                                   .time = gate.Now()};
    Result<void> appended = gate.log().Append({gate.Signed(audit::WriteProposal(proposal))});
    if (appended.ok()) return proposal.proposal;
    if (appended.error().rule != "ledger.conflict") return appended.error();
    if (Result<void> refreshed = gate.log().Refresh(); !refreshed.ok()) return refreshed.error();
  }
  return Error{ErrorCode::kPending, "ledger.busy", "others keep appending to the log", "try again"};
}

// What is live; nothing before the first release.
Result<subject::Manifest> LiveManifest(Gate& gate) {
  const std::optional<crypto::Digest> live = gate.log().history().live_tree();
  return live ? gate.log().store().ReadManifest(*live) : subject::Manifest();
}

// The diff as the surface sees it.
Result<crypto::Digest> StoreDiff(Gate& gate, const subject::Manifest& parent, const subject::Manifest& tree) {
  Result<subject::SurfaceReport> report =
      subject::CheckSurface(gate.charter().SurfaceRules(), parent, tree, gate.log().store().Reader());
  if (!report.ok()) return report.error();
  return gate.log().store().PutBlob(oversight::DiffDocument(*report));
}

}  // namespace

Result<std::string> ProposeTree(Gate& gate, const std::string& directory, const std::string& note) {
  if (Result<void> outside = gate.log().home().RequireOutside(directory); !outside.ok()) return outside.error();
  gate.Say("freezing " + directory);
  Result<subject::Manifest> live = LiveManifest(gate);
  if (!live.ok()) return live.error();
  Result<storage::StoredTree> tree = gate.log().store().PutTree(directory, gate.charter().subject.limits, &*live);
  if (!tree.ok()) return tree.error();
  Result<crypto::Digest> diff = StoreDiff(gate, *live, tree->manifest);
  if (!diff.ok()) return diff.error();
  return LogProposal(gate, Action::kRelease, tree->digest, *diff, note);
}

Result<std::string> ProposeRollback(Gate& gate, const crypto::Digest& tree, const std::string& note) {
  Result<subject::Manifest> live = LiveManifest(gate);
  if (!live.ok()) return live.error();
  Result<subject::Manifest> manifest = gate.log().store().ReadManifest(tree);
  if (!manifest.ok()) return manifest.error();
  Result<crypto::Digest> diff = StoreDiff(gate, *live, *manifest);
  if (!diff.ok()) return diff.error();
  return LogProposal(gate, Action::kRollback, tree, *diff, note);
}

Result<std::string> ProposeAmendment(Gate& gate, const std::string& directory, const std::string& note) {
  Result<storage::StoredTree> tree = gate.log().store().PutTree(directory, subject::TreeLimits{});
  if (!tree.ok()) return tree.error();
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(gate.log().store(), tree->digest);
  if (!files.ok()) return files.error();
  // What changes in a charter is shown to people file by file; no surface applies to it.
  Result<subject::SurfaceReport> report =
      subject::CheckSurface({}, gate.log().charter().manifest, tree->manifest, gate.log().store().Reader());
  if (!report.ok()) return report.error();
  Result<crypto::Digest> diff = gate.log().store().PutBlob(oversight::DiffDocument(*report));
  if (!diff.ok()) return diff.error();
  // Both charters as directories, so that people can compare them with their own tools.
  for (const crypto::Digest& digest : {gate.charter().digest, tree->digest}) {
    if (Result<std::string> view = gate.log().store().Materialise(digest); !view.ok()) return view.error();
  }
  return LogProposal(gate, Action::kAmendment, tree->digest, *diff, note);
}

}  // namespace pawl::gate
