#include "ledger/backup.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "ledger/keys.h"
#include "ledger/named.h"
#include "ledger/store_lock.h"
#include "ledger/subject_log.h"
#include "storage/archive.h"
#include "storage/garbage.h"
#include "storage/temporary_folder.h"
#include "warrant/path_for_test.h"
#include "warrant/state.h"

namespace pawl::ledger {
namespace backup_test {

namespace fs = std::filesystem;
using subject::ReadWholeFile;
using warrant::Path;

template <typename T>
std::string RuleOf(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().rule;
}

constexpr char kSubject[] = "controller";

// A home with the log, the store and the loader's state of a path of two releases, and a key.
class BackupTest : public ::testing::Test {
 protected:
  BackupTest() {
    fs::copy(path_.store().directory(), home_.StorePath(),
             fs::copy_options::recursive | fs::copy_options::skip_existing);
    Ledger ledger = *Ledger::Open(home_.LedgerPath(kSubject), LedgerAccess::kReadWrite);
    EXPECT_TRUE(ledger.Append(0, path_.entries()).ok());
    fs::create_directories(home_.LoaderFolder(kSubject));
    EXPECT_TRUE(warrant::WriteStateFile(home_.StatePath(kSubject), path_.state).ok());
    EXPECT_TRUE(MakeKey(home_, "secret", crypto::NoteKeyType::kEd25519).ok());
    directory_.Write("home/reviewers/auditor-a/seen-controller.json", "remembered");
  }
  std::string Written(const BackupOptions& options = {}) {
    const Result<BackupReport> report = WriteBackup(home_, file_, options);
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
    return file_;
  }

