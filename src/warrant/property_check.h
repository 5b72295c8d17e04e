// From bytes to the checker's verdict: the one place where digests are taken of them, the very bytes that are parsed.
//
//   checker::Verdict verdict = CheckPropertyCertificate({network, spec, certificate, arithmetic, 2});
//   if (verdict.proven) …
//
// Thread safety: pure function.
#pragma once

#include <optional>
#include <string_view>

#include "checker/checker.h"

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

}  // namespace pawl::warrant
