// What a subject waits for: one sentence that names who has to act, and the commands that move it on.
//
//   const Wait wait = WaitOf(log, loader, now_s);
//   std::puts(wait.sentence.c_str());              // "p3 waits for 1 of 2 people: ben or cho; pawl approve p3"
//
// Thread safety: pure functions, but for FindLoaderStop, which reads the loader's folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/history.h"
#include "ledger/subject_log.h"
#include "warrant/state.h"

namespace pawl::gate {

// What lies in the loader's own folder, which stops loading whatever the ledger says.
struct LoaderStop {
  std::vector<std::string> halts;     // who and why
  std::optional<std::string> broken;  // why the folder or the state cannot be read
  std::optional<std::string> older;   // the ledger lacks what the loader has seen
};

// Reads the loader's folder beside `state_path`. `state` was read before the log, which may have grown since.
LoaderStop FindLoaderStop(const std::string& state_path, const Result<warrant::State>& state, ledger::SubjectLog& log);

// Who has to act, from the one whose time is dearest.
enum class Party { kPeople, kReviewers, kMachine };
std::string_view PartyName(Party party);  // "people", "reviewers", "machine"

struct Wait {
  std::string sentence;
  Party party = Party::kMachine;
  std::vector<std::string> who;       // reviewers or people; empty where anybody may act
  std::vector<std::string> commands;  // the first is the one in the sentence
};

// Of an open proposal, from the ledger alone. `now_s` is POSIX seconds.
Wait WaitOfProposal(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal, int64_t now_s);

// Of the whole subject: a ledger that is not the newest, halts and alarms first, then the latest open proposal, then
// what could begin.
Wait WaitOf(const ledger::SubjectLog& log, const LoaderStop& loader, int64_t now_s);

}  // namespace pawl::gate
