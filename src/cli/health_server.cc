#include "cli/health_server.h"

#include <cstdio>
#include <utility>

#include "cli/log_file.h"

namespace pawl::cli {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

server::HttpResponse AnswerHealth(const server::HttpRequest& request, const HealthTexts& texts) {
  if (request.target != "/healthz" && request.target != "/metrics") {
    return server::HttpResponse::Text(404, "there are /healthz and /metrics\n");
  }
  if (server::Acts(request.method)) {
    server::HttpResponse refused = server::HttpResponse::Text(405, "only GET and HEAD here\n");
    refused.allow = "GET, HEAD";
    return refused;
  }
  if (request.target == "/metrics") return {.status = 200, .content_type = kMetricsType, .body = texts.metrics()};
  const std::string wrong = texts.wrong();
  return wrong.empty() ? server::HttpResponse::Text(200, "ok\n") : server::HttpResponse::Text(503, wrong);
}

Result<void> HealthServer::Listen(const std::string& where, HealthTexts texts) {
  texts_ = std::move(texts);
  Result<server::HttpServer> server =
      server::HttpServer::Listen(where, {.connections_max = 16},
                                 [this](const server::HttpRequest& request) { return AnswerHealth(request, texts_); });
  if (!server.ok()) return server.error();
  server_.emplace(std::move(*server));
  thread_ = std::jthread([this](const std::stop_token& stop) { server_->Run(stop); });
  return {};
}

std::string MetricHead(const std::string& name, const char* type, const char* help) {
  return "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

void SayWhereHealthIs(const Globals& globals, const std::string& address) {
  LogLine(LogLevel::kInfo, "says how it is at http://" + address);
  if (!globals.quiet) std::fprintf(stderr, "health: http://%s/healthz\n", address.c_str());
}

}  // namespace pawl::cli
