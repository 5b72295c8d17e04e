#include "prover/family.h"

#include <algorithm>
#include <utility>

namespace pawl::prover {

Family::Family(std::size_t count, std::function<void(const FamilyProgress&)> progress)
    : count_(count), progress_(std::move(progress)) {}

Result<const model::Network*> Family::Read(const std::array<std::uint8_t, 32>& digest,
                                           std::span<const std::uint8_t> bytes) {
  if (const auto known = networks_.find(digest); known != networks_.end()) return known->second.get();
  Result<model::Network> network = model::ReadOnnx(bytes, model::NetworkLimits{});
  if (!network.ok()) return network.error();
  return networks_.emplace(digest, std::make_unique<const model::Network>(std::move(*network))).first->second.get();
}

void Family::Report(const Progress& search) const {
  if (!progress_) return;
  FamilyProgress progress{.done = done_, .count = count_, .name = name_, .share = 1, .seconds = 0, .search = search};
  const double answered = static_cast<double>(done_) + (done_ < count_ ? search.volume_proven : 0);
  if (count_ > 0) progress.share = std::min(1.0, answered / static_cast<double>(count_));
  progress.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  progress_(progress);
}

ProofRequest Family::Begin(const std::string& name, ProofRequest request) {
  name_ = name;
  Report({});
  request.shared = &work_;
  request.progress = nullptr;
  if (progress_) request.progress = [this](const Progress& search) { Report(search); };
  return request;
}

ProofResult Family::Prove(const std::string& name, ProofRequest request) {
  ProofResult result = prover::Prove(Begin(name, std::move(request)));
  Skip();
  return result;
}

WidestProof Family::ProveWidest(const std::string& name, ProofRequest request, const WidestLimits& limits) {
  WidestProof widest = prover::ProveWidest(Begin(name, std::move(request)), limits);
  Skip();
  return widest;
}

void Family::Skip() {
  ++done_;
  name_.clear();
  Report({});
}

}  // namespace pawl::prover
