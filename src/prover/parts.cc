#include "prover/parts.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <iterator>
#include <limits>
#include <utility>

#include "prover/box_finish.h"
#include "prover/confirmation.h"
#include "prover/counterexample.h"
#include "prover/neuron_search.h"
#include "prover/search.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;

// Of leaves that the bounds accept and the checker does not; each round splits them.
constexpr int kRoundsMax = 20;

Error NotShared(const char* why) {
  return Refused("prover.parts", std::string("this proof is not shared out: ") + why, "prove it on one machine");
}

Error NoProof(const std::string& why) {
  return Refused("prover.part", "this is no proof of the part: " + why, "do not trust who made it");
}

Result<void> RequireBoxSearch(const ProofRequest& request, const SharedWork& work) {
  if (request.baseline != nullptr) return NotShared("it is one of drift");
  if (!work.query().is_chain()) return NotShared("the network is no chain of affine layers and ReLUs");
  if (work.claim().input_count() >= kManyInputs && NeuronSearch::Suits(work.query()))
    return NotShared("with so many inputs neurons are split, and not boxes");
  return {};
}

SearchOptions OptionsOf(const ProofRequest& request, SharedWork& work) {
  SearchOptions options;
  options.threads = std::max(1u, request.threads);
  options.memory_bytes_max = request.memory_mib_max << 20;
  options.seed = request.seed;
  options.recipe = request.recipe;
  options.shared = &work;
  // Proofs that are easy in every box are not shared out.
  options.finish_at_once = true;
  return options;
}

OpenBox BoxOf(const Part& part, NodeId node, std::uint32_t case_index) {
  OpenBox box;
  box.node = node;
  box.case_index = case_index;
  box.depth = part.depth;
  box.bounds = part.bounds;
  return box;
}

Part PartOf(OpenBox box) { return {box.node, box.case_index, box.depth, std::move(box.bounds)}; }

model::Property OnlyCase(const model::Property& property, std::size_t case_index) {
  model::Property only = property;
  only.cases = {property.cases[case_index]};
  return only;
}

bool LiesWithin(std::span<const double> bounds, const QueryCase& whole) {
  const std::size_t inputs = whole.lower.size();
  if (bounds.size() != 2 * inputs) return false;
  for (std::size_t i = 0; i < inputs; ++i) {
    const double lower = bounds[i], upper = bounds[inputs + i];
    if (!(whole.lower[i] <= lower && lower <= upper && upper <= whole.upper[i])) return false;  // NaN is not within
  }
  return true;
}

// The share of a box's volume is halved by each split.
struct TreeCount {
  std::uint64_t leaves = 0, open = 0;
};
TreeCount CountOf(const checker::CaseProof& proof) {
  TreeCount count;
  for (const checker::GroupProof& group : proof.groups) {
    for (const checker::Node& node : group.nodes) {
      if (!checker::IsLeaf(node.kind)) continue;
      ++(node.index < group.arguments.size() && IsOpen(group.arguments[node.index]) ? count.open : count.leaves);
    }
  }
  return count;
}

bool IsLarger(const OpenBox& a, const OpenBox& b) { return a.depth < b.depth; }

}  // namespace

// ---- Whoever works

Result<PartAnswer> PartProver::Prove(const Part& part, const PartLimits& limits) {
  const Clock::time_point start = Clock::now();
  const std::clock_t processor_start = std::clock();
  if (part.case_index >= request_.property->cases.size()) return NotShared("the property has no such case");
  only_ = OnlyCase(*request_.property, part.case_index);
  ProofRequest request = request_;
  request.property = &only_;
  if (Result<void> ready = work_.Prepare(request, only_); !ready.ok()) return ready.error();
  if (Result<void> suits = RequireBoxSearch(request, work_); !suits.ok()) return suits.error();
  if (!LiesWithin(part.bounds, work_.query().cases[0])) return NotShared("the box is not one of the case's");
  if (part.depth > checker::CertificateLimits().depth_max) return NotShared("the box is too deep");
  // The network's share of the query is large, and is copied once.
  if (query_.has_value())
    SetCases(*request.network, only_, request.arithmetic, *query_);
  else
    query_ = work_.query();
  const auto middle = part.bounds.begin() + static_cast<std::ptrdiff_t>(part.bounds.size() / 2);
  query_->cases[0].lower.assign(part.bounds.begin(), middle);
  query_->cases[0].upper.assign(middle, part.bounds.end());

  SearchOptions options = OptionsOf(request, work_);
  if (limits.timeout_ms > 0) options.deadline = start + std::chrono::milliseconds(limits.timeout_ms);
  options.cancel = limits.cancel;
  options.progress = limits.progress;
  const Query& query = *query_;
  const Confirmer confirmer(*request.network, nullptr, only_, request.arithmetic);
  SplitTree tree(1, ListAllNeurons(query.network));
  Search search(query, work_.claim(), confirmer, tree, options);
  std::vector<OpenBox> boxes = {BoxOf(part, 0, 0)};
  PartAnswer answer;
  for (int round = 0; round < kRoundsMax && !boxes.empty(); ++round) {
    SearchOutcome outcome = search.Run(std::move(boxes));
    if (outcome.counterexample.has_value()) {
      answer.kind = PartAnswer::Kind::kViolated;
      answer.inputs = std::move(outcome.counterexample->inputs);
      break;
    }
    if (outcome.end == SearchEnd::kStuck) {
      answer.kind = PartAnswer::Kind::kStuck;
      break;
    }
    // Also where the time is over: whoever asked takes nothing that the checker would not.
    boxes = ReopenRefusedLeaves(work_.claim(), query, tree, {BoxOf(part, 0, 0)});
    if (outcome.end != SearchEnd::kClosed) break;
  }
  if (answer.kind == PartAnswer::Kind::kTree) {
    std::vector<checker::CaseProof> cases = CasesOf(request, tree);
    TreeCount count = CountOf(cases[0]);
    if (count.open > kPartOpenMax) {
      cases = {{}};  // nothing is known
      count = {.leaves = 0, .open = 1};
    }
    answer.leaves = count.leaves;
    answer.open = count.open;
    answer.tree = WriteCheckpoint(request, std::move(cases));
  }
  answer.seconds = static_cast<double>(std::clock() - processor_start) / CLOCKS_PER_SEC;
  return answer;
}

