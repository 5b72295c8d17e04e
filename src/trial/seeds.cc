#include "trial/seeds.h"

#include <string_view>

#include "crypto/digest.h"

namespace pawl::trial {

namespace {

constexpr std::size_t kSignatureBytes = 64;

std::string_view Domain(SeedPurpose purpose) {
  switch (purpose) {
    case SeedPurpose::kEpisodes:
      return "pawl/trial-seed/v1/episodes\n";
    case SeedPurpose::kDecisions:
      return "pawl/trial-seed/v1/decisions\n";
    case SeedPurpose::kPostRelease:
      return "pawl/trial-seed/v1/post-release\n";
  }
  return {};
}

}  // namespace

Result<std::vector<Seed>> DeriveSeeds(std::span<const std::uint8_t> signature, SeedPurpose purpose, std::size_t count) {
  if (signature.size() != kSignatureBytes) {
    return Refused("seeds.signature", "an Ed25519 signature has 64 bytes, not " + std::to_string(signature.size()));
  }
  if (count < 1 || count > kSeedsMax) {
    return Refused("seeds.count", "a trial needs between 1 and 1,000,000 seeds, not " + std::to_string(count));
  }
  std::string input(Domain(purpose));
  input.append(signature.begin(), signature.end());
  const std::size_t counter_at = input.size();
  input.resize(counter_at + 8);
  std::vector<Seed> seeds;
  seeds.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    for (int byte = 0; byte < 8; ++byte) {
      input[counter_at + static_cast<std::size_t>(byte)] = static_cast<char>((i >> (56 - 8 * byte)) & 0xff);
    }
    seeds.push_back(crypto::Sha256(input).bytes);
  }
  return seeds;
}

std::string SeedFile(std::span<const Seed> seeds) {
  std::string file;
  file.reserve(seeds.size() * sizeof(Seed));
  for (const Seed& seed : seeds) file.append(seed.begin(), seed.end());
  return file;
}

}  // namespace pawl::trial
