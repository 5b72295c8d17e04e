// From bytes to the checker's verdict: the one place where digests are taken of them, the very bytes that are parsed.
//
//   checker::Verdict verdict = CheckPropertyCertificate({network, spec, certificate, arithmetic, 2});
//   if (verdict.proven) …
//
// RequiredProofs says which certificates a candidate statement has to name, in which order; CheckRequiredProof asks
// one:
//
//   Result<std::vector<RequiredProof>> required = RequiredProofs(charter, tree, store);
//   Result<checker::Verdict> verdict = CheckRequiredProof((*required)[i], candidate.certificates[i], files, store, 2);
//   Result<void> allowed = EnvelopeAllowed(charter, (*required)[i], candidate.certificates[i], past, store);
//
// Thread safety: pure functions, but for the store that they read.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "checker/checker.h"
#include "subject/store.h"
#include "warrant/approval.h"
#include "warrant/statements.h"

namespace pawl::warrant {

struct PropertyBytes {
  std::string_view network;      // ONNX
  std::string_view spec;         // VNN-LIB
  std::string_view certificate;  // spec/certificate.md
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;
  unsigned threads = 1;
  // The network that the certificate was made for, where `network` may be another one in its envelope.
  std::optional<std::string_view> centre = {};
  // Where given, what is asked is drift from this network on the property's boxes, by `within_max` at most.
  std::optional<std::string_view> baseline = {};
  std::optional<model::Decimal> within_max = {};
};

// A file that cannot be read is a verdict with that reason, never an exception to it.
checker::Verdict CheckPropertyCertificate(const PropertyBytes& bytes);

// One certificate that the charter asks for: of a property, or of drift from the baseline on its boxes.
struct RequiredProof {
  const charter::Property* property = nullptr;  // of the charter
  Digest network;                               // of the tree
  std::optional<Digest> baseline = {};          // of drift: the baseline's network
  model::Decimal within = {};                   // of drift: what the charter allows
};

// For `tree`: of each property in the charter's order, then of drift likewise. A network that is the baseline's, byte
// for byte, has not drifted and needs no certificate of it. The baseline is read where some drift is asked for. Refused
// "property.network": the tree, or the baseline, has no such file. Errors of the store pass through.
Result<std::vector<RequiredProof>> RequiredProofs(const charter::Charter& charter, const subject::Manifest& tree,
                                                  const subject::Store& store);

// Whether the certificate that is named proves it: a property's may be that of another network, in whose envelope this
// one lies. Whether the charter lets it is another question; see EnvelopeAllowed. Errors are those of store and
// charter: a file could not be read.
Result<checker::Verdict> CheckRequiredProof(const RequiredProof& proof, const CertificateReference& named,
                                            const charter::CharterFiles& files, const subject::Store& store,
                                            unsigned threads);

// Whether the charter lets the certificate that is named prove a property: it is that of the network itself; or
// [envelope] allows no smaller radius, and its network was live at most max_generations releases before. `past` has
// what was live, oldest first. Refused "property.envelope". Other errors are those of the store.
Result<void> EnvelopeAllowed(const charter::Charter& charter, const RequiredProof& proof,
                             const CertificateReference& named, std::span<const LiveTree> past,
                             const subject::Store& store);

}  // namespace pawl::warrant
