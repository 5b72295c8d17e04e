#include "cli/reviewer_at_work.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "cli/critic_model.h"
#include "cli/log_file.h"
#include "cli/peers.h"
#include "gate/trace.h"
#include "ledger/keys.h"
#include "server/notice_exchange.h"
#include "signing/private_key.h"

namespace pawl::cli {
namespace {

using oversight::ReviewReport;

std::string_view WhatName(ReviewReport::What what) {
  switch (what) {
    case ReviewReport::What::kVoted:
      return "voted";
    case ReviewReport::What::kClosed:
      return "closed";
    case ReviewReport::What::kCosigned:
      return "cosigned";
    case ReviewReport::What::kWaiting:
      return "waiting";
    case ReviewReport::What::kNothingToDo:
      return "nothing to do";
  }
  return "";
}

}  // namespace

Result<ReviewerAtWork> ReviewerAtWork::Open(const Globals& globals, const std::string& name) {
  Result<Place> place = FindPlace(globals);
  return place.ok() ? Open(*std::move(place), name) : Result<ReviewerAtWork>(place.error());
}

Result<ReviewerAtWork> ReviewerAtWork::Open(Place place, const std::string& name) {
  Result<ledger::SubjectLog> log = OpenLog(place, ledger::LedgerAccess::kReadWrite, ledger::FoldFrom::kFirstEvent);
  if (!log.ok()) return log.error();
  const charter::Reviewer* record = log->charter().charter.FindReviewer(name);
  if (record == nullptr) {
    std::string names;
    for (const charter::Reviewer& reviewer : log->charter().charter.reviewers) names += " " + reviewer.name;
    return Error{ErrorCode::kUsage, "review.unknown", "the charter has no reviewer '" + name + "'", "it has:" + names};
  }
  std::string memory = place.home.ReviewerFolder(name);
  if (mkdir(memory.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemFailure("review.memory", "cannot make '" + memory + "': " + std::strerror(errno));
  }
  charter::Reviewer found = *record;
  return ReviewerAtWork(std::move(place), *std::move(log), std::move(found), std::move(memory));
}

Result<signing::Signer> ReviewerAtWork::Key() {
  const auto same = [](const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
           a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
  };
  const std::string path = place_.home.KeyPath(record_.key.name);
  struct stat now {};
  const bool is_file = lstat(path.c_str(), &now) == 0;
  if (is_file && key_ && key_->public_key() == record_.key.key && same(now, key_file_)) return *key_;
  key_.reset();
  if (is_file) {
    const Result<signing::Ed25519PrivateKey> read = signing::Ed25519PrivateKey::ReadFile(path);
    key_file_ = now;
    if (read.ok() && read->public_key() == record_.key.key) return key_.emplace(*read);
  }
  return ledger::FindSigner(place_.home, record_.key);  // in a folder of another name, or in an agent
}

Result<std::vector<ReviewReport>> ReviewerAtWork::Look(const Globals& globals, oversight::Waiting waiting) {
  if (Result<void> refreshed = log_.Refresh(); !refreshed.ok()) return refreshed.error();
  const charter::Reviewer* record = log_.charter().charter.FindReviewer(record_.name);
  if (record == nullptr) {
    return Error{ErrorCode::kUsage, "review.unknown", "the charter has no reviewer '" + record_.name + "' any more",
                 ""};
  }
  record_ = *record;
  Result<signing::Signer> key = Key();
  if (!key.ok()) return key.error();
  std::optional<oversight::LanguageModel> model;
  if (record->role == charter::Role::kCritic) {
    Result<std::optional<oversight::LanguageModel>> read = ReadCriticModel(memory_folder_);
    if (!read.ok()) return read.error();
    model = *std::move(read);
  }
  const oversight::Reviewer reviewer{.record = *record,
                                     .key = *key,
                                     .memory_folder = memory_folder_,
                                     .state_path = place_.state_path,
                                     .now_s = std::time(nullptr),
                                     .threads = 2,
                                     .waiting = waiting,
                                     .progress = ProgressTo(globals),
                                     .model = std::move(model),
                                     .peers = PeersOf(place_),
                                     .post = server::NoticeExchange()};
  Result<std::vector<ReviewReport>> reports = oversight::ReviewOpenProposals(log_, reviewer);
  TellWitnesses();
  return reports;
}

void ReviewerAtWork::TellWitnesses() {
  if (log_.charter().charter.witnesses.all.empty()) return;
  for (const audit::ProposalHistory& proposal : log_.history().proposals()) {
    if (proposal.outcome || proposal.closing) continue;
    for (const audit::LoggedVote& vote : proposal.votes) {
      if (vote.vote.reviewer != record_.name || told_.contains(vote.digest)) continue;
      const notices::Told told = notices::Tell(log_.charter().charter, vote.envelope, server::NoticeExchange());
      LogLine(LogLevel::kInfo, "vote: " + notices::Words(told),
              {{"subject", log_.subject()}, {"proposal", proposal.proposal.proposal}, {"reviewer", record_.name}});
      if (notices::IsKept(told, log_.charter().charter)) told_.insert(vote.digest);
    }
  }
}

ExitCode ShowReviews(const Globals& globals, ReviewerAtWork& at_work, const std::vector<ReviewReport>& reports) {
  const charter::Reviewer& reviewer = at_work.record();
  const std::string& subject = at_work.log().subject();
  const std::string role(charter::RoleName(reviewer.role));
  encoding::Json json = encoding::Json::array();
  ExitCode exit = ExitCode::kYes;
  for (const ReviewReport& report : reports) {
    const audit::ProposalHistory* proposal = at_work.log().history().Find(report.proposal);
    const std::string trace = proposal == nullptr ? "" : gate::TraceIdOf(proposal->proposal);
    LogLine(LogLevel::kInfo, std::string(WhatName(report.what)) + ": " + report.summary,
            {{"subject", subject}, {"proposal", report.proposal}, {"trace_id", trace}, {"reviewer", reviewer.name}});
    if (report.what == ReviewReport::What::kWaiting) exit = Worst(exit, ExitCode::kPending);
    json.push_back({{"subject", subject},
                    {"proposal", report.proposal},
                    {"trace_id", trace},
                    {"reviewer", reviewer.name},
                    {"role", role},
                    {"principal", reviewer.principal},
                    {"what", WhatName(report.what)},
                    {"summary", report.summary}});
    if (!globals.json) {
      std::printf("%s %s: %s (%s, of %s): %s: %s\n", subject.c_str(), report.proposal.c_str(), reviewer.name.c_str(),
                  role.c_str(), Shown(reviewer.principal).c_str(), std::string(WhatName(report.what)).c_str(),
                  Shown(report.summary).c_str());
    }
  }
  if (globals.json) PrintJson(json);
  return exit;
}

}  // namespace pawl::cli
