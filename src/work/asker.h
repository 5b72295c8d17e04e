// Whoever wants a proof: divides it into parts, gives them to workers by way of the queue, checks every answer, and
// puts the certificate together.
//
//   AskReport report;
//   Result<prover::ProofResult> result = ProveWithWorkers(request, {network_bytes, property_bytes}, options, report);
//
// Nothing is believed because a worker has said it. An answer has to be signed by an enrolled key, and every leaf in it
// is put to the checker's own routine before it is taken; a counterexample is evaluated exactly. Who signs what does
// not hold is named, shut out for good, and the part given to another. The whole certificate is checked in the end as
// ever. A worker that is gone costs the lease of one part.
//
// Thread safety: one call uses its own connection and starts its own threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crypto/note_key.h"
#include "prover/prover.h"
#include "result/result.h"
#include "work/worker_share.h"

namespace pawl::work {

struct AskProgress {
  double seconds = 0;
  size_t open = 0;       // parts not taken yet
  uint64_t answers = 0;  // taken
  uint64_t leaves = 0;
  size_t workers = 0;  // that have answered
};

struct AskOptions {
  std::string url;
  std::vector<crypto::NoteKey> enrolled;  // no two of one name
  double alone_s = 1;           // of searching before anything is shared out: easy proofs and counterexamples end there
  size_t parts_min = 64;        // into which what is open then is divided
  int64_t part_ms = 5'000;      // how long one part may take; what is open then are parts again
  int64_t silence_ms = 0;       // "work.silent" after so long without an answer that holds; 0: workers are waited for
  size_t open_max = 1'000'000;  // parts that are open at a time: more is kUnknown, kMemory
  std::function<void(const AskProgress&)> progress;  // about four times a second
  std::function<void(const std::string&)> says;      // one line: who was shut out, and why
};

struct PartRecord {
  int64_t part = 0;
  int64_t from = -1;  // the part that left it open; -1: the first division
  uint32_t depth = 0;
  double seconds = 0, check_seconds = 0;  // of processor time: the worker's by its own word, and ours
  uint64_t leaves = 0;
  std::string worker;
};

struct AskReport {
  bool shared = false;  // whether anything was shared out
  double alone_seconds = 0, divide_seconds = 0, shared_seconds = 0;
  std::vector<PartRecord> parts;                  // answers that were taken, in that order
  std::map<std::string, std::string> shut_out;    // by name: why
  std::map<std::string, uint64_t> held_too_long;  // by name, as the queue says: how many parts
  uint64_t unsigned_answers = 0;                  // that no enrolled worker had signed, or as one to another question
};

struct AskedFiles {
  const std::string& network;  // the bytes that the request's digests are of
  const std::string& property;
};

// Of the request count claim, threads (that check), memory, seed, time limit, resume, keep_checkpoint and cancel. Where
// a limit ends it, what was proven is in the checkpoint. kRefused "prover.parts" for what is not shared out,
// "work.no-worker" where every enrolled worker is shut out, "work.silent"; kLimit "work.too-large"; else errors of the
// queue.
Result<prover::ProofResult> ProveWithWorkers(const prover::ProofRequest& request, const AskedFiles& files,
                                             const AskOptions& options, AskReport& report);

// The same for whoever acts on the answer, such as a gate: neither workers nor the queue keep a proof from being found
// that would be without them. What takes longer than `share.alone_s` here goes on with workers from where it got to,
// for what is left of the request's time limit, which there has to be; what they have not answered by then is searched
// here for as long again, from there.
struct HelpedSearch {
  prover::ProofResult result;
  size_t parts = 0;  // of it, that workers have proven
};
using ProveHere = std::function<prover::ProofResult(const prover::ProofRequest&)>;  // the first search; prover::Prove
HelpedSearch ProveWithHelp(const prover::ProofRequest& request, const AskedFiles& files, const WorkerShare& share,
                           const ProveHere& prove_here, const std::function<void(const std::string&)>& says,
                           int64_t silence_ms = 60'000);  // of workers, see AskOptions

}  // namespace pawl::work
