// May this loader switch to what this warrant names? spec/warrant.md lists the clauses; this is their order of work.
//
//   WarrantQuestion question{.warrant = bytes, .charter = …, .store = …, .state = state, .halts = halts,
//                            .now_s = now, .purpose = Purpose::kSwitch};
//   WarrantVerdict verdict = VerifyWarrant(question);
//   if (verdict.accepted) WriteStateFile(path, verdict.next);
//
// A verdict starts as "not accepted" and becomes "accepted" only after every clause of ClauseNames() has held. Nothing
// is believed because the gate says it: manifest, diff, surface, certificates, quorum, thresholds, log proof, pace and
// times are computed here from bytes.
//
// Thread safety: pure but for reads of the store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"
#include "subject/manifest.h"
#include "subject/store.h"
#include "warrant/approval.h"
#include "warrant/state.h"
#include "warrant/warrant.h"

namespace pawl::warrant {

enum class Purpose {
  kSwitch,   // make it live now: everything is asked
  kFollow,   // one link of a chain that leads to the warrant to switch to: freshness is not asked
  kRestart,  // start the live release again: the warrant is the state's; see spec/warrant.md for what is left out
};

using charter::CharterFiles;
using charter::ReadCharterFiles;

struct WarrantQuestion {
  std::string_view warrant;               // the file's bytes
  const CharterFiles* charter = nullptr;  // the state's current charter
  const subject::Store* store = nullptr;  // holds trees, certificates, and for amendments the new charter
  const State* state = nullptr;           // null: only signatures are checked and nothing is decided
  LocalHalts halts;
  int64_t now_s = 0;
  Purpose purpose = Purpose::kSwitch;
  unsigned threads = 2;  // for the checker
};

struct WarrantVerdict {
  bool accepted = false;
  Error reason;                       // of the first clause that does not hold
  std::vector<std::string> clauses;   // those that held, in order
  std::vector<std::string> warnings;  // what a reader of the verdict has to know: software keys, a lone clock, …
  // Set as far as the warrant could be read.
  Action action = Action::kRelease;
  int64_t epoch = 0;
  Digest warrant;
  Digest tree;  // amendments: the new charter
  int64_t time = 0;
  std::vector<std::string> approvers;
  State next;  // the state after it; only meaningful when accepted and not restarting
};

WarrantVerdict VerifyWarrant(const WarrantQuestion& question);

// The rule of every clause in the order in which they are asked, for tests that leave none out.
std::vector<std::string_view> ClauseNames();

// The bytes that an evaluator signs to get its seeds (spec/evaluation.md).
std::string SeedMessage(const Digest& candidate, std::string_view checkpoint_body);

}  // namespace pawl::warrant
