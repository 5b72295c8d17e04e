// A conversation between an evaluator and a program of the subject, each in a sandbox of its own, through one place
// that lets nothing through but a request and its answer.
//
//   Result<Conversation> talk = Converse(evaluator_job, subject_job, "/scratch/out");
//   if (!talk.ok()) …                                   // the machine failed: nothing is known about either program
//   if (!sandbox::Succeeded(talk->evaluator)) …         // the trial is void
//   // what happened to the subject's program is in talk->subject_end; the evaluator was told, and scored it
//
// The evaluator writes a request to its standard output, one line, and reads its standard input: "+" and the answer, or
// "-" and a word that says why there is none. The subject's program reads the request from its standard input and
// writes one line to its standard output. Both lines end with one line feed and have 1 to kMessageBytesMax bytes of
// valid UTF-8 without other control characters; a request is never empty, an answer may be.
//
// After the first answer that is missing, too long, malformed or not asked for, the subject's program is stopped and
// every later request is answered by "-" and the same word. So a program that crashes, or writes ahead, cannot change
// what it was scored on, and the evaluator can give such an episode the worst value (spec/evaluation.md).
//
// Thread safety: calls are independent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "result/result.h"
#include "sandbox/sandbox.h"

namespace pawl::trial {

inline constexpr std::size_t kMessageBytesMax = std::size_t{1} << 20;  // without the line feed
inline constexpr std::int64_t kRequestsMax = 1'000'000;

// How the subject's side of it ended. Closed.
enum class ConversationEnd {
  kFinished,   // the evaluator closed its side
  kEnded,      // the subject's program ended before it had answered
  kTooLong,    // an answer without a line feed within kMessageBytesMax
  kMalformed,  // an answer that is not a line of UTF-8 text
  kUnasked,    // bytes that no request asked for
};

// "finished", "ended", "too-long", "malformed", "unasked".
std::string_view Name(ConversationEnd end);

struct Conversation {
  sandbox::Outcome evaluator;
  ConversationEnd subject_end = ConversationEnd::kFinished;  // the first that happened
  std::int64_t requests = 0;
  // The evaluator's own fault: a request that is not a line of text, or one too many. Its input was closed then.
  bool bad_request = false;
};

// Runs both to the end of the evaluator; the subject's program is stopped then. The evaluator's outputs go to
// `output_directory` as with sandbox::Run; the subject's program may write below its own /out and /tmp, and nothing of
// that is kept. An Error is the machine's, or kUsage from a job that makes no sense.
Result<Conversation> Converse(const sandbox::Job& evaluator, const sandbox::Job& subject,
                              const weakening::Weakenings& accepted, const std::filesystem::path& output_directory);

}  // namespace pawl::trial
