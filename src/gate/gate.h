// The gate: the one program that moves a proposal along the one path. It can refuse and delay; it cannot get anything
// loaded that reviewers, people and the loader's own check have not allowed.
//
//   Result<Gate> gate = Gate::Open(home, "collision-avoidance", {});
//   Result<std::string> proposal = ProposeTree(*gate, "/home/me/candidate", "wider second layer");
//   Result<Position> position = Decide(*gate, *proposal, Until::kLastApproval);
//
// Thread safety: belongs to one thread. Two gates on one subject exclude each other by a lock file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/gate_lock.h"
#include "ledger/home.h"
#include "ledger/ledger.h"
#include "ledger/subject_log.h"
#include "prover/family.h"
#include "result/result.h"
#include "warrant/statements.h"
#include "witness/gathering.h"
#include "work/worker_share.h"

namespace pawl::gate {

struct GateOptions {
  std::string state_path;  // empty: the home's
  unsigned threads = 2;
  std::optional<work::WorkerShare> workers;  // who share the gate's own proofs and trials; nobody's word is believed
  std::function<void(const std::string&)> progress;            // one line a stage; may be empty
  std::function<void(const prover::FamilyProgress&)> proving;  // how far the proofs of one candidate are; may be empty
  witness::Transport post;  // how the charter's witnesses are asked; empty: they are not, and nothing is complete
};

class Gate {
 public:
  // "gate.busy" (kPending) where another gate works on this subject; "key.missing" where the gate's keys are not
  // here; "ledger.older" where the loader has seen events that the log lacks.
  static Result<Gate> Open(const ledger::Home& home, std::string_view subject, GateOptions options);
  Gate(Gate&&) noexcept = default;
  Gate& operator=(Gate&&) = delete;

  // For a gate that lives long: between Rest and Resume others may work on this subject, and this one must not. Resume
  // takes the lock again ("gate.busy") and folds what was appended meanwhile; it refuses as Open does.
  void Rest();
  Result<void> Resume();

  ledger::SubjectLog& log() { return log_; }
  const ledger::LogKeys& keys() const { return keys_; }
  const charter::Charter& charter() const { return log_.charter().charter; }
  const GateOptions& options() const { return options_; }
  const std::string& state_path() const { return options_.state_path; }
  void Say(const std::string& line) const {
    if (options_.progress) options_.progress(line);
  }

  // The latest of local clock and the log's times, POSIX seconds: time never goes back.
  int64_t Now() const;
  // A statement signed by the gate.
  encoding::Envelope Signed(const std::string& payload) const;
  warrant::About About(const crypto::Digest& digest) const { return {log_.subject(), digest}; }

 private:
  Gate(ledger::SubjectLog log, ledger::LogKeys keys, GateOptions options, ledger::GateLock lock)
      : log_(std::move(log)), keys_(std::move(keys)), options_(std::move(options)), lock_(std::move(lock)) {}

  Result<void> TakeUp();
  void KeepSnapshot();

  ledger::SubjectLog log_;
  ledger::LogKeys keys_;
  GateOptions options_;
  std::optional<ledger::GateLock> lock_;
  uint64_t kept_ = 0;  // events in the snapshot that there is
};

// A checkpoint of the log as the gate has folded it, with what is held back, which is appended with it; signed, and
// cosigned by as many of the charter's witnesses as answer; stored for readers. kPending "witness.not-met" where they
// are fewer than the charter asks for: the message says who is missing, and why. `guess` is a size that they probably
// remember. Nothing is signed where others have appended since (kPending "ledger.conflict") or the database states
// another tree than its entries' ("ledger.root").
Result<std::string> SignCheckpoint(Gate& gate, uint64_t guess);

// Text that may stand in a statement: control characters become spaces, and it is cut at what a statement holds.
std::string PlainText(std::string text);

}  // namespace pawl::gate
