// What a log in PostgreSQL has to stand beside what holds for every ledger (ledger_test.cc): servers that are gone,
// that acknowledge too early or lie, answers that are lost, and rows that somebody has changed.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "ledger/backup.h"
#include "ledger/gate_lock.h"
#include "ledger/growth_watch.h"
#include "ledger/ledger.h"
#include "ledger/place.h"
#include "ledger/postgresql_database.h"
#include "ledger/postgresql_for_test.h"
#include "ledger/shared_store.h"
#include "ledger/subject_log.h"
#include "source_directory.h"
#include "warrant/path_for_test.h"

namespace pawl::ledger {
namespace postgresql_test {

using warrant::Path;

template <typename T>
std::string RuleOf(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().rule;
}

std::string EntryOf(uint64_t index) { return "entry " + std::to_string(index); }

std::string TestName() { return ::testing::UnitTest::GetInstance()->current_test_info()->name(); }

// A log of its own for each test, in the server of the program.
class PostgresqlTest : public ::testing::Test {
 protected:
  LedgerPlace PlaceOfTest(const std::string& more = "") const { return {server_.Url(more), TestName()}; }
  Ledger Open(LedgerAccess access = LedgerAccess::kReadWrite) const {
    Result<Ledger> ledger = Ledger::Open(PlaceOfTest(), access);
    EXPECT_TRUE(ledger.ok()) << (ledger.ok() ? "" : ledger.error().message);
    return std::move(*ledger);
  }
  Ledger OpenImpatient(PostgresqlTimeouts timeouts) const {
    Result<std::unique_ptr<Database>> database =
        OpenPostgresql(server_.Url(), TestName(), LedgerAccess::kReadWrite, timeouts);
    EXPECT_TRUE(database.ok()) << (database.ok() ? "" : database.error().message);
    return Ledger::Over(std::move(*database));
  }
  void AppendAll(Ledger& ledger, uint64_t count) const {
    std::vector<std::string> entries;
    for (uint64_t i = 0; i < count; ++i) entries.push_back(EntryOf(i));
    ASSERT_EQ(*ledger.Append(0, entries), 0u);
  }
  void Sql(const std::string& statement) const { server_.Sql(statement); }
  std::string OfTest() const { return " log = '" + TestName() + "'"; }
  // A server that waits for a standby that there is not.
  void WaitForStandby(bool wait) const {
    Sql(wait ? "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (nobody)'"
             : "ALTER SYSTEM RESET synchronous_standby_names");
    Sql("SELECT pg_reload_conf()");
    for (const std::string wanted = wait ? "ANY 1 (nobody)" : "";
         server_.Sql("SELECT current_setting('synchronous_standby_names')") != wanted;) {
      usleep(10'000);
    }
  }
  // Does `what` to the sessions that wait for a standby at COMMIT, once there is one.
  void ToWhoWaits(const std::string& what) const {
    while (server_.Sql("SELECT count(" + what + ") FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "0") {
      usleep(10'000);
    }
  }

  PostgresqlServer& server_ = PostgresqlServer::Shared();
};

TEST_F(PostgresqlTest, ALogIsOneOfManyInADatabase) {
  Ledger ledger = Open();
  Ledger other = *Ledger::Open(LedgerPlace{server_.Url(), TestName() + " other"}, LedgerAccess::kReadWrite);
  AppendAll(ledger, 2);
  AppendAll(other, 3);
  EXPECT_EQ(*ledger.Size(), 2u);
  EXPECT_EQ(*other.Size(), 3u);
}

// ---- waiting

double SecondsOf(const std::function<void()>& what) {
  const auto start = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST_F(PostgresqlTest, WhoeverWaitsIsWokenByAnAppend) {
  Ledger ledger = Open();
  GrowthWatch watch(PlaceOfTest());
  watch.Wait();                                      // connects
  EXPECT_GT(SecondsOf([&] { watch.Wait(); }), 0.9);  // nothing happens: it looks all the same
  // Before the wait, and during it.
  AppendAll(ledger, 1);
  EXPECT_LT(SecondsOf([&] { watch.Wait(); }), 0.5);
  std::jthread appending([&] {
    usleep(50'000);
    EXPECT_TRUE(ledger.Append(1, {EntryOf(1)}).ok());
  });
  EXPECT_LT(SecondsOf([&] { watch.Wait(); }), 0.8);
}

TEST_F(PostgresqlTest, WithoutNoticesItIsLookedOften) {
  GrowthWatch nowhere({"sqlite:/nowhere", "log"});
  EXPECT_LT(SecondsOf([&] { nowhere.Wait(); }), 0.8);
  GrowthWatch watch(PlaceOfTest());
  watch.Wait();
  // Its session ends: it waits no longer than without one, and has another later.
  std::jthread cutting([&] {
    usleep(50'000);
    Sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
  });
  EXPECT_LT(SecondsOf([&] { watch.Wait(); }), 0.8);
  EXPECT_LT(SecondsOf([&] { watch.Wait(); }), 0.8);
}

// ---- servers

TEST_F(PostgresqlTest, AServerThatIsNotThereIsSaidToBe) {
  const subject::TemporaryDirectory empty;
  const LedgerPlace nowhere{"postgresql:///postgres?host=" + empty.path(), "log"};
  const Result<Ledger> ledger = Ledger::Open(nowhere, LedgerAccess::kReadWrite);
  ASSERT_EQ(RuleOf(ledger), "ledger.unreachable");
  EXPECT_EQ(ledger.error().code, ErrorCode::kSystem);
  EXPECT_FALSE(ledger.error().advice.empty());
  EXPECT_EQ(RuleOf(Ledger::Open(LedgerPlace{server_.Url("dbname=none"), "log"}, LedgerAccess::kReadOnly)),
            "ledger.unreachable");
}

// Whoever connects gets these bytes, and nothing else.
class RefusingHost {
 public:
  explicit RefusingHost(const std::string& answer) : listener_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{AF_UNIX, {}};
    (folder() + "/.s.PGSQL.5432").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 5), 0);
    thread_ = std::thread([this, answer] {
      for (int guest; (guest = accept(listener_, nullptr, nullptr)) >= 0; close(guest)) {
        char startup[1'024];
        EXPECT_GT(read(guest, startup, sizeof startup), 0);
        ++guests_;  // before it can know
        EXPECT_GE(write(guest, answer.data(), answer.size()), 0);
      }
    });
  }
  ~RefusingHost() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  RefusingHost(const RefusingHost&) = delete;
  RefusingHost& operator=(const RefusingHost&) = delete;

  const std::string& folder() const { return directory_.path(); }
  int guests() const { return guests_; }

  // ErrorResponse of PostgreSQL's protocol.
  static std::string Fatal(const std::string& state, const std::string& message) {
    std::string fields;
    for (const std::string& field : {std::string("SFATAL"), "C" + state, "M" + message, std::string()}) {
      fields += field + '\0';
    }
    const size_t length = fields.size() + 4;
    return std::string("E\0\0", 3) + static_cast<char>(length >> 8) + static_cast<char>(length & 0xff) + fields;
  }

 private:
  subject::TemporaryDirectory directory_;
  int listener_;
  std::atomic<int> guests_ = 0;
  std::thread thread_;
};

TEST_F(PostgresqlTest, AHostThatRefusesDoesNotKeepFromTheOthers) {
  using std::string_literals::operator""s;
  const std::string ours = server_.folder();
  const auto open = [](const std::string& hosts, const std::string& more = "") {
    return Ledger::Open(LedgerPlace{"postgresql://postgres@/postgres?host=" + hosts + more, TestName()},
                        LedgerAccess::kReadWrite);
  };
  for (const std::string& answer : {
           RefusingHost::Fatal("3D000", "database \"postgres\" does not exist"),
           RefusingHost::Fatal("28000", "no pg_hba.conf entry"),
           RefusingHost::Fatal("28P01", "password authentication failed"),
           RefusingHost::Fatal("53300", "sorry, too many clients already"),
           RefusingHost::Fatal("57P03", "the database system is starting up"),
           "R\0\0\0\x08\0\0\0\x63"s,  // a way of authentication that there is not
           "HTTP/1.1 400 Bad Request\r\n\r\n"s,
           ""s,
       }) {
    const RefusingHost first(answer), second(answer);
    EXPECT_EQ(RuleOf(open(first.folder() + "," + ours)), "ok") << answer;
    EXPECT_EQ(RuleOf(open(first.folder() + "," + second.folder() + "," + ours, "&port=5432")), "ok") << answer;
    EXPECT_EQ(RuleOf(open(first.folder() + "," + ours + "," + second.folder(), "&port=5432,5432,5432")), "ok")
        << answer;
    const int guests = first.guests() + second.guests();
    const Result<Ledger> none = open(first.folder() + ",/nowhere," + second.folder());
    ASSERT_EQ(RuleOf(none), "ledger.unreachable");
    for (const std::string& host : {first.folder(), "/nowhere"s, second.folder()}) {
      EXPECT_NE(none.error().message.find(host), std::string::npos) << none.error().message;
    }
    EXPECT_EQ(first.guests() + second.guests(), guests + 2) << "each is asked once";
  }
}

// The hosts need not stand in the URL.
TEST_F(PostgresqlTest, HostsOfTheEnvironmentAndOfAServiceAreTriedInTurn) {
  const RefusingHost first(RefusingHost::Fatal("28000", "no"));
  const subject::TemporaryDirectory directory;
  const std::string hosts = first.folder() + "," + server_.folder();
  std::ofstream(directory / "services") << "[ours]\nhost=" << hosts << "\nuser=postgres\ndbname=postgres\n";
  setenv("PGHOST", hosts.c_str(), 1);
  EXPECT_EQ(RuleOf(Ledger::Open({"postgresql://postgres@/postgres", TestName()}, LedgerAccess::kReadWrite)), "ok");
  unsetenv("PGHOST");
  setenv("PGSERVICEFILE", (directory / "services").c_str(), 1);
  EXPECT_EQ(RuleOf(Ledger::Open({"postgresql://?service=ours", TestName()}, LedgerAccess::kReadOnly)), "ok");
  unsetenv("PGSERVICEFILE");
  EXPECT_EQ(first.guests(), 2);
}

TEST_F(PostgresqlTest, HostListsOfEveryShapeEnd) {
  const RefusingHost host(RefusingHost::Fatal("28000", "no"));
  const std::string here = host.folder();
  const std::vector<std::string> lists = {
      "host=" + here,
      "host=" + here + ",",
      "host=," + here,
      "host=,",
      "host=" + here + "," + here,
      "host=" + here + "," + here + "&port=5432,",
      "host=" + here + "&port=5432,5433",
      "host=" + here + "," + here + "&hostaddr=127.0.0.1,&port=1",
      "hostaddr=127.0.0.1,127.0.0.1&port=1,2",
  };
  for (const std::string& list : lists) {
    const LedgerPlace place{"postgresql://postgres@/no_database_of_this_name?" + list, TestName()};
    EXPECT_EQ(RuleOf(Ledger::Open(place, LedgerAccess::kReadOnly)), "ledger.unreachable") << list;
  }
}

TEST_F(PostgresqlTest, ALedgerOutlivesItsServersRestart) {
  Ledger ledger = Open();
  AppendAll(ledger, 3);
  server_.Kill(SIGINT);
  EXPECT_EQ(RuleOf(ledger.Size()), "ledger.unreachable");
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(3)})), "ledger.unreachable");
  server_.Start();
  EXPECT_EQ(*ledger.Size(), 3u);
  EXPECT_EQ(*ledger.Append(3, {EntryOf(3)}), 3u);
}

TEST_F(PostgresqlTest, AServerThatFallsSilentIsGivenUp) {
  Ledger ledger = OpenImpatient({.answer_ms = 300});
  AppendAll(ledger, 3);
  const pid_t backend =
      std::stoi(server_.Sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'pawl'"
                            " ORDER BY backend_start DESC LIMIT 1"));
  ASSERT_EQ(kill(backend, SIGSTOP), 0);
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(3)})), "ok") << "Begin takes another connection";
  ASSERT_EQ(kill(backend, SIGCONT), 0);
  EXPECT_EQ(*ledger.Size(), 4u);
}

