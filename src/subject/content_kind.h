// What a file is, by its bytes; its name is not looked at.
//
//   FileFacts facts = InspectContent(bytes);
//   if (facts.kind == ContentKind::kPickle) ...
//
// The kinds are tried in the order of the enum, so a file has exactly one. Pickles run code when they are loaded, and a
// container (zip, 7z, rar, gzip, bzip2, xz, zstd, lz4, zlib, tar) can hide one; both are recognised so that they can be
// refused. Recognising is by signature and, for pickles of protocol 0 and 1, which have none, by walking the opcodes: a
// stream that imports a name and then calls it. An allow-list of kinds is what protects; this list is a second line.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::subject {

enum class ContentKind {
  kPickle,     // a Python pickle, also inside a NumPy file
  kContainer,  // an archive or compressed stream
  kNetwork,    // model::ReadOnnx reads it
  kJson,       // one JSON value, by encoding/json.h
  kText,       // UTF-8 without control characters but tab and line feed; the empty file
  kData,       // anything else
};

std::string_view ContentKindName(ContentKind kind);  // "network", ...

struct FileFacts {
  ContentKind kind = ContentKind::kData;
  uint64_t size = 0;                        // bytes
  std::optional<uint64_t> lines;            // of kJson and kText; a last line without line feed counts
  std::optional<uint64_t> line_bytes_max;   // of kJson and kText: the longest line
  std::vector<std::string> operators;       // of kNetwork: sorted, distinct
  std::optional<uint64_t> parameter_count;  // of kNetwork
  std::string detail;                       // of kPickle and kContainer: what was recognised; kData: why no network
};

FileFacts InspectContent(std::string_view bytes);

}  // namespace pawl::subject
