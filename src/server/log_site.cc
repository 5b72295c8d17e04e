#include "server/log_site.h"

#include <utility>

namespace pawl::server {
namespace {

constexpr char kRoot[] = "/log/";
constexpr char kBytes[] = "application/octet-stream";
// A tile never changes once a checkpoint covers it.
constexpr char kForever[] = "public, max-age=31536000, immutable";

HttpResponse Missing() { return HttpResponse::Text(404, "no such resource\n"); }

HttpResponse Unreadable(const Error& error) { return HttpResponse::Text(503, error.rule + "\n"); }

}  // namespace

Result<LogSite> LogSite::Open(const ledger::Home& home, const std::vector<std::string>& subjects) {
  LogSite site;
  for (const std::string& subject : subjects) {
    Result<ledger::LedgerPlace> place = home.PlaceOfLedger(subject);
    if (!place.ok()) return place.error();
    Result<ledger::Ledger> ledger = ledger::Ledger::Open(*place, ledger::LedgerAccess::kReadOnly);
    if (!ledger.ok()) return ledger.error();
    site.ledgers_.emplace(subject, std::move(*ledger));
  }
  return site;
}

HttpResponse LogSite::Answer(const HttpRequest& request) {
  const std::string& target = request.target;
  if (!target.starts_with(kRoot)) return Missing();
  const std::string path = target.substr(sizeof kRoot - 1);
  const size_t slash = path.find('/');
  const auto ledger = ledgers_.find(path.substr(0, slash));
  if (slash == path.npos || ledger == ledgers_.end()) return Missing();
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse refused = HttpResponse::Text(405, "a log is only read\n");
    refused.allow = "GET, HEAD";
    return refused;
  }
  return AnswerFrom(ledger->second, path.substr(slash + 1));
}

HttpResponse LogSite::AnswerFrom(ledger::Ledger& ledger, const std::string& resource) {
  if (Result<void> renewed = ledger.RenewCopy(); !renewed.ok()) return Unreadable(renewed.error());
  const Result<std::optional<std::string>> note = ledger.LatestCheckpoint();
  if (!note.ok()) return Unreadable(note.error());
  if (!note->has_value()) return Missing();
  if (resource == "checkpoint") {
    HttpResponse answer = HttpResponse::Text(200, **note);
    answer.cache_control = "no-cache";
    return answer;
  }
  const Result<tlog::TileAddress> address = tlog::ParseTilePath(resource);
  if (!address.ok()) return Missing();
  const Result<merkle::SignedNote> read = merkle::SignedNote::Parse(**note);
  const Result<merkle::Checkpoint> checkpoint =
      read.ok() ? merkle::Checkpoint::Parse(read->text) : Result<merkle::Checkpoint>(read.error());
  if (!checkpoint.ok()) return Unreadable(checkpoint.error());
  if (!tlog::IsWithin(address->tile, checkpoint->size)) return Missing();
  Result<std::string> bytes = ledger.ReadTile(*address);
  if (!bytes.ok()) return Unreadable(bytes.error());
  return {.status = 200, .content_type = kBytes, .cache_control = kForever, .body = std::move(*bytes)};
}

}  // namespace pawl::server
