#include "trial/seeds.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "encoding/hex.h"

namespace pawl::trial {
namespace {

std::array<std::uint8_t, 64> Signature() {
  std::array<std::uint8_t, 64> signature{};
  std::iota(signature.begin(), signature.end(), std::uint8_t{0});
  return signature;
}

std::string Hex(const Seed& seed) { return encoding::EncodeHex(std::string(seed.begin(), seed.end())); }

// Expected values: SHA-256 of the same bytes by Python's hashlib.
TEST(DeriveSeeds, GivesTheKnownSeeds) {
  const std::vector<Seed> seeds = *DeriveSeeds(Signature(), SeedPurpose::kEpisodes, 259);
  EXPECT_EQ(Hex(seeds[0]), "4ed7967d9f3e699e66c2cc6c6d54f677d0fa3ead6fe6032d4f80fbde16b72469");
  EXPECT_EQ(Hex(seeds[1]), "370c89176f39f639c951db149a980791aba85f460f8f83f4c34af76b4b167153");
  EXPECT_EQ(Hex(seeds[258]), "6a28c2c79f08a2eabeb5bf23183fcf1642faf86fc63828fc2b533b95aac6b24f");
  EXPECT_EQ(Hex((*DeriveSeeds(Signature(), SeedPurpose::kDecisions, 1))[0]),
            "f3703c3be145fd1eb4f3639e5b1551084f8e2b987ad43b0cb74a227f9c6ff4bb");
  EXPECT_EQ(Hex((*DeriveSeeds(Signature(), SeedPurpose::kPostRelease, 1))[0]),
            "6d44e3a0f9f27b4dc495be942f059679196759e5e50f398e1778789844c5213b");
}

TEST(DeriveSeeds, NeverGivesASeedTwice) {
  std::set<Seed> all;
  for (const SeedPurpose purpose : {SeedPurpose::kEpisodes, SeedPurpose::kDecisions, SeedPurpose::kPostRelease}) {
    const std::vector<Seed> seeds = *DeriveSeeds(Signature(), purpose, 5000);
    all.insert(seeds.begin(), seeds.end());
  }
  EXPECT_EQ(all.size(), 15'000U);
}

TEST(DeriveSeeds, DependsOnEveryBitOfTheSignature) {
  const Seed first = (*DeriveSeeds(Signature(), SeedPurpose::kEpisodes, 1))[0];
  for (std::size_t bit = 0; bit < 512; ++bit) {
    std::array<std::uint8_t, 64> other = Signature();
    other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_NE((*DeriveSeeds(other, SeedPurpose::kEpisodes, 1))[0], first);
  }
}

TEST(DeriveSeeds, RefusesOtherSizes) {
  const std::array<std::uint8_t, 64> signature = Signature();
  const auto short_one = std::span<const std::uint8_t>(signature).first(63);
  EXPECT_EQ(DeriveSeeds(short_one, SeedPurpose::kEpisodes, 1).error().rule, "seeds.signature");
  EXPECT_EQ(DeriveSeeds({}, SeedPurpose::kEpisodes, 1).error().rule, "seeds.signature");
  EXPECT_EQ(DeriveSeeds(signature, SeedPurpose::kEpisodes, 0).error().rule, "seeds.count");
  EXPECT_EQ(DeriveSeeds(signature, SeedPurpose::kEpisodes, kSeedsMax + 1).error().rule, "seeds.count");
}

TEST(SeedFile, IsTheSeedsOneAfterAnother) {
  const std::vector<Seed> seeds = *DeriveSeeds(Signature(), SeedPurpose::kEpisodes, 3);
  const std::string file = SeedFile(seeds);
  ASSERT_EQ(file.size(), 96U);
  EXPECT_EQ(encoding::EncodeHex(file.substr(32, 32)), Hex(seeds[1]));
}

}  // namespace
}  // namespace pawl::trial
