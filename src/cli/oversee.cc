// pawl oversee: a reviewer that runs until it is told to stop, and looks whenever the log has grown.
//
// It keeps nothing of its own that could be lost: what it has voted on stands in the log, and an auditor's and an
// evaluator's memory in its folder. Killed at any moment, it takes up where the log says it stands.
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "cli/reviewer_at_work.h"
#include "ledger/growth_watch.h"
#include "ledger/place.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kRetry{30'000};  // what waits without a change of the log: a clock, a machine to be mended
constexpr milliseconds kBackOffMin{1'000}, kBackOffMax{60'000};

// What may pass by itself. Anything else about the log or this reviewer is for a person to look at.
bool MayPass(const Error& error) {
  return error.code == ErrorCode::kSystem || error.code == ErrorCode::kPending || error.code == ErrorCode::kLimit;
}

Result<subject::FileDescriptor> TakeTurn(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/oversee.lock";
  subject::FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return SystemFailure("oversee.lock", "cannot open '" + path + "'");
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  return Error{ErrorCode::kPending, "oversee.busy", "'" + name + "' is overseeing this log already", "stop it first"};
}

// Reports that say something new: what it still waits for is said once.
std::vector<oversight::ReviewReport> News(std::vector<oversight::ReviewReport> reports,
                                          std::map<std::string, std::string>& waits) {
  std::erase_if(reports, [&](const oversight::ReviewReport& report) {
    if (report.what == oversight::ReviewReport::What::kNothingToDo) return true;
    if (report.what != oversight::ReviewReport::What::kWaiting) return waits.erase(report.proposal), false;
    std::string& before = waits[report.proposal];
    if (before == report.summary) return true;
    before = report.summary;
    return false;
  });
  return reports;
}

ExitCode Oversee(const Globals& globals, const std::string& name, oversight::Waiting waiting) {
  const InterruptWatch watch(/*enabled=*/true);
  Result<ReviewerAtWork> reviewer = ReviewerAtWork::Open(globals, name);
  if (!reviewer.ok()) return Fail(globals, reviewer.error());
  Result<subject::FileDescriptor> turn = TakeTurn(reviewer->memory_folder(), name);
  if (!turn.ok()) return Fail(globals, turn.error());
  if (!globals.json && !globals.quiet) {
    std::printf("%s oversees %s\n", name.c_str(), reviewer->log().subject().c_str());
    std::fflush(stdout);
  }
  std::map<std::string, std::string> waits;
  uint64_t seen = 0;  // entries when it last looked
  steady_clock::time_point again = steady_clock::now();
  milliseconds back_off = kBackOffMin;
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::LedgerPlace> at = place->home.PlaceOfLedger(place->subject);
  if (!at.ok()) return Fail(globals, at.error());
  ledger::GrowthWatch growth(std::move(*at));
  for (; !watch.token().stop_requested(); growth.Wait()) {
    const Result<uint64_t> size = reviewer->log().ledger().Size();
    const bool grown = size.ok() && *size != seen;
    if (!grown && steady_clock::now() < again) continue;
    const Result<std::vector<oversight::ReviewReport>> reports = reviewer->Look(globals, waiting);
    if (!reports.ok()) {
      if (!MayPass(reports.error())) return Fail(globals, reports.error());
      LogLine(LogLevel::kError, "oversee: " + reports.error().rule + ": " + reports.error().message);
      if (!globals.quiet) {
        std::fprintf(stderr, "%s (%s); trying again in %lld s\n", Shown(reports.error().message).c_str(),
                     reports.error().rule.c_str(), static_cast<long long>(back_off.count() / 1'000));
      }
      seen = size.ok() ? *size : 0;
      again = steady_clock::now() + back_off;
      back_off = std::min(2 * back_off, kBackOffMax);
      continue;
    }
    const std::vector<oversight::ReviewReport> news = News(*reports, waits);
    if (!news.empty()) ShowReviews(globals, reviewer->record(), news);
    std::fflush(stdout);
    seen = reviewer->log().history().size();
    again = steady_clock::now() + kRetry;
    back_off = kBackOffMin;
  }
  return ExitCode::kYes;
}

}  // namespace

void AddOversee(CLI::App& app, Globals& globals) {
  auto name = std::make_shared<std::string>();
  auto quorum_is_enough = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("oversee", "act as one reviewer whenever the log grows, until interrupted");
  command->add_option("--as", *name, "the reviewer's name in the charter")->required();
  command->add_flag("--quorum-is-enough", *quorum_is_enough,
                    "auditors: close as soon as the quorum is met, without waiting for every vote");
  command->footer(
      "Does what `pawl review --as NAME` does once. SIGINT or SIGTERM end it after the review that is under way, a "
      "second\n"
      "one at once. It may be killed at any moment: a vote is in the log or it is not, and it votes once.\n\n"
      "examples:\n  pawl oversee --as prover-a\n  pawl oversee --as auditor-a --log-file auditor-a.log\n"
      "  pawl oversee --as critic-d                            # asks the model that its model.toml names");
  command->callback([=, &globals] {
    globals.exit =
        Oversee(globals, *name, *quorum_is_enough ? oversight::Waiting::kForQuorum : oversight::Waiting::kForEveryVote);
  });
}

}  // namespace pawl::cli
