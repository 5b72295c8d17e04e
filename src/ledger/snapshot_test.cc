#include "ledger/snapshot.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

#include "audit/records.h"
#include "ledger/keys.h"
#include "ledger/own_snapshots.h"
#include "ledger/subject_log.h"
#include "warrant/path_for_test.h"

namespace pawl::ledger {
namespace snapshot_test {

using warrant::Path;

constexpr char kSubject[] = "controller";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A home with the log, the store and the gate's key of a path of two releases, and a snapshot of it.
class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    Ledger ledger = *Ledger::Open(home_.LedgerPath(kSubject), LedgerAccess::kReadWrite);
    EXPECT_TRUE(ledger.Append(0, path_.entries()).ok());
    std::filesystem::create_directories(home_.KeyFolder("log"));
    EXPECT_TRUE(Path::Key("log").WriteFile(home_.KeyPath("log")).ok());
    EXPECT_TRUE(Open(FoldFrom::kFirstEvent).SaveSnapshot(Path::Key("log")).ok());
  }
  SubjectLog Open(FoldFrom from) {
    Result<SubjectLog> log = SubjectLog::Open(home_, kSubject, LedgerAccess::kReadWrite, from);
    EXPECT_TRUE(log.ok()) << (log.ok() ? "" : log.error().message);
    return std::move(*log);
  }
  // Events folded by a start that may use the snapshot: all of them where it is not believed.
  uint64_t FoldedByStart() { return Open(FoldFrom::kSnapshot).folded(); }
  encoding::Envelope Halt(const std::string& reason) const {
    return path_.ByPeople(warrant::WriteDecision(path_.HaltDecision(reason)), {"ann"});
  }
  std::string file() const { return home_.SnapshotPath(kSubject); }
  uint64_t size() const { return path_.entries().size(); }

  Path path_ = Path::OfItsOwn();
  subject::TemporaryDirectory directory_;
  Home home_ = *Home::Open(directory_ / "home", HomeAccess::kCreate);
};

// The bytes of a snapshot are a function of the whole history, so equal bytes are equal histories.
std::string BytesOf(const SubjectLog& log, const std::string& path) {
  EXPECT_TRUE(log.SaveSnapshot(Path::Key("log")).ok());
  return ReadFile(path);
}

TEST_F(SnapshotTest, AStartFromItFoldsNothingAndKnowsTheSame) {
  EXPECT_EQ(FoldedByStart(), 0U);
  const std::string folded = BytesOf(Open(FoldFrom::kFirstEvent), file());
  EXPECT_EQ(BytesOf(Open(FoldFrom::kSnapshot), file()), folded);
  EXPECT_EQ(Open(FoldFrom::kSnapshot).root(), Open(FoldFrom::kFirstEvent).root());
}

TEST_F(SnapshotTest, EventsSinceAreFoldedOnTop) {
  ASSERT_TRUE(Open(FoldFrom::kFirstEvent).Append({Halt("look")}).ok());
  SubjectLog log = Open(FoldFrom::kSnapshot);
  EXPECT_EQ(log.folded(), 1U);
  EXPECT_EQ(log.history().OpenHalts().size(), 1U);
  ASSERT_TRUE(log.Append({Halt("look again")}).ok());
  EXPECT_EQ(log.history().OpenHalts().size(), 2U);
  const std::string from_snapshot = BytesOf(log, file());
  EXPECT_EQ(BytesOf(Open(FoldFrom::kFirstEvent), file()), from_snapshot);
}

TEST_F(SnapshotTest, ComplaintsAreInIt) {
  SubjectLog log = Open(FoldFrom::kFirstEvent);
  const audit::ProposalHistory last = log.history().proposals().back();
  const audit::Complaint complaint{.about = {.subject = kSubject, .digest = last.candidate->tree},
                                   .complainant = "auditor-c",
                                   .accused = last.votes[0].vote.reviewer,
                                   .candidate = last.candidate_digest,
                                   .rule = audit::ComplaintRule::kVerdict,
                                   .reason = "it does not say so",
                                   .entry = last.votes[0].digest,
                                   .vote = std::nullopt,
                                   .time = path_.now};
  ASSERT_TRUE(log.Append({path_.BySomeone(audit::WriteComplaint(complaint), "auditor-c")}).ok());
  const std::string folded = BytesOf(log, file());
  const SubjectLog again = Open(FoldFrom::kSnapshot);
  EXPECT_EQ(again.folded(), 0U);
  const std::vector<audit::LoggedComplaint>& known = again.history().proposals().back().complaints;
  ASSERT_EQ(known.size(), 1U);
  EXPECT_EQ(audit::WriteComplaint(known[0].complaint), audit::WriteComplaint(complaint));
  EXPECT_EQ(known[0].index, size());
  EXPECT_EQ(BytesOf(again, file()), folded);
}