// ---- Whoever asks

SharedProof::SharedProof(const ProofRequest& request) : request_(request), work_(std::make_unique<SharedWork>()) {}

Result<SharedProof> SharedProof::Begin(const ProofRequest& request, const Checkpoint* checkpoint) {
  SharedProof proof(request);
  if (Result<void> ready = proof.work_->Prepare(request, *request.property); !ready.ok()) return ready.error();
  if (Result<void> suits = RequireBoxSearch(request, *proof.work_); !suits.ok()) return suits.error();
  const Query& query = proof.work_->query();
  proof.confirmer_ = std::make_unique<Confirmer>(*request.network, nullptr, *request.property, request.arithmetic);
  proof.tree_ = std::make_unique<SplitTree>(query.cases.size(), ListAllNeurons(query.network));
  if (checkpoint == nullptr) {
    proof.open_ = RootBoxes(query);
    return proof;
  }
  for (std::size_t i = 0; i < query.cases.size(); ++i) {
    Result<std::vector<OpenBox>> some = RestoreBoxes(query, i, checkpoint->cases[i], *proof.tree_);
    if (!some.ok()) return some.error();
    std::move(some->begin(), some->end(), std::back_inserter(proof.open_));
  }
  return proof;
}

// Breadth first, unlike a search: the largest boxes are split on the input that matters most until there are enough.
SharedProof::Division SharedProof::Divide(std::size_t parts_min) {
  Division division;
  const Query& query = work_->query();
  SearchOptions options = OptionsOf(request_, *work_);
  options.cancel = request_.cancel;
  Search search(query, work_->claim(), *confirmer_, *tree_, options);
  std::vector<OpenBox> done;  // that cannot be split
  while (!open_.empty()) {
    std::vector<OpenBox> unbounded, next;
    for (OpenBox& box : open_) (box.smear.empty() ? unbounded : next).push_back(std::move(box));
    SearchOutcome outcome = search.Run(std::move(unbounded), UnprovenBoxes::kGiveBack);
    if (outcome.end != SearchEnd::kClosed) {
      ProofResult ended = Finish(UnknownReason::kCancelled);
      if (outcome.counterexample.has_value()) {
        ended.status = ProofStatus::kViolated;
        ended.reason = UnknownReason::kNone;
        ended.counterexample = std::move(*outcome.counterexample);
      } else if (outcome.end != SearchEnd::kCancelled) {
        ended.reason = outcome.end == SearchEnd::kMemory ? UnknownReason::kMemory : UnknownReason::kStuck;
        ended.detail = outcome.detail;
      }
      division.ended = std::move(ended);
      return division;
    }
    std::move(outcome.given_back.begin(), outcome.given_back.end(), std::back_inserter(next));
    std::stable_sort(next.begin(), next.end(), IsLarger);
    open_.clear();
    std::size_t count = done.size() + next.size();
    for (OpenBox& box : next) {
      const auto input =
          static_cast<std::uint32_t>(std::max_element(box.smear.begin(), box.smear.end()) - box.smear.begin());
      const double lower = box.lower()[input], upper = box.upper()[input];
      const double middle = checker::SplitMidpoint(lower, upper);
      const bool splits = lower < middle && middle < upper && box.depth < checker::CertificateLimits().depth_max;
      const NodeId low = count < parts_min && splits ? tree_->Split(box.node, input) : 0;
      if (low == 0) {
        (count < parts_min ? done : open_).push_back(std::move(box));
        continue;
      }
      open_.push_back(box.Child(0, low, input));
      open_.push_back(box.Child(1, low, input));
      ++count;
    }
    const bool all_bounded =
        std::none_of(open_.begin(), open_.end(), [](const OpenBox& box) { return box.smear.empty(); });
    if (count >= parts_min && all_bounded) break;
  }
  std::move(open_.begin(), open_.end(), std::back_inserter(done));
  open_.clear();
  std::stable_sort(done.begin(), done.end(), IsLarger);
  for (OpenBox& box : done) division.parts.push_back(PartOf(std::move(box)));
  return division;
}

