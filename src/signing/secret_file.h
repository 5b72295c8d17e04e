// Files with a secret: their reader's alone, or not read.
//
//   std::string text(4'096, '\0');
//   if (Result<void> read = ReadSecret(path, text); !read.ok()) return read.error();
//   OPENSSL_cleanse(text.data(), text.size());                                          // the caller's to wipe
//
// Thread safety: reads the file system; no shared state.
#pragma once

#include <string>

#include "result/result.h"

namespace pawl::signing {

// Reads at most `text.size()` bytes, and cuts `text` to what there was. Refuses symbolic links, anything but regular
// files, files of other owners and files that group or others can access ("key.permissions"); kNotFound
// "key.not-found"; kSystem "key.file".
Result<void> ReadSecret(const std::string& path, std::string& text);

}  // namespace pawl::signing
