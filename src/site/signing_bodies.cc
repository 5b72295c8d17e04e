#include "site/signing_bodies.h"

#include "encoding/json.h"

namespace pawl::site {

Result<SignedBody> ReadSignedBody(std::string_view body) {
  Result<encoding::Json> json = encoding::ParseJson(body);
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "signature");
  SignedBody read;
  read.payload = object.Base64("payload", kSignedPayloadBytesMax);
  read.principal = object.String("principal", kPrincipalBytesMax);
  if (object.Has("reason")) read.reason = object.String("reason", kReasonBytesMax);
  encoding::JsonObject assertion = object.Object("assertion");
  read.assertion.authenticator_data = assertion.Base64("authenticator_data", kAuthenticatorDataBytesMax);
  read.assertion.client_data_json = assertion.Base64("client_data_json", kClientDataBytesMax);
  read.assertion.signature_der = assertion.Base64("signature", kDerBytesMax);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return read;
}

Result<DraftBody> ReadDraftBody(std::string_view body) {
  Result<encoding::Json> json = encoding::ParseJson(body);
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "draft");
  DraftBody read;
  read.action = object.Choice<Draftable>(
      "action", {{"reject", Draftable::kReject}, {"halt", Draftable::kHalt}, {"resume", Draftable::kResume}});
  read.proposal = object.String("proposal", 64);
  read.principal = object.String("principal", kPrincipalBytesMax);
  read.reason = object.String("reason", kReasonBytesMax);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return read;
}

}  // namespace pawl::site
