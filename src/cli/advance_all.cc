#include "cli/advance_all.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <stop_token>
#include <utility>

#include "cli/gate_requests.h"
#include "cli/health_site.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "cli/watched_places.h"
#include "crypto/verified_signatures.h"
#include "encoding/base64.h"
#include "warrant/statements.h"

namespace pawl::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookAgain{30'000};  // at what waits for a clock
constexpr milliseconds kBusyAgain{200};
constexpr milliseconds kAfterFailure{10'000};
constexpr milliseconds kRequestsWaitMax{10'000};  // for a subject that another gate is at work on

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
  uint64_t seen = 0;                                    // entries after the last look
  steady_clock::time_point again;                       // when to look whatever the log's size
  std::map<std::string, std::string> told;              // what was said of each open proposal
  std::string failure;                                  // what was said last where the subject could not be looked at
  std::vector<GateRequest> requests;                    // still to be done, in their order
  std::optional<steady_clock::time_point> waits_since;  // where what is asked for cannot be done yet
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

// The one answer to a request: the proposal that it is about, or why nothing was done.
ExitCode Answer(const Globals& globals, uint64_t line, const std::string& subject, const Result<std::string>& done) {
  if (done.ok() && globals.json) {
    PrintJson({{"line", line}, {"subject", subject}, {"proposal", *done}});
  } else if (done.ok()) {
    std::printf("line %llu: %s %s\n", static_cast<unsigned long long>(line), subject.c_str(), done->c_str());
  } else {
    const Error& error = done.error();
    LogLine(LogLevel::kError, error.message, {{"line", std::to_string(line)}, {"rule", error.rule}});
    if (globals.json) {
      PrintJson({{"line", line},
                 {"subject", subject},
                 {"error", {{"rule", error.rule}, {"message", error.message}, {"advice", error.advice}}}});
    } else {
      std::fprintf(stderr, "line %llu: %s (%s)\n", static_cast<unsigned long long>(line), Shown(error.message).c_str(),
                   error.rule.c_str());
    }
  }
  return done.ok() ? ExitCode::kYes : ExitCodeFor(done.error().code);
}

// All that wait, with the same: nothing can be done here.
ExitCode AnswerAll(const Globals& globals, KeptGate& kept, const Error& error) {
  ExitCode exit = ExitCode::kYes;
  for (const GateRequest& request : std::exchange(kept.requests, {})) {
    exit = Worst(exit, Answer(globals, request.line, request.subject, error));
  }
  return exit;
}

// Requires the gate's lock.
ExitCode ActOnAll(const Globals& globals, KeptGate& kept, const std::stop_token& stop) {
  ExitCode exit = ExitCode::kYes;
  for (const GateRequest& request : std::exchange(kept.requests, {})) {
    if (stop.stop_requested()) break;
    exit = Worst(exit, Answer(globals, request.line, request.subject, Act(*kept.gate, request)));
  }
  return exit;
}

// Takes everything that is open in one subject as far as it goes. An Error is about the subject, not about a proposal.
Result<std::vector<gate::Position>> LookAt(const Globals& globals, KeptGate& kept, ExitCode& answered,
                                           const std::stop_token& stop = {}) {
  if (kept.gate && IdentityOf(kept.place) != kept.file) kept.gate.reset();
  if (!kept.gate) {
    kept.file = IdentityOf(kept.place);
    Result<gate::Gate> opened = TryGate(globals, kept.place);
    if (!opened.ok()) return opened.error();
    kept.gate.emplace(*std::move(opened));
  } else if (Result<void> resumed = kept.gate->Resume(); !resumed.ok()) {
    if (resumed.error().rule != "gate.busy") kept.gate.reset();
    return resumed.error();
  }
  answered = Worst(answered, ActOnAll(globals, kept, stop));
  std::vector<std::string> open;
  for (const audit::ProposalHistory& proposal : kept.gate->log().history().proposals()) {
    if (IsDue(proposal, std::time(nullptr))) open.push_back(proposal.proposal.proposal);
  }
  std::vector<gate::Position> positions;
  for (const std::string& name : open) {
    if (stop.stop_requested()) break;  // each may have a trial
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

// What whoever gives approvals has to sign for an open proposal, and to read first; empty where nothing is drafted.
std::string MessageToSign(KeptGate& kept, const gate::Position& position) {
  const audit::ProposalHistory* proposal = kept.gate->log().history().Find(position.proposal);
  if (proposal == nullptr || !proposal->decision || proposal->outcome || position.step != audit::Step::kApproval) {
    return {};
  }
  return encoding::PreAuthenticationEncoding(warrant::kPayloadType, proposal->decision_envelope.payload);
}

void Show(const Globals& globals, KeptGate& kept, const gate::Position& position, bool takes_requests) {
  if (globals.json) {
    encoding::Json json = PositionJson(position);
    json["subject"] = kept.place.subject;
    const std::string message = takes_requests ? MessageToSign(kept, position) : "";
    if (!message.empty()) json["to_sign"] = encoding::EncodeBase64(message);
    LogPosition(kept.place.subject, position);
    PrintJson(json);
    return;
  }
  std::printf("%s ", kept.place.subject.c_str());
  ShowPosition(globals, kept.place.subject, position);
}

ExitCode AdvanceOnce(const Globals& globals, std::vector<KeptGate>& gates, bool takes_requests) {
  ExitCode exit = ExitCode::kYes;
  for (KeptGate& kept : gates) {
    const Result<std::vector<gate::Position>> positions = LookAt(globals, kept, exit);
    if (!positions.ok()) {
      Error error = positions.error();
      error.message = kept.place.subject + ": " + error.message;
      exit = Worst(exit, Fail(globals, error));
      continue;
    }
    for (const gate::Position& position : *positions) {
      if (IsNews(kept, position)) Show(globals, kept, position, takes_requests);
    }
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

void LookAndTell(const Globals& globals, const Advancing& advancing, KeptGate& kept, HealthSite& health,
                 const std::stop_token& stop) {
  ExitCode answered = ExitCode::kYes;  // each request has its own answer
  const Result<std::vector<gate::Position>> positions = LookAt(globals, kept, answered, stop);
  if (positions.ok()) {
    kept.failure.clear();
    kept.waits_since.reset();
    kept.again = steady_clock::now() + kLookAgain;
    uint64_t moved = 0, open = 0;
    for (const gate::Position& position : *positions) {
      if (!position.outcome) ++open;
      if (!IsNews(kept, position)) continue;
      ++moved;
      Show(globals, kept, position, advancing.takes_requests);
    }
    health.Tell(kept.place.subject, {.events = kept.seen, .open = open, .looked_s = std::time(nullptr)});
    health.CountActs(kept.place.subject, moved);
    return;
  }
  const Error& error = positions.error();
  // Requests of one subject keep those of others from being read no longer than this.
  if (!kept.waits_since) kept.waits_since = steady_clock::now();
  if (steady_clock::now() - *kept.waits_since > kRequestsWaitMax) AnswerAll(globals, kept, error);
  if (error.rule == "gate.busy") {
    kept.again = steady_clock::now() + kBusyAgain;
    return;
  }
  kept.again = steady_clock::now() + (error.code == ErrorCode::kPending ? kBusyAgain : kAfterFailure);
  const std::string words = kept.place.subject + ": " + error.message + " (" + error.rule + ")";
  if (error.code == ErrorCode::kPending) return;
  AnswerAll(globals, kept, error);
  health.TellBroken(kept.place.subject, error.rule);
  if (words == kept.failure) return;
  kept.failure = words;
  LogLine(LogLevel::kError, error.message, {{"subject", kept.place.subject}, {"rule", error.rule}});
  if (!globals.quiet)
    std::fprintf(stderr, "%s; looking again every %lld s\n", Shown(words).c_str(),
                 static_cast<long long>(kAfterFailure.count() / 1'000));
}

// What comes on standard input, and which gate it is for.
class Requests {
 public:
  Requests(const Globals& globals, bool are_taken) : globals_(globals), are_taken_(are_taken), reader_(STDIN_FILENO) {}

  bool ended() const { return !are_taken_ || reader_.ended(); }

  // Gives what has come to its gates, as many as there is room for, and answers what cannot be anybody's.
  ExitCode Distribute(std::vector<KeptGate>& gates, milliseconds wait) {
    ExitCode exit = ExitCode::kYes;
    if (ended()) return exit;
    for (const RequestLine& line : reader_.Take(Room(gates), wait)) {
      Result<GateRequest> request = ParseRequest(line);
      if (!request.ok()) {
        exit = Worst(exit, Answer(globals_, line.number, "", request.error()));
        continue;
      }
      const auto kept =
          std::ranges::find(gates, request->subject, [](const KeptGate& one) { return one.place.subject; });
      if (kept == gates.end()) {
        const Error unknown{ErrorCode::kUsage, "cli.no-subject", "there is no subject '" + request->subject + "' here",
                            "pawl status lists them; one that was just added is seen within seconds"};
        exit = Worst(exit, Answer(globals_, line.number, request->subject, unknown));
        continue;
      }
      kept->requests.push_back(*std::move(request));
      kept->again = steady_clock::now();
    }
    return exit;
  }

  // For who does not wait for others: whatever cannot be done now is answered.
  ExitCode DoOnce(std::vector<KeptGate>& gates) {
    ExitCode exit = Distribute(gates, milliseconds(500));
    for (KeptGate& kept : gates) {
      if (kept.requests.empty()) continue;
      const Result<std::vector<gate::Position>> positions = LookAt(globals_, kept, exit);
      if (!positions.ok()) {
        exit = Worst(exit, AnswerAll(globals_, kept, positions.error()));
        continue;
      }
      for (const gate::Position& position : *positions) {
        if (IsNews(kept, position)) Show(globals_, kept, position, /*takes_requests=*/true);
      }
    }
    std::fflush(stdout);
    return exit;
  }

  void WaitWith(WatchedPlaces& places, const std::vector<KeptGate>& gates) const {
    const bool takes = !ended() && Room(gates) > 0;
    if (takes && reader_.has_lines()) return;
    places.Wait(takes ? reader_.fd() : -1);
  }

 private:
  static size_t Room(const std::vector<KeptGate>& gates) {
    size_t waiting = 0;
    for (const KeptGate& kept : gates) waiting += kept.requests.size();
    return kRequestsMax - std::min(waiting, kRequestsMax);
  }

  const Globals& globals_;
  const bool are_taken_;
  RequestReader reader_;
};

}  // namespace

ExitCode AdvanceAll(const Globals& globals, const Advancing& advancing) {
  crypto::RememberVerified(16'384);
  const InterruptWatch watch(/*enabled=*/advancing.until_stopped);
  Result<WatchedPlaces> places = WatchedPlaces::Find(globals);
  if (!places.ok()) return Fail(globals, places.error());
  std::vector<KeptGate> gates;
  for (Place& place : places->TakeNew()) gates.emplace_back(std::move(place));
  Requests requests(globals, advancing.takes_requests);
  if (!advancing.until_stopped) {
    ExitCode exit = ExitCode::kYes;
    while (!requests.ended()) exit = Worst(exit, requests.DoOnce(gates));
    return Worst(exit, AdvanceOnce(globals, gates, advancing.takes_requests));
  }
  HealthSite health;
  if (Result<void> listens = ListenForHealth(globals, health, advancing.health_at); !listens.ok()) {
    return Fail(globals, listens.error());
  }
  if (!globals.json && !globals.quiet) {
    std::printf("the gate looks after %zu subject%s\n", gates.size(), gates.size() == 1 ? "" : "s");
  }
  for (; !watch.token().stop_requested(); requests.WaitWith(*places, gates)) {
    requests.Distribute(gates, milliseconds(0));
    for (KeptGate& kept : gates) {
      health.Begin(kept.place.subject);
      if (watch.token().stop_requested()) break;
      if (HasWork(*places, kept)) LookAndTell(globals, advancing, kept, health, watch.token());
    }
    std::fflush(stdout);
    for (Place& place : places->TakeNew()) gates.emplace_back(std::move(place));
  }
  return ExitCode::kYes;
}

}  // namespace pawl::cli
