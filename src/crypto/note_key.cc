#include "crypto/note_key.h"

#include <cassert>

#include "crypto/digest.h"
#include "encoding/base64.h"
#include "encoding/hex.h"
#include "encoding/utf8.h"

namespace pawl::crypto {

NoteKey NoteKey::Of(std::string name, NoteKeyType type, Ed25519PublicKey key) {
  assert(encoding::IsKeyName(name));
  return NoteKey{std::move(name), type, std::move(key)};
}

Result<NoteKey> NoteKey::Parse(std::string_view text) {
  const Error malformed = Malformed("note-key.malformed", "not a verifier key of the form name+id+base64");
  const size_t name_end = text.find('+');
  const size_t id_end = name_end == text.npos ? text.npos : text.find('+', name_end + 1);
  if (id_end == text.npos || text.size() > 512 || !encoding::IsKeyName(text.substr(0, name_end))) return malformed;
  const Result<std::string> material = encoding::DecodeBase64(text.substr(id_end + 1));
  if (!material.ok() || material->empty()) return malformed;
  const auto type = static_cast<NoteKeyType>(material->front());
  if (type != NoteKeyType::kEd25519 && type != NoteKeyType::kEd25519Cosignature) {
    return Refused("note-key.type", "a verifier key of an algorithm that is not supported", "use Ed25519 (01 or 04)");
  }
  const Result<Ed25519PublicKey> key = Ed25519PublicKey::FromRaw(std::string_view(*material).substr(1));
  if (!key.ok()) return key.error();
  NoteKey parsed = Of(std::string(text.substr(0, name_end)), type, *key);
  if (parsed.Text() != text) return malformed;
  return parsed;
}

std::string NoteKey::Text() const {
  const uint32_t id = Id();
  std::string id_bytes;
  for (int shift = 24; shift >= 0; shift -= 8) id_bytes += static_cast<char>(id >> shift & 0xff);
  return name + "+" + encoding::EncodeHex(id_bytes) + "+" + encoding::EncodeBase64(static_cast<char>(type) + key.raw());
}

uint32_t NoteKey::Id() const {
  const Digest digest = Sha256(name + "\n" + static_cast<char>(type) + key.raw());
  uint32_t id = 0;
  for (int i = 0; i < 4; ++i) id = id << 8 | digest.bytes[static_cast<size_t>(i)];
  return id;
}

std::string NoteKey::UnderlyingKey() const { return "ed25519:" + encoding::EncodeHex(key.raw()); }

}  // namespace pawl::crypto
