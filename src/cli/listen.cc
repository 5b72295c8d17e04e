// pawl listen: brings halts and resumes that witnesses keep to the loader here, past gate and ledger.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>

#include "cli/command.h"
#include "cli/health_server.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "halting/halting.h"
#include "halting/heard_stops.h"
#include "server/notice_exchange.h"

namespace pawl::cli {
namespace {

struct Heeded {
  std::vector<std::string> news;
  notices::Heard heard;
  int64_t at_least = 0;  // witnesses that have to answer, so that no halt is missed
};

Result<Heeded> Heed(const Place& place) {
  Result<halting::Ground> ground = halting::LoaderGround(place.home, place.subject, place.state_path);
  if (!ground.ok()) return ground.error();
  const charter::Witnesses& witnesses = ground->charter.witnesses;
  if (witnesses.all.empty()) {
    return Error{ErrorCode::kUsage, "listen.no-witnesses", "the charter of this loader has no witnesses to listen to",
                 "halts reach this loader by pawl halt on this machine"};
  }
  Heeded heeded{.news = {}, .heard = notices::AskForStops(ground->charter, server::NoticeExchange())};
  // As many may lie or keep no board: one more has to answer.
  heeded.at_least = witnesses.faults_max + 1;
  Result<std::vector<std::string>> news = halting::DeliverHeard(place.state_path, ground->charter, heeded.heard);
  if (!news.ok()) return news.error();
  heeded.news = *std::move(news);
  return heeded;
}

std::optional<Error> TooFew(const Heeded& heeded) {
  if (static_cast<int64_t>(heeded.heard.boards) >= heeded.at_least) return std::nullopt;
  std::string silent;
  for (const std::string& one : heeded.heard.silent) silent += (silent.empty() ? ": " : "; ") + one;
  return Error{ErrorCode::kPending, "listen.too-few",
               "a halt could be missed: " + std::to_string(heeded.heard.boards) + " of the charter's witnesses show " +
                   "notices for this log, and " + std::to_string(heeded.at_least) + " have to" + silent,
               "start them; each keeps notices after pawl witness follow NAME LOG-KEY --charter DIRECTORY"};
}

void Show(const Globals& globals, const Place& place, const std::string& line) {
  LogLine(LogLevel::kInfo, line, {{"subject", place.subject}});
  if (globals.json) {
    PrintJson({{"subject", place.subject}, {"news", line}});
  } else {
    std::printf("%s: %s\n", place.subject.c_str(), Shown(line).c_str());
  }
  std::fflush(stdout);
}

// Whether a halt could be missed now. Until the witnesses have been asked for the first time, it could.
// Thread safety: one thread tells; the server has its own.
class ListenHealth {
 public:
  explicit ListenHealth(std::string subject) : subject_(std::move(subject)) {}

  Result<void> Listen(const std::string& where) {
    return server_.Listen(where, {.wrong = [this] { return Wrong(); }, .metrics = [this] { return Metrics(); }});
  }
  std::string address() const { return server_.address(); }

  void Tell(const Result<Heeded>& heeded, const std::optional<Error>& trouble) {
    const std::lock_guard guard(mutex_);
    rule_ = trouble ? trouble->rule : "";
    boards_ = heeded.ok() ? static_cast<int64_t>(heeded->heard.boards) : 0;
    if (heeded.ok()) needed_ = heeded->at_least;
    if (heeded.ok()) news_ += heeded->news.size();
    if (!trouble) looked_s_ = std::time(nullptr);
  }

 private:
  std::string Wrong() const {
    const std::lock_guard guard(mutex_);
    return rule_.empty() ? "" : subject_ + ": " + rule_ + "\n";
  }

  std::string Metrics() const {
    const std::lock_guard guard(mutex_);
    std::string text;
    const auto one = [&](const std::string& name, const char* type, const char* help, auto value) {
      text += MetricHead(name, type, help) + name + "{subject=\"" + subject_ + "\"} " + std::to_string(value) + "\n";
    };
    one("pawl_looked_time_seconds", "gauge", "When it last asked and no halt could be missed.", looked_s_);
    one("pawl_listen_witnesses", "gauge", "Witnesses that showed their notices when they were last asked.", boards_);
    one("pawl_listen_witnesses_needed", "gauge", "Witnesses that have to, so that no halt is missed.", needed_);
    one("pawl_acts_total", "counter", "Halts and resumes that it has brought since it began.", news_);
    return text;
  }

  const std::string subject_;
  mutable std::mutex mutex_;
  std::string rule_ = "listen.too-few";  // empty: well
  int64_t boards_ = 0, needed_ = 0, looked_s_ = 0;
  uint64_t news_ = 0;
  HealthServer server_;  // ends first
};

ExitCode Listen(const Globals& globals, int every_s, bool once, const std::string& health_at) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  const InterruptWatch watch(/*enabled=*/!once);
  ListenHealth health(place->subject);
  if (Result<void> listens = ListenForHealth(globals, health, health_at); !listens.ok()) {
    return Fail(globals, listens.error());
  }
  std::mutex mutex;
  std::condition_variable_any again;
  std::string before;  // the trouble that was told of last
  for (bool first = true; !watch.token().stop_requested(); first = false) {
    const Result<Heeded> heeded = Heed(*place);
    const bool may_pass = !heeded.ok() && heeded.error().code == ErrorCode::kSystem;
    if (!heeded.ok() && (once || first || !may_pass)) return Fail(globals, heeded.error());
    if (heeded.ok()) {
      for (const std::string& line : heeded->news) Show(globals, *place, line);
    }
    const std::optional<Error> trouble = heeded.ok() ? TooFew(*heeded) : heeded.error();
    health.Tell(heeded, trouble);
    if (once) {
      if (trouble) return Fail(globals, *trouble);
      if (heeded->news.empty()) Show(globals, *place, "nothing new");
      return ExitCode::kYes;
    }
    const std::string now = trouble ? trouble->message + " (" + trouble->rule + ")" : "";
    if (now != before || first) Show(globals, *place, now.empty() ? "listening to its witnesses" : now);
    before = now;
    std::unique_lock lock(mutex);
    again.wait_for(lock, watch.token(), std::chrono::seconds(every_s), [] { return false; });
  }
  return ExitCode::kYes;
}

}  // namespace

void AddListen(CLI::App& app, Globals& globals) {
  auto every = std::make_shared<int>(5);
  auto once = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("listen", "take halts and resumes from the charter's witnesses to the loader here");
  command->add_option("--every", *every, "seconds between two questions")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  auto* ask_once = command->add_flag("--once", *once, "ask once, and end");
  auto health_at = std::make_shared<std::string>();
  command->add_option("--health", *health_at, kHealthHelp)->excludes(ask_once);
  command->footer(
      "pawl halt tells every witness of the charter, whatever gate and ledger do; this brings it to a loader on "
      "another\n"
      "machine. Each statement is checked under the loader's own charter. A program that runs already is not "
      "stopped.\n\n"
      "examples:\n  pawl listen\n  pawl listen --health 127.0.0.1:9468\n  pawl listen --once && pawl exec engine -- "
      "./run");
  command->callback([=, &globals] { globals.exit = Listen(globals, *every, *once, *health_at); });
}

}  // namespace pawl::cli
