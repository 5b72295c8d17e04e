#include "merkle/tlog_proof.h"

#include <algorithm>

#include "encoding/base64.h"
#include "encoding/number.h"
#include "merkle/signed_note.h"

namespace pawl::merkle {

namespace {
constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1\nindex ";
constexpr size_t kHashesMax = 63;
}  // namespace

std::string TlogProof::Serialize() const {
  std::string bytes = std::string(kHeader) + std::to_string(index) + "\n";
  for (const Digest& hash : hashes) bytes += encoding::EncodeBase64(hash.Raw()) + "\n";
  return bytes + "\n" + checkpoint;
}

Result<TlogProof> TlogProof::Parse(std::string_view bytes) {
  const auto malformed = [](const char* message) { return Malformed("tlog-proof.malformed", message); };
  if (bytes.size() > 2 * kNoteBytesMax) return malformed("the proof takes too many bytes");
  if (!bytes.starts_with(kHeader)) return malformed("not the lines c2sp.org/tlog-proof@v1 and index");
  std::string_view rest = bytes.substr(kHeader.size());
  const auto take_line = [&rest] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    return line;
  };
  const Result<uint64_t> index = encoding::ParseUnsigned(take_line(), kTreeSizeMax - 1);
  if (!index.ok()) return malformed("the index is not a number below 2^62");
  TlogProof proof{.index = *index, .hashes = {}, .checkpoint = {}};
  for (std::string_view line = take_line(); !line.empty(); line = take_line()) {
    const Result<std::string> raw = encoding::DecodeBase64(line);
    const Result<Digest> hash = Digest::FromRaw(raw.ok() ? *raw : std::string());
    if (!hash.ok() || proof.hashes.size() == kHashesMax) return malformed("not at most 63 hashes in base64");
    proof.hashes.push_back(*hash);
  }
  proof.checkpoint = rest;
  if (proof.checkpoint.empty() || proof.Serialize() != bytes) return malformed("no checkpoint after an empty line");
  return proof;
}

}  // namespace pawl::merkle
