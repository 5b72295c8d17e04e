#include "site/metrics.h"

#include <map>

#include "gate/waiting.h"

namespace pawl::site {
namespace {

// One family of numbers, with its kind and what it means.
class Family {
 public:
  Family(std::string& out, const std::string& name, const char* type, const char* help) : out_(out), name_(name) {
    out_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  // `labels` in braces, of names alone: nothing in them has to be escaped.
  Family& Add(uint64_t value, const std::string& labels = "") {
    out_ += name_ + labels + " " + std::to_string(value) + "\n";
    return *this;
  }

 private:
  std::string& out_;
  std::string name_;
};

std::string Of(const WatchedSubject& subject, const std::string& more = "") {
  return "{subject=\"" + subject.name + "\"" + more + "}";
}

// How many proposals wait for whom, or how they ended.
std::map<std::string, uint64_t> StatesOf(const ledger::SubjectLog& log, int64_t now_s) {
  std::map<std::string, uint64_t> states = {
      {"waits-for-people", 0}, {"waits-for-reviewers", 0}, {"waits-for-machine", 0}};
  for (const audit::ProposalHistory& proposal : log.history().proposals()) {
    const std::string state =
        proposal.outcome
            ? std::string(audit::ProposalOutcomeName(proposal.outcome->outcome))
            : "waits-for-" + std::string(gate::PartyName(gate::WaitOfProposal(log, proposal, now_s).party));
    ++states[state];
  }
  return states;
}

}  // namespace

std::string MetricsText(const std::vector<WatchedSubject>& subjects, const server::HttpCounts& counts, int64_t now_s) {
  std::string out;
  Family readable(out, "pawl_ledger_readable", "gauge", "1 where the ledger can be read and verifies.");
  for (const WatchedSubject& one : subjects) readable.Add(one.is_readable ? 1 : 0, Of(one));
  Family events(out, "pawl_ledger_events_total", "counter", "Entries of the ledger.");
  for (const WatchedSubject& one : subjects) events.Add(one.log->history().size(), Of(one));
  Family time(out, "pawl_ledger_time_seconds", "gauge", "When the latest entry was made, by its own word.");
  for (const WatchedSubject& one : subjects) time.Add(static_cast<uint64_t>(one.log->history().time()), Of(one));
  Family halted(out, "pawl_halted", "gauge", "1 where people have halted the subject and not resumed.");
  for (const WatchedSubject& one : subjects) halted.Add(one.is_halted ? 1 : 0, Of(one));
  Family releases(out, "pawl_releases_total", "counter", "Releases, rollbacks included.");
  for (const WatchedSubject& one : subjects) releases.Add(one.log->history().releases().size(), Of(one));
  Family proposals(out, "pawl_proposals", "gauge", "Proposals by what they wait for or how they ended.");
  for (const WatchedSubject& one : subjects) {
    for (const auto& [state, count] : StatesOf(*one.log, now_s)) {
      proposals.Add(count, Of(one, ",state=\"" + state + "\""));
    }
  }
  Family complaints(out, "pawl_complaints_total", "counter", "Complaints about reviewers and the log on the ledger.");
  for (const WatchedSubject& one : subjects) {
    uint64_t count = 0;
    for (const audit::ProposalHistory& proposal : one.log->history().proposals()) count += proposal.complaints.size();
    complaints.Add(count, Of(one));
  }
  Family(out, "pawl_http_answers_total", "counter", "Answers sent.").Add(counts.answers);
  Family(out, "pawl_http_refused_total", "counter", "Answers with a status of 400 to 499.").Add(counts.answers_refused);
  Family(out, "pawl_http_failed_total", "counter", "Answers with a status of 500 or more.").Add(counts.answers_failed);
  Family(out, "pawl_http_displaced_total", "counter", "Connections that waited and gave their place to another.")
      .Add(counts.displaced);
  Family(out, "pawl_http_too_slow_total", "counter", "Connections cut off for being slow.").Add(counts.too_slow);
  Family(out, "pawl_http_connections", "gauge", "Connections now, beside event streams.").Add(counts.connections);
  Family(out, "pawl_http_streams", "gauge", "Event streams now.").Add(counts.streams);
  return out;
}

}  // namespace pawl::site
