// Verifier keys of signed notes, in the text form that logs, reviewers and witnesses are configured with.
//
//   Result<NoteKey> key = NoteKey::Parse("example.com/log+a1b2c3d4+AR…");
//   key->Text()
//
// The form is `<name>+<key id, 8 hexadecimal digits>+<base64 of type byte ‖ public key>`; the id is the first four
// bytes of SHA-256(name ‖ 0A ‖ type ‖ public key). Source: C2SP signed-note v1.0.0. Thread safety: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/ed25519.h"
#include "result/result.h"

namespace pawl::crypto {

enum class NoteKeyType : uint8_t {
  kEd25519 = 0x01,             // signs the note's text
  kEd25519Cosignature = 0x04,  // signs a time and a checkpoint (merkle/cosignature.h)
};

struct NoteKey {
  std::string name;
  NoteKeyType type = NoteKeyType::kEd25519;
  Ed25519PublicKey key;

  // Requires encoding::IsKeyName(name).
  static NoteKey Of(std::string name, NoteKeyType type, Ed25519PublicKey key);
  // Accepts exactly what Text() prints. Fails with "note-key.malformed"; "note-key.type" for an algorithm not listed.
  static Result<NoteKey> Parse(std::string_view text);

  std::string Text() const;
  uint32_t Id() const;
  // The same key pair in another role, e.g. a witness that is listed by its plain key.
  NoteKey As(NoteKeyType other) const { return Of(name, other, key); }
  // "ed25519:<hex>", comparable with SshPublicKey::UnderlyingKey.
  std::string UnderlyingKey() const;

  bool operator==(const NoteKey&) const = default;
};

}  // namespace pawl::crypto
