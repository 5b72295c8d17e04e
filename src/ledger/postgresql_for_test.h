// A PostgreSQL server of the tests' own, in a temporary directory, reached over a socket there; ended with its owner.
//
//   PostgresqlServer& server = PostgresqlServer::Shared();       // one a test program: making it takes a second
//   Ledger::Open({server.Url(), "controller"}, LedgerAccess::kReadWrite);
//   server.Sql("UPDATE pawl_events SET entry = '' WHERE seq = 3");
//   PostgresqlServer standby(primary, "standby1");               // streams from it; primary.WaitFor("standby1")
//
// The server refuses to run as root: there it runs as postgres, or as nobody.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "subject/testing.h"

namespace pawl::ledger {

class PostgresqlServer {
 public:
  static PostgresqlServer& Shared() {
    static PostgresqlServer server;
    return server;
  }

  PostgresqlServer() {
    Enter();
    Run({"initdb", "-D", Data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
         "--no-instructions"});
    Start();
  }
  // A copy of a running server that streams what it writes, under a name.
  PostgresqlServer(const PostgresqlServer& primary, const std::string& name) {
    Enter();
    Run({"pg_basebackup", "-D", Data(), "-d", primary.Url("application_name=" + name), "-R", "-X", "stream", "-C", "-S",
         name, "-c", "fast", "--no-sync"});
    Start();
  }
  ~PostgresqlServer() { Kill(SIGQUIT); }
  PostgresqlServer(const PostgresqlServer&) = delete;
  PostgresqlServer& operator=(const PostgresqlServer&) = delete;

  const std::string& folder() const { return directory_.path(); }
  std::string Url(const std::string& more = "", const std::string& role = "postgres") const {
    return "postgresql://" + role + "@/postgres?host=" + directory_.path() + (more.empty() ? "" : "&" + more);
  }

  void Start() {
    process_ = Spawn({"postgres", "-D", Data(), "-k", directory_.path(), "-c", "listen_addresses=", "-c",
                      "shared_buffers=16MB", "-c", "max_connections=20", "-c", "logging_collector=off"});
    for (int waited_ms = 0; waited_ms < 60'000; waited_ms += 20) {
      if (PQping(Url().c_str()) == PQPING_OK) return;
      usleep(20'000);
    }
    ADD_FAILURE() << "no server: " << subject::ReadWholeFile(directory_ / "output");
  }
  void Kill(int signal_number) {
    if (process_ <= 0) return;
    kill(process_, signal_number);
    waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  // Every process of the server at once, as a machine dies.
  void Kill9() {
    const std::string children =
        "/proc/" + std::to_string(process_) + "/task/" + std::to_string(process_) + "/children";
    kill(process_, SIGSTOP);
    std::istringstream numbers(subject::ReadWholeFile(children));
    for (pid_t child = 0; numbers >> child;) kill(child, SIGKILL);
    Kill(SIGKILL);
  }

  // From now on a commit waits for a standby of this name, which is there when this returns.
  void WaitFor(const std::string& standby) const {
    Sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (" + standby + ")'");
    Sql("SELECT pg_reload_conf()");
    while (Sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'") != "1") usleep(10'000);
  }

  // The first field of the first row, or nothing.
  std::string Sql(const std::string& statement, const std::string& role = "postgres") const {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(Url("", role).c_str()), &PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statement.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        << statement << ": " << PQerrorMessage(connection.get());
    return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
  }

 private:
  std::string Data() const { return directory_ / "data"; }

  void Enter() {
    if (geteuid() != 0) return;
    const passwd* user = getpwnam("postgres");
    if (user == nullptr) user = getpwnam("nobody");
    user_ = user->pw_uid;
    group_ = user->pw_gid;
    EXPECT_EQ(chown(directory_.path().c_str(), user_, group_), 0);
  }
  void Run(const std::vector<std::string>& words) const {
    int status = -1;
    const pid_t child = Spawn(words);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << words.front() << ": " << subject::ReadWholeFile(directory_ / "output");
  }
  pid_t Spawn(std::vector<std::string> words) const {
    const std::string program = "/usr/lib/postgresql/15/bin/" + words.front(), output = directory_ / "output";
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child != 0) return child;
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir("/") != 0) _exit(126);
    if (user_ != 0 && (setgid(group_) != 0 || setuid(user_) != 0)) _exit(126);
    if (user_ != 0) unsetenv("HOME");
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    execv(program.c_str(), arguments.data());
    _exit(127);
  }

  subject::TemporaryDirectory directory_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t process_ = 0;
};

}  // namespace pawl::ledger
