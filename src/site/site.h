// The HTTP API below /api/v1/ and the page at /, over the ledgers of a home.
//
//   Result<Site> site = Site::Open(home, {"engine"}, {.names = {"localhost:8440", "127.0.0.1:8440"}});
//   HttpServer::Listen(where, limits, [&](const HttpRequest& request) { return site->Answer(request); });
//
// openapi.json describes every path and field, and a test holds the two together. What is read comes from the ledger
// and the store, folded and verified here; texts of candidates come with what cannot be seen made visible. What is
// signed is signed elsewhere, by a passkey whose challenge is the statement (signing_desk.h): this part holds no key,
// and never acts as the gate. Who can reach it can read everything that the home's ledgers say.
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
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/home.h"
#include "ledger/subject_log.h"
#include "result/result.h"
#include "server/http_message.h"

namespace pawl::site {

// So many requests at once, and so many a second from then on.
struct Rate {
  double burst = 0;
  double per_second = 0;
};

struct SiteOptions {
  std::set<std::string> names;  // hosts as browsers send them, with the port
  std::function<int64_t()> now_s;
  Rate reading{.burst = 200, .per_second = 50};
  Rate signing{.burst = 10, .per_second = 1};
};

inline constexpr size_t kRequestBytesMax = size_t{128} << 10;

class Site {
 public:
  static Result<Site> Open(const ledger::Home& home, const std::vector<std::string>& subjects, SiteOptions options);

  // 403 under a name that is not ours, 404, 405, 415, 429 beyond the rates, 503 where the ledger cannot be read.
  server::HttpResponse Answer(const server::HttpRequest& request);

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

  Site(ledger::Home home, SiteOptions options)
      : home_(std::move(home)), options_(std::move(options)), reading_(options_.reading), signing_(options_.signing) {}
  server::HttpResponse AnswerApi(const server::HttpRequest& request, std::string_view path, std::string_view query);

  ledger::Home home_;
  SiteOptions options_;
  std::map<std::string, ledger::SubjectLog> logs_;
  Bucket reading_, signing_;
};

// Every path with its method, as openapi.json has them: "GET /api/v1/subjects/{subject}".
std::vector<std::string> Routes();

}  // namespace pawl::site
