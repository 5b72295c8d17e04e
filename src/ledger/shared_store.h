// Blobs that the nodes of one log share, in the database that has the log; the store of each home stays what everything
// reads.
//
//   if (SharedStore* shared = ledger.shared_store()) Result<void> there = Publish(*shared, store, entries);
//
// A blob is put there after everything that it names, and before the entry that names it: whoever reads an entry finds
// what belongs to it. Nothing is believed because of its name: what is fetched is hashed first.
//
// Thread safety: as the ledger that it belongs to.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "result/result.h"
#include "storage/tree_store.h"

namespace pawl::ledger {

// Of what one entry names, as fetched: more is "shared.too-large".
inline constexpr uint64_t kFetchedBytesMax = uint64_t{2} << 30;

class SharedStore {
 public:
  virtual ~SharedStore() = default;
  // Those that are there whole.
  virtual Result<std::set<crypto::Digest>> Find(const std::set<crypto::Digest>& digests) = 0;
  // Durable once an append that follows is.
  virtual Result<void> Put(const crypto::Digest& digest, std::string_view bytes) = 0;
  // At most bytes_max bytes ("shared.too-large"), which have this digest ("shared.damaged").
  virtual Result<std::string> Get(const crypto::Digest& digest, uint64_t bytes_max) = 0;
};

// Puts there what the entries name and `store` has: of a tree all files, of a statement, report or warrant what stands
// in it. What is in a tree's files is not looked into: a candidate could name what is not its own.
Result<void> Publish(SharedStore& shared, const subject::Store& store, const std::vector<std::string>& entries);

// Reads from there all that Publish puts there, and compares digests ("shared.damaged"; "store.missing" for what is not
// there). `verified` has what was found right before, and gets the rest.
Result<void> VerifyPublished(SharedStore& shared, const subject::Store& store, const std::vector<std::string>& entries,
                             std::set<crypto::Digest>& verified);

// Whether anything that the entries name is there and not in `store`.
Result<bool> IsFetchNeeded(SharedStore& shared, const subject::Store& store, const std::vector<std::string>& entries);
// Brings it into `store`. What is in neither is left to whoever needs it ("store.missing").
Result<void> Fetch(SharedStore& shared, storage::TreeStore& store, const std::string& entry);

}  // namespace pawl::ledger
