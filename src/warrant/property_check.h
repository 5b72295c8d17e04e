// From bytes to the checker's verdict: the one place where network, specification and certificate are read for it.
//
//   checker::Verdict verdict = CheckPropertyCertificate({network, spec, certificate, arithmetic, 2});
//   if (verdict.proven) …
//
// Digests are taken of the very bytes that are parsed. Thread safety: pure function.
#pragma once

#include <string_view>

#include "checker/checker.h"

namespace pawl::warrant {

struct PropertyBytes {
  std::string_view network;      // ONNX
  std::string_view spec;         // VNN-LIB
  std::string_view certificate;  // spec/certificate.md
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;
  unsigned threads = 1;
};

// A file that cannot be read is a verdict with that reason, never an exception to it.
checker::Verdict CheckPropertyCertificate(const PropertyBytes& bytes);

}  // namespace pawl::warrant
