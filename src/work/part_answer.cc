#include "work/part_answer.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/json.h"
#include "encoding/number.h"

namespace pawl::work {
namespace {

static_assert(std::endian::native == std::endian::little);

using encoding::Json;
using encoding::JsonObject;

constexpr size_t kInputsMax = 100'000;

constexpr std::pair<std::string_view, checker::Arithmetic> kArithmetics[] = {
    {"real", checker::Arithmetic::kReal},
    {"float32", checker::Arithmetic::kFloat32},
    {"float64", checker::Arithmetic::kFloat64},
};
constexpr std::pair<std::string_view, prover::PartAnswer::Kind> kKinds[] = {
    {"tree", prover::PartAnswer::Kind::kTree},
    {"violated", prover::PartAnswer::Kind::kViolated},
    {"stuck", prover::PartAnswer::Kind::kStuck},
};

template <typename T, size_t n>
std::string WordOf(const std::pair<std::string_view, T> (&words)[n], T value) {
  for (const auto& [word, meaning] : words) {
    if (meaning == value) return std::string(word);
  }
  return {};
}

std::string DoublesText(const std::vector<double>& numbers) {
  return encoding::EncodeBase64({reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double)});
}

std::vector<double> ReadDoubles(JsonObject& object, const char* name) {
  const std::string bytes = object.Base64(name, kInputsMax * sizeof(double));
  if (bytes.size() % sizeof(double) != 0) object.Fail("json.member-range", name, "is not a list of doubles");
  std::vector<double> numbers(bytes.size() / sizeof(double));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(double));
  return numbers;
}

// The part of an answer that says whose it is, read before anything is believed of the rest.
Result<Json> ParseAnswer(std::string_view bytes) {
  return encoding::ParseCanonicalJson(bytes, {.bytes_max = kAnswerBytesMax, .depth_max = 2, .elements_max = 16});
}

}  // namespace

std::string WriteClaim(const Claim& claim) {
  Json radii = Json::array();
  for (const checker::TensorRadius& radius : claim.radii)
    radii.push_back({{"tensor", radius.tensor}, {"radius", encoding::NumberText(radius.radius)}});
  return encoding::CanonicalJson({{"arithmetic", WordOf(kArithmetics, claim.arithmetic)},
                                  {"network", claim.network.Text()},
                                  {"part_ms", claim.part_ms},
                                  {"property", claim.property.Text()},
                                  {"radii", std::move(radii)}});
}

Result<Claim> ReadClaim(std::string_view text) {
  const checker::CertificateLimits limits;
  Result<Json> json = encoding::ParseCanonicalJson(
      text, {.bytes_max = size_t{64} << 20, .depth_max = 4, .elements_max = 4 * limits.radii_max + 16});
  if (!json.ok()) return json.error();
  JsonObject object(*json, "claim");
  Claim claim;
  claim.arithmetic = object.Choice<checker::Arithmetic>("arithmetic", kArithmetics);
  const std::string network = object.DigestText("network"), property = object.DigestText("property");
  claim.part_ms = object.Integer("part_ms", 100, 60'000);
  for (JsonObject& radius : object.Objects("radii", limits.radii_max)) {
    checker::TensorRadius& read = claim.radii.emplace_back();
    read.tensor = radius.String("tensor", limits.name_bytes_max);
    read.radius = radius.Number("radius");
    if (!(read.radius > 0)) radius.Fail("json.member-range", "radius", "is not above 0");
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  claim.network = *crypto::Digest::Parse(network);
  claim.property = *crypto::Digest::Parse(property);
  return claim;
}

std::string WriteQuestion(const prover::Part& part) {
  return encoding::CanonicalJson(
      {{"bounds", DoublesText(part.bounds)}, {"case", part.case_index}, {"depth", part.depth}});
}

Result<prover::Part> ReadQuestion(std::string_view text) {
  Result<Json> json =
      encoding::ParseCanonicalJson(text, {.bytes_max = kQuestionBytesMax, .depth_max = 2, .elements_max = 8});
  if (!json.ok()) return json.error();
  JsonObject object(*json, "question");
  prover::Part part;
  part.bounds = ReadDoubles(object, "bounds");
  part.case_index = static_cast<uint32_t>(object.Integer("case", 0, UINT32_MAX));
  part.depth = static_cast<uint32_t>(object.Integer("depth", 0, UINT32_MAX));
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return part;
}

crypto::Digest AskedDigest(std::string_view claim, std::string_view question) {
  // Canonical JSON has no line feed.
  return crypto::Sha256(std::string(claim) + "\n" + std::string(question));
}

SignedAnswer SignAnswer(const Answer& answer, const signing::Ed25519PrivateKey& key) {
  const std::string_view tree(reinterpret_cast<const char*>(answer.found.tree.data()), answer.found.tree.size());
  SignedAnswer sent;
  sent.bytes = encoding::CanonicalJson({{"asked", answer.asked.Text()},
                                        {"inputs", DoublesText(answer.found.inputs)},
                                        {"job", encoding::EncodeBase64(answer.job)},
                                        {"outcome", WordOf(kKinds, answer.found.kind)},
                                        {"part", answer.part},
                                        {"tree", encoding::EncodeBase64(tree)},
                                        {"us", static_cast<int64_t>(answer.found.seconds * 1'000'000)},
                                        {"worker", answer.worker}});
  sent.signature = key.Sign(encoding::PreAuthenticationEncoding(AnswerTypeOf(AnswerKind::kProof), sent.bytes));
  return sent;
}

std::string_view AnswerTypeOf(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::kProof:
      return "application/vnd.pawl.part-answer+json";
    case AnswerKind::kTrial:
      return "application/vnd.pawl.trial-answer+json";
  }
  return {};
}

Result<crypto::NoteKey> SignerOf(AnswerKind kind, std::string_view bytes, std::string_view signature,
                                 const std::map<std::string, crypto::NoteKey>& enrolled) {
  const Error nobody = Refused("work.not-enrolled", "an answer came that no enrolled worker has signed",
                               "see who may write to the queue's tables");
  const Result<Json> json = ParseAnswer(bytes);
  if (!json.ok() || !json->is_object() || !json->contains("worker") || !(*json)["worker"].is_string()) return nobody;
  const auto key = enrolled.find((*json)["worker"].get<std::string>());
  if (key == enrolled.end()) return nobody;
  if (!key->second.key.Verify(encoding::PreAuthenticationEncoding(AnswerTypeOf(kind), bytes), signature)) return nobody;
  return key->second;
}

Result<Answer> ReadAnswer(std::string_view bytes) {
  Result<Json> json = ParseAnswer(bytes);
  if (!json.ok()) return json.error();
  JsonObject object(*json, "answer");
  Answer answer;
  const std::string asked = object.DigestText("asked");
  answer.found.inputs = ReadDoubles(object, "inputs");
  answer.job = object.Base64("job", 64);
  answer.found.kind = object.Choice<prover::PartAnswer::Kind>("outcome", kKinds);
  answer.part = object.Integer("part", 0);
  const std::string tree = object.Base64("tree", prover::kPartBytesMax);
  answer.found.seconds = static_cast<double>(object.Integer("us", 0)) / 1'000'000;
  answer.worker = object.String("worker", 256);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  answer.asked = *crypto::Digest::Parse(asked);
  answer.found.tree.assign(tree.begin(), tree.end());
  return answer;
}

}  // namespace pawl::work
