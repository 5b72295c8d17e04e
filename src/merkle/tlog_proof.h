// Transparency-log proofs (C2SP tlog-proof, draft v1): one file that shows, offline, that an entry stands in a log.
//
//   Result<TlogProof> proof = TlogProof::Parse(bytes);
//   Result<SignedCheckpoint> seen = OpenCheckpoint(proof->checkpoint, log_key);
//   VerifyInclusion(LeafHash(entry), proof->index, seen->checkpoint.size, proof->hashes, seen->checkpoint.root)
//   VerifyCosignatures(seen->note, witnesses)
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/tree.h"
#include "result/result.h"

namespace pawl::merkle {

struct TlogProof {
  uint64_t index = 0;
  std::vector<Digest> hashes;  // siblings from the leaf upward, at most 63
  std::string checkpoint;      // a signed note, cosignatures included

  std::string Serialize() const;
  // Accepts exactly what Serialize() prints; the optional "extra" line of the draft is refused. Rule:
  // "tlog-proof.malformed".
  static Result<TlogProof> Parse(std::string_view bytes);

  bool operator==(const TlogProof&) const = default;
};

}  // namespace pawl::merkle
