// What the gate had folded of a log, kept beside the log so that the next start need not fold it again.
//
//   Result<void> written = WriteSnapshot(path, {"engine", frontier, history}, log_key);
//   Result<Snapshot> snapshot = ReadSnapshot(path, "engine", read_charter, holds_key);
//   if (!snapshot.ok()) …                       // fold the log from its first event
//
// A start believes a snapshot only where it would have made the same one itself:
//
//  - it is signed with the log key of the charter that it holds, and the private half of that key is in this home; or,
//    where the gate is elsewhere, with a key that this home has made for that alone (own_snapshots.h). Who can write
//    the database or this file, and no more, forges nothing; an older snapshot that is put back is a shorter beginning
//    of the same log
//  - it was made by a program with the same fold: every source file of the trusted modules that fold, and of this one,
//    has the digest that it had then
//  - the caller compares its root with the database's at its size, and folds every event since
//
// It says nothing to anybody else: reviewers, auditors and pawl-check fold events, also those of this home.
//
// The file is "pawl-snapshot/v4\n", the public key (32 bytes), the signature (64), size (8) and root (32), the length
// of the state (8) and its SHA-256 (32), the state, and blocks of proposals. The state begins with each block's length
// and SHA-256. The head alone is signed, and is verified before anything else is read; so no length is believed, and
// nothing of state or block interpreted, that was not signed. What is signed is the text below, which is no checkpoint
// (its second line is no size) and no DSSE encoding:
//
//   pawl-snapshot/v4 \n subject \n fold version, size, root, length and SHA-256 of the state, each in a line
//
// It need not be durable: one that is torn or old costs a fold. Thread safety: pure but for the file.
#pragma once

#include <functional>
#include <string>

#include "audit/history.h"
#include "result/result.h"
#include "signing/private_key.h"
#include "tlog/growing_tree.h"

namespace pawl::ledger {

struct Snapshot {
  std::string subject;
  tlog::Frontier frontier;  // of the same size as the history
  audit::History history;   // with a genesis
};

// SHA-256 over the sources that decide what a fold gives, 64 hexadecimal digits; made when the program is built.
extern const char kFoldVersion[];

// Of the file; about 100,000 proposals.
inline constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 30;

// As many events as can be folded in well under a tenth of a second, which is also what writing a snapshot of 10^5
// events takes: a start that had so many to fold keeps a new one. Not fewer: whoever had the key could have signed the
// snapshot, and a start that folds everything believes nobody.
inline constexpr uint64_t kEventsPerSnapshot = 256;

enum class SnapshotKey {
  kOfTheGate,   // the log key of the charter in force
  kOfThisHome,  // any other: the caller says which by what it signs with, and by `holds_key`
};

// kLimit "snapshot.size" where the file would be larger than any start reads; an older one stays as it is.
Result<void> WriteSnapshot(const std::string& path, const Snapshot& snapshot, const signing::Ed25519PrivateKey& key,
                           uint64_t bytes_max = kSnapshotBytesMax, SnapshotKey whose = SnapshotKey::kOfTheGate);

// `holds_key` says whether the private half of a key is here. Refused "snapshot.unusable" for any doubt whatever;
// kNotFound where there is none. Blocks are read by as many threads as there are cores, up to eight, or by fewer where
// the system gives no more.
Result<Snapshot> ReadSnapshot(const std::string& path, const std::string& subject,
                              audit::History::CharterReader read_charter,
                              const std::function<bool(const crypto::Ed25519PublicKey&)>& holds_key,
                              uint64_t bytes_max = kSnapshotBytesMax, SnapshotKey whose = SnapshotKey::kOfTheGate);

}  // namespace pawl::ledger
