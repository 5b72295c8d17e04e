// Cosignatures (C2SP tlog-cosignature v1.0.1, type 04): a witness's word that at a time it saw a checkpoint, consistent
// with all it had seen before.
//
//   Result<std::vector<Cosignature>> seen = VerifyCosignatures(note, witnesses);
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/note_key.h"
#include "merkle/signed_note.h"
#include "result/result.h"

namespace pawl::merkle {

struct Cosignature {
  size_t witness = 0;  // index into the keys that were given
  int64_t time_s = 0;  // POSIX seconds, never negative
  bool operator==(const Cosignature&) const = default;
};

// What a cosignature's last 64 bytes sign; its first eight are the time, big-endian.
std::string CosignedMessage(std::string_view checkpoint_text, uint64_t time_s);

// Who has cosigned, in the order of `witnesses` (a key of type 01 is taken in its role 04). Unknown keys are ignored; a
// cosignature by a known key that does not verify, or a second one by the same key, refuses the note
// ("cosignature.signature"), and so do a time that no calendar has ("cosignature.time") and a list that names one key
// twice
// ("cosignature.witness").
Result<std::vector<Cosignature>> VerifyCosignatures(const SignedNote& note, std::span<const crypto::NoteKey> witnesses);

// The median of the times, the lower one of two. Requires at least one.
int64_t MedianTime(std::span<const Cosignature> cosignatures);

}  // namespace pawl::merkle
