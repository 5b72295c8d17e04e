#include "encoding/dsse.h"

#include <algorithm>

#include "encoding/base64.h"
#include "encoding/json.h"

namespace pawl::encoding {
namespace {

constexpr size_t kLabelBytesMax = 1'024;  // of a payload type or a key id

constexpr size_t Base64BytesMax(size_t raw) { return (raw + 2) / 3 * 4; }

// The one canonical text of an envelope, read without a tree of values in between, which takes most of the time that
// folding a log spends on JSON. Nothing where it is any other text, and where a label has an escape or a letter beyond
// ASCII: the reader of JSON then reads it, or says what is wrong.
std::optional<Envelope> ReadPlainly(std::string_view rest, const EnvelopeLimits& limits) {
  bool good = true;
  const auto text = [&](std::string_view before, size_t bytes_max) {
    good = good && rest.starts_with(before);
    rest.remove_prefix(good ? before.size() : rest.size());
    const std::string_view found = rest.substr(0, rest.find('"'));
    good = good && found.size() < rest.size() && found.size() <= bytes_max;
    rest.remove_prefix(found.size());
    return found;
  };
  const auto label = [&](std::string_view before) {
    const std::string_view found = text(before, kLabelBytesMax);
    good = good && std::ranges::all_of(found, [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
    return std::string(found);
  };
  const auto base64 = [&](std::string_view before, size_t bytes_max) {
    Result<std::string> decoded = DecodeBase64(text(before, Base64BytesMax(bytes_max)));
    good = good && decoded.ok() && decoded->size() <= bytes_max;
    return good ? *std::move(decoded) : std::string();
  };
  Envelope envelope;
  envelope.payload = base64(R"({"payload":")", limits.payload_bytes_max);
  envelope.payload_type = label(R"(","payloadType":")");
  for (const char* before = R"(","signatures":[{"keyid":")"; good && rest != R"("}]})"; before = R"("},{"keyid":")") {
    good = envelope.signatures.size() < limits.signatures_max;
    Signature& signature = envelope.signatures.emplace_back();
    signature.keyid = label(before);
    signature.sig = base64(R"(","sig":")", limits.signature_bytes_max);
  }
  return good && !envelope.signatures.empty() ? std::optional(std::move(envelope)) : std::nullopt;
}

}  // namespace

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
  if (std::optional<Envelope> plain = ReadPlainly(bytes, limits)) return *std::move(plain);
  // A character of a label takes at most six bytes when escaped, the names around them less than 100.
  const auto encoded_max = [](size_t raw) { return Base64BytesMax(raw) + 6 * kLabelBytesMax + 100; };
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
