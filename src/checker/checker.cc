#include "checker/checker.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "checker/box_walk.h"
#include "checker/drift.h"
#include "checker/leaf.h"
#include "checker/root_bounds.h"

namespace pawl::checker {
namespace {

constexpr std::uint64_t kNoLeaf = std::numeric_limits<std::uint64_t>::max();

// One argument, ready to be used.
struct PreparedArgument {
  Recipe recipe = Recipe::kForward;
  std::span<const RefutationRow> rows;  // one a conjunction of the group
  std::span<const SlopeTable> slopes;   // one a row, or none
};

struct RefutationsLess {
  bool operator()(const std::vector<Refutation>& a, const std::vector<Refutation>& b) const {
    const auto term_less = [](const Term& s, const Term& t) {
      return s.row != t.row ? s.row < t.row : s.multiplier < t.multiplier;
    };
    return std::lexicographical_compare(
        a.begin(), a.end(), b.begin(), b.end(), [&](const Refutation& x, const Refutation& y) {
          return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), term_less);
        });
  }
};

// What the leaves of a group are checked with.
struct PreparedGroup {
  std::map<std::vector<Refutation>, std::vector<RefutationRow>, RefutationsLess> rows;  // many arguments share them
  std::vector<PreparedArgument> arguments;
  std::vector<ListedNeuron> listed;
  std::optional<RootBounds> root;
};

Result<void> PrepareArguments(const Claim& claim, std::size_t case_index, const GroupProof& proof,
                              PreparedGroup& prepared) {
  for (const Argument& argument : proof.arguments) {
    if (argument.refutations.size() != proof.members.size())
      return Refused("checker.conjunctions", "an argument does not refute exactly the conjunctions of its group");
    PreparedArgument& ready = prepared.arguments.emplace_back();
    ready.recipe = argument.recipe;
    ready.slopes = argument.slopes;
    const auto [known, is_new] = prepared.rows.try_emplace(argument.refutations);
    for (std::size_t k = 0; is_new && k < proof.members.size(); ++k) {
      Result<RefutationRow> row = MakeRefutationRow(claim, case_index, proof.members[k], argument.refutations[k]);
      if (!row.ok()) return row.error();
      known->second.push_back(std::move(*row));
    }
    ready.rows = known->second;
    const bool fits = argument.slopes.empty() || argument.slopes.size() == proof.members.size();
    for (const SlopeTable& table : argument.slopes)
      if (!fits || table.size() != prepared.listed.size())
        return Refused("checker.root", "an argument has slopes for other neurons than the root section lists");
    if (!fits || (ready.recipe == Recipe::kRoot && !prepared.root))
      return Refused("checker.root", "an argument needs a root section that is not there");
  }
  return {};
}

// Up to kLanes leaves of one recipe.
struct Batch {
  Recipe recipe = Recipe::kForward;
  std::size_t size = 0;
  std::uint64_t first = 0;  // number of the first leaf in its group
  std::vector<double> lower[kLanes], upper[kLanes];
  std::vector<Phase> phases[kLanes];
  std::span<const std::uint8_t> weights[kLanes];
  std::uint32_t argument[kLanes] = {};
};

// Hands the leaves of one group to threads in batches, and gathers what became of them. The first leaf that fails (in
// the tree's order) is the one reported, however many threads there are: batches are handed out in order, and those
// that are out when a failure is found are finished.
class LeafQueue {
 public:
  LeafQueue(const Claim& claim, std::size_t case_index, const GroupProof& proof,
            const std::vector<PreparedArgument>& arguments, std::uint32_t depth_max)
      : arguments_(arguments), walk_(claim.boxes[case_index], claim.neurons.size(), proof, depth_max) {}

