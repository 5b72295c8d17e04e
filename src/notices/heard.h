// Telling the boards of a charter's witnesses, and asking them.
//
//   Told told = Tell(charter, envelope, post);                      // told.kept of told.asked
//   Heard heard = AskForStops(charter, post);
//   Heard votes = AskForVotes(charter, candidate_digest, post);
//
// All witnesses are told and asked at the same time. What they answer is verified here, statement by statement, under
// the charter that is given, and believed no further than that: a witness that lies can leave something out, or show
// what is not in force any more. One that keeps no board for this log says so, which is an answer as well.
//
// Thread safety: as thread-safe as what they are given.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "crypto/digest.h"
#include "encoding/dsse.h"
#include "notices/notice.h"
#include "witness/gathering.h"

namespace pawl::notices {

struct Told {
  size_t asked = 0, kept = 0, unreachable = 0;
  std::vector<std::string> others;  // who does not keep it, each with what it said instead
};
Told Tell(const charter::Charter& charter, const encoding::Envelope& envelope, const witness::Transport& post);
// Whether one that is honest keeps it, or nobody is left who could.
bool IsKept(const Told& told, const charter::Charter& charter);
// "2 of 3 witnesses keep it", and which do not; empty where the charter has none.
std::string Words(const Told& told);

struct HeardNotice {
  Notice notice;
  std::vector<int64_t> received_s;  // what each witness that shows it says, the earliest first
};
struct Heard {
  std::vector<HeardNotice> notices;  // each once; resumes before halts
  size_t answered = 0;               // witnesses, those included that keep no board
  size_t boards = 0;                 // those that keep one
  std::vector<std::string> silent;   // the others, each with what it said instead
  // Votes that are no notices under the charter, as of a key that it no longer lists; believed by nobody as they are.
  std::vector<encoding::Envelope> strange;
};
Heard AskForStops(const charter::Charter& charter, const witness::Transport& post);
Heard AskForVotes(const charter::Charter& charter, const crypto::Digest& candidate, const witness::Transport& post);

// What a witness answers, each notice once. Malformed where it is not what a board prints; what is no notice under this
// charter is left out, and its votes go to `strange`, up to kStrangeMax there.
inline constexpr size_t kStrangeMax = 16;
Result<std::vector<HeardNotice>> ReadNotices(std::string_view body, const charter::Charter& charter,
                                             std::vector<encoding::Envelope>* strange = nullptr);

// The largest answer of a board that keeps to its limits under a charter of many people and reviewers.
inline constexpr size_t kNoticesBytesMax = size_t{32} << 20;

}  // namespace pawl::notices
