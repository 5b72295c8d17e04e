#include "halting/halt_room.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "storage/named_file.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "warrant/state.h"

namespace pawl::halting {
namespace {

// A halt with the longest reason, in base64, with a signature of a security key.
constexpr size_t kRoomBytes = 16'384;

std::string RoomPath(const std::string& state_path) { return state_path + ".halt-room"; }

}  // namespace

void KeepRoomForHalt(const std::string& state_path) {
  struct stat folder {};
  const std::string parent = std::filesystem::path(state_path).parent_path().string();
  if (stat(parent.empty() ? "." : parent.c_str(), &folder) != 0 || folder.st_uid != geteuid()) return;
  mkdir(warrant::HaltFolder(state_path).c_str(), 0700);
  if (access(RoomPath(state_path).c_str(), F_OK) == 0) return;
  (void)storage::ReplaceFile(RoomPath(state_path), std::string(kRoomBytes, '\0'));
}

bool MoveRoomTo(const std::string& state_path, const std::string& path, std::string_view bytes) {
  const std::string room = RoomPath(state_path);
  {
    const subject::FileDescriptor file(open(room.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.valid() || bytes.size() > kRoomBytes || !storage::WriteAll(file.get(), bytes)) return false;
    if (ftruncate(file.get(), static_cast<off_t>(bytes.size())) != 0 || fsync(file.get()) != 0) return false;
  }
  if (std::rename(room.c_str(), path.c_str()) != 0) return false;
  return storage::FlushDirectory(std::filesystem::path(path).parent_path()).ok();
}

}  // namespace pawl::halting
