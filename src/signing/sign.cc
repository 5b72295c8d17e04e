#include "signing/sign.h"

#include <cassert>
#include <utility>

#include "crypto/note_key.h"
#include "encoding/statement.h"
#include "encoding/time.h"
#include "merkle/cosignature.h"
#include "merkle/tree.h"

namespace pawl::signing {

merkle::NoteSignature SignNote(std::string_view text, std::string_view name, const Ed25519PrivateKey& key) {
  assert(text.ends_with('\n') && !merkle::HasForeignPrefix(text));
  const crypto::NoteKey note_key =
      crypto::NoteKey::Of(std::string(name), crypto::NoteKeyType::kEd25519, key.public_key());
  return {.name = note_key.name, .key_id = note_key.Id(), .signature = key.Sign(text)};
}

merkle::SignedNote SignCheckpoint(const merkle::Checkpoint& checkpoint, const Ed25519PrivateKey& key) {
  assert(checkpoint.size <= merkle::kTreeSizeMax);
  return {.text = checkpoint.Text(), .signatures = {SignNote(checkpoint.Text(), checkpoint.origin, key)}};
}

merkle::NoteSignature Cosign(std::string_view checkpoint_text, std::string_view name, const Ed25519PrivateKey& key,
                             int64_t time_s) {
  assert(checkpoint_text.ends_with('\n') && time_s >= 0 && time_s <= encoding::kTimeMax_s);
  const crypto::NoteKey note_key =
      crypto::NoteKey::Of(std::string(name), crypto::NoteKeyType::kEd25519Cosignature, key.public_key());
  const auto time = static_cast<uint64_t>(time_s);
  std::string blob;
  for (int shift = 56; shift >= 0; shift -= 8) blob += static_cast<char>(time >> shift & 0xff);
  return {.name = note_key.name,
          .key_id = note_key.Id(),
          .signature = blob + key.Sign(merkle::CosignedMessage(checkpoint_text, time))};
}

encoding::Signature SignPayload(std::string_view payload, std::string keyid, const Ed25519PrivateKey& key) {
  return {.keyid = std::move(keyid),
          .sig = key.Sign(encoding::PreAuthenticationEncoding(encoding::kPayloadType, payload))};
}

}  // namespace pawl::signing
