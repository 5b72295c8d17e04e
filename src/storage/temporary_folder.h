// A new private folder for what is needed for a while.
//
//   Result<HeldFolder> folder = HeldFolder::MakeTemporary("pawl-trial");   // "/tmp/pawl-trial-unfinished-x7Kq2a"
//
//   const std::vector<std::string> removed = RemoveLeftFolders(root + ".restoring");   // of runs that were killed
//   Result<HeldFolder> scratch = HeldFolder::Make(root + ".restoring");                // goes with its owner
//
// Thread safety: pure functions but for the disk; a HeldFolder belongs to one thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "result/result.h"
#include "subject/file_descriptor.h"

namespace pawl::storage {

// Below $TMPDIR, else /tmp: where a temporary folder of this name would begin; "temporary.folder".
Result<std::string> TemporaryPrefix(const std::string& name);

// A folder that is removed with its owner. Where the owner is killed it stays, and is known to be nobody's by its lock.
class HeldFolder {
 public:
  // PREFIX-unfinished-XXXXXX, of mode 0700; kSystem "temporary.folder".
  static Result<HeldFolder> Make(const std::string& prefix);
  // Below $TMPDIR, else /tmp, after removing what owners of this name left that were killed; kSystem "temporary.folder"
  // where that is missing, full or for reading alone.
  static Result<HeldFolder> MakeTemporary(const std::string& name);
  HeldFolder(HeldFolder&& other) noexcept : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  HeldFolder& operator=(HeldFolder&&) = delete;
  ~HeldFolder();

  const std::string& path() const { return path_; }
  void Keep() { path_.clear(); }  // it has another name now

 private:
  HeldFolder(std::string path, subject::FileDescriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  subject::FileDescriptor lock_;
};

// Folders of this user's that HeldFolder made with this prefix and that nobody holds any more, sorted. One that is
// younger than a minute is left out: its owner may not have locked it yet.
std::vector<std::string> FindLeftFolders(const std::string& prefix);
// The same of every name that begins with "pawl-", below $TMPDIR, else /tmp.
std::vector<std::string> FindLeftTemporaryFolders();
// Removes them, and names those that are gone.
std::vector<std::string> RemoveLeftFolders(const std::string& prefix);

}  // namespace pawl::storage
