// What is asked of the page's API is read as it was written: no list is longer than allowed, a name is what stands in
// the path, and nobody passes for this machine, a page of ours, an address or somebody who has logged in.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "encoding/base64.h"
#include "site/login.h"
#include "site/request.h"

using namespace pawl;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckQuery(std::string_view query) {
  const Result<site::Slice> slice = site::ReadSlice(query);
  if (!slice.ok()) return Require(slice.error().rule == "site.query");
  Require(slice->count <= site::kPageMax);
  const std::string written = "first=" + std::to_string(slice->first) + "&count=" + std::to_string(slice->count);
  const Result<site::Slice> again = site::ReadSlice(written);
  Require(again.ok() && again->first == slice->first && again->count == slice->count);
}

void CheckPath(std::string_view path) {
  int matched = 0;
  for (const std::string pattern : {"", "/proposals", "/proposals/{proposal}", "/proposals/{proposal}/diff", "/ledger",
                                    "/ledger/{index}", "/events"}) {
    std::string name;
    if (!site::MatchesPattern(pattern, path, name)) continue;
    ++matched;
    std::string written = pattern;
    if (const size_t open = pattern.find('{'); open != pattern.npos) {
      Require(!name.empty() && name.find('/') == name.npos);
      written.replace(open, pattern.find('}') + 1 - open, name);
    }
    Require(written == path);
  }
  Require(matched <= 1);
}

}  // namespace

// The target, then the head's lines, then after an empty one the body. The first byte says who sends it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string secret(32, 's');
  static const site::Login login(secret);
  constexpr const char* kPeers[] = {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::", ""};
  if (size == 0) return 0;
  server::HttpRequest request{.method = "GET", .target = {}, .body = {}, .peer = kPeers[data[0] % std::size(kPeers)]};
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto line = [&] {
    const std::string_view taken = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), taken.size() + 1));
    return taken;
  };
  request.target = line();
  for (std::string_view field = line(); !field.empty(); field = line()) {
    const size_t colon = std::min(field.find(": "), field.size());
    request.fields.emplace_back(field.substr(0, colon), field.substr(std::min(colon + 2, field.size())));
  }
  request.body = rest;

  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  CheckPath(path);
  CheckQuery(target.substr(std::min(target.size(), path.size() + 1)));

  const bool is_here = request.peer == "127.0.0.1" || request.peer == "::1";
  Require(site::IsFromHere(request) == is_here);
  const std::string peer = site::PeerOf(request);
  Require(peer == request.peer || (is_here && !peer.empty() && peer.size() <= 64 && peer.find(' ') == peer.npos));

  const std::string host = request.Field("host").value_or("");
  if (site::IsIpAddress(host)) Require(host.find_first_of("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ") == host.npos);
  const std::string origin = request.Field("origin").value_or("");
  if (site::IsOurOrigin(origin, {"localhost:8440"})) {
    Require(origin == "http://localhost:8440" || origin == "https://localhost:8440");
  }
  if (const auto who = login.Who(request)) {
    Require(is_here && !who->empty() && who->find(':') == who->npos);
    Require(request.Field("authorization") == "Basic " + encoding::EncodeBase64(*who + ":" + secret));
  }
  return 0;
}