SharedProof::Division SharedProof::DivideFurther(const Part& part, std::size_t parts_min) {
  open_ = {BoxOf(part, part.node, part.case_index)};
  return Divide(parts_min);
}

Result<CheckedPart> SharedProof::Check(const Part& part, std::span<const std::uint8_t> bytes,
                                       const std::function<bool()>& give_up) const {
  if (bytes.size() > kPartBytesMax) return LimitReached("prover.part-bytes", "the answer is too large");
  const model::Property only = OnlyCase(*request_.property, part.case_index);
  ProofRequest request = request_;
  request.property = &only;
  Result<Checkpoint> read = ReadCheckpoint(bytes, request);
  if (!read.ok()) return read.error();
  const TreeCount count = CountOf(read->cases[0]);
  if (count.open > kPartOpenMax) return LimitReached("prover.part-open", "the answer leaves too much open");
  const Query& query = work_->query();
  const OpenBox box = BoxOf(part, 0, part.case_index);
  SplitTree tree(1, ListAllNeurons(query.network));
  const Result<std::vector<OpenBox>> open = RestoreBox(query, box, read->cases[0], tree);
  if (!open.ok()) return NoProof(open.error().message);
  CheckedPart checked{.proof = {}, .leaves = count.leaves, .open = count.open};
  for (NodeId node = 0; node < tree.node_count(); ++node) {
    if (!tree.is_finished(node)) continue;
    // The leaves of a box that was finished by phases refute one set of rows; they are bounded with the first one's.
    const std::vector<checker::Argument>& arguments = tree.finished(node).arguments;
    for (const checker::Argument& argument : arguments)
      if (argument.refutations != arguments[0].refutations) return NoProof("leaves of one box refute other rows");
  }
  switch (AcceptsLeaves(work_->claim(), query, tree, box, give_up)) {
    case AllAccepted::kNo:
      return NoProof("the checker does not accept one of its leaves");
    case AllAccepted::kGivenUp:
      return Error{ErrorCode::kPending, "prover.part-slow", "an answer takes too long to check", {}};
    case AllAccepted::kYes:
      break;
  }
  checked.proof = std::move(read->cases[0]);
  return checked;
}

std::optional<Counterexample> SharedProof::Confirm(const std::vector<double>& inputs) const {
  if (inputs.size() != request_.property->input_count) return std::nullopt;
  for (const double input : inputs) {
    if (!std::isfinite(input)) return std::nullopt;
    const bool fits = std::fabs(input) <= std::numeric_limits<float>::max() && static_cast<float>(input) == input;
    if (work_->query().single_precision && !fits) return std::nullopt;
  }
  // The search's confirmer evaluates exactly so many times; what somebody else has found is looked at all the same.
  return Confirmer(*request_.network, nullptr, *request_.property, request_.arithmetic).Confirm(inputs);
}

Result<std::vector<Part>> SharedProof::Take(const Part& part, CheckedPart checked) {
  Result<std::vector<OpenBox>> open =
      RestoreBox(work_->query(), BoxOf(part, part.node, part.case_index), checked.proof, *tree_);
  if (!open.ok()) return LimitReached("prover.part-nodes", "the tree has too many nodes");
  std::vector<Part> parts;
  for (OpenBox& box : *open) parts.push_back(PartOf(std::move(box)));
  return parts;
}

ProofResult SharedProof::Finish(UnknownReason reason_if_open) {
  ProofResult result;
  std::vector<checker::CaseProof> cases = CasesOf(request_, *tree_);
  if (!std::all_of(cases.begin(), cases.end(), IsComplete)) {
    result.reason = reason_if_open;
    result.detail = "parts of the proof are open";
    if (request_.keep_checkpoint) result.checkpoint = WriteCheckpoint(request_, std::move(cases));
    return result;
  }
  const Clock::time_point start = Clock::now();
  Confirmation confirmation = prover::Confirm(request_, std::move(cases));
  result.statistics.seconds_confirming = std::chrono::duration<double>(Clock::now() - start).count();
  result.statistics.leaves = confirmation.verdict.leaves;
  if (confirmation.verdict.proven) {
    result.status = ProofStatus::kProven;
    result.certificate = std::move(confirmation.bytes);
    return result;
  }
  if (confirmation.verdict.reason.rule == "checker.leaf")
    open_ = ReopenRefusedLeaves(work_->claim(), work_->query(), *tree_);
  result.reason = UnknownReason::kStuck;
  result.detail = "the checker refuses the certificate: " + confirmation.verdict.reason.message;
  return result;
}

}  // namespace pawl::prover
