#include "warrant/warrant.h"

#include "encoding/base64.h"
#include "encoding/json.h"

namespace pawl::warrant {
namespace {

using encoding::Json;
using encoding::JsonObject;

constexpr std::string_view kWarrantFormat = "pawl-warrant/v1";

// Envelopes stand in the warrant as they stand in the log, so that one reader serves both.
Json EnvelopeJson(const encoding::Envelope& envelope) { return Json::parse(encoding::SerializeEnvelope(envelope)); }

Json HashesJson(const std::vector<crypto::Digest>& hashes) {
  Json list = Json::array();
  for (const crypto::Digest& hash : hashes) list.push_back(encoding::EncodeBase64(hash.Raw()));
  return list;
}

std::vector<crypto::Digest> TakeHashes(JsonObject& object, const char* name) {
  std::vector<crypto::Digest> hashes;
  for (const std::string& text : object.Strings(name, kConsistencyHashesMax)) {
    Result<std::string> raw = encoding::DecodeBase64(text);
    Result<crypto::Digest> digest = raw.ok() ? crypto::Digest::FromRaw(*raw) : Result<crypto::Digest>(raw.error());
    if (!digest.ok()) {
      object.Fail(digest.error().rule, name, "holds something that is not a hash");
      break;
    }
    hashes.push_back(*digest);
  }
  return hashes;
}

}  // namespace

std::string WriteWarrant(const Warrant& warrant) {
  Json votes = Json::array();
  for (const encoding::Envelope& vote : warrant.votes) votes.push_back(EnvelopeJson(vote));
  return encoding::CanonicalJson({{"format", kWarrantFormat},
                                  {"candidate", EnvelopeJson(warrant.candidate)},
                                  {"votes", votes},
                                  {"closing", EnvelopeJson(warrant.closing)},
                                  {"decision", EnvelopeJson(warrant.decision)},
                                  {"proof", warrant.proof},
                                  {"closing_consistency", HashesJson(warrant.closing_consistency)},
                                  {"commit_inclusion", HashesJson(warrant.commit_inclusion)},
                                  {"commit_consistency", HashesJson(warrant.commit_consistency)},
                                  {"previous_size", warrant.previous_size},
                                  {"previous_consistency", HashesJson(warrant.previous_consistency)}});
}

Result<Warrant> ReadWarrant(std::string_view bytes) {
  if (bytes.size() > kWarrantBytesMax) {
    return LimitReached("warrant.too-large", "a warrant has at most " + std::to_string(kWarrantBytesMax) + " bytes");
  }
  Result<Json> json = encoding::ParseCanonicalJson(bytes, {.bytes_max = kWarrantBytesMax});
  if (!json.ok()) return json.error();
  JsonObject object(*json, "warrant");
  object.Expect("format", kWarrantFormat);
  Warrant warrant;
  warrant.candidate = encoding::ReadEnvelope(object.Object("candidate"));
  for (JsonObject& vote : object.Objects("votes", kVotesMax)) warrant.votes.push_back(encoding::ReadEnvelope(vote));
  warrant.closing = encoding::ReadEnvelope(object.Object("closing"));
  warrant.decision = encoding::ReadEnvelope(object.Object("decision"));
  warrant.proof = object.String("proof", size_t{1} << 19);
  warrant.closing_consistency = TakeHashes(object, "closing_consistency");
  warrant.commit_inclusion = TakeHashes(object, "commit_inclusion");
  warrant.commit_consistency = TakeHashes(object, "commit_consistency");
  warrant.previous_size = static_cast<uint64_t>(object.Integer("previous_size", 0));
  warrant.previous_consistency = TakeHashes(object, "previous_consistency");
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return warrant;
}

}  // namespace pawl::warrant
