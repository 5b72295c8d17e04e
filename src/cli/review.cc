// pawl review: one reviewer looks at everything that waits for it, and votes.
#include <cstdio>

#include "cli/reviewer_at_work.h"

namespace pawl::cli {
namespace {

ExitCode ReviewOnce(const Globals& globals, const std::string& name, oversight::Waiting waiting) {
  Result<ReviewerAtWork> reviewer = ReviewerAtWork::Open(globals, name);
  if (!reviewer.ok()) return Fail(globals, reviewer.error());
  const Result<std::vector<oversight::ReviewReport>> reports = reviewer->Look(globals, waiting);
  if (!reports.ok()) return Fail(globals, reports.error());
  const ExitCode exit = ShowReviews(globals, *reviewer, *reports);
  if (reports->empty() && !globals.json) std::puts("nothing waits for this reviewer");
  return exit;
}

}  // namespace

void AddReview(CLI::App& app, Globals& globals) {
  auto name = std::make_shared<std::string>();
  auto quorum_is_enough = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("review", "act as one reviewer: re-do its checks from the bytes and vote");
  command->add_option("--as", *name, "the reviewer's name in the charter")->required();
  command->add_flag("--quorum-is-enough", *quorum_is_enough,
                    "auditors: close as soon as the quorum is met, without waiting for every vote");
  command->footer(
      "examples:\n  pawl review --as prover-a\n"
      "  pawl review --as critic-d      # a language model, named by model.toml in its folder: docs/critics.md");
  command->callback([=, &globals] {
    globals.exit = ReviewOnce(globals, *name,
                              *quorum_is_enough ? oversight::Waiting::kForQuorum : oversight::Waiting::kForEveryVote);
  });
}

}  // namespace pawl::cli
