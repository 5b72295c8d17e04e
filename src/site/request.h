// What a request asks for, read before anything is answered. Text alone: no file and no ledger is looked at.
//
// Requests are somebody else's. fuzz/http_fuzz.cc holds these to what they promise.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "result/result.h"
#include "server/http_message.h"

namespace pawl::site {

inline constexpr uint64_t kPageMax = 200;  // of a list, in one answer

// A part of a list: rows from `first` on, at most `count`.
struct Slice {
  uint64_t first = 0;
  uint64_t count = 50;
};

// "first=0&count=50"; either may be missing, and nothing else is taken. kUsage "site.query".
Result<Slice> ReadSlice(std::string_view query);

// Whether the path is the pattern's, with one name in the place of its braces: not empty, and without a "/".
bool MatchesPattern(std::string_view pattern, std::string_view path, std::string& name);

// Who asks. Behind a proxy on this machine, whom the proxy says last (X-Forwarded-For): what stands before that the
// client wrote itself.
std::string PeerOf(const server::HttpRequest& request);
// Whether the address that a request came from is this machine.
bool IsFromHere(const server::HttpRequest& request);

// The origin of a page that we serve, under one of our names; by a proxy with TLS as well.
bool IsOurOrigin(const std::string& origin, const std::set<std::string>& names);

// Four numbers or an address of IPv6 in brackets, and maybe a port. Whatever has another letter in it may be a name.
bool IsIpAddress(std::string_view host);

}  // namespace pawl::site