  bool Take(Batch& batch) {
    const std::lock_guard lock(mutex_);
    batch.size = 0;
    batch.first = taken_;
    if (failed_ != kNoLeaf || !environment_sound_) return false;
    while (batch.size < kLanes && (pending_ || walk_.Next())) {
      pending_ = false;
      const Recipe recipe = arguments_[walk_.argument()].recipe;
      if (batch.size > 0 && recipe != batch.recipe) {
        pending_ = true;  // begins the next batch
        break;
      }
      batch.recipe = recipe;
      batch.lower[batch.size] = walk_.lower();
      batch.upper[batch.size] = walk_.upper();
      batch.phases[batch.size] = walk_.phases();
      batch.weights[batch.size] = walk_.weights();
      batch.argument[batch.size++] = walk_.argument();
      deepest_ = std::max(deepest_, walk_.depth());
    }
    taken_ += batch.size;
    return batch.size > 0;
  }

  void Report(const Batch& batch, const double* margins) {
    const std::lock_guard lock(mutex_);
    for (std::size_t t = 0; t < batch.size; ++t) {
      if (margins[t] > 0) {
        ++confirmed_;
        smallest_margin_ = std::min(smallest_margin_, margins[t]);
      } else {  // also NaN
        failed_ = std::min(failed_, batch.first + t);
      }
    }
  }

  void ReportEnvironment() {
    const std::lock_guard lock(mutex_);
    environment_sound_ = false;
  }

  // After all threads have ended: every leaf was given out, every one came back confirmed, and they cover the box.
  bool Proven() const {
    return environment_sound_ && walk_.finished() && !pending_ && failed_ == kNoLeaf && taken_ > 0 &&
           confirmed_ == taken_;
  }
  Error Reason(std::size_t case_index) const {
    const std::string where = " in case " + std::to_string(case_index);
    if (!environment_sound_)
      return SystemFailure("checker.environment", "floating-point arithmetic is unusual in a thread of this machine");
    if (failed_ != kNoLeaf)
      return Refused("checker.leaf", "leaf " + std::to_string(failed_) + where + " is not refuted by its argument",
                     "the network or property may have changed, or the proof is wrong; prove again");
    if (walk_.error()) return *walk_.error();
    return {ErrorCode::kInternal, "checker.internal", "leaves were lost" + where, {}};
  }
  std::uint64_t confirmed() const { return confirmed_; }
  std::uint32_t deepest() const { return deepest_; }
  double smallest_margin() const { return smallest_margin_; }

 private:
  const std::vector<PreparedArgument>& arguments_;
  std::mutex mutex_;
  BoxWalk walk_;
  bool pending_ = false;  // the walk stands on a leaf that was not given out
  bool environment_sound_ = true;
  std::uint64_t taken_ = 0, confirmed_ = 0, failed_ = kNoLeaf;
  std::uint32_t deepest_ = 0;
  double smallest_margin_ = std::numeric_limits<double>::infinity();
};

void CheckLeaves(LeafEngine& engine, const std::vector<PreparedArgument>& arguments, LeafQueue& queue) {
  // Every thread has a floating-point environment of its own.
  if (!EnvironmentIsSound()) return queue.ReportEnvironment();
  Batch batch;
  while (queue.Take(batch)) {
    LeafTask tasks[kLanes];
    double margins[kLanes];
    for (std::size_t t = 0; t < batch.size; ++t)
      tasks[t] = {batch.lower[t],  batch.upper[t],   arguments[batch.argument[t]].rows,
                  batch.phases[t], batch.weights[t], arguments[batch.argument[t]].slopes};
    engine.Margins(batch.recipe, {tasks, batch.size}, {margins, batch.size});
    queue.Report(batch, margins);
  }
}

Error TooMuch(const char* rule, const char* what) {
  return LimitReached(rule, std::string("checking this certificate takes more ") + what + " than the limit",
                      "raise the limit, or look for a smaller proof");
}

bool UsesRoot(const CaseProof& proof) {
  for (const GroupProof& group : proof.groups)
    for (const Argument& argument : group.arguments)
      if (argument.recipe == Recipe::kRoot) return true;
  return false;
}

