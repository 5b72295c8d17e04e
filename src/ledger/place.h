// Where a log is kept: a SQLite file in the home, or a PostgreSQL database that several machines share.
//
//   Result<LedgerPlace> place = FindLedgerPlace(home.root() + "/ledger", "collision-avoidance");
//   Result<Ledger> ledger = Ledger::Open(*place, LedgerAccess::kReadOnly);
//
// A home remembers a PostgreSQL URL in ledger/<subject>.url: one line, without a password.
//
// Thread safety: reads the file system; no shared state.
#pragma once

#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::ledger {

struct LedgerPlace {
  std::string url;  // sqlite:PATH, or postgresql://… as libpq reads it
  std::string log;  // which of the database's logs: the subject's name
};

// Of a URL that somebody has typed: "sqlite:" is the home's own file (true); anything else is PostgreSQL's. kUsage
// "ledger.url" for what libpq does not read; Refused "ledger.url-password" where a password is in it (URLs are kept and
// shown), "ledger.url-tls" where it names another machine, and no sslmode is said there, by PGSSLMODE or a service.
Result<bool> IsHomeUrl(const std::string& url);

// As remembered in a home's ledger folder; "sqlite:" with the home's file where nothing is. Malformed "ledger.url".
Result<LedgerPlace> FindLedgerPlace(const std::string& ledger_folder, std::string_view subject);

// Remembers it. Refused "init.exists" where the subject has a log in this home or at another URL.
Result<void> KeepLedgerPlace(const std::string& ledger_folder, const LedgerPlace& place);

}  // namespace pawl::ledger
