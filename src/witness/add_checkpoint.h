// The request by which a log asks a witness for its cosignature (C2SP tlog-witness v1.0.0, add-checkpoint).
//
//   std::string body = AddCheckpoint{.old_size = 7, .consistency = proof, .checkpoint = note}.Serialize();
//   Result<AddCheckpoint> request = AddCheckpoint::Parse(body);
//
// A line `old <size>`, up to 63 hashes in base64, a line each, an empty line, and a signed checkpoint. Thread safety:
// values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/signed_note.h"
#include "merkle/tree.h"
#include "result/result.h"

namespace pawl::witness {

inline constexpr size_t kConsistencyHashesMax = 63;
// The largest note, the most hashes, and the first line.
inline constexpr size_t kAddCheckpointBytesMax = merkle::kNoteBytesMax + kConsistencyHashesMax * 45 + 64;

struct AddCheckpoint {
  uint64_t old_size = 0;
  std::vector<merkle::Digest> consistency;  // from old_size to the checkpoint's size
  std::string checkpoint;                   // a signed note, not looked at here

  std::string Serialize() const;
  // Accepts exactly what Serialize() prints. Rule: "add-checkpoint.malformed".
  static Result<AddCheckpoint> Parse(std::string_view body);

  bool operator==(const AddCheckpoint&) const = default;
};

}  // namespace pawl::witness
