#include "ledger/own_snapshots.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "subject/file_descriptor.h"
#include "subject/store.h"

namespace pawl::ledger {
namespace {

std::string OwnKeyPath(const std::string& folder) { return folder + "/key.pem"; }

// One at a time writes here.
Result<subject::FileDescriptor> HoldFolder(const std::string& folder) {
  subject::FileDescriptor held(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!held.valid()) return subject::DiskError("open", folder, errno);
  if (flock(held.get(), LOCK_EX | LOCK_NB) == 0) return held;
  return Error{ErrorCode::kPending, "snapshot.busy", "another process keeps a snapshot here", ""};
}

}  // namespace

Result<OwnSnapshots> OwnSnapshots::Find(const Home& home) {
  std::string folder = home.OwnSnapshotFolder();
  struct stat status {};
  if (lstat(folder.c_str(), &status) != 0) {
    return Error{ErrorCode::kNotFound, "snapshot.missing", "this home has folded nothing of its own", ""};
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return Refused("snapshot.folder", "'" + folder + "' is not this user's alone", "remove it; it is made again");
  }
  Result<signing::Ed25519PrivateKey> key = signing::Ed25519PrivateKey::ReadFile(OwnKeyPath(folder));
  if (!key.ok()) return key.error();
  return OwnSnapshots(std::move(folder), *std::move(key));
}

Result<OwnSnapshots> OwnSnapshots::Make(const Home& home) {
  Result<OwnSnapshots> found = Find(home);
  if (found.ok() || found.error().rule == "snapshot.folder") return found;
  const std::string folder = home.OwnSnapshotFolder();
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return subject::DiskError("make", folder, errno);
  const Result<subject::FileDescriptor> held = HoldFolder(folder);
  if (!held.ok()) return held.error();
  found = Find(home);
  if (found.ok()) return found;  // by now
  const Result<signing::Ed25519PrivateKey> key = signing::Ed25519PrivateKey::Generate();
  if (!key.ok()) return key.error();
  // Renamed, so that whoever is killed leaves no half of one.
  const std::string path = OwnKeyPath(folder), temporary = path + ".new";
  unlink(temporary.c_str());
  if (Result<void> written = key->WriteFile(temporary); !written.ok()) return written.error();
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return subject::DiskError("write", path, errno);
  return Find(home);
}

Result<Snapshot> OwnSnapshots::Read(const std::string& subject, audit::History::CharterReader read_charter) const {
  return ReadSnapshot(
      Path(subject), subject, std::move(read_charter),
      [this](const crypto::Ed25519PublicKey& key) { return key == key_.public_key(); }, kSnapshotBytesMax,
      SnapshotKey::kOfThisHome);
}

Result<void> OwnSnapshots::Write(const Snapshot& snapshot) const {
  const Result<subject::FileDescriptor> held = HoldFolder(folder_);
  if (!held.ok()) return held.error();
  return WriteSnapshot(Path(snapshot.subject), snapshot, key_, kSnapshotBytesMax, SnapshotKey::kOfThisHome);
}

}  // namespace pawl::ledger
