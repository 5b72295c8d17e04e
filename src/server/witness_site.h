// A witness over HTTP: POST /add-checkpoint (C2SP tlog-witness v1.0.0), and its notice boards (spec/notices.md):
// POST /notices/LOG, GET /notices/LOG/stops, GET /notices/LOG/votes/CANDIDATE.
//
// Thread safety: as the witness's and the boards'.
#pragma once

#include <optional>

#include "notices/board.h"
#include "server/http_message.h"
#include "server/http_server.h"
#include "witness/witness.h"

namespace pawl::server {

// /healthz, and /metrics for Prometheus: how large each followed log was when it was last cosigned. Nothing for any
// other path.
std::optional<HttpResponse> AnswerWitnessWatcher(const witness::Witness& witness, const HttpRequest& request,
                                                 const HttpCounts& counts);
// Nothing for a path that is not below /notices/.
std::optional<HttpResponse> AnswerNotices(notices::Boards& boards, const HttpRequest& request, int64_t now_s);
HttpResponse AnswerWitness(witness::Witness& witness, const HttpRequest& request, int64_t now_s);

}  // namespace pawl::server
