// /healthz and /metrics of commands that run for long and have no server of their own, on a thread beside the work.
//
//   HealthServer server;  // the last member of what is asked, so that it ends first
//   if (Result<void> begun = server.Listen("127.0.0.1:9464", {.wrong = …, .metrics = …}); !begun.ok()) …
//
// What it says is numbers, rules and names; anybody who reaches the address may read it.
//
// Thread safety: the texts are asked for on the server's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "cli/command.h"
#include "result/result.h"
#include "server/http_message.h"
#include "server/http_server.h"

namespace pawl::cli {

struct HealthTexts {
  std::function<std::string()> wrong;    // one line each; empty: all is well
  std::function<std::string()> metrics;  // in Prometheus's text format
};

server::HttpResponse AnswerHealth(const server::HttpRequest& request, const HealthTexts& texts);

class HealthServer {
 public:
  // Begins to answer at ADDRESS:PORT, until the object ends. As HttpServer::Listen says.
  Result<void> Listen(const std::string& where, HealthTexts texts);
  // "" before Listen.
  std::string address() const { return server_ ? server_->address() : std::string(); }

 private:
  HealthTexts texts_;
  std::optional<server::HttpServer> server_;
  std::jthread thread_;  // ends first
};

inline constexpr char kHealthHelp[] = "ADDRESS:PORT that answers /healthz and /metrics (Prometheus)";

// "# HELP …" and "# TYPE …" before the samples of a series.
std::string MetricHead(const std::string& name, const char* type, const char* help);

// Notes in the log, and for whoever looks on, where that is.
void SayWhereHealthIs(const Globals& globals, const std::string& address);

// Where an address was given: listens there.
template <typename Site>
Result<void> ListenForHealth(const Globals& globals, Site& site, const std::string& where) {
  if (where.empty()) return {};
  if (Result<void> listens = site.Listen(where); !listens.ok()) return listens;
  SayWhereHealthIs(globals, site.address());
  return {};
}

}  // namespace pawl::cli