// Limits that a certificate from ReadCertificate meets already, and the work that it asks for.
Result<void> CheckWork(const Claim& claim, const Certificate& certificate, const CheckLimits& limits) {
  std::uint64_t nodes = 0, arguments = 0;
  double operations = 0, scratch_bytes = 0;
  for (const CaseProof& proof : certificate.cases) {
    for (const GroupProof& group : proof.groups) {
      nodes += group.nodes.size();
      arguments += group.arguments.size();
      double dearest = 0, rows = 0;
      for (const Argument& argument : group.arguments) {
        rows += static_cast<double>(argument.refutations.size());
        dearest = std::max(dearest, LeafEngine::OperationsPerLeaf(claim, argument.recipe, argument.refutations.size()));
        scratch_bytes = std::max(scratch_bytes, LeafEngine::ScratchBytes(claim, argument.recipe));
      }
      // Every phase of a leaf is looked at for every step.
      const auto splits = std::count_if(group.nodes.begin(), group.nodes.end(),
                                        [](const Node& node) { return node.kind == NodeKind::kNeuronSplit; });
      const std::size_t phases =
          std::min<std::size_t>({static_cast<std::size_t>(splits), claim.neurons.size(), limits.certificate.depth_max});
      dearest += static_cast<double>(phases) * static_cast<double>(claim.steps.size() + 1);
      operations += dearest * (static_cast<double>(group.nodes.size()) / 2 + kLanes);
      // A prepared row has a coefficient and its error for each output.
      scratch_bytes = std::max(scratch_bytes, rows * (128 + 16 * static_cast<double>(claim.output_count())));
    }
    operations += UsesRoot(proof) ? RootOperations(claim, proof.root) : 0;
    // The leaves of a layer's trees are listed, each with its path.
    for (const RootLayer& layer : proof.root)
      scratch_bytes =
          std::max(scratch_bytes, 16 * static_cast<double>(16 * layer.splits.size() + layer.weights.size()));
  }
  if (nodes > limits.certificate.nodes_max) return TooMuch("checker.limit-nodes", "nodes");
  if (arguments > limits.certificate.arguments_max) return TooMuch("checker.limit-arguments", "arguments");
  if (!(operations <= limits.operations_max)) return TooMuch("checker.limit-operations", "operations");
  if (!(scratch_bytes <= limits.scratch_bytes_max)) return TooMuch("checker.limit-memory", "memory for each thread");
  if (limits.threads < 1 || limits.threads > 1024)
    return Error{ErrorCode::kUsage, "checker.threads", "between 1 and 1024 threads can be asked for", {}};
  return {};
}

// Whether each of the case's conjunctions is in exactly one group.
bool SharesOut(const CaseProof& proof) {
  std::vector<std::size_t> times(proof.conjunctions, 0);
  for (const GroupProof& group : proof.groups) {
    if (group.members.empty()) return false;
    for (const std::uint32_t member : group.members) {
      if (member >= times.size()) return false;
      ++times[member];
    }
  }
  return std::all_of(times.begin(), times.end(), [](std::size_t n) { return n == 1; });
}

// Whether the certificate is about drift exactly if that is asked, and about no more of it.
Result<void> CheckDrift(const Certificate& certificate, const ClaimRequest& request) {
  if (certificate.drift.has_value() != (request.baseline != nullptr))
    return certificate.drift ? Refused("checker.baseline", "the certificate is about the drift from a baseline alone",
                                       "name the baseline, or prove the property")
                             : Refused("checker.baseline", "the certificate is not about the drift from a baseline",
                                       "name no baseline, or prove the drift");
  if (!certificate.drift) return {};
  if (certificate.drift->baseline != request.baseline_digest)
    return Refused("checker.baseline", "the certificate is about another baseline's file", "prove the drift from this");
  if (!certificate.radii.empty()) return Refused("checker.radius", "drift is proven of no envelope");
  for (const model::Decimal& within : certificate.drift->within)
    if (request.within_max && within > *request.within_max)
      return Refused("checker.within", "the certificate allows more drift than was asked for: " + within.ToString(),
                     "ask for no less, or prove again");
  return {};
}

