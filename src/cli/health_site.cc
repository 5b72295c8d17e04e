#include "cli/health_site.h"

#include "encoding/utf8.h"

namespace pawl::cli {

Result<void> HealthSite::Listen(const std::string& where) {
  return server_.Listen(where, {.wrong = [this] { return Wrong(); }, .metrics = [this] { return Metrics(); }});
}

void HealthSite::Begin(const std::string& subject) {
  const std::lock_guard guard(mutex_);
  subjects_.try_emplace(subject);
}

void HealthSite::Tell(const std::string& subject, const LookedAt& looked) {
  const std::lock_guard guard(mutex_);
  Subject& one = subjects_[subject];
  one.looked = looked;
  one.rule.clear();
}

void HealthSite::TellBroken(const std::string& subject, const std::string& rule) {
  const std::lock_guard guard(mutex_);
  subjects_[subject].rule = rule;
}

void HealthSite::CountActs(const std::string& subject, uint64_t acts) {
  const std::lock_guard guard(mutex_);
  subjects_[subject].acts += acts;
}

std::string HealthSite::Wrong() const {
  const std::lock_guard guard(mutex_);
  std::string broken;
  for (const auto& [name, one] : subjects_) {
    if (!one.rule.empty()) broken += name + ": " + one.rule + "\n";
  }
  return broken;
}

std::string HealthSite::Metrics() const {
  const std::lock_guard guard(mutex_);
  std::string text;
  const auto family = [&](const std::string& name, const char* type, const char* help, auto value) {
    text += MetricHead(name, type, help);
    for (const auto& [subject, one] : subjects_) {
      // A ledger's file may be called anything; a subject has a name, in which nothing has to be escaped.
      if (!encoding::IsName(subject)) continue;
      text += name + "{subject=\"" + subject + "\"} " + std::to_string(value(one)) + "\n";
    }
  };
  family("pawl_ledger_readable", "gauge", "1 where the last look at the ledger succeeded.",
         [](const Subject& one) { return one.rule.empty() && one.looked.looked_s > 0 ? 1 : 0; });
  family("pawl_ledger_events_total", "counter", "Entries of the ledger.",
         [](const Subject& one) { return one.looked.events; });
  family("pawl_looked_time_seconds", "gauge", "When it last looked and nothing was wrong.",
         [](const Subject& one) { return one.looked.looked_s; });
  family("pawl_open_proposals", "gauge", "Proposals without an outcome.",
         [](const Subject& one) { return one.looked.open; });
  family("pawl_acts_total", "counter", "What it has signed or moved on since it began.",
         [](const Subject& one) { return one.acts; });
  return text;
}

}  // namespace pawl::cli
