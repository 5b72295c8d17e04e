// Any bytes are read or refused; what is read is written as the same bytes; and no bytes prove a property that has a
// counterexample (y0 = |x0| on [-1, 1], unsafe where y0 <= 0.25 or y0 >= 0.75), or less drift than there is (|x0| is up
// to 0.5 from |x0|/2). There are two layers of ReLUs, so that the second may be bounded by trees of splits of the
// first.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "checker/checker.h"
#include "checker/proof_search_for_test.h"

using namespace pawl::checker;  // NOLINT

namespace {

// y0 = share·|x0|, as share·(relu(|x0|) − relu(−|x0|)).
pawl::model::Network Magnitude(float share) {
  return *pawl::model::ReadOnnx(
      AsBytes(DenseNetworkBytes(
          {{{{1}, {-1}}, {0, 0}, true}, {{{1, 1}, {-1, -1}}, {0, 0}, true}, {{{share, -share}}, {0}, false}})),
      {});
}

struct Violated {
  pawl::model::Network network = Magnitude(1);
  pawl::model::Property property = *pawl::model::ReadVnnlib(
      "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 -1)) (assert (<= X_0 1))"
      "(assert (or (<= Y_0 0.25) (>= Y_0 0.75)))",
      {});
  pawl::model::Network baseline = Magnitude(0.5f);
  pawl::model::Decimal too_near = *pawl::model::Decimal::Parse("0.49", 3);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Violated kViolated;
  CertificateLimits limits;
  limits.nodes_max = 2000;
  limits.arguments_max = 200;
  limits.terms_max = 2000;
  limits.depth_max = 100;
  const pawl::Result<Certificate> certificate = ReadCertificate({data, size}, limits);
  if (!certificate.ok()) {
    if (certificate.error().rule.empty() || certificate.error().message.empty()) std::abort();
    return 0;
  }
  const std::string written = WriteCertificate(*certificate);
  if (written.size() != size || std::memcmp(written.data(), data, size) != 0) std::abort();
  CheckLimits check_limits;
  check_limits.certificate = limits;
  ClaimRequest request{
      .arithmetic = certificate->arithmetic, .network = certificate->network, .property = certificate->property};
  if (certificate->drift) {
    request.baseline = &kViolated.baseline;
    request.baseline_digest = certificate->drift->baseline;
    request.within_max = kViolated.too_near;
  }
  if (Check(kViolated.network, kViolated.property, *certificate, request, check_limits).proven) std::abort();
  return 0;
}
