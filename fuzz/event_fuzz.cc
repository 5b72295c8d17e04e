// A statement of any kind that is read is written as the same bytes, no payload is of two kinds, and no log begins with
// bytes that nobody has signed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "audit/history.h"
#include "audit/records.h"
#include "encoding/dsse.h"

using namespace pawl;           // NOLINT
using namespace pawl::warrant;  // NOLINT
using namespace pawl::audit;    // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// 1 where the payload is of that kind.
template <typename T>
int Kind(std::string_view payload, Result<T> (*read)(std::string_view), std::string (*write)(const T&)) {
  const Result<T> statement = read(payload);
  if (!statement.ok()) {
    Require(!statement.error().rule.empty() && !statement.error().message.empty());
    return 0;
  }
  Require(write(*statement) == payload);
  return 1;
}

void CheckPayload(std::string_view payload) {
  const int kinds = Kind(payload, ReadProposal, WriteProposal) + Kind(payload, ReadFinding, WriteFinding) +
                    Kind(payload, ReadCandidate, WriteCandidate) + Kind(payload, ReadVote, WriteVote) +
                    Kind(payload, ReadClosing, WriteClosing) + Kind(payload, ReadDecision, WriteDecision) +
                    Kind(payload, ReadRefusal, WriteRefusal) + Kind(payload, ReadWarrantRecord, WriteWarrantRecord) +
                    Kind(payload, ReadReleaseRecord, WriteReleaseRecord) +
                    Kind(payload, ReadOutcomeRecord, WriteOutcomeRecord) + Kind(payload, ReadComplaint, WriteComplaint);
  Require(kinds <= 1 && (kinds == 0 || KindOf(payload).ok()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckPayload(bytes);
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(bytes);
  if (envelope.ok()) CheckPayload(envelope->payload);
  History history([](const Digest&) { return Result<charter::Charter>(charter::Charter{}); });
  const Result<void> applied = history.Apply(0, bytes);
  // A charter without people and thresholds takes any genesis decision for it; nothing else begins a log.
  if (applied.ok()) Require(envelope.ok() && ReadDecision(envelope->payload).ok());
  Require(applied.ok() == history.has_genesis());
  Require(!history.Apply(history.size(), bytes).ok());
  return 0;
}
