// What a live release says to verifiers of others: in-toto statements, to be signed by signing/sigstore_bundle.h.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "crypto/digest.h"
#include "subject/manifest.h"

namespace pawl::ledger {

// OpenSSF Model Signing (OMS), predicate type https://model_signing/signature/v1.0: the manifest, whose canonical form
// is that predicate already (spec/manifest.md). The statement's own digest is the SHA-256 of the files' digests, one
// after the other in the manifest's order.
std::string ModelSignatureStatement(const std::string& name, const subject::Manifest& manifest);

// SLSA verification summary, predicate type https://slsa.dev/verification_summary/v1: the tree was checked against the
// charter, with the warrant as evidence, and passed. Whoever makes it has checked that.
struct VerificationSummary {
  std::string subject;
  std::string resource;  // the charter's resource URI
  crypto::Digest tree, charter, warrant;
  int64_t time_s = 0;  // of the check, POSIX seconds
};
std::string VerificationSummaryStatement(const VerificationSummary& summary);

}  // namespace pawl::ledger
