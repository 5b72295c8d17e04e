// A home in one file, and back.
//
//   Result<BackupReport> written = WriteBackup(home, "pawl.backup", {.keys = {}});
//   Result<BackupReport> checked = CheckBackup("pawl.backup");
//   Result<BackupReport> restored = RestoreBackup("pawl.backup", "/new/home", {});
//
// The file is an archive (storage/archive.h) of mode 0600. It holds the ledgers, the loaders' states, warrants and
// halts, what reviewers remember, and the store's blobs; not the read-only copies of trees, which are made again, and
// no private key but those that the caller names.
//
// A gate may work meanwhile: loaders' states are taken first, then ledgers, then halts, then blobs, so that nothing in
// the file names what is not in it. Ledgers are copied by SQLite, each as it was at one moment; one in PostgreSQL is
// read into a SQLite file.
//
// CheckBackup and RestoreBackup unpack beside the place where the home will be and believe nothing: every blob is
// hashed, every event folded with its signatures, every checkpoint's signature verified, every loader's state compared
// with its ledger. Only what held is moved into place, in one rename. Logs can go into a PostgreSQL database on the
// way.
//
// Thread safety: reads and writes files; no shared state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crypto/digest.h"
#include "ledger/home.h"
#include "result/result.h"

namespace pawl::ledger {

struct SubjectSummary {
  std::string subject;
  uint64_t events = 0;
  crypto::Digest root;
  std::optional<uint64_t> checkpoint_size;  // of the last checkpoint, whose signature holds
  std::optional<int64_t> live_epoch;        // by the loader's state; none: no state in this home, or nothing live
  bool has_state = false;
};

struct BackupReport {
  std::vector<SubjectSummary> subjects;
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t blobs = 0;
  std::vector<std::string> keys;      // private keys that are in the file
  std::vector<std::string> left_out;  // what lies in the home and is not: names of its top-level entries
  std::vector<std::string> cleared;   // folders that earlier ones had left, which were killed; removed
};

struct BackupOptions {
  std::vector<std::string> keys;  // names of folders in keys/ whose private key goes into the file
};

// Verifies the home first. Refused "archive.exists" for a file that exists, "backup.inside" for one inside the home;
// kNotFound "backup.key" for a key that is not there; rules of VerifyHome.
Result<BackupReport> WriteBackup(const Home& home, const std::string& file, const BackupOptions& options);

// Folders that a back-up, a check or a restore of this home has left, because it was killed. The next one removes them.
std::vector<std::string> LeftByBackups(const std::string& root);

// Unpacks into a temporary folder, verifies, and removes it again.
Result<BackupReport> CheckBackup(const std::string& file);

struct RestoreOptions {
  // Where every log goes, as in LedgerPlace; "": each stays a file of the home.
  std::string ledger_url;
};

// Refused "restore.exists" where `root` exists and is not empty; with a URL "restore.ledger-exists" where that database
// has another log of one of the subjects. What is put there is read and verified from there again before the home
// is moved into place. A restore that was cut off, with logs there already, can be repeated.
Result<BackupReport> RestoreBackup(const std::string& file, const std::string& root, const RestoreOptions& options);

// What a home says about itself: every blob has its digest ("store.damaged"), every ledger folds and has the root that
// its entries give, its last checkpoint is signed by the log's key of one of its charters ("checkpoint.signature"), and
// a loader's state is about this ledger ("verify.state").
struct HomeSummary {
  std::vector<SubjectSummary> subjects;
  uint64_t blobs = 0;
};
Result<HomeSummary> VerifyHome(const Home& home);
// The same for one subject, without the blobs that nothing of it reads.
Result<SubjectSummary> VerifySubject(const Home& home, const std::string& subject);

// Everything of a home but store and private keys, unverified: what MigrateHome does first.
Result<void> WriteMigrationBackup(const std::string& root, const std::string& file);

}  // namespace pawl::ledger
