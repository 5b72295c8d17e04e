#include "prover/confirmation.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "checker/box_walk.h"
#include "prover/box_finish.h"

namespace pawl::prover {
namespace {

// Bounds waiting leaves, kLanes of one argument at a time, and reopens what is refused.
class LeafAudit {
 public:
  LeafAudit(const checker::Claim& claim, const Query& query, SplitTree& tree, std::function<bool()> give_up)
      : claim_(claim),
        tree_(tree),
        give_up_(std::move(give_up)),
        engine_(claim),
        listed_(ListedOf(claim, query.network)) {
    engine_.SetListed(&listed_);
  }

  // A box that was finished by phases: its leaves are asked about at once.
  void AddFinished(OpenBox box) {
    const checker::GroupProof& proof = tree_.finished(box.node);
    const Result<std::vector<checker::RefutationRow>> rows = RowsOf(claim_, box.case_index, proof.arguments[0]);
    std::uint64_t batches = 0;
    const BoxProof one{
        {{box.lower().begin(), box.lower().end()}, {box.upper().begin(), box.upper().end()}},
        proof,
        rows.ok() ? std::span<const checker::RefutationRow>(*rows) : std::span<const checker::RefutationRow>()};
    if (rows.ok() && !listed_.empty() && BoxProofMargins(claim_, engine_, {&one, 1}, batches, give_up_)[0] > 0) {
      return;
    }
    tree_.Reopen(box.node);
    box.must_split = true;
    refused_.push_back(std::move(box));
  }

  void Add(OpenBox box, std::uint32_t argument_number) {
    if (argument_number != argument_number_ || box.case_index != case_index_ || waiting_.size() == checker::kLanes) {
      Flush();
      argument_number_ = argument_number;
      case_index_ = box.case_index;
    }
    waiting_.push_back(std::move(box));
  }

  void Flush() {
    if (waiting_.empty()) return;
    const checker::Argument argument = tree_.argument(argument_number_);
    const Result<std::vector<checker::RefutationRow>> rows = RowsOf(claim_, case_index_, argument);
    std::vector<double> margins(waiting_.size(), -1.0);
    if (rows.ok()) {
      std::vector<checker::LeafTask> tasks;
      for (const OpenBox& box : waiting_) tasks.push_back({box.lower(), box.upper(), *rows});
      engine_.Margins(argument.recipe, tasks, margins);
    }
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (margins[i] > 0) continue;
      tree_.Reopen(waiting_[i].node);
      waiting_[i].must_split = true;
      refused_.push_back(std::move(waiting_[i]));
    }
    waiting_.clear();
  }

  // Puts the leaves below a box to the checker, until `enough`.
  void AddBelow(OpenBox root, const std::function<bool()>& enough) {
    std::vector<OpenBox> open;
    open.push_back(std::move(root));
    while (!open.empty() && !(enough && enough())) {
      OpenBox box = std::move(open.back());
      open.pop_back();
      if (const std::optional<SplitTree::SplitOf> split = tree_.split(box.node)) {
        open.push_back(box.Child(1, split->low, split->input));
        open.push_back(box.Child(0, split->low, split->input));
      } else if (tree_.is_finished(box.node)) {
        AddFinished(std::move(box));
      } else if (tree_.is_leaf(box.node)) {
        const std::uint32_t argument = tree_.leaf_argument(box.node);
        Add(std::move(box), argument);
      }
    }
  }

  bool has_refused() const { return !refused_.empty(); }
  std::vector<OpenBox> TakeRefused() { return std::move(refused_); }

 private:
  const checker::Claim& claim_;
  SplitTree& tree_;
  const std::function<bool()> give_up_;
  checker::LeafEngine engine_;
  std::vector<checker::ListedNeuron> listed_;
  std::uint32_t argument_number_ = 0;
  std::uint32_t case_index_ = 0;
  std::vector<OpenBox> waiting_, refused_;
};

// Leaves of box proofs, kLanes at a time.
class LeafBatch {
 public:
  LeafBatch(checker::LeafEngine& engine, std::vector<double>& margins, std::uint64_t& batches)
      : engine_(engine), margins_(margins), batches_(batches) {}

  void Add(std::size_t proof_index, const BoxProof& proof, const checker::BoxWalk& walk) {
    phases_[count_] = walk.phases();
    proofs_[count_] = proof_index;
    tasks_[count_++] = {proof.box.lower, proof.box.upper,
                        proof.rows,      {},
                        walk.weights(),  proof.proof.arguments[walk.argument()].slopes};
    if (count_ == checker::kLanes) Flush();
  }

  void Flush() {
    if (count_ == 0) return;
    double margins[checker::kLanes];
    for (std::size_t t = 0; t < count_; ++t) tasks_[t].phases = phases_[t];
    engine_.Margins(checker::Recipe::kBackward, {tasks_, count_}, {margins, count_});
    // Written so that NaN is refused.
    for (std::size_t t = 0; t < count_; ++t)
      margins_[proofs_[t]] = margins[t] > 0 ? std::min(margins_[proofs_[t]], margins[t]) : -1.0;
    count_ = 0;
    ++batches_;
  }

