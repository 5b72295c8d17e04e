// The primary's machine dies in the midst of appends, and its synchronous standby goes on: no event that was
// acknowledged is lost, none is there twice, and the writer, who is told nothing, ends up in step.
//
// usage: postgresql_failover_test [--budget SECONDS] [--seed N]      at least one round, each with servers of its own
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>

#include "ledger/ledger.h"
#include "ledger/place.h"
#include "ledger/postgresql_for_test.h"
#include "tlog/growing_tree.h"

namespace pawl::ledger {
namespace {

double budget_s = 0;
unsigned seed = 1;

std::string EntryOf(uint64_t index) { return "entry " + std::to_string(index) + std::string(500, '.'); }

// Appends for ever; tells the size after each acknowledgement. A retry is the same append again.
[[noreturn]] void Write(const LedgerPlace& place, int told) {
  for (uint64_t size = 0;;) {
    Result<Ledger> ledger = Ledger::Open(place, LedgerAccess::kReadWrite);
    if (!ledger.ok()) usleep(20'000);
    while (ledger.ok()) {
      const Result<uint64_t> index = ledger->Append(size, {EntryOf(size)});
      if (!index.ok() && index.error().code != ErrorCode::kSystem) _exit(3);
      if (!index.ok()) break;
      if (*index != size++ || write(told, &size, sizeof size) != sizeof size) _exit(4);
    }
  }
}

// What `primary` has just been told, its standby does not know yet.
void ExpectFoundBehindAStandbyThatLags(const PostgresqlServer& primary, const PostgresqlServer& standby) {
  standby.Sql("SELECT pg_wal_replay_pause()");
  while (standby.Sql("SELECT pg_get_wal_replay_pause_state()") != "paused") usleep(10'000);
  primary.Sql("CREATE DATABASE late");
  for (const LedgerAccess access : {LedgerAccess::kReadWrite, LedgerAccess::kReadOnly}) {
    const Result<Ledger> ledger = Ledger::Open(
        LedgerPlace{"postgresql://postgres@/late?host=" + standby.folder() + "," + primary.folder(), "log"}, access);
    EXPECT_TRUE(ledger.ok()) << ledger.error().message;
  }
  standby.Sql("SELECT pg_wal_replay_resume()");
}

class Writer {
 public:
  explicit Writer(const LedgerPlace& place) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    process_ = fork();
    if (process_ == 0) {
      close(ends[0]);
      Write(place, ends[1]);
    }
    close(ends[1]);
    told_ = ends[0];
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { close(told_); }

  // Waits until it has been told of this many.
  void Await(uint64_t size) {
    while (acknowledged_ < size && Hear()) {
    }
    EXPECT_GE(acknowledged_, size) << "the writer ended by itself";
  }
  uint64_t End() {
    kill(process_, SIGKILL);
    while (Hear()) {
    }
    int status = 0;
    EXPECT_EQ(waitpid(process_, &status, 0), process_);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << WEXITSTATUS(status);
    return acknowledged_;
  }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  bool Hear() { return read(told_, &acknowledged_, sizeof acknowledged_) == sizeof acknowledged_; }

  pid_t process_ = 0;
  int told_ = -1;
  uint64_t acknowledged_ = 0;
};

void ExpectHolds(const LedgerPlace& place, uint64_t acknowledged) {
  Result<Ledger> ledger = Ledger::Open(place, LedgerAccess::kReadWrite);
  ASSERT_TRUE(ledger.ok()) << ledger.error().message;
  EXPECT_FALSE(ledger->Append(UINT64_MAX >> 2, {}).ok());  // waits for what the server still does for the writer
  const uint64_t size = *ledger->Size();
  EXPECT_GE(size, acknowledged);
  EXPECT_LE(size, acknowledged + 1);
  const Result<std::vector<std::string>> entries = ledger->Entries(0, size);
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  ASSERT_EQ(entries->size(), size);
  std::vector<crypto::Digest> leaves;
  for (uint64_t i = 0; i < size; ++i) {
    ASSERT_EQ((*entries)[i], EntryOf(i));
    leaves.push_back(merkle::LeafHash(EntryOf(i)));
  }
  EXPECT_EQ(*ledger->Root(size), tlog::RootOf(leaves));
}

TEST(PostgresqlFailover, NoAcknowledgedEventIsLost) {
  std::mt19937 random(seed);
  const auto begun = std::chrono::steady_clock::now();
  uint64_t rounds = 0, events = 0;
  do {
    PostgresqlServer primary;
    const PostgresqlServer standby(primary, "standby1");
    primary.WaitFor("standby1");
    if (rounds == 0) ExpectFoundBehindAStandbyThatLags(primary, standby);
    const LedgerPlace place{"postgresql://postgres@/postgres?host=" + primary.folder() + "," + standby.folder(), "log"};
    Writer writer(place);
    writer.Await(20 + random() % 100);
    usleep(static_cast<useconds_t>(random() % 5'000));
    primary.Kill9();
    standby.Sql("SELECT pg_promote()");
    writer.Await(writer.acknowledged() + 20);
    const uint64_t acknowledged = writer.End();
    ExpectHolds(place, acknowledged);
    ++rounds;
    events += acknowledged;
  } while (!HasFailure() && std::chrono::steady_clock::now() - begun < std::chrono::duration<double>(budget_s));
  std::printf("%llu primaries killed, %llu events acknowledged, none lost\n", static_cast<unsigned long long>(rounds),
              static_cast<unsigned long long>(events));
}

}  // namespace
}  // namespace pawl::ledger

int main(int count, char** words) {
  ::testing::InitGoogleTest(&count, words);
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(words[i], "--budget") == 0) pawl::ledger::budget_s = std::atof(words[i + 1]);
    if (std::strcmp(words[i], "--seed") == 0) pawl::ledger::seed = static_cast<unsigned>(std::atoi(words[i + 1]));
  }
  return RUN_ALL_TESTS();
}
