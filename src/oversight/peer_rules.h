// Which systems judge a subject as peers: peers.toml in the charter, beside charter.toml and pinned with it. No loader
// reads it; reviewers and auditors do.
//
//   [[peer]]
//   reviewer = "peer-adversary"         # of role peer
//   subject = "adversary"               # a subject of the same network: its live release judges
//   command = ["python3", "judge.py"]   # started in that release's tree, in a sandbox
//   time_limit = "1m"
//   improver_sees = true                # false by default: this charter's improver gets that release to learn from
//
//   Result<std::vector<PeerRule>> rules = ReadPeerRules(log.charter());
//
// Thread safety: a pure function of the bytes.
#pragma once

#include <string>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::oversight {

struct PeerRule {
  std::string reviewer;
  std::string subject;
  std::vector<std::string> command;  // a program of the system first
  int64_t time_limit_s = 0;
  bool improver_sees = false;
};

// One for each reviewer of role peer, and no other; none where the charter has no such reviewer. Errors with file, line
// and column: those of the TOML reader; "peers.missing" for a charter without the file, or a reviewer without a rule;
// "peers.reviewer" for a rule of somebody who is no reviewer of role peer, or a second one; "peers.self" for a subject
// that would judge itself.
Result<std::vector<PeerRule>> ReadPeerRules(const charter::CharterFiles& files);

}  // namespace pawl::oversight
