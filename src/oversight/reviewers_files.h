// What a charter says in files that reviewers read and no loader does: keys of JSON files (json_keys.h), which
// system each peer is (peer_rules.h), and when reviewers' keys run out (key_terms.h). `pawl charter check`, `pawl
// init`, the gate and integrity reviewers refuse a charter in which one of them is wrong.
//
// Thread safety: a pure function of the bytes.
#pragma once

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::oversight {

// Errors are those of CheckKeyFiles, ReadKeyTerms and ReadPeerRules.
Result<void> CheckReviewersFiles(const charter::CharterFiles& files);

}  // namespace pawl::oversight
