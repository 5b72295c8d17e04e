// What goes through the queue: the claim of a job, the question of a part, and a worker's signed answer.
//
//   SignedAnswer sent = SignAnswer({.job = job, .part = 7, .asked = AskedDigest(claim, question), .worker = "worker-a",
//                                   .found = answer}, key);
//   Result<crypto::NoteKey> signer = SignerOf(bytes, signature, enrolled);
//   Result<Answer> got = ReadAnswer(bytes);                          // job and part are for the caller to compare
//
// All three are canonical JSON; doubles are their eight bytes, little end first, in base64. An answer is signed as DSSE
// signs, under a payload type of its own, so that no signature of a worker means anything else. Limits hold before
// anything is allocated. Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "checker/certificate.h"
#include "crypto/digest.h"
#include "crypto/note_key.h"
#include "prover/parts.h"
#include "result/result.h"
#include "signing/private_key.h"

namespace pawl::work {

inline constexpr std::size_t kAnswerBytesMax = std::size_t{6} << 20;
inline constexpr std::size_t kQuestionBytesMax = std::size_t{256} << 10;

struct Claim {
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;
  crypto::Digest network, property;
  std::vector<checker::TensorRadius> radii;
  int64_t part_ms = 5'000;  // how long a worker is to work on a part; 100 to 60,000
};
std::string WriteClaim(const Claim& claim);
Result<Claim> ReadClaim(std::string_view text);  // rules of json.h

std::string WriteQuestion(const prover::Part& part);
// Without a node. Whether the box is one of the case is for PartProver to say.
Result<prover::Part> ReadQuestion(std::string_view text);

// Of claim and question as the worker read them: whoever changes them in the queue is not to have it blamed.
crypto::Digest AskedDigest(std::string_view claim, std::string_view question);

struct Answer {
  std::string job;  // its id, raw
  int64_t part = 0;
  crypto::Digest asked;
  std::string worker;  // the key's name
  prover::PartAnswer found;
};
struct SignedAnswer {
  std::string bytes, signature;
};
SignedAnswer SignAnswer(const Answer& answer, const signing::Ed25519PrivateKey& key);

// Payload types of DSSE: no answer of one kind is one of the other.
enum class AnswerKind { kProof, kTrial };
std::string_view AnswerTypeOf(AnswerKind kind);

// Whose key signed these bytes, by the name that stands in them; "work.not-enrolled" where that is nobody's.
Result<crypto::NoteKey> SignerOf(AnswerKind kind, std::string_view bytes, std::string_view signature,
                                 const std::map<std::string, crypto::NoteKey>& enrolled);
// Of signed bytes: what is wrong with them is the signer's doing. Not so that they lie where they do: whoever may write
// to the queue can move an answer to the row of another part, or into another job.
Result<Answer> ReadAnswer(std::string_view bytes);

}  // namespace pawl::work
