// pawl serve: the logs of this home over HTTP, as C2SP tlog-tiles.
#include <cstdio>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "server/http_server.h"
#include "server/log_site.h"

namespace pawl::cli {
namespace {

ExitCode ServeLogs(const Globals& globals, const std::string& where, size_t connections_max) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return Fail(globals, home.error());
  const std::vector<std::string> subjects =
      globals.subject.empty() ? home->Subjects() : std::vector<std::string>{globals.subject};
  if (subjects.empty()) {
    return Fail(globals, {ErrorCode::kNotFound, "serve.no-subject", "this home has no subject yet", "pawl init"});
  }
  Result<server::LogSite> site = server::LogSite::Open(*home, subjects);
  if (!site.ok()) return Fail(globals, site.error());
  const InterruptWatch watch(/*enabled=*/true);
  Result<server::HttpServer> server =
      server::HttpServer::Listen(where, {.connections_max = connections_max},
                                 [&](const server::HttpRequest& request) { return site->Answer(request); });
  if (!server.ok()) return Fail(globals, server.error());
  const std::string address = server->address();
  encoding::Json logs = encoding::Json::object();
  for (const std::string& subject : subjects) {
    logs[subject] = "http://" + address + server::LogSite::Prefix(subject);
    if (!globals.json) std::printf("%s: %s\n", subject.c_str(), logs[subject].get<std::string>().c_str());
  }
  if (globals.json) PrintJson({{"address", address}, {"logs", logs}});
  std::fflush(stdout);
  if (!server->is_loopback() && !globals.quiet) {
    std::fputs("anybody who reaches this address can read the logs; there is no TLS: put a proxy before it\n", stderr);
  }
  LogLine(LogLevel::kInfo, "serve: listens at " + address);
  server->Run(watch.token());
  return ExitCode::kYes;
}

}  // namespace

void AddServe(CLI::App& app, Globals& globals) {
  auto where = std::make_shared<std::string>("127.0.0.1:8440");
  auto connections = std::make_shared<size_t>(server::HttpLimits{}.connections_max);
  CLI::App* command =
      app.add_subcommand("serve", "publish the logs over HTTP (C2SP tlog-tiles), until it is interrupted");
  command->add_option("--listen", *where, "ADDRESS:PORT; port 0 takes a free one")->capture_default_str();
  command->add_option("--connections", *connections, "at a time; one more is closed at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->footer(
      "Serves /log/SUBJECT/checkpoint, /log/SUBJECT/tile/LEVEL/INDEX and /log/SUBJECT/tile/entries/INDEX, up to the\n"
      "latest checkpoint that the gate has signed. Needs no key. --subject serves one log alone.\n\n"
      "examples:\n  pawl serve\n  pawl serve --listen 127.0.0.1:9000\n"
      "  curl http://127.0.0.1:8440/log/collision-avoidance/checkpoint");
  command->callback([=, &globals] { globals.exit = ServeLogs(globals, *where, *connections); });
}

}  // namespace pawl::cli
