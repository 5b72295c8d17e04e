#include "subject/manifest.h"

#include <algorithm>

#include "encoding/json.h"
#include "subject/path.h"

namespace pawl::subject {
namespace {

using encoding::Json;
using encoding::JsonObject;

constexpr char kMethod[] = "files";
constexpr char kAlgorithm[] = "sha256";

}  // namespace

const FileEntry* Manifest::Find(std::string_view path) const {
  const auto at = std::lower_bound(files.begin(), files.end(), path,
                                   [](const FileEntry& entry, std::string_view wanted) { return entry.path < wanted; });
  return at != files.end() && at->path == path ? &*at : nullptr;
}

Result<Manifest> MakeManifest(std::vector<FileEntry> files) {
  if (files.size() > kManifestFilesMax) {
    return LimitReached("manifest.files", "a tree may have at most " + std::to_string(kManifestFilesMax) + " files");
  }
  std::sort(files.begin(), files.end(), [](const FileEntry& a, const FileEntry& b) { return a.path < b.path; });
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const FileEntry& entry : files) {
    if (Result<void> checked = CheckTreePath(entry.path); !checked.ok()) return checked.error();
    paths.push_back(entry.path);
  }
  if (Result<void> checked = CheckDistinct(paths); !checked.ok()) return checked.error();
  return Manifest{std::move(files)};
}

Result<Manifest> ParseManifest(std::string_view bytes) {
  const encoding::JsonLimits limits{
      .bytes_max = kManifestBytesMax, .depth_max = 4, .elements_max = 4 * kManifestFilesMax + 16};
  Result<Json> json = encoding::ParseCanonicalJson(bytes, limits);
  if (!json.ok()) return json.error();
  JsonObject object(*json, "manifest");
  JsonObject serialization = object.Object("serialization");
  serialization.Expect("hash_type", kAlgorithm);
  serialization.Expect("method", kMethod);
  if (serialization.Boolean("allow_symlinks"))
    serialization.Fail("manifest.symlinks", "allow_symlinks", "must be false");
  std::vector<FileEntry> files;
  for (JsonObject& resource : object.Objects("resources", kManifestFilesMax)) {
    resource.Expect("algorithm", kAlgorithm);
    FileEntry entry;
    entry.path = resource.String("name", kPathBytesMax);
    if (Result<crypto::Digest> digest = crypto::Digest::FromHex(resource.String("digest", 64)); digest.ok()) {
      entry.digest = *digest;
    } else {
      resource.Fail("manifest.digest", "digest", "must be 64 lower-case hexadecimal digits");
    }
    files.push_back(std::move(entry));
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  Result<Manifest> manifest = MakeManifest(std::move(files));
  // The order of the resources is the one thing that canonical JSON leaves open.
  if (manifest.ok() && SerialiseManifest(*manifest) != bytes) {
    return Malformed("manifest.order", "the resources are not sorted by path");
  }
  return manifest;
}

std::string SerialiseManifest(const Manifest& manifest) {
  Json resources = Json::array();
  for (const FileEntry& entry : manifest.files) {
    resources.push_back({{"algorithm", kAlgorithm}, {"digest", entry.digest.Hex()}, {"name", entry.path}});
  }
  return encoding::CanonicalJson(
      {{"resources", std::move(resources)},
       {"serialization", {{"allow_symlinks", false}, {"hash_type", kAlgorithm}, {"method", kMethod}}}});
}

crypto::Digest ManifestDigest(const Manifest& manifest) { return crypto::Sha256(SerialiseManifest(manifest)); }

}  // namespace pawl::subject
