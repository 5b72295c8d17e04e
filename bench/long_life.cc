// Makes a home whose one subject has had many releases, as the gate would have left it: every event signed by whom it
// names, all ten findings, the votes of seven reviewers, two of them evaluators with a whole trial report each, two
// people's approvals; and the gate's snapshot of all of it. Only the warrants are missing: the log names their digests.
//
//   long_life HOME RELEASES
//
// For measurements only; keys come from fixed seeds. Prints the number of events.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "audit/records.h"
#include "encoding/number.h"
#include "ledger/keys.h"
#include "ledger/subject_log.h"
#include "report/report_for_test.h"
#include "warrant/path_for_test.h"

namespace pawl::bench {
namespace {

using namespace audit;  // NOLINT: what a log consists of
using warrant::kDay;
using warrant::Path;

class LongLife {
 public:
  explicit LongLife(std::uint64_t releases) : releases_(releases) {
    path_ = Path([](charter::TestCharter& charter) {
      charter.Replace("max_releases = 3", "max_releases = 100")
          .Replace("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.05");
    });
  }

  const Path& path() const { return path_; }

  // The events of the next release.
  std::vector<std::string> Next() {
    entries_.clear();
    ++number_;
    now_ += kDay + 600;
    name_ = "p" + std::to_string(number_);
    about_ = {path_.charter().subject.name, crypto::Sha256("tree " + name_)};
    ByGate(WriteProposal({.about = about_,
                          .proposal = name_,
                          .tree = about_.digest,
                          .parent_tree = live_,
                          .parent_warrant = last_warrant_,
                          .diff = crypto::Sha256("diff"),
                          .note = "honest improvement " + std::to_string(number_),
                          .time = now_}));
    for (const Step step : {Step::kFreeze, Step::kSurface, Step::kPace, Step::kProperties}) Passed(step);
    const std::string commit = warrant::WriteCandidate(Commit());
    ByGate(commit);
    candidate_ = warrant::StatementDigest(commit);
    Passed(Step::kTrial);
    Passed(Step::kBounds);
    std::vector<Digest> votes = Votes();
    const std::string closing = warrant::WriteClosing(Closed(votes));
    for (const char* auditor : {"auditor-a", "auditor-c"}) Add(path_.BySomeone(closing, auditor));
    Passed(Step::kQuorum);
    const std::string decision = warrant::WriteDecision(Decided(votes, warrant::StatementDigest(closing)));
    ByGate(decision);
    Add(path_.ByPeople(decision, {"ann"}));
    Add(path_.ByPeople(decision, {"ann", "bob"}));
    Passed(Step::kApproval);
    End();
    return entries_;
  }

 private:
  void Add(const encoding::Envelope& envelope) { entries_.push_back(encoding::SerializeEnvelope(envelope)); }
  void ByGate(const std::string& payload) { Add(path_.BySomeone(payload, "log")); }
  void Passed(Step step) {
    ByGate(WriteFinding({.about = about_,
                         .proposal = name_,
                         .step = step,
                         .outcome = FindingOutcome::kPass,
                         .rule = "",
                         .summary = "what this step has seen of proposal " + name_,
                         .evidence = {{"report", crypto::Sha256(name_)}},
                         .time = now_}));
  }

  Candidate Commit() const {
    return {.about = about_,
            .proposal = name_,
            .resource = path_.charter().subject.resource_uri,
            .epoch = static_cast<std::int64_t>(number_),
            .tree = about_.digest,
            .parent_tree = live_,
            .parent_warrant = last_warrant_,
            .baseline = path_.charter().subject.baseline,
            .charter = path_.charter().digest,
            .charter_epoch = 0,
            .budget_index = static_cast<std::int64_t>(number_),
            .diff = crypto::Sha256("diff"),
            .environment = crypto::Sha256("environment"),
            .certificates = {{"calm", crypto::Sha256("network"), crypto::Sha256("certificate")}},
            .time = now_};
  }

  std::vector<Digest> Votes() {
    std::vector<Digest> digests;
    for (const charter::Reviewer& reviewer : path_.charter().reviewers) {
      if (reviewer.role == charter::Role::kAuditor) continue;
      Vote vote{.about = about_,
                .candidate = candidate_,
                .reviewer = reviewer.name,
                .role = std::string(charter::RoleName(reviewer.role)),
                .verdict = warrant::VoteVerdict::kFor,
                .reasons = {},
                .host = "host",
                .user = "user",
                .time = now_};
      if (reviewer.role == charter::Role::kEvaluator) {
        const trial::TrialTerms terms{.kind = live_ ? trial::TrialKind::kStep : trial::TrialKind::kFirstRelease,
                                      .budget_index = number_};
        const double progress = static_cast<double>(number_) / static_cast<double>(releases_);
        const double noise = std::sin(static_cast<double>(7 * number_ + vote.reviewer.back()));
        vote.evidence = {
            {"checkpoint", std::string(120, 'c')},
            {"seed_signature", std::string(88, 's')},
            {"report", trial::TrialReportToJson(report::SomeReport(path_.charter(), terms, progress, noise))},
            {"shares", {{"harm near_miss", 1'100'000}, {"drift drift-fresh", 1'200'000}}},
            {"last_step", nullptr}};
        if (number_ > 1) {
          vote.evidence["last_step"] = {{"epoch", number_ - 1}, {"gain", encoding::NumberText(0.004 + 0.001 * noise)}};
        }
      }
      const std::string payload = warrant::WriteVote(vote);
      digests.push_back(warrant::StatementDigest(payload));
      Add(path_.BySomeone(payload, reviewer.name));
    }
    std::sort(digests.begin(), digests.end());
    return digests;
  }

