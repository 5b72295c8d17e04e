#include "prover/prover.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <iterator>
#include <utility>

#include "checker/claim.h"
#include "checker/drift.h"
#include "checker/leaf.h"
#include "prover/box_finish.h"
#include "prover/checkpoint.h"
#include "prover/confirmation.h"
#include "prover/counterexample.h"
#include "prover/dual_bounds.h"
#include "prover/graph_search.h"
#include "prover/neuron_search.h"
#include "prover/parent.h"
#include "prover/query.h"
#include "prover/search.h"
#include "prover/shared_work.h"
#include "prover/split_tree.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;

// Rounds of sixteen descents per conjunction before the search for a proof begins.
constexpr int kAttackRounds = 8;
// The same where there is a parent's proof: leaves of it that fail say better where to look.
constexpr int kReplayAttackRounds = 1;
// Certificates that the checker may refuse before we give up; each refusal splits the refused leaves.
constexpr int kConfirmationsMax = 20;

ProofResult Unknown(UnknownReason reason, std::string detail) {
  ProofResult result;
  result.reason = reason;
  result.detail = std::move(detail);
  return result;
}

UnknownReason ReasonOf(SearchEnd end) {
  switch (end) {
    case SearchEnd::kClosed:
    case SearchEnd::kViolated:
      return UnknownReason::kNone;
    case SearchEnd::kTimeout:
      return UnknownReason::kTimeout;
    case SearchEnd::kMemory:
      return UnknownReason::kMemory;
    case SearchEnd::kStuck:
      return UnknownReason::kStuck;
    case SearchEnd::kCancelled:
      return UnknownReason::kCancelled;
  }
  return UnknownReason::kStuck;
}

// Whether more time or memory would have helped.
bool IsInterrupted(const ProofResult& result) {
  return result.reason == UnknownReason::kTimeout || result.reason == UnknownReason::kMemory ||
         result.reason == UnknownReason::kCancelled;
}

bool OutOfTime(const ProofRequest& request, const SearchOptions& options) {
  return request.cancel.stop_requested() || (options.deadline.has_value() && Clock::now() >= *options.deadline);
}

std::optional<Counterexample> Attack(const ProofRequest& request, const Query& query, const Confirmer& confirmer,
                                     const SearchOptions& options, int rounds) {
  BatchBounds bounds(query.network, query.rows_max, BoundsUse::kPoints);
  Attacker attacker(query, confirmer, bounds, request.seed);
  for (int round = 0; round < rounds; ++round) {
    for (const QueryCase& query_case : query.cases) {
      if (!query_case.attackable()) continue;
      for (std::size_t c = 0; c < query_case.conjunctions(); ++c) {
        if (OutOfTime(request, options)) return std::nullopt;
        if (std::optional<Counterexample> found = attacker.FromRandomPoints(query_case, c)) return found;
      }
    }
  }
  return std::nullopt;
}

ProofResult Violated(Counterexample counterexample) {
  ProofResult result;
  result.status = ProofStatus::kViolated;
  result.counterexample = std::move(counterexample);
  return result;
}

bool HasParent(const ProofRequest& request) { return request.parent != nullptr && request.resume == nullptr; }

// What a search over boxes begins with; grows the tree to it.
Result<std::vector<OpenBox>> FirstBoxes(const ProofRequest& request, const Query& query, SplitTree& tree) {
  if (request.resume == nullptr && request.parent == nullptr) return RootBoxes(query);
  std::vector<OpenBox> boxes;
  for (std::size_t i = 0; i < query.cases.size(); ++i) {
    Result<std::vector<OpenBox>> some = HasParent(request) ? ReplayBoxes(query, i, request.parent->cases[i], tree)
                                                           : RestoreBoxes(query, i, request.resume->cases[i], tree);
    if (!some.ok()) return some.error();
    std::move(some->begin(), some->end(), std::back_inserter(boxes));
  }
  return boxes;
}

