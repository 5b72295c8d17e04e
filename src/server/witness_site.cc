#include "server/witness_site.h"

#include <tuple>

namespace pawl::server {
namespace {

// A log's origin is its owner's choice: in a label the quotation mark, the backslash and line ends are escaped.
std::string Label(std::string_view origin) {
  std::string out;
  for (const char c : origin) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return "{log=\"" + out + "\"}";
}

}  // namespace

std::optional<HttpResponse> AnswerWitnessWatcher(const witness::Witness& witness, const HttpRequest& request,
                                                 const HttpCounts& counts) {
  if (request.target != "/healthz" && request.target != "/metrics") return std::nullopt;
  if (Acts(request.method)) {
    HttpResponse refused = HttpResponse::Text(405, "only GET and HEAD here\n");
    refused.allow = "GET, HEAD";
    return refused;
  }
  if (request.target == "/healthz") return HttpResponse::Text(200, "ok\n");
  std::string text;
  const auto begin = [&](const std::string& name, const char* type, const char* help) {
    text += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
    return name;
  };
  const std::string size = begin("pawl_witness_log_size", "gauge", "Entries of the log when it was last cosigned.");
  for (const auto& [origin, log] : witness.logs()) text += size + Label(origin) + " " + std::to_string(log.size) + "\n";
  const std::string time = begin("pawl_witness_cosigned_time_seconds", "gauge", "When it was last cosigned, 0 never.");
  for (const auto& [origin, log] : witness.logs()) {
    text += time + Label(origin) + " " + std::to_string(log.time_s) + "\n";
  }
  for (const auto& [name, help, count] :
       {std::tuple{"pawl_http_answers_total", "Answers sent.", counts.answers},
        std::tuple{"pawl_http_refused_total", "Answers with a status of 400 to 499.", counts.answers_refused},
        std::tuple{"pawl_http_failed_total", "Answers with a status of 500 or more.", counts.answers_failed}}) {
    text += begin(name, "counter", help) + " " + std::to_string(count) + "\n";
  }
  return HttpResponse{.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = text};
}

HttpResponse AnswerWitness(witness::Witness& witness, const HttpRequest& request, int64_t now_s) {
  if (request.target != "/add-checkpoint") return HttpResponse::Text(404, "no such resource\n");
  if (request.method != "POST") {
    HttpResponse refused = HttpResponse::Text(405, "a checkpoint is sent by POST\n");
    refused.allow = "POST";
    return refused;
  }
  const witness::Cosigned answer = witness.AddCheckpoint(request.body, now_s);
  return {.status = answer.status, .content_type = answer.content_type, .body = answer.body};
}

}  // namespace pawl::server
