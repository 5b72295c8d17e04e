// A witness over HTTP: POST /add-checkpoint (C2SP tlog-witness v1.0.0).
//
// Thread safety: as the witness's.
#pragma once

#include "server/http_message.h"
#include "witness/witness.h"

namespace pawl::server {

HttpResponse AnswerWitness(witness::Witness& witness, const HttpRequest& request, int64_t now_s);

}  // namespace pawl::server
