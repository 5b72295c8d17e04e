// The HTTP API below /api/v1/ and the page at /, over the ledgers of a home.
//
//   Result<Site> site = Site::Open(home, {"engine"}, {.names = {"localhost:8440", "127.0.0.1:8440"}});
//   HttpServer::Listen(where, limits, [&](const HttpRequest& request) { return site->Answer(request); });
//
// openapi.json describes every path and field, and a test holds the two together. What is read comes from the ledger
// and the store, folded and verified here; texts of candidates come with what cannot be seen made visible. What is
// signed is signed elsewhere, by a passkey whose challenge is the statement (signing_desk.h): this part holds no key,
// and never acts as the gate. Who can reach it can read everything that the home's ledgers say.
// /events follows a subject as server-sent events (event_feed.h), by HttpResponse::more, for as long as the site lives.
//
// A request is answered under a name of `names` alone: a page of somebody else's that makes its own name point here
// (DNS rebinding) reads nothing. Errors are {"error": {rule, message, advice}}.
//
// Thread safety: belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/home.h"
#include "ledger/subject_log.h"
#include "result/result.h"
#include "server/http_message.h"
#include "server/http_server.h"
#include "site/event_feed.h"
#include "site/signing_desk.h"

namespace pawl::site {

// So many requests at once, and so many a second from then on: of each address.
struct Rate {
  double burst = 0;
  double per_second = 0;
};

// An answer that was about a proposal which the ledger has.
struct TracedAnswer {
  std::string subject, proposal;
  std::string trace_id;  // gate/trace.h
  unsigned status = 0;
};

struct SiteOptions {
  std::set<std::string> names;  // hosts as browsers send them, with the port
  std::function<int64_t()> now_s;
  Rate reading{.burst = 200, .per_second = 50};
  Rate signing{.burst = 10, .per_second = 1};
  Rate computing{.burst = 20, .per_second = 2};  // of pictures that are computed for whoever asks
  DeskTerms desk{};
  std::function<void(const server::HttpRequest&, const TracedAnswer&)> traced{};  // may be empty
};

// The pictures of a life, as of a size of its log.
struct KeptLife {
  uint64_t size = 0;
  encoding::Json view;
};

inline constexpr size_t kPeersMax = 4'096;  // whose rates are remembered; who was silent longest makes room

inline constexpr size_t kRequestBytesMax = size_t{128} << 10;

class Site {
 public:
  static Result<Site> Open(const ledger::Home& home, const std::vector<std::string>& subjects, SiteOptions options);

  // 403 under a name that is not ours, 404, 405, 415, 429 beyond the rates, 503 where the ledger cannot be read.
  server::HttpResponse Answer(const server::HttpRequest& request);
  // /healthz, 200 where every ledger can be read and verifies and 503 where one cannot, and /metrics for Prometheus
  // (metrics.h). Programs that watch ask by addresses of their own choice: under any IP address as well, which no name
  // can be made to look like. Nothing for any other path.
  std::optional<server::HttpResponse> AnswerWatcher(const server::HttpRequest& request,
                                                    const server::HttpCounts& counts);

 private:
  class Bucket {
   public:
    explicit Bucket(const Rate& rate) : rate_(rate), left_(rate.burst) {}
    bool Take();

   private:
    Rate rate_;
    double left_;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  };
  struct Peer {
    Bucket reading, signing;
    uint64_t turn = 0;  // when it was heard
  };

  Site(ledger::Home home, SiteOptions options)
      : home_(std::move(home)), options_(std::move(options)), computing_(options_.computing) {}
  bool MayAsk(const server::HttpRequest& request);
  server::HttpResponse AnswerApi(const server::HttpRequest& request, std::string_view path, std::string_view query);

  ledger::Home home_;
  SiteOptions options_;
  std::map<std::string, ledger::SubjectLog> logs_;
  std::map<std::string, EventFeed> feeds_;  // of them; they refer to the logs where those are
  std::map<std::string, Peer> peers_;
  uint64_t turn_ = 0;
  std::map<std::string, KeptLife> lives_;
  Bucket computing_;  // of all who ask together
};

// Every path with its method, as openapi.json has them: "GET /api/v1/subjects/{subject}".
std::vector<std::string> Routes();

}  // namespace pawl::site
