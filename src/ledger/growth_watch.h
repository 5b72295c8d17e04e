// Waiting for a log to grow: whoever waits is woken when somebody appends to a log in PostgreSQL, and looks every now
// and then all the same.
//
//   GrowthWatch watch(place);
//   while (!stopped) {
//     LookAtTheLog();
//     watch.Wait();
//   }
//
// A notice is not believed, and may be missing: the log itself says what is in it. It has a connection of its own,
// since a notice may come at any moment. Thread safety: belongs to one thread.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "ledger/place.h"
#include "ledger/postgresql_connection.h"

namespace pawl::ledger {

// The log's name is the payload.
inline constexpr char kGrowthChannel[] = "pawl_log";

class GrowthWatch {
 public:
  explicit GrowthWatch(LedgerPlace place) : place_(std::move(place)) {}

  // Until something was appended to a log of the database; at most a second, and where there is no notice to be had (a
  // SQLite file, a server that is gone) a tenth of one. Gives the names of the logs that are said to have grown, or
  // nothing where any may have, which is so after each of these times at least.
  // Returns earlier when `also`, a descriptor or -1, can be read.
  std::optional<std::set<std::string>> Wait(int also = -1);

 private:
  bool Connect();

  const LedgerPlace place_;
  std::optional<PostgresqlConnection> connection_;
  std::chrono::steady_clock::time_point again_;        // when to try to connect next
  std::chrono::steady_clock::time_point look_at_all_;  // by then, whatever notices say
};

}  // namespace pawl::ledger
