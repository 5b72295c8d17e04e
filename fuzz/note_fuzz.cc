// Notes, checkpoints, proofs, requests to witnesses, verifier keys and tile paths that are accepted serialise to the
// same bytes again, and a fixed log's key opens nothing but what that key has signed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/tlog_proof_for_test.h"
#include "signing/private_key.h"
#include "signing/sign.h"
#include "tlog/tile.h"
#include "witness/add_checkpoint.h"

using namespace pawl;          // NOLINT
using namespace pawl::merkle;  // NOLINT
using namespace pawl::tlog;    // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const signing::Ed25519PrivateKey key = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'f'));
  static const crypto::NoteKey verifier =
      crypto::NoteKey::Of("example.com/log", crypto::NoteKeyType::kEd25519, key.public_key());

  if (const auto note_key = crypto::NoteKey::Parse(bytes); note_key.ok()) Require(note_key->Text() == bytes);
  if (const auto address = ParseTilePath(bytes); address.ok()) {
    Require((address->content == TileContent::kEntries ? address->tile.EntriesPath() : address->tile.Path()) == bytes);
  }
  for (const unsigned count : {0u, 1u, 2u, 256u}) {
    if (const auto entries = ParseEntries(bytes, count); entries.ok()) Require(SerializeEntries(*entries) == bytes);
  }
  if (const auto checkpoint = Checkpoint::Parse(bytes); checkpoint.ok()) Require(checkpoint->Text() == bytes);
  if (const auto proof = TlogProof::Parse(bytes); proof.ok()) {
    Require(proof->Serialize() == bytes && proof->hashes.size() <= 63);
    (void)VerifyTlogProof(*proof, "entry", verifier);
  }
  if (const auto request = witness::AddCheckpoint::Parse(bytes); request.ok()) {
    Require(request->Serialize() == bytes && request->consistency.size() <= witness::kConsistencyHashesMax);
  }
  const auto note = SignedNote::Parse(bytes);
  if (!note.ok()) return 0;
  Require(note->Serialize() == bytes && !note->signatures.empty());
  (void)VerifyCosignatures(*note, {&verifier, 1});
  if (const auto opened = OpenCheckpoint(bytes, verifier); opened.ok()) {
    Require(signing::SignCheckpoint(opened->checkpoint, key).text == note->text);
    Require(opened->checkpoint.origin == verifier.name);
  }
  return 0;
}
