// A short text that is replaced often and has to be durable each time, in a file of two places of which the older is
// overwritten: one flush, where ReplaceFile makes a file and two names and flushes twice.
//
//   Result<std::string> text = ReadKeptText(path, "audit.memory");       // kNotFound where nothing was kept yet
//   Result<void> kept = WriteKeptText(path, R"({"size":12})");
//
// A place has 4,096 bytes: a checksum, a number that grows by one each time, the text, and spaces. What counts is the
// text of the larger number among the places whose checksum is right, so that a write that was cut off has changed
// nothing.
//
// Thread safety: one writer at a time, whom the caller's lock keeps alone; readers at any time.
#pragma once

#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::storage {

inline constexpr size_t kKeptTextBytesMax = 3'900;

// The text that was kept last. A file of another size is one that was written whole before there were places: its text
// is what it holds. `area` begins the rules: those of subject::ReadRegularFile, and "<area>.damaged" (kMalformed) where
// neither place can be read.
Result<std::string> ReadKeptText(const std::string& path, const std::string& area);

// Durable on success; where it fails the text that was kept before is still there. Requires a text without line ends
// and not ending with a space, of at most kKeptTextBytesMax bytes. Errors are those of the store, and those of reading.
Result<void> WriteKeptText(const std::string& path, std::string_view text);

}  // namespace pawl::storage
