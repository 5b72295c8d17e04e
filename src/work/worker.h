// A worker: takes parts of proofs and batches of trials from the queue, one at a time, proves what it can in the time
// it is given, runs the charter's evaluator in the sandbox, and signs what it found.
//
//   Result<WorkTally> tally = Work({.url = url, .cancel = watch.token()}, key, private_key);
//
// It trusts nobody who asks: files are read by the readers that the checker uses, within their limits, and a job that
// cannot be read is left to others. It runs evaluators of those charters alone that it was told to, by digest, in the
// sandbox as the charter has it, and on the environment that was asked for. Killed at any moment it loses nothing but
// time: its lease runs out. What it has when it is told to stop it hands in, or gives the part back; a batch it ends.
//
// Thread safety: one call uses its own connection and starts its own threads.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "crypto/digest.h"
#include "crypto/note_key.h"
#include "result/result.h"
#include "signing/private_key.h"

namespace pawl::work {

enum class WorkUntil { kStopped, kOnePart };

struct WorkedPart {
  std::string job;   // hexadecimal
  std::string kind;  // "proof", "trial"
  int64_t part = 0;
  std::string outcome;  // "proven", "partly", "violated", "stuck", "given back", "lost" (the lease), "refused" (the
                        // job); of trials "run"
  std::string detail;   // of a job that was refused
  uint64_t leaves = 0, open = 0;
  uint64_t episodes = 0;
  double seconds = 0;
  std::string trace;  // of the proposal, by whoever asks; may be empty
};

struct WorkOptions {
  std::string url;
  bool proofs = true;                    // whether it takes parts of proofs
  std::vector<crypto::Digest> charters;  // whose trials it takes
  int64_t lease_ms = 15'000;
  unsigned threads = 1;
  uint64_t memory_mib = 1'024;
  WorkUntil until = WorkUntil::kStopped;
  std::stop_token cancel;
  std::function<void(const WorkedPart&)> worked;                                 // after each part
  std::function<void()> looked;                                                  // the queue has answered
  std::function<void(const Error&)> troubled;                                    // it has not, and is tried again
  std::function<void(const std::string&)> says;                                  // one line: what it waits for
  std::function<void(double seconds, uint64_t leaves, double volume)> progress;  // of the part under way
};

struct WorkTally {
  uint64_t parts = 0, leaves = 0, episodes = 0;
};

// Until it is stopped, or for one part; `secret` is the key's private half. kRefused "work.shut-out", with the reason,
// where an asker has found garbage; with kOnePart also "work.not-enrolled" where there are jobs and none enrols this
// key, and kPending "work.nothing".
Result<WorkTally> Work(const WorkOptions& options, const crypto::NoteKey& key,
                       const signing::Ed25519PrivateKey& secret);

}  // namespace pawl::work
