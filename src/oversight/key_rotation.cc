#include "oversight/key_rotation.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "crypto/sshsig.h"
#include "encoding/dsse.h"
#include "warrant/members.h"

namespace pawl::oversight {
namespace {

constexpr std::string_view kRotationFolder = "rotations/", kPerson = "person ";
constexpr size_t kRotationBytesMax = 64 << 10, kRotationsMax = 256;

constexpr std::tuple kKeyRotation{
    warrant::Member{"holder", &KeyRotation::holder, warrant::Text{}},
    warrant::Member{"old_key", &KeyRotation::old_key, warrant::Text{}},
    warrant::Member{"new_key", &KeyRotation::new_key, warrant::Text{}},
};

Error BadRotation(const std::string& path, const std::string& why) {
  return Refused("charter.rotation", path + " " + why,
                 "make it anew with pawl key rotate; or remove it, and the key is replaced without the old one's word");
}

// Whether `key`, in the charter's text form, has signed.
Result<void> SignedBy(const encoding::Envelope& envelope, const encoding::Signature& signature, const std::string& key,
                      bool is_person, const charter::Approval& rules) {
  const std::string message = encoding::PreAuthenticationEncoding(envelope.payload_type, envelope.payload);
  const Error no = Refused("charter.rotation", "");
  if (!is_person) {
    const Result<crypto::NoteKey> note = crypto::NoteKey::Parse(key);
    return note.ok() && note->key.Verify(message, signature.sig) ? Result<void>() : no;
  }
  const Result<crypto::SshPublicKey> ssh = crypto::SshPublicKey::ParseLine(key);
  const Result<crypto::Sshsig> sshsig = crypto::Sshsig::ParseRaw(signature.sig);
  if (!ssh.ok() || !sshsig.ok()) return no;
  const Result<crypto::SshsigFacts> facts = crypto::VerifySshsig(*sshsig, message, warrant::kApprovalNamespace, *ssh);
  if (!facts.ok()) return no;
  return facts->user_present || rules.presence == charter::Presence::kSoftware ? Result<void>() : no;
}

Result<KeyRotation> ReadSigned(const std::string& path, std::string_view bytes, const charter::CharterFiles& before,
                               const charter::CharterFiles& after) {
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(bytes);
  if (!envelope.ok()) return BadRotation(path, "is no envelope: " + envelope.error().message);
  if (envelope->payload_type != warrant::kPayloadType) return BadRotation(path, "is no in-toto statement");
  Result<KeyRotation> rotation = ReadKeyRotation(envelope->payload);
  if (!rotation.ok()) return BadRotation(path, "is no rotation: " + rotation.error().message);
  if (rotation->about.subject != before.charter.subject.name || rotation->about.digest != before.charter.digest) {
    return BadRotation(path, "was signed for another subject or charter than the one in force");
  }
  if (path != RotationPath(rotation->new_key)) return BadRotation(path, "has another name than its new key gives it");
  const bool is_person = rotation->holder.starts_with(kPerson);
  const auto signed_as = [&](std::string_view keyid, const std::string& key, const charter::Approval& rules) {
    return std::any_of(envelope->signatures.begin(), envelope->signatures.end(), [&](const auto& signature) {
      return signature.keyid == keyid && SignedBy(*envelope, signature, key, is_person, rules).ok();
    });
  };
  if (!signed_as(kOldKeyId, rotation->old_key, before.charter.approval)) {
    return BadRotation(path, "is not signed by the old key of " + rotation->holder);
  }
  if (!signed_as(kNewKeyId, rotation->new_key, after.charter.approval)) {
    return BadRotation(path, "is not signed by the new key of " + rotation->holder);
  }
  return rotation;
}

// The statements that this amendment brings.
Result<std::vector<KeyRotation>> ReadRotations(const charter::CharterFiles& before,
                                               const charter::CharterFiles& after) {
  std::vector<KeyRotation> rotations;
  for (const subject::FileEntry& file : after.manifest.files) {
    if (!file.path.starts_with(kRotationFolder)) continue;
    const subject::FileEntry* known = before.manifest.Find(file.path);
    if (known != nullptr && known->digest == file.digest) continue;
    if (rotations.size() == kRotationsMax) {
      return BadRotation(file.path, "is one too many: an amendment takes " + std::to_string(kRotationsMax));
    }
    const Result<std::string> bytes = after.read(file.digest, kRotationBytesMax);
    if (!bytes.ok() && bytes.error().code == ErrorCode::kLimit) return BadRotation(file.path, bytes.error().message);
    if (!bytes.ok()) return bytes.error();
    Result<KeyRotation> rotation = ReadSigned(file.path, *bytes, before, after);
    if (!rotation.ok()) return rotation.error();
    rotations.push_back(*std::move(rotation));
  }
  return rotations;
}

}  // namespace

std::string WriteKeyRotation(const KeyRotation& statement) {
  return warrant::WriteStatement("rotation", kKeyRotation, statement);
}
Result<KeyRotation> ReadKeyRotation(std::string_view payload) {
  return warrant::ReadStatement<KeyRotation>("rotation", kKeyRotation, payload);
}

std::string RotationPath(std::string_view new_key) {
  return std::string(kRotationFolder) + crypto::Sha256(new_key).Hex().substr(0, 16) + ".json";
}

std::vector<HeldCharterKey> KeysOf(const charter::Charter& charter) {
  std::vector<HeldCharterKey> keys = {{"gate clock", charter.gate.clock.Text()}};
  for (const charter::Reviewer& one : charter.reviewers) keys.push_back({"reviewer " + one.name, one.key.Text()});
  for (const charter::Witness& one : charter.witnesses.all) keys.push_back({"witness " + one.key.name, one.key.Text()});
  for (const crypto::AllowedSigner& one : charter.approval.signers) {
    keys.push_back({std::string(kPerson) + one.principal, one.key.Line()});
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::string KeyChange::Words() const {
  switch (kind) {
    case KeyChangeKind::kRotated:
      return holder + ": another key, and the old one has agreed";
    case KeyChangeKind::kReplaced:
      return holder + ": another key, WITHOUT the old one's word";
    case KeyChangeKind::kEnrolled:
      return holder + ": a key is enrolled";
    case KeyChangeKind::kRevoked:
      return holder + ": a key is revoked";
  }
  return holder;
}

Result<std::vector<KeyChange>> FindKeyChanges(const charter::CharterFiles& before, const charter::CharterFiles& after) {
  const std::vector<HeldCharterKey> had = KeysOf(before.charter), has = KeysOf(after.charter);
  std::map<std::string, std::set<std::string>> gone, come;  // by holder
  for (const HeldCharterKey& one : had) {
    if (!std::binary_search(has.begin(), has.end(), one)) gone[one.holder].insert(one.key);
  }
  for (const HeldCharterKey& one : has) {
    if (!std::binary_search(had.begin(), had.end(), one)) come[one.holder].insert(one.key);
  }
  const Result<std::vector<KeyRotation>> rotations = ReadRotations(before, after);
  if (!rotations.ok()) return rotations.error();
  std::vector<KeyChange> changes;
  for (const KeyRotation& one : *rotations) {
    // Each key goes once and comes once, so that one old key does not speak for two.
    if (gone[one.holder].erase(one.old_key) == 0 || come[one.holder].erase(one.new_key) == 0) {
      return BadRotation(RotationPath(one.new_key),
                         "is about a change of " + one.holder + "'s key that this charter does not make");
    }
    changes.push_back({KeyChangeKind::kRotated, one.holder, one.old_key, one.new_key});
  }
  for (const auto& [holder, keys] : gone) {
    const bool is_one_for_one = keys.size() == 1 && come[holder].size() == 1;
    if (is_one_for_one) {
      changes.push_back({KeyChangeKind::kReplaced, holder, *keys.begin(), *come[holder].begin()});
      come[holder].clear();
      continue;
    }
    for (const std::string& key : keys) changes.push_back({KeyChangeKind::kRevoked, holder, key, ""});
  }
  for (const auto& [holder, keys] : come) {
    for (const std::string& key : keys) changes.push_back({KeyChangeKind::kEnrolled, holder, "", key});
  }
  std::sort(changes.begin(), changes.end(), [](const KeyChange& a, const KeyChange& b) {
    const bool a_agreed = a.kind != KeyChangeKind::kReplaced, b_agreed = b.kind != KeyChangeKind::kReplaced;
    return std::tie(a_agreed, a.holder, a.kind, a.old_key, a.new_key) <
           std::tie(b_agreed, b.holder, b.kind, b.old_key, b.new_key);
  });
  return changes;
}

}  // namespace pawl::oversight
