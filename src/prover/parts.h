// A proof that is shared out: boxes that a search has left open, proven one by one by anybody, and put together again.
//
//   Result<SharedProof> proof = SharedProof::Begin(request, &checkpoint);        // whoever asks
//   SharedProof::Division division = proof->Divide(64);
//   PartProver prover(request);                                                  // whoever works, elsewhere
//   PartAnswer answer = prover.Prove(division.parts[0], {.timeout_ms = 5'000});
//   Result<CheckedPart> checked = proof->Check(division.parts[0], answer.tree);  // whoever asks
//   Result<std::vector<Part>> rest = proof->Take(division.parts[0], std::move(*checked));
//   ProofResult result = proof->Finish();                                        // when there are no parts any more
//
// Nothing of an answer is believed: every leaf is put to the checker's own routine, over the part's box, before it is
// taken, and Finish has the checker check the whole certificate. What an answer leaves open are parts again, so that
// none takes longer than its time limit and many can work on what turned out to be hard.
//
// For the search over boxes alone: chains of affine layers and ReLUs with fewer than 25 inputs, no drift.
//
// Thread safety: SharedProof::Check and Confirm are const and may run at the same time; the rest belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "checker/certificate.h"
#include "prover/checkpoint.h"
#include "prover/counterexample.h"
#include "prover/prover.h"
#include "prover/query.h"
#include "prover/shared_work.h"
#include "prover/split_tree.h"
#include "result/result.h"

namespace pawl::prover {

// Of an answer's tree: more is refused unread.
inline constexpr std::size_t kPartBytesMax = std::size_t{4} << 20;
// Boxes that an answer may leave open.
inline constexpr std::size_t kPartOpenMax = 4'096;

// A box of one case of the property.
struct Part {
  NodeId node = 0;  // of the tree of whoever asks; means nothing elsewhere
  std::uint32_t case_index = 0;
  std::uint32_t depth = 0;     // splits between the case's box and this one
  std::vector<double> bounds;  // lower bounds, then upper bounds
};

struct PartAnswer {
  enum class Kind {
    kTree,      // a proof of the box, or of some of it
    kViolated,  // a counterexample
    kStuck,     // a box in it can neither be split nor proven
  };
  Kind kind = Kind::kTree;
  std::vector<std::uint8_t> tree;  // a checkpoint (checkpoint.h) of a property with this case alone, on the part's box
  std::vector<double> inputs;      // of the counterexample
  std::uint64_t leaves = 0;        // that the tree proves
  std::uint64_t open = 0;          // that it leaves open
  double seconds = 0;              // of this process's processor time; for reports
};

struct PartLimits {
  std::uint64_t timeout_ms = 0;  // 0: none
  std::stop_token cancel;
  std::function<void(const Progress&)> progress;  // about four times a second, from the thread that called
};

class PartProver {
 public:
  // Of the request counts what the claim is about, threads, memory and seed. It and what it points to outlive this.
  explicit PartProver(const ProofRequest& request) : request_(request) {}

  // kRefused "prover.parts" for what is not shared out or no box of that case; else what was found in the time.
  Result<PartAnswer> Prove(const Part& part, const PartLimits& limits);

 private:
  const ProofRequest& request_;
  model::Property only_;  // the part's case alone
  SharedWork work_;
  std::optional<Query> query_;  // its query, on the part's box
};

// A part's answer whose leaves the checker's routine has accepted.
struct CheckedPart {
  checker::CaseProof proof;
  std::uint64_t leaves = 0;  // proven
  std::uint64_t open = 0;    // left open
};

class SharedProof {
 public:
  // What the request is about outlives this. The checkpoint is one of it; null: nothing is known. kRefused
  // "prover.parts" for what is not shared out.
  static Result<SharedProof> Begin(const ProofRequest& request, const Checkpoint* checkpoint);

  // Splits what is open into at least so many parts where that is possible, the largest first; easy ones are proven on
  // the way. `ended`: a counterexample was found, or a limit reached.
  struct Division {
    std::vector<Part> parts;
    std::optional<ProofResult> ended;
  };
  Division Divide(std::size_t parts_min);
  // The same of one part, where nobody comes further with it.
  Division DivideFurther(const Part& part, std::size_t parts_min);

  // kRefused "prover.part" where the bytes are no proof of that box, kMalformed and kLimit where they are none at all.
  // kPending "prover.part-slow" where `give_up` has said so, which is asked between leaves: an answer may have as many
  // as its bytes hold, and each of them costs what the network costs.
  Result<CheckedPart> Check(
      const Part& part, std::span<const std::uint8_t> tree,
      const std::function<bool()>& give_up = [] { return false; }) const;
  // Whether an input violates the property, exactly.
  std::optional<Counterexample> Confirm(const std::vector<double>& inputs) const;

  // Puts a checked answer in the part's place, and gives what it leaves open. kLimit "prover.part-nodes".
  Result<std::vector<Part>> Take(const Part& part, CheckedPart checked);

  // The certificate, checked as a whole; kUnknown with a checkpoint, where the request asks for one, if parts are open.
  // What Begin's checkpoint or Divide calls proven is put to the checker here for the first time: leaves that it
  // refuses are open again afterwards, for Divide.
  ProofResult Finish(UnknownReason reason_if_open);
  bool HasReopened() const { return !open_.empty(); }

 private:
  explicit SharedProof(const ProofRequest& request);

  const ProofRequest& request_;
  std::unique_ptr<SharedWork> work_;  // behind a pointer: the confirmer keeps references
  std::unique_ptr<Confirmer> confirmer_;
  std::unique_ptr<SplitTree> tree_;
  std::vector<OpenBox> open_;  // not yet divided
};

}  // namespace pawl::prover