Result<void> CheckHeader(const model::Property& property, const Certificate& certificate, const ClaimRequest& request) {
  if (certificate.network != request.network)
    return Refused("checker.digest", "the certificate is about another network file",
                   certificate.radii.empty() ? "prove this network" : "prove this network, or name that one as centre");
  if (certificate.property != request.property)
    return Refused("checker.digest", "the certificate is about another property file", "prove this property");
  if (certificate.arithmetic != request.arithmetic)
    return Refused("checker.arithmetic", "the certificate claims another arithmetic than was asked for",
                   "ask for its own arithmetic, or prove again");
  // A property without cases would be proven by nothing.
  if (property.cases.empty() || certificate.cases.size() != property.cases.size())
    return Refused("checker.cases", "the certificate has another number of cases than the property");
  for (std::size_t i = 0; i < property.cases.size(); ++i) {
    if (property.cases[i].unsafe.empty() || certificate.cases[i].conjunctions != property.cases[i].unsafe.size())
      return Refused("checker.conjunctions",
                     "case " + std::to_string(i) + " of the certificate has another number of conjunctions");
    if (!SharesOut(certificate.cases[i]))
      return Refused("checker.groups", "a conjunction of case " + std::to_string(i) + " is not in exactly one group");
  }
  return {};
}

// Confirms one group; adds to the verdict's report, and sets its reason where the group is not proven.
bool CheckGroup(const Claim& claim, std::size_t case_index, const GroupProof& proof, const PreparedGroup& prepared,
                const CheckLimits& limits, std::vector<LeafEngine>& engines, Verdict& verdict) {
  for (LeafEngine& engine : engines) {
    engine.SetListed(&prepared.listed);
    if (prepared.root) engine.SetRoot(&*prepared.root);
  }
  LeafQueue queue(claim, case_index, proof, prepared.arguments, limits.certificate.depth_max);
  std::vector<std::thread> threads;
  // No more threads than there are batches to give them.
  const std::size_t wanted = std::min(engines.size(), proof.nodes.size() / (4 * kLanes) + 1);
  for (std::size_t i = 1; i < wanted; ++i)
    threads.emplace_back([&, i] { CheckLeaves(engines[i], prepared.arguments, queue); });
  CheckLeaves(engines[0], prepared.arguments, queue);
  for (std::thread& thread : threads) thread.join();
  verdict.leaves += queue.confirmed();
  verdict.depth = std::max(verdict.depth, queue.deepest());
  if (queue.confirmed() > 0) {
    const bool first = verdict.leaves == queue.confirmed();
    verdict.smallest_margin =
        first ? queue.smallest_margin() : std::min(verdict.smallest_margin, queue.smallest_margin());
  }
  if (queue.Proven()) return true;
  verdict.reason = queue.Reason(case_index);
  return false;
}

// Confirms the groups of one case.
bool CheckCase(const Claim& claim, std::size_t case_index, const CaseProof& proof, const CheckLimits& limits,
               std::vector<LeafEngine>& engines, Verdict& verdict) {
  const auto rejected = [&](const Error& reason) {
    verdict.reason = reason;
    return false;
  };
  PreparedGroup prepared;
  Result<std::vector<ListedNeuron>> listed = ListNeurons(claim, proof.root);
  if (!listed.ok()) return rejected(listed.error());
  prepared.listed = std::move(*listed);
  if (UsesRoot(proof)) {
    Result<RootBounds> root = BoundRoot(claim, case_index, proof.root, limits.threads);
    if (!root.ok()) return rejected(root.error());
    prepared.root.emplace(std::move(*root));
  }
  std::size_t proven_groups = 0;
  for (const GroupProof& group : proof.groups) {
    prepared.arguments.clear();
    prepared.rows.clear();
    if (const Result<void> ready = PrepareArguments(claim, case_index, group, prepared); !ready.ok())
      return rejected(ready.error());
    if (!CheckGroup(claim, case_index, group, prepared, limits, engines, verdict)) return false;
    ++proven_groups;
  }
  return SharesOut(proof) && proven_groups == proof.groups.size();
}

}  // namespace

