// pawl serve: the page and API of this home over HTTP, and its logs as C2SP tlog-tiles.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "gate/trace.h"
#include "server/http_server.h"
#include "server/log_site.h"
#include "site/login.h"
#include "site/notifier.h"
#include "site/site.h"

namespace pawl::cli {
namespace {

struct ServeOptions {
  std::string where = "127.0.0.1:8440";
  std::vector<std::string> names;
  size_t connections_max = server::HttpLimits{}.connections_max;
  size_t streams_max = server::HttpLimits{}.streams_max;
  std::string login_file;
  std::string notify_file;
  site::DeskTerms desk;
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

// Each connection is a descriptor. The system's soft limit is for programs that use select().
Result<void> RequireDescriptors(size_t connections) {
  constexpr rlim_t kForTheRest = 128;  // ledgers, stores, who is being accepted
  const rlim_t needed = connections + kForTheRest;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == needed) return {};
  return Error{ErrorCode::kUsage, "serve.descriptors",
               "the system allows this program " + std::to_string(limit.rlim_max) + " open files, and it could need " +
                   std::to_string(needed),
               "lower --connections or --streams, or raise the limit (ulimit -Hn, LimitNOFILE=)"};
}

// On standard error, which is where services are read, and in the log.
void Say(const std::string& text) {
  LogLine(LogLevel::kError, text);
  if (!LogsJsonOnStandardError()) std::fprintf(stderr, "%s\n", Shown(text).c_str());
}

// An answer about a proposal: always where it was signed or the caller has a trace of its own, else for --verbose.
void NoteAnswer(const server::HttpRequest& request, const site::TracedAnswer& answer) {
  const std::string given = request.Field("traceparent").value_or("");
  const std::optional<gate::TraceParent> caller = gate::ParseTraceParent(given);
  const bool acts = server::Acts(request.method);
  LogLine(acts || caller ? LogLevel::kInfo : LogLevel::kDebug, acts ? "acted on a proposal" : "showed a proposal",
          {{"subject", answer.subject},
           {"proposal", answer.proposal},
           {"trace_id", answer.trace_id},
           {"method", request.method},
           {"target", request.target},
           {"status", std::to_string(answer.status)},
           {"caller_trace_id", caller ? caller->trace_id : ""},
           {"caller_span_id", caller ? caller->span_id : ""}});
}

Result<std::optional<site::Notifier>> OpenNotifier(const ledger::Home& home, const std::vector<std::string>& subjects,
                                                   const std::string& file) {
  if (file.empty()) return std::optional<site::Notifier>();
  Result<site::NotifySettings> settings = site::ReadNotifySettings(file);
  if (!settings.ok()) return settings.error();
  Result<site::Notifier> notifier = site::Notifier::Open(home, subjects, std::move(*settings),
                                                         [](const std::string& text) { Say("notify: " + text); });
  if (!notifier.ok()) return notifier.error();
  return std::optional(std::move(*notifier));
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
  if (Result<void> enough = RequireDescriptors(options.connections_max + options.streams_max); !enough.ok()) {
    return Fail(globals, enough.error());
  }
  Result<server::LogSite> logs = server::LogSite::Open(*home, subjects);
  if (!logs.ok()) return Fail(globals, logs.error());
  const InterruptWatch watch(/*enabled=*/true);
  std::optional<site::Login> login;
  if (!options.login_file.empty()) {
    Result<site::Login> read = site::Login::Read(options.login_file);
    if (!read.ok()) return Fail(globals, read.error());
    login.emplace(std::move(*read));
  }
  Result<std::optional<site::Notifier>> notifier = OpenNotifier(*home, subjects, options.notify_file);
  if (!notifier.ok()) return Fail(globals, notifier.error());
  std::optional<site::Site> pages;
  std::function<server::HttpResponse(const server::HttpRequest&)> answer;
  Result<server::HttpServer> server =
      server::HttpServer::Listen(options.where,
                                 {.connections_max = options.connections_max,
                                  .streams_max = options.streams_max,
                                  .body_bytes_max = site::kRequestBytesMax},
                                 [&](const server::HttpRequest& request) { return answer(request); });
  if (!server.ok()) return Fail(globals, server.error());
  if (!server->is_loopback() && !options.beyond_loopback) return Fail(globals, NotLoopback(options.where));
  Result<site::Site> opened = site::Site::Open(*home, subjects,
                                               {.names = NamesOf(server->address(), options.names),
                                                .now_s = [] { return int64_t{std::time(nullptr)}; },
                                                .desk = options.desk,
                                                .traced = NoteAnswer});
  answer = [&](const server::HttpRequest& request) {
    if (pages) {
      if (auto watched = pages->AnswerWatcher(request, server->counts())) return std::move(*watched);
    }
    if (login && !login->Who(request)) {
      return server::HttpResponse::Text(401, "log in at the proxy that stands before this server\n");
    }
    if (request.target.starts_with("/log/")) return logs->Answer(request);
    return pages ? pages->Answer(request) : server::HttpResponse::Text(503, "the ledger cannot be read\n");
  };
  // A log that does not fold is still published: whoever follows it finds out what is wrong with it.
  if (opened.ok()) {
    pages.emplace(std::move(*opened));
  } else {
    Say("the logs alone are served: " + opened.error().message + " (" + opened.error().rule + ")");
  }
  ShowAddresses(globals, server->address(), subjects);
  LogLine(LogLevel::kInfo, "listens at " + server->address());
  std::jthread notifying;
  if (*notifier) notifying = std::jthread([&](const std::stop_token& stop) { (*notifier)->Run(stop); });
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
  command
      ->add_option("--approvals-a-day", options->desk.approvals_a_day_max,
                   "of releases, that one person may give on this page")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_flag("--beyond-loopback", options->beyond_loopback, "listen where other machines can read everything");
  command->add_option("--login", options->login_file, "FILE with the secret of a proxy that asks people to log in");
  command->add_option("--notify", options->notify_file, "FILE with webhooks and channels to tell what happens");
  command
      ->add_option("--connections", options->connections_max, "at a time; one more takes the place of one that waits")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--streams", options->streams_max, "event streams at a time, beside connections")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  command->footer(
      "The page is at /, its API at /api/v1/openapi.json. Reading needs no key; approving and rejecting are signed by\n"
      "a passkey in the browser. /log/SUBJECT/checkpoint, /log/SUBJECT/tile/LEVEL/INDEX and\n"
      "/log/SUBJECT/tile/entries/INDEX are the log as C2SP tlog-tiles, up to the latest checkpoint that the gate has\n"
      "signed. --subject serves one alone. /healthz and /metrics (Prometheus) are for programs that watch.\n"
      "With --login nothing else is answered unless a proxy on this machine passes on who has logged in.\n\n"
      "examples:\n  pawl serve\n  pawl serve --listen 127.0.0.1:9000 --name review.example.org\n"
      "  pawl serve --name review.example.org --login /etc/pawl/login --notify ~/.local/state/pawl/notify.json\n"
      "  curl http://127.0.0.1:8440/log/collision-avoidance/checkpoint");
  command->callback([=, &globals] { globals.exit = Serve(globals, *options); });
}

}  // namespace pawl::cli
