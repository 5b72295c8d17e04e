// What the tests of trees share: a directory that goes away, files in it, and blobs in memory.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "source_directory.h"
#include "subject/manifest.h"

namespace pawl::subject {

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& parent = "/tmp") : path_(parent + "/pawl-test-XXXXXX") {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    namespace fs = std::filesystem;
    for (fs::recursive_directory_iterator at(path_, ignored), end; at != end; at.increment(ignored)) {
      if (at->is_directory(ignored) && !at->is_symlink(ignored)) fs::permissions(*at, fs::perms::owner_all, ignored);
    }
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  void Write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name, std::ios::binary) << bytes;
  }

 private:
  std::string path_;
};

inline std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string Testdata(const std::string& name) {
  return ReadWholeFile(SourceDirectory() + "/src/subject/testdata/" + name);
}

// Trees in memory: path -> bytes.
class MemoryBlobs {
 public:
  Manifest Tree(const std::map<std::string, std::string>& files) {
    std::vector<FileEntry> entries;
    for (const auto& [path, bytes] : files) {
      const crypto::Digest digest = crypto::Sha256(bytes);
      blobs_[digest] = bytes;
      entries.push_back({path, digest, bytes.size()});
    }
    Result<Manifest> manifest = MakeManifest(std::move(entries));
    EXPECT_TRUE(manifest.ok()) << (manifest.ok() ? "" : manifest.error().message);
    return *manifest;
  }
  BlobReader Reader() const {
    return [this](const crypto::Digest& digest, uint64_t size_max) -> Result<std::string> {
      const auto at = blobs_.find(digest);
      if (at == blobs_.end()) return Error{ErrorCode::kNotFound, "store.missing", "no such blob", ""};
      if (at->second.size() > size_max) return LimitReached("store.blob-size", "too large");
      return at->second;
    };
  }

 private:
  std::map<crypto::Digest, std::string> blobs_;
};

template <typename T>
std::string RuleOf(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().rule;
}

}  // namespace pawl::subject
