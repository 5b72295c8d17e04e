#include "oversight/peer_rules.h"

#include <algorithm>
#include <set>

#include "charter/toml_reader.h"

namespace pawl::oversight {
namespace {

constexpr char kPeersFile[] = "peers.toml";
constexpr uint64_t kPeersBytesMax = uint64_t{1} << 18;

PeerRule ReadPeerRule(charter::TomlTable table, const charter::Charter& charter, std::set<std::string>& reviewers) {
  PeerRule rule;
  rule.reviewer = table.String("reviewer");
  rule.subject = table.String("subject");
  rule.command = table.Strings("command", 64, charter::Need::kRequired);
  rule.time_limit_s = table.Duration("time_limit", {1, 86'400}, "1m");
  rule.improver_sees = table.Boolean("improver_sees", false);
  const charter::Reviewer* reviewer = charter.FindReviewer(rule.reviewer);
  if (reviewer == nullptr || reviewer->role != charter::Role::kPeer || !reviewers.insert(rule.reviewer).second) {
    table.Fail("reviewer", "peers.reviewer", "must be a reviewer of role peer, with one rule", "mend the name");
  }
  if (rule.subject == charter.subject.name) {
    table.Fail("subject", "peers.self", "is this charter's own subject: nobody judges its own changes",
               "name another subject of the network");
  }
  return rule;
}

}  // namespace

Result<std::vector<PeerRule>> ReadPeerRules(const charter::CharterFiles& files) {
  std::vector<PeerRule> rules;
  const subject::FileEntry* entry = files.manifest.Find(kPeersFile);
  std::set<std::string> reviewers;
  if (entry != nullptr) {
    const Result<std::string> text = files.read(entry->digest, kPeersBytesMax);
    if (!text.ok()) return text.error();
    Result<std::unique_ptr<charter::TomlFile>> file = charter::TomlFile::Parse(*text, kPeersFile);
    if (!file.ok()) return file.error();
    charter::TomlTable root = (*file)->Root();
    for (charter::TomlTable& table : root.Tables("peer", charter::kReviewersMax, charter::Need::kRequired)) {
      rules.push_back(ReadPeerRule(table, files.charter, reviewers));
    }
    if (Result<void> done = (*file)->Finish(); !done.ok()) return done.error();
  }
  for (const charter::Reviewer& reviewer : files.charter.reviewers) {
    if (reviewer.role != charter::Role::kPeer || reviewers.contains(reviewer.name)) continue;
    return Refused("peers.missing", "the charter does not say which system peer '" + reviewer.name + "' is",
                   "add a [[peer]] with reviewer = \"" + reviewer.name + "\" to peers.toml in the charter");
  }
  return rules;
}

}  // namespace pawl::oversight
