// Which blobs of a store somebody still needs, and removing the others.
//
//   Result<std::set<crypto::Digest>> kept = FindKept(store, roots);          // roots and everything they name
//   Result<SweepReport> report = Sweep(store, *kept, {.older_than_s = 86'400, .now_s = now});
//
// Marking is conservative: a kept blob keeps every blob whose digest stands in its bytes as 64 hexadecimal digits, and
// a kept warrant everything that stands in its statements. So a blob may stay that nobody needs, and none goes that a
// manifest, warrant, vote or report among the kept ones names.
//
// Writers may be at work meanwhile: what is younger than `older_than_s` stays, and TreeStore::PutBlob makes a blob
// young again that was there already. Two sweeps at a time do no harm.
//
// Thread safety: one sweep a thread; other processes may use the store.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "result/result.h"
#include "storage/tree_store.h"

namespace pawl::storage {

// Every digest that stands in the bytes: maximal runs of exactly 64 lower-case hexadecimal digits.
void AddDigestsIn(std::string_view bytes, std::set<crypto::Digest>& to);
// The same for a DSSE envelope, or for a JSON object that has envelopes as members (a warrant): their payloads,
// decoded, as well.
void AddDigestsInStatements(std::string_view bytes, std::set<crypto::Digest>& to);

// The roots and all that they name, directly or not. A blob that is not in the store names nothing; one that is there
// and cannot be read ends the search ("store.damaged", errors of the disk): what it named is unknown.
Result<std::set<crypto::Digest>> FindKept(const subject::Store& store, const std::set<crypto::Digest>& roots);

enum class SweepMode {
  kReport,  // says what would go
  kDelete,
};

struct SweepOptions {
  SweepMode mode = SweepMode::kReport;
  int64_t older_than_s = 86'400;
  int64_t now_s = 0;  // POSIX seconds
};

struct SweepReport {
  uint64_t kept = 0, kept_bytes = 0;
  uint64_t young = 0;                 // named by nobody, but too new to go
  uint64_t gone = 0, gone_bytes = 0;  // blobs, or those that would go
  uint64_t views_gone = 0;            // copies of trees that are not kept
  uint64_t temporary_gone = 0;        // what writers have left behind
};

Result<SweepReport> Sweep(TreeStore& store, const std::set<crypto::Digest>& kept, const SweepOptions& options);

}  // namespace pawl::storage
