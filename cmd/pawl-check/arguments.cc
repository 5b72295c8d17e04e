#include "pawl-check/arguments.h"

namespace pawl::check {

Error Usage(std::string message) { return {ErrorCode::kUsage, "usage", std::move(message), "pawl-check --help"}; }

Result<void> Arguments::Parse(int count, const char* const* words) {
  for (int i = 0; i < count; ++i) {
    const std::string word = words[i];
    if (word.rfind("--", 0) != 0) {
      words_.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    std::string value;
    if (flags_.contains(name)) {
      if (equals != std::string::npos) return Usage(name + " takes no value");
    } else if (!with_value_.contains(name)) {
      return Usage("unknown option " + name);
    } else if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (i + 1 < count) {
      value = words[++i];
    } else {
      return Usage(name + " takes a value");
    }
    if (!values_.emplace(name, value).second) return Usage(name + " stands twice");
  }
  return {};
}

}  // namespace pawl::check
