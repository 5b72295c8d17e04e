// Waiting for a log to grow: whoever waits is woken when somebody appends to a log in PostgreSQL; of SQLite files it is
// learned ten times a second which have been written to, without opening them. Whoever waits looks every now and then
// all the same.
//
//   GrowthWatch watch(place);
//   while (!stopped) {
//     LookAtTheLog();
//     watch.Wait();
//   }
//
// A notice is not believed, and may be missing: the log itself says what is in it. In PostgreSQL it has a connection of
// its own, since a notice may come at any moment; of files the kernel tells (inotify), which it may not do for what
// another machine writes. Thread safety: belongs to one thread.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "ledger/place.h"
#include "ledger/postgresql_connection.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {

// The log's name is the payload.
inline constexpr char kGrowthChannel[] = "pawl_log";

class GrowthWatch {
 public:
  // Of a SQLite URL it is the folder that counts, for all logs in it; "sqlite:" alone tells nothing.
  explicit GrowthWatch(LedgerPlace place) : place_(std::move(place)) {}

  // Until something was appended to a log of the database, at most a second; where nobody wakes (SQLite files, a server
  // that is gone) a tenth of one. Gives the names of the logs that are said to have grown, or nothing where any may
  // have, which is so after a second at least, and each time where no notice is to be had.
  // Returns earlier when `also`, a descriptor or -1, can be read.
  std::optional<std::set<std::string>> Wait(int also = -1);

 private:
  bool Connect();
  bool WatchFolder();
  std::optional<std::set<std::string>> FilesWritten();

  const LedgerPlace place_;
  std::optional<PostgresqlConnection> connection_;
  std::optional<subject::FileDescriptor> files_;       // inotify's, for the folder of the files
  std::chrono::steady_clock::time_point again_;        // when to try to connect next
  std::chrono::steady_clock::time_point look_at_all_;  // by then, whatever notices say
};

}  // namespace pawl::ledger
