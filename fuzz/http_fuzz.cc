// What is asked of the page's API is read as it was written: no list is longer than allowed, a name is what stands in
// the path, and nobody passes for this machine, a page of ours, an address or somebody who has logged in. A body to be
// signed or drafted has each member once and no other, and no passkey's signature is made out of one.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "crypto/digest.h"
#include "crypto/sshsig.h"
#include "encoding/base64.h"
#include "encoding/json.h"
#include "site/login.h"
#include "site/request.h"
#include "site/signing_bodies.h"

using namespace pawl;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckQuery(std::string_view query) {
  const Result<site::Slice> slice = site::ReadSlice(query);
  if (!slice.ok()) return Require(slice.error().rule == "site.query");
  Require(slice->count <= site::kPageMax);
  const std::string written = "first=" + std::to_string(slice->first) + "&count=" + std::to_string(slice->count);
  const Result<site::Slice> again = site::ReadSlice(written);
  Require(again.ok() && again->first == slice->first && again->count == slice->count);
}

void CheckPath(std::string_view path) {
  int matched = 0;
  for (const std::string pattern : {"", "/proposals", "/proposals/{proposal}", "/proposals/{proposal}/diff", "/ledger",
                                    "/ledger/{index}", "/events"}) {
    std::string name;
    if (!site::MatchesPattern(pattern, path, name)) continue;
    ++matched;
    std::string written = pattern;
    if (const size_t open = pattern.find('{'); open != pattern.npos) {
      Require(!name.empty() && name.find('/') == name.npos);
      written.replace(open, pattern.find('}') + 1 - open, name);
    }
    Require(written == path);
  }
  Require(matched <= 1);
}

// Whoever reads what was written from the parts reads the same parts.
void CheckSigned(std::string_view body) {
  const Result<site::SignedBody> given = site::ReadSignedBody(body);
  if (!given.ok()) return Require(given.error().rule.starts_with("json."));
  const signing::WebauthnAssertion& parts = given->assertion;
  Require(given->payload.size() <= site::kSignedPayloadBytesMax && given->reason.size() <= site::kReasonBytesMax);
  Require(parts.authenticator_data.size() <= site::kAuthenticatorDataBytesMax &&
          parts.client_data_json.size() <= site::kClientDataBytesMax &&
          parts.signature_der.size() <= site::kDerBytesMax);
  const encoding::Json json = {{"payload", encoding::EncodeBase64(given->payload)},
                               {"principal", given->principal},
                               {"reason", given->reason},
                               {"assertion",
                                {{"authenticator_data", encoding::EncodeBase64(parts.authenticator_data)},
                                 {"client_data_json", encoding::EncodeBase64(parts.client_data_json)},
                                 {"signature", encoding::EncodeBase64(parts.signature_der)}}}};
  const Result<site::SignedBody> again = site::ReadSignedBody(json.dump());
  Require(again.ok() && again->payload == given->payload && again->principal == given->principal &&
          again->reason == given->reason && again->assertion.client_data_json == parts.client_data_json &&
          again->assertion.signature_der == parts.signature_der);
  // A key whose private half nobody has here: of tests/vectors/sshsig.json, as a charter lists it.
  static const crypto::SshPublicKey key = *crypto::SshPublicKey::ParseLine(
      "webauthn-sk-ecdsa-sha2-nistp256@openssh.com "
      "AAAAK3dlYmF1dGhuLXNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBPtQOI"
      "8pSY0Kk60l7Ew0A3udPMPMpHh+tv7aviswA+rIn3dlyp1iiOb/c09c0I86WSHPVLIbs5i1CsDSV3+gdHIAAAAScmV2"
      "aWV3LmV4YW1wbGUub3Jn");
  const auto wrapped = signing::SshsigFromAssertion(parts, key, "approve@pawl", crypto::SshsigHash::kSha256);
  if (!wrapped.ok()) return Require(wrapped.error().rule == "sshsig.malformed");
  Require(parts.authenticator_data.starts_with(crypto::Sha256(key.application).Raw()));
  Require(crypto::Sshsig::ParseRaw(wrapped->Raw()).ok());
  Require(!crypto::VerifySshsig(*wrapped, given->payload, "approve@pawl", key).ok());
}

void CheckDraft(std::string_view body) {
  const Result<site::DraftBody> asked = site::ReadDraftBody(body);
  if (!asked.ok()) return Require(asked.error().rule.starts_with("json."));
  Require(asked->proposal.size() <= 64 && asked->principal.size() <= site::kPrincipalBytesMax &&
          asked->reason.size() <= site::kReasonBytesMax);
}

}  // namespace

// The target, then the head's lines, then after an empty one the body. The first byte says who sends it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string secret(32, 's');
  static const site::Login login(secret);
  constexpr const char* kPeers[] = {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::", ""};
  if (size == 0) return 0;
  server::HttpRequest request{.method = "GET", .target = {}, .body = {}, .peer = kPeers[data[0] % std::size(kPeers)]};
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto line = [&] {
    const std::string_view taken = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), taken.size() + 1));
    return taken;
  };
  request.target = line();
  for (std::string_view field = line(); !field.empty(); field = line()) {
    const size_t colon = std::min(field.find(": "), field.size());
    request.fields.emplace_back(field.substr(0, colon), field.substr(std::min(colon + 2, field.size())));
  }
  request.body = rest;

  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  CheckPath(path);
  CheckQuery(target.substr(std::min(target.size(), path.size() + 1)));

  CheckSigned(request.body);
  CheckDraft(request.body);

  const bool is_here = request.peer == "127.0.0.1" || request.peer == "::1";
  Require(site::IsFromHere(request) == is_here);
  const std::string peer = site::PeerOf(request);
  Require(peer == request.peer || (is_here && !peer.empty() && peer.size() <= 64 && peer.find(' ') == peer.npos));

  const std::string host = request.Field("host").value_or("");
  if (site::IsIpAddress(host)) Require(host.find_first_of("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ") == host.npos);
  const std::string origin = request.Field("origin").value_or("");
  if (site::IsOurOrigin(origin, {"localhost:8440"})) {
    Require(origin == "http://localhost:8440" || origin == "https://localhost:8440");
  }
  if (const auto who = login.Who(request)) {
    Require(is_here && !who->empty() && who->find(':') == who->npos);
    Require(request.Field("authorization") == "Basic " + encoding::EncodeBase64(*who + ":" + secret));
  }
  return 0;
}
