#include "cli/advance_all.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>

#include "cli/health_site.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "cli/watched_places.h"

namespace pawl::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookAgain{30'000};  // at what waits for a clock
constexpr milliseconds kBusyAgain{200};
constexpr milliseconds kAfterFailure{10'000};

// A machine failure counts, and the last one that is allowed rejects: whoever looks by itself gives the machine time
// to be mended, twice as long after each.
constexpr int64_t kAfterMachineFailure_s = 60;

bool IsDue(const audit::ProposalHistory& proposal, int64_t now_s) {
  if (proposal.outcome) return false;
  if (proposal.findings.empty() || !gate::IsMachineFailure(proposal.findings.back())) return true;
  const int failures = gate::MachineFailures(proposal);
  return now_s >= proposal.findings.back().time + (kAfterMachineFailure_s << (failures - 1));
}

// Which file it is, so that a ledger which was put in the place of another is noticed. Nothing where it is in a
// database.
using FileIdentity = std::pair<dev_t, ino_t>;
std::optional<FileIdentity> IdentityOf(const Place& place) {
  struct stat status {};
  if (stat(place.home.LedgerPath(place.subject).c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

struct KeptGate {
  explicit KeptGate(Place where) : place(std::move(where)) {}

  Place place;
  std::optional<gate::Gate> gate;  // at rest between looks
  std::optional<FileIdentity> file;
  uint64_t seen = 0;                        // entries after the last look
  steady_clock::time_point again;           // when to look whatever the log's size
  std::map<std::string, std::string> told;  // what was said of each open proposal
  std::string failure;                      // what was said last where the subject could not be looked at
};

// Where a proposal stands, if that is new.
bool IsNews(KeptGate& kept, const gate::Position& position) {
  std::string& before = kept.told[position.proposal];
  const std::string now = std::string(audit::StepName(position.step)) + ": " + position.reason + position.rule +
                          (position.outcome ? "!" : "");
  if (before == now) return false;
  before = now;
  if (position.outcome) kept.told.erase(position.proposal);
  return true;
}

// Takes everything that is open in one subject as far as it goes. An Error is about the subject, not about a proposal.
Result<std::vector<gate::Position>> LookAt(const Globals& globals, KeptGate& kept) {
  if (kept.gate && IdentityOf(kept.place) != kept.file) kept.gate.reset();
  if (!kept.gate) {
    kept.file = IdentityOf(kept.place);
    Result<gate::Gate> opened = OpenGate(globals, kept.place);
    if (!opened.ok()) return opened.error();
    kept.gate.emplace(*std::move(opened));
  } else if (Result<void> resumed = kept.gate->Resume(); !resumed.ok()) {
    if (resumed.error().rule != "gate.busy") kept.gate.reset();
    return resumed.error();
  }
  std::vector<std::string> open;
  for (const audit::ProposalHistory& proposal : kept.gate->log().history().proposals()) {
    if (IsDue(proposal, std::time(nullptr))) open.push_back(proposal.proposal.proposal);
  }
  std::vector<gate::Position> positions;
  for (const std::string& name : open) {
    Result<gate::Position> position = gate::Decide(*kept.gate, name, gate::Until::kLastApproval);
    if (!position.ok()) {
      kept.gate.reset();
      return position.error();
    }
    positions.push_back(*std::move(position));
  }
  kept.seen = kept.gate->log().history().size();
  kept.gate->Rest();
  return positions;
}

void Show(const Globals& globals, const KeptGate& kept, const gate::Position& position) {
  if (globals.json) {
    encoding::Json json = PositionJson(position);
    json["subject"] = kept.place.subject;
    LogPosition(kept.place.subject, position);
    PrintJson(json);
    return;
  }
  std::printf("%s ", kept.place.subject.c_str());
  ShowPosition(globals, kept.place.subject, position);
}

ExitCode AdvanceOnce(const Globals& globals, std::vector<KeptGate>& gates) {
  ExitCode exit = ExitCode::kYes;
  for (KeptGate& kept : gates) {
    const Result<std::vector<gate::Position>> positions = LookAt(globals, kept);
    if (!positions.ok()) {
      Error error = positions.error();
      error.message = kept.place.subject + ": " + error.message;
      exit = Worst(exit, Fail(globals, error));
      continue;
    }
    for (const gate::Position& position : *positions) Show(globals, kept, position);
    kept.gate.reset();
  }
  return exit;
}

// Whether a look is due. A log whose size cannot be learned is looked at when its time has come.
bool HasWork(const WatchedPlaces& places, KeptGate& kept) {
  if (steady_clock::now() >= kept.again) return true;
  if (!kept.gate || !places.MayHaveGrown(kept.place.subject)) return false;
  const Result<uint64_t> size = kept.gate->log().ledger().Size();
  return size.ok() && *size != kept.seen;
}

void LookAndTell(const Globals& globals, KeptGate& kept, HealthSite& health) {
  const Result<std::vector<gate::Position>> positions = LookAt(globals, kept);
  if (positions.ok()) {
    kept.failure.clear();
    kept.again = steady_clock::now() + kLookAgain;
    uint64_t moved = 0, open = 0;
    for (const gate::Position& position : *positions) {
      if (!position.outcome) ++open;
      if (!IsNews(kept, position)) continue;
      ++moved;
      Show(globals, kept, position);
    }
    health.Tell(kept.place.subject, {.events = kept.seen, .open = open, .looked_s = std::time(nullptr)});
    health.CountActs(kept.place.subject, moved);
    return;
  }
  const Error& error = positions.error();
  if (error.rule == "gate.busy") {
    kept.again = steady_clock::now() + kBusyAgain;
    return;
  }
  kept.again = steady_clock::now() + (error.code == ErrorCode::kPending ? kBusyAgain : kAfterFailure);
  const std::string words = kept.place.subject + ": " + error.message + " (" + error.rule + ")";
  if (error.code == ErrorCode::kPending) return;
  health.TellBroken(kept.place.subject, error.rule);
  if (words == kept.failure) return;
  kept.failure = words;
  LogLine(LogLevel::kError, error.message, {{"subject", kept.place.subject}, {"rule", error.rule}});
  if (!globals.quiet)
    std::fprintf(stderr, "%s; looking again every %lld s\n", Shown(words).c_str(),
                 static_cast<long long>(kAfterFailure.count() / 1'000));
}

}  // namespace

ExitCode AdvanceAll(const Globals& globals, Advancing advancing, const std::string& health_at) {
  const InterruptWatch watch(/*enabled=*/advancing == Advancing::kUntilStopped);
  Result<WatchedPlaces> places = WatchedPlaces::Find(globals);
  if (!places.ok()) return Fail(globals, places.error());
  std::vector<KeptGate> gates;
  for (Place& place : places->TakeNew()) gates.emplace_back(std::move(place));
  if (advancing == Advancing::kOnce) return AdvanceOnce(globals, gates);
  HealthSite health;
  if (Result<void> listens = ListenForHealth(globals, health, health_at); !listens.ok()) {
    return Fail(globals, listens.error());
  }
  if (!globals.json && !globals.quiet) {
    std::printf("the gate looks after %zu subject%s\n", gates.size(), gates.size() == 1 ? "" : "s");
  }
  for (; !watch.token().stop_requested(); places->Wait()) {
    for (KeptGate& kept : gates) {
      health.Begin(kept.place.subject);
      if (watch.token().stop_requested()) break;
      if (HasWork(*places, kept)) LookAndTell(globals, kept, health);
    }
    std::fflush(stdout);
    for (Place& place : places->TakeNew()) gates.emplace_back(std::move(place));
  }
  return ExitCode::kYes;
}

}  // namespace pawl::cli
