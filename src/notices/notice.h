// A notice: a signed statement that does not only go to the gate's ledger, so that nobody who keeps a ledger can keep
// it back: a halt or a resume of people, a vote of a reviewer.
//
//   Result<Notice> notice = ReadNotice(body, charter);
//   if (notice.ok() && notice->vote) …
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "charter/charter.h"
#include "crypto/digest.h"
#include "encoding/dsse.h"
#include "result/result.h"
#include "warrant/statements.h"

namespace pawl::notices {

// A vote is as large as an entry of a log may be; halts and resumes say a sentence, and carry signatures.
inline constexpr size_t kNoticeBytesMax = 65'535, kHaltBytesMax = 16'384;
// What a board takes of a vote: one that contradicts the log's has room in a complaint (audit/records.h), which is an
// entry as well. Votes of the example's evaluators are a third of it.
inline constexpr size_t kVoteBytesMax = 45'056;

// Of what a board answers: {"format", "notices": [{"received", "statement": an envelope in base64}]}.
inline constexpr char kListFormat[] = "pawl-notices/v1";

// What the path of a log's board calls it: the SHA-256 of the log's origin, as hex.
std::string BoardName(std::string_view origin);

struct Notice {
  std::string text;  // the envelope as it came
  encoding::Envelope envelope;
  crypto::Digest digest;  // of the statement
  std::string by;         // the person who signed first, the reviewer
  // One of the two.
  std::optional<warrant::Decision> decision;
  std::optional<warrant::Vote> vote;  // without its evidence, which is in the text

  bool IsHalt() const { return decision && decision->action == warrant::Action::kHalt; }
  bool IsResume() const { return decision && decision->action == warrant::Action::kResume; }
};

// Malformed "notice.kind", "notice.too-large", or as envelopes are read. Refused where its signers may not make it
// under this charter: "notice.subject", "notice.signature", "notice.threshold", or as VerifyApprovals refuses.
Result<Notice> ReadNotice(std::string_view body, const charter::Charter& charter);

// As a loader judges it: nobody lifts before there is something to lift.
bool Lifts(const Notice& resume, const Notice& halt);

}  // namespace pawl::notices
