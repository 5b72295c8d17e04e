// The two checks that a proof is for, together.
#pragma once

#include <string_view>

#include "crypto/note_key.h"
#include "merkle/checkpoint.h"
#include "merkle/tlog_proof.h"

namespace pawl::merkle {

inline Result<SignedCheckpoint> VerifyTlogProof(const TlogProof& proof, std::string_view entry,
                                                const crypto::NoteKey& log_key) {
  Result<SignedCheckpoint> opened = OpenCheckpoint(proof.checkpoint, log_key);
  if (!opened.ok()) return opened;
  const Result<void> included =
      VerifyInclusion(LeafHash(entry), proof.index, opened->checkpoint.size, proof.hashes, opened->checkpoint.root);
  if (!included.ok()) return included.error();
  return opened;
}

}  // namespace pawl::merkle
