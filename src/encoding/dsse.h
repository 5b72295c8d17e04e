// DSSE envelopes (Dead Simple Signing Envelope, protocol version 1): a typed payload and signatures over both.
//
//   Envelope envelope{.payload_type = kInTotoPayloadType, .payload = SerializeStatement(statement), .signatures = {}};
//   const std::string to_sign = PreAuthenticationEncoding(envelope.payload_type, envelope.payload);
//   envelope.signatures.push_back({.keyid = key_text, .sig = key.Sign(to_sign)});
//   std::string bytes = SerializeEnvelope(envelope);
//
// This layer knows nothing of keys. Whoever verifies: recompute the PreAuthenticationEncoding of exactly the payload
// that is parsed afterwards, treat `keyid` as a hint, and count distinct keys, not signatures.
// Source: github.com/secure-systems-lab/dsse, protocol.md and envelope.md. Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::encoding {

class JsonObject;  // json.h

inline constexpr char kInTotoPayloadType[] = "application/vnd.in-toto+json";

struct Signature {
  std::string keyid;  // a hint, signed by nobody
  std::string sig;    // raw bytes
  bool operator==(const Signature&) const = default;
};

struct Envelope {
  std::string payload_type;
  std::string payload;  // raw bytes
  std::vector<Signature> signatures;
  bool operator==(const Envelope&) const = default;
};

struct EnvelopeLimits {
  size_t payload_bytes_max = 60'000;
  size_t signatures_max = 64;
  size_t signature_bytes_max = 8'192;  // an armoured hardware signature takes about one thousand
};

// "DSSEv1 <length of type> <type> <length of body> <body>": the bytes that are signed.
std::string PreAuthenticationEncoding(std::string_view payload_type, std::string_view payload);

// Canonical JSON: {"payload":<base64>,"payloadType":…,"signatures":[{"keyid":…,"sig":<base64>},…]}.
std::string SerializeEnvelope(const Envelope& envelope);

// Accepts exactly what SerializeEnvelope prints. Rules: those of json.h, and "dsse.too-large" for what is over a limit.
// An envelope without signatures is well-formed.
Result<Envelope> ParseEnvelope(std::string_view bytes, const EnvelopeLimits& limits = {});

// The same for an envelope inside a larger canonical document, of which `object` reads one member: what is wrong is
// reported there, and nothing may be used before its Finish().
Envelope ReadEnvelope(JsonObject object, const EnvelopeLimits& limits = {});

}  // namespace pawl::encoding
