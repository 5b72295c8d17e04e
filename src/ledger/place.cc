#include "ledger/place.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "ledger/libpq.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {
namespace {

constexpr size_t kUrlBytesMax = 2'048;
constexpr std::string_view kSqliteScheme = "sqlite:";

std::string UrlFile(const std::string& ledger_folder, std::string_view subject) {
  return ledger_folder + "/" + std::string(subject) + ".url";
}

std::string SqliteFile(const std::string& ledger_folder, std::string_view subject) {
  return ledger_folder + "/" + std::string(subject) + ".sqlite";
}

// A socket on this machine, or its own address.
bool IsHere(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" || host == "::1" ||
         host.starts_with("127.");
}

// Whether one of the hosts that a URL names is another machine. What a service file says is not seen.
bool NamesAnotherMachine(std::string_view hosts) {
  for (size_t begin = 0; begin <= hosts.size();) {
    const size_t end = std::min(hosts.find(',', begin), hosts.size());
    if (!IsHere(hosts.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

// What libpq does where nothing is said takes a connection without TLS, and a certificate of anybody.
Result<void> RequireTlsIsDecided(const PQconninfoOption* option) {
  std::string hosts, mode = std::getenv("PGSSLMODE") == nullptr ? "" : std::getenv("PGSSLMODE");
  bool has_service = false;
  for (; option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view name = option->keyword;
    if (name == "host" || name == "hostaddr") hosts += (hosts.empty() ? "" : ",") + std::string(option->val);
    if (name == "sslmode") mode = option->val;
    if (name == "service") has_service = true;
  }
  if (hosts.empty() && std::getenv("PGHOST") != nullptr) hosts = std::getenv("PGHOST");
  if (!mode.empty() || has_service || !NamesAnotherMachine(hosts)) return {};
  return Refused("ledger.url-tls", "the database is on another machine, and the URL does not say how it is to be known",
                 "add sslmode=verify-full and sslrootcert=FILE (docs/postgresql.md), or say another sslmode");
}

}  // namespace

Result<bool> IsHomeUrl(const std::string& url) {
  if (url == kSqliteScheme) return true;
  const auto mend = [](const std::string& what) {
    return Error{ErrorCode::kUsage, "ledger.url", what, "sqlite: or postgresql://[user@]host[:port]/database[?…]"};
  };
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
    return mend("a ledger is kept at sqlite: or at a postgresql:// URL");
  }
  if (url.size() > kUrlBytesMax || url.find_first_of("\r\n") != url.npos) return mend("this is no URL of one line");
  const Result<const Libpq*> libpq = LoadLibpq();
  if (!libpq.ok()) return libpq.error();
  const std::unique_ptr<PQconninfoOption, decltype(Libpq::conninfoFree)> options(
      (*libpq)->conninfoParse(url.c_str(), nullptr), (*libpq)->conninfoFree);
  if (!options) return mend("libpq does not read this URL");  // its own words could hold a password
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    const std::string_view name = option->keyword;
    if (option->val == nullptr || (name != "password" && name != "sslpassword")) continue;
    return Refused("ledger.url-password", "the URL has a password in it, and URLs are kept in a file and shown",
                   "leave it out: libpq reads PGPASSFILE (~/.pgpass), a service file (?service=…) or PGPASSWORD");
  }
  if (Result<void> decided = RequireTlsIsDecided(options.get()); !decided.ok()) return decided.error();
  return false;
}

Result<LedgerPlace> FindLedgerPlace(const std::string& ledger_folder, std::string_view subject) {
  const std::string file = UrlFile(ledger_folder, subject);
  Result<std::string> line = subject::ReadRegularFile(file, kUrlBytesMax + 1, "ledger", subject::Links::kRefuse);
  if (!line.ok() && line.error().code == ErrorCode::kNotFound) {
    return LedgerPlace{std::string(kSqliteScheme) + SqliteFile(ledger_folder, subject), std::string(subject)};
  }
  if (!line.ok()) return line.error();
  if (!line->empty() && line->back() == '\n') line->pop_back();
  const Result<bool> home = IsHomeUrl(*line);
  if (!home.ok()) return Malformed(home.error().rule, "'" + file + "': " + home.error().message, home.error().advice);
  if (*home) return Malformed("ledger.url", "'" + file + "' names no database", "remove it");
  return LedgerPlace{*line, std::string(subject)};
}

Result<void> KeepLedgerPlace(const std::string& ledger_folder, const LedgerPlace& place) {
  Result<LedgerPlace> before = FindLedgerPlace(ledger_folder, place.log);
  if (!before.ok()) return before.error();
  if (before->url == place.url) return {};
  std::error_code failure;
  if (!before->url.starts_with(kSqliteScheme) ||
      std::filesystem::exists(SqliteFile(ledger_folder, place.log), failure)) {
    return Refused("init.exists", "'" + place.log + "' has a ledger here already, at another place",
                   "name another home, or leave --ledger out");
  }
  return storage::ReplaceFile(UrlFile(ledger_folder, place.log), place.url + "\n");
}

}  // namespace pawl::ledger
