// How the boards of witnesses are told and asked: within a second or two, since nobody who halts should wait for one
// that is away.
#pragma once

#include "notices/heard.h"
#include "server/http_client.h"

namespace pawl::server {

inline witness::Transport NoticeExchange() {
  return ExchangesWithin(
      {.exchange_ms_max = std::chrono::milliseconds(2'000), .reply_bytes_max = notices::kNoticesBytesMax});
}

}  // namespace pawl::server