// Inner boxes that are tried first to learn whether any are worth it.
constexpr std::size_t kShortcutSample = 16;
// Leaves of a parent's proof that are tried first to learn what the change has done. Where a smaller share of them
// holds, the parent is dropped; or counterexamples are looked for as if there were none.
constexpr std::size_t kLeafSample = 16;
constexpr double kLeafShareMin = 0.4, kLeafShareUnattacked = 0.6;
// So many leaves are bounded at once, without samples, and counterexamples are looked for only where some fail: that
// alone would take longer.
constexpr std::uint64_t kFewLeaves = 64;
// Boxes that a search from scratch may bound where a parent's proof seems to fit badly, as a share of the parent's
// leaves; and how many leaves make it worth while.
constexpr double kProbeShare = 1.25;
constexpr std::uint64_t kProbeLeavesMin = 64;
// Boxes that fail by most, and are searched first.
constexpr std::size_t kWorstFirst = 16;

void Add(const SearchOutcome& outcome, ProofStatistics& statistics) {
  statistics.boxes += outcome.boxes;
  statistics.refused_leaves += outcome.refused_leaves;
  statistics.leaves += outcome.leaves;
  statistics.kept += outcome.kept;
  statistics.merged += outcome.merged;
  statistics.best_margin = std::min(statistics.best_margin, outcome.best_margin);
}

// Closes inner boxes of a replayed tree that hold as they are, and strikes out those of `boxes` that lie in them.
SearchOutcome TakeShortcuts(Search& search, const Query& query, SplitTree& tree, std::vector<OpenBox>& boxes,
                            ProofStatistics& statistics) {
  std::vector<OpenBox> trials = ShortcutTrials(query, tree), sample, others;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const bool first = (i + 1) * kShortcutSample / trials.size() > i * kShortcutSample / trials.size();
    (first ? sample : others).push_back(std::move(trials[i]));
  }
  SearchOutcome outcome = search.Run(std::move(sample));
  Add(outcome, statistics);
  if (outcome.end == SearchEnd::kClosed && outcome.merged > 0) {
    DropCovered(query, tree, others);
    outcome = search.Run(std::move(others));
    Add(outcome, statistics);
  }
  DropCovered(query, tree, boxes);
  return outcome;
}

// The share of a sample of the parent's leaves that hold; those are closed and struck out. Nothing where there are none
// but halves of one box and boxes that were finished by phases.
std::optional<double> ShareThatHolds(Search& search, const Query& query, SplitTree& tree, std::vector<OpenBox>& boxes,
                                     ProofStatistics& statistics, SearchOutcome& outcome) {
  std::vector<std::size_t> leaves;
  for (std::size_t i = 0; i < boxes.size(); ++i)
    if (!boxes[i].planned_split.has_value() && boxes[i].part == nullptr) leaves.push_back(i);
  const std::size_t count = std::min(kLeafSample, leaves.size());
  std::vector<OpenBox> sample;
  for (std::size_t k = 0; k < count; ++k) {
    sample.push_back(boxes[leaves[k * leaves.size() / count]]);
    sample.back().merges = true;  // forgotten where it fails
  }
  if (sample.empty()) return std::nullopt;
  outcome = search.Run(std::move(sample));
  outcome.merged = 0;
  Add(outcome, statistics);
  DropCovered(query, tree, boxes);
  return static_cast<double>(outcome.kept) / static_cast<double>(count);
}

// Puts the boxes that are furthest from being proven first, where a search begins: a change that broke the property
// shows there. The others stay in order, since neighbours share slopes.
void PutWorstFirst(std::vector<OpenBox>& boxes) {
  if (boxes.size() <= kWorstFirst) return;
  std::vector<float> margins;
  for (const OpenBox& box : boxes) margins.push_back(box.margin);
  std::nth_element(margins.begin(), margins.begin() + kWorstFirst, margins.end());
  std::stable_partition(boxes.begin(), boxes.end(),
                        [&](const OpenBox& box) { return box.margin < margins[kWorstFirst]; });
}

// Bounds all boxes before any is split; `boxes` are then those that fail.
SearchOutcome RunAll(Search& search, std::vector<OpenBox>& boxes, ProofStatistics& statistics) {
  SearchOutcome outcome = search.Run(std::move(boxes), UnprovenBoxes::kGiveBack);
  Add(outcome, statistics);
  boxes = std::move(outcome.given_back);
  PutWorstFirst(boxes);
  return outcome;
}

ProofResult SearchProof(const ProofRequest& request, const Query& query, const checker::Claim& claim,
                        const Confirmer& confirmer, const SearchOptions& options);