  Closing Closed(const std::vector<Digest>& votes) const {
    Closing closing;
    closing.about = about_;
    closing.candidate = candidate_;
    closing.size = 1;
    closing.votes = votes;
    closing.time = now_;
    return closing;
  }

  Decision Decided(const std::vector<Digest>& votes, const Digest& closing) const {
    return {.about = about_,
            .resource = path_.charter().subject.resource_uri,
            .epoch = static_cast<std::int64_t>(number_),
            .charter = path_.charter().digest,
            .target = about_.digest,
            .previous = last_warrant_,
            .candidate = candidate_,
            .closing = closing,
            .votes = votes,
            .results = {{"surface", "one file"}, {"trial", "passed"}},
            .lifts = {},
            .reason = "better",
            .issued = now_,
            .expires = now_ + 7 * kDay};
  }

  // Warrant, release and outcome.
  void End() {
    const Digest warrant = crypto::Sha256("warrant of " + name_);
    const auto epoch = static_cast<std::int64_t>(number_);
    ByGate(WriteWarrantRecord({.about = about_, .proposal = name_, .epoch = epoch, .warrant = warrant}));
    Passed(Step::kWarrant);
    ByGate(WriteReleaseRecord(
        {.about = about_, .proposal = name_, .epoch = epoch, .warrant = warrant, .tree = about_.digest, .time = now_}));
    Passed(Step::kRelease);
    ByGate(WriteOutcomeRecord({.about = about_,
                               .proposal = name_,
                               .outcome = ProposalOutcome::kAccepted,
                               .step = Step::kRelease,
                               .rule = "",
                               .reason = "live",
                               .time = now_}));
    live_ = about_.digest;
    last_warrant_ = warrant;
  }

  Path path_;
  std::uint64_t releases_;
  std::uint64_t number_ = 0;
  std::int64_t now_ = warrant::kGenesisTime;
  std::string name_;
  About about_;
  Digest candidate_;
  std::optional<Digest> live_;
  std::optional<Digest> last_warrant_;
  std::vector<std::string> entries_;
};

Result<std::uint64_t> Make(const std::string& place, std::uint64_t releases) {
  Result<ledger::Home> home = ledger::Home::Open(place, ledger::HomeAccess::kCreate);
  if (!home.ok()) return home.error();
  LongLife life(releases);
  const std::string subject = life.path().charter().subject.name;
  std::filesystem::copy(life.path().store().directory(), home->StorePath(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
  std::filesystem::create_directories(home->KeyFolder("log"));
  Result<void> kept = Path::Key("log").WriteFile(home->KeyPath("log"));
  if (!kept.ok()) return kept.error();
  Result<ledger::Ledger> ledger = ledger::Ledger::Open(home->LedgerPath(subject), ledger::LedgerAccess::kReadWrite);
  if (!ledger.ok()) return ledger.error();
  std::vector<std::string> batch = life.path().entries();
  std::uint64_t size = 0;
  for (std::uint64_t i = 0; i < releases; ++i) {
    for (std::string& entry : life.Next()) batch.push_back(std::move(entry));
    if (batch.size() < 4'096 && i + 1 < releases) continue;
    Result<std::uint64_t> appended = ledger->Append(size, batch);
    if (!appended.ok()) return appended.error();
    size += batch.size();
    batch.clear();
  }
  Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(*home, subject, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return log.error();
  Result<void> saved = log->SaveSnapshot(Path::Key("log"));
  if (!saved.ok()) return saved.error();
  return size;
}

}  // namespace
}  // namespace pawl::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: long_life HOME RELEASES\n", stderr);
    return 2;
  }
  const pawl::Result<std::uint64_t> made = pawl::bench::Make(argv[1], std::strtoull(argv[2], nullptr, 10));
  if (made.ok()) {
    std::printf("%llu\n", static_cast<unsigned long long>(*made));
    return 0;
  }
  std::fprintf(stderr, "long_life: %s (%s)\n", made.error().message.c_str(), made.error().rule.c_str());
  return 1;
}
