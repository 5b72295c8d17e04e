#include "warrant/property_check.h"

#include <span>

#include "encoding/number.h"

namespace pawl::warrant {
namespace {

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
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
  for (const Digest& digest : {proof.network, named.certificate, proof.baseline.value_or(proof.network)}) {
    Result<std::string> bytes = store.ReadBlob(digest, subject::kFileBytesMax);
    if (!bytes.ok()) return bytes.error();
    blobs.push_back(std::move(*bytes));
  }
  const bool is_real = property.arithmetic == charter::Arithmetic::kReal;
  PropertyBytes bytes{blobs[0], *spec_bytes, blobs[1],
                      is_real ? checker::Arithmetic::kReal : checker::Arithmetic::kFloat32, threads};
  if (proof.baseline) {
    bytes.baseline = blobs[2];
    bytes.within_max = proof.within;
  }
  return CheckPropertyCertificate(bytes);
}

}  // namespace pawl::warrant
