// The loader's memory: what it has accepted so far. spec/warrant.md describes the file.
//
//   Result<State> state = ReadStateFile(path);
//   … verify …
//   Result<void> switched = WriteStateFile(path, verdict.next);   // this rename is the release
//
// Thread safety: values; ReadStateFile and WriteStateFile may race only under a StateLock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "charter/charter.h"
#include "crypto/digest.h"
#include "encoding/dsse.h"
#include "result/result.h"
#include "subject/file_descriptor.h"
#include "warrant/statements.h"

namespace pawl::warrant {

struct PastRelease {
  int64_t epoch = 0;
  Digest tree;
  int64_t time = 0;      // the warrant's time, POSIX seconds
  int64_t switched = 0;  // when this loader switched: the later of that and its own clock
  Digest warrant;
  Action action = Action::kRelease;  // release or rollback
  bool operator==(const PastRelease&) const = default;
};

inline constexpr size_t kPastReleasesMax = 10'000;  // the most that a charter's pace can count
inline constexpr size_t kLiftedMax = 4'096;

struct State {
  std::string subject;
  std::string resource;
  Digest genesis;
  Digest charter;
  int64_t charter_epoch = 0;
  std::string log;  // verifier key string
  int64_t epoch = 0;
  std::optional<Digest> warrant;  // of the last warrant accepted, amendments included
  std::optional<Digest> tree;     // the live one
  uint64_t checkpoint_size = 0;
  Digest checkpoint_root;
  int64_t time = 0;
  std::vector<PastRelease> releases;  // oldest first
  std::vector<Digest> lifted;         // sorted
  bool operator==(const State&) const = default;
};

std::string WriteState(const State& state);
Result<State> ReadState(std::string_view bytes);

// A missing file is kRefused "state.missing": lost state fails closed.
Result<State> ReadStateFile(const std::string& path);
// Write, fsync, rename, fsync of the directory: after a crash the file is the old one or the new one.
Result<void> WriteStateFile(const std::string& path, const State& state);

// The state of a loader that has accepted nothing yet. The genesis decision names this charter and carries signatures
// of its amendment threshold; rules "genesis.…" and those of approval.h.
Result<State> InitialState(const charter::Charter& charter, const encoding::Envelope& genesis);

// Held while a state is read, judged and replaced. Released by the destructor.
class StateLock {
 public:
  // Waits until no other process holds it.
  static Result<StateLock> Take(const std::string& state_path);

 private:
  explicit StateLock(subject::FileDescriptor file) : file_(std::move(file)) {}
  subject::FileDescriptor file_;
};

// Halts that were delivered to the loader directly, without gate or network: decision envelopes in `<state>.halts/`.
struct LocalHalts {
  std::vector<Digest> in_force;      // sorted: halts that no resume names
  std::vector<Digest> lifted;        // sorted: lifted now or before, and named by a file in the folder
  std::vector<std::string> reasons;  // of those in force
};
std::string HaltFolder(const std::string& state_path);
// Every file there must be a halt signed by one approver or a resume signed at the charter's resume threshold; anything
// else stops loading ("halt.unreadable"). A missing folder holds no halts.
Result<LocalHalts> ReadLocalHalts(const std::string& state_path, const charter::Charter& charter, const State& state);

}  // namespace pawl::warrant
