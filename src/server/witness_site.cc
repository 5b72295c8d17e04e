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

std::optional<HttpResponse> AnswerNotices(notices::Boards& boards, const HttpRequest& request, int64_t now_s) {
  constexpr std::string_view kRoot = "/notices/", kStops = "stops", kVotes = "votes/";
  if (!request.target.starts_with(kRoot)) return std::nullopt;
  const std::string_view rest = std::string_view(request.target).substr(kRoot.size());
  const std::string board(rest.substr(0, rest.find('/')));
  const std::string_view what = board.size() == rest.size() ? "" : rest.substr(board.size() + 1);
  const char* const method = what.empty() ? "POST" : "GET";
  if (request.method != method) {
    HttpResponse refused = HttpResponse::Text(405, "a notice is sent by POST, and lists are read by GET\n");
    refused.allow = method;
    return refused;
  }
  if (what.empty()) {
    const notices::Taken taken = boards.Add(board, request.body, now_s);
    return HttpResponse::Text(taken.status, taken.words + "\n");
  }
  std::optional<std::string> list;
  if (what == kStops) {
    list = boards.Stops(board);
  } else if (what.starts_with(kVotes)) {
    const Result<crypto::Digest> candidate = crypto::Digest::Parse("sha256:" + std::string(what.substr(kVotes.size())));
    if (!candidate.ok()) return HttpResponse::Text(400, "a candidate is 64 hexadecimal digits\n");
    list = boards.VotesOn(board, *candidate);
  }
  if (!list) return HttpResponse::Text(404, "no notices are taken here for this log\n");
  return HttpResponse{.status = 200, .content_type = "application/json", .body = *std::move(list)};
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
