#include "cli/live_envelopes.h"

#include <map>
#include <vector>

#include "checker/certificate.h"
#include "cli/command.h"
#include "storage/named_file.h"
#include "warrant/property_check.h"

namespace pawl::cli {
namespace {

// The certificates of the live release's candidate statement.
std::vector<warrant::CertificateReference> LiveCertificates(const audit::History& history) {
  std::vector<warrant::CertificateReference> certificates;
  for (const audit::ProposalHistory& past : history.proposals())
    if (past.candidate && past.candidate->tree == history.live_tree()) certificates = past.candidate->certificates;
  return certificates;
}

}  // namespace

Result<bool> WriteLiveEnvelopes(gate::Gate& gate, const std::string& folder) {
  const charter::Charter& charter = gate.charter();
  if (!charter.envelope) return false;
  const audit::History& history = gate.log().history();
  const std::vector<warrant::CertificateReference> live = LiveCertificates(history);
  encoding::Json list = encoding::Json::array();
  std::map<crypto::Digest, std::string> centres;
  for (size_t i = 0; i < charter.properties.size(); ++i) {
    const charter::Property& property = charter.properties[i];
    if (i >= live.size() || live[i].property != property.name) return false;
    // As it would be asked of a network that is not the centre.
    const Result<void> allowed = warrant::EnvelopeAllowed(charter, {.property = &property, .network = {}}, live[i],
                                                          history.live_trees(), gate.log().store());
    if (!allowed.ok() && allowed.error().rule == "property.envelope") return false;
    if (!allowed.ok()) return allowed.error();
    Result<std::string> bytes = gate.log().store().ReadBlob(live[i].certificate, subject::kFileBytesMax);
    if (!bytes.ok()) return bytes.error();
    const Result<checker::Certificate> certificate = checker::ReadCertificate(storage::AsBytes(*bytes));
    if (!certificate.ok()) return certificate.error();
    if (certificate->radii.empty()) return false;
    const crypto::Digest centre{certificate->network};
    if (!centres.contains(centre)) {
      Result<std::string> network = gate.log().store().ReadBlob(centre, subject::kFileBytesMax);
      if (!network.ok()) return network.error();
      centres[centre] = std::move(*network);
    }
    encoding::Json radii = encoding::Json::object();
    for (const checker::TensorRadius& radius : certificate->radii) radii[radius.tensor] = radius.radius;
    list.push_back({{"property", property.name},
                    {"network", property.network},
                    {"centre", centre.Hex() + ".onnx"},
                    {"radii", radii}});
  }
  for (const auto& [digest, bytes] : centres) {
    if (Result<void> written = storage::WriteNamedFile(folder + "/" + digest.Hex() + ".onnx", bytes); !written.ok())
      return written.error();
  }
  if (Result<void> written = storage::WriteNamedFile(folder + "/envelopes.json", list.dump(1) + "\n"); !written.ok())
    return written.error();
  return true;
}

}  // namespace pawl::cli
