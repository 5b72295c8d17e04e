#include "ledger/ledger.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "ledger/place.h"
#include "ledger/postgresql_for_test.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "signing/private_key.h"
#include "subject/testing.h"
#include "tlog/tile.h"

namespace pawl::ledger {
namespace ledger_test {

using crypto::Digest;
using subject::TemporaryDirectory;

std::string EntryOf(uint64_t index) { return "entry " + std::to_string(index); }

std::vector<std::string> EntriesOf(uint64_t first, uint64_t count) {
  std::vector<std::string> entries;
  for (uint64_t i = first; i < first + count; ++i) entries.push_back(EntryOf(i));
  return entries;
}

Digest RootOfEntries(const std::vector<std::string>& entries) {
  std::vector<Digest> leaves;
  for (const std::string& entry : entries) leaves.push_back(merkle::LeafHash(entry));
  return tlog::RootOf(leaves);
}

template <typename T>
std::string RuleOf(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().rule;
}

LogKeys Keys() {
  return {.origin = "example.org/log",
          .log = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'l')),
          .clock_name = "example.org/clock",
          .clock = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'c'))};
}

// Runs in a process of its own, so that limits, users and crashes stay there; gives its exit status.
int InChild(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Changes a database behind the ledger's back.
void Sql(const std::string& path, const std::string& statement) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, statement.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

void ExpectHolds(const Ledger& ledger, const std::vector<std::string>& entries) {
  EXPECT_EQ(*ledger.Size(), entries.size());
  EXPECT_TRUE(*ledger.Entries(0, entries.size() + 1) == entries);
  EXPECT_EQ(*ledger.Root(entries.size()), RootOfEntries(entries));
}

enum class Kept { kSqlite, kPostgresql };

// What holds wherever the log is kept.
class LedgerTest : public ::testing::TestWithParam<Kept> {
 protected:
  LedgerPlace PlaceOf(const std::string& log) const {
    if (GetParam() == Kept::kSqlite) return {"sqlite:" + (directory_ / log + ".sqlite"), log};
    // One database for all tests, one log for each.
    return {PostgresqlServer::Shared().Url(),
            std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) + " " + log};
  }
  Ledger Open(LedgerAccess access = LedgerAccess::kReadWrite, const std::string& log = "log") const {
    Result<Ledger> ledger = Ledger::Open(PlaceOf(log), access);
    EXPECT_TRUE(ledger.ok()) << (ledger.ok() ? "" : ledger.error().message);
    return std::move(*ledger);
  }

  TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Kept, LedgerTest, ::testing::Values(Kept::kSqlite, Kept::kPostgresql),
                         [](const auto& kept) { return kept.param == Kept::kSqlite ? "Sqlite" : "Postgresql"; });

// What is about the file.
class SqliteLedgerTest : public ::testing::Test {
 protected:
  Ledger Open(LedgerAccess access = LedgerAccess::kReadWrite) const {
    Result<Ledger> ledger = Ledger::Open(path_, access);
    EXPECT_TRUE(ledger.ok()) << (ledger.ok() ? "" : ledger.error().message);
    return std::move(*ledger);
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "log.sqlite";
};

TEST_P(LedgerTest, AppendsAndReadsBack) {
  Ledger ledger = Open();
  EXPECT_EQ(*ledger.Size(), 0u);
  EXPECT_EQ(*ledger.Root(0), merkle::EmptyRoot());
  EXPECT_EQ(*ledger.Append(0, EntriesOf(0, 3)), 0u);
  EXPECT_EQ(*ledger.Append(3, EntriesOf(3, 1)), 3u);
  EXPECT_EQ(*ledger.Append(4, {}), 4u);
  ExpectHolds(ledger, EntriesOf(0, 4));
  EXPECT_EQ(*ledger.Entries(1, 2), EntriesOf(1, 2));
  EXPECT_TRUE(ledger.Entries(9, 5)->empty());
  ExpectHolds(Open(LedgerAccess::kReadOnly), EntriesOf(0, 4));
}

TEST_P(LedgerTest, RootsOfEverySizeAreThoseOfTheEntries) {
  Ledger ledger = Open();
  uint64_t size = 0;
  for (const uint64_t batch : {1u, 2u, 5u, 1u, 120u, 127u, 3u}) {
    ASSERT_TRUE(ledger.Append(size, EntriesOf(size, batch)).ok());
    size += batch;
  }
  for (uint64_t at = 0; at <= size; ++at) EXPECT_EQ(*ledger.Root(at), RootOfEntries(EntriesOf(0, at))) << at;
  EXPECT_FALSE(ledger.Root(size + 1).ok());
}

TEST_P(LedgerTest, RefusesToAppendToWhatIsNoLongerTheEnd) {
  Ledger ledger = Open(), other = Open();
  ASSERT_TRUE(other.Append(0, EntriesOf(0, 2)).ok());
  const Result<uint64_t> late = ledger.Append(0, EntriesOf(7, 1));
  ASSERT_EQ(RuleOf(late), "ledger.conflict");
  EXPECT_EQ(late.error().code, ErrorCode::kPending);
  EXPECT_EQ(RuleOf(ledger.Append(3, EntriesOf(7, 1))), "ledger.conflict");
  ExpectHolds(ledger, EntriesOf(0, 2));
  EXPECT_EQ(*ledger.Append(2, EntriesOf(2, 1)), 2u);
}

TEST_P(LedgerTest, ARetryAfterALostAnswerAppendsNothing) {
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 5)).ok());
  EXPECT_EQ(*ledger.Append(0, EntriesOf(0, 5)), 0u);
  EXPECT_EQ(*ledger.Append(2, EntriesOf(2, 2)), 2u);
  EXPECT_EQ(*ledger.Append(5, EntriesOf(4, 1)), 4u);
  ExpectHolds(ledger, EntriesOf(0, 5));
}

