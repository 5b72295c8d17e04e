#include "cli/local_review.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "cli/log_file.h"
#include "gate/trace.h"
#include "ledger/keys.h"

extern char** environ;

namespace pawl::cli {
namespace {

struct Started {
  std::string name;
  pid_t process = 0;
};

std::vector<std::string> Command(const Globals& globals, const Place& place, const std::string& name) {
  std::vector<std::string> words = {
      "pawl",        "--home",  place.home.root(), "--subject",
      place.subject, "--state", place.state_path,  globals.verbose ? "--verbose" : "--quiet"};
  if (!globals.log_file.empty()) words.insert(words.end(), {"--log-file", globals.log_file});
  if (!globals.log_format.empty()) words.insert(words.end(), {"--log-format", globals.log_format});
  words.insert(words.end(), {"review", "--as", name});
  return words;
}

Result<Started> Start(const Globals& globals, const Place& place, const std::string& name) {
  std::vector<std::string> words = Command(globals, place, name);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Started started{name, 0};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // standard output is the caller's answer
  const int failure = posix_spawn(&started.process, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return SystemFailure("review.start", "cannot start reviewer '" + name + "'");
  return started;
}

// Starts all, waits for all.
Result<void> RunTogether(const Globals& globals, const Place& place, const std::vector<std::string>& names) {
  std::vector<Started> running;
  for (const std::string& name : names) {
    Result<Started> started = Start(globals, place, name);
    if (!started.ok()) return started.error();
    running.push_back(*started);
  }
  for (const Started& reviewer : running) {
    int status = 0;
    while (waitpid(reviewer.process, &status, 0) < 0 && errno == EINTR) {
    }
    const bool ended_well = WIFEXITED(status) && (WEXITSTATUS(status) == static_cast<int>(ExitCode::kYes) ||
                                                  WEXITSTATUS(status) == static_cast<int>(ExitCode::kPending));
    if (!ended_well && !globals.quiet) {
      std::fprintf(stderr, "pawl: reviewer '%s' did not finish; its vote is missing\n", reviewer.name.c_str());
    }
  }
  return {};
}

// Whoever asked may have a trace of its own (W3C Trace Context, TRACEPARENT): noted beside the proposal's, so that one
// leads to the other.
void NoteCaller(const std::string& subject, const audit::ProposalHistory& proposal) {
  const char* given = std::getenv("TRACEPARENT");
  const std::optional<gate::TraceParent> caller = given == nullptr ? std::nullopt : gate::ParseTraceParent(given);
  if (!caller) return;
  LogLine(LogLevel::kInfo, "asked for by a caller with a trace",
          {{"subject", subject},
           {"proposal", proposal.proposal.proposal},
           {"trace_id", gate::TraceIdOf(proposal.proposal)},
           {"caller_trace_id", caller->trace_id},
           {"caller_span_id", caller->span_id}});
}

}  // namespace

Result<void> RunLocalReviewers(const Globals& globals, const Place& place) {
  std::vector<std::string> voters, auditors;
  {
    Result<ledger::SubjectLog> log = OpenLog(place, ledger::LedgerAccess::kReadOnly);
    if (!log.ok()) return log.error();
    for (const charter::Reviewer& reviewer : log->charter().charter.reviewers) {
      if (!ledger::FindSigner(place.home, reviewer.key).ok()) continue;
      (reviewer.role == charter::Role::kAuditor ? auditors : voters).push_back(reviewer.name);
    }
  }
  if (Result<void> voted = RunTogether(globals, place, voters); !voted.ok()) return voted;
  // One after the other: each signs what the one before has written.
  for (const std::string& auditor : auditors) {
    if (Result<void> closed = RunTogether(globals, place, {auditor}); !closed.ok()) return closed;
  }
  return {};
}

ExitCode ProposeAndDecide(const Globals& globals, Reviewing reviewing,
                          const std::function<Result<std::string>(gate::Gate&)>& begin) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  std::string name;
  {
    Result<gate::Gate> gate = OpenGate(globals, *place);
    if (!gate.ok()) return Fail(globals, gate.error());
    Result<std::string> proposal = begin(*gate);
    if (!proposal.ok()) return Fail(globals, proposal.error());
    name = *proposal;
    NoteCaller(place->subject, *gate->log().history().Find(name));
    Result<gate::Position> position = gate::Decide(*gate, name, gate::Until::kLastApproval);
    if (!position.ok()) return Fail(globals, position.error());
    const bool waits_for_votes = !position->outcome && position->step == audit::Step::kQuorum;
    if (!waits_for_votes || reviewing == Reviewing::kElsewhere) return ShowPosition(globals, place->subject, *position);
  }
  if (Result<void> reviewed = RunLocalReviewers(globals, *place); !reviewed.ok())
    return Fail(globals, reviewed.error());
  Result<gate::Gate> gate = OpenGate(globals, *place);
  if (!gate.ok()) return Fail(globals, gate.error());
  Result<gate::Position> position = gate::Decide(*gate, name, gate::Until::kLastApproval);
  return position.ok() ? ShowPosition(globals, place->subject, *position) : Fail(globals, position.error());
}

}  // namespace pawl::cli
