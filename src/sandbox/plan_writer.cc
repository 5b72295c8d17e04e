#include "sandbox/plan_writer.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "sandbox/helper_plan.h"
#include "sandbox/system_error.h"

namespace pawl::sandbox {

PlanWriter& PlanWriter::Text(std::string_view bytes) {
  const std::uint32_t size = static_cast<std::uint32_t>(bytes.size());
  bytes_.append(reinterpret_cast<const char*>(&size), sizeof size).append(bytes).push_back('\0');
  return *this;
}

PlanWriter& PlanWriter::Number(std::uint64_t number) {
  return Text(std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
}

Result<Descriptor> SealedMemory(const std::string& bytes) {
  if (bytes.size() > kPlanBytesMax) {
    return LimitReached("sandbox.job.too-large", "arguments and environment of the job exceed one mebibyte");
  }
  Descriptor memory(memfd_create("pawl-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return SystemCallFailed("sandbox.setup.memory-file", "cannot create a memory file");
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(memory.get(), bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return SystemCallFailed("sandbox.setup.memory-file", "cannot write a memory file");
    done += static_cast<std::size_t>(written);
  }
  if (lseek(memory.get(), 0, SEEK_SET) != 0 ||
      fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return SystemCallFailed("sandbox.setup.memory-file", "cannot seal a memory file");
  }
  return memory;
}

}  // namespace pawl::sandbox
