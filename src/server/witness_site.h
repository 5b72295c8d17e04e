// A witness over HTTP: POST /add-checkpoint (C2SP tlog-witness v1.0.0).
//
// Thread safety: as the witness's.
#pragma once

#include <optional>

#include "server/http_message.h"
#include "server/http_server.h"
#include "witness/witness.h"

namespace pawl::server {

// /healthz, and /metrics for Prometheus: how large each followed log was when it was last cosigned. Nothing for any
// other path.
std::optional<HttpResponse> AnswerWitnessWatcher(const witness::Witness& witness, const HttpRequest& request,
                                                 const HttpCounts& counts);
HttpResponse AnswerWitness(witness::Witness& witness, const HttpRequest& request, int64_t now_s);

}  // namespace pawl::server
