// Seeds that neither the proposer nor the gate can foresee and that anybody can check afterwards.
//
//   const std::string message = warrant::SeedMessage(candidate_digest, checkpoint_body);
//   const std::array<std::uint8_t, 64> signature = key.Sign(message);         // Ed25519, deterministic; crypto module
//   const Result<std::vector<Seed>> seeds = DeriveSeeds(signature, SeedPurpose::kEpisodes, 4000);
//
// The candidate is frozen and its statement logged first. The evaluator then signs (statement digest, checkpoint whose
// last leaf is that commit; warrant/verify.h, where the signature is checked); seed i is SHA-256(domain ‖ signature ‖
// i). The signature is revealed with the vote, and whoever checks the vote verifies it under the reviewer's key and
// derives the same seeds.
//
// Guarantee: to whoever lacks the evaluator's private key the seeds are unpredictable when the candidate is frozen
// (unforgeability and determinism of Ed25519, RFC 8032; SHA-256 as a random oracle).
// What breaks it: a signature that is not the deterministic one of RFC 8032 (a dishonest evaluator can grind; it counts
// among the faults tolerated); a candidate that is changed after the commit; seeds used for two trials.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "result/result.h"

namespace pawl::trial {

using Seed = std::array<std::uint8_t, 32>;

// Each purpose has a domain of its own, so that no seed serves twice.
enum class SeedPurpose {
  kEpisodes,     // the trial of the candidate
  kDecisions,    // probes for drift
  kPostRelease,  // the fresh trial after the release (e_detector.h)
};

inline constexpr std::size_t kSeedsMax = 1'000'000;

// seed_i = SHA-256("pawl/trial-seed/v1/episodes\n" ‖ signature ‖ i), i from 0 as eight bytes, most significant first
// ("decisions", "post-release" for the other purposes). Refused ("seeds.signature") unless the signature has 64 bytes,
// ("seeds.count") unless 1 <= count <= kSeedsMax.
Result<std::vector<Seed>> DeriveSeeds(std::span<const std::uint8_t> signature, SeedPurpose purpose, std::size_t count);

// The file /in/seeds of the evaluator protocol: the seeds one after another, 32 bytes each.
std::string SeedFile(std::span<const Seed> seeds);

}  // namespace pawl::trial
