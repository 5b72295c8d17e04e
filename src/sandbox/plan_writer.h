// Writes the plans that pawl-sandbox-helper reads (helper_plan.h), and bubblewrap's arguments, into sealed memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "result/result.h"
#include "sandbox/descriptor.h"

namespace pawl::sandbox {

class PlanWriter {
 public:
  explicit PlanWriter(std::string_view magic) { Text(magic); }

  PlanWriter& Text(std::string_view bytes);
  PlanWriter& Number(std::uint64_t number);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// A memory file that holds `bytes`, positioned at its start, that nobody can change any more. kSystem if the machine
// has none left, kLimit ("sandbox.job.too-large") above kPlanBytesMax.
Result<Descriptor> SealedMemory(const std::string& bytes);

}  // namespace pawl::sandbox
