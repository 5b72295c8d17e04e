#include "storage/temporary_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace pawl::storage {

Result<std::string> MakeTemporaryFolder(const std::string& name) {
  const std::string advice = "set TMPDIR to a folder with room that this user can write to";
  std::error_code failure;
  const std::filesystem::path base = std::filesystem::temp_directory_path(failure);
  if (failure) {
    return SystemFailure("temporary.folder", "there is no folder for temporary files: " + failure.message(), advice);
  }
  std::string folder = (base / (name + "-XXXXXX")).string();
  if (mkdtemp(folder.data()) != nullptr) return folder;
  return SystemFailure("temporary.folder", "cannot make a folder in '" + base.string() + "': " + std::strerror(errno),
                       advice);
}

}  // namespace pawl::storage
