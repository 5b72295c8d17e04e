// One file that holds many: what `pawl backup` writes. A POSIX ustar archive, so that `tar tf` lists it and `tar xf`
// unpacks it where there is no Pawl.
//
//   Result<ArchiveWriter> archive = ArchiveWriter::Create("home.backup");
//   archive->AddFile("ledger/x.sqlite", home + "/ledger/x.sqlite");
//   archive->Finish({{"subjects", {"x"}}});                     // without it the file is removed again
//
//   Result<Archive> contents = ExtractArchive("home.backup", "/new/folder", IsNameOfOurs);
//
// The last member is `index.json`, canonical JSON: {"about":…,"bytes":…,"contents":…,"files":…,"format":1}, where
// `contents` is the SHA-256 of a line `<SHA-256> <size> <name>` for every member before it, and of `about`. An archive
// that was cut short has no index, and one with an altered, added or missing member has another digest. The index is
// not signed: whoever can write the archive can write another one.
//
// Regular files alone, at most 8 GiB each, with names of at most 255 bytes. Reading checks every header's checksum, and
// accepts exactly what the writer writes: anything else a tar program may know (links, devices, extended headers) is
// refused before anything of it is written.
//
// Thread safety: an ArchiveWriter belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "crypto/digest.h"
#include "encoding/json.h"
#include "result/result.h"
#include "storage/hasher.h"
#include "subject/file_descriptor.h"

namespace pawl::storage {

inline constexpr uint64_t kArchivedFileBytesMax = uint64_t{8} << 30;
inline constexpr uint64_t kArchivedFilesMax = 10'000'000;

class ArchiveWriter {
 public:
  // A new file of mode 0600; kRefused "archive.exists" where there is one.
  static Result<ArchiveWriter> Create(const std::string& path);
  ArchiveWriter(ArchiveWriter&&) noexcept = default;
  ArchiveWriter& operator=(ArchiveWriter&&) = delete;
  ~ArchiveWriter();

  // Copies a file; a link is refused ("archive.file"), and so is one that changes its size meanwhile. The digest is of
  // the bytes that went into the archive.
  Result<crypto::Digest> AddFile(const std::string& name, const std::string& path);
  Result<crypto::Digest> AddBytes(const std::string& name, std::string_view bytes);

  // Writes the index, ends the archive and flushes it.
  Result<void> Finish(const encoding::Json& about);

  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }

 private:
  ArchiveWriter(std::string path, subject::FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<void> WriteHeader(const std::string& name, uint64_t size);
  Result<void> Write(std::string_view bytes);
  Result<void> Pad(uint64_t size);
  void Count(const std::string& name, uint64_t size, const crypto::Digest& digest);

  std::string path_;  // empty once moved from or finished
  subject::FileDescriptor fd_;
  Sha256Hasher contents_;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
};

struct Archive {
  encoding::Json about;
  uint64_t files = 0;
  uint64_t bytes = 0;
};

// Unpacks into a directory that exists and is empty; files get mode 0600, folders 0700. `fits` says which names may be
// there. What is refused may leave files behind: the caller removes the directory. Rules "archive.open",
// "archive.not-a-file", "archive.malformed", "archive.name", "archive.truncated", "archive.contents"; errors of the
// disk.
Result<Archive> ExtractArchive(const std::string& path, const std::string& directory,
                               const std::function<bool(std::string_view name)>& fits);

}  // namespace pawl::storage
