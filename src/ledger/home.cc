#include "ledger/home.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "encoding/json.h"
#include "ledger/home_migration.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {
namespace {

namespace fs = std::filesystem;

std::string ChosenRoot(const std::string& flag) {
  if (!flag.empty()) return flag;
  if (const char* home = std::getenv("PAWL_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
    return std::string(state) + "/pawl";
  }
  const char* user_home = std::getenv("HOME");
  return std::string(user_home != nullptr && *user_home != '\0' ? user_home : "/root") + "/.local/state/pawl";
}

}  // namespace

namespace {

// A home that is there, and not for this user.
Error Unreadable(const std::string& message) {
  return SystemFailure("home.unreadable", message,
                       "the home is another user's: docs/install.md, Who runs what, says who may read what; --home or "
                       "PAWL_HOME names another place");
}

}  // namespace

Result<int64_t> ReadHomeVersion(const std::string& root) {
  const fs::path file = fs::path(root) / "schema.json";
  Result<std::string> text = subject::ReadRegularFile(file, 4'096, "home", subject::Links::kFollow);
  if (!text.ok() && text.error().code == ErrorCode::kSystem) return Unreadable(text.error().message);
  if (!text.ok()) return Malformed("home.schema", text.error().message);
  Result<encoding::Json> json = encoding::ParseJson(*text, {.bytes_max = 4'096});
  if (!json.ok()) return Malformed("home.schema", "'" + file.string() + "': " + json.error().message);
  encoding::JsonObject object(*json, "schema");
  const int64_t version = object.Integer("version", 1);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (version > kHomeVersion) {
    return Refused("home.schema", "this home was written by a newer Pawl (version " + std::to_string(version) + ")",
                   "install that version; an older one never writes here");
  }
  return version;
}

namespace {

// Whether `inner` is `outer` or lies below it; both as they are on disk, links resolved.
bool LiesIn(const fs::path& inner, const fs::path& outer) {
  const fs::path relative = inner.lexically_relative(outer);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Result<void> WriteHomeVersion(const std::string& root, int64_t version) {
  const std::string text = R"({"version":)" + std::to_string(version) + "}";
  if (Result<void> written = storage::ReplaceFile(root + "/schema.json", text); !written.ok()) {
    return SystemFailure("home.create", written.error().message, written.error().advice);
  }
  chmod((root + "/schema.json").c_str(), 0644);  // a loader's user reads it too, where the home lets it in
  return {};
}

std::string Home::Place(const std::string& flag) {
  std::error_code failure;
  std::string root = fs::absolute(ChosenRoot(flag), failure).lexically_normal().string();
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  return root;
}

Result<Home> Home::Open(const std::string& flag, HomeAccess access) {
  std::error_code failure;
  const fs::path root = Place(flag);
  const fs::path schema = root / "schema.json";
  if (::access(schema.c_str(), F_OK) != 0) {
    if (errno == EACCES) return Unreadable("cannot look into '" + root.string() + "': " + std::strerror(errno));
    if (access == HomeAccess::kExisting) {
      return Error{ErrorCode::kNotFound, "home.missing", "there is no Pawl home at '" + root.string() + "'",
                   "pawl init makes one; --home or PAWL_HOME names another place"};
    }
    fs::create_directories(root, failure);
    for (const char* part : {"", "store", "ledger", "keys", "reviewers", "loader"}) {
      // For nobody else to write to, whatever the umask.
      if (!failure && mkdir((root / part).c_str(), 0755) != 0 && errno != EEXIST)
        failure.assign(errno, std::generic_category());
      if (failure)
        return SystemFailure("home.create", "cannot make '" + (root / part).string() + "': " + failure.message(),
                             "check disk space and permissions, or name another place: --home");
    }
    chmod(root.c_str(), 0700);
    chmod((root / "keys").c_str(), 0700);
    chmod((root / "reviewers").c_str(), 0700);
    // Last and at once: a home whose making was interrupted is made again.
    if (Result<void> written = WriteHomeVersion(root.string(), kHomeVersion); !written.ok()) return written.error();
  }
  Result<int64_t> version = ReadHomeVersion(root.string());
  if (!version.ok()) return version.error();
  if (*version < kHomeVersion) {
    if (Result<void> migrated = MigrateHome(root.string()); !migrated.ok()) return migrated.error();
  }
  return Home(root.string());
}

Result<void> Home::RequireOutside(const std::string& directory) const {
  std::error_code failure;
  const fs::path subject = fs::weakly_canonical(directory, failure);
  const fs::path home = fs::weakly_canonical(root_, failure);
  if (!failure && !LiesIn(home, subject) && !LiesIn(subject, home)) return {};
  return Refused("home.inside-subject",
                 "the home '" + root_ + "' and the directory '" + directory + "' lie one inside the other",
                 "keep Pawl's home where the subject cannot write: --home");
}

std::vector<std::string> Home::Subjects() const {
  std::vector<std::string> subjects;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ + "/ledger", failure)) {
    const fs::path extension = entry.path().extension();
    if (extension == ".sqlite" || extension == ".url") subjects.push_back(entry.path().stem().string());
  }
  std::sort(subjects.begin(), subjects.end());
  subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
  return subjects;
}

}  // namespace pawl::ledger