TEST_P(LedgerTest, AppendsAllOrNone) {
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 3)).ok());
  // An entry that is there already, but not in this company: first, in the middle, last, and twice in one batch.
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(2), EntryOf(3)})), "ledger.duplicate");
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(3), EntryOf(1), EntryOf(4)})), "ledger.duplicate");
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(3), EntryOf(0)})), "ledger.duplicate");
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(3), EntryOf(3)})), "ledger.duplicate");
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(3), std::string(65'536, 'x')})), "ledger.entry-too-large");
  ExpectHolds(ledger, EntriesOf(0, 3));
  EXPECT_EQ(*ledger.Append(3, EntriesOf(3, 2)), 3u);
}

// Two gates may come to the same next entry, and the slower one to more: it has to read what there is, not to give up.
TEST_P(LedgerTest, WhatOthersHaveAppendedInPartIsReadFirst) {
  Ledger ledger = Open(), other = Open();
  ASSERT_TRUE(other.Append(0, EntriesOf(0, 3)).ok());
  EXPECT_EQ(RuleOf(ledger.Append(2, {EntryOf(2), EntryOf(3)})), "ledger.conflict");
  EXPECT_EQ(RuleOf(ledger.Append(1, {EntryOf(9), EntryOf(2)})), "ledger.conflict");
  ExpectHolds(ledger, EntriesOf(0, 3));
  EXPECT_EQ(*ledger.Append(3, EntriesOf(3, 1)), 3u);
}

