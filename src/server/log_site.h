// The logs of a home as C2SP tlog-tiles v0.1.0 has them served, read from their ledgers.
//
//   Result<LogSite> site = LogSite::Open(home, {"engine"});
//   HttpServer::Listen(where, {}, [&](const HttpRequest& request) { return site->Answer(request); });
//
//   /log/engine/checkpoint                     the latest checkpoint that the gate has signed, with its cosignatures
//   /log/engine/tile/<level>/<index>[.p/<width>]
//   /log/engine/tile/entries/<index>[.p/<width>]
//
// Nothing is served that the checkpoint does not cover, and no key is needed: what is new since then becomes visible
// with the next checkpoint. Thread safety: belongs to one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ledger/home.h"
#include "ledger/ledger.h"
#include "result/result.h"
#include "server/http_message.h"

namespace pawl::server {

class LogSite {
 public:
  static Result<LogSite> Open(const ledger::Home& home, const std::vector<std::string>& subjects);

  // 404 for what is not there, 405 for methods other than GET and HEAD, 503 where the ledger cannot be read.
  HttpResponse Answer(const HttpRequest& request);
  // The prefix of a subject's log: "/log/engine".
  static std::string Prefix(const std::string& subject) { return "/log/" + subject; }

 private:
  HttpResponse AnswerFrom(ledger::Ledger& ledger, const std::string& resource);
  std::map<std::string, ledger::Ledger> ledgers_;
};

}  // namespace pawl::server
