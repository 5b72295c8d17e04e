// Whatever comes to a running gate's standard input: its lines are cut as one would cut them by hand, however much is
// taken at a time, and a request is of one kind and within its limits. The byte 1 stands for 40,000 of the letter x, so
// that lines can be too long; the first byte says how many lines are taken at a time.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cli/request_lines.h"

using namespace pawl;       // NOLINT
using namespace pawl::cli;  // NOLINT

namespace {

constexpr size_t kManyBytes = 40'000, kBytesMax = 1 << 20;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string Unfolded(std::string_view folded) {
  std::string text;
  for (const char c : folded) {
    if (c != '\x01')
      text += c;
    else if (text.size() < kBytesMax)
      text.append(kManyBytes, 'x');
  }
  return text;
}

std::vector<RequestLine> CutByHand(std::string_view text) {
  std::vector<RequestLine> lines;
  for (uint64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.size() > kRequestBytesMax)
      lines.push_back({number, "", true});
    else if (line.find_first_not_of(" \t\r") != line.npos)
      lines.push_back({number, std::string(line), false});
  }
  return lines;
}

void CheckRequest(const RequestLine& line) {
  const Result<GateRequest> request = ParseRequest(line);
  if (!request.ok()) {
    Require(!request.error().rule.empty() && !request.error().message.empty());
    return;
  }
  const bool is_approval = request->kind == GateRequest::Kind::kApprove;
  Require(!line.too_long && request->line == line.number);
  Require(request->subject.size() <= 256 && request->what.size() <= 4'096 && request->words.size() <= 4'096);
  Require(is_approval || (request->signature.empty() && request->principal.empty()));
  Require(!request->what.empty() || request->kind == GateRequest::Kind::kRollback);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t at_a_time = data[0] % 8 + 1;
  const std::string text = Unfolded({reinterpret_cast<const char*>(data) + 1, size - 1});
  const int fd = memfd_create("requests", MFD_CLOEXEC);
  Require(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
          lseek(fd, 0, SEEK_SET) == 0);
  RequestReader reader(fd);
  std::vector<RequestLine> lines;
  for (size_t turns = 0; !reader.ended(); ++turns) {
    Require(turns < 2 * text.size() + 16);
    const std::vector<RequestLine> taken = reader.Take(at_a_time, std::chrono::milliseconds(0));
    Require(taken.size() <= at_a_time);
    lines.insert(lines.end(), taken.begin(), taken.end());
  }
  close(fd);
  const std::vector<RequestLine> by_hand = CutByHand(text);
  Require(lines.size() == by_hand.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    Require(lines[i].number == by_hand[i].number && lines[i].text == by_hand[i].text &&
            lines[i].too_long == by_hand[i].too_long);
    CheckRequest(lines[i]);
  }
  return 0;
}
