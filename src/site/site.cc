#include "site/site.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "encoding/number.h"
#include "gate/trace.h"
#include "ledger/loader_memory.h"
#include "site/embedded.h"
#include "site/metrics.h"
#include "site/pictures.h"
#include "site/proof_view.h"
#include "site/proposal_view.h"
#include "site/request.h"
#include "site/signing_desk.h"
#include "site/subject_views.h"

namespace pawl::site {
namespace {

using encoding::Json;
using server::HttpRequest;
using server::HttpResponse;

constexpr char kApi[] = "/api/v1/";
constexpr char kJson[] = "application/json";

// The page loads from here and talks with here, and with nobody else; it is in nobody's frame; script text is never
// made from strings.
constexpr std::pair<const char*, const char*> kPageHeaders[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy",
     "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), "
     "microphone=(), geolocation=()"}};

enum class Method { kGet, kPost };

// What a route has of its path: "{subject}" and the second name in braces.
struct Call {
  ledger::SubjectLog* log = nullptr;
  std::string name;
  std::string_view query;
  const std::string* body = nullptr;
  DeskTerms desk;
  KeptLife* life = nullptr;
  int64_t now_s = 0;
};

Result<Json> Proposals(const Call& call) {
  const Result<Slice> slice = ReadSlice(call.query);
  return slice.ok() ? InboxView(*call.log, *slice, call.now_s) : Result<Json>(slice.error());
}

Result<Json> OneProposal(const Call& call) {
  Result<const audit::ProposalHistory*> proposal = FindProposal(*call.log, call.name);
  return proposal.ok() ? ProposalView(*call.log, **proposal, call.now_s) : Result<Json>(proposal.error());
}

// Of a proposal, by a function of these two.
template <Result<Json> (*kView)(const ledger::SubjectLog&, const audit::ProposalHistory&)>
Result<Json> OfProposal(const Call& call) {
  Result<const audit::ProposalHistory*> proposal = FindProposal(*call.log, call.name);
  return proposal.ok() ? kView(*call.log, **proposal) : Result<Json>(proposal.error());
}

Result<Json> DecisionMap(const Call& call) {
  Result<const audit::ProposalHistory*> proposal = FindProposal(*call.log, call.name);
  if (!proposal.ok()) return proposal.error();
  const Result<MapQuery> query = ReadMapQuery(call.query);
  return query.ok() ? DecisionMapView(*call.log, **proposal, *query) : Result<Json>(query.error());
}

Result<Json> Releases(const Call& call) {
  const Result<Slice> slice = ReadSlice(call.query);
  return slice.ok() ? ReleasesView(*call.log, *slice) : Result<Json>(slice.error());
}

Result<Json> LedgerEntries(const Call& call) {
  const Result<Slice> slice = ReadSlice(call.query);
  return slice.ok() ? LedgerView(*call.log, *slice) : Result<Json>(slice.error());
}

Result<Json> OneEntry(const Call& call) {
  const Result<uint64_t> index = encoding::ParseUnsigned(call.name, uint64_t{1} << 53);
  if (index.ok()) return EntryView(*call.log, *index);
  return Error{ErrorCode::kNotFound, "site.no-entry", "entries have numbers, from 0", "GET the list of entries"};
}

Result<Json> Draft(const Call& call) { return DraftStatement(*call.log, *call.body, call.now_s); }

// Opened for writing only now, so that whoever reads alone needs no right to write.
Result<Json> Sign(const Call& call) {
  const ledger::Home& home = call.log->home();
  Result<ledger::SubjectLog> opened = ledger::SubjectLog::Open(
      home, call.log->subject(), ledger::LedgerAccess::kReadWrite, ledger::FoldFrom::kSnapshot);
  if (opened.ok()) {
    Result<void> newest = ledger::RequireNotOlder(*opened, home.StatePath(call.log->subject()));
    if (!newest.ok()) opened = newest.error();
  }
  return TakeSignature(*call.log, opened, *call.body, call.desk, call.now_s);
}

// Folded anew only when the log has grown: a long life takes a second.
Result<Json> Life(const Call& call) {
  const uint64_t size = call.log->history().size();
  if (call.life->size != size) {
    Result<Json> life = LifeView(*call.log);
    if (!life.ok()) return life.error();
    *call.life = {size, std::move(*life)};
  }
  return call.life->view;
}

struct Route {
  Method method;
  std::string_view pattern;              // below kApi/subjects/{subject}
  Result<Json> (*handler)(const Call&);  // null: the event stream
};

constexpr Route kRoutes[] = {
    {Method::kGet, "", [](const Call& call) { return Result<Json>(SubjectView(*call.log, call.now_s)); }},
    {Method::kGet, "/proposals", Proposals},
    {Method::kGet, "/proposals/{proposal}", OneProposal},
    {Method::kGet, "/proposals/{proposal}/diff", OfProposal<DiffView>},
    {Method::kGet, "/proposals/{proposal}/charter", OfProposal<CharterChangesView>},
    {Method::kGet, "/proposals/{proposal}/networks", OfProposal<NetworksView>},
    {Method::kGet, "/proposals/{proposal}/map", DecisionMap},
    {Method::kGet, "/proposals/{proposal}/proofs", OfProposal<ProofsView>},
    {Method::kGet, "/life", Life},
    {Method::kGet, "/releases", Releases},
    {Method::kGet, "/ledger", LedgerEntries},
    {Method::kGet, "/ledger/{index}", OneEntry},
    {Method::kGet, "/events", nullptr},
    {Method::kPost, "/drafts", Draft},
    {Method::kPost, "/signatures", Sign}};

unsigned StatusFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
    case ErrorCode::kMalformed:
      return 400;
    case ErrorCode::kRefused:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kPending:
      return 409;
    case ErrorCode::kLimit:
      return 413;
    case ErrorCode::kUnknown:
    case ErrorCode::kSystem:
      return 503;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

HttpResponse JsonAnswer(unsigned status, const Json& json) {
  return {.status = status,
          .content_type = kJson,
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace),
          .headers = {{"Cross-Origin-Resource-Policy", "same-origin"}}};
}

