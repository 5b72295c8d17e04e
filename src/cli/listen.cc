// pawl listen: brings halts and resumes that witnesses keep to the loader here, past gate and ledger.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <set>

#include "cli/command.h"
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

ExitCode Listen(const Globals& globals, int every_s, bool once) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  const InterruptWatch watch(/*enabled=*/!once);
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
  command->add_flag("--once", *once, "ask once, and end");
  command->footer(
      "pawl halt tells every witness of the charter, whatever gate and ledger do; this brings it to a loader on "
      "another\n"
      "machine. Each statement is checked under the loader's own charter. A program that runs already is not "
      "stopped.\n\n"
      "examples:\n  pawl listen\n  pawl listen --once && pawl exec engine -- ./run");
  command->callback([=, &globals] { globals.exit = Listen(globals, *every, *once); });
}

}  // namespace pawl::cli
