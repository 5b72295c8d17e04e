// pawl oversee: a reviewer that runs until it is told to stop, and looks whenever the log has grown.
//
// It looks after every subject of the home whose charter has the reviewer, or after the one that --subject names.
//
// It keeps nothing of its own that could be lost: what it has voted on stands in the log, and an auditor's and an
// evaluator's memory in its folder. Killed at any moment, it takes up where the log says it stands.
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>

#include "cli/health_site.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "cli/reviewer_at_work.h"
#include "cli/watched_places.h"
#include "crypto/verified_signatures.h"
#include "signing/ssh_agent.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kRetry{30'000};     // what waits without a change of the log: a clock, a machine to be mended
constexpr milliseconds kRetrySoon{1'000};  // the same for witnesses, which answer again any moment
constexpr milliseconds kBackOffMin{1'000}, kBackOffMax{60'000};
constexpr milliseconds kBeginAgain{10'000};

// What may pass by itself: a machine's trouble, an agent that is locked. Anything else about the log or this reviewer
// is for a person to look at.
bool MayPass(const Error& error) {
  const bool of_agent = error.rule.starts_with("agent.") ||
                        (error.rule == "key.missing" && !signing::SshAgent::OfEnvironment().path().empty());
  return of_agent || error.code == ErrorCode::kSystem || error.code == ErrorCode::kPending ||
         error.code == ErrorCode::kLimit;
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

// One subject whose charter has the reviewer.
struct Overseen {
  explicit Overseen(ReviewerAtWork at_work) : reviewer(std::move(at_work)) {}

  ReviewerAtWork reviewer;
  std::map<std::string, std::string> waits = {};
  uint64_t seen = 0;  // entries when it last looked
  steady_clock::time_point again = steady_clock::now();
  milliseconds back_off = kBackOffMin;
};

// One that could not be begun with, and may be later: its database is away, its init is under way.
struct SetAside {
  Place place;
  std::string rule;  // why
  steady_clock::time_point again;
};

class Overseer {
 public:
  Overseer(const Globals& globals, std::string name, oversight::Waiting waiting, HealthSite& health)
      : globals_(globals), name_(std::move(name)), waiting_(waiting), health_(health) {}

  // Begins with those of the places whose charter has the reviewer; the others have none of its work.
  Result<void> Begin(std::vector<Place> places) {
    several_ = several_ || overseen_.size() + aside_.size() + places.size() > 1;
    std::map<std::string, std::string> before;  // why those were set aside that are tried again
    std::erase_if(aside_, [&](SetAside& one) {
      if (steady_clock::now() < one.again) return false;
      before[one.place.subject] = one.rule;
      places.push_back(std::move(one.place));
      return true;
    });
    for (const Place& place : places) {
      const std::string& subject = place.subject;
      Result<ReviewerAtWork> reviewer = ReviewerAtWork::Open(place, name_);
      if (reviewer.ok() && !turn_) {
        Result<subject::FileDescriptor> turn = TakeTurn(reviewer->memory_folder(), name_);
        if (!turn.ok()) return turn.error();
        turn_.emplace(std::move(*turn));
      }
      if (reviewer.ok()) {
        if (!globals_.json && !globals_.quiet) std::printf("%s oversees %s\n", name_.c_str(), subject.c_str());
        std::fflush(stdout);
        overseen_.emplace_back(*std::move(reviewer));
        health_.Begin(subject);
      } else if (several_ && reviewer.error().rule == "review.unknown") {
        not_its_own_ = reviewer.error();
      } else if (several_ && (MayPass(reviewer.error()) || reviewer.error().rule == "gate.no-genesis")) {
        const Error& error = reviewer.error();
        if (before[subject] != error.rule) Say(subject + ": " + error.message + " (" + error.rule + "); trying again");
        health_.TellBroken(subject, error.rule);
        aside_.push_back({place, error.rule, steady_clock::now() + kBeginAgain});
      } else if (several_) {
        GiveUp(subject, reviewer.error());
      } else {
        return reviewer.error();  // whoever starts it again may find the machine mended
      }
    }
    if (!overseen_.empty() || !aside_.empty()) return {};
    if (given_up_) return *given_up_;
    if (not_its_own_) return *not_its_own_;
    return {};
  }

  Result<void> LookAtAll(const WatchedPlaces& places, const std::stop_token& stop) {
    for (auto at = overseen_.begin(); at != overseen_.end() && !stop.stop_requested();) {
      const Result<void> looked = LookAt(*at, places.MayHaveGrown(at->reviewer.log().subject()));
      if (looked.ok()) {
        ++at;
        continue;
      }
      const std::string subject = at->reviewer.log().subject();
      at = overseen_.erase(at);
      GiveUp(subject, looked.error());
      if (overseen_.empty() && aside_.empty()) return looked.error();
    }
    std::fflush(stdout);
    return {};
  }

  const std::optional<Error>& given_up() const { return given_up_; }

 private:
  // One log that a person has to look at keeps no other waiting.
  void GiveUp(const std::string& subject, const Error& error) {
    given_up_ = error;
    health_.TellBroken(subject, error.rule);
    if (several_) Say(subject + ": " + error.message + " (" + error.rule + "); it is left alone until the next start");
  }

  void Say(const std::string& words) const {
    LogLine(LogLevel::kError, words);
    if (!globals_.quiet) std::fprintf(stderr, "%s\n", Shown(words).c_str());
  }

  void TellHealth(Overseen& one, const std::vector<oversight::ReviewReport>& reports) {
    using What = oversight::ReviewReport::What;
    const audit::History& history = one.reviewer.log().history();
    LookedAt looked{.events = history.size(), .looked_s = std::time(nullptr)};
    for (const audit::ProposalHistory& proposal : history.proposals()) looked.open += proposal.outcome ? 0 : 1;
    health_.Tell(one.reviewer.log().subject(), looked);
    health_.CountActs(one.reviewer.log().subject(),
                      static_cast<uint64_t>(std::ranges::count_if(reports, [](const oversight::ReviewReport& report) {
                        return report.what == What::kVoted || report.what == What::kClosed ||
                               report.what == What::kCosigned;
                      })));
  }

  Result<void> LookAt(Overseen& one, bool may_have_grown) {
    if (!may_have_grown && steady_clock::now() < one.again) return {};
    const Result<uint64_t> size = one.reviewer.log().ledger().Size();
    const bool grown = size.ok() && *size != one.seen;
    if (!grown && steady_clock::now() < one.again) return {};
    const Result<std::vector<oversight::ReviewReport>> reports = one.reviewer.Look(globals_, waiting_);
    if (!reports.ok()) {
      if (!MayPass(reports.error())) return reports.error();
      health_.TellBroken(one.reviewer.log().subject(), reports.error().rule);
      Say((several_ ? one.reviewer.log().subject() + ": " : "") + reports.error().message + " (" +
          reports.error().rule + "); trying again in " + std::to_string(one.back_off.count() / 1'000) + " s");
      one.seen = size.ok() ? *size : 0;
      one.again = steady_clock::now() + one.back_off;
      one.back_off = std::min(2 * one.back_off, kBackOffMax);
      return {};
    }
    const std::vector<oversight::ReviewReport> news = News(*reports, one.waits);
    if (!news.empty()) ShowReviews(globals_, one.reviewer, news);
    one.seen = one.reviewer.log().history().size();
    TellHealth(one, *reports);
    const bool soon = std::ranges::any_of(*reports, &oversight::ReviewReport::soon);
    one.again = steady_clock::now() + (soon ? kRetrySoon : kRetry);
    one.back_off = kBackOffMin;
    return {};
  }

  const Globals& globals_;
  const std::string name_;
  const oversight::Waiting waiting_;
  bool several_ = false;  // whether there is, or was, more than one subject
  HealthSite& health_;
  std::optional<subject::FileDescriptor> turn_;
  std::vector<Overseen> overseen_;
  std::vector<SetAside> aside_;
  std::optional<Error> given_up_, not_its_own_;
};

ExitCode Oversee(const Globals& globals, const std::string& name, oversight::Waiting waiting,
                 const std::string& health_at) {
  crypto::RememberVerified(16'384);
  const InterruptWatch watch(/*enabled=*/true);
  HealthSite health;
  if (Result<void> listens = ListenForHealth(globals, health, health_at); !listens.ok()) {
    return Fail(globals, listens.error());
  }
  Result<WatchedPlaces> places = WatchedPlaces::Find(globals);
  if (!places.ok()) return Fail(globals, places.error());
  std::vector<Place> found = places->TakeNew();
  Overseer overseer(globals, name, waiting, health);
  for (; !watch.token().stop_requested(); places->Wait(), found = places->TakeNew()) {
    if (Result<void> begun = overseer.Begin(std::move(found)); !begun.ok()) return Fail(globals, begun.error());
    if (Result<void> looked = overseer.LookAtAll(*places, watch.token()); !looked.ok())
      return Fail(globals, looked.error());
  }
  return overseer.given_up() ? Fail(globals, *overseer.given_up()) : ExitCode::kYes;
}

}  // namespace

void AddOversee(CLI::App& app, Globals& globals) {
  auto name = std::make_shared<std::string>();
  auto quorum_is_enough = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("oversee", "act as one reviewer whenever a log grows, until interrupted");
  command->add_option("--as", *name, "the reviewer's name in the charter")->required();
  command->add_flag("--quorum-is-enough", *quorum_is_enough,
                    "auditors: close as soon as the quorum is met, without waiting for every vote");
  auto health_at = std::make_shared<std::string>();
  command->add_option("--health", *health_at, kHealthHelp);
  command->footer(
      "Does what `pawl review --as NAME` does once, for every subject of the home whose charter has the reviewer, "
      "those\n"
      "included that are added while it runs; --subject names one. SIGINT or SIGTERM end it after the review that is "
      "under way, a "
      "second\n"
      "one at once. It may be killed at any moment: a vote is in the log or it is not, and it votes once.\n\n"
      "examples:\n  pawl oversee --as prover-a\n  pawl oversee --as auditor-a --log-file auditor-a.log\n"
      "  pawl oversee --as critic-d                            # asks the model that its model.toml names");
  command->callback([=, &globals] {
    globals.exit =
        Oversee(globals, *name, *quorum_is_enough ? oversight::Waiting::kForQuorum : oversight::Waiting::kForEveryVote,
                *health_at);
  });
}

}  // namespace pawl::cli
