#include "work/trial_batch.h"

#include <algorithm>
#include <cstring>

#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/json.h"
#include "encoding/number.h"

namespace pawl::work {
namespace {

constexpr size_t kTraceDigits = 32;

}  // namespace

std::string TrialKindOf(const crypto::Digest& charter) { return "trial " + charter.Text(); }

std::string WriteTrialClaim(const TrialClaim& claim) {
  encoding::Json trees = encoding::Json::array();
  for (const crypto::Digest& tree : claim.trees) trees.push_back(tree.Text());
  return encoding::CanonicalJson({{"charter", claim.charter.Text()},
                                  {"environment", claim.environment.Text()},
                                  {"trace", claim.trace},
                                  {"trees", std::move(trees)}});
}

Result<TrialClaim> ReadTrialClaim(std::string_view text) {
  Result<encoding::Json> json = encoding::ParseCanonicalJson(
      text, {.bytes_max = size_t{1} << 20, .depth_max = 3, .elements_max = kTrialTreesMax + 8});
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "claim");
  const std::string charter = object.DigestText("charter"), environment = object.DigestText("environment");
  const std::string trace = object.String("trace", kTraceDigits);
  const bool is_trace = trace.size() == kTraceDigits && trace.find_first_not_of("0123456789abcdef") == trace.npos;
  if (!trace.empty() && !is_trace) object.Fail("json.member-range", "trace", "is not the id of a trace");
  const std::vector<std::string> trees = object.DigestTexts("trees", kTrialTreesMax);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  TrialClaim claim{*crypto::Digest::Parse(charter), *crypto::Digest::Parse(environment), {}, trace};
  for (const std::string& tree : trees) claim.trees.push_back(*crypto::Digest::Parse(tree));
  return claim;
}

std::string WriteTrialQuestion(const TrialQuestion& question) {
  return encoding::CanonicalJson(
      {{"seeds", encoding::EncodeBase64(trial::SeedFile(question.seeds))}, {"tree", question.tree.Text()}});
}

Result<TrialQuestion> ReadTrialQuestion(std::string_view text) {
  Result<encoding::Json> json =
      encoding::ParseCanonicalJson(text, {.bytes_max = kQuestionBytesMax, .depth_max = 2, .elements_max = 4});
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "question");
  const std::string seeds = object.Base64("seeds", kBatchEpisodesMax * sizeof(trial::Seed));
  if (seeds.empty() || seeds.size() % sizeof(trial::Seed) != 0)
    object.Fail("json.member-range", "seeds", "is not a list of seeds");
  const std::string tree = object.DigestText("tree");
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  TrialQuestion question{*crypto::Digest::Parse(tree), {}};
  question.seeds.resize(seeds.size() / sizeof(trial::Seed));
  std::memcpy(question.seeds.data(), seeds.data(), seeds.size());
  return question;
}

std::string WriteTrialAnswer(const TrialAnswer& answer) {
  return encoding::CanonicalJson({{"asked", answer.asked.Text()},
                                  {"episodes", encoding::EncodeBase64(answer.episodes)},
                                  {"job", encoding::EncodeBase64(answer.job)},
                                  {"part", answer.part},
                                  {"us", answer.us},
                                  {"worker", answer.worker}});
}

SignedAnswer SignTrialAnswer(const TrialAnswer& answer, const signing::Ed25519PrivateKey& key) {
  SignedAnswer sent{.bytes = WriteTrialAnswer(answer), .signature = {}};
  sent.signature = key.Sign(encoding::PreAuthenticationEncoding(AnswerTypeOf(AnswerKind::kTrial), sent.bytes));
  return sent;
}

Result<TrialAnswer> ReadTrialAnswer(std::string_view bytes) {
  Result<encoding::Json> json =
      encoding::ParseCanonicalJson(bytes, {.bytes_max = kAnswerBytesMax, .depth_max = 2, .elements_max = 16});
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "answer");
  TrialAnswer answer;
  const std::string asked = object.DigestText("asked");
  answer.episodes = object.Base64("episodes", kEpisodesTextBytesMax);
  answer.job = object.Base64("job", 64);
  answer.part = object.Integer("part", 0);
  answer.us = object.Integer("us", 0);
  answer.worker = object.String("worker", 256);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  answer.asked = *crypto::Digest::Parse(asked);
  return answer;
}

std::string EpisodesText(const trial::EpisodeTable& table, std::span<const std::string> groups) {
  std::string text;
  for (size_t episode = 0; episode < table.episodes(); ++episode) {
    text += "{\"episode\":" + std::to_string(episode) + ",\"metrics\":{";
    for (size_t metric = 0; metric < table.metrics().size(); ++metric) {
      if (metric > 0) text += ',';
      text += '"' + table.metrics()[metric].name + "\":" + encoding::NumberText(table.column(metric)[episode]);
    }
    text += '}';
    if (!table.groups().empty()) text += ",\"group\":\"" + groups[table.groups()[episode]] + '"';
    if (!table.inputs().empty() && !table.inputs()[episode].empty())
      text += ",\"input\":\"" + table.inputs()[episode] + '"';
    text += "}\n";
  }
  return text;
}

bool SameEpisode(const trial::EpisodeTable& one, size_t at, const trial::EpisodeTable& other, size_t other_at) {
  for (size_t metric = 0; metric < one.metrics().size(); ++metric) {
    if (one.column(metric)[at] != other.column(metric)[other_at]) return false;
  }
  const auto group = [](const trial::EpisodeTable& table, size_t episode) {
    return table.groups().empty() ? -1 : int{table.groups()[episode]};
  };
  const auto input = [](const trial::EpisodeTable& table, size_t episode) {
    return table.inputs().empty() ? std::string() : table.inputs()[episode];
  };
  return group(one, at) == group(other, other_at) && input(one, at) == input(other, other_at);
}

double UnseenChance(size_t all, size_t drawn, size_t falsified) {
  drawn = std::min(drawn, all);
  if (falsified + drawn > all) return 0;
  double chance = 1;
  for (size_t i = 0; i < falsified; ++i) chance *= static_cast<double>(all - drawn - i) / static_cast<double>(all - i);
  return chance;
}

}  // namespace pawl::work
