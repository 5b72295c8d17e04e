#include "merkle/cosignature.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "encoding/time.h"

namespace pawl::merkle {
namespace {

constexpr size_t kTimeBytes = 8;

}  // namespace

std::string CosignedMessage(std::string_view checkpoint_text, uint64_t time_s) {
  return "cosignature/v1\ntime " + std::to_string(time_s) + "\n" + std::string(checkpoint_text);
}

Result<std::vector<Cosignature>> VerifyCosignatures(const SignedNote& note,
                                                    std::span<const crypto::NoteKey> witnesses) {
  std::vector<Cosignature> good;
  for (size_t i = 0; i < witnesses.size(); ++i) {
    const crypto::NoteKey key = witnesses[i].As(crypto::NoteKeyType::kEd25519Cosignature);
    const uint32_t id = key.Id();
    // The signed bytes do not hold the witness's name: under two names, one cosignature would count twice.
    for (size_t other = 0; other < i; ++other) {
      if (witnesses[other].key == key.key) return Refused("cosignature.witness", "one witness key under two names");
    }
    size_t count = 0;
    for (const NoteSignature& line : note.signatures) {
      if (line.name != key.name || line.key_id != id) continue;
      const std::string_view blob = line.signature;
      uint64_t time = 0;
      for (const char byte : blob.substr(0, kTimeBytes)) time = time << 8 | static_cast<uint8_t>(byte);
      if (++count > 1 || blob.size() < kTimeBytes ||
          !key.key.Verify(CosignedMessage(note.text, time), blob.substr(kTimeBytes))) {
        return Refused("cosignature.signature", "a cosignature by " + key.name + " does not verify or stands twice");
      }
      if (time > static_cast<uint64_t>(encoding::kTimeMax_s)) {
        return Refused("cosignature.time", "a cosignature by " + key.name + " names a time that no calendar has");
      }
      good.push_back({.witness = i, .time_s = static_cast<int64_t>(time)});
    }
  }
  return good;
}

int64_t MedianTime(std::span<const Cosignature> cosignatures) {
  assert(!cosignatures.empty());
  std::vector<int64_t> times_s;
  for (const Cosignature& cosignature : cosignatures) times_s.push_back(cosignature.time_s);
  std::ranges::sort(times_s);
  return times_s[(times_s.size() - 1) / 2];
}

}  // namespace pawl::merkle
