// Names that stand twice in one object of a JSON text. RFC 8259 leaves open which of the values counts, and readers
// differ: what a reviewer's tool shows is then not what the subject's program reads.
//
// Thread safety: a pure function.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pawl::oversight {

// The first name that its object has already; nothing where there is none, or where the text is no JSON. Takes memory
// in proportion to the text.
std::optional<std::string> FindTwinName(std::string_view json);

}  // namespace pawl::oversight
