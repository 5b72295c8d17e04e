#include "site/proposal_diff.h"

#include "oversight/content_objection.h"
#include "oversight/line_diff.h"
#include "subject/surface.h"

namespace pawl::site {
namespace {

// The bytes of a side that has lines; nothing for a side that is not there.
Result<std::string> SideText(const ledger::SubjectLog& log, const std::optional<crypto::Digest>& digest,
                             uint64_t bytes_max) {
  return digest ? log.store().ReadBlob(*digest, bytes_max) : Result<std::string>(std::string());
}

Result<void> FillLines(const ledger::SubjectLog& log, const DiffTerms& terms, uint64_t& left, ShownChange& shown) {
  const subject::Change& change = shown.change;
  const auto has_lines = [&](const std::optional<subject::FileFacts>& facts) {
    return !facts || (facts->lines.has_value() && facts->size <= terms.file_bytes_max);
  };
  if (!has_lines(change.facts_before) || !has_lines(change.facts_after)) {
    shown.shown = Shown::kFactsAlone;
    return {};
  }
  if (left == 0) {
    shown.shown = Shown::kTooLong;
    return {};
  }
  Result<std::string> before = SideText(log, change.before, terms.file_bytes_max);
  if (!before.ok()) return before.error();
  Result<std::string> after = SideText(log, change.after, terms.file_bytes_max);
  if (!after.ok()) return after.error();
  shown.lines = oversight::UnifiedDiff(*before, *after, {.context = terms.context});
  if (shown.lines.size() > left) {
    left = 0;
    shown.shown = Shown::kTooLong;
    shown.lines.clear();
  } else {
    left -= shown.lines.size();
  }
  return {};
}

}  // namespace

std::string FactsWords(const std::optional<subject::FileFacts>& facts) {
  if (!facts) return "nothing";
  std::string words =
      std::string(subject::ContentKindName(facts->kind)) + " of " + std::to_string(facts->size) + " bytes";
  if (facts->parameter_count) words += ", " + std::to_string(*facts->parameter_count) + " parameters";
  return words;
}

Result<std::vector<ShownChange>> DiffOfProposal(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal,
                                                const DiffTerms& terms) {
  const bool is_amendment = proposal.proposal.action == warrant::Action::kAmendment;
  subject::Manifest before;
  if (is_amendment || proposal.proposal.parent_tree) {
    Result<subject::Manifest> read =
        log.store().ReadManifest(is_amendment ? log.charter().charter.digest : *proposal.proposal.parent_tree);
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
