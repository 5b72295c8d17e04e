#include "ledger/exported_statements.h"

#include <cassert>

#include "encoding/json.h"
#include "encoding/statement.h"
#include "encoding/time.h"
#include "storage/hasher.h"

namespace pawl::ledger {

using encoding::Json;

std::string ModelSignatureStatement(const std::string& name, const subject::Manifest& manifest) {
  storage::Sha256Hasher hasher;
  for (const subject::FileEntry& file : manifest.files) hasher.Update(file.digest.Raw());
  Result<Json> predicate = encoding::ParseCanonicalJson(
      subject::SerialiseManifest(manifest),
      {.bytes_max = subject::kManifestBytesMax, .elements_max = 5 * subject::kManifestFilesMax});
  assert(predicate.ok());  // we wrote it
  return encoding::SerializeStatement({.subjects = {{name, hasher.Finish().Text()}},
                                       .predicate_type = "https://model_signing/signature/v1.0",
                                       .predicate = std::move(*predicate)});
}

std::string VerificationSummaryStatement(const VerificationSummary& summary) {
  const auto digest = [](const crypto::Digest& of) { return Json{{"sha256", of.Hex()}}; };
  return encoding::SerializeStatement(
      {.subjects = {{summary.subject, summary.tree.Text()}},
       .predicate_type = "https://slsa.dev/verification_summary/v1",
       .predicate = {
           {"verifier", {{"id", "urn:pawl:check"}}},
           {"timeVerified", encoding::TimeText(summary.time_s)},
           {"resourceUri", summary.resource},
           {"policy", {{"uri", "urn:pawl:charter:" + summary.charter.Text()}, {"digest", digest(summary.charter)}}},
           {"inputAttestations", Json::array({{{"uri", "urn:pawl:warrant:" + summary.warrant.Text()},
                                               {"digest", digest(summary.warrant)}}})},
           {"verificationResult", "PASSED"},
           {"verifiedLevels", Json::array({"SLSA_BUILD_LEVEL_UNEVALUATED"})}}});
}

}  // namespace pawl::ledger
