// Whatever comes through the queue of work: jobs and questions are read as they are written, a worker's answer is
// somebody's only with that key's signature, and the episodes in one are those that its lines say.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trial/episodes.h"
#include "work/part_answer.h"
#include "work/trial_batch.h"

using namespace pawl;        // NOLINT
using namespace pawl::work;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

template <typename T>
bool IsRead(const Result<T>& result) {
  Require(result.ok() || (!result.error().rule.empty() && !result.error().message.empty()));
  return result.ok();
}

struct Hand {
  signing::Ed25519PrivateKey secret = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'a'));
  std::map<std::string, crypto::NoteKey> enrolled = {
      {"worker-a", crypto::NoteKey::Of("worker-a", crypto::NoteKeyType::kEd25519, secret.public_key())}};
};

void CheckQuestions(std::string_view bytes) {
  if (const Result<Claim> claim = ReadClaim(bytes); IsRead(claim)) Require(IsRead(ReadClaim(WriteClaim(*claim))));
  if (const Result<prover::Part> part = ReadQuestion(bytes); IsRead(part)) Require(WriteQuestion(*part) == bytes);
  if (const Result<TrialClaim> claim = ReadTrialClaim(bytes); IsRead(claim)) Require(WriteTrialClaim(*claim) == bytes);
  const Result<TrialQuestion> question = ReadTrialQuestion(bytes);
  if (!IsRead(question)) return;
  Require(!question->seeds.empty() && question->seeds.size() <= kBatchEpisodesMax);
  Require(WriteTrialQuestion(*question) == bytes);
}

void CheckEpisodes(std::string_view text) {
  static const std::vector<trial::MetricRange> kMetrics = {{"near_miss"}, {"score", -1, 1}};
  static const std::vector<std::string> kGroups = {"day", "night"};
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  for (const std::span<const std::string> groups : {std::span<const std::string>(), std::span(kGroups)}) {
    const Result<trial::EpisodeTable> table =
        trial::ReadEpisodes(text, kMetrics, std::clamp<size_t>(lines, 1, kBatchEpisodesMax), groups);
    if (!IsRead(table)) continue;
    const Result<trial::EpisodeTable> again =
        trial::ReadEpisodes(EpisodesText(*table, groups), kMetrics, table->episodes(), groups);
    Require(again.ok() && again->episodes() == table->episodes());
    Require(EpisodesText(*again, groups) == EpisodesText(*table, groups));
    for (size_t episode = 0; episode < table->episodes(); ++episode)
      Require(SameEpisode(*table, episode, *again, episode));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Hand kHand;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckQuestions(bytes);
  CheckEpisodes(bytes);
  for (const AnswerKind kind : {AnswerKind::kProof, AnswerKind::kTrial}) {
    Require(!SignerOf(kind, bytes, std::string(64, '\0'), kHand.enrolled).ok());
    Require(!SignerOf(kind, bytes, bytes.substr(0, 65), kHand.enrolled).ok());
  }
  if (const Result<Answer> answer = ReadAnswer(bytes); IsRead(answer)) {
    const SignedAnswer sent = SignAnswer(*answer, kHand.secret);
    const Result<Answer> again = ReadAnswer(sent.bytes);
    Require(again.ok() && again->job == answer->job && again->part == answer->part && again->asked == answer->asked &&
            again->worker == answer->worker && again->found.kind == answer->found.kind &&
            again->found.tree == answer->found.tree && again->found.inputs.size() == answer->found.inputs.size());
    Require(SignerOf(AnswerKind::kProof, sent.bytes, sent.signature, kHand.enrolled).ok() ==
            (answer->worker == "worker-a"));
    Require(!SignerOf(AnswerKind::kTrial, sent.bytes, sent.signature, kHand.enrolled).ok());
  }
  if (const Result<TrialAnswer> answer = ReadTrialAnswer(bytes); IsRead(answer)) {
    CheckEpisodes(answer->episodes);
    const SignedAnswer sent = SignTrialAnswer(*answer, kHand.secret);
    Require(sent.bytes == bytes);
    Require(SignerOf(AnswerKind::kTrial, sent.bytes, sent.signature, kHand.enrolled).ok() ==
            (answer->worker == "worker-a"));
    Require(!SignerOf(AnswerKind::kProof, sent.bytes, sent.signature, kHand.enrolled).ok());
  }
  return 0;
}
