// pawl review: one reviewer looks at everything that waits for it, and votes.
#include "oversight/review.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "cli/command.h"
#include "ledger/keys.h"
#include "signing/private_key.h"

namespace pawl::cli {
namespace {

using oversight::ReviewReport;

std::string_view WhatName(ReviewReport::What what) {
  switch (what) {
    case ReviewReport::What::kVoted:
      return "voted";
    case ReviewReport::What::kClosed:
      return "closed";
    case ReviewReport::What::kCosigned:
      return "cosigned";
    case ReviewReport::What::kWaiting:
      return "waiting";
    case ReviewReport::What::kNothingToDo:
      return "nothing to do";
  }
  return "";
}

Result<std::vector<ReviewReport>> Review(const Globals& globals, const std::string& name, oversight::Waiting waiting) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return place.error();
  // A reviewer believes events, never what the gate has made of them.
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadWrite, ledger::FoldFrom::kFirstEvent);
  if (!log.ok()) return log.error();
  const charter::Reviewer* record = log->charter().charter.FindReviewer(name);
  if (record == nullptr) {
    std::string names;
    for (const charter::Reviewer& reviewer : log->charter().charter.reviewers) names += " " + reviewer.name;
    return Error{ErrorCode::kUsage, "review.unknown", "the charter has no reviewer '" + name + "'", "it has:" + names};
  }
  Result<signing::Ed25519PrivateKey> key = ledger::FindPrivateKey(place->home, record->key);
  if (!key.ok()) return key.error();
  const std::string memory = place->home.ReviewerFolder(name);
  if (mkdir(memory.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemFailure("review.memory", "cannot make '" + memory + "': " + std::strerror(errno));
  }
  oversight::Reviewer reviewer{.record = *record,
                               .key = *key,
                               .memory_folder = memory,
                               .state_path = place->state_path,
                               .now_s = std::time(nullptr),
                               .threads = 2,
                               .waiting = waiting,
                               .progress = ProgressTo(globals)};
  return oversight::ReviewOpenProposals(*log, reviewer);
}

ExitCode Show(const Globals& globals, const std::vector<ReviewReport>& reports) {
  encoding::Json json = encoding::Json::array();
  ExitCode exit = ExitCode::kYes;
  for (const ReviewReport& report : reports) {
    if (report.what == ReviewReport::What::kWaiting) exit = Worst(exit, ExitCode::kPending);
    json.push_back({{"proposal", report.proposal}, {"what", WhatName(report.what)}, {"summary", report.summary}});
    if (!globals.json) {
      std::printf("%s: %s: %s\n", report.proposal.c_str(), std::string(WhatName(report.what)).c_str(),
                  Shown(report.summary).c_str());
    }
  }
  if (globals.json) {
    PrintJson(json);
  } else if (reports.empty()) {
    std::puts("nothing waits for this reviewer");
  }
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
  command->footer("example:\n  pawl review --as prover-a");
  command->callback([=, &globals] {
    Result<std::vector<ReviewReport>> reports =
        Review(globals, *name, *quorum_is_enough ? oversight::Waiting::kForQuorum : oversight::Waiting::kForEveryVote);
    globals.exit = reports.ok() ? Show(globals, *reports) : Fail(globals, reports.error());
  });
}

}  // namespace pawl::cli
