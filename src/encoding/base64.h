// Standard base64 with padding (RFC 4648 section 4), and its URL-safe form without padding (section 5).
//
//   std::string text = EncodeBase64(bytes);
//   Result<std::string> bytes = DecodeBase64(text);   // refuses every text that EncodeBase64 would not print
//
// Bytes are std::string throughout: any value, NUL included. Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::encoding {

std::string EncodeBase64(std::string_view bytes);
// Fails with "base64.malformed" on white space, missing padding, foreign characters and non-zero trailing bits. The
// result is never longer than three quarters of the text.
Result<std::string> DecodeBase64(std::string_view text);

// The alphabet with '-' and '_' and no padding, as WebAuthn writes challenges.
std::string EncodeBase64Url(std::string_view bytes);

}  // namespace pawl::encoding
