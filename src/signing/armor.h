// SSHSIG signatures as ssh-keygen writes and reads them: base64 in lines of 70 characters between BEGIN and END lines.
// Pawl records the raw bytes, so the loader never sees this form.
//
//   Result<crypto::Sshsig> signature = ParseArmored(text);
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "crypto/sshsig.h"
#include "result/result.h"

namespace pawl::signing {

std::string Armored(const crypto::Sshsig& signature);  // ends in a line feed

// Accepts exactly what Armored() prints, with or without the last line feed. Rule: "sshsig.malformed".
Result<crypto::Sshsig> ParseArmored(std::string_view text);

}  // namespace pawl::signing
