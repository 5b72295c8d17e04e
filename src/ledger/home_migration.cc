#include "ledger/home_migration.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>
#include <vector>

#include "encoding/time.h"
#include "ledger/backup.h"
#include "ledger/home.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {
namespace {

namespace fs = std::filesystem;

Error CannotMigrate(const std::string& what) {
  return SystemFailure("home.migrate", "this home is of an older version and cannot be brought up to date: " + what,
                       "make it writable for this user and check disk space; nothing was lost");
}

Result<void> MakeFolder(const std::string& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure || chmod(path.c_str(), 0700) != 0) return CannotMigrate("'" + path + "' cannot be made");
  return {};
}

// Version 2: keys/<name>/seen-<subject>.json becomes reviewers/<name>/seen-<subject>.json.
Result<void> MoveMemories(const std::string& root) {
  if (Result<void> made = MakeFolder(root + "/reviewers"); !made.ok()) return made;
  std::error_code failure;
  std::vector<fs::path> memories;
  for (const fs::directory_entry& folder : fs::directory_iterator(root + "/keys", failure)) {
    for (const fs::directory_entry& file : fs::directory_iterator(folder.path(), failure)) {
      const std::string name = file.path().filename().string();
      if (name.rfind("seen-", 0) == 0 && name.ends_with(".json")) memories.push_back(file.path());
    }
  }
  for (const fs::path& memory : memories) {
    const std::string folder = root + "/reviewers/" + memory.parent_path().filename().string();
    if (Result<void> made = MakeFolder(folder); !made.ok()) return made;
    fs::rename(memory, folder + "/" + memory.filename().string(), failure);
    if (failure) return CannotMigrate("'" + memory.string() + "' cannot be moved: " + failure.message());
  }
  return {};
}

struct Migration {
  int64_t to_version;
  Result<void> (*run)(const std::string& root);
};

constexpr Migration kMigrations[] = {{2, MoveMemories}};

}  // namespace

Result<void> MigrateHome(const std::string& root) {
  const subject::FileDescriptor lock(
      open((root + "/schema.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid() || flock(lock.get(), LOCK_EX) != 0) return CannotMigrate("'" + root + "' cannot be locked");
  Result<int64_t> version = ReadHomeVersion(root);  // another process may have been faster
  if (!version.ok()) return version.error();
  if (*version == kHomeVersion) return {};
  if (Result<void> made = MakeFolder(root + "/backups"); !made.ok()) return made;
  const std::string backup = root + "/backups/version-" + std::to_string(*version) + "-" +
                             encoding::TimeText(static_cast<int64_t>(std::time(nullptr))) + ".tar";
  std::error_code failure;
  if (!fs::exists(backup, failure)) {
    if (Result<void> written = WriteMigrationBackup(root, backup); !written.ok()) return written;
  }
  for (const Migration& migration : kMigrations) {
    if (migration.to_version <= *version) continue;
    if (Result<void> done = migration.run(root); !done.ok()) return done;
    if (Result<void> written = WriteHomeVersion(root, migration.to_version); !written.ok()) return written;
  }
  return {};
}

}  // namespace pawl::ledger
