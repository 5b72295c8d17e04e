#include "witness/gathering.h"

#include <algorithm>

#include "encoding/number.h"
#include "merkle/cosignature.h"
#include "witness/add_checkpoint.h"

namespace pawl::witness {
namespace {

// The first guess, what the witness says instead, and once more where another request came between.
constexpr int kRounds = 3;

struct Question {
  size_t witness = 0;
  uint64_t old_size = 0;
};

// The witness's own cosignature among what it has sent, if it verifies over this checkpoint.
Result<merkle::NoteSignature> OwnCosignature(const merkle::SignedNote& note, const crypto::NoteKey& key,
                                             const std::string& body) {
  const Result<std::vector<merkle::NoteSignature>> lines = merkle::ParseNoteSignatures(body);
  if (!lines.ok()) return lines.error();
  for (const merkle::NoteSignature& line : *lines) {
    if (line.name != key.name || line.key_id != key.Id()) continue;
    const Result<std::vector<merkle::Cosignature>> good =
        merkle::VerifyCosignatures({.text = note.text, .signatures = {line}}, {&key, 1});
    if (!good.ok()) return good.error();
    return line;
  }
  return Refused("cosignature.signature", "no cosignature by this witness's key in its answer");
}

// The size that a witness remembers, where it says that the one it was asked about is not it.
Result<uint64_t> RememberedSize(const std::string& body, uint64_t size) {
  const Result<uint64_t> remembered =
      encoding::ParseUnsigned(std::string_view(body).substr(0, body.find('\n')), merkle::kTreeSizeMax);
  if (!remembered.ok()) return remembered;
  if (*remembered > size) {
    return Refused("witness.ahead", "it remembers " + std::to_string(*remembered) + " entries of this log, which has " +
                                        std::to_string(size) + ": entries were lost");
  }
  return remembered;
}

std::string FirstLine(const std::string& text) {
  std::string line = text.substr(0, std::min<size_t>(text.find('\n'), 200));
  std::erase_if(line, [](char c) { return c < ' ' || c > '~'; });
  return line;
}

}  // namespace

Gathered Gather(const merkle::SignedCheckpoint& checkpoint, const std::vector<AskedWitness>& witnesses, uint64_t guess,
                const Prover& prove, const Transport& post) {
  Gathered gathered{.note = checkpoint.note, .cosigned = 0, .silent = {}};
  const std::string bytes = checkpoint.note.Serialize();
  const uint64_t size = checkpoint.checkpoint.size;
  std::vector<std::string> problems(witnesses.size(), "it keeps naming other sizes");
  std::vector<Question> questions;
  for (size_t i = 0; i < witnesses.size(); ++i) questions.push_back({.witness = i, .old_size = std::min(guess, size)});
  for (int round = 0; round < kRounds && !questions.empty(); ++round) {
    std::vector<HttpPost> posts;
    for (const Question& question : questions) {
      const Result<std::vector<merkle::Digest>> proof = prove(question.old_size);
      const AddCheckpoint request{.old_size = question.old_size,
                                  .consistency = proof.ok() ? *proof : std::vector<merkle::Digest>(),
                                  .checkpoint = bytes};
      posts.push_back({.url = witnesses[question.witness].url + "/add-checkpoint", .body = request.Serialize()});
    }
    const std::vector<Result<HttpReply>> replies = post(posts);
    std::vector<Question> again;
    for (size_t i = 0; i < questions.size() && i < replies.size(); ++i) {
      const size_t witness = questions[i].witness;
      const Result<HttpReply>& reply = replies[i];
      if (!reply.ok()) {
        problems[witness] = reply.error().message;
      } else if (reply->status == 409) {
        const Result<uint64_t> remembered = RememberedSize(reply->body, size);
        if (remembered.ok()) again.push_back({.witness = witness, .old_size = *remembered});
        if (!remembered.ok()) problems[witness] = remembered.error().message;
      } else if (reply->status != 200) {
        problems[witness] = "it answers " + std::to_string(reply->status) + ": " + FirstLine(reply->body);
      } else if (const auto line = OwnCosignature(checkpoint.note, witnesses[witness].key, reply->body); line.ok()) {
        gathered.note.signatures.push_back(*line);
        ++gathered.cosigned;
        problems[witness].clear();
      } else {
        problems[witness] = line.error().message;
      }
    }
    questions = std::move(again);
  }
  for (size_t i = 0; i < witnesses.size(); ++i) {
    if (!problems[i].empty()) gathered.silent.push_back(witnesses[i].key.name + ": " + problems[i]);
  }
  return gathered;
}

}  // namespace pawl::witness
