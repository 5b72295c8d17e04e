// Any charter.toml beside fixed other files is refused with a rule, or is a charter whose thresholds can be reached and
// that somebody beside the gate enforces.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "charter/charter.h"

using namespace pawl;           // NOLINT
using namespace pawl::charter;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

const std::map<std::string, std::string>& Files() {
  static const std::map<std::string, std::string> files = {
      {"evaluate.py", "print('{}')\n"},
      {"probes.bin", std::string(32, 'p') + std::string(32, 'q')},
      {"properties/calm.vnnlib",
       "(declare-const X_0 Real)\n(declare-const X_1 Real)\n(declare-const Y_0 Real)\n(declare-const Y_1 Real)\n"
       "(assert (>= X_0 0))\n(assert (<= X_0 1))\n(assert (>= X_1 0))\n(assert (<= X_1 1))\n(assert (>= Y_0 100))\n"},
      {"approvers",
       "ann@example.org namespaces=\"approve@pawl\" sk-ssh-ed25519@openssh.com "
       "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAINuZX+JRadFByrm7upK6oB+fLh7OffTLKsBRkPN/zB+dAAAABHNzaDo=\n"
       "bob@example.org namespaces=\"approve@pawl\" sk-ssh-ed25519@openssh.com "
       "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAICFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsSAAAABHNzaDo=\n"
       "cy@example.org namespaces=\"approve@pawl\" sk-ssh-ed25519@openssh.com "
       "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAICL8KXeS8Lb/wL/P237bDAqhTgJaNl7A40Lobjgpy3S2AAAABHNzaDo=\n"}};
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::map<crypto::Digest, std::string> blobs;
  std::vector<subject::FileEntry> entries;
  const auto add = [&](const std::string& path, std::string bytes) {
    const crypto::Digest digest = crypto::Sha256(bytes);
    entries.push_back({path, digest, bytes.size()});
    blobs[digest] = std::move(bytes);
  };
  for (const auto& [path, bytes] : Files()) add(path, bytes);
  add(kCharterFile, std::string(reinterpret_cast<const char*>(data), size));
  const Result<subject::Manifest> manifest = subject::MakeManifest(std::move(entries));
  Require(manifest.ok());
  const Result<Charter> charter = ReadCharter(
      *manifest, [&](const crypto::Digest& digest, uint64_t) { return Result<std::string>(blobs.at(digest)); });
  if (!charter.ok()) {
    Require(!charter.error().rule.empty() && !charter.error().message.empty());
    return 0;
  }
  Require(charter->approval.threshold >= 1 &&
          charter->amendment.threshold <= static_cast<int64_t>(charter->ApproverCount()));
  const bool is_tried = !charter->evaluation.command.empty();
  Require(charter->FindQuorum(Role::kAuditor) != nullptr);
  Require(charter->FindQuorum(is_tried ? Role::kEvaluator : Role::kProver) != nullptr);
  Require(is_tried || charter->FindQuorum(Role::kEvaluator) == nullptr);
  Require(charter->bounds.harm.empty() != is_tried && !charter->surface.empty() && charter->pace.min_interval_s >= 1);
  // Without trials whatever may change is one network, and proven to stay near the baseline's.
  for (const SurfaceEntry& entry : charter->surface) {
    bool is_proven = is_tried;
    for (const Property& property : charter->properties)
      is_proven = is_proven || (property.network == entry.rule.path && property.drift_within > 0);
    Require(is_proven && (is_tried || entry.rule.kind == subject::SurfaceKind::kNetwork));
  }
  return 0;
}
