// Requests to several servers at the same time.
//
//   std::vector<Result<HttpReply>> replies = PostAll({{.url = "http://127.0.0.1:8441/x", .body = body}}, {});
//
// A name is looked up first, for as long as the system takes; addresses are not. One request a connection, by plain
// http: what witnesses answer proves itself by its signatures, so that a connection that anybody can change costs an
// answer, or notices of a list, and no more. Others are asked on this machine alone (IsOnThisMachine). No `https`.
//
// Thread safety: pure but for the network.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "result/result.h"
#include "witness/gathering.h"

namespace pawl::server {

struct ClientLimits {
  std::chrono::milliseconds exchange_ms_max{5'000};  // to connect, send and receive, for each request
  size_t reply_bytes_max = 262'144;
};

// A reply for each post (or GET), in their order; a status that is no success is a reply. Errors: kUsage "http.url";
// kSystem "http.unreachable" where there is no whole answer in time.
std::vector<Result<witness::HttpReply>> PostAll(const std::vector<witness::HttpPost>& posts,
                                                const ClientLimits& limits);

// As what asks witnesses takes it.
inline witness::Transport ExchangesWithin(const ClientLimits& limits) {
  return [limits](const std::vector<witness::HttpPost>& posts) { return PostAll(posts, limits); };
}

// Whether the URL names this machine alone: localhost, an address of 127.0.0.0/8, or [::1]. kUsage "http.url".
Result<bool> IsOnThisMachine(const std::string& url);

}  // namespace pawl::server
