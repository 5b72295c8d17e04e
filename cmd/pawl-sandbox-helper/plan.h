// Reads a plan (sandbox/helper_plan.h) from a descriptor.
#pragma once

#include <cstdint>

namespace pawl::sandbox::helper {

// A field's bytes; always followed by a NUL that is not counted, so that text can be handed to the kernel.
struct Field {
  char* data = nullptr;
  std::uint32_t size = 0;
};

class Plan {
 public:
  // Reads the whole plan, checks its magic and closes the descriptor. Any malformed plan is the end of the process, by
  // control.h's Fail: only our own parent writes plans.
  Plan(int descriptor, const char* magic);

  Field Next();
  char* Text() { return Next().data; }
  std::uint64_t Number();

 private:
  char* bytes_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t position_ = 0;
};

}  // namespace pawl::sandbox::helper
