#include "cli/work_health.h"

#include <algorithm>
#include <cstdio>

namespace pawl::cli {

Result<void> WorkHealth::Listen(const std::string& where) {
  return server_.Listen(where, {.wrong = [this] { return Wrong(); }, .metrics = [this] { return Metrics(); }});
}

void WorkHealth::TellLooked(int64_t now_s) {
  const std::lock_guard guard(mutex_);
  looked_s_ = now_s;
  rule_.clear();
}

void WorkHealth::TellTroubled(const std::string& rule) {
  const std::lock_guard guard(mutex_);
  rule_ = rule;
}

void WorkHealth::TellWorked(const work::WorkedPart& part) {
  const std::lock_guard guard(mutex_);
  // Of a job that could not be read nobody knows the kind.
  Tally& tally = tallies_[{part.kind.empty() ? "unknown" : part.kind, part.outcome}];
  ++tally.parts;
  tally.seconds += part.seconds;
  const bool is_handed_in = part.outcome != "lost" && part.outcome != "given back" && part.outcome != "refused";
  leaves_ += is_handed_in ? part.leaves : 0;
  episodes_ += is_handed_in ? part.episodes : 0;
}

std::string WorkHealth::Wrong() const {
  const std::lock_guard guard(mutex_);
  return rule_.empty() ? "" : "queue: " + rule_ + "\n";
}

std::string WorkHealth::Metrics() const {
  const std::lock_guard guard(mutex_);
  std::string text;
  const auto one = [&](const std::string& name, const char* type, const char* help, const std::string& value) {
    text += MetricHead(name, type, help) + name + " " + value + "\n";
  };
  // Kinds and outcomes are words of ours, some of two.
  const auto each = [&](const std::string& name, const char* help, auto value) {
    text += MetricHead(name, "counter", help);
    for (const auto& [words, tally] : tallies_) {
      std::string outcome = words.second;
      std::replace(outcome.begin(), outcome.end(), ' ', '-');
      text += name + "{kind=\"" + words.first + "\",outcome=\"" + outcome + "\"} " + value(tally) + "\n";
    }
  };
  one("pawl_queue_readable", "gauge", "1 where the queue answered last.", rule_.empty() && looked_s_ > 0 ? "1" : "0");
  one("pawl_looked_time_seconds", "gauge", "When the queue answered last.", std::to_string(looked_s_));
  each("pawl_work_parts_total", "Parts of proofs and batches of trials since it began.",
       [](const Tally& tally) { return std::to_string(tally.parts); });
  each("pawl_work_seconds_total", "Seconds that they took.", [](const Tally& tally) {
    char seconds[40];
    std::snprintf(seconds, sizeof seconds, "%.3f", tally.seconds);
    return std::string(seconds);
  });
  one("pawl_work_leaves_total", "counter", "Leaves of proofs that it has handed in.", std::to_string(leaves_));
  one("pawl_work_episodes_total", "counter", "Episodes of trials that it has handed in.", std::to_string(episodes_));
  return text;
}

}  // namespace pawl::cli
