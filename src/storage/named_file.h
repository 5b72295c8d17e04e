// Files that people name: read as a whole, and written as a whole.
//
//   Result<std::string> text = ReadNamedFile("charter.toml", size_t{1} << 20);
//   Result<void> written = WriteNamedFile("report.html", page);
//
// Unlike those of replace_file.h they have the modes that the user's mask gives. Thread safety: whoever comes last
// wins; no reader ever sees a part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::storage {

// Reads a whole regular file ("file.missing", "file.not-a-file", "file.too-large"); "-" is standard input, and what a
// shell opened (/dev/stdin, /dev/fd/63 of `<(...)`) is read as well.
Result<std::string> ReadNamedFile(const std::string& path, size_t bytes_max);
// Its bytes as the readers of models take them.
inline std::span<const uint8_t> AsBytes(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

// Replaces a file by rename; durable on success. Failure: kSystem "file.write"; the file is as it was.
Result<void> WriteNamedFile(const std::string& path, std::string_view bytes);
// The same by way of `temporary`, which may lie in another folder of the same file system. Both folders are flushed.
Result<void> WriteNamedFileBy(const std::string& temporary, const std::string& path, std::string_view bytes);

}  // namespace pawl::storage
