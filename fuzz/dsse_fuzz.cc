// Envelopes and statements that are accepted serialise to the same bytes again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "encoding/dsse.h"
#include "encoding/statement.h"

using namespace pawl;            // NOLINT
using namespace pawl::encoding;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckStatement(std::string_view bytes) {
  const Result<Statement> statement = ParseStatement(bytes);
  if (!statement.ok()) return Require(!statement.error().rule.empty());
  Require(!statement->subjects.empty() && SerializeStatement(*statement) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckStatement(bytes);
  const EnvelopeLimits limits{.payload_bytes_max = 2'048, .signatures_max = 4, .signature_bytes_max = 128};
  const Result<Envelope> envelope = ParseEnvelope(bytes, limits);
  if (!envelope.ok()) {
    Require(!envelope.error().rule.empty());
    return 0;
  }
  Require(SerializeEnvelope(*envelope) == bytes);
  Require(envelope->payload.size() <= 2'048 && envelope->signatures.size() <= 4);
  for (const Signature& signature : envelope->signatures) Require(signature.sig.size() <= 128);
  CheckStatement(envelope->payload);
  return 0;
}
