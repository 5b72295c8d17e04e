// What people post to be drafted or to be signed, read before anything is looked up. Text alone: no file, no ledger and
// no charter; whether a signature is somebody's is for the desk to say.
//
//   Result<SignedBody> given = ReadSignedBody(body);      // POST …/signatures
//   Result<DraftBody> asked = ReadDraftBody(body);        // POST …/drafts
//
// Bodies are somebody else's. fuzz/http_fuzz.cc holds these to what they promise. Failures are kMalformed "json.*".
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "result/result.h"
#include "signing/passkey.h"

namespace pawl::site {

inline constexpr size_t kSignedPayloadBytesMax = size_t{64} << 10;
inline constexpr size_t kPrincipalBytesMax = 256;
inline constexpr size_t kReasonBytesMax = 1'000;
inline constexpr size_t kAuthenticatorDataBytesMax = 4'096, kClientDataBytesMax = 8'192, kDerBytesMax = 256;

struct SignedBody {
  std::string payload;
  std::string principal;
  std::string reason;  // of an approval, where others spoke against
  signing::WebauthnAssertion assertion;
};
Result<SignedBody> ReadSignedBody(std::string_view body);

enum class Draftable { kReject, kHalt, kResume };

struct DraftBody {
  Draftable action = Draftable::kReject;
  std::string proposal;
  std::string principal;
  std::string reason;
};
Result<DraftBody> ReadDraftBody(std::string_view body);

}  // namespace pawl::site
