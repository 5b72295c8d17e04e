// One thread of a Search: takes open boxes, splits them, bounds the children, closes what is proven.
//
// Splitting. A box is split on one input at the midpoint. The inputs with a large smear (how much the row can change
// along the input) are candidates; both children of every candidate are bounded, and the candidate whose children's
// bounds gain most together is taken (strong branching, Applegate et al., "Finding Cuts in the TSP", 1995, here on
// inputs). Candidates are limited to those with a smear of at least kCandidateShare of the largest: without that,
// splits that gain a little now win for ever over the one that is needed in the end. The taken children are not bounded
// again.
//
// Internal to src/prover. Thread safety: a Worker belongs to one thread; Shared is what they share.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "checker/leaf.h"
#include "prover/batch_bounds.h"
#include "prover/box_finish.h"
#include "prover/confirmation.h"
#include "prover/counterexample.h"
#include "prover/search.h"

namespace pawl::prover {

// What the workers of one run share.
struct Shared {
  Shared(unsigned workers, UnprovenBoxes given_unproven) : unproven(given_unproven), queues(workers) {}

  struct Queue {
    std::mutex mutex;
    std::deque<OpenBox> boxes;  // guarded by mutex; the owner works at the back, thieves take from the front
  };
  const UnprovenBoxes unproven;
  std::deque<Queue> queues;
  std::atomic<std::uint64_t> unfinished = 0;  // boxes in queues or being worked on
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> boxes = 0, leaves = 0, refused = 0;
  std::atomic<std::uint64_t> kept = 0, merged = 0;  // leaves of a parent's proof
  std::atomic<double> volume = 0;                   // share of the cases' boxes that leaves cover
  // Leaves that were put to the checker, and the wall time that took.
  std::atomic<std::uint64_t> asked = 0;
  std::atomic<double> seconds_asking = 0;
  std::mutex mutex;
  SearchOutcome outcome;  // end, detail, counterexample, given_back and best_margin; guarded by mutex
  std::condition_variable changed;

  // The first to end the run says how.
  void End(SearchEnd end, std::string detail);
  void EndWith(Counterexample found);
};

class Worker {
 public:
  // All references must outlive it.
  Worker(const Query& query, const checker::Claim& claim, const Confirmer& confirmer, SplitTree& tree,
         const SearchOptions& options, Shared& shared, unsigned index);

  // Until nothing is open anywhere or the run has ended.
  void Run();

 private:
  // What bounding found out about one box.
  struct Judgement {
    bool proven = false;
    std::vector<std::uint32_t> rows;  // per conjunction the row with the largest lower bound, within the conjunction
    float margin = 0;                 // the smallest of these bounds
    bool ambiguous = false;           // see BatchBounds
    float scale = 0;                  // magnitude of the threshold it belongs to
    std::size_t hardest_conjunction = 0;
    std::uint32_t hardest_row = 0;  // within the case
  };
  // A box to be bounded: a new one, or one side of a candidate split of a parent.
  struct Job {
    OpenBox box;
    std::size_t parent = 0;
    Judgement judgement;
  };
  // An argument that this worker has used, with its number in the tree and its rows as the checker forms them.
  struct KnownArgument {
    std::uint32_t number = 0;
    checker::Recipe recipe = checker::Recipe::kForward;
    std::vector<checker::RefutationRow> rows;
  };
  // A leaf that the checker is to be asked about.
  struct DoubtfulLeaf {
    OpenBox box;
    const KnownArgument* argument = nullptr;
    float margin = 0;
  };

  bool TakeBatch(std::vector<OpenBox>& batch);
  bool Steal();
  bool LimitReached();
  void Push(OpenBox box);
  void GiveBack(OpenBox box);
  // What becomes of new boxes that were bounded; false when the run ended.
  bool SettleNew(std::vector<Job>& jobs);

  // The parents' candidate splits as jobs, two a candidate, in order; false when a parent cannot be split.
  bool MakeJobs(std::vector<OpenBox>& parents, std::vector<Job>& jobs);
  // Bounds and judges; fills in smears. False when the run ended (a counterexample was found).
  bool BoundJobs(const QueryCase& query_case, std::vector<Job>& jobs);
  bool BoundGroup(const QueryCase& query_case, Job* jobs, std::size_t count);
  std::uint32_t CountOpen(std::size_t lane) const;
  HiddenBox Hidden(std::size_t lane) const;
  // Finishes those of the parents by phases that are small enough; leaves the others.
  void FinishParents(const QueryCase& query_case, std::vector<OpenBox>& parents);
  void CloseFinished(std::vector<Job>& jobs, const std::vector<std::size_t>& finished, std::vector<BoxProof>& proofs);
  checker::LeafEngine& Engine();
  void SetBoxes(const Job* jobs, std::size_t count);
  Judgement Judge(const QueryCase& query_case, std::size_t lane) const;
  bool AttackOpen(const QueryCase& query_case, const Job* jobs, std::size_t count);
  // Splits each parent by its best candidate and settles the children; false when the run ended.
  bool TakeBestSplits(std::vector<OpenBox>& parents, std::vector<Job>& jobs);
  // Closes a proven box, or puts it into the queue. The box must be counted as unfinished.
  void Settle(Job& job);
  // Puts both sides of a split into the queue; false when the run ended.
  bool SplitAsPlanned(const OpenBox& box);

  void CloseBox(OpenBox box, const Judgement& judgement);
  const KnownArgument& ArgumentOf(const OpenBox& box, const Judgement& judgement);
  void SettleDoubtful();
  void AskChecker();
  void Close(const OpenBox& box, const KnownArgument& argument, float margin);
  void CountClosed(const OpenBox& box, std::uint64_t leaves);
  bool MayFinish(const OpenBox& box) const;

  static constexpr double kFinishOpenFirst = 40;

  const Query& query_;
  const checker::Claim& claim_;
  const std::vector<checker::ListedNeuron> listed_;
  SplitTree& tree_;
  const SearchOptions& options_;
  Shared& shared_;
  const unsigned index_;
  const HiddenBounds hidden_;
  const checker::Recipe recipe_;
  BatchBounds bounds_;
  Attacker attacker_;
  std::map<std::vector<std::uint32_t>, KnownArgument> arguments_;
  std::vector<DoubtfulLeaf> doubtful_;
  std::unique_ptr<checker::LeafEngine> engine_;  // made when first needed
  std::unique_ptr<BoxFinisher> finisher_;        // none where boxes are only halved
  double finish_open_max_ = kFinishOpenFirst;    // boxes with at most so many open neurons are tried
  std::uint64_t groups_ = 0, closed_ = 0;
  std::uint64_t failed_replays_ = 0;  // groups in which a parent's leaf did not hold
  float best_margin_ = std::numeric_limits<float>::infinity();
};

}  // namespace pawl::prover