TEST_F(PostgresqlTest, WhatWouldNotBeDurableIsRefused) {
  for (const char* setting : {"off", "local", "remote_write"}) {
    const LedgerPlace place = PlaceOfTest(std::string("options=-csynchronous_commit%3D") + setting);
    EXPECT_EQ(RuleOf(Ledger::Open(place, LedgerAccess::kReadWrite)), "ledger.not-durable") << setting;
    EXPECT_EQ(RuleOf(Ledger::Open(place, LedgerAccess::kReadOnly)), "ok") << setting;
  }
  EXPECT_EQ(RuleOf(Ledger::Open(PlaceOfTest("options=-csynchronous_commit%3Dremote_apply"), LedgerAccess::kReadWrite)),
            "ok");
}

TEST_F(PostgresqlTest, ANewerSchemaIsRefused) {
  { Ledger ledger = Open(); }
  Sql("INSERT INTO pawl_version VALUES (2)");
  for (const LedgerAccess access : {LedgerAccess::kReadOnly, LedgerAccess::kReadWrite}) {
    EXPECT_EQ(RuleOf(Ledger::Open(PlaceOfTest(), access)), "ledger.schema");
  }
  Sql("DELETE FROM pawl_version WHERE version = 2");
}

TEST_F(PostgresqlTest, AReaderMakesAndWritesNothing) {
  Sql("CREATE SCHEMA empty");
  const LedgerPlace place = PlaceOfTest("options=-csearch_path%3Dempty");
  EXPECT_EQ(RuleOf(Ledger::Open(place, LedgerAccess::kReadOnly)), "ledger.missing");
  { Ledger ledger = Open(); }
  EXPECT_EQ(RuleOf(Open(LedgerAccess::kReadOnly).Append(0, {"x"})), "ledger.read-only");
}