  Path path_ = Path::WithTwoReleases();
  subject::TemporaryDirectory directory_;
  Home home_ = *Home::Open(directory_ / "home", HomeAccess::kCreate);
  const std::string file_ = directory_ / "file.backup";
};

TEST_F(BackupTest, ComesBackWholeWithoutKeys) {
  Written();
  const Result<BackupReport> report = RestoreBackup(file_, directory_ / "restored/home", {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  ASSERT_EQ(report->subjects.size(), 1u);
  EXPECT_EQ(report->subjects[0].events, path_.entries().size());
  EXPECT_EQ(report->subjects[0].root, path_.CheckpointNow().root);
  EXPECT_TRUE(report->subjects[0].has_state);
  EXPECT_EQ(report->subjects[0].live_epoch, 2);
  EXPECT_TRUE(report->keys.empty());
  const Home restored = *Home::Open(directory_ / "restored/home", HomeAccess::kExisting);
  EXPECT_TRUE(ListKeys(restored).empty());
  EXPECT_EQ(ReadWholeFile(restored.StatePath(kSubject)), ReadWholeFile(home_.StatePath(kSubject)));
  EXPECT_EQ(ReadWholeFile(restored.ReviewerFolder("auditor-a") + "/seen-controller.json"), "remembered");
  SubjectLog log = *SubjectLog::Open(restored, kSubject, LedgerAccess::kReadWrite);
  EXPECT_EQ(log.history().live_tree(), path_.second);
  struct stat status;
  ASSERT_EQ(stat(restored.root().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(BackupTest, HasTheKeysThatWereNamedAndSaysSo) {
  EXPECT_EQ(RuleOf(WriteBackup(home_, file_, {.keys = {"nobody"}})), "backup.key");
  EXPECT_EQ(RuleOf(WriteBackup(home_, file_, {.keys = {"../secret"}})), "backup.key");
  EXPECT_FALSE(fs::exists(file_));
  Written({.keys = {"secret"}});
  const Result<BackupReport> report = RestoreBackup(file_, directory_ / "restored", {});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->keys, std::vector<std::string>{"secret"});
  EXPECT_EQ(ListKeys(*Home::Open(directory_ / "restored", HomeAccess::kExisting)).size(), 1u);
}

// Not a byte of a private key, whatever the file is called in the archive.
TEST_F(BackupTest, HoldsNoSecretUnlessAsked) {
  const std::string pem = ReadWholeFile(home_.KeyPath("secret"));
  const std::string secret = pem.substr(pem.find('\n') + 1, 48);
  Written();
  EXPECT_EQ(ReadWholeFile(file_).find(secret), std::string::npos);
  fs::remove(file_);
  Written({.keys = {"secret"}});
  EXPECT_NE(ReadWholeFile(file_).find(secret), std::string::npos);
}

TEST_F(BackupTest, OneThatWasCutOffIsNotTakenForOne) {
  std::ofstream(file_ + ".part") << "killed while it was written";
  Written();
  EXPECT_FALSE(fs::exists(file_ + ".part"));
  EXPECT_EQ(RuleOf(CheckBackup(file_)), "ok");
}

TEST_F(BackupTest, WhatAKilledOneLeftIsRemovedByTheNextAndNamed) {
  Written();
  const std::string root = directory_ / "restored";
  const auto leave = [&](const std::string& folder) {
    fs::create_directories(folder);
    std::ofstream(folder + "/key.pem") << "a secret";
    fs::last_write_time(folder, fs::file_time_type::clock::now() - std::chrono::minutes(2));
    return folder;
  };
  const std::string left = leave(root + ".restoring-unfinished-abc123"), other = leave(root + ".restoring-backup");
  const storage::HeldFolder held = *storage::HeldFolder::Make(root + ".restoring");
  fs::last_write_time(held.path(), fs::file_time_type::clock::now() - std::chrono::minutes(2));
  fs::create_directory(root + ".restoring-unfinished-young1");
  EXPECT_EQ(LeftByBackups(root), std::vector<std::string>{left});
  const Result<BackupReport> report = RestoreBackup(file_, root, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->cleared, std::vector<std::string>{left});
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(other) && fs::exists(held.path()) && fs::exists(root + ".restoring-unfinished-young1"));
  EXPECT_TRUE(LeftByBackups(root).empty());
  leave(left);
  EXPECT_EQ(RuleOf(RestoreBackup(file_, root, {})), "restore.exists");
  EXPECT_FALSE(fs::exists(left)) << "also where there is nothing to restore";
  setenv("TMPDIR", directory_.path().c_str(), 1);
  const std::string copies = leave(directory_ / "pawl-check-backup-unfinished-abc123");
  const Result<BackupReport> checked = CheckBackup(file_);
  unsetenv("TMPDIR");
  ASSERT_TRUE(checked.ok()) << checked.error().message;
  EXPECT_EQ(checked->cleared, std::vector<std::string>{copies});
}

TEST_F(BackupTest, NothingIsOverwritten) {
  Written();
  EXPECT_EQ(RuleOf(WriteBackup(home_, file_, {})), "archive.exists");
  EXPECT_EQ(RuleOf(WriteBackup(home_, directory_ / "home/store/x", {})), "backup.inside");
  EXPECT_EQ(RuleOf(RestoreBackup(file_, home_.root(), {})), "restore.exists");
  directory_.Write("occupied/x", "x");
  EXPECT_EQ(RuleOf(RestoreBackup(file_, directory_ / "occupied", {})), "restore.exists");
  EXPECT_EQ(RuleOf(RestoreBackup(file_, directory_ / "occupied/x", {})), "restore.exists");
  fs::create_directory(directory_ / "empty");
  EXPECT_EQ(RuleOf(RestoreBackup(file_, directory_ / "empty", {})), "ok");
  EXPECT_EQ(RuleOf(RestoreBackup(directory_ / "no-such-file", directory_ / "other", {})), "archive.open");
}

TEST_F(BackupTest, WhatWasAlteredIsRefusedAndLeavesNothing) {
  Written();
  std::string bytes = ReadWholeFile(file_);
  bytes[bytes.size() / 2] ^= 1;
  directory_.Write("altered", bytes);
  EXPECT_FALSE(CheckBackup(directory_ / "altered").ok());
  EXPECT_FALSE(RestoreBackup(directory_ / "altered", directory_ / "restored", {}).ok());
  EXPECT_FALSE(fs::exists(directory_ / "restored"));
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_.path())) {
    EXPECT_EQ(entry.path().filename().string().find("restoring"), std::string::npos);
  }
}

// An archive that is whole, with something in it that is not.
class Forged : public BackupTest {
 protected:
  std::string RuleOfChecking(const std::function<void(const std::string& folder)>& forge) {
    Written();
    const std::string folder = directory_ / "unpacked";
    fs::create_directory(folder);
    std::vector<std::string> names;
    EXPECT_TRUE(storage::ExtractArchive(file_, folder, [&](std::string_view name) {
                  names.emplace_back(name);
                  return true;
                }).ok());
    forge(folder);
    const std::string forged = directory_ / "forged";
    storage::ArchiveWriter archive = *storage::ArchiveWriter::Create(forged);
    for (const std::string& name : names) EXPECT_TRUE(archive.AddFile(name, folder + "/" + name).ok());
    EXPECT_TRUE(archive.Finish({}).ok());
    return RuleOf(CheckBackup(forged));
  }
  static void Sql(const std::string& database, const char* statement) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(database.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, statement, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }
  static constexpr char kLedger[] = "/ledger/controller.sqlite";
};

TEST_F(Forged, UnalteredIsFine) {
  EXPECT_EQ(RuleOfChecking([](const std::string&) {}), "ok");
}

TEST_F(Forged, AnAlteredBlob) {
  EXPECT_EQ(RuleOfChecking([&](const std::string& folder) {
              const std::string hex = path_.second.Hex();
              directory_.Write("unpacked/store/blobs/" + hex.substr(0, 2) + "/" + hex, "another tree");
              EXPECT_TRUE(fs::exists(folder));
            }),
            "store.damaged");
}

TEST_F(Forged, AShortenedLedger) {
  // Less than the loader has seen, in a log that is consistent in itself.
  EXPECT_EQ(RuleOfChecking([](const std::string& folder) {
              Sql(folder + kLedger, "DELETE FROM events WHERE seq > 3; DELETE FROM checkpoints;");
            }),
            "verify.state");
}

TEST_F(Forged, AStateOfAnotherLog) {
  EXPECT_EQ(RuleOfChecking([&](const std::string& folder) {
              warrant::State state = path_.state;
              state.checkpoint_root = crypto::Sha256("another log");
              EXPECT_TRUE(warrant::WriteStateFile(folder + "/loader/controller/state.json", state).ok());
            }),
            "verify.state");
}

TEST_F(Forged, ACheckpointThatNobodySigned) {
  EXPECT_EQ(
      RuleOfChecking([&](const std::string& folder) {
        const signing::Ed25519PrivateKey key = *signing::Ed25519PrivateKey::Generate();
        Ledger ledger = *Ledger::Open(folder + kLedger, LedgerAccess::kReadWrite);
        EXPECT_TRUE(ledger
                        .SignCheckpoint(
                            {.origin = path_.charter().gate.log.name, .log = key, .clock_name = "clock", .clock = key},
                            1'700'000'000, *ledger.StatedHead())
                        .ok());
      }),
      "checkpoint.signature");
}

TEST_F(Forged, AHomeOfANewerVersion) {
  EXPECT_EQ(RuleOfChecking([&](const std::string&) { directory_.Write("unpacked/schema.json", R"({"version":9})"); }),
            "home.schema");
}

TEST_F(BackupTest, AFileThatDoesNotBelongIsRefused) {
  storage::ArchiveWriter archive = *storage::ArchiveWriter::Create(directory_ / "odd");
  ASSERT_TRUE(archive.AddBytes("schema.json", R"({"version":2})").ok());
  ASSERT_TRUE(archive.AddBytes("keys/x/authorized", "x").ok());
  ASSERT_TRUE(archive.Finish({}).ok());
  EXPECT_EQ(RuleOf(CheckBackup(directory_ / "odd")), "archive.name");
}

// ---- removing what nobody names, over a whole home

TEST_F(BackupTest, NothingThatTheLogOrTheLoaderNamesIsSwept) {
  storage::TreeStore store = *storage::TreeStore::Open(home_.StorePath(), storage::StoreAccess::kReadWrite);
  const crypto::Digest orphan = *store.PutBlob("nobody's");
  const Result<std::set<crypto::Digest>> roots = DigestsNamedIn(home_, EndedProposals::kLetGo, {});
  ASSERT_TRUE(roots.ok()) << roots.error().message;
  const Result<std::set<crypto::Digest>> kept = storage::FindKept(store, *roots);
  ASSERT_TRUE(kept.ok());
  const Result<storage::SweepReport> swept = storage::Sweep(
      store, *kept, {.mode = storage::SweepMode::kDelete, .older_than_s = -60, .now_s = std::time(nullptr)});
  ASSERT_TRUE(swept.ok());
  EXPECT_FALSE(store.ReadBlob(orphan, 100).ok());
  const Result<HomeSummary> summary = VerifyHome(home_);
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  for (const crypto::Digest& tree : {path_.second, path_.charter().digest, path_.charter().subject.baseline}) {
    const Result<subject::Manifest> manifest = store.ReadManifest(tree);
    EXPECT_TRUE(manifest.ok()) << manifest.error().message;
  }
}

TEST_F(BackupTest, ALedgerThatDoesNotOpenEndsTheSweep) {
  directory_.Write("home/ledger/other.sqlite", "no database");
  EXPECT_FALSE(DigestsNamedIn(home_, EndedProposals::kKeep, {}).ok());
}

TEST_F(BackupTest, CopyingAndRemovingExcludeEachOther) {
  const Result<StoreLock> first = StoreLock::Take(home_, StoreUse::kRead);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(RuleOf(StoreLock::Take(home_, StoreUse::kRead)), "ok");
  EXPECT_EQ(RuleOf(StoreLock::Take(home_, StoreUse::kRemove)), "store.busy");
}

}  // namespace backup_test
}  // namespace pawl::ledger
