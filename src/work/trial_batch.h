// A batch of a trial as it goes through the queue: the claim of the job, the question, and a worker's signed answer.
//
//   const std::string claim = WriteTrialClaim({.charter = charter.digest, .environment = *candidate.environment});
//   const std::string question = WriteTrialQuestion({.tree = tree, .seeds = {…}});
//   SignedAnswer sent = SignTrialAnswer({.job = job, .part = 7, .asked = AskedDigest(claim, question),
//                                        .worker = "worker-a", .episodes = EpisodesText(table, groups)}, key);
//
// A batch is one run of the charter's evaluator: over one tree, on the seeds of some episodes that follow each other.
// Tree, charter and environment are named by digest, and the answer is what the evaluator found, as an episodes.jsonl
// (spec/evaluation.md) that ReadEpisodes takes. Signed as parts of proofs are, under a payload type of its own. Limits
// hold before anything is allocated. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "result/result.h"
#include "signing/private_key.h"
#include "trial/episodes.h"
#include "trial/seeds.h"
#include "work/part_answer.h"

namespace pawl::work {

inline constexpr std::size_t kBatchEpisodesMax = 4'000;
inline constexpr std::size_t kEpisodesTextBytesMax = std::size_t{4} << 20;  // of one answer

// The kind of a job with trials of this charter, for workers to choose by.
std::string TrialKindOf(const crypto::Digest& charter);

struct TrialClaim {
  crypto::Digest charter;
  crypto::Digest environment;         // that the evaluator has to run on (trial/environment.h)
  std::vector<crypto::Digest> trees;  // at most kTrialTreesMax, each once
  std::string trace = {};             // the proposal's, of 32 hexadecimal digits, for logs; empty: it has none
};
inline constexpr std::size_t kTrialTreesMax = 10'000;
std::string WriteTrialClaim(const TrialClaim& claim);
Result<TrialClaim> ReadTrialClaim(std::string_view text);

struct TrialQuestion {
  crypto::Digest tree;
  std::vector<trial::Seed> seeds;  // 1 to kBatchEpisodesMax
};
std::string WriteTrialQuestion(const TrialQuestion& question);
Result<TrialQuestion> ReadTrialQuestion(std::string_view text);

struct TrialAnswer {
  std::string job;  // its id, raw
  int64_t part = 0;
  crypto::Digest asked;  // AskedDigest of claim and question
  std::string worker;    // the key's name
  int64_t us = 0;        // that it took, by its own word
  std::string episodes;  // see EpisodesText
};
std::string WriteTrialAnswer(const TrialAnswer& answer);
SignedAnswer SignTrialAnswer(const TrialAnswer& answer, const signing::Ed25519PrivateKey& key);
// Of signed bytes: what is wrong with them is the signer's doing; job, part and question are for the caller to compare.
Result<TrialAnswer> ReadTrialAnswer(std::string_view bytes);

// The table as an evaluator writes it; ReadEpisodes gives the same table back, to the bit but for the sign of a zero.
// `groups` are the charter's, of which the table has indices.
std::string EpisodesText(const trial::EpisodeTable& table, std::span<const std::string> groups);

// Whether two tables say the same of one episode each: values to the bit but for the sign of a zero, group and input.
// Requires the same metrics.
bool SameEpisode(const trial::EpisodeTable& one, std::size_t at, const trial::EpisodeTable& other,
                 std::size_t other_at);

// How likely it is that none of `falsified` episodes is among `drawn` that are drawn of `all` without regard to which
// they are. 0 where they cannot be missed.
double UnseenChance(std::size_t all, std::size_t drawn, std::size_t falsified);

}  // namespace pawl::work
