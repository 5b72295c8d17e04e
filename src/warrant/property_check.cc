#include "warrant/property_check.h"

#include <algorithm>
#include <span>

#include "encoding/number.h"

namespace pawl::warrant {
namespace {

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The network that the certificate was made for; what cannot be read is refused as one for the proof's own.
Digest CentreOf(const RequiredProof& proof, std::string_view certificate) {
  const auto read = checker::ReadCertificate(AsBytes(certificate));
  return read.ok() ? Digest{read->network} : proof.network;
}

Result<Digest> NetworkOf(const subject::Manifest& tree, const charter::Property& property, const char* whose) {
  if (const subject::FileEntry* file = tree.Find(property.network)) return file->digest;
  return Refused("property.network", "'" + property.name + "': " + whose + " has no file " + property.network);
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

Result<std::vector<RequiredProof>> RequiredProofs(const charter::Charter& charter, const subject::Manifest& tree,
                                                  const subject::Store& store) {
  std::vector<RequiredProof> required, drifts;
  std::optional<subject::Manifest> baseline;
  for (const charter::Property& property : charter.properties) {
    Result<Digest> network = NetworkOf(tree, property, "the tree");
    if (!network.ok()) return network.error();
    required.push_back({&property, *network});
    if (property.drift_within <= 0) continue;
    if (!baseline) {
      Result<subject::Manifest> read = store.ReadManifest(charter.subject.baseline);
      if (!read.ok()) return read.error();
      baseline = std::move(*read);
    }
    Result<Digest> from = NetworkOf(*baseline, property, "the baseline");
    if (!from.ok()) return from.error();
    // As it is written, not as the double that is nearest.
    Result<model::Decimal> within = model::Decimal::Parse(encoding::NumberText(property.drift_within), 20);
    if (!within.ok()) return within.error();
    if (*from != *network) drifts.push_back({&property, *network, *from, std::move(*within)});
  }
  required.insert(required.end(), drifts.begin(), drifts.end());
  return required;
}

Result<checker::Verdict> CheckRequiredProof(const RequiredProof& proof, const CertificateReference& named,
                                            const charter::CharterFiles& files, const subject::Store& store,
                                            unsigned threads) {
  const charter::Property& property = *proof.property;
  checker::Verdict verdict;
  verdict.reason = Refused("property.certificate", "the certificate named is about something else");
  const subject::FileEntry* spec = files.manifest.Find(property.spec);
  if (spec == nullptr || named.property != property.name || named.network != proof.network) return verdict;
  Result<std::string> spec_bytes = files.read(spec->digest, subject::kFileBytesMax);
  if (!spec_bytes.ok()) return spec_bytes.error();
  std::vector<std::string> blobs;
  for (const Digest& digest : {proof.network, named.certificate}) {
    Result<std::string> bytes = store.ReadBlob(digest, subject::kFileBytesMax);
    if (!bytes.ok()) return bytes.error();
    blobs.push_back(std::move(*bytes));
  }
  const Digest beside = proof.baseline.value_or(CentreOf(proof, blobs[1]));
  const Result<std::string> beside_bytes = store.ReadBlob(beside, subject::kFileBytesMax);
  if (!beside_bytes.ok() && (proof.baseline || beside_bytes.error().code != ErrorCode::kNotFound))
    return beside_bytes.error();
  verdict.reason = Refused("property.certificate", "the network that the certificate was made for is not there");
  if (!beside_bytes.ok()) return verdict;
  const bool is_real = property.arithmetic == charter::Arithmetic::kReal;
  PropertyBytes bytes{blobs[0], *spec_bytes, blobs[1],
                      is_real ? checker::Arithmetic::kReal : checker::Arithmetic::kFloat32, threads};
  if (proof.baseline) {
    bytes.baseline = *beside_bytes;
    bytes.within_max = proof.within;
  } else if (beside != proof.network) {
    bytes.centre = *beside_bytes;
  }
  return CheckPropertyCertificate(bytes);
}

Result<void> EnvelopeAllowed(const charter::Charter& charter, const RequiredProof& proof,
                             const CertificateReference& named, std::span<const LiveTree> past,
                             const subject::Store& store) {
  const auto no = [](const std::string& words) { return Refused("property.envelope", words); };
  if (proof.baseline) return {};
  const Result<std::string> bytes = store.ReadBlob(named.certificate, subject::kFileBytesMax);
  if (!bytes.ok()) return bytes.error();
  const Digest centre = CentreOf(proof, *bytes);
  if (centre == proof.network) return {};
  if (!charter.envelope) return no("the certificate is about another network, and the charter has no [envelope]");
  const auto certificate = checker::ReadCertificate(AsBytes(*bytes));
  if (!certificate.ok()) return certificate.error();
  for (const checker::TensorRadius& radius : certificate->radii) {
    if (!(radius.radius <= charter.envelope->radius_max))
      return no("the certificate lets tensor '" + radius.tensor + "' move further than envelope.max_radius");
  }
  const auto generations_max = static_cast<size_t>(charter.envelope->generations_max);
  for (const LiveTree& live : past.last(std::min(past.size(), generations_max))) {
    const Result<subject::Manifest> manifest = store.ReadManifest(live.tree);
    if (!manifest.ok()) return manifest.error();
    const subject::FileEntry* network = manifest->Find(proof.property->network);
    if (network != nullptr && network->digest == centre) return {};
  }
  return no("the certificate's network was not live in the last " + std::to_string(generations_max) + " releases");
}

}  // namespace pawl::warrant
