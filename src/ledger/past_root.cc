#include "ledger/past_root.h"

#include <vector>

#include "merkle/tree.h"
#include "tlog/growing_tree.h"

namespace pawl::ledger {

Result<crypto::Digest> PastRoot(SubjectLog& log, uint64_t size) {
  Result<crypto::Digest> root = log.ledger().Root(size);
  if (!root.ok()) return root;
  const uint64_t present = log.history().size();
  const Result<std::vector<crypto::Digest>> proof = tlog::ConsistencyProof(size, present, log.ledger().Hashes());
  if (!proof.ok()) return proof.error();
  if (merkle::VerifyConsistency(size, *root, present, log.root(), *proof).ok()) return root;
  return Refused("ledger.root",
                 "the database's tree of the first " + std::to_string(size) + " entries is not that of its entries",
                 "restore the ledger from a back-up");
}

}  // namespace pawl::ledger
