#include "merkle/checkpoint.h"

#include <cassert>

#include "encoding/base64.h"
#include "encoding/number.h"
#include "encoding/utf8.h"

namespace pawl::merkle {

std::string Checkpoint::Text() const {
  return origin + "\n" + std::to_string(size) + "\n" + encoding::EncodeBase64(root.Raw()) + "\n";
}

Result<Checkpoint> Checkpoint::Parse(std::string_view text) {
  const auto malformed = [](const char* message) { return Malformed("checkpoint.malformed", message); };
  const size_t origin_end = text.find('\n');
  const size_t size_end = origin_end == text.npos ? text.npos : text.find('\n', origin_end + 1);
  if (size_end == text.npos) return malformed("a checkpoint has three lines");
  Checkpoint checkpoint;
  checkpoint.origin = text.substr(0, origin_end);
  const Result<uint64_t> size =
      encoding::ParseUnsigned(text.substr(origin_end + 1, size_end - origin_end - 1), kTreeSizeMax);
  const std::string_view root_line = text.substr(size_end + 1);
  const Result<std::string> raw = encoding::DecodeBase64(root_line.substr(0, root_line.find('\n')));
  const Result<Digest> root = Digest::FromRaw(raw.ok() ? *raw : std::string());
  if (!size.ok() || !root.ok()) return malformed("the second line must be a size, the third a root in base64");
  checkpoint.size = *size;
  checkpoint.root = *root;
  if (!encoding::IsKeyName(checkpoint.origin) || checkpoint.Text() != text) {
    return malformed("an origin that is no name, or lines after the third");
  }
  if (checkpoint.size == 0 && checkpoint.root != EmptyRoot()) return malformed("an empty tree with a root");
  return checkpoint;
}

Result<SignedCheckpoint> OpenCheckpoint(std::string_view bytes, const crypto::NoteKey& log_key) {
  assert(log_key.type == crypto::NoteKeyType::kEd25519);
  Result<SignedNote> note = SignedNote::Parse(bytes);
  if (!note.ok()) return note.error();
  const Result<std::vector<size_t>> good = VerifyNote(*note, {&log_key, 1});
  if (!good.ok()) return good.error();
  if (good->empty()) return Refused("checkpoint.signature", "the log has not signed this checkpoint");
  Result<Checkpoint> checkpoint = Checkpoint::Parse(note->text);
  if (!checkpoint.ok()) return checkpoint.error();
  if (checkpoint->origin != log_key.name) return Refused("checkpoint.origin", "a checkpoint of another log");
  return SignedCheckpoint{.checkpoint = *std::move(checkpoint), .note = *std::move(note)};
}

}  // namespace pawl::merkle
