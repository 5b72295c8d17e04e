#include "site/proposal_diff.h"

#include "oversight/change_text.h"
#include "oversight/content_objection.h"
#include "subject/surface.h"

namespace pawl::site {
namespace {

Result<void> FillLines(const ledger::SubjectLog& log, const DiffTerms& terms, uint64_t& left, ShownChange& shown) {
  if (!oversight::HasLines(shown.change, terms.file_bytes_max)) {
    shown.shown = Shown::kFactsAlone;
    return {};
  }
  if (left == 0) {
    shown.shown = Shown::kTooLong;
    return {};
  }
  Result<std::string> lines = oversight::ChangedLines(log.store(), shown.change, terms.file_bytes_max, terms.context);
  if (!lines.ok()) return lines.error();
  if (lines->size() > left) {
    left = 0;
    shown.shown = Shown::kTooLong;
  } else {
    left -= lines->size();
    shown.lines = std::move(*lines);
  }
  return {};
}

}  // namespace

Result<std::vector<ShownChange>> DiffOfProposal(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal,
                                                const DiffTerms& terms) {
  const bool is_amendment = proposal.proposal.action == warrant::Action::kAmendment;
  subject::Manifest before;
  if (is_amendment || proposal.proposal.parent_tree) {
    // Of an amendment beside the charter that it was voted on under, also once it is in force itself.
    const crypto::Digest under = proposal.candidate ? proposal.candidate->charter : log.charter().charter.digest;
    Result<subject::Manifest> read = log.store().ReadManifest(is_amendment ? under : *proposal.proposal.parent_tree);
    if (!read.ok()) return read.error();
    before = std::move(*read);
  }
  Result<subject::Manifest> after = log.store().ReadManifest(proposal.proposal.tree);
  if (!after.ok()) return after.error();
  Result<std::vector<subject::Change>> changes = subject::DiffTrees(before, *after, log.store().Reader(), {});
  if (!changes.ok()) return changes.error();
  Result<subject::SurfaceReport> surface =
      subject::CheckSurface(log.charter().charter.SurfaceRules(), before, *after, log.store().Reader());
  if (!surface.ok()) return surface.error();
  const bool is_judged = proposal.proposal.action == warrant::Action::kRelease && proposal.proposal.parent_tree;
  Result<std::optional<oversight::ContentObjection>> objection =
      oversight::FindContentObjection(*surface, log.charter(), log.store().Reader());
  if (!objection.ok()) return objection.error();
  std::vector<ShownChange> shown;
  uint64_t left = terms.shown_bytes_max;
  for (size_t i = 0; i < changes->size(); ++i) {
    ShownChange& one = shown.emplace_back(ShownChange{.change = std::move((*changes)[i])});
    const std::string path = one.change.path + ": ";
    if (is_judged) one.refused = surface->findings.at(i).reason;
    if (is_judged && *objection && (*objection)->reason.starts_with(path)) {
      one.refused = (*objection)->reason.substr(path.size());
    }
    if (Result<void> filled = FillLines(log, terms, left, one); !filled.ok()) return filled.error();
  }
  return shown;
}

}  // namespace pawl::site
