// Mark and sweep, as conservative collectors do it: whatever looks like a reference is one.
#include "storage/garbage.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>

#include "encoding/base64.h"
#include "encoding/json.h"

namespace pawl::storage {
namespace {

namespace fs = std::filesystem;
using crypto::Digest;
using encoding::Json;

constexpr size_t kDigits = 64;
constexpr uint64_t kStatementBytesMax = uint64_t{64} << 20;  // larger blobs are data, and not parsed

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

void AddDigestsInPayloads(const Json& value, std::set<Digest>& to) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      if (name == "payload" && member.is_string()) {
        if (Result<std::string> payload = encoding::DecodeBase64(member.get_ref<const std::string&>()); payload.ok()) {
          AddDigestsIn(*payload, to);
        }
      } else {
        AddDigestsInPayloads(member, to);
      }
    }
  } else if (value.is_array()) {
    for (const Json& item : value) AddDigestsInPayloads(item, to);
  }
}

// What the blob names; nothing where it is not there.
Result<std::set<Digest>> NamedBy(const subject::Store& store, const Digest& digest) {
  std::set<Digest> named;
  struct stat status;
  if (lstat(store.BlobPath(digest).c_str(), &status) != 0) {
    if (errno == ENOENT) return named;
    return subject::DiskError("look at", store.BlobPath(digest), errno);
  }
  Result<std::string> bytes = store.ReadBlob(digest, static_cast<uint64_t>(status.st_size));
  if (!bytes.ok()) return bytes.error();
  AddDigestsInStatements(*bytes, named);
  return named;
}

// A file's name as a digest.
std::optional<Digest> DigestOfName(const fs::path& path) {
  Result<Digest> digest = Digest::FromHex(path.filename().string());
  if (!digest.ok()) return std::nullopt;
  return *digest;
}

bool IsOld(const struct stat& status, const SweepOptions& options) {
  return options.now_s - static_cast<int64_t>(status.st_mtime) >= options.older_than_s;
}

class Sweeper {
 public:
  Sweeper(TreeStore& store, const std::set<Digest>& kept, const SweepOptions& options)
      : store_(store), kept_(kept), options_(options) {}

  Result<SweepReport> Run() {
    std::error_code failure;
    const std::string root = store_.directory();
    for (fs::recursive_directory_iterator at(root + "/blobs", failure), end; !failure && at != end;
         at.increment(failure)) {
      if (at->is_directory(failure)) continue;
      if (Result<void> done = Blob(at->path()); !done.ok()) return done.error();
    }
    if (failure) return SystemFailure("store.input-output", "cannot list '" + root + "': " + failure.message());
    for (fs::directory_iterator at(root + "/trees", failure), end; !failure && at != end; at.increment(failure)) {
      if (Result<void> done = View(at->path()); !done.ok()) return done.error();
    }
    for (fs::directory_iterator at(root + "/temporary", failure), end; !failure && at != end; at.increment(failure)) {
      if (Result<void> done = Temporary(at->path()); !done.ok()) return done.error();
    }
    return report_;
  }

 private:
  Result<void> Blob(const fs::path& path) {
    struct stat status;
    if (lstat(path.c_str(), &status) != 0) return {};  // another sweep was faster
    const std::optional<Digest> digest = DigestOfName(path);
    if (digest && kept_.contains(*digest)) {
      ++report_.kept;
      report_.kept_bytes += static_cast<uint64_t>(status.st_size);
      return {};
    }
    if (!digest || !IsOld(status, options_)) {
      ++report_.young;  // what is not named like a blob is not ours to remove
      return {};
    }
    ++report_.gone;
    report_.gone_bytes += static_cast<uint64_t>(status.st_size);
    if (options_.mode == SweepMode::kReport) return {};
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return subject::DiskError("remove", path.string(), errno);
    return {};
  }

  Result<void> View(const fs::path& path) {
    const std::optional<Digest> digest = DigestOfName(path);
    struct stat status;
    if (!digest || kept_.contains(*digest) || lstat(path.c_str(), &status) != 0 || !IsOld(status, options_)) return {};
    ++report_.views_gone;
    if (options_.mode == SweepMode::kReport) return {};
    return store_.RemoveView(*digest);
  }

  Result<void> Temporary(const fs::path& path) {
    struct stat status;
    if (lstat(path.c_str(), &status) != 0 || !IsOld(status, options_)) return {};
    ++report_.temporary_gone;
    if (options_.mode == SweepMode::kDelete) store_.DiscardTemporary(path.filename().string());
    return {};
  }

  TreeStore& store_;
  const std::set<Digest>& kept_;
  const SweepOptions options_;
  SweepReport report_;
};

}  // namespace

void AddDigestsIn(std::string_view bytes, std::set<Digest>& to) {
  for (size_t at = 0; at < bytes.size();) {
    size_t end = at;
    while (end < bytes.size() && IsHexDigit(bytes[end])) ++end;
    if (end - at == kDigits) to.insert(*Digest::FromHex(bytes.substr(at, kDigits)));
    at = end + 1;
  }
}

void AddDigestsInStatements(std::string_view bytes, std::set<Digest>& to) {
  AddDigestsIn(bytes, to);
  if (bytes.size() > kStatementBytesMax || bytes.empty() || bytes.front() != '{') return;
  Result<Json> json =
      encoding::ParseJson(bytes, {.bytes_max = kStatementBytesMax, .depth_max = 64, .elements_max = 10'000'000});
  if (json.ok()) AddDigestsInPayloads(*json, to);
}

Result<std::set<Digest>> FindKept(const subject::Store& store, const std::set<Digest>& roots) {
  std::set<Digest> kept = roots;
  std::vector<Digest> to_read(roots.begin(), roots.end());
  while (!to_read.empty()) {
    const Digest digest = to_read.back();
    to_read.pop_back();
    Result<std::set<Digest>> named = NamedBy(store, digest);
    if (!named.ok()) return named.error();
    for (const Digest& other : *named) {
      if (kept.insert(other).second) to_read.push_back(other);
    }
  }
  return kept;
}

Result<SweepReport> Sweep(TreeStore& store, const std::set<Digest>& kept, const SweepOptions& options) {
  return Sweeper(store, kept, options).Run();
}

}  // namespace pawl::storage
