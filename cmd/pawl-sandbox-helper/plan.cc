#include "plan.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "sandbox/helper_plan.h"

namespace pawl::sandbox::helper {

Plan::Plan(int descriptor, const char* magic) {
  void* memory = mmap(nullptr, kPlanBytesMax + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) Fail("read the plan: mmap");
  bytes_ = static_cast<char*>(memory);
  ssize_t got;
  // The offset is shared with the parent's descriptor, so it is not relied upon.
  while ((got = pread(descriptor, bytes_ + size_, kPlanBytesMax - size_, size_)) > 0)
    size_ += static_cast<uint32_t>(got);
  if (got < 0) Fail("read the plan");
  close(descriptor);
  if (strcmp(Text(), magic) != 0) Fail("read the plan: it is of another version", EPROTO);
}

Field Plan::Next() {
  Field field;
  if (size_ - position_ < sizeof field.size) Fail("read the plan: it is cut off", EPROTO);
  memcpy(&field.size, bytes_ + position_, sizeof field.size);
  position_ += sizeof field.size;
  // Every field is written with a NUL after it, which makes it usable in place.
  if (field.size >= size_ - position_) Fail("read the plan: it is cut off", EPROTO);
  field.data = bytes_ + position_;
  position_ += field.size + 1;
  if (field.data[field.size] != '\0') Fail("read the plan: a field does not end", EPROTO);
  return field;
}

std::uint64_t Plan::Number() {
  const Field field = Next();
  std::uint64_t number = 0;
  if (field.size != sizeof number) Fail("read the plan: not a number", EPROTO);
  memcpy(&number, field.data, sizeof number);
  return number;
}

}  // namespace pawl::sandbox::helper
