// Makes a long log and a full store out of a home, honestly: every event is signed by whom it names, with the keys in
// the home, and every tree is one. What it appends are proposals that got as far as the quorum and failed there: a
// proposal, six findings that pass, the commit, three votes, the finding that the quorum is lost, and the outcome.
//
//   large_log HOME SUBJECT EVENTS TREES      until the log has EVENTS events and the store TREES more trees
//
// For measurements only; nothing here waits for the disk.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "ledger/keys.h"
#include "ledger/subject_log.h"
#include "signing/sign.h"

namespace pawl::ledger {
namespace {

constexpr size_t kEntriesPerAppend = 4'096;

struct Hands {
  std::string log_name;
  signing::Ed25519PrivateKey log;
  std::vector<std::pair<charter::Reviewer, signing::Ed25519PrivateKey>> reviewers;
};

class LongLog {
 public:
  LongLog(SubjectLog& log, Hands hands)
      : log_(log),
        hands_(std::move(hands)),
        size_(log.history().size()),
        number_(log.history().proposals().size()),
        budget_index_(log.history().budget_index()) {}

  Result<void> GrowTo(uint64_t events) {
    while (size_ < events) {
      const size_t before = entries_.size();
      AddProposal("p" + std::to_string(++number_));
      size_ += entries_.size() - before;
      if (entries_.size() < kEntriesPerAppend && size_ < events) continue;
      Result<uint64_t> appended = log_.ledger().Append(size_ - entries_.size(), entries_);
      if (!appended.ok()) return appended.error();
      entries_.clear();
    }
    return {};
  }

 private:
  void Add(const std::string& payload, const std::string& name, const signing::Ed25519PrivateKey& key) {
    entries_.push_back(encoding::SerializeEnvelope({.payload_type = std::string(warrant::kPayloadType),
                                                    .payload = payload,
                                                    .signatures = {signing::SignPayload(payload, name, key)}}));
  }
  void ByGate(const std::string& payload) { Add(payload, hands_.log_name, hands_.log); }

  void AddFinding(const std::string& name, audit::Step step, audit::FindingOutcome outcome, const std::string& rule) {
    ByGate(audit::WriteFinding({.about = About(),
                                .proposal = name,
                                .step = step,
                                .outcome = outcome,
                                .rule = rule,
                                .summary = "what this step has seen of proposal " + name,
                                .evidence = {{"report", crypto::Sha256(name)}},
                                .time = Time()}));
  }

  void AddProposal(const std::string& name) {
    const audit::History& history = log_.history();
    ByGate(audit::WriteProposal({.about = About(),
                                 .proposal = name,
                                 .tree = Tree(),
                                 .parent_tree = history.live_tree(),
                                 .parent_warrant = history.last_warrant(),
                                 .diff = crypto::Sha256("diff"),
                                 .note = "number " + name,
                                 .time = Time()}));
    for (int step = 0; step < static_cast<int>(audit::Step::kQuorum); ++step) {
      AddFinding(name, static_cast<audit::Step>(step), audit::FindingOutcome::kPass, "");
    }
    const std::string commit = warrant::WriteCandidate(Candidate(name));
    ByGate(commit);
    for (const auto& [reviewer, key] : hands_.reviewers) {
      if (reviewer.role == charter::Role::kAuditor) continue;
      Add(warrant::WriteVote(Vote(reviewer, warrant::StatementDigest(commit))), reviewer.name, key);
    }
    AddFinding(name, audit::Step::kQuorum, audit::FindingOutcome::kRejected, "quorum.not-met");
    ByGate(audit::WriteOutcomeRecord({.about = About(),
                                      .proposal = name,
                                      .outcome = audit::ProposalOutcome::kRejected,
                                      .step = audit::Step::kQuorum,
                                      .rule = "quorum.not-met",
                                      .reason = "a reviewer is against it",
                                      .time = Time()}));
  }

