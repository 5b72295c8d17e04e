// A planted crash: see fuzz/CMakeLists.txt.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Byte by byte, so that each right guess is new coverage and blind search would need 2^32 tries.
  if (size > 3 && data[0] == 'p' && data[1] == 'a' && data[2] == 'w' && data[3] == 'l') {
    std::puts("the canary was found");
    std::fflush(stdout);
    std::abort();
  }
  return 0;
}