 private:
  checker::LeafEngine& engine_;
  std::vector<double>& margins_;
  std::uint64_t& batches_;
  checker::LeafTask tasks_[checker::kLanes];
  std::vector<checker::Phase> phases_[checker::kLanes];
  std::size_t proofs_[checker::kLanes] = {};
  std::size_t count_ = 0;
};

}  // namespace

std::vector<checker::ListedNeuron> ListedOf(const checker::Claim& claim, const FlatNetwork& network) {
  Result<std::vector<checker::ListedNeuron>> listed = checker::ListNeurons(claim, ListAllNeurons(network));
  return listed.ok() ? std::move(*listed) : std::vector<checker::ListedNeuron>();
}

std::vector<double> BoxProofMargins(const checker::Claim& claim, checker::LeafEngine& engine,
                                    std::span<const BoxProof> proofs, std::uint64_t& batches,
                                    const std::function<bool()>& give_up) {
  std::vector<double> margins(proofs.size(), std::numeric_limits<double>::infinity());
  LeafBatch batch(engine, margins, batches);
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    const checker::CertificateLimits limits;
    checker::BoxWalk walk(proofs[i].box, claim.neurons.size(), proofs[i].proof, limits.depth_max);
    while (walk.Next()) {
      batch.Add(i, proofs[i], walk);
      if (give_up && give_up()) return std::vector<double>(proofs.size(), -1.0);
    }
    if (!walk.finished()) margins[i] = -1.0;
  }
  batch.Flush();
  return margins;
}

Result<std::vector<checker::RefutationRow>> RowsOf(const checker::Claim& claim, std::size_t case_index,
                                                   const checker::Argument& argument) {
  std::vector<checker::RefutationRow> rows;
  for (std::size_t c = 0; c < argument.refutations.size(); ++c) {
    Result<checker::RefutationRow> row = checker::MakeRefutationRow(claim, case_index, c, argument.refutations[c]);
    if (!row.ok()) return row.error();
    rows.push_back(std::move(*row));
  }
  return rows;
}

std::vector<checker::CaseProof> CasesOf(const ProofRequest& request, const SplitTree& tree) {
  std::vector<checker::CaseProof> cases;
  for (std::size_t i = 0; i < request.property->cases.size(); ++i) {
    const std::size_t conjunctions =
        request.baseline != nullptr ? 2 * request.property->output_count : request.property->cases[i].unsafe.size();
    cases.push_back(tree.ToCaseProof(i, static_cast<std::uint32_t>(conjunctions)));
  }
  return cases;
}

Confirmation ConfirmTree(const ProofRequest& request, const SplitTree& tree) {
  return Confirm(request, CasesOf(request, tree));
}

Confirmation Confirm(const ProofRequest& request, std::vector<checker::CaseProof> cases) {
  Confirmation confirmation;
  {
    checker::Certificate certificate;
    certificate.arithmetic = request.arithmetic;
    certificate.network = request.network_digest;
    certificate.property = request.property_digest;
    certificate.radii = request.radii;
    if (request.baseline != nullptr)
      certificate.drift = {.baseline = request.baseline_digest,
                           .within = std::vector(request.property->output_count, request.within)};
    certificate.cases = std::move(cases);
    const std::string text = checker::WriteCertificate(certificate);
    confirmation.bytes.assign(text.begin(), text.end());
  }
  checker::CheckLimits limits;
  limits.threads = std::clamp(request.threads, 1u, 1024u);
  const Result<checker::Certificate> certificate = checker::ReadCertificate(confirmation.bytes, limits.certificate);
  if (!certificate.ok()) {
    confirmation.verdict.reason = certificate.error();
    return confirmation;
  }
  confirmation.verdict = checker::Check(*request.network, *request.property, *certificate,
                                        {.arithmetic = request.arithmetic,
                                         .network = request.network_digest,
                                         .property = request.property_digest,
                                         .baseline = request.baseline,
                                         .baseline_digest = request.baseline_digest},
                                        limits);
  return confirmation;
}

std::vector<OpenBox> ReopenRefusedLeaves(const checker::Claim& claim, const Query& query, SplitTree& tree) {
  return ReopenRefusedLeaves(claim, query, tree, RootBoxes(query));
}

std::vector<OpenBox> ReopenRefusedLeaves(const checker::Claim& claim, const Query& query, SplitTree& tree,
                                         std::vector<OpenBox> below) {
  LeafAudit audit(claim, query, tree, {});
  for (OpenBox& root : below) audit.AddBelow(std::move(root), {});
  audit.Flush();
  return audit.TakeRefused();
}

AllAccepted AcceptsLeaves(const checker::Claim& claim, const Query& query, SplitTree& tree, OpenBox below,
                          const std::function<bool()>& give_up) {
  LeafAudit audit(claim, query, tree, give_up);
  bool given_up = false;
  audit.AddBelow(std::move(below), [&] { return audit.has_refused() || (given_up = give_up()); });
  audit.Flush();
  // What was given up within a box counts as refused.
  if (given_up || (audit.has_refused() && give_up())) return AllAccepted::kGivenUp;
  return audit.has_refused() ? AllAccepted::kNo : AllAccepted::kYes;
}

}  // namespace pawl::prover
