#include "oversight/peer_network.h"

#include <algorithm>
#include <map>
#include <set>

namespace pawl::oversight {
namespace {

bool MayChange(const std::vector<subject::SurfaceRule>& surface, const std::string& path) {
  return std::any_of(surface.begin(), surface.end(),
                     [&](const subject::SurfaceRule& rule) { return subject::GlobMatches(rule.path, path); });
}

// Where in these trees each file stands that may change.
Result<std::map<crypto::Digest, std::string>> ChangeableFiles(const subject::Store& store,
                                                              const std::set<crypto::Digest>& trees,
                                                              const std::vector<subject::SurfaceRule>& surface) {
  std::map<crypto::Digest, std::string> files;
  for (const crypto::Digest& tree : trees) {
    const Result<subject::Manifest> manifest = store.ReadManifest(tree);
    if (!manifest.ok()) return manifest.error();
    for (const subject::FileEntry& file : manifest->files) {
      if (file.size > 0 && MayChange(surface, file.path)) files.emplace(file.digest, file.path);
    }
  }
  return files;
}

}  // namespace

Result<std::string> CommonOrigin(const ledger::SubjectLog& judged, const crypto::Digest& candidate,
                                 const PeerLife& peer) {
  const charter::Charter& charter = judged.charter().charter;
  std::set<crypto::Digest> judged_trees = {charter.subject.baseline, candidate}, peer_trees = {peer.baseline};
  for (const audit::ReleaseRecord& release : judged.history().releases()) judged_trees.insert(release.tree);
  for (const PeerRelease& release : peer.releases) peer_trees.insert(release.tree);
  const auto ours = ChangeableFiles(judged.store(), judged_trees, charter.SurfaceRules());
  if (!ours.ok()) return ours.error();
  const auto theirs = ChangeableFiles(judged.store(), peer_trees, peer.surface);
  if (!theirs.ok()) return theirs.error();
  for (const auto& [digest, path] : *ours) {
    const auto found = theirs->find(digest);
    if (found != theirs->end()) return "both have had the same file, '" + path + "' and '" + found->second + "'";
  }
  return std::string();
}

}  // namespace pawl::oversight
