#include "cli/git_listing.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <span>

#include "encoding/hex.h"
#include "encoding/number.h"
#include "subject/path.h"

namespace pawl::cli {
namespace {

Error BadListing() {
  return Malformed("git.listing", "what git lists of the tree cannot be understood",
                   "see whether objects are missing: git -C REPOSITORY fsck --full");
}

// Up to the separator, which is taken off too; nothing where there is none.
std::optional<std::string_view> TakeUntil(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  if (end == rest.npos) return std::nullopt;
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return part;
}

bool IsObjectName(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Result<GitFile> ParseEntry(std::string_view entry) {
  const auto mode = TakeUntil(entry, ' ');
  const auto type = mode ? TakeUntil(entry, ' ') : std::nullopt;
  const auto object = type ? TakeUntil(entry, ' ') : std::nullopt;
  const auto size = object ? TakeUntil(entry, '\t') : std::nullopt;
  if (!size || !IsObjectName(*object)) return BadListing();
  const std::string shown = "'" + subject::Printable(entry) + "'";
  if (*type == "commit") {
    return Refused("git.submodule", shown + " is a submodule, whose files are elsewhere",
                   "put the files into the repository, or leave the submodule out");
  }
  if (*mode == "120000") {
    return Refused("git.symlink", shown + " is a symbolic link", "put a copy of the file there, or leave it out");
  }
  if (*type != "blob" || (*mode != "100644" && *mode != "100755" && *mode != "100664")) {
    return Refused("git.mode", shown + " has the mode " + subject::Printable(*mode) + ", and is no file");
  }
  if (Result<void> checked = subject::CheckTreePath(entry); !checked.ok()) return checked.error();
  const Result<uint64_t> bytes =
      encoding::ParseUnsigned(size->substr(std::min(size->find_first_not_of(' '), size->size())));
  if (!bytes.ok()) return BadListing();
  return GitFile{std::string(entry), std::string(*object), *bytes, *mode == "100755"};
}

Error BadObject(const std::string& what) {
  return Malformed("git.object", what + " is not what its name in git stands for",
                   "the repository is damaged, forged, or has modes or empty folders that git no longer writes: " +
                       std::string("git -C REPOSITORY fsck --full; commit the files anew"));
}

// Raw, as long as half the digits of a name.
Result<std::string> ObjectDigest(std::string_view type, std::string_view bytes, size_t digits) {
  const std::string header = std::string(type) + " " + std::to_string(bytes.size()) + std::string(1, '\0');
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const bool done = context != nullptr &&
                    EVP_DigestInit_ex(context.get(), digits == 40 ? EVP_sha1() : EVP_sha256(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), header.data(), header.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &size) == 1;
  if (!done || size != digits / 2) {
    return SystemFailure("git.digest", "libcrypto computes no digest of git's",
                         "openssl dgst -sha1 /dev/null shows whether this machine lets it");
  }
  digest.resize(size);
  return digest;
}

// Of the tree below the first `prefix` characters of these files' paths, which are sorted: git sorts the same way,
// folders as if their names ended with '/'.
Result<std::string> TreeDigest(std::span<const GitFile> files, size_t prefix, size_t digits) {
  std::string tree;
  while (!files.empty()) {
    const std::string_view path = files.front().path;
    const size_t slash = path.find('/', prefix);
    const bool is_file = slash == path.npos;
    size_t count = 1;
    if (!is_file) {
      const std::string_view folder = path.substr(0, slash + 1);
      while (count < files.size() && files[count].path.starts_with(folder)) ++count;
    }
    Result<std::string> digest =
        is_file ? encoding::DecodeHex(files.front().object) : TreeDigest(files.first(count), slash + 1, digits);
    if (!digest.ok()) return digest.error();
    tree += !is_file ? "40000 " : files.front().is_executable ? "100755 " : "100644 ";
    tree += path.substr(prefix, is_file ? path.npos : slash - prefix);
    tree += '\0' + *digest;
    files = files.subspan(count);
  }
  return ObjectDigest("tree", tree, digits);
}

}  // namespace

Result<std::vector<GitFile>> ParseGitListing(std::string_view listing, const subject::TreeLimits& limits) {
  std::vector<GitFile> files;
  uint64_t bytes_left = limits.bytes_max;
  while (!listing.empty()) {
    const auto entry = TakeUntil(listing, '\0');
    if (!entry) return BadListing();
    Result<GitFile> file = ParseEntry(*entry);
    if (!file.ok()) return file.error();
    if (files.size() == limits.files_max || file->size_bytes > std::min(bytes_left, limits.file_bytes_max)) {
      return LimitReached("git.limit",
                          "more than " + std::to_string(limits.files_max) + " files, more than " +
                              std::to_string(limits.bytes_max) + " bytes, or '" + file->path + "' has more than " +
                              std::to_string(limits.file_bytes_max),
                          "commit what the agent is made of alone, and import that revision");
    }
    bytes_left -= file->size_bytes;
    files.push_back(std::move(*file));
  }
  std::sort(files.begin(), files.end(), [](const GitFile& a, const GitFile& b) { return a.path < b.path; });
  std::vector<std::string> paths;
  for (const GitFile& file : files) paths.push_back(file.path);
  if (Result<void> distinct = subject::CheckDistinct(paths); !distinct.ok()) return distinct.error();
  return files;
}

Result<void> CheckGitCommit(std::string_view name, std::string_view commit, const std::vector<GitFile>& files) {
  const auto has_name = [&](const GitFile& file) {
    return file.object.size() == name.size() && IsObjectName(file.object);
  };
  if (!IsObjectName(name) || !std::all_of(files.begin(), files.end(), has_name)) return BadListing();
  Result<std::string> digest = ObjectDigest("commit", commit, name.size());
  if (!digest.ok()) return digest.error();
  Result<std::string> tree = TreeDigest(files, 0, name.size());
  if (!tree.ok()) return tree.error();
  if (encoding::EncodeHex(*digest) != name) return BadObject("the commit " + std::string(name));
  if (!commit.starts_with("tree " + encoding::EncodeHex(*tree) + "\n")) {
    return BadObject("a folder of the commit " + std::string(name));
  }
  return {};
}

Result<void> ReadGitBlobs(std::string_view batch, const std::vector<GitFile>& files, const GitSink& sink) {
  const auto bad = [] {
    return Malformed("git.blobs", "the contents that git gives are not those that it has listed",
                     "see whether objects are missing or damaged: git -C REPOSITORY fsck --full");
  };
  for (const GitFile& file : files) {
    const auto header = TakeUntil(batch, '\n');
    if (!header || *header != file.object + " blob " + std::to_string(file.size_bytes)) return bad();
    if (batch.size() <= file.size_bytes || batch[file.size_bytes] != '\n') return bad();
    const std::string_view bytes = batch.substr(0, file.size_bytes);
    Result<std::string> digest = ObjectDigest("blob", bytes, file.object.size());
    if (!digest.ok()) return digest.error();
    if (encoding::EncodeHex(*digest) != file.object) return BadObject("'" + subject::Printable(file.path) + "'");
    if (Result<void> taken = sink(file, bytes); !taken.ok()) return taken;
    batch.remove_prefix(file.size_bytes + 1);
  }
  return batch.empty() ? Result<void>() : bad();
}

std::string_view ObjectNameIn(std::string_view revision) {
  const std::string_view name = revision.substr(0, revision.find_first_of("~^@"));
  const bool is_name =
      name.size() >= 4 && name.size() <= 64 && name.find_first_not_of("0123456789abcdefABCDEF") == name.npos;
  return is_name ? name : std::string_view();
}

Result<void> CheckNamedObject(std::string_view revision, std::string_view taken) {
  const std::string_view name = ObjectNameIn(revision);
  const auto lower = [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c; };
  const bool begins = name.size() <= taken.size() && std::equal(name.begin(), name.end(), taken.begin(),
                                                                [&](char a, char b) { return lower(a) == b; });
  if (begins) return {};
  const std::string shown(name);
  return Malformed(
      "git.other-object",
      "'" + shown + "' reads as the name of an object, and git takes it for " + subject::Printable(taken),
      "name a branch as refs/heads/" + shown + ", a tag as refs/tags/" + shown + ", or the commit by its whole name");
}

bool IsPlainRevision(std::string_view revision) {
  constexpr std::string_view kSigns = "._/~^@{}-";
  return !revision.empty() && revision.size() <= 200 && revision.front() != '-' &&
         std::all_of(revision.begin(), revision.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  kSigns.find(c) != kSigns.npos;
         });
}

}  // namespace pawl::cli
