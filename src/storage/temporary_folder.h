// A new private folder for what is needed for a while.
//
//   Result<std::string> folder = MakeTemporaryFolder("pawl-trial");      // "/tmp/pawl-trial-x7Kq2a", mode 0700
//
// The caller removes it. Thread safety: a pure function but for the disk.
#pragma once

#include <string>

#include "result/result.h"

namespace pawl::storage {

// Below $TMPDIR, else /tmp; kSystem "temporary.folder" where that is missing, full or for reading alone.
Result<std::string> MakeTemporaryFolder(const std::string& name);

}  // namespace pawl::storage
