#include "warrant/property_check.h"

#include <span>

#include "crypto/digest.h"

namespace pawl::warrant {
namespace {

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

checker::Verdict CheckPropertyCertificate(const PropertyBytes& bytes) {
  const std::string_view proven = bytes.centre.value_or(bytes.network);
  checker::ClaimFiles files{.network = AsBytes(proven),
                            .property = bytes.spec,
                            .certificate = AsBytes(bytes.certificate),
                            .network_digest = crypto::Sha256(proven).bytes,
                            .property_digest = crypto::Sha256(bytes.spec).bytes,
                            .arithmetic = bytes.arithmetic};
  if (bytes.centre) files.candidate = AsBytes(bytes.network);
  if (bytes.baseline) {
    files.baseline = AsBytes(*bytes.baseline);
    files.baseline_digest = crypto::Sha256(*bytes.baseline).bytes;
    files.within_max = bytes.within_max;
  }
  checker::CheckLimits limits;
  limits.threads = bytes.threads;
  return checker::CheckFiles(files, limits);
}

}  // namespace pawl::warrant
