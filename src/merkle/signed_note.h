// Signed notes (C2SP signed-note v1.0.0): a text and lines of signatures below it.
//
//   SignedNote note{.text = "example.com/log\n5\n…\n", .signatures = {}};
//   note.signatures.push_back(signing::SignNote(note.text, "example.com/log", key));
//   std::string bytes = note.Serialize();
//
//   Result<SignedNote> read = SignedNote::Parse(bytes);
//   Result<std::vector<size_t>> good = VerifyNote(*read, keys);   // indices into keys
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/note_key.h"
#include "result/result.h"

namespace pawl::merkle {

struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string signature;  // what follows the key id: 64 bytes for a plain signature, 72 for a cosignature
  bool operator==(const NoteSignature&) const = default;
};

inline constexpr size_t kNoteBytesMax = 262'144;
inline constexpr size_t kNoteSignaturesMax = 64;
inline constexpr size_t kNoteSignatureBytesMax = 8'192;  // room for post-quantum signatures of unknown keys

struct SignedNote {
  std::string text;  // ends in a line feed, which is signed too
  std::vector<NoteSignature> signatures;

  std::string Serialize() const;
  // Accepts exactly what Serialize() prints, with 1 to kNoteSignaturesMax signatures. Splits at the last empty line.
  // Rules: "note.too-large", "note.malformed" (not UTF-8, control characters, no signature, a bad signature line).
  static Result<SignedNote> Parse(std::string_view bytes);

  bool operator==(const SignedNote&) const = default;
};

// The lines below the text, and the reader of them: what a witness answers with. Up to kNoteSignaturesMax; there may be
// none.
std::string SerializeNoteSignatures(std::span<const NoteSignature> signatures);
Result<std::vector<NoteSignature>> ParseNoteSignatures(std::string_view lines);

// Whether a text begins like what the same kind of key signs elsewhere (cosignatures, DSSE, SSHSIG). Such a text is
// never a note here: neither signed nor accepted, so that no signature fits two protocols.
bool HasForeignPrefix(std::string_view text);

// Which of `keys` (those of type 01; others are passed over) have signed the note: ascending indices into `keys`.
// Signatures by unknown keys are ignored; one by a known key that does not verify, or a second one by the same key,
// refuses the whole note ("note.signature"). The result may be empty: the caller decides who must be in it,
// and counts distinct keys, since the signed text does not hold the signer's name.
Result<std::vector<size_t>> VerifyNote(const SignedNote& note, std::span<const crypto::NoteKey> keys);

}  // namespace pawl::merkle
