#include "cli/request_lines.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "encoding/json.h"

namespace pawl::cli {
namespace {

constexpr size_t kReadBytes = 64 << 10;

}  // namespace

bool RequestReader::CutLine(std::vector<RequestLine>& lines) {
  const size_t end = buffer_.find('\n');
  const bool is_whole = end != buffer_.npos || (ended_ && !buffer_.empty());
  const bool too_long = std::min(end, buffer_.size()) > kRequestBytesMax;
  if (!is_whole && !too_long) return false;
  const std::string text = dropping_ || too_long ? "" : buffer_.substr(0, end);
  if (!dropping_) ++number_;
  if (too_long && !dropping_) lines.push_back({.number = number_, .text = "", .too_long = true});
  if (text.find_first_not_of(" \t\r") != text.npos) lines.push_back({.number = number_, .text = text});
  buffer_.erase(0, end == buffer_.npos ? end : end + 1);
  dropping_ = end == buffer_.npos && !is_whole;
  return true;
}

std::vector<RequestLine> RequestReader::Take(size_t count, std::chrono::milliseconds wait) {
  std::vector<RequestLine> lines;
  // Blank lines are none, and come without end: there is an end to looking at them as well.
  for (size_t turns = 0; lines.size() < count && turns < 2 * kRequestsMax; ++turns) {
    has_lines_ = CutLine(lines);
    if (has_lines_) continue;
    if (ended_) break;
    pollfd waited{fd_, POLLIN, 0};
    if (poll(&waited, 1, lines.empty() ? static_cast<int>(wait.count()) : 0) <= 0) break;
    std::array<char, kReadBytes> bytes;
    const ssize_t got = read(fd_, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) break;
    ended_ = got <= 0;
    if (got > 0) buffer_.append(bytes.data(), static_cast<size_t>(got));
    has_lines_ = !buffer_.empty();
  }
  return lines;
}

Result<GateRequest> ParseRequest(const RequestLine& line) {
  if (line.too_long) {
    return Malformed("request.too-long", "the line has more than " + std::to_string(kRequestBytesMax) + " bytes");
  }
  const Result<encoding::Json> json =
      encoding::ParseJson(line.text, {.bytes_max = kRequestBytesMax, .depth_max = 1, .elements_max = 16});
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "request");
  const auto optional = [&](const char* name) { return object.Has(name) ? object.String(name, 4'096) : std::string(); };
  GateRequest request;
  request.line = line.number;
  request.subject = object.String("subject", 256);
  constexpr std::pair<const char*, GateRequest::Kind> kKinds[] = {{"propose", GateRequest::Kind::kPropose},
                                                                  {"rollback", GateRequest::Kind::kRollback},
                                                                  {"approve", GateRequest::Kind::kApprove}};
  int kinds = 0;
  for (const auto& [name, kind] : kKinds) {
    if (!object.Has(name)) continue;
    ++kinds;
    request.kind = kind;
    request.what = object.String(name, 4'096);
  }
  const bool is_approval = request.kind == GateRequest::Kind::kApprove;
  request.words = optional(is_approval ? "reason" : "note");
  if (is_approval) {
    request.signature = object.String("signature");
    request.principal = optional("as");
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (kinds == 1 && (!request.what.empty() || request.kind == GateRequest::Kind::kRollback)) return request;
  return Malformed("request.kind", "a request has exactly one of propose, rollback and approve");
}

}  // namespace pawl::cli
