#include "warrant/property_check.h"

#include <span>

#include "crypto/digest.h"
#include "model/network.h"
#include "model/property.h"

namespace pawl::warrant {
namespace {

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

checker::Verdict CheckPropertyCertificate(const PropertyBytes& bytes) {
  checker::Verdict rejected;
  const Result<model::Network> network = model::ReadOnnx(AsBytes(bytes.network), model::NetworkLimits{});
  if (!network.ok()) {
    rejected.reason = network.error();
    return rejected;
  }
  const Result<model::Property> property = model::ReadVnnlib(bytes.spec, model::PropertyLimits{});
  if (!property.ok()) {
    rejected.reason = property.error();
    return rejected;
  }
  const Result<checker::Certificate> certificate = checker::ReadCertificate(AsBytes(bytes.certificate));
  if (!certificate.ok()) {
    rejected.reason = certificate.error();
    return rejected;
  }
  const checker::ClaimRequest request{.arithmetic = bytes.arithmetic,
                                      .network = crypto::Sha256(bytes.network).bytes,
                                      .property = crypto::Sha256(bytes.spec).bytes};
  checker::CheckLimits limits;
  limits.threads = bytes.threads;
  return checker::Check(*network, *property, *certificate, request, limits);
}

}  // namespace pawl::warrant
