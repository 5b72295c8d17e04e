#include "oversight/json_pointer.h"

#include <algorithm>

namespace pawl::oversight {

std::optional<std::vector<std::string>> ParseJsonPointer(std::string_view text) {
  std::vector<std::string> tokens;
  if (!text.empty() && text.front() != '/') return std::nullopt;
  while (!text.empty()) {
    text.remove_prefix(1);
    const size_t end = std::min(text.find('/'), text.size());
    std::string token;
    for (size_t i = 0; i < end; ++i) {
      if (text[i] != '~') {
        token += text[i];
        continue;
      }
      if (i + 1 >= end || (text[i + 1] != '0' && text[i + 1] != '1')) return std::nullopt;
      token += text[++i] == '0' ? '~' : '/';
    }
    tokens.push_back(std::move(token));
    text.remove_prefix(end);
  }
  return tokens;
}

}  // namespace pawl::oversight
