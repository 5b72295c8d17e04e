// A resume: what lifts halts and alarms, signed by as many people as the charter asks for, one after the other.
//
//   Result<InForce> in_force = FindInForce(state_path, log);
//   Ground ground = LedgerGround(log);
//   ground.time = std::max(ground.time, in_force->time);
//   envelope.payload = DraftResume(ground, *in_force, "drill over", now_s);      // the first one; the others sign what
//   Result<Begun> begun = ReadBegun(BegunPath(home, subject), ground, *in_force, now_s);      // … has been begun
//   // signed elsewhere
//   Result<Signing> signing = AddSignature(log, state_path, path, ground, std::move(envelope), signature);
//
// Until enough have signed, the signatures so far are in a file, which people may pass on.
//
// Thread safety: reads and writes files; no shared state.
#pragma once

#include <string>
#include <vector>

#include "halting/halting.h"

namespace pawl::halting {

// What is halted now: digests as a resume names them, and who stopped it and why.
struct InForce {
  int64_t time = 0;                   // of the loader: a resume that it takes is no older
  std::vector<crypto::Digest> lifts;  // sorted, distinct; empty: nothing is halted
  std::vector<std::string> lines;     // for people
  int64_t latest = 0;                 // date of these halts
};

// At the loader, in the ledger, and open alarms. As the loader's state and its folder of halts are read.
Result<InForce> FindInForce(const std::string& state_path, const ledger::SubjectLog& log);

std::string DraftResume(const Ground& ground, const InForce& in_force, const std::string& reason, int64_t now_s);

// A resume that others have begun, which still says what this person would say now.
struct Begun {
  encoding::Envelope envelope;
  warrant::Decision decision;
};

// "file.missing" where nothing was begun. Refused "resume.action", "resume.subject", "resume.charter",
// "resume.expired", "resume.outdated".
Result<Begun> ReadBegun(const std::string& path, const Ground& ground, const InForce& in_force, int64_t now_s);

// Where the page keeps it; `pawl resume --add-to` takes it there as well.
std::string BegunPath(const ledger::Home& home, const std::string& subject);

struct Signing {
  size_t signed_by = 0;
  bool lifted = false;            // enough have signed: the ledger has it, and the loader here
  encoding::Envelope envelope{};  // with all of them
};

// Adds one signature, which has to be valid under the ground's charter. While too few have signed, the file at `path`
// has them; then the ledger judges the resume, the loader gets it, and the file is removed. kSystem "resume.loader":
// the ledger has it, and the loader here may still be halted.
Result<Signing> AddSignature(ledger::SubjectLog& log, const std::string& state_path, const std::string& path,
                             const Ground& ground, encoding::Envelope envelope, encoding::Signature signature);

}  // namespace pawl::halting