// The text between ``` that has a phrase in it, in the manual for whoever runs a server.
std::string BlockOfManual(const std::string& phrase) {
  const std::string manual = subject::ReadWholeFile(SourceDirectory() + "/docs/postgresql.md");
  const size_t at = manual.find(phrase);
  EXPECT_NE(at, manual.npos) << phrase;
  const size_t begin = manual.rfind("```sql\n", at) + 7;
  return manual.substr(begin, manual.find("```", begin) - begin);
}

TEST_F(PostgresqlTest, TheRightsOfTheManualAreEnoughAndNoMore) {
  Sql("CREATE SCHEMA manual");
  Sql(BlockOfManual("CREATE ROLE pawl_gate"));
  Sql("GRANT USAGE ON SCHEMA manual TO pawl_gate, pawl_reader; SET search_path = manual; " +
      BlockOfManual("CREATE TABLE pawl_events"));
  const auto of = [&](const std::string& role) {
    return LedgerPlace{server_.Url("options=-csearch_path%3Dmanual", role), "controller"};
  };
  Ledger ledger = *Ledger::Open(of("pawl_gate"), LedgerAccess::kReadWrite);
  AppendAll(ledger, 5);
  EXPECT_EQ(*ledger.Append(0, {EntryOf(0), EntryOf(1)}), 0u);
  const LogKeys keys{.origin = "example.org/log",
                     .log = Path::Key("log"),
                     .clock_name = "example.org/clock",
                     .clock = Path::Key("clock")};
  const Result<std::string> note = ledger.SignCheckpoint(keys, warrant::kGenesisTime, *ledger.StatedHead());
  ASSERT_TRUE(note.ok()) << note.error().message;
  EXPECT_EQ(RuleOf(ledger.KeepCosigned(*merkle::SignedNote::Parse(*note))), "ok");
  EXPECT_EQ(RuleOf(ledger.shared_store()->Put(crypto::Sha256("blob"), "blob")), "ok");
  EXPECT_EQ(*ledger.shared_store()->Get(crypto::Sha256("blob"), 10), "blob");
  EXPECT_TRUE(PostgresqlLock::Take(of("pawl_gate").url, "gate", "controller").ok());
  const Ledger reader = *Ledger::Open(of("pawl_reader"), LedgerAccess::kReadOnly);
  EXPECT_EQ(*reader.Size(), 5u);
  const Result<Ledger> writer = Ledger::Open(of("pawl_reader"), LedgerAccess::kReadWrite);
  EXPECT_EQ(writer.ok() ? "ok" : writer.error().rule, "ok");
  EXPECT_EQ(RuleOf(Ledger::Open(of("pawl_reader"), LedgerAccess::kReadWrite)->Append(5, {"x"})), "ledger.read-only");
  for (const char* statement :
       {"UPDATE manual.pawl_events SET seq = 9", "DELETE FROM manual.pawl_events", "TRUNCATE manual.pawl_nodes",
        "UPDATE manual.pawl_checkpoints SET size = 0", "DELETE FROM manual.pawl_blobs"}) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(of("pawl_gate").url.c_str()), &PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statement), &PQclear);
    EXPECT_STREQ(PQresultErrorField(result.get(), PG_DIAG_SQLSTATE), "42501") << statement;
  }
  // A database in which nobody has made the tables.
  Sql("CREATE SCHEMA untouched; GRANT USAGE ON SCHEMA untouched TO pawl_gate");
  const LedgerPlace untouched{server_.Url("options=-csearch_path%3Duntouched", "pawl_gate"), "controller"};
  EXPECT_EQ(RuleOf(Ledger::Open(untouched, LedgerAccess::kReadWrite)), "ledger.schema");
}

// ---- several writers

TEST_F(PostgresqlTest, ThePrimaryKeyAloneKeepsWritersApart) {
  Ledger ledger = Open();
  AppendAll(ledger, 3);
  // Somebody who takes no lock inserts the next event and has not committed when this writer looks.
  const std::unique_ptr<PGconn, decltype(&PQfinish)> other(PQconnectdb(server_.Url().c_str()), &PQfinish);
  const std::string statement = "BEGIN; INSERT INTO pawl_events VALUES ('" + TestName() + "', 3, '\\x00', 'theirs')";
  PQclear(PQexec(other.get(), statement.c_str()));
  std::string rule;
  std::thread writer([&] { rule = RuleOf(ledger.Append(3, {EntryOf(3)})); });
  while (server_.Sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'") == "0") usleep(5'000);
  PQclear(PQexec(other.get(), "COMMIT"));
  writer.join();
  EXPECT_EQ(rule, "ledger.conflict");
  EXPECT_EQ(*ledger.Size(), 4u);
  EXPECT_EQ(ledger.Entries(3, 1)->front(), "theirs");
}