  warrant::Candidate Candidate(const std::string& name) {
    const audit::History& history = log_.history();
    return {.about = About(),
            .proposal = name,
            .resource = log_.charter().charter.subject.resource_uri,
            .epoch = history.epoch() + 1,
            .tree = Tree(),
            .parent_tree = history.live_tree(),
            .parent_warrant = history.last_warrant(),
            .baseline = log_.charter().charter.subject.baseline,
            .charter = log_.charter().charter.digest,
            .charter_epoch = history.charter_epoch(),
            .budget_index = ++budget_index_,
            .diff = crypto::Sha256("diff"),
            .environment = crypto::Sha256("environment"),
            .certificates = {},
            .time = Time()};
  }

  warrant::Vote Vote(const charter::Reviewer& reviewer, const crypto::Digest& candidate) const {
    encoding::Json evidence = encoding::Json::object();
    if (reviewer.role == charter::Role::kEvaluator) {
      // As large as a report of the collision example.
      encoding::Json conditions = encoding::Json::array();
      for (const char* condition : {"near_miss", "reversals", "improvement", "step", "ceiling", "drift-fixed"}) {
        conditions.push_back({{"name", condition},
                              {"estimate", "0.0103"},
                              {"low", "0.0072"},
                              {"high", "0.0142"},
                              {"alpha", "0.000304"},
                              {"state", "not-shown"}});
      }
      evidence = {
          {"checkpoint", std::string(120, 'c')}, {"report", {{"conditions", conditions}}}, {"last_step", nullptr}};
    }
    return {.about = About(),
            .candidate = candidate,
            .reviewer = reviewer.name,
            .role = std::string(charter::RoleName(reviewer.role)),
            .verdict = warrant::VoteVerdict::kAgainst,
            .reasons = {"for a measurement"},
            .evidence = evidence,
            .host = "here",
            .user = "nobody",
            .time = Time()};
  }

  crypto::Digest Tree() const { return crypto::Sha256("tree " + std::to_string(number_)); }
  warrant::About About() const { return {log_.subject(), Tree()}; }
  int64_t Time() const { return log_.history().time(); }

  SubjectLog& log_;
  Hands hands_;
  uint64_t size_;
  uint64_t number_;
  int64_t budget_index_;
  std::vector<std::string> entries_;
};

void WriteBlob(const subject::Store& store, const std::string& bytes) {
  const std::filesystem::path path = store.BlobPath(crypto::Sha256(bytes));
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

Result<void> FillStore(const subject::Store& store, uint64_t trees) {
  for (uint64_t number = 0; number < trees; ++number) {
    const std::string file = "content of tree " + std::to_string(number) + "\n" + std::string(1'000, '.');
    Result<subject::Manifest> manifest = subject::MakeManifest({{"file", crypto::Sha256(file), file.size()}});
    if (!manifest.ok()) return manifest.error();
    WriteBlob(store, file);
    WriteBlob(store, subject::SerialiseManifest(*manifest));
  }
  return {};
}

Result<void> Make(const std::string& home_path, const std::string& subject, uint64_t events, uint64_t trees) {
  Result<Home> home = Home::Open(home_path, HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  Result<SubjectLog> log = SubjectLog::Open(*home, subject, LedgerAccess::kReadWrite);
  if (!log.ok()) return log.error();
  const charter::Charter& charter = log->charter().charter;
  Result<signing::Ed25519PrivateKey> log_key = FindPrivateKey(*home, charter.gate.log);
  if (!log_key.ok()) return log_key.error();
  Hands hands{charter.gate.log.name, *log_key, {}};
  for (const charter::Reviewer& reviewer : charter.reviewers) {
    Result<signing::Ed25519PrivateKey> key = FindPrivateKey(*home, reviewer.key);
    if (!key.ok()) return key.error();
    hands.reviewers.emplace_back(reviewer, *key);
  }
  if (Result<void> grown = LongLog(*log, std::move(hands)).GrowTo(events); !grown.ok()) return grown;
  return FillStore(log->store(), trees);
}

}  // namespace
}  // namespace pawl::ledger

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: large_log HOME SUBJECT EVENTS TREES\n", stderr);
    return 2;
  }
  const pawl::Result<void> made =
      pawl::ledger::Make(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10));
  if (made.ok()) return 0;
  std::fprintf(stderr, "large_log: %s (%s)\n", made.error().message.c_str(), made.error().rule.c_str());
  return 1;
}
