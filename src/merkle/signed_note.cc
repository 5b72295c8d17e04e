#include "merkle/signed_note.h"

#include <algorithm>
#include <set>

#include "encoding/base64.h"
#include "encoding/utf8.h"

namespace pawl::merkle {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";  // U+2014 and a space
constexpr size_t kKeyIdBytes = 4;

Error MalformedNote(std::string message) { return Malformed("note.malformed", std::move(message)); }

// Lines without control characters, each ended by a line feed.
bool IsLines(std::string_view text) {
  std::string without(text);
  std::erase(without, '\n');
  return text.ends_with('\n') && encoding::IsPlainText(without);
}

// A line "— name base64" without its line feed.
Result<NoteSignature> ParseLine(std::string_view line) {
  if (!line.starts_with(kDash)) return MalformedNote("a signature line that does not begin with a dash");
  line.remove_prefix(kDash.size());
  const size_t name_end = std::min(line.find(' '), line.size());
  const std::string_view base64 = line.substr(std::min(name_end + 1, line.size()));
  if (!encoding::IsKeyName(line.substr(0, name_end))) return MalformedNote("a signature line without a key name");
  const Result<std::string> blob = encoding::DecodeBase64(base64);
  if (!blob.ok() || blob->size() <= kKeyIdBytes || blob->size() > kKeyIdBytes + kNoteSignatureBytesMax) {
    return MalformedNote("a signature that is not base64 of a key id and a signature");
  }
  NoteSignature signature{.name = std::string(line.substr(0, name_end)), .signature = blob->substr(kKeyIdBytes)};
  for (size_t i = 0; i < kKeyIdBytes; ++i) signature.key_id = signature.key_id << 8 | static_cast<uint8_t>((*blob)[i]);
  return signature;
}

}  // namespace

bool HasForeignPrefix(std::string_view text) {
  constexpr std::string_view kForeign[] = {"cosignature/v1\n", "subtree/v1\n", "DSSEv1 ", "SSHSIG"};
  return std::ranges::any_of(kForeign, [&](std::string_view prefix) { return text.starts_with(prefix); });
}

std::string SerializeNoteSignatures(std::span<const NoteSignature> signatures) {
  std::string lines;
  for (const NoteSignature& signature : signatures) {
    std::string blob;
    for (int shift = 24; shift >= 0; shift -= 8) blob += static_cast<char>(signature.key_id >> shift & 0xff);
    lines += std::string(kDash) + signature.name + " " + encoding::EncodeBase64(blob + signature.signature) + "\n";
  }
  return lines;
}

Result<std::vector<NoteSignature>> ParseNoteSignatures(std::string_view lines) {
  if (lines.size() > kNoteBytesMax) return LimitReached("note.too-large", "the signatures take too many bytes");
  if (!IsLines(lines)) return MalformedNote("signatures that are not lines of plain text");
  if (std::ranges::count(lines, '\n') > static_cast<std::ptrdiff_t>(kNoteSignaturesMax)) {
    return LimitReached("note.too-large", "more than " + std::to_string(kNoteSignaturesMax) + " signatures");
  }
  std::vector<NoteSignature> signatures;
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    Result<NoteSignature> signature = ParseLine(lines.substr(0, end));
    if (!signature.ok()) return signature.error();
    signatures.push_back(*std::move(signature));
    lines.remove_prefix(end + 1);
  }
  return signatures;
}

std::string SignedNote::Serialize() const { return text + "\n" + SerializeNoteSignatures(signatures); }

Result<SignedNote> SignedNote::Parse(std::string_view bytes) {
  if (bytes.size() > kNoteBytesMax) return LimitReached("note.too-large", "the note takes too many bytes");
  const size_t split = bytes.rfind("\n\n");
  if (split == bytes.npos) return MalformedNote("no empty line between text and signatures");
  if (!IsLines(bytes.substr(0, split + 1))) return MalformedNote("a text that is not lines of plain text");
  Result<std::vector<NoteSignature>> signatures = ParseNoteSignatures(bytes.substr(split + 2));
  if (!signatures.ok()) return signatures.error();
  return SignedNote{.text = std::string(bytes.substr(0, split + 1)), .signatures = *std::move(signatures)};
}

Result<std::vector<size_t>> VerifyNote(const SignedNote& note, std::span<const crypto::NoteKey> keys) {
  std::vector<size_t> good;
  for (size_t i = 0; i < keys.size(); ++i) {
    const crypto::NoteKey& key = keys[i];
    if (key.type != crypto::NoteKeyType::kEd25519) continue;
    size_t count = 0;
    for (const NoteSignature& signature : note.signatures) {
      if (signature.name != key.name || signature.key_id != key.Id()) continue;
      if (++count > 1 || HasForeignPrefix(note.text) || !key.key.Verify(note.text, signature.signature)) {
        return Refused("note.signature", "a signature by " + key.name + " does not verify or stands there twice");
      }
    }
    if (count > 0) good.push_back(i);
  }
  return good;
}

}  // namespace pawl::merkle
