// Small files that are replaced as a whole.
//
//   Result<void> written = ReplaceFile(home + "/loader/engine/warrants/7.json", bytes);
//
// Thread safety: whoever comes last wins; no reader ever sees a part.
#pragma once

#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::storage {

// Written under another name of the same folder, flushed, renamed, and the folder flushed: after a crash or a power cut
// the file is what it was or what it is to be, and after success it is the latter. Mode 0600; missing folders are made.
// Errors are those of the store ("store.full", "store.read-only", "store.input-output"); then nothing has changed, or
// all of it has.
Result<void> ReplaceFile(const std::string& path, std::string_view bytes);

// Whether everything was written; where not, errno says why.
bool WriteAll(int fd, std::string_view bytes);

// Waits until the names in a directory are on the disk.
Result<void> FlushDirectory(const std::string& directory);

}  // namespace pawl::storage
