// What a board is sent, and what a board answers: whatever the bytes are, nothing is taken or heard that nobody whom
// the charter lists has signed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "encoding/dsse.h"
#include "notices/heard.h"
#include "notices/notice.h"

using namespace pawl;           // NOLINT
using namespace pawl::notices;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// About the subject of the bytes, so that only signatures are missing: it lists nobody.
charter::Charter CharterFor(std::string_view bytes) {
  charter::Charter charter;
  charter.resume_threshold = 1;
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(bytes);
  if (!envelope.ok()) return charter;
  if (const Result<warrant::Decision> decision = warrant::ReadDecision(envelope->payload); decision.ok()) {
    charter.subject.name = decision->about.subject;
    charter.subject.resource_uri = decision->resource;
  }
  return charter;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const charter::Charter charter = CharterFor(bytes);
  const Result<Notice> notice = ReadNotice(bytes, charter);
  Require(!notice.ok() && !notice.error().rule.empty() && !notice.error().message.empty());
  const Result<std::vector<HeardNotice>> heard = ReadNotices(bytes, charter);
  Require(heard.ok() ? heard->empty() : !heard.error().rule.empty());
  return 0;
}
