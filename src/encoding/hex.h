// Lower-case hexadecimal.
//
//   EncodeHex("\x01\xff") == "01ff"
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::encoding {

std::string EncodeHex(std::string_view bytes);
// Fails with "hex.malformed" on upper case, odd length and foreign characters.
Result<std::string> DecodeHex(std::string_view text);

}  // namespace pawl::encoding
