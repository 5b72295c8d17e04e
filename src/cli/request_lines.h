// The lines of JSON that a running gate takes from its standard input, read within their limits:
//
//   {"subject":"small","propose":"/srv/candidate","note":"second layer widened"}
//   {"subject":"small","rollback":"3","note":"alerts too late"}
//   {"subject":"small","approve":"p4","signature":"-----BEGIN SSH SIGNATURE-----\n…","reason":"tried at night"}
//
//   RequestReader reader(STDIN_FILENO);
//   for (const RequestLine& line : reader.Take(100, std::chrono::milliseconds(100)))
//     Result<GateRequest> request = ParseRequest(line);
//
// What comes of one is gate_requests.h's.
//
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "result/result.h"

namespace pawl::cli {

inline constexpr size_t kRequestBytesMax = 128 << 10;  // of one line: a signature of 64 KiB, and words
inline constexpr size_t kRequestsMax = 1'024;          // that wait in memory at a time

struct RequestLine {
  uint64_t number = 0;  // from 1
  std::string text;
  bool too_long = false;  // then without its text
};

class RequestReader {
 public:
  explicit RequestReader(int fd) : fd_(fd) {}

  // Up to `count` lines without their line feeds, as many as have come; waits for the first of them at most so long.
  // Empty lines are skipped. The last one need not end in a line feed.
  std::vector<RequestLine> Take(size_t count, std::chrono::milliseconds wait);
  // Nothing comes any more, and everything was taken; so too where nothing can be read.
  bool ended() const { return ended_ && buffer_.empty(); }
  // What can be waited for besides Take; -1 at the end.
  int fd() const { return ended_ ? -1 : fd_; }
  // Whether lines that have come wait to be taken.
  bool has_lines() const { return has_lines_; }

 private:
  bool CutLine(std::vector<RequestLine>& lines);

  int fd_;
  std::string buffer_;  // less than a line and a read
  uint64_t number_ = 0;
  bool dropping_ = false;  // the rest of a line that is too long
  bool ended_ = false, has_lines_ = false;
};

struct GateRequest {
  enum class Kind { kPropose, kRollback, kApprove };
  uint64_t line = 0;
  std::string subject;
  Kind kind = Kind::kPropose;
  std::string what;       // the directory, the target or the proposal
  std::string words;      // the note, or the reason
  std::string signature;  // of an approval, as ssh-keygen -Y sign prints it, or its bytes in base64
  std::string principal;  // of an approval, where the key is listed for several people
};

// Malformed "request.too-long", "request.kind" or a rule of json.h: nothing else is done of that line.
Result<GateRequest> ParseRequest(const RequestLine& line);

}  // namespace pawl::cli
