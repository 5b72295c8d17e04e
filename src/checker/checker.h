// The checker: whether a certificate proves a property of a network.
//
//   Result<Certificate> certificate = ReadCertificate(bytes, limits);
//   Verdict verdict = Check(network, property, *certificate, {Arithmetic::kFloat32, network_digest, property_digest});
//   if (verdict.proven) ...                       // and only then
//
// The caller reads each file once, takes digests of the bytes it read, and passes those: the checker does no I/O. What
// is claimed, under which arithmetic, and when yes may be said is fixed in spec/certificate.md.
//
// Thread safety: pure function. Requires the default floating-point environment (tested; anything else is refused).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "checker/envelope.h"
#include "model/network.h"
#include "model/property.h"
#include "result/result.h"

namespace pawl::checker {

// What the caller wants to have proven, and of which files.
struct ClaimRequest {
  Arithmetic arithmetic = Arithmetic::kReal;
  Digest network{};   // of the bytes that `network` was read from
  Digest property{};  // of the bytes that `property` was read from
  // Not null: that the network's outputs stay near this network's on the property's boxes, instead of the property.
  const model::Network* baseline = nullptr;
  Digest baseline_digest{};  // of the bytes that it was read from
  std::optional<model::Decimal> within_max =
      {};  // the bounds may not be above it; none: whatever the certificate's are
};

// Checked before the work in question begins.
struct CheckLimits {
  CertificateLimits certificate;   // for certificates that were not read with ReadCertificate, too
  double operations_max = 1e14;    // multiplications and additions, estimated from above
  double scratch_bytes_max = 1e9;  // a thread
  unsigned threads = 1;            // 1 to 1024; the verdict does not depend on it
};

// Starts as rejected. `proven` is set in one place, by one conjunction.
struct Verdict {
  bool proven = false;
  // Why not; meaningless where proven. kRefused: the certificate does not prove this claim (rules "checker.digest",
  // "checker.arithmetic", "checker.cases", "checker.conjunctions", "checker.groups", "checker.root", "checker.tree",
  // "checker.split", "checker.row", "checker.leaf", "checker.baseline" (of drift from another network, from none, or of
  // no drift), "checker.within" (of drift, beyond what was asked for), ...). kMalformed, kLimit, kSystem: it could not
  // be decided.
  Error reason{ErrorCode::kInternal, "checker.not-run", "the certificate was not checked", {}};
  // Where not 0, yes rests on an assumption: that each Sigmoid and Tanh is computed within error + error·|value|.
  double assumed_error = 0;
  // For reports only.
  std::uint64_t leaves = 0;    // that were confirmed
  std::uint32_t depth = 0;     // of the deepest leaf
  double smallest_margin = 0;  // over the confirmed leaves; 0 where there is none
  // Likewise, from CheckFiles, where all files could be read:
  std::optional<Arithmetic> arithmetic = {};
  std::vector<TensorRadius> radii = {};  // of the certificate
  std::vector<double> distances = {};    // of a candidate: one a radius
  std::optional<Drift> drift = {};       // of the certificate
};

// An envelope is proven where its centre is proven with its radii; whether another network is in it is for
// MeasureDistances to say (envelope.h), or for CheckFiles.
Verdict Check(const model::Network& network, const model::Property& stated, const Certificate& certificate,
              const ClaimRequest& request, const CheckLimits& limits = {});

// Everything from bytes to the verdict.
struct ClaimFiles {
  std::span<const std::uint8_t> network;  // ONNX: what the certificate was made for, an envelope's centre
  std::string_view property;              // VNN-LIB
  std::span<const std::uint8_t> certificate;
  Digest network_digest{}, property_digest{};  // of these bytes
  std::optional<Arithmetic> arithmetic = {};   // none: the certificate's own
  // Another network, of which the proof is to hold as well because it lies in the envelope; see MeasureDistances.
  std::optional<std::span<const std::uint8_t>> candidate = {};
  // As in ClaimRequest.
  std::optional<std::span<const std::uint8_t>> baseline = {};
  Digest baseline_digest{};
  std::optional<model::Decimal> within_max = {};
};

// A file that cannot be read is a verdict with that reason.
Verdict CheckFiles(const ClaimFiles& files, const CheckLimits& limits = {});

}  // namespace pawl::checker