TEST_P(LedgerTest, TakesTheLargestEntryAndNoLargerOne) {
  Ledger ledger = Open();
  const Result<uint64_t> refused = ledger.Append(0, {std::string(65'536, 'x')});
  ASSERT_EQ(RuleOf(refused), "ledger.entry-too-large");
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  const std::vector<std::string> entries = {std::string(65'535, 'x'), std::string(), std::string("\0\xff", 2)};
  ASSERT_TRUE(ledger.Append(0, entries).ok());
  ExpectHolds(ledger, entries);
}

// ---- several processes

TEST_P(LedgerTest, ProcessesThatAppendAtTheSameTimeLeaveNoGapAndLoseNothing) {
  constexpr int kWriters = 3, kBatches = 40;
  std::vector<pid_t> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t child = fork();
    if (child != 0) {
      writers.push_back(child);
      continue;
    }
    Result<Ledger> ledger =
        Ledger::Open(PlaceOf("log"), LedgerAccess::kReadWrite);  // they make the file at the same time, too
    if (!ledger.ok()) _exit(2);
    for (int batch = 0; batch < kBatches; ++batch) {
      std::vector<std::string> entries;
      for (int i = 0; i <= batch % 3; ++i) {
        entries.push_back(std::to_string(writer) + " " + std::to_string(batch) + " " + std::to_string(i));
      }
      for (;;) {
        const Result<uint64_t> size = ledger->Size();
        if (!size.ok()) _exit(3);
        const Result<uint64_t> index = ledger->Append(*size, entries);
        if (index.ok() && *index == *size) break;
        if (index.ok() || index.error().rule != "ledger.conflict") _exit(4);
      }
    }
    _exit(0);
  }
  for (const pid_t writer : writers) {
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    EXPECT_EQ(status, 0);
  }
  const Ledger ledger = Open(LedgerAccess::kReadOnly);
  const std::vector<std::string> entries = *ledger.Entries(0, 10'000);
  ExpectHolds(ledger, entries);
  std::set<std::string> distinct(entries.begin(), entries.end());
  EXPECT_EQ(distinct.size(), entries.size());
  size_t expected = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    expected += static_cast<size_t>(kWriters * (batch % 3 + 1));
    for (int writer = 0; writer < kWriters; ++writer) {
      // Batches stand together, in order.
      const std::string prefix = std::to_string(writer) + " " + std::to_string(batch) + " ";
      const auto first = std::find(entries.begin(), entries.end(), prefix + "0");
      ASSERT_NE(first, entries.end());
      for (int i = 0; i <= batch % 3; ++i) EXPECT_EQ(*(first + i), prefix + std::to_string(i));
    }
  }
  EXPECT_EQ(entries.size(), expected);
}

TEST_P(LedgerTest, WhatWasAcknowledgedOutlivesKill9) {
  constexpr int kRounds = 12;
  uint64_t acknowledged = 0;
  uint32_t random = 1;
  for (int round = 0; round < kRounds; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t writer = fork();
    if (writer == 0) {
      close(pipe_ends[0]);
      Result<Ledger> ledger = Ledger::Open(PlaceOf("log"), LedgerAccess::kReadWrite);
      if (!ledger.ok()) _exit(2);
      for (uint64_t size = *ledger->Size();; size += 2) {
        if (!ledger->Append(size, EntriesOf(size, 2)).ok()) _exit(3);
        const uint64_t end = size + 2;
        if (write(pipe_ends[1], &end, sizeof end) != sizeof end) _exit(4);
      }
    }
    close(pipe_ends[1]);
    random = random * 1'664'525 + 1'013'904'223;
    const uint64_t enough = acknowledged + 2 + 2 * (random >> 28);
    uint64_t end = 0;
    while (acknowledged < enough && read(pipe_ends[0], &end, sizeof end) == sizeof end) acknowledged = end;
    usleep(random % 3'000);
    kill(writer, SIGKILL);
    while (read(pipe_ends[0], &end, sizeof end) == sizeof end) acknowledged = end;
    close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << WEXITSTATUS(status);
    Ledger ledger = Open();
    ASSERT_TRUE(ledger.Append(acknowledged + 1, {}).error().rule == "ledger.conflict");  // a server may still be at it
    const uint64_t size = *ledger.Size();
    ASSERT_GE(size, acknowledged);
    ASSERT_LE(size, acknowledged + 2);  // at most the one that was committed but not yet told
    ASSERT_EQ(size % 2, 0u);            // and never half of it
    ExpectHolds(ledger, EntriesOf(0, size));
    acknowledged = size;
  }
}

// ---- what the machine refuses

// Appends until the ledger refuses; succeeds if it refuses with `rule`, keeps everything acknowledged, and, after
// `mend`, goes on.
int FillUp(const std::string& path, const std::string& rule, const std::function<void()>& mend) {
  Result<Ledger> ledger = Ledger::Open(path, LedgerAccess::kReadWrite);
  if (!ledger.ok()) return 10;
  std::vector<std::string> entries;
  for (uint64_t size = 0; size < 10'000; ++size) {
    entries.push_back(EntryOf(size) + std::string(2'000, '.'));
    const Result<uint64_t> appended = ledger->Append(size, {entries.back()});
    if (appended.ok()) continue;
    if (size < 5) return 11;
    if (appended.error().rule != rule || appended.error().code != ErrorCode::kSystem) return 12;
    if (appended.error().advice.empty()) return 13;
    const Result<Ledger> reader = Ledger::Open(path, LedgerAccess::kReadOnly);
    if (!reader.ok()) return 14;
    const std::vector<std::string> before(entries.begin(), entries.end() - 1);
    if (reader->Size().value() != size || reader->Entries(0, size + 1).value() != before) return 15;
    if (reader->Root(size).value() != RootOfEntries(before)) return 16;
    mend();
    const Result<uint64_t> again = ledger->Append(size, {entries.back()});
    if (!again.ok() || *again != size) return 17;
    return ledger->Root(size + 1).value() == RootOfEntries(entries) ? 0 : 18;
  }
  return 19;
}

TEST_F(SqliteLedgerTest, AFileThatMayNotGrowRefusesAndKeepsWhatItHas) {
  EXPECT_EQ(InChild([&] {
              signal(SIGXFSZ, SIG_IGN);
              const rlimit tight{.rlim_cur = 200'000, .rlim_max = RLIM_INFINITY};
              const rlimit wide{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
              if (setrlimit(RLIMIT_FSIZE, &tight) != 0) return 20;
              return FillUp(path_, "ledger.input-output", [&] { setrlimit(RLIMIT_FSIZE, &wide); });
            }),
            0);
}

TEST_F(SqliteLedgerTest, AFullDiskRefusesAndKeepsWhatItHas) {
  constexpr int kNoNamespace = 77;
  const std::string disk = directory_ / "disk";
  ASSERT_EQ(mkdir(disk.c_str(), 0700), 0);
  const int status = InChild([&] {
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) return kNoNamespace;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNoNamespace;
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=512k") != 0) return kNoNamespace;
    return FillUp(disk + "/log.sqlite", "ledger.full",
                  [&] { mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=4m"); });
  });
  if (status == kNoNamespace) GTEST_SKIP() << "this machine lets nobody mount a small disk";
  EXPECT_EQ(status, 0);
}

TEST_F(SqliteLedgerTest, AFolderThatCannotBeWrittenIsRefused) {
  {
    Ledger ledger = Open();
    ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 3)).ok());
  }
  ASSERT_EQ(chmod(path_.c_str(), 0444), 0);
  ASSERT_EQ(chmod(directory_.path().c_str(), 0555), 0);
  EXPECT_EQ(InChild([&] {
              if (geteuid() == 0 && setresuid(65'534, 65'534, 65'534) != 0) return 20;
              Result<Ledger> writer = Ledger::Open(path_, LedgerAccess::kReadWrite);
              const Result<uint64_t> appended = writer.ok() ? writer->Append(3, {"x"}) : writer.error();
              if (appended.ok() || appended.error().rule != "ledger.read-only" || appended.error().advice.empty())
                return 21;
              const Result<Ledger> made = Ledger::Open(directory_ / "new.sqlite", LedgerAccess::kReadWrite);
              if (made.ok() || made.error().rule != "ledger.read-only") return 22;
              return 0;
            }),
            0);
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  ExpectHolds(Open(), EntriesOf(0, 3));
}

TEST_F(SqliteLedgerTest, AReaderNeverMakesALedger) {
  EXPECT_EQ(RuleOf(Ledger::Open(path_, LedgerAccess::kReadOnly)), "ledger.missing");
  std::ofstream(path_).close();  // an empty file is an empty database, but no ledger
  EXPECT_EQ(RuleOf(Ledger::Open(path_, LedgerAccess::kReadOnly)), "ledger.damaged");
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 1)).ok());
  EXPECT_EQ(RuleOf(Open(LedgerAccess::kReadOnly).Append(1, {"x"})), "ledger.read-only");
  ExpectHolds(ledger, EntriesOf(0, 1));
}

// ---- what others have done to the file

TEST_F(SqliteLedgerTest, ANewerSchemaIsRefusedAndLeftAsItIs) {
  { Ledger ledger = Open(); }
  Sql(path_, "PRAGMA user_version = 2");
  const std::string before = subject::ReadWholeFile(path_);
  for (const LedgerAccess access : {LedgerAccess::kReadOnly, LedgerAccess::kReadWrite}) {
    EXPECT_EQ(RuleOf(Ledger::Open(path_, access)), "ledger.schema");
  }
  EXPECT_EQ(subject::ReadWholeFile(path_), before);
}

TEST_F(SqliteLedgerTest, ADamagedFileIsRefused) {
  {
    Ledger ledger = Open();
    ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 300)).ok());
  }
  const std::string good = subject::ReadWholeFile(path_);
  ASSERT_GT(good.size(), 20'000u);
  const auto with = [&](const std::string& bytes) {
    directory_.Write("log.sqlite", bytes);
    const Result<Ledger> ledger = Ledger::Open(path_, LedgerAccess::kReadWrite);
    if (!ledger.ok()) return RuleOf(ledger);
    const Result<std::vector<std::string>> entries = ledger->Entries(0, 301);
    return RuleOf(entries);
  };
  EXPECT_EQ(with("this is no database, only a text that somebody put in its place " + std::string(5'000, '.')),
            "ledger.damaged");
  std::string header = good;
  header[3] = 'X';
  EXPECT_EQ(with(header), "ledger.damaged");
  EXPECT_EQ(with(good.substr(0, 8'000)), "ledger.damaged");
  std::string pages = good;
  std::fill(pages.begin() + 4'096, pages.end(), '\x55');
  EXPECT_EQ(with(pages), "ledger.damaged");
  EXPECT_EQ(with(good), "ok");
}

TEST_F(SqliteLedgerTest, MissingAndAlteredRowsAreSeen) {
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 8)).ok());
  const Digest root = *ledger.Root(8);
  Sql(path_, "UPDATE nodes SET hash = zeroblob(32) WHERE level = 3");
  EXPECT_NE(*ledger.Root(8), root);
  Sql(path_, "UPDATE nodes SET hash = x'00' WHERE level = 3");
  EXPECT_FALSE(ledger.Root(8).ok());
  Sql(path_, "DELETE FROM nodes WHERE level = 3");
  EXPECT_EQ(RuleOf(ledger.Root(8)), "ledger.damaged");
  EXPECT_EQ(RuleOf(ledger.Append(8, EntriesOf(8, 1))), "ledger.damaged");
  Sql(path_, "DELETE FROM events WHERE seq = 4");
  EXPECT_EQ(RuleOf(ledger.Entries(0, 8)), "ledger.damaged");
  EXPECT_EQ(RuleOf(ledger.Entries(4, 1)), "ledger.damaged");
  EXPECT_EQ(*ledger.Entries(0, 4), EntriesOf(0, 4));
  Sql(path_, "INSERT INTO events VALUES (4, x'00', zeroblob(65536))");
  EXPECT_EQ(RuleOf(ledger.Entries(0, 8)), "ledger.damaged");
  Sql(path_, "UPDATE events SET entry = zeroblob(2000000) WHERE seq = 4");
  EXPECT_FALSE(ledger.Entries(0, 8).ok());
  Sql(path_, "DROP TABLE events");
  EXPECT_FALSE(ledger.Size().ok());
}

TEST_F(SqliteLedgerTest, TriggersAndViewsInTheFileAreNotRun) {
  { Ledger ledger = Open(); }
  Sql(path_,
      "CREATE TRIGGER doubled AFTER INSERT ON events BEGIN INSERT INTO checkpoints VALUES (NEW.seq, x'00'); END");
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 1)).ok());
  EXPECT_FALSE(ledger.LatestCheckpoint()->has_value());
  Sql(path_, "ALTER TABLE events RENAME TO kept; CREATE VIEW events AS SELECT * FROM kept");
  const Result<Ledger> with_view = Ledger::Open(path_, LedgerAccess::kReadOnly);
  EXPECT_FALSE(with_view.ok() && with_view->Size().ok());
}

// ---- checkpoints and exports

TEST_P(LedgerTest, SignsCheckpoints) {
  Ledger ledger = Open();
  EXPECT_FALSE(ledger.LatestCheckpoint()->has_value());
  const LogKeys keys = Keys();
  const auto log_key = crypto::NoteKey::Of(keys.origin, crypto::NoteKeyType::kEd25519, keys.log.public_key());
  const auto clock_key =
      crypto::NoteKey::Of(keys.clock_name, crypto::NoteKeyType::kEd25519Cosignature, keys.clock.public_key());
  for (const uint64_t size : {0u, 1u, 6u}) {
    ASSERT_TRUE(ledger.Append(*ledger.Size(), EntriesOf(*ledger.Size(), size - *ledger.Size())).ok());
    const std::string note =
        *ledger.SignCheckpoint(keys, 1'780'000'000 + static_cast<int64_t>(size), *ledger.StatedHead());
    EXPECT_EQ(*ledger.LatestCheckpoint(), note);
    const Result<merkle::SignedCheckpoint> opened = merkle::OpenCheckpoint(note, log_key);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(opened->checkpoint.size, size);
    EXPECT_EQ(opened->checkpoint.root, RootOfEntries(EntriesOf(0, size)));
    const auto cosigned = merkle::VerifyCosignatures(opened->note, std::vector{clock_key});
    ASSERT_TRUE(cosigned.ok() && cosigned->size() == 1);
    EXPECT_EQ(cosigned->front().time_s, 1'780'000'000 + static_cast<int64_t>(size));
  }
  // Of the same size again: the later time replaces the earlier.
  const std::string renewed = *ledger.SignCheckpoint(keys, 1'790'000'000, *ledger.StatedHead());
  EXPECT_EQ(*Open(LedgerAccess::kReadOnly).LatestCheckpoint(), renewed);
}

TEST_P(LedgerTest, SignsNoHeadButTheOneThatItsCallerHasVerified) {
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 5)).ok());
  const LogHead verified{.size = 5, .root = RootOfEntries(EntriesOf(0, 5))};
  const auto sign = [&](const LogHead& head) { return ledger.SignCheckpoint(Keys(), 1'780'000'000, head); };
  // The caller has read fewer entries than there are, more than there are, or others.
  const Result<std::string> behind = sign({.size = 4, .root = RootOfEntries(EntriesOf(0, 4))});
  ASSERT_EQ(RuleOf(behind), "ledger.conflict");
  EXPECT_EQ(behind.error().code, ErrorCode::kPending);
  EXPECT_EQ(RuleOf(sign({.size = 6, .root = RootOfEntries(EntriesOf(0, 6))})), "ledger.root");
  EXPECT_EQ(RuleOf(sign({.size = 5, .root = RootOfEntries(EntriesOf(1, 5))})), "ledger.root");
  EXPECT_FALSE(ledger.LatestCheckpoint()->has_value()) << "nothing is left of a refusal";
  EXPECT_EQ(RuleOf(sign(verified)), "ok");
}

TEST_P(LedgerTest, AppendsAndSignsTogetherOrNotAtAll) {
  Ledger ledger = Open(), other = Open();
  const auto head = [](uint64_t size) { return LogHead{.size = size, .root = RootOfEntries(EntriesOf(0, size))}; };
  const auto append = [&](uint64_t expected, const std::vector<std::string>& entries, const LogHead& verified) {
    return ledger.AppendAndSign(expected, entries, Keys(), 1'780'000'000, verified);
  };
  const Result<std::string> first = append(0, EntriesOf(0, 3), head(3));
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(*other.LatestCheckpoint(), *first);
  EXPECT_EQ(*first, *other.SignCheckpoint(Keys(), 1'780'000'000, *other.StatedHead())) << "the same by two ways";
  ExpectHolds(other, EntriesOf(0, 3));
  // What the caller has folded is not what the database has, or becomes another tree: nothing is kept.
  ASSERT_EQ(*other.Append(3, {EntryOf(3)}), 3u);
  EXPECT_EQ(RuleOf(append(3, {EntryOf(9)}, head(4))), "ledger.conflict");
  EXPECT_EQ(RuleOf(append(4, {EntryOf(9)}, head(5))), "ledger.root");
  EXPECT_EQ(RuleOf(append(4, {EntryOf(4)}, head(6))), "ledger.root");
  EXPECT_EQ(RuleOf(append(4, {std::string(tlog::kEntryBytesMax + 1, 'x')}, head(5))), "ledger.entry-too-large");
  EXPECT_EQ(*other.LatestCheckpoint(), *first);
  ExpectHolds(other, EntriesOf(0, 4));
  // Again after a lost answer: the entry is there already, and the checkpoint is signed if it is still the last.
  EXPECT_TRUE(append(4, {EntryOf(4)}, head(5)).ok());
  EXPECT_TRUE(append(4, {EntryOf(4)}, head(5)).ok());
  ASSERT_EQ(*other.Append(5, {EntryOf(5)}), 5u);
  EXPECT_EQ(RuleOf(append(4, {EntryOf(4)}, head(5))), "ledger.conflict");
  EXPECT_TRUE(append(6, {}, head(6)).ok());
  ExpectHolds(other, EntriesOf(0, 6));
}

// The root that the exported tiles lead to, and the entries in them, read like any other reader of the format would.
void ExpectExportHolds(const std::string& folder, const std::vector<std::string>& entries) {
  const auto note = merkle::SignedNote::Parse(subject::ReadWholeFile(folder + "/checkpoint"));
  ASSERT_TRUE(note.ok()) << note.error().message;
  const auto checkpoint = merkle::Checkpoint::Parse(note->text);
  ASSERT_TRUE(checkpoint.ok());
  ASSERT_EQ(checkpoint->size, entries.size());
  EXPECT_EQ(checkpoint->root, RootOfEntries(entries));
  const auto read_tile = [&](const tlog::Tile& tile) -> Result<std::string> {
    return subject::ReadWholeFile(folder + "/" + tile.Path());
  };
  const tlog::HashReader hashes = tlog::HashReaderOverTiles(entries.size(), read_tile);
  EXPECT_EQ(*tlog::RootAt(entries.size(), hashes), checkpoint->root);
  std::vector<std::string> bundled;
  for (const tlog::Tile& tile : tlog::TilesOf(entries.size())) {
    if (tile.level != 0) continue;
    const auto bundle = tlog::ParseEntries(subject::ReadWholeFile(folder + "/" + tile.EntriesPath()), tile.width);
    ASSERT_TRUE(bundle.ok()) << bundle.error().message;
    bundled.insert(bundled.end(), bundle->begin(), bundle->end());
  }
  EXPECT_TRUE(bundled == entries);
}

TEST_P(LedgerTest, ExportsTilesThatLeadToTheSameRoot) {
  Ledger ledger = Open();
  const std::string folder = directory_ / "export";
  EXPECT_EQ(RuleOf(ledger.Export(folder)), "ledger.no-checkpoint");
  uint64_t size = 0;
  for (const uint64_t next : {0u, 1u, 255u, 256u, 257u, 513u}) {  // each over the export before it
    ASSERT_TRUE(ledger.Append(size, EntriesOf(size, next - size)).ok());
    if (next > 0) {
      EXPECT_EQ(RuleOf(ledger.Export(folder)), "ledger.no-checkpoint");
    }
    ASSERT_TRUE(ledger.SignCheckpoint(Keys(), 1'780'000'000, *ledger.StatedHead()).ok());
    const Result<void> exported = ledger.Export(folder);
    ASSERT_TRUE(exported.ok()) << exported.error().message;
    size = next;
    ExpectExportHolds(folder, EntriesOf(0, size));
  }
}

TEST_P(LedgerTest, NeverWritesOverTheExportOfAnotherLog) {
  const std::string folder = directory_ / "export";
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 5)).ok());
  ASSERT_TRUE(ledger.SignCheckpoint(Keys(), 1'780'000'000, *ledger.StatedHead()).ok());
  ASSERT_TRUE(ledger.Export(folder).ok());
  Ledger other = Open(LedgerAccess::kReadWrite, "other");
  ASSERT_TRUE(other.Append(0, EntriesOf(1, 7)).ok());
  ASSERT_TRUE(other.SignCheckpoint(Keys(), 1'780'000'000, *other.StatedHead()).ok());
  EXPECT_EQ(RuleOf(other.Export(folder)), "ledger.export-other");
  LogKeys renamed = Keys();
  renamed.origin = "example.org/other";
  ASSERT_TRUE(ledger.SignCheckpoint(renamed, 1'780'000'000, *ledger.StatedHead()).ok());
  EXPECT_EQ(RuleOf(ledger.Export(folder)), "ledger.export-other");
  ExpectExportHolds(folder, EntriesOf(0, 5));
  directory_.Write("notes/checkpoint", "something else");
  EXPECT_EQ(RuleOf(ledger.Export(directory_ / "notes")), "ledger.export-other");
  EXPECT_EQ(subject::ReadWholeFile(directory_ / "notes/checkpoint"), "something else");
  ASSERT_EQ(unlink((directory_ / "notes/checkpoint").c_str()), 0);
  ASSERT_EQ(mkfifo((directory_ / "notes/checkpoint").c_str(), 0600), 0);
  EXPECT_EQ(RuleOf(ledger.Export(directory_ / "notes")), "ledger.export-other") << "and waits for nobody";
}

TEST_P(LedgerTest, AnExportThatCannotBeWrittenSaysSo) {
  Ledger ledger = Open();
  ASSERT_TRUE(ledger.Append(0, EntriesOf(0, 5)).ok());
  ASSERT_TRUE(ledger.SignCheckpoint(Keys(), 1'780'000'000, *ledger.StatedHead()).ok());
  directory_.Write("file", "in the way");
  EXPECT_EQ(RuleOf(ledger.Export(directory_ / "file")), "ledger.export");
}

}  // namespace ledger_test
}  // namespace pawl::ledger
