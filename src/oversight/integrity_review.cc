// The integrity role: everything about a candidate statement that follows from bytes and log alone is derived again.
#include <algorithm>

#include "encoding/time.h"
#include "oversight/content_objection.h"
#include "oversight/diff_document.h"
#include "oversight/key_rotation.h"
#include "oversight/pace.h"
#include "oversight/review.h"
#include "oversight/reviewers_files.h"
#include "subject/surface.h"

namespace pawl::oversight {
namespace {

using warrant::Action;
using warrant::Candidate;

// The tree is in the store with every byte that its manifest promises.
Result<subject::Manifest> WholeTree(const subject::Store& store, const crypto::Digest& tree) {
  Result<subject::Manifest> manifest = store.ReadManifest(tree);
  if (!manifest.ok()) return manifest.error();
  for (const subject::FileEntry& file : manifest->files) {
    if (Result<std::string> bytes = store.ReadBlob(file.digest, subject::kFileBytesMax); !bytes.ok())
      return bytes.error();
  }
  return manifest;
}

Result<void> CheckRelease(ledger::SubjectLog& log, const Candidate& candidate, const subject::Manifest& tree,
                          Opinion& opinion) {
  if (!candidate.parent_tree) {
    if (candidate.tree != log.charter().charter.subject.baseline) {
      opinion.reasons.push_back("the first release must be the charter's baseline");
    }
    return {};
  }
  Result<subject::Manifest> parent = log.store().ReadManifest(*candidate.parent_tree);
  if (!parent.ok()) return parent.error();
  Result<subject::SurfaceReport> surface =
      subject::CheckSurface(log.charter().charter.SurfaceRules(), *parent, tree, log.store().Reader());
  if (!surface.ok()) return surface.error();
  for (const subject::SurfaceFinding& finding : surface->findings) {
    if (!finding.allowed) opinion.reasons.push_back(finding.change.path + ": " + finding.reason);
  }
  Result<std::optional<ContentObjection>> content = FindContentObjection(*surface, log.charter(), log.store().Reader());
  if (!content.ok()) return content.error();
  if (*content) opinion.reasons.push_back((*content)->reason);
  if (crypto::Sha256(DiffDocument(*surface)) != candidate.diff) {
    opinion.reasons.push_back("the diff named by the candidate statement is not the diff of the trees");
  }
  return {};
}

}  // namespace

Result<Opinion> ReviewAsIntegrity(ledger::SubjectLog& log, const Reviewer& reviewer,
                                  const audit::ProposalHistory& proposal) {
  const Candidate& candidate = *proposal.candidate;
  const charter::Charter& charter = log.charter().charter;
  Opinion opinion;
  // The fold has refused already what does not follow from the log (epoch, parent, budget index, charter).
  Result<subject::Manifest> tree = WholeTree(log.store(), candidate.tree);
  if (!tree.ok()) {
    if (tree.error().code != ErrorCode::kRefused && tree.error().code != ErrorCode::kMalformed) return tree.error();
    opinion.reasons.push_back("the tree in the store: " + tree.error().message);
  } else if (candidate.action == Action::kRelease) {
    if (Result<void> checked = CheckRelease(log, candidate, *tree, opinion); !checked.ok()) return checked.error();
  } else if (candidate.action == Action::kRollback) {
    const auto& releases = log.history().releases();
    const bool known = std::any_of(releases.begin(), releases.end(),
                                   [&](const audit::ReleaseRecord& past) { return past.tree == candidate.tree; });
    if (!known) opinion.reasons.push_back("the target has never been live");
  } else if (Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(log.store(), candidate.tree);
             !files.ok()) {
    opinion.reasons.push_back("the new charter: " + files.error().message);
  } else if (Result<void> keys = CheckReviewersFiles(*files); !keys.ok()) {
    opinion.reasons.push_back("the new charter: " + keys.error().message);
  } else if (const auto changes = FindKeyChanges(log.charter(), *files); !changes.ok()) {
    opinion.reasons.push_back("the new charter: " + changes.error().message);
  }
  if (candidate.baseline != charter.subject.baseline) opinion.reasons.push_back("another baseline than the charter's");
  if (candidate.resource != charter.subject.resource_uri)
    opinion.reasons.push_back("another resource than the charter's");
  // The log's time is the gate's, and this very statement has set it: it counts as far as clocks may differ.
  const int64_t latest = reviewer.now_s + charter.pace.max_clock_skew_s;
  if (candidate.time > latest) {
    opinion.reasons.push_back("the candidate statement is dated " + encoding::TimeText(candidate.time) +
                              ", ahead of this clock");
  }
  const int64_t now = std::max(reviewer.now_s, std::min(log.history().time(), latest));
  if (const PaceReport pace = CheckPace(log.history(), candidate.action, now); !pace.allowed) {
    opinion.reasons.push_back(pace.reason);
  }
  opinion.verdict = opinion.reasons.empty() ? warrant::VoteVerdict::kFor : warrant::VoteVerdict::kAgainst;
  opinion.evidence = {{"tree", candidate.tree.Text()},
                      {"diff", candidate.diff.Text()},
                      {"surface", opinion.reasons.empty() ? "pass" : "see reasons"}};
  return opinion;
}

}  // namespace pawl::oversight
