// JSON Pointers (RFC 6901): "/a/b~1c" names member "b/c" of member "a".
//
// Thread safety: a pure function.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::oversight {

// The tokens, unescaped; none for text that is no pointer. "" is the whole value.
std::optional<std::vector<std::string>> ParseJsonPointer(std::string_view text);

}  // namespace pawl::oversight
