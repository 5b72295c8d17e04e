// What our own keys sign: notes, checkpoints, cosignatures, and statements in envelopes.
//
//   merkle::SignedNote note = SignCheckpoint({.origin = "example.com/log", .size = 5, .root = root}, log_key);
//   note.signatures.push_back(Cosign(note.text, "clock.example.com", clock_key, now_s));
//   encoding::Signature vote = SignPayload(payload, "prover-a", key);
//
// The formats and their checks are in merkle/signed_note.h, checkpoint.h, cosignature.h and encoding/dsse.h. Whoever
// passes a text that the formats do not allow has made a programming error; these assert. Thread safety: pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "encoding/dsse.h"
#include "merkle/checkpoint.h"
#include "merkle/signed_note.h"
#include "signing/private_key.h"

namespace pawl::signing {

// A signature of type 01. Requires that `text` ends in a line feed, has no foreign prefix, and that IsKeyName(name).
merkle::NoteSignature SignNote(std::string_view text, std::string_view name, const Ed25519PrivateKey& key);

// The whole note, signed by the log alone. The key's name is the origin.
merkle::SignedNote SignCheckpoint(const merkle::Checkpoint& checkpoint, const Ed25519PrivateKey& key);

// Requires a checkpoint's text, IsKeyName(name), and 0 <= time_s <= encoding::kTimeMax_s.
merkle::NoteSignature Cosign(std::string_view checkpoint_text, std::string_view name, const Ed25519PrivateKey& key,
                             int64_t time_s);

// Over the pre-authentication encoding of an in-toto statement (encoding/statement.h); `keyid` is the key's name.
encoding::Signature SignPayload(std::string_view payload, std::string keyid, const Ed25519PrivateKey& key);

}  // namespace pawl::signing