TEST_F(PostgresqlTest, AWriterThatHoldsTheLogForLongIsNotWaitedForForEver) {
  Ledger ledger = OpenImpatient({.lock_ms = 100});
  Result<std::unique_ptr<Database>> other =
      OpenPostgresql(server_.Url(), TestName(), LedgerAccess::kReadWrite, PostgresqlTimeouts{});
  ASSERT_TRUE((*other)->Begin().ok() && (*other)->CountEvents().ok());
  EXPECT_EQ(RuleOf(ledger.Append(0, {EntryOf(0)})), "ledger.busy");
  (*other)->Rollback();
  EXPECT_EQ(*ledger.Append(0, {EntryOf(0)}), 0u);
}

TEST_F(PostgresqlTest, OneGateForAllHomes) {
  const subject::TemporaryDirectory directory;
  const auto home_of = [&](const std::string& name) {
    Home home = *Home::Open(directory / name, HomeAccess::kCreate);
    EXPECT_TRUE(KeepLedgerPlace(home.root() + "/ledger", PlaceOfTest()).ok());
    return home;
  };
  const Home here = home_of("here"), there = home_of("there");
  EXPECT_EQ(here.Subjects(), std::vector{TestName()});
  std::optional<GateLock> lock = std::move(*GateLock::Take(here, TestName()));
  EXPECT_EQ(RuleOf(GateLock::Take(there, TestName())), "gate.busy");
  lock.reset();
  Result<GateLock> second = GateLock::Take(there, TestName());
  while (RuleOf(second) == "gate.busy") second = GateLock::Take(there, TestName());  // the server notices in a moment
  ASSERT_EQ(RuleOf(second), "ok");
  // The lock is lost with its connection; then the log alone keeps two gates apart, above.
  Sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
  EXPECT_EQ(RuleOf(GateLock::Take(here, TestName())), "ok");
}

// A gate that lives long keeps the lock's session while others may have the lock.
TEST_F(PostgresqlTest, AGateLockIsTakenAgain) {
  const subject::TemporaryDirectory directory;
  const auto home_of = [&](const std::string& name) {
    Home home = *Home::Open(directory / name, HomeAccess::kCreate);
    EXPECT_TRUE(KeepLedgerPlace(home.root() + "/ledger", PlaceOfTest()).ok());
    return home;
  };
  const Home here = home_of("here"), there = home_of("there");
  Result<GateLock> lock = GateLock::Take(here, TestName());
  ASSERT_TRUE(lock.ok()) << lock.error().message;
  lock->Release();
  {
    Result<GateLock> other = GateLock::Take(there, TestName());
    EXPECT_EQ(RuleOf(other), "ok");
    EXPECT_EQ(RuleOf(lock->TakeAgain(here, TestName())), "gate.busy");
  }
  while (RuleOf(lock->TakeAgain(here, TestName())) == "gate.busy") {  // the server notices in a moment
  }
  EXPECT_EQ(RuleOf(GateLock::Take(there, TestName())), "gate.busy");
  // A session that is lost meanwhile costs a new one.
  lock->Release();
  Sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pawl'");
  EXPECT_EQ(RuleOf(lock->TakeAgain(here, TestName())), "ok");
  EXPECT_EQ(RuleOf(GateLock::Take(there, TestName())), "gate.busy");
}

// ---- answers that are lost

TEST_F(PostgresqlTest, ALostAnswerIsLearnedByReading) {
  Ledger ledger = Open();
  AppendAll(ledger, 3);
  WaitForStandby(true);
  std::string rule;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    rule = RuleOf(ledger.Append(3, {EntryOf(3), EntryOf(4)}));
    done = true;
  });
  // It is committed here and no standby has it; the connection goes. The writer finds it, and waits for the standby.
  ToWhoWaits("pg_terminate_backend(pid)");
  ToWhoWaits("pid");
  EXPECT_FALSE(done);
  WaitForStandby(false);
  writer.join();
  EXPECT_EQ(rule, "ok");
  EXPECT_EQ(*ledger.Size(), 5u);
}

