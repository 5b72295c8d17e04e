// Checkpoints (C2SP tlog-checkpoint v1.0.0): a log's size and root, signed by the log.
//
//   std::string text = Checkpoint{.origin = "example.com/log", .size = 5, .root = root}.Text();
//   Result<SignedCheckpoint> checkpoint = OpenCheckpoint(bytes, log_key);
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/note_key.h"
#include "merkle/signed_note.h"
#include "merkle/tree.h"
#include "result/result.h"

namespace pawl::merkle {

struct Checkpoint {
  std::string origin;  // the log's name, and the name of its key
  uint64_t size = 0;
  Digest root;

  std::string Text() const;  // three lines: origin, decimal size, base64 root
  // Accepts exactly what Text() prints; extension lines are refused. Rule: "checkpoint.malformed". An empty tree must
  // have the empty root.
  static Result<Checkpoint> Parse(std::string_view text);

  bool operator==(const Checkpoint&) const = default;
};

struct SignedCheckpoint {
  Checkpoint checkpoint;
  SignedNote note;  // with every signature it came with; its text is checkpoint.Text()
};

// Parses a signed note as a checkpoint and demands the log's good signature. Refused with "checkpoint.signature" if
// there is none, "checkpoint.origin" if the origin is not the key's name, "note.signature" if it does not verify.
// Requires a key of type 01.
Result<SignedCheckpoint> OpenCheckpoint(std::string_view bytes, const crypto::NoteKey& log_key);

}  // namespace pawl::merkle
