#include "site/request.h"

#include <algorithm>

#include "encoding/number.h"

namespace pawl::site {

Result<Slice> ReadSlice(std::string_view query) {
  Slice slice;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    const size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals), value = part.substr(std::min(equals + 1, part.size()));
    Result<uint64_t> number = encoding::ParseUnsigned(value, name == "count" ? kPageMax : uint64_t{1} << 53);
    if (!number.ok() || (name != "first" && name != "count")) {
      return Error{ErrorCode::kUsage, "site.query", "the query is not first=N&count=N",
                   "count is at most " + std::to_string(kPageMax)};
    }
    (name == "first" ? slice.first : slice.count) = *number;
  }
  return slice;
}

bool MatchesPattern(std::string_view pattern, std::string_view path, std::string& name) {
  const size_t open = pattern.find('{');
  if (open == pattern.npos) return pattern == path;
  const std::string_view after = pattern.substr(pattern.find('}') + 1);
  if (!path.starts_with(pattern.substr(0, open)) || !path.ends_with(after)) return false;
  if (path.size() <= open + after.size()) return false;
  name = std::string(path.substr(open, path.size() - open - after.size()));
  return name.find('/') == name.npos;
}

bool IsFromHere(const server::HttpRequest& request) {
  return request.peer.starts_with("127.") || request.peer == "::1";
}

std::string PeerOf(const server::HttpRequest& request) {
  const bool is_here = IsFromHere(request);
  std::string said = is_here ? request.Field("x-forwarded-for").value_or("") : "";
  said.erase(0, said.find_last_of(", ") + 1);
  return said.empty() || said.size() > 64 ? request.peer : said;
}

bool IsOurOrigin(const std::string& origin, const std::set<std::string>& names) {
  return std::ranges::any_of(
      names, [&](const std::string& name) { return origin == "http://" + name || origin == "https://" + name; });
}

bool IsIpAddress(std::string_view host) {
  if (host.starts_with('[')) return host.find_first_not_of("0123456789abcdefABCDEF:.[]") == host.npos;
  return std::ranges::count(host, '.') == 3 && host.find_first_not_of("0123456789.:") == host.npos;
}

}  // namespace pawl::site