TEST_F(PostgresqlTest, ACommitThatNoStandbyHasIsNotAcknowledged) {
  Ledger ledger = OpenImpatient({.answer_ms = 1'000, .lock_ms = 100});
  AppendAll(ledger, 3);
  WaitForStandby(true);
  // The server says COMMIT, with a warning alone: somebody has cancelled the wait.
  std::thread canceller([&] { ToWhoWaits("pg_cancel_backend(pid)"); });
  const Result<uint64_t> appended = ledger.Append(3, {EntryOf(3)});
  canceller.join();
  ASSERT_EQ(RuleOf(appended), "ledger.unclear");
  EXPECT_EQ(appended.error().code, ErrorCode::kSystem);
  // It has found the event, and not taken that for the acknowledgement either; the server is still at it.
  EXPECT_EQ(RuleOf(ledger.Append(3, {EntryOf(3)})), "ledger.busy");
  WaitForStandby(false);
  EXPECT_EQ(*ledger.Append(3, {EntryOf(3)}), 3u);
  EXPECT_EQ(*ledger.Size(), 4u);
}

// ---- databases that lie

TEST_F(PostgresqlTest, MissingAndAlteredRowsAreSeen) {
  Ledger ledger = Open();
  AppendAll(ledger, 8);
  const crypto::Digest root = *ledger.Root(8);
  Sql("UPDATE pawl_nodes SET hash = decode(repeat('00', 32), 'hex') WHERE level = 3 AND" + OfTest());
  EXPECT_NE(*ledger.Root(8), root);
  Sql("UPDATE pawl_nodes SET hash = repeat('x', 1000000)::bytea WHERE level = 3 AND" + OfTest());
  EXPECT_EQ(RuleOf(ledger.Root(8)), "ledger.damaged");
  Sql("DELETE FROM pawl_nodes WHERE level = 3 AND" + OfTest());
  EXPECT_EQ(RuleOf(ledger.Root(8)), "ledger.damaged");
  EXPECT_EQ(RuleOf(ledger.Append(8, {EntryOf(8)})), "ledger.damaged");
  Sql("DELETE FROM pawl_events WHERE seq = 4 AND" + OfTest());
  EXPECT_EQ(RuleOf(ledger.Entries(0, 8)), "ledger.damaged");
  EXPECT_EQ(RuleOf(ledger.Entries(4, 1)), "ledger.damaged");
  EXPECT_EQ(ledger.Entries(0, 4)->size(), 4u);
  Sql("INSERT INTO pawl_events VALUES ('" + TestName() + "', 4, '\\x00', repeat('x', 65536)::bytea)");
  EXPECT_EQ(RuleOf(ledger.Entries(0, 8)), "ledger.damaged");
  Sql("UPDATE pawl_events SET entry = repeat('x', 20000000)::bytea WHERE seq = 4 AND" + OfTest());
  EXPECT_EQ(RuleOf(ledger.Entries(0, 8)), "ledger.damaged");
  Sql("UPDATE pawl_events SET seq = 9223372036854775807 WHERE seq = 7 AND" + OfTest());
  EXPECT_EQ(RuleOf(ledger.Size()), "ledger.damaged");
  Sql("INSERT INTO pawl_checkpoints VALUES ('" + TestName() + "', 8, 0, repeat('x', 2000000)::bytea)");
  EXPECT_EQ(RuleOf(ledger.LatestCheckpoint()), "ledger.damaged");
}

TEST_F(PostgresqlTest, AnswersOfAnotherShapeAreSeen) {
  Sql("CREATE SCHEMA lies; SET search_path = lies;"
      "CREATE TABLE pawl_version AS SELECT 1::bigint AS version;"
      "CREATE TABLE pawl_nodes (log text, level bigint, position bigint, hash bytea);"
      "CREATE TABLE pawl_checkpoints (log text, size bigint, revision bigint, note text);"
      "CREATE TABLE pawl_events (log text, seq numeric, digest bytea, entry bytea);"
      "INSERT INTO pawl_events VALUES ('log', 0, '\\x00', NULL)");
  Ledger ledger =
      *Ledger::Open(LedgerPlace{server_.Url("options=-csearch_path%3Dlies"), "log"}, LedgerAccess::kReadWrite);
  EXPECT_EQ(RuleOf(ledger.Size()), "ledger.damaged");         // a number of another type
  EXPECT_EQ(RuleOf(ledger.Entries(0, 1)), "ledger.damaged");  // nothing where an entry should be
  Sql("ALTER TABLE lies.pawl_events RENAME TO gone");
  EXPECT_EQ(RuleOf(ledger.Size()), "ledger.schema");
}

// A home whose log, of two releases, is in the database.
class PostgresqlSubjectLogTest : public PostgresqlTest {
 protected:
  PostgresqlSubjectLogTest() {
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
  }
  // The subject's log as it was, under a name of its own, so that each change is tried on an unchanged one.
  void Begin(const std::string& change) {
    const std::string log = TestName() + std::to_string(++logs_);
    Ledger ledger = *Ledger::Open(LedgerPlace{server_.Url(), log}, LedgerAccess::kReadWrite);
    EXPECT_TRUE(ledger.Append(0, path_.entries()).ok());
    const LogKeys keys{.origin = "example.org/log",
                       .log = Path::Key("log"),
                       .clock_name = "example.org/clock",
                       .clock = Path::Key("clock")};
    EXPECT_TRUE(ledger.SignCheckpoint(keys, warrant::kGenesisTime, *ledger.StatedHead()).ok());
    subject_ = log;
    EXPECT_TRUE(KeepLedgerPlace(home_.root() + "/ledger", {server_.Url(), log}).ok());
    if (!change.empty()) Sql("SET my.log = '" + log + "'; " + change);
  }
  std::string RuleOfOpening(const std::string& change) {
    Begin(change);
    return RuleOf(SubjectLog::Open(home_, subject_, LedgerAccess::kReadOnly));
  }

  Path path_ = Path::WithTwoReleases();
  subject::TemporaryDirectory directory_;
  Home home_ = *Home::Open(directory_ / "home", HomeAccess::kCreate);
  std::string subject_;
  int logs_ = 0;
};

TEST_F(PostgresqlSubjectLogTest, WhoReadsSeesWhatWasChanged) {
  const std::string of_log = " WHERE log = current_setting('my.log')";
  const std::string and_seq = of_log + " AND seq = ";
  EXPECT_EQ(RuleOfOpening(""), "ok");
  // Edited: one letter of a signature.
  const std::string edited = RuleOfOpening(
      "UPDATE pawl_events SET entry = replace(convert_from(entry, 'UTF8'), '\"sig\":\"', '\"sig\":\"AAAA')::bytea" +
      and_seq + "3");
  EXPECT_TRUE(edited.starts_with("history.") || edited.starts_with("approval.")) << edited;
  // Reordered.
  const std::string swapped =
      RuleOfOpening("UPDATE pawl_events SET seq = 1000" + and_seq + "4; UPDATE pawl_events SET seq = 4" + and_seq +
                    "3; UPDATE pawl_events SET seq = 3" + and_seq + "1000");
  EXPECT_TRUE(swapped == "ledger.root" || swapped == "history.impossible") << swapped;
  // Dropped: in the middle, with those behind it moved up, and from the end.
  EXPECT_EQ(RuleOfOpening("DELETE FROM pawl_events" + and_seq + "3"), "ledger.damaged");
  EXPECT_NE(RuleOfOpening("DELETE FROM pawl_events" + and_seq + "3; UPDATE pawl_events SET seq = seq + 999" + of_log +
                          " AND seq > 3; UPDATE pawl_events SET seq = seq - 1000" + of_log + " AND seq > 999"),
            "ok");
  EXPECT_EQ(RuleOfOpening("DELETE FROM pawl_events" + and_seq + std::to_string(path_.entries().size() - 1)),
            "ledger.checkpoint");
  // Replayed: an entry that is there already, behind the last one.
  EXPECT_NE(RuleOfOpening("INSERT INTO pawl_events SELECT log, " + std::to_string(path_.entries().size()) +
                          ", '\\x00', entry FROM pawl_events" + and_seq + "3"),
            "ok");
  // The tree, and a checkpoint about something else.
  EXPECT_EQ(RuleOfOpening("UPDATE pawl_nodes SET hash = decode(repeat('00', 32), 'hex')" + of_log), "ledger.root");
  EXPECT_NE(RuleOfOpening("UPDATE pawl_checkpoints SET note = 'x'" + of_log), "ok");
}

// The database shows honest entries, then states another tree when a checkpoint is to be signed over it.
TEST_F(PostgresqlSubjectLogTest, ACheckpointIsSignedOverWhatWasReadAlone) {
  const LogKeys keys{.origin = "example.org/log",
                     .log = Path::Key("log"),
                     .clock_name = "example.org/clock",
                     .clock = Path::Key("clock")};
  for (const auto& [change, refused] :
       {std::pair<std::string, std::string>{"UPDATE pawl_nodes SET hash = decode(repeat('5a', 32), 'hex')",
                                            "ledger.root"},
        {"DELETE FROM pawl_events", "ledger.root"},
        {"UPDATE pawl_events SET seq = seq + 1", "ledger.damaged"}}) {
    Begin("");
    Result<SubjectLog> log = SubjectLog::Open(home_, subject_, LedgerAccess::kReadWrite);
    ASSERT_TRUE(log.ok()) << log.error().message;
    const std::optional<std::string> before = *log->ledger().LatestCheckpoint();
    const std::string last = std::to_string(path_.entries().size() - 1);
    const std::string of_last = change.starts_with("UPDATE pawl_nodes") ? "" : " AND seq = " + last;
    Sql(change + " WHERE log = '" + subject_ + "'" + of_last);
    EXPECT_EQ(RuleOf(log->ledger().SignCheckpoint(keys, warrant::kGenesisTime + 9, log->head())), refused) << change;
    EXPECT_EQ(*log->ledger().LatestCheckpoint(), before) << change;
  }
}

// Somebody who may append and goes around every program of ours; the manual says how the log is mended.
TEST_F(PostgresqlSubjectLogTest, WhatNoReaderTakesIsNamedAndTheOwnerRemovesIt) {
  Begin("");
  const std::string n = std::to_string(path_.entries().size());
  ASSERT_TRUE(Ledger::Open(*home_.PlaceOfLedger(subject_), LedgerAccess::kReadWrite)
                  ->Append(path_.entries().size(), {"no statement", "another"})
                  .ok());
  const Result<SubjectLog> stopped = SubjectLog::Open(home_, subject_, LedgerAccess::kReadOnly);
  ASSERT_FALSE(stopped.ok());
  EXPECT_TRUE(stopped.error().message.starts_with("event " + n + ": ")) << stopped.error().message;
  std::string mending = BlockOfManual("DELETE FROM pawl_events");
  for (const auto& [word, value] : {std::pair<std::string, std::string>{":'log'", "'" + subject_ + "'"}, {":n", n}}) {
    for (size_t at = 0; (at = mending.find(word, at)) != mending.npos;) mending.replace(at, word.size(), value);
  }
  Sql(mending);
  Result<SubjectLog> mended = SubjectLog::Open(home_, subject_, LedgerAccess::kReadWrite);
  ASSERT_TRUE(mended.ok()) << mended.error().message;
  EXPECT_EQ(mended->history().size(), path_.entries().size());
  EXPECT_TRUE(mended->Append({path_.ByPeople(warrant::WriteDecision(path_.HaltDecision("who was it")), {"ann"})}).ok());
}

TEST_F(PostgresqlSubjectLogTest, TwoThatDecideAtTheSameTimeDoNotBothWrite) {
  Begin("");
  Result<SubjectLog> here = SubjectLog::Open(home_, subject_, LedgerAccess::kReadWrite);
  Result<SubjectLog> there = SubjectLog::Open(home_, subject_, LedgerAccess::kReadWrite);
  ASSERT_TRUE(here.ok() && there.ok());
  const auto halt = [&](const std::string& reason) {
    return path_.ByPeople(warrant::WriteDecision(path_.HaltDecision(reason)), {"ann"});
  };
  ASSERT_TRUE(here->Append({halt("one")}).ok());
  EXPECT_EQ(RuleOf(there->Append({halt("two")})), "ledger.conflict");
  ASSERT_TRUE(there->Refresh().ok());
  EXPECT_TRUE(there->Append({halt("two")}).ok());
  ASSERT_TRUE(here->Refresh().ok());
  EXPECT_EQ(here->root(), there->root());
}

TEST_F(PostgresqlSubjectLogTest, ABackUpHoldsTheLogItself) {
  Begin("");
  const std::string file = directory_ / "file.backup";
  const Result<BackupReport> written = WriteBackup(home_, file, {});
  ASSERT_TRUE(written.ok()) << written.error().message;
  const Result<BackupReport> restored = RestoreBackup(file, directory_ / "restored", {});
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  const Home home = *Home::Open(directory_ / "restored", HomeAccess::kExisting);
  EXPECT_TRUE(home.PlaceOfLedger(subject_)->url.starts_with("sqlite:"));
  const Result<SubjectLog> copy = SubjectLog::Open(home, subject_, LedgerAccess::kReadWrite);
  const Result<SubjectLog> log = SubjectLog::Open(home_, subject_, LedgerAccess::kReadOnly);
  ASSERT_TRUE(copy.ok() && log.ok());
  EXPECT_EQ(copy->root(), log->root());
}

// ---- blobs

class SharedStoreTest : public PostgresqlSubjectLogTest {
 protected:
  Home EmptyHome(const std::string& name) {
    Home home = *Home::Open(directory_ / name, HomeAccess::kCreate);
    EXPECT_TRUE(KeepLedgerPlace(home.root() + "/ledger", {server_.Url(), subject_}).ok());
    return home;
  }
  encoding::Envelope Halt(const std::string& reason) const {
    return path_.ByPeople(warrant::WriteDecision(path_.HaltDecision(reason)), {"ann"});
  }
  // As a gate writes it from the beginning: each entry after what it names.
  void Publish() {
    subject_ = TestName();
    EXPECT_TRUE(KeepLedgerPlace(home_.root() + "/ledger", {server_.Url(), subject_}).ok());
    SubjectLog log = *SubjectLog::Open(home_, subject_, LedgerAccess::kReadWrite);
    for (const std::string& entry : path_.entries()) {
      ASSERT_EQ(RuleOf(log.Append({*encoding::ParseEnvelope(entry)})), "ok");
    }
  }
};

TEST_F(SharedStoreTest, AnotherHomeGetsWhatTheEntriesName) {
  Publish();
  const Home other = EmptyHome("other");
  const Result<SubjectLog> log = SubjectLog::Open(other, subject_, LedgerAccess::kReadOnly);
  ASSERT_TRUE(log.ok()) << log.error().message;
  EXPECT_EQ(log->history().size(), path_.entries().size());
  EXPECT_EQ(log->charter().charter.digest, path_.charter().digest);
  // The live tree with every file.
  const Result<subject::Manifest> live = log->store().ReadManifest(*log->history().live_tree());
  ASSERT_TRUE(live.ok()) << live.error().message;
  for (const subject::FileEntry& file : live->files) {
    EXPECT_TRUE(log->store().ReadBlob(file.digest, subject::kFileBytesMax).ok()) << file.path;
  }
}

TEST_F(SharedStoreTest, BlobsOfAllSizesComeBackAndOthersDoNot) {
  Ledger ledger = Open();
  SharedStore& shared = *ledger.shared_store();
  for (const size_t size : {size_t{0}, size_t{1}, size_t{512} << 10, (size_t{512} << 10) + 1, size_t{1'500'000}}) {
    const std::string bytes(size, 'b');
    const crypto::Digest digest = crypto::Sha256(bytes);
    EXPECT_TRUE(shared.Find({digest})->empty());
    ASSERT_TRUE(shared.Put(digest, bytes).ok());
    ASSERT_TRUE(shared.Put(digest, bytes).ok());
    EXPECT_EQ(shared.Find({digest, crypto::Sha256("none")})->size(), 1u);
    EXPECT_EQ(*shared.Get(digest, size), bytes);
    if (size > 0) {
      EXPECT_EQ(RuleOf(shared.Get(digest, size - 1)), "shared.too-large");
    }
  }
  EXPECT_EQ(RuleOf(shared.Get(crypto::Sha256("none"), 100)), "shared.damaged");
  const crypto::Digest large = crypto::Sha256(std::string(1'500'000, 'b'));
  Sql("UPDATE pawl_blobs SET bytes = 'x' WHERE piece = 1 AND" + OfTest());  // too short for what is not the last
  EXPECT_EQ(RuleOf(shared.Get(large, 2'000'000)), "shared.damaged");
  Sql("UPDATE pawl_blobs SET bytes = repeat('x', 20000000)::bytea WHERE piece = 1 AND" + OfTest());
  EXPECT_EQ(RuleOf(shared.Get(large, 2'000'000)), "shared.damaged");
  Sql("UPDATE pawl_blobs SET bytes = repeat('c', 524288)::bytea WHERE piece = 1 AND" + OfTest());
  EXPECT_EQ(RuleOf(shared.Get(large, 2'000'000)), "shared.damaged");
  Sql("DELETE FROM pawl_blobs WHERE piece = 1 AND" + OfTest());
  EXPECT_EQ(RuleOf(shared.Get(large, 2'000'000)), "shared.damaged");
}

TEST_F(SharedStoreTest, ABlobWithOtherBytesIsNotTakenIn) {
  Publish();
  Sql("UPDATE pawl_blobs SET bytes = bytes || 'x'::bytea WHERE" + OfTest());
  const Home other = EmptyHome("other");
  EXPECT_EQ(RuleOf(SubjectLog::Open(other, subject_, LedgerAccess::kReadOnly)), "shared.damaged");
  EXPECT_TRUE(std::filesystem::is_empty(other.StorePath() + "/blobs"));
}

TEST_F(SharedStoreTest, WhatIsInNoStoreIsMissing) {
  Publish();
  Sql("DELETE FROM pawl_blobs WHERE" + OfTest());
  EXPECT_EQ(RuleOf(SubjectLog::Open(EmptyHome("other"), subject_, LedgerAccess::kReadOnly)), "store.missing");
  // Whoever has the blobs puts them there again with the next entry that names them.
  SubjectLog log = *SubjectLog::Open(home_, subject_, LedgerAccess::kReadWrite);
  ASSERT_EQ(RuleOf(log.Append({Halt("one")})), "ok");
}

TEST_F(SharedStoreTest, NothingIsTakenInForEntriesThatDoNotFold) {
  Publish();
  // The database adds an entry of its own that names a blob of its own.
  const std::string blob = "of the database";
  const std::string digest = crypto::Sha256(blob).Hex();
  Sql("INSERT INTO pawl_blobs VALUES ('" + subject_ + "', '\\x" + digest + "', 0, true, '" + blob + "')");
  Sql("INSERT INTO pawl_events VALUES ('" + subject_ + "', " + std::to_string(path_.entries().size()) +
      ", '\\x00', 'not signed'), ('" + subject_ + "', " + std::to_string(path_.entries().size() + 1) + ", '\\x01', '" +
      digest + "')");
  const Home other = EmptyHome("other");
  EXPECT_NE(RuleOf(SubjectLog::Open(other, subject_, LedgerAccess::kReadOnly)), "ok");
  EXPECT_FALSE(std::filesystem::exists(other.StorePath() + "/blobs/" + digest.substr(0, 2) + "/" + digest));
}

TEST_F(SharedStoreTest, FilesOfATreeBringNothingAlong) {
  subject_ = TestName();
  Ledger ledger = Open();
  storage::TreeStore store = *storage::TreeStore::Open(directory_ / "store", storage::StoreAccess::kReadWrite);
  const crypto::Digest secret = *store.PutBlob("of another subject");
  const crypto::Digest report = *store.PutBlob("a report about " + secret.Hex());
  directory_.Write("tree/file", "I name " + secret.Hex());
  const crypto::Digest tree = store.PutTree(directory_ / "tree", subject::TreeLimits{})->digest;
  ASSERT_TRUE(ledger::Publish(*ledger.shared_store(), store, {tree.Text()}).ok());
  EXPECT_EQ(ledger.shared_store()->Find({tree, crypto::Sha256("I name " + secret.Hex()), secret})->size(), 2u);
  ASSERT_TRUE(ledger::Publish(*ledger.shared_store(), store, {report.Text()}).ok());
  EXPECT_EQ(ledger.shared_store()->Find({report, secret})->size(), 2u);
}

TEST_F(SharedStoreTest, AChainOfAnyLengthIsFollowed) {
  subject_ = TestName();
  Ledger ledger = Open();
  storage::TreeStore store = *storage::TreeStore::Open(directory_ / "store", storage::StoreAccess::kReadWrite);
  crypto::Digest last = *store.PutBlob("first");
  for (int i = 0; i < 100; ++i) last = *store.PutBlob("after " + last.Hex());
  ASSERT_TRUE(ledger::Publish(*ledger.shared_store(), store, {last.Text()}).ok());
  storage::TreeStore other = *storage::TreeStore::Open(directory_ / "other", storage::StoreAccess::kReadWrite);
  EXPECT_TRUE(*IsFetchNeeded(*ledger.shared_store(), other, {last.Text()}));
  ASSERT_TRUE(Fetch(*ledger.shared_store(), other, last.Text()).ok());
  EXPECT_FALSE(*IsFetchNeeded(*ledger.shared_store(), other, {last.Text()}));
  EXPECT_TRUE(other.ReadBlob(crypto::Sha256("first"), 10).ok());
}

// ---- places

TEST(LedgerPlace, TakesUrlsWithoutPasswords) {
  EXPECT_TRUE(*IsHomeUrl("sqlite:"));
  EXPECT_FALSE(*IsHomeUrl("postgresql://gate@db.example.org:5433/pawl?sslmode=verify-full"));
  EXPECT_FALSE(*IsHomeUrl("postgres://a,b/pawl?target_session_attrs=read-write&sslmode=require"));
  for (const char* url :
       {"", "mysql://x", "sqlite:/tmp/x", "postgresql://host/a?nonsense=1", "postgresql://[", "postgresql://a/b\n"}) {
    EXPECT_EQ(RuleOf(IsHomeUrl(url)), "ledger.url") << url;
  }
  EXPECT_EQ(RuleOf(IsHomeUrl("postgresql://a/" + std::string(3'000, 'b'))), "ledger.url");
  for (const char* url : {"postgresql://gate:secret@host/pawl", "postgresql://host/pawl?password=secret",
                          "postgresql://host/pawl?sslpassword=secret"}) {
    const Result<bool> refused = IsHomeUrl(url);
    ASSERT_EQ(RuleOf(refused), "ledger.url-password") << url;
    EXPECT_EQ((refused.error().message + refused.error().advice).find("secret"), std::string::npos);
  }
  EXPECT_EQ(IsHomeUrl("postgresql://gate:secret@host:x/pawl").error().message.find("secret"), std::string::npos);
}

// What libpq does by itself takes a connection that anybody can read, and a server that anybody can be.
TEST(LedgerPlace, AnotherMachineNeedsASslmode) {
  unsetenv("PGSSLMODE");
  unsetenv("PGHOST");
  for (const char* url :
       {"postgresql://gate@db.example.org/pawl", "postgresql://10.0.0.7/pawl", "postgresql://localhost,db/pawl",
        "postgresql:///pawl?host=/run,db", "postgresql:///pawl?hostaddr=10.0.0.7", "postgresql://[fe80::1]/pawl",
        "postgresql://db/pawl?sslrootcert=/ca.crt"})
    EXPECT_EQ(RuleOf(IsHomeUrl(url)), "ledger.url-tls") << url;
  for (const char* url : {"postgresql:///pawl", "postgresql://localhost/pawl", "postgresql://127.0.0.1,[::1]/pawl",
                          "postgresql:///pawl?host=/run/postgresql", "postgresql://db/pawl?sslmode=verify-full",
                          "postgresql://db/pawl?sslmode=disable", "postgresql:///?service=pawl"})
    EXPECT_TRUE(IsHomeUrl(url).ok()) << url;
  setenv("PGSSLMODE", "verify-full", 1);
  EXPECT_TRUE(IsHomeUrl("postgresql://db/pawl").ok());
  unsetenv("PGSSLMODE");
  setenv("PGHOST", "db", 1);
  EXPECT_EQ(RuleOf(IsHomeUrl("postgresql:///pawl")), "ledger.url-tls");
  unsetenv("PGHOST");
}

TEST(LedgerPlace, IsRememberedOnce) {
  const subject::TemporaryDirectory folder;
  EXPECT_EQ(FindLedgerPlace(folder.path(), "a")->url, "sqlite:" + (folder / "a.sqlite"));
  const LedgerPlace place{"postgresql://db/pawl?sslmode=verify-full", "a"};
  ASSERT_TRUE(KeepLedgerPlace(folder.path(), place).ok());
  EXPECT_TRUE(KeepLedgerPlace(folder.path(), place).ok());
  EXPECT_EQ(FindLedgerPlace(folder.path(), "a")->url, place.url);
  EXPECT_EQ(subject::ReadWholeFile(folder / "a.url"), place.url + "\n");
  EXPECT_EQ(RuleOf(KeepLedgerPlace(folder.path(), {"postgresql://other/pawl", "a"})), "init.exists");
  folder.Write("b.sqlite", "");
  EXPECT_EQ(RuleOf(KeepLedgerPlace(folder.path(), {"postgresql://db/pawl", "b"})), "init.exists");
  for (const char* line : {"", "sqlite:\n", "postgresql://gate:secret@host/pawl\n", "a\nb\n"}) {
    folder.Write("c.url", line);
    EXPECT_FALSE(FindLedgerPlace(folder.path(), "c").ok()) << line;
  }
  folder.Write("c.url", "postgresql://" + std::string(10'000, 'x'));
  EXPECT_FALSE(FindLedgerPlace(folder.path(), "c").ok());
}

}  // namespace postgresql_test
}  // namespace pawl::ledger
