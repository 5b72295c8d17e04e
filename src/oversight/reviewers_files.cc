#include "oversight/reviewers_files.h"

#include "oversight/json_keys.h"
#include "oversight/key_terms.h"
#include "oversight/peer_rules.h"

namespace pawl::oversight {

Result<void> CheckReviewersFiles(const charter::CharterFiles& files) {
  if (Result<void> keys = CheckKeyFiles(files); !keys.ok()) return keys;
  if (const Result<KeyTerms> terms = ReadKeyTerms(files); !terms.ok()) return terms.error();
  const Result<std::vector<PeerRule>> peers = ReadPeerRules(files);
  return peers.ok() ? Result<void>() : peers.error();
}

}  // namespace pawl::oversight