TEST_F(SnapshotTest, EveryChangedByteIsNoticed) {
  const std::string good = ReadFile(file());
  for (size_t at = 0; at < good.size(); at += at < 200 ? 7 : good.size() / 20) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    WriteFile(file(), bad);
    EXPECT_EQ(FoldedByStart(), size()) << at;
  }
  for (const size_t cut : {size_t{0}, size_t{100}, good.size() - 1}) {
    WriteFile(file(), good.substr(0, cut));
    EXPECT_EQ(FoldedByStart(), size()) << cut;
  }
  WriteFile(file(), good + "x");
  EXPECT_EQ(FoldedByStart(), size());
  WriteFile(file(), good);
  EXPECT_EQ(FoldedByStart(), 0U);
}

TEST_F(SnapshotTest, WithoutTheGatesKeyNobodyBelievesIt) {
  std::filesystem::remove(home_.KeyPath("log"));
  EXPECT_EQ(FoldedByStart(), size());
}

// Who can write the file can sign it with any key, also with one that is kept here for something else.
TEST_F(SnapshotTest, AnotherKeyThanTheLogsSignsNothing) {
  EXPECT_EQ(Open(FoldFrom::kFirstEvent).SaveSnapshot(Path::Key("clock")).error().rule, "snapshot.key");
  std::string forged = ReadFile(file());
  const signing::Ed25519PrivateKey clock = Path::Key("clock");
  std::filesystem::create_directories(home_.KeyFolder("clock"));
  ASSERT_TRUE(clock.WriteFile(home_.KeyPath("clock")).ok());
  forged.replace(17, 32, clock.public_key().raw());
  WriteFile(file(), forged);
  EXPECT_EQ(FoldedByStart(), size());
}

TEST_F(SnapshotTest, AnotherSubjectsIsRefused) {
  const auto holds = [](const crypto::Ed25519PublicKey&) { return true; };
  EXPECT_TRUE(ReadSnapshot(file(), kSubject, path_.CharterReader(), holds).ok());
  EXPECT_EQ(ReadSnapshot(file(), "engine", path_.CharterReader(), holds).error().rule, "snapshot.unusable");
}

// A database that was put back, or replaced by another log of the same gate, has another root at that size.
TEST_F(SnapshotTest, AnotherLogIsFoldedWhole) {
  std::filesystem::remove(home_.LedgerPath(kSubject));
  Ledger ledger = *Ledger::Open(home_.LedgerPath(kSubject), LedgerAccess::kReadWrite);
  std::vector<std::string> shorter(path_.entries().begin(), path_.entries().end() - 5);
  ASSERT_TRUE(ledger.Append(0, shorter).ok());
  EXPECT_EQ(FoldedByStart(), size() - 5);
}

// A start that folds everything sees an edit of the database; so does one from a snapshot, of what it would have folded
// without.
TEST_F(SnapshotTest, AnEntryBelowItThatWasAlteredIsDoubt) {
  EXPECT_EQ(FoldedByStart(), 0u);
  for (const uint64_t index : {uint64_t{0}, size() / 2, size() - 1}) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(home_.LedgerPath(kSubject).c_str(), &database), SQLITE_OK);
    const std::string at = " WHERE seq = " + std::to_string(index);
    EXPECT_EQ(
        sqlite3_exec(database, ("UPDATE events SET entry = entry || x'20'" + at).c_str(), nullptr, nullptr, nullptr),
        SQLITE_OK);
    EXPECT_FALSE(SubjectLog::Open(home_, kSubject, LedgerAccess::kReadWrite, FoldFrom::kSnapshot).ok()) << index;
    const std::string back = "UPDATE events SET entry = substr(entry, 1, length(entry) - 1)" + at;
    EXPECT_EQ(sqlite3_exec(database, back.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
    EXPECT_EQ(FoldedByStart(), 0u) << index;
  }
}

