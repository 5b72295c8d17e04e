// A loader's state that is read is written as the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "warrant/state.h"

using namespace pawl;           // NOLINT
using namespace pawl::warrant;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Result<State> state = ReadState(bytes);
  if (!state.ok()) {
    if (state.error().rule.empty() || state.error().message.empty()) std::abort();
    return 0;
  }
  if (WriteState(*state) != bytes || state->releases.size() > kPastReleasesMax) std::abort();
  return 0;
}