HttpResponse Failed(unsigned status, const Error& error) {
  return JsonAnswer(status, {{"error", {{"rule", error.rule}, {"message", error.message}, {"advice", error.advice}}}});
}

HttpResponse Failed(const Error& error) { return Failed(StatusFor(error.code), error); }

HttpResponse NoSuchPath() {
  return Failed({ErrorCode::kNotFound, "site.no-path", "no such path", "GET /api/v1/openapi.json lists them"});
}

HttpResponse WrongMethod(std::string allow) {
  HttpResponse answer = Failed(405, {ErrorCode::kUsage, "site.method", "not by this method", "use " + allow});
  answer.allow = std::move(allow);
  return answer;
}

bool IsRead(const HttpRequest& request) { return request.method == "GET" || request.method == "HEAD"; }

HttpResponse PageAnswer(const HttpRequest& request, const EmbeddedFile& file) {
  if (!IsRead(request)) return WrongMethod("GET, HEAD");
  HttpResponse answer{.status = 200,
                      .content_type = std::string(file.content_type),
                      .cache_control = "no-cache",
                      .body = std::string(file.bytes)};
  for (const auto& [name, value] : kPageHeaders) answer.headers.emplace_back(name, value);
  return answer;
}

// What others have appended since; of a ledger that is read as a copy, from a new one.
Result<void> Renew(ledger::SubjectLog& log) {
  Result<void> copied = log.ledger().RenewCopy();
  return copied.ok() ? log.Refresh() : copied;
}

}  // namespace

