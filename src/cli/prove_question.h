// What `pawl prove` is asked: its options, and the files that they name, read once.
//
//   Result<ProofQuestion> question = ReadProofQuestion(options);
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "checker/certificate.h"
#include "crypto/digest.h"
#include "model/decimal.h"
#include "model/network.h"
#include "model/property.h"
#include "result/result.h"

namespace pawl::cli {

inline constexpr double kProveTimeout_s = 600;

struct ProveOptions {
  std::string network, property;
  std::string certificate, counterexample, vnncomp;  // where to write them; empty: nowhere
  std::string checkpoint, resume;                    // where to leave an unfinished search; where to go on from
  std::string parent;                                // certificate of the network that this one was changed from
  std::string arithmetic;                            // empty: the network's own
  std::optional<std::string> weight_radius;          // none: of the network alone
  std::string against, within;                       // baseline and bound; empty: the property itself, no drift
  std::string charter, baseline;                     // their folders; empty: one property, or a list
  std::string workers, worker_keys;                  // URL of their queue, and who they are; empty: nobody
  double part_s = 5, alone_s = 1;
  size_t parts_min = 64;
  double timeout_s = kProveTimeout_s;
  bool timeout_given = false;
  unsigned threads = 2;
  uint64_t memory_mib = 4096;
};

struct ProofQuestion {
  model::Network network;
  model::Property property;
  crypto::Digest network_digest, property_digest;
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;
  std::string network_bytes, property_bytes;  // for workers alone
  // Of drift:
  std::optional<model::Network> baseline;
  crypto::Digest baseline_digest;
  model::Decimal within;
};

// Each file is read once; digests are of the bytes that are parsed.
Result<ProofQuestion> ReadProofQuestion(const ProveOptions& options);

}  // namespace pawl::cli
