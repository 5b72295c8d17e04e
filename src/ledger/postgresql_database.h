// A ledger's rows in PostgreSQL 15 or later: several machines share one log. docs/postgresql.md is for whoever runs the
// server; docs/decisions/0023-postgresql.md says why.
//
//   Result<std::unique_ptr<Database>> database = OpenPostgresql(url, "controller", LedgerAccess::kReadWrite, {});
//
// Tables (their text is in postgresql_database.cc and in the manual): pawl_events with PRIMARY KEY (log, seq) and a
// unique digest, pawl_nodes, pawl_checkpoints, pawl_version. Rows are inserted and read, never changed or removed, so
// that the gate's user needs INSERT and SELECT alone.
//
// Writers of one log wait for each other at an advisory lock; what keeps the log whole without it is the primary key.
// A connection that was lost is made again, except within a transaction.
//
// Thread safety: belongs to one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "ledger/database.h"
#include "ledger/postgresql_connection.h"

namespace pawl::ledger {

// See Ledger::Open. A writer makes the tables where there are none and it may ("ledger.schema" where it may not).
Result<std::unique_ptr<Database>> OpenPostgresql(const std::string& url, const std::string& log, LedgerAccess access,
                                                 PostgresqlTimeouts timeouts);

}  // namespace pawl::ledger
