#include "server/witness_site.h"

namespace pawl::server {

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
