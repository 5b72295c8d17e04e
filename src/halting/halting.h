// A halt: one approver's statement that stops everything, given to the loader's own folder first, so that a gate that
// drops it cannot keep the loader going, and then to the ledger.
//
//   Result<Ground> ground = LoaderGround(home, "engine", state_path);
//   const std::string payload = DraftHalt(state_path, *ground, "score jumped", nullptr, now_s);
//   // signed elsewhere
//   Result<void> loader = DeliverToLoader(state_path, envelope);     // from here on nothing is loaded
//   Result<void> logged = gate::AppendSigned(log, envelope);         // from here on nothing is accepted
//
// Whoever says "halted" to a person after that first waits for what had begun: start_lock.h.
//
// Thread safety: reads and writes files; no shared state.
#pragma once

#include <cstdint>
#include <string>

#include "charter/charter.h"
#include "encoding/dsse.h"
#include "ledger/home.h"
#include "ledger/subject_log.h"
#include "result/result.h"
#include "warrant/statements.h"

namespace pawl::halting {

// Under which charter a halt or resume is signed.
struct Ground {
  charter::Charter charter;
  int64_t charter_epoch = 0;
  int64_t time = 0;  // the latest that is known here, POSIX seconds
};

// From the loader's own state: a halt needs no ledger. Refused "halt.subject" where the state is another subject's.
Result<Ground> LoaderGround(const ledger::Home& home, const std::string& subject, const std::string& state_path);
Ground LedgerGround(const ledger::SubjectLog& log);

// A halt or resume dated now.
warrant::Decision MakeDecision(const Ground& ground, warrant::Action action, const std::string& reason, int64_t now_s);

// A halt's payload. The same words at the same time would be the same statement, and people may have lifted that
// already: it is dated a second later then, until neither the loader nor `log`, where there is one, knows it.
std::string DraftHalt(const std::string& state_path, const Ground& ground, const std::string& reason,
                      const ledger::SubjectLog* log, int64_t now_s);

// Whether the ledger has this very statement, and people have lifted it.
bool LiftedInLedger(const ledger::SubjectLog& log, const crypto::Digest& halt);

// Puts a signed halt or resume into the loader's folder, in the room kept for it where the disk is full. kSystem
// "halt.folder", or as files are written.
Result<void> DeliverToLoader(const std::string& state_path, const encoding::Envelope& envelope);

}  // namespace pawl::halting
