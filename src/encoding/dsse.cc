#include "encoding/dsse.h"

#include "encoding/base64.h"
#include "encoding/json.h"

namespace pawl::encoding {

namespace {
constexpr size_t kLabelBytesMax = 1'024;  // of a payload type or a key id
}

std::string PreAuthenticationEncoding(std::string_view payload_type, std::string_view payload) {
  std::string bytes = "DSSEv1";
  for (const std::string_view part : {payload_type, payload}) {
    bytes += " " + std::to_string(part.size()) + " ";
    bytes += part;
  }
  return bytes;
}

std::string SerializeEnvelope(const Envelope& envelope) {
  Json signatures = Json::array();
  for (const Signature& signature : envelope.signatures) {
    signatures.push_back({{"keyid", signature.keyid}, {"sig", EncodeBase64(signature.sig)}});
  }
  return CanonicalJson({{"payload", EncodeBase64(envelope.payload)},
                        {"payloadType", envelope.payload_type},
                        {"signatures", std::move(signatures)}});
}

Result<Envelope> ParseEnvelope(std::string_view bytes, const EnvelopeLimits& limits) {
  // Base64 takes 4/3, a character of a label at most six bytes when escaped, the names around them less than 100.
  const auto encoded_max = [](size_t raw) { return (raw + 2) / 3 * 4 + 6 * kLabelBytesMax + 100; };
  JsonLimits json_limits{.bytes_max = encoded_max(limits.payload_bytes_max) +
                                      limits.signatures_max * encoded_max(limits.signature_bytes_max),
                         .depth_max = 3,
                         .elements_max = 4 + 3 * limits.signatures_max};
  const Result<Json> json = ParseCanonicalJson(bytes, json_limits);
  if (!json.ok()) return json.error();
  JsonObject object(*json, "envelope");
  Envelope envelope = ReadEnvelope(object, limits);
  if (const Result<void> read = object.Finish(); !read.ok()) return read.error();
  return envelope;
}

Envelope ReadEnvelope(JsonObject object, const EnvelopeLimits& limits) {
  Envelope envelope;
  envelope.payload_type = object.String("payloadType", kLabelBytesMax);
  envelope.payload = object.Base64("payload", limits.payload_bytes_max);
  for (JsonObject& item : object.Objects("signatures", limits.signatures_max)) {
    envelope.signatures.push_back(
        {.keyid = item.String("keyid", kLabelBytesMax), .sig = item.Base64("sig", limits.signature_bytes_max)});
  }
  return envelope;
}

}  // namespace pawl::encoding