Verdict Check(const model::Network& network, const model::Property& stated, const Certificate& certificate,
              const ClaimRequest& request, const CheckLimits& limits) {
  Verdict verdict;
  const auto rejected = [&](const Error& reason) {
    verdict.reason = reason;
    return verdict;
  };
  if (const Result<void> drift = CheckDrift(certificate, request); !drift.ok()) return rejected(drift.error());
  std::optional<model::Property> apart;
  if (certificate.drift) {
    Result<model::Property> made = DriftProperty(stated, certificate.drift->within);
    if (!made.ok()) return rejected(made.error());
    apart = std::move(*made);
  }
  const model::Property& property = apart ? *apart : stated;
  if (const Result<void> header = CheckHeader(property, certificate, request); !header.ok())
    return rejected(header.error());
  const Result<Claim> claim = certificate.drift
                                  ? PrepareDriftClaim(network, *request.baseline, property, request.arithmetic)
                                  : PrepareClaim(network, property, request.arithmetic, certificate.radii);
  if (!claim.ok()) return rejected(claim.error());
  if (const Result<void> work = CheckWork(*claim, certificate, limits); !work.ok()) return rejected(work.error());

  for (const Step& step : claim->steps)
    if (step.kind == StepKind::kCurve) verdict.assumed_error = std::max(verdict.assumed_error, step.curve_error);
  std::vector<LeafEngine> engines;
  for (unsigned i = 0; i < limits.threads; ++i) engines.emplace_back(*claim);
  std::size_t proven_cases = 0;
  for (std::size_t i = 0; i < property.cases.size(); ++i) {
    if (!CheckCase(*claim, i, certificate.cases[i], limits, engines, verdict)) return verdict;
    ++proven_cases;
  }
  // The one place where the answer becomes yes.
  verdict.proven = !property.cases.empty() && proven_cases == property.cases.size() &&
                   proven_cases == certificate.cases.size() && certificate.network == request.network &&
                   certificate.property == request.property && certificate.arithmetic == request.arithmetic &&
                   CheckDrift(certificate, request).ok();
  return verdict;
}

Verdict CheckFiles(const ClaimFiles& files, const CheckLimits& limits) {
  Verdict verdict;
  const auto failed = [&](const Error& error) {
    verdict.reason = error;
    return verdict;
  };
  const Result<model::Network> network = model::ReadOnnx(files.network, {});
  if (!network.ok()) return failed(network.error());
  const Result<model::Property> property = model::ReadVnnlib(files.property, {});
  if (!property.ok()) return failed(property.error());
  const Result<Certificate> certificate = ReadCertificate(files.certificate, limits.certificate);
  if (!certificate.ok()) return failed(certificate.error());
  std::optional<model::Network> baseline;
  if (files.baseline) {
    Result<model::Network> read = model::ReadOnnx(*files.baseline, {});
    if (!read.ok()) return failed(read.error());
    baseline = std::move(*read);
  }
  Result<std::vector<double>> distances = std::vector<double>();
  // With another centre than the certificate's, that is the reason below.
  if (files.candidate && certificate->network == files.network_digest)
    distances = MeasureDistances(*network, files.network, *files.candidate, certificate->radii);
  if (!distances.ok()) return failed(distances.error());
  // What lies in the envelope is proven exactly if the envelope is.
  const Arithmetic arithmetic = files.arithmetic.value_or(certificate->arithmetic);
  const ClaimRequest request{.arithmetic = arithmetic,
                             .network = files.network_digest,
                             .property = files.property_digest,
                             .baseline = baseline ? &*baseline : nullptr,
                             .baseline_digest = files.baseline_digest,
                             .within_max = files.within_max};
  verdict = Check(*network, *property, *certificate, request, limits);
  verdict.arithmetic = arithmetic;
  verdict.radii = certificate->radii;
  verdict.drift = certificate->drift;
  verdict.distances = std::move(*distances);
  return verdict;
}

}  // namespace pawl::checker