// A short search from scratch, for changes that make a property much easier or break it; its answer, if it has one.
std::optional<ProofResult> Probe(const ProofRequest& request, const Query& query, const checker::Claim& claim,
                                 const Confirmer& confirmer, SearchOptions options, ProofStatistics& statistics) {
  ProofRequest anew = request;
  anew.parent = nullptr;
  options.boxes_max = static_cast<std::uint64_t>(kProbeShare * static_cast<double>(statistics.parent_leaves));
  options.finish_at_once = false;
  options.progress = nullptr;
  ProofResult result = SearchProof(anew, query, claim, confirmer, options);
  statistics.boxes += result.statistics.boxes;
  if (result.status == ProofStatus::kUnknown) return std::nullopt;
  result.statistics.boxes = statistics.boxes;
  result.statistics.parent_leaves = statistics.parent_leaves;
  return result;
}

// Closes what holds of a parent's proof, and leaves in `boxes` what has to be searched. Or gives the whole answer.
SearchOutcome Replay(const ProofRequest& request, Search& search, const Query& query, const checker::Claim& claim,
                     const Confirmer& confirmer, const SearchOptions& options, SplitTree& tree,
                     std::vector<OpenBox>& boxes, ProofStatistics& statistics, std::optional<ProofResult>& answer) {
  SearchOutcome outcome;
  std::optional<double> share;
  const bool is_small = statistics.parent_leaves <= kFewLeaves;
  if (is_small) {
    outcome = RunAll(search, boxes, statistics);
    share = static_cast<double>(outcome.kept) / static_cast<double>(statistics.parent_leaves);
  } else {
    outcome = TakeShortcuts(search, query, tree, boxes, statistics);
    if (outcome.end != SearchEnd::kClosed) return outcome;
    share = ShareThatHolds(search, query, tree, boxes, statistics, outcome);
  }
  if (outcome.end != SearchEnd::kClosed || (is_small && boxes.empty())) return outcome;
  const bool is_easier = statistics.merged > 0;
  if (share.has_value() && *share < kLeafShareMin && statistics.parent_leaves > kLeafSample) {
    outcome.end = SearchEnd::kStuck;  // Prove then begins anew without a parent
    outcome.detail = "little of the parent's proof holds";
    return outcome;
  }
  if (!boxes.empty() && (is_small || share.value_or(0) < kLeafShareUnattacked)) {
    const int rounds = share.value_or(0) < kLeafShareUnattacked ? kAttackRounds : kReplayAttackRounds;
    if (std::optional<Counterexample> found = Attack(request, query, confirmer, options, rounds)) {
      outcome.end = SearchEnd::kViolated;
      outcome.counterexample = std::move(found);
      return outcome;
    }
  }
  if ((is_easier || share.value_or(1) < kLeafShareUnattacked) && statistics.parent_leaves >= kProbeLeavesMin) {
    answer = Probe(request, query, claim, confirmer, options, statistics);
    if (answer.has_value()) return outcome;
  }
  return is_small ? outcome : RunAll(search, boxes, statistics);
}