bool Site::Bucket::Take() {
  const auto now = std::chrono::steady_clock::now();
  left_ = std::min(rate_.burst, left_ + std::chrono::duration<double>(now - last_).count() * rate_.per_second);
  last_ = now;
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

bool Site::MayAsk(const HttpRequest& request) {
  const std::string name = PeerOf(request);
  auto peer = peers_.find(name);
  if (peer == peers_.end()) {
    if (peers_.size() >= kPeersMax) {
      peers_.erase(std::ranges::min_element(peers_, {}, [](const auto& one) { return one.second.turn; }));
    }
    peer = peers_.emplace(name, Peer{Bucket(options_.reading), Bucket(options_.signing)}).first;
  }
  peer->second.turn = ++turn_;
  return (server::Acts(request.method) ? peer->second.signing : peer->second.reading).Take();
}

Result<Site> Site::Open(const ledger::Home& home, const std::vector<std::string>& subjects, SiteOptions options) {
  Site site(home, std::move(options));
  for (const std::string& subject : subjects) {
    Result<ledger::SubjectLog> log =
        ledger::SubjectLog::Open(home, subject, ledger::LedgerAccess::kReadOnly, ledger::FoldFrom::kSnapshot);
    if (!log.ok()) return log.error();
    const auto at = site.logs_.emplace(subject, std::move(*log)).first;
    site.feeds_.emplace(subject, EventFeed(at->second, site.options_.now_s));
  }
  return site;
}

HttpResponse Site::Answer(const HttpRequest& request) {
  if (!options_.names.contains(request.Field("host").value_or(""))) {
    return Failed({ErrorCode::kRefused, "site.name", "this server does not answer under that name",
                   "use the address that it printed, or give it the name: pawl serve --name HOST[:PORT]"});
  }
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query = target.substr(std::min(target.size(), path.size() + 1));
  if (path.starts_with(kApi)) return AnswerApi(request, path, query);
  const EmbeddedFile* file = FindEmbedded(path);
  return file == nullptr || !query.empty() ? NoSuchPath() : PageAnswer(request, *file);
}

std::optional<HttpResponse> Site::AnswerWatcher(const HttpRequest& request, const server::HttpCounts& counts) {
  if (request.target != "/healthz" && request.target != "/metrics") return std::nullopt;
  if (!IsRead(request)) return WrongMethod("GET, HEAD");
  const std::string host = request.Field("host").value_or("");
  if (!options_.names.contains(host) && !IsIpAddress(host)) {
    return HttpResponse::Text(403, "under an IP address or a name of this server\n");
  }
  if (!MayAsk(request)) return HttpResponse::Text(429, "too many requests; ask again in a second\n");
  std::vector<WatchedSubject> subjects;
  std::string broken;
  for (auto& [name, log] : logs_) {
    const Result<void> fresh = Renew(log);
    const bool is_halted = log.history().has_genesis() && SubjectSummary(log, options_.now_s())["halted"].get<bool>();
    subjects.push_back({.name = name, .log = &log, .is_readable = fresh.ok(), .is_halted = is_halted});
    if (!fresh.ok()) broken += name + ": " + fresh.error().rule + "\n";
  }
  if (request.target == "/healthz") {
    return broken.empty() ? HttpResponse::Text(200, "ok\n") : HttpResponse::Text(503, broken);
  }
  return HttpResponse{
      .status = 200, .content_type = kMetricsType, .body = MetricsText(subjects, counts, options_.now_s())};
}

HttpResponse Site::AnswerApi(const HttpRequest& request, std::string_view path, std::string_view query) {
  const bool is_dear = path.ends_with("/map") || path.ends_with("/networks") || path.ends_with("/proofs");
  if (!MayAsk(request) || (is_dear && !computing_.Take())) {
    return Failed(429, {ErrorCode::kLimit, "site.rate", "too many requests", "ask again in a second"});
  }
  const bool takes_query = path.ends_with("/proposals") || path.ends_with("/releases") || path.ends_with("/ledger") ||
                           path.ends_with("/map");
  if (!query.empty() && !takes_query) {
    return Failed({ErrorCode::kUsage, "site.query", "this path takes no query", "leave it out"});
  }
  path.remove_prefix(sizeof kApi - 1);
  if (path == "openapi.json" || path == "subjects") {
    if (!IsRead(request)) return WrongMethod("GET, HEAD");
    if (path == "openapi.json") return {.status = 200, .content_type = kJson, .body = std::string(OpenApiDocument())};
    Json rows = Json::array();
    for (auto& [name, log] : logs_) {
      if (Result<void> fresh = Renew(log); !fresh.ok()) return Failed(fresh.error());
      if (log.history().has_genesis()) rows.push_back(SubjectSummary(log, options_.now_s()));
    }
    return JsonAnswer(200, {{"subjects", rows}});
  }
  constexpr std::string_view kSubjects = "subjects/";
  if (!path.starts_with(kSubjects)) return NoSuchPath();
  path.remove_prefix(kSubjects.size());
  const std::string subject(path.substr(0, path.find('/')));
  path.remove_prefix(subject.size());
  const auto log = logs_.find(subject);
  if (log == logs_.end()) return NoSuchPath();
  Call call{.log = &log->second,
            .name = {},
            .query = query,
            .body = &request.body,
            .desk = options_.desk,
            .life = &lives_[subject],
            .now_s = options_.now_s()};
  const auto route =
      std::ranges::find_if(kRoutes, [&](const Route& one) { return MatchesPattern(one.pattern, path, call.name); });
  if (route == std::end(kRoutes)) return NoSuchPath();
  const bool posts = route->method == Method::kPost;
  if (posts ? request.method != "POST" : !IsRead(request)) return WrongMethod(posts ? "POST" : "GET, HEAD");
  // A form of another page's can be posted here, and has neither.
  if (posts && request.Field("content-type") != kJson) {
    return Failed(415, {ErrorCode::kUsage, "site.content-type", "a body is application/json", "say so"});
  }
  if (posts && request.HasField("origin") && !IsOurOrigin(request.Field("origin").value_or(""), options_.names)) {
    return Failed({ErrorCode::kRefused, "site.origin", "a page of another origin may not ask for this", ""});
  }
  if (Result<void> fresh = Renew(log->second); !fresh.ok()) return Failed(fresh.error());
  if (!log->second.history().has_genesis()) {
    return Failed({ErrorCode::kNotFound, "gate.no-genesis", "'" + subject + "' has no charter yet", "pawl init"});
  }
  if (route->handler == nullptr) {
    HttpResponse stream{.status = 200,
                        .content_type = kEventStream,
                        .headers = {{"Cross-Origin-Resource-Policy", "same-origin"}, {"X-Accel-Buffering", "no"}}};
    if (request.method == "GET") {
      std::optional<std::string> last;
      if (request.HasField("last-event-id")) last = request.Field("last-event-id").value_or("");
      stream.more = feeds_.at(subject).Follow(last);
    }
    return stream;
  }
  const Result<Json> answer = route->handler(call);
  HttpResponse response = answer.ok() ? JsonAnswer(200, *answer) : Failed(answer.error());
  std::string proposal(call.name);
  if (posts && answer.ok() && answer->is_object()) proposal = answer->value("proposal", std::string());
  const audit::ProposalHistory* found = log->second.history().Find(proposal);
  if (options_.traced && found != nullptr) {
    options_.traced(request, {.subject = subject,
                              .proposal = proposal,
                              .trace_id = gate::TraceIdOf(found->proposal),
                              .status = response.status});
  }
  return response;
}

std::vector<std::string> Routes() {
  std::vector<std::string> routes = {std::string("GET ") + kApi + "openapi.json",
                                     std::string("GET ") + kApi + "subjects"};
  for (const Route& route : kRoutes) {
    routes.push_back(std::string(route.method == Method::kPost ? "POST " : "GET ") + kApi + "subjects/{subject}" +
                     std::string(route.pattern));
  }
  return routes;
}

}  // namespace pawl::site
