// When keys run out. A person's ends stand in the approvers' file (valid-before), and every loader asks; a reviewer's
// in reviewers.toml of the charter, beside charter.toml and pinned with it, and reviewers, gate and auditors ask:
//
//   [[reviewer]]
//   name = "prover-a"
//   expires = "2027-01-31T23:59:59Z"   # the last second at which the key counts
//
//   const auto counted = WithoutExpired(log.charter(), proposal, now_s);
//
// A reviewer whose key has run out does not vote or close; a vote for, or a closing signature, by such a key does not
// count from then on, whatever date it states and however early it was cast: auditors close by their own clock. Votes
// against count for ever. An amendment does not ask: it is how a key that has run out is replaced, and rests on people.
//
// Thread safety: pure functions of the bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/history.h"
#include "charter/charter.h"
#include "result/result.h"

namespace pawl::oversight {

// The last second by reviewer, of those that have one.
using KeyTerms = std::map<std::string, int64_t, std::less<>>;

// Errors with file, line and column: those of the TOML reader; "reviewers.name" for somebody who is no reviewer of the
// charter, or stands there twice; "reviewers.expires" for what is no time.
Result<KeyTerms> ReadKeyTerms(const charter::CharterFiles& files);

// The proposal without the votes for and the closing signatures of keys that have run out at `time_s`; nothing where
// there are none, or for an amendment.
Result<std::optional<audit::ProposalHistory>> WithoutExpired(const charter::CharterFiles& files,
                                                             const audit::ProposalHistory& proposal, int64_t time_s);

// Every key that has an end.
struct KeyEnd {
  std::string whose;  // as people read it: "reviewer 'prover-a'", "'ann@example.org', line 2 of the approvers' file"
  bool is_person = false;
  int64_t at = 0;
};
Result<std::vector<KeyEnd>> KeyEnds(const charter::CharterFiles& files);

// What to say of it now: that it has run out, or that it will within 30 days; empty where that is further off.
inline constexpr int64_t kWarnBefore_s = 30 * 86'400;
std::string WarnOfEnd(const KeyEnd& end, int64_t now_s);

}  // namespace pawl::oversight
