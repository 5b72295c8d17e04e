#include "cli/health_site.h"

#include <cstdio>
#include <utility>

#include "cli/log_file.h"
#include "encoding/utf8.h"

namespace pawl::cli {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

Result<void> HealthSite::Listen(const std::string& where) {
  Result<server::HttpServer> server = server::HttpServer::Listen(
      where, {.connections_max = 16}, [this](const server::HttpRequest& request) { return Answer(request); });
  if (!server.ok()) return server.error();
  server_.emplace(std::move(*server));
  thread_ = std::jthread([this](const std::stop_token& stop) { server_->Run(stop); });
  return {};
}

void HealthSite::Begin(const std::string& subject) {
  const std::lock_guard guard(mutex_);
  subjects_.try_emplace(subject);
}

void HealthSite::Tell(const std::string& subject, const LookedAt& looked) {
  const std::lock_guard guard(mutex_);
  Subject& one = subjects_[subject];
  one.looked = looked;
  one.rule.clear();
}

void HealthSite::TellBroken(const std::string& subject, const std::string& rule) {
  const std::lock_guard guard(mutex_);
  subjects_[subject].rule = rule;
}

void HealthSite::CountActs(const std::string& subject, uint64_t acts) {
  const std::lock_guard guard(mutex_);
  subjects_[subject].acts += acts;
}

server::HttpResponse HealthSite::Answer(const server::HttpRequest& request) const {
  if (request.target != "/healthz" && request.target != "/metrics") {
    return server::HttpResponse::Text(404, "there are /healthz and /metrics\n");
  }
  if (server::Acts(request.method)) {
    server::HttpResponse refused = server::HttpResponse::Text(405, "only GET and HEAD here\n");
    refused.allow = "GET, HEAD";
    return refused;
  }
  const std::lock_guard guard(mutex_);
  if (request.target == "/healthz") {
    std::string broken;
    for (const auto& [name, one] : subjects_) {
      if (!one.rule.empty()) broken += name + ": " + one.rule + "\n";
    }
    return broken.empty() ? server::HttpResponse::Text(200, "ok\n") : server::HttpResponse::Text(503, broken);
  }
  std::string text;
  const auto family = [&](const std::string& name, const char* type, const char* help, auto value) {
    text += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
    for (const auto& [subject, one] : subjects_) {
      // A ledger's file may be called anything; a subject has a name, in which nothing has to be escaped.
      if (!encoding::IsName(subject)) continue;
      text += name + "{subject=\"" + subject + "\"} " + std::to_string(value(one)) + "\n";
    }
  };
  family("pawl_ledger_readable", "gauge", "1 where the last look at the ledger succeeded.",
         [](const Subject& one) { return one.rule.empty() && one.looked.looked_s > 0 ? 1 : 0; });
  family("pawl_ledger_events_total", "counter", "Entries of the ledger.",
         [](const Subject& one) { return one.looked.events; });
  family("pawl_looked_time_seconds", "gauge", "When it last looked and nothing was wrong.",
         [](const Subject& one) { return one.looked.looked_s; });
  family("pawl_open_proposals", "gauge", "Proposals without an outcome.",
         [](const Subject& one) { return one.looked.open; });
  family("pawl_acts_total", "counter", "What it has signed or moved on since it began.",
         [](const Subject& one) { return one.acts; });
  return {.status = 200, .content_type = kMetricsType, .body = text};
}

Result<void> ListenForHealth(const Globals& globals, HealthSite& health, const std::string& where) {
  if (where.empty()) return {};
  if (Result<void> listens = health.Listen(where); !listens.ok()) return listens;
  LogLine(LogLevel::kInfo, "says how it is at http://" + health.address());
  if (!globals.quiet) std::fprintf(stderr, "health: http://%s/healthz\n", health.address().c_str());
  return {};
}

}  // namespace pawl::cli