// Search and confirmation in turn, until the checker accepts the bytes or the search ends otherwise.
ProofResult SearchProof(const ProofRequest& request, const Query& query, const checker::Claim& claim,
                        const Confirmer& confirmer, const SearchOptions& options) {
  SplitTree tree(query.cases.size(), ListAllNeurons(query.network));
  Search search(query, claim, confirmer, tree, options);
  Result<std::vector<OpenBox>> first = FirstBoxes(request, query, tree);
  if (!first.ok()) return Unknown(UnknownReason::kStuck, first.error().message);
  std::vector<OpenBox> boxes = std::move(*first);
  ProofStatistics statistics;
  std::vector<bool> may_merge;  // see MergeTrials
  if (HasParent(request)) {
    statistics.parent_leaves = CountLeaves(*request.parent);
    may_merge.assign(tree.node_count(), query.is_chain());
    for (const OpenBox& box : boxes) may_merge[box.node] = false;
  }
  statistics.best_margin = std::numeric_limits<double>::infinity();
  SearchOutcome outcome;
  std::optional<ProofResult> answer;
  if (HasParent(request) && query.is_chain())
    outcome = Replay(request, search, query, claim, confirmer, options, tree, boxes, statistics, answer);
  if (answer.has_value()) return std::move(*answer);
  for (int attempt = 0; attempt < kConfirmationsMax; ++attempt) {
    if (outcome.end == SearchEnd::kClosed) {
      outcome = query.is_chain() ? search.Run(std::move(boxes))
                                 : GraphSearch(claim, query, confirmer, options).SplitBoxes(tree, std::move(boxes));
      Add(outcome, statistics);
    }
    if (outcome.end != SearchEnd::kClosed) {
      ProofResult result = outcome.counterexample.has_value() ? Violated(std::move(*outcome.counterexample))
                                                              : Unknown(ReasonOf(outcome.end), outcome.detail);
      if (IsInterrupted(result) && request.keep_checkpoint && query.is_chain())
        result.checkpoint = WriteCheckpoint(request, CasesOf(request, tree));
      result.statistics = statistics;
      return result;
    }
    for (std::vector<OpenBox> trials; !(trials = MergeTrials(query, tree, may_merge)).empty();) {
      const SearchOutcome merged = search.Run(std::move(trials));
      statistics.boxes += merged.boxes;
      statistics.merged += merged.merged;
      if (merged.end != SearchEnd::kClosed) break;  // the tree is whole without them
    }
    const Clock::time_point start = Clock::now();
    Confirmation confirmation = ConfirmTree(request, tree);
    statistics.seconds_confirming += std::chrono::duration<double>(Clock::now() - start).count();
    if (confirmation.verdict.proven) {
      ProofResult result;
      result.status = ProofStatus::kProven;
      result.certificate = std::move(confirmation.bytes);
      statistics.leaves = confirmation.verdict.leaves;
      result.statistics = statistics;
      return result;
    }
    const Error& reason = confirmation.verdict.reason;
    boxes = reason.rule == "checker.leaf" && query.is_chain() ? ReopenRefusedLeaves(claim, query, tree)
                                                              : std::vector<OpenBox>();
    if (boxes.empty()) {
      ProofResult result = Unknown(UnknownReason::kStuck, "the checker refuses the certificate: " + reason.message);
      result.statistics = statistics;
      return result;
    }
    statistics.refused_leaves += boxes.size();
    statistics.leaves -= boxes.size();
  }
  ProofResult result = Unknown(UnknownReason::kStuck, "the checker keeps refusing leaves that the bounds accept");
  result.statistics = statistics;
  return result;
}

// One search a case over phases of ReLUs, and the confirmation of what they give together.
ProofResult SearchByNeurons(const ProofRequest& request, const Query& query, const checker::Claim& claim,
                            const Confirmer& confirmer, const SearchOptions& options) {
  std::vector<checker::CaseProof> cases(query.cases.size());
  if (request.resume != nullptr) cases = request.resume->cases;
  const bool replays = HasParent(request);
  ProofStatistics statistics;
  statistics.best_margin = std::numeric_limits<double>::infinity();
  if (replays) statistics.parent_leaves = CountLeaves(*request.parent);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (IsComplete(cases[i])) continue;
    const checker::CaseProof* parent = replays ? &request.parent->cases[i] : nullptr;
    SearchOutcome outcome = query.is_chain() ? NeuronSearch(query, claim, confirmer, options).Run(i, cases[i], parent)
                                             : GraphSearch(claim, query, confirmer, options).SplitNeurons(i, cases[i]);
    Add(outcome, statistics);
    if (outcome.end == SearchEnd::kClosed) continue;
    ProofResult result = outcome.counterexample.has_value() ? Violated(std::move(*outcome.counterexample))
                                                            : Unknown(ReasonOf(outcome.end), outcome.detail);
    if (IsInterrupted(result) && request.keep_checkpoint && query.is_chain())
      result.checkpoint = WriteCheckpoint(request, std::move(cases));
    result.statistics = statistics;
    return result;
  }
  const Clock::time_point start = Clock::now();
  Confirmation confirmation = Confirm(request, std::move(cases));
  statistics.seconds_confirming = std::chrono::duration<double>(Clock::now() - start).count();
  ProofResult result =
      Unknown(UnknownReason::kStuck, "the checker refuses the certificate: " + confirmation.verdict.reason.message);
  if (confirmation.verdict.proven) {
    result = ProofResult();
    result.status = ProofStatus::kProven;
    result.certificate = std::move(confirmation.bytes);
    statistics.leaves = confirmation.verdict.leaves;
  }
  result.statistics = statistics;
  return result;
}

