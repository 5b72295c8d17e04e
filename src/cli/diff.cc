// pawl diff: what a proposal changes, as people read it, made here from the store and not from anybody's patch.
#include <cstdio>

#include "cli/command.h"
#include "oversight/change_text.h"
#include "oversight/content_objection.h"
#include "subject/surface.h"

namespace pawl::cli {
namespace {

struct DiffOptions {
  std::string proposal;
  size_t context = 3;
};

void PrintChange(const Globals& globals, const subject::Change& change, const std::string& refused,
                 const std::string& text) {
  const std::string type(subject::ChangeTypeName(change.type));
  if (globals.json) {
    PrintJson({{"path", change.path}, {"type", type}, {"refused", refused}, {"diff", text}});
    return;
  }
  std::printf("%s %s%s%s\n%s", type.c_str(), Shown(change.path).c_str(),
              refused.empty() ? "" : "  NOT ALLOWED: ", Shown(refused).c_str(), ShownLines(text).c_str());
}

Result<void> ShowDiff(const Globals& globals, const DiffOptions& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return place.error();
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return log.error();
  const audit::ProposalHistory* proposal = log->history().Find(options.proposal);
  if (proposal == nullptr) {
    return Error{ErrorCode::kNotFound, "diff.no-proposal", "there is no proposal '" + options.proposal + "'",
                 "pawl status"};
  }
  const bool is_amendment = proposal->proposal.action == warrant::Action::kAmendment;
  subject::Manifest before;
  if (is_amendment || proposal->proposal.parent_tree) {
    Result<subject::Manifest> read =
        log->store().ReadManifest(is_amendment ? log->charter().charter.digest : *proposal->proposal.parent_tree);
    if (!read.ok()) return read.error();
    before = std::move(*read);
  }
  Result<subject::Manifest> after = log->store().ReadManifest(proposal->proposal.tree);
  if (!after.ok()) return after.error();
  Result<std::vector<subject::Change>> changes = subject::DiffTrees(before, *after, log->store().Reader(), {});
  if (!changes.ok()) return changes.error();
  Result<subject::SurfaceReport> surface =
      subject::CheckSurface(log->charter().charter.SurfaceRules(), before, *after, log->store().Reader());
  if (!surface.ok()) return surface.error();
  const bool is_judged = proposal->proposal.action == warrant::Action::kRelease && proposal->proposal.parent_tree;
  Result<std::optional<oversight::ContentObjection>> objection =
      oversight::FindContentObjection(*surface, log->charter(), log->store().Reader());
  if (!objection.ok()) return objection.error();
  for (size_t i = 0; i < changes->size(); ++i) {
    std::string refused = is_judged ? surface->findings.at(i).reason : "";
    const std::string path = (*changes)[i].path + ": ";
    if (is_judged && *objection && (*objection)->reason.starts_with(path)) {
      refused = (*objection)->reason.substr(path.size());
    }
    Result<std::string> text = oversight::ChangeText(log->store(), (*changes)[i], options.context);
    if (!text.ok()) return text.error();
    PrintChange(globals, (*changes)[i], refused, *text);
  }
  if (changes->empty() && !globals.json) std::puts("nothing differs");
  return {};
}

}  // namespace

void AddDiff(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = app.add_subcommand("diff", "what a proposal changes against what was live, line by line");
  command->add_option("PROPOSAL", options->proposal, "its name, like p3")->required();
  command->add_option("-U,--context", options->context, "lines around each change")
      ->check(CLI::Range(0, 1'000))
      ->capture_default_str();
  command->footer(
      "Made from the store: no patch of the proposer's is looked at. Of an amendment: against the charter in force.\n"
      "Characters that cannot be seen, and spaces that are none, are shown as \\u{HEX}.\n"
      "examples:\n  pawl diff p3 | less\n  pawl diff p3 -U 20");
  command->callback([options, &globals] {
    Result<void> shown = ShowDiff(globals, *options);
    globals.exit = shown.ok() ? ExitCode::kYes : Fail(globals, shown.error());
  });
}

}  // namespace pawl::cli
