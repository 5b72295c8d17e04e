#include "landlock.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>

#include "control.h"

namespace pawl::sandbox::helper {
namespace {

// The kernel's ABI, by value: the headers of Debian 12 end at ABI 2.
// Bits 4 to 12 are the removing and making of entries by kind; only those that are treated apart have names.
constexpr std::uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDirectory = 1 << 3,
                        kMakeCharacterDevice = 1 << 6, kMakeBlockDevice = 1 << 11, kRefer = 1 << 13,
                        kTruncate = 1 << 14, kDeviceIoctl = 1 << 15;
constexpr std::uint64_t kBindTcp = 1 << 0, kConnectTcp = 1 << 1;
constexpr std::uint64_t kScopeAbstractSocket = 1 << 0, kScopeSignal = 1 << 1;

struct RulesetAttributes {
  std::uint64_t files, network, scoped;
};
struct __attribute__((packed)) PathAttributes {
  std::uint64_t allowed;
  std::int32_t parent;
};

std::uint64_t FileRights(int abi) {
  std::uint64_t rights = kRefer - 1;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kDeviceIoctl;
  return rights;
}

std::size_t AttributesSize(int abi) { return (abi >= 6 ? 3 : abi >= 4 ? 2 : 1) * sizeof(std::uint64_t); }

void Allow(int ruleset, const char* path, std::uint64_t rights) {
  const int parent = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (parent < 0) Fail("Landlock: open a path");
  PathAttributes attributes{rights, parent};
  constexpr int kRulePathBeneath = 1;
  if (syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &attributes, 0) != 0) Fail("Landlock: add a rule");
  close(parent);
}

}  // namespace

void RestrictFiles(int abi) {
  if (abi <= 0) return;
  const std::uint64_t known = FileRights(abi);
  RulesetAttributes attributes{known, 0, 0};
  if (abi >= 4) attributes.network = kBindTcp | kConnectTcp;
  if (abi >= 6) attributes.scoped = kScopeAbstractSocket | kScopeSignal;
  const int ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, AttributesSize(abi), 0));
  if (ruleset < 0) Fail("Landlock: create a ruleset");
  Allow(ruleset, "/", kExecute | kReadFile | kReadDirectory);
  const std::uint64_t contents = (kReadFile | kWriteFile | kTruncate) & known;
  // Everything but device nodes, which are allowed nowhere, and ioctl on devices.
  const std::uint64_t all_but_devices = known & ~(kMakeCharacterDevice | kMakeBlockDevice | kDeviceIoctl);
  for (const char* directory : {"/tmp", "/out", "/dev/shm"}) Allow(ruleset, directory, all_but_devices);
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    Allow(ruleset, device, contents);
  }
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) Fail("Landlock: restrict");
  close(ruleset);
}

}  // namespace pawl::sandbox::helper
