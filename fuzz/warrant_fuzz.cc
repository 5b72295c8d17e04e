// A warrant that is read is written as the same bytes, and no bytes are accepted by a loader, with or without a state.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "crypto/note_key.h"
#include "warrant/statements.h"
#include "warrant/verify.h"
#include "warrant/warrant.h"

using namespace pawl;           // NOLINT
using namespace pawl::warrant;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// The log of the corpus.
const crypto::NoteKey& LogKey() {
  static const crypto::NoteKey kKey =
      *crypto::NoteKey::Parse("example.org/log+62347203+AW1E+Tn4KdQ1mLze3akN4B22n6pQyqM+jGwyikuQDU2s");
  return kKey;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Result<Warrant> warrant = ReadWarrant(bytes);
  if (!warrant.ok()) {
    Require(!warrant.error().rule.empty() && !warrant.error().message.empty());
    return 0;
  }
  Require(WriteWarrant(*warrant) == bytes);
  Require(warrant->votes.size() <= kVotesMax && warrant->closing_consistency.size() <= kConsistencyHashesMax);
  const Result<Candidate> candidate = ReadCandidate(warrant->candidate.payload);
  if (!candidate.ok()) return 0;
  // A loader that agrees with the candidate statement in everything but what has to be signed: the gate's key is that
  // of the corpus, and there are no reviewers and no people.
  CharterFiles files;
  charter::Charter& charter = files.charter;
  charter.subject.name = candidate->about.subject;
  charter.subject.resource_uri = candidate->resource;
  charter.subject.baseline = candidate->baseline;
  charter.digest = candidate->charter;
  charter.gate.log = LogKey();
  charter.approval.threshold = charter.amendment.threshold = charter.rollback_threshold = 1;
  State loader;
  loader.subject = candidate->about.subject;
  loader.resource = candidate->resource;
  loader.charter = candidate->charter;
  loader.charter_epoch = candidate->charter_epoch;
  loader.log = charter.gate.log.Text();
  loader.epoch = candidate->epoch - 1;
  loader.warrant = candidate->parent_warrant;
  loader.tree = candidate->parent_tree;
  for (const State* state : {static_cast<const State*>(nullptr), static_cast<const State*>(&loader)}) {
    for (const Purpose purpose : {Purpose::kSwitch, Purpose::kRestart}) {
      const WarrantVerdict verdict = VerifyWarrant({.warrant = bytes,
                                                    .charter = &files,
                                                    .store = nullptr,
                                                    .state = state,
                                                    .halts = {},
                                                    .now_s = 0,
                                                    .purpose = purpose,
                                                    .threads = 1});
      Require(!verdict.accepted && !verdict.reason.rule.empty());
    }
  }
  return 0;
}