// What no start would read is not written, and does not take the place of what one reads.
TEST_F(SnapshotTest, OneThatIsTooLargeLeavesTheOlderOne) {
  const auto holds = [](const crypto::Ed25519PublicKey&) { return true; };
  Result<Snapshot> snapshot = ReadSnapshot(file(), kSubject, path_.CharterReader(), holds);
  ASSERT_TRUE(snapshot.ok());
  const std::string before = ReadFile(file());
  for (const uint64_t bytes_max : {uint64_t{0}, uint64_t{1'000}, before.size() - 1}) {
    const Result<void> written = WriteSnapshot(file(), *snapshot, Path::Key("log"), bytes_max);
    ASSERT_FALSE(written.ok()) << bytes_max;
    EXPECT_EQ(written.error().code, ErrorCode::kLimit);
    EXPECT_EQ(written.error().rule, "snapshot.size");
    EXPECT_EQ(ReadFile(file()), before);
    EXPECT_FALSE(std::filesystem::exists(file() + ".new"));
  }
  EXPECT_EQ(ReadSnapshot(file(), kSubject, path_.CharterReader(), holds, before.size() - 1).error().rule,
            "snapshot.unusable");
  EXPECT_TRUE(WriteSnapshot(file(), *snapshot, Path::Key("log"), before.size()).ok());
  EXPECT_TRUE(ReadSnapshot(file(), kSubject, path_.CharterReader(), holds, before.size()).ok());
}

// A length that nobody signed takes no memory.
TEST_F(SnapshotTest, AForgedLengthIsRefusedBeforeAnythingIsRead) {
  constexpr uint64_t kForged = uint64_t{900} << 20;
  std::string forged = ReadFile(file());
  std::memcpy(forged.data() + 17 + 32 + 64 + 8 + 32, &kForged, sizeof kForged);
  WriteFile(file(), forged);
  std::filesystem::resize_file(file(), kForged + 1'000);  // sparse
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  EXPECT_EQ(FoldedByStart(), size());
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 200 << 10) << "KiB";
}

// Threads only save time: where the system gives none, one reads everything.
TEST_F(SnapshotTest, IsReadWithoutThreadsToo) {
  SubjectLog log = Open(FoldFrom::kFirstEvent);
  while (log.history().proposals().size() < 70) {  // three blocks
    const std::string name = log.history().NextProposalName();
    ASSERT_TRUE(log.Append({path_.BySomeone(audit::WriteProposal({.about = {kSubject, path_.baseline},
                                                                  .proposal = name,
                                                                  .tree = path_.baseline,
                                                                  .parent_tree = log.history().live_tree(),
                                                                  .parent_warrant = log.history().last_warrant(),
                                                                  .diff = path_.baseline,
                                                                  .note = "more",
                                                                  .time = path_.now}),
                                            "log")})
                    .ok());
  }
  ASSERT_TRUE(log.SaveSnapshot(Path::Key("log")).ok());
  pthread_attr_t before, none;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  ASSERT_EQ(pthread_attr_init(&none), 0);
  // More than a process has room for, so that making any thread fails.
  ASSERT_EQ(pthread_attr_setstacksize(&none, size_t{1} << 47), 0);
  ASSERT_EQ(pthread_setattr_default_np(&none), 0);
  EXPECT_THROW(std::thread([] {}).join(), std::system_error);
  EXPECT_EQ(FoldedByStart(), 0U);
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
  EXPECT_EQ(FoldedByStart(), 0U);
}

TEST_F(SnapshotTest, AMissingCharterIsDoubt) {
  const auto holds = [](const crypto::Ed25519PublicKey&) { return true; };
  const auto no_charter = [](const crypto::Digest&) -> Result<charter::Charter> { return Refused("x", "y"); };
  EXPECT_EQ(ReadSnapshot(file(), kSubject, no_charter, holds).error().rule, "snapshot.unusable");
}

// A home without the gate's key, and a log that it has much to fold of.
class OwnSnapshotTest : public SnapshotTest {
 protected:
  OwnSnapshotTest() {
    std::filesystem::remove(home_.KeyPath("log"));
    Grow(kEventsPerSnapshot);
  }
  void Grow(uint64_t events) {
    SubjectLog log = Open(FoldFrom::kFirstEvent);
    std::vector<encoding::Envelope> halts;
    for (uint64_t i = 0; i < events; ++i) halts.push_back(Halt("look " + std::to_string(log.history().size() + i)));
    ASSERT_TRUE(log.Append(halts).ok());
  }
  uint64_t LogSize() { return Open(FoldFrom::kFirstEvent).history().size(); }
  std::string folder() const { return home_.OwnSnapshotFolder(); }
  std::string own() const { return folder() + "/" + kSubject + ".snapshot"; }
};

TEST_F(OwnSnapshotTest, AStartThatHadMuchToFoldSparesTheNextOne) {
  EXPECT_FALSE(std::filesystem::exists(folder())) << "whoever folds from the first event keeps nothing";
  const uint64_t size = LogSize();
  EXPECT_EQ(FoldedByStart(), size);
  EXPECT_EQ(FoldedByStart(), 0U);
  EXPECT_EQ(std::filesystem::status(folder()).permissions(), std::filesystem::perms::owner_all);
  EXPECT_EQ(Open(FoldFrom::kSnapshot).root(), Open(FoldFrom::kFirstEvent).root());
  EXPECT_EQ(BytesOf(Open(FoldFrom::kSnapshot), file()), BytesOf(Open(FoldFrom::kFirstEvent), file()));
  EXPECT_EQ(Open(FoldFrom::kFirstEvent).folded(), size) << "reviewers and auditors read everything all the same";
}

TEST_F(OwnSnapshotTest, ItIsRenewedAfterSoManyEvents) {
  ASSERT_EQ(FoldedByStart(), LogSize());
  Grow(kEventsPerSnapshot - 1);
  EXPECT_EQ(FoldedByStart(), kEventsPerSnapshot - 1);
  EXPECT_EQ(FoldedByStart(), kEventsPerSnapshot - 1) << "a few are folded again rather than written";
  Grow(1);
  EXPECT_EQ(FoldedByStart(), kEventsPerSnapshot);
  EXPECT_EQ(FoldedByStart(), 0U);
}

TEST_F(OwnSnapshotTest, WhereTheGatesKeyIsThereIsNone) {
  ASSERT_TRUE(Path::Key("log").WriteFile(home_.KeyPath("log")).ok());
  std::filesystem::remove(file());
  EXPECT_EQ(FoldedByStart(), LogSize());
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(OwnSnapshotTest, OnAnyDoubtEverythingIsFolded) {
  const uint64_t size = LogSize();
  ASSERT_EQ(FoldedByStart(), size);
  const std::string good = ReadFile(own());
  for (const size_t at : {size_t{20}, size_t{60}, good.size() / 2}) {  // key, signature, blocks
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    WriteFile(own(), bad);
    EXPECT_EQ(FoldedByStart(), size) << at;
    EXPECT_EQ(FoldedByStart(), 0U) << "and a good one kept";
  }
  // What another key has signed, the gate's as well, is nothing that this home has folded.
  std::filesystem::copy_file(file(), own(), std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(FoldedByStart(), size);
  const signing::Ed25519PrivateKey stranger = Path::Key("clock");
  const Result<Snapshot> snapshot = OwnSnapshots::Find(home_)->Read(kSubject, path_.CharterReader());
  ASSERT_TRUE(snapshot.ok());
  ASSERT_TRUE(WriteSnapshot(own(), *snapshot, stranger, kSnapshotBytesMax, SnapshotKey::kOfThisHome).ok());
  EXPECT_EQ(FoldedByStart(), size);
  // Nor is this home's own the gate's, wherever it lies.
  ASSERT_EQ(FoldedByStart(), 0U);
  std::filesystem::copy_file(own(), file(), std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove(own());
  EXPECT_EQ(FoldedByStart(), size);
}

TEST_F(OwnSnapshotTest, AFolderThatOthersMayEnterIsNotBelieved) {
  const uint64_t size = LogSize();
  ASSERT_EQ(FoldedByStart(), size);
  for (const char* const way : {"open", "link"}) {
    if (std::string(way) == "open") {
      std::filesystem::permissions(folder(), std::filesystem::perms::others_exec, std::filesystem::perm_options::add);
    } else {
      std::filesystem::rename(folder(), folder() + ".elsewhere");
      std::filesystem::create_directory_symlink(folder() + ".elsewhere", folder());
    }
    EXPECT_EQ(OwnSnapshots::Find(home_).error().rule, "snapshot.folder") << way;
    EXPECT_EQ(OwnSnapshots::Make(home_).error().rule, "snapshot.folder") << way;
    EXPECT_EQ(FoldedByStart(), size) << way;
    EXPECT_EQ(FoldedByStart(), size) << way;
    std::filesystem::permissions(folder(), std::filesystem::perms::owner_all);
  }
}

// Whoever was killed may have left half a key, or a file that waits for its name.
TEST_F(OwnSnapshotTest, AKeyThatCannotBeReadIsMadeAgain) {
  const uint64_t size = LogSize();
  ASSERT_EQ(FoldedByStart(), size);
  WriteFile(folder() + "/key.pem", "half");
  WriteFile(folder() + "/key.pem.new", "half");
  EXPECT_EQ(FoldedByStart(), size);
  EXPECT_EQ(FoldedByStart(), 0U);
}

TEST_F(OwnSnapshotTest, AHomeThatCannotBeWrittenToIsReadAllTheSame) {
  WriteFile(folder(), "in the way");
  EXPECT_EQ(FoldedByStart(), LogSize());
  EXPECT_EQ(FoldedByStart(), LogSize());
}

}  // namespace snapshot_test
}  // namespace pawl::ledger
