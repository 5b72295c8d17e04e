// All properties of one candidate, proven one after the other. What they have in common is made once (shared_work.h),
// each network file is read once, and how far the whole is is one number.
//
//   Family family(charter.properties.size(), [](const FamilyProgress& progress) { Draw(progress.share); });
//   for (const Wanted& wanted : …) {
//     Result<const model::Network*> network = family.Read(wanted.network_digest, wanted.network_bytes);
//     …
//     request.network = *network;
//     ProofResult result = family.Prove(wanted.name, request);
//   }
//
// Thread safety: belongs to one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "model/network.h"
#include "prover/envelope.h"
#include "prover/prover.h"
#include "prover/shared_work.h"
#include "result/result.h"

namespace pawl::prover {

struct FamilyProgress {
  std::size_t done = 0, count = 0;  // properties that are answered; of how many
  std::string name;                 // of the one that is searched now; empty: none is
  double share = 0;                 // of the whole, in [0, 1]: each property counts the same
  double seconds = 0;               // since the family was made
  Progress search;                  // of the one that is searched now
};

class Family {
 public:
  // `progress` is called as ProofRequest::progress is, and at the end of each property; it may be empty.
  Family(std::size_t count, std::function<void(const FamilyProgress&)> progress);
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  // The network of these bytes; it lives as long as the family. Failure: as model::ReadOnnx.
  Result<const model::Network*> Read(const std::array<std::uint8_t, 32>& digest, std::span<const std::uint8_t> bytes);

  // The next property. The request's networks come from Read; its `shared` and `progress` are not used.
  ProofResult Prove(const std::string& name, ProofRequest request);
  // The same for the largest radius; see envelope.h.
  WidestProof ProveWidest(const std::string& name, ProofRequest request, const WidestLimits& limits);
  // The next property was answered without a search.
  void Skip();

  const SharedWork& work() const { return work_; }

 private:
  ProofRequest Begin(const std::string& name, ProofRequest request);
  void Report(const Progress& search) const;

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::size_t done_ = 0, count_ = 0;
  std::string name_;
  std::function<void(const FamilyProgress&)> progress_;
  std::map<std::array<std::uint8_t, 32>, std::unique_ptr<const model::Network>> networks_;
  SharedWork work_;  // after the networks that it points to
};

}  // namespace pawl::prover
