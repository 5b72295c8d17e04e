// What a Prometheus server is told: how each subject stands, in numbers that say nothing about what is in a candidate.
//
//   std::string text = MetricsText(subjects, http->counts());     // text/plain; version=0.0.4
//
// Thread safety: as the logs'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/subject_log.h"
#include "server/http_server.h"

namespace pawl::site {

inline constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

struct WatchedSubject {
  std::string name;
  const ledger::SubjectLog* log = nullptr;
  bool is_readable = true;  // or what is said of it is what was read last
  bool is_halted = false;   // the loader's halts included
};

std::string MetricsText(const std::vector<WatchedSubject>& subjects, const server::HttpCounts& counts, int64_t now_s);

}  // namespace pawl::site
