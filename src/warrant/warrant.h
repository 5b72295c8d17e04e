// The warrant: the one file that says yes. spec/warrant.md is normative.
//
//   Result<Warrant> warrant = ReadWarrant(bytes);
//   Digest digest = crypto::Sha256(bytes);
//
// Reading checks form and limits, not what the warrant claims; see verify.h. Thread safety: values, pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "encoding/dsse.h"
#include "result/result.h"

namespace pawl::warrant {

inline constexpr size_t kWarrantBytesMax = size_t{8} << 20;
inline constexpr size_t kVotesMax = 256;
inline constexpr size_t kConsistencyHashesMax = 63;

struct Warrant {
  encoding::Envelope candidate;
  std::vector<encoding::Envelope> votes;  // sorted by statement digest
  encoding::Envelope closing;
  encoding::Envelope decision;                       // with the approvals
  std::string proof;                                 // tlog-proof text of the decision envelope's canonical bytes
  std::vector<crypto::Digest> closing_consistency;   // from the closing statement's size to the checkpoint
  std::vector<crypto::Digest> commit_inclusion;      // of the candidate, in the checkpoint that seeds were drawn over
  std::vector<crypto::Digest> commit_consistency;    // from there to the checkpoint
  uint64_t previous_size = 0;                        // of the previous warrant's checkpoint
  std::vector<crypto::Digest> previous_consistency;  // from there to the checkpoint
};

std::string WriteWarrant(const Warrant& warrant);

// Accepts exactly what WriteWarrant writes. Rules "warrant.too-large" and those of json.h and dsse.h.
Result<Warrant> ReadWarrant(std::string_view bytes);

}  // namespace pawl::warrant
