#include "witness/add_checkpoint.h"

#include <algorithm>

#include "encoding/base64.h"
#include "encoding/number.h"

namespace pawl::witness {

namespace {
constexpr std::string_view kOld = "old ";
}  // namespace

std::string AddCheckpoint::Serialize() const {
  std::string body = std::string(kOld) + std::to_string(old_size) + "\n";
  for (const merkle::Digest& hash : consistency) body += encoding::EncodeBase64(hash.Raw()) + "\n";
  return body + "\n" + checkpoint;
}

Result<AddCheckpoint> AddCheckpoint::Parse(std::string_view body) {
  const auto malformed = [](const char* message) { return Malformed("add-checkpoint.malformed", message); };
  if (body.size() > kAddCheckpointBytesMax) return malformed("the request takes too many bytes");
  if (!body.starts_with(kOld)) return malformed("the first line is not `old` and a size");
  std::string_view rest = body.substr(kOld.size());
  const auto take_line = [&rest] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    return line;
  };
  const Result<uint64_t> old_size = encoding::ParseUnsigned(take_line(), merkle::kTreeSizeMax);
  if (!old_size.ok()) return malformed("the old size is not a number up to 2^62");
  AddCheckpoint request{.old_size = *old_size, .consistency = {}, .checkpoint = {}};
  for (std::string_view line = take_line(); !line.empty(); line = take_line()) {
    const Result<std::string> raw = encoding::DecodeBase64(line);
    const Result<merkle::Digest> hash = merkle::Digest::FromRaw(raw.ok() ? *raw : std::string());
    if (!hash.ok() || request.consistency.size() == kConsistencyHashesMax) {
      return malformed("not at most 63 hashes in base64");
    }
    request.consistency.push_back(*hash);
  }
  request.checkpoint = rest;
  if (request.checkpoint.empty() || request.Serialize() != body) return malformed("no checkpoint after an empty line");
  return request;
}

}  // namespace pawl::witness
