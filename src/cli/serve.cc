// pawl serve: the page and API of this home over HTTP, and its logs as C2SP tlog-tiles.
#include <cstdio>
#include <ctime>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "server/http_server.h"
#include "server/log_site.h"
#include "site/site.h"

namespace pawl::cli {
namespace {

struct ServeOptions {
  std::string where = "127.0.0.1:8440";
  std::vector<std::string> names;
  size_t connections_max = server::HttpLimits{}.connections_max;
  bool beyond_loopback = false;
};

// How browsers on this machine call it, and what people say that proxies before it pass on.
std::set<std::string> NamesOf(const std::string& address, const std::vector<std::string>& more) {
  std::set<std::string> names(more.begin(), more.end());
  names.insert({address, "localhost" + address.substr(address.rfind(':'))});
  return names;
}

Error NotLoopback(const std::string& where) {
  return {ErrorCode::kUsage, "serve.beyond-loopback",
          "whoever reaches " + where + " could read everything in this home's ledgers, candidates included",
          "--beyond-loopback says that this is meant; there is no TLS: put a proxy before it"};
}

void ShowAddresses(const Globals& globals, const std::string& address, const std::vector<std::string>& subjects) {
  const std::string page = "http://localhost" + address.substr(address.rfind(':')) + "/";
  encoding::Json logs = encoding::Json::object();
  if (!globals.json) std::printf("page: %s\n", page.c_str());
  for (const std::string& subject : subjects) {
    logs[subject] = "http://" + address + server::LogSite::Prefix(subject);
    if (!globals.json) std::printf("%s: %s\n", subject.c_str(), logs[subject].get<std::string>().c_str());
  }
  if (globals.json) PrintJson({{"address", address}, {"page", page}, {"logs", logs}});
  std::fflush(stdout);
}

ExitCode Serve(const Globals& globals, const ServeOptions& options) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return Fail(globals, home.error());
  const std::vector<std::string> subjects =
      globals.subject.empty() ? home->Subjects() : std::vector<std::string>{globals.subject};
  if (subjects.empty()) {
    return Fail(globals, {ErrorCode::kNotFound, "serve.no-subject", "this home has no subject yet", "pawl init"});
  }
  if (!globals.state.empty()) {
    return Fail(globals, {ErrorCode::kUsage, "serve.state", "the page halts the loaders of the home, and no other",
                          "leave --state out"});
  }
  Result<server::LogSite> logs = server::LogSite::Open(*home, subjects);
  if (!logs.ok()) return Fail(globals, logs.error());
  const InterruptWatch watch(/*enabled=*/true);
  std::optional<site::Site> pages;
  Result<server::HttpServer> server = server::HttpServer::Listen(
      options.where, {.connections_max = options.connections_max, .body_bytes_max = site::kRequestBytesMax},
      [&](const server::HttpRequest& request) {
        if (request.target.starts_with("/log/")) return logs->Answer(request);
        return pages ? pages->Answer(request) : server::HttpResponse::Text(503, "the ledger cannot be read\n");
      });
  if (!server.ok()) return Fail(globals, server.error());
  if (!server->is_loopback() && !options.beyond_loopback) return Fail(globals, NotLoopback(options.where));
  Result<site::Site> opened = site::Site::Open(
      *home, subjects,
      {.names = NamesOf(server->address(), options.names), .now_s = [] { return int64_t{std::time(nullptr)}; }});
  // A log that does not fold is still published: whoever follows it finds out what is wrong with it.
  if (opened.ok()) {
    pages.emplace(std::move(*opened));
  } else {
    std::fprintf(stderr, "the logs alone are served: %s (%s)\n", Shown(opened.error().message).c_str(),
                 opened.error().rule.c_str());
  }
  ShowAddresses(globals, server->address(), subjects);
  LogLine(LogLevel::kInfo, "serve: listens at " + server->address());
  server->Run(watch.token());
  return ExitCode::kYes;
}

}  // namespace

void AddServe(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command =
      app.add_subcommand("serve", "a page to review and sign on, its API, and the logs, over HTTP until interrupted");
  command->add_option("--listen", options->where, "ADDRESS:PORT; port 0 takes a free one")->capture_default_str();
  command->add_option("--name", options->names, "HOST[:PORT] under which a proxy passes requests on; may be repeated");
  command->add_flag("--beyond-loopback", options->beyond_loopback, "listen where other machines can read everything");
  command->add_option("--connections", options->connections_max, "at a time; one more is closed at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->footer(
      "The page is at /, its API at /api/v1/openapi.json. Reading needs no key; approving and rejecting are signed by\n"
      "a passkey in the browser. /log/SUBJECT/checkpoint, /log/SUBJECT/tile/LEVEL/INDEX and\n"
      "/log/SUBJECT/tile/entries/INDEX are the log as C2SP tlog-tiles, up to the latest checkpoint that the gate has\n"
      "signed. --subject serves one alone.\n\n"
      "examples:\n  pawl serve\n  pawl serve --listen 127.0.0.1:9000 --name review.example.org\n"
      "  curl http://127.0.0.1:8440/log/collision-avoidance/checkpoint");
  command->callback([=, &globals] { globals.exit = Serve(globals, *options); });
}

}  // namespace pawl::cli