// What the claim is about: the property, or drift on its boxes.
Result<model::Property> PropertyOf(const ProofRequest& request) {
  if (request.baseline == nullptr) return *request.property;
  const std::vector<model::Decimal> within(request.property->output_count, request.within);
  return checker::DriftProperty(*request.property, within);
}

ProofResult ProveUntimed(const ProofRequest& request, SharedWork& work, Clock::time_point start) {
  const Result<model::Property> apart = PropertyOf(request);
  if (!apart.ok()) return Unknown(UnknownReason::kUnsupported, apart.error().message);
  const model::Property& property = *apart;
  if (Result<void> ready = work.Prepare(request, property); !ready.ok())
    return Unknown(UnknownReason::kUnsupported, ready.error().message);
  const checker::Claim& claim = work.claim();
  const Query& query = work.query();
  if (request.resume != nullptr && !query.is_chain())
    return Unknown(UnknownReason::kUnsupported,
                   "the search for a network of this shape cannot go on from a checkpoint");
  const Confirmer confirmer(*request.network, request.baseline, property, request.arithmetic);
  SearchOptions options;
  options.threads = std::max(1u, request.threads);
  if (request.timeout_ms > 0) options.deadline = start + std::chrono::milliseconds(request.timeout_ms);
  const bool by_neurons = claim.input_count() >= kManyInputs && (!query.is_chain() || NeuronSearch::Suits(query));
  // What the threads work in is there from the start; the tree and the open boxes get the rest.
  const double kernel_bytes = !query.is_chain() ? 0
                              : by_neurons
                                  ? static_cast<double>(DualBounds::MemoryBytes(query.network, 96))
                                  : static_cast<double>(BatchBounds::MemoryBytes(query.network, query.rows_max) +
                                                        BoxFinisher::MemoryBytes(query.network));
  const double work_bytes =
      options.threads * (kernel_bytes + checker::LeafEngine::ScratchBytes(
                                            claim, by_neurons ? checker::Recipe::kRoot : checker::Recipe::kBackward));
  const double memory_bytes_max = static_cast<double>(request.memory_mib_max) * 0x1p20;
  if (work_bytes >= memory_bytes_max) {
    return Unknown(UnknownReason::kMemory, "the bounds of this network alone need more than the memory limit");
  }
  options.memory_bytes_max = static_cast<std::uint64_t>(memory_bytes_max - work_bytes);
  options.seed = request.seed;
  options.recipe = request.recipe;
  options.cancel = request.cancel;
  options.shared = &work;
  options.progress = request.progress;
  const bool replays = HasParent(request);
  options.finish_at_once =
      replays && std::any_of(request.parent->cases.begin(), request.parent->cases.end(), HasFinishedBoxes);
  const bool leaves_first = replays && query.is_chain() && !by_neurons && CountLeaves(*request.parent) <= kFewLeaves;
  std::optional<Counterexample> found;
  if (!query.is_chain()) {
    found = GraphSearch(claim, query, confirmer, options).Attack();
  } else if (!leaves_first) {
    found = Attack(request, query, confirmer, options, by_neurons || replays ? kReplayAttackRounds : kAttackRounds);
  }
  if (found.has_value()) return Violated(std::move(*found));
  if (by_neurons) return SearchByNeurons(request, query, claim, confirmer, options);
  return SearchProof(request, query, claim, confirmer, options);
}

}  // namespace

ProofResult Prove(const ProofRequest& request) {
  assert(request.network != nullptr && request.property != nullptr);
  const Clock::time_point start = Clock::now();
  SharedWork own;
  SharedWork& work = request.shared != nullptr ? *request.shared : own;
  ProofResult result = ProveUntimed(request, work, start);
  if (request.parent != nullptr && result.reason == UnknownReason::kStuck) {
    // What a parent's proof leads to need not lead anywhere: then as if there were none.
    ProofRequest anew = request;
    anew.parent = nullptr;
    result = ProveUntimed(anew, work, start);
  }
  result.statistics.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

}  // namespace pawl::prover
