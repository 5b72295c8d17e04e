#include "ledger/named.h"

#include <filesystem>

#include "ledger/subject_log.h"
#include "storage/garbage.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {
namespace {

namespace fs = std::filesystem;
using crypto::Digest;

// What names an ended proposal in the events about it.
struct EndedNames {
  std::set<std::string> proposals;
  std::set<Digest> statements;  // of its candidate and its decision
};

EndedNames FindEnded(const audit::History& history) {
  EndedNames ended;
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    const bool turned_away = proposal.outcome && proposal.outcome->outcome != audit::ProposalOutcome::kAccepted;
    if (!turned_away || proposal.proposal.action == warrant::Action::kAmendment) continue;
    ended.proposals.insert(proposal.proposal.proposal);
    if (proposal.candidate) ended.statements.insert(proposal.candidate_digest);
    if (proposal.decision) ended.statements.insert(warrant::StatementDigest(proposal.decision_envelope.payload));
  }
  return ended;
}

bool IsAbout(const EndedNames& ended, const std::string& payload) {
  if (ended.statements.contains(warrant::StatementDigest(payload))) return true;
  Result<encoding::Json> statement = encoding::ParseJson(payload);
  if (!statement.ok() || !statement->contains("predicate")) return false;
  const encoding::Json& predicate = (*statement)["predicate"];
  const auto text = [&](const char* name) {
    return predicate.contains(name) && predicate[name].is_string() ? predicate[name].get<std::string>() : std::string();
  };
  if (ended.proposals.contains(text("proposal"))) return true;
  for (const char* name : {"candidate", "decision"}) {
    Result<Digest> digest = Digest::Parse(text(name));
    if (digest.ok() && ended.statements.contains(*digest)) return true;
  }
  return false;
}

Result<void> AddFromLedger(const Home& home, const std::string& subject, EndedProposals which, std::set<Digest>& to) {
  Result<SubjectLog> log = SubjectLog::Open(home, subject, LedgerAccess::kReadOnly);
  if (!log.ok()) return log.error();
  EndedNames ended;
  if (which == EndedProposals::kLetGo) ended = FindEnded(log->history());
  for (uint64_t first = 0; first < log->history().size(); first += kEntriesPerRead) {
    Result<std::vector<std::string>> entries = log->ledger().Entries(first, kEntriesPerRead);
    if (!entries.ok()) return entries.error();
    for (const std::string& entry : *entries) {
      Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
      if (!envelope.ok()) return envelope.error();
      if (!IsAbout(ended, envelope->payload)) storage::AddDigestsIn(envelope->payload, to);
    }
  }
  return {};
}

Result<void> AddFromFile(const fs::path& path, std::set<Digest>& to) {
  constexpr uint64_t kBytesMax = uint64_t{1} << 30;  // of a file of ours, many times over
  Result<std::string> text = subject::ReadRegularFile(path.string(), kBytesMax, "store", subject::Links::kFollow);
  if (!text.ok()) return SystemFailure("store.input-output", text.error().message);
  storage::AddDigestsInStatements(*text, to);
  return {};
}

}  // namespace

Result<std::set<Digest>> DigestsNamedIn(const Home& home, EndedProposals ended,
                                        const std::vector<std::string>& states) {
  std::set<Digest> named;
  for (const std::string& subject : home.Subjects()) {
    if (Result<void> added = AddFromLedger(home, subject, ended, named); !added.ok()) return added.error();
  }
  std::vector<fs::path> files(states.begin(), states.end());
  std::error_code failure;
  for (fs::recursive_directory_iterator at(home.root() + "/loader", failure), end; !failure && at != end;
       at.increment(failure)) {
    if (at->is_regular_file(failure) && at->path().extension() == ".json") files.push_back(at->path());
  }
  if (failure) return SystemFailure("store.input-output", "cannot list the loader's folder: " + failure.message());
  for (const fs::path& file : files) {
    if (Result<void> added = AddFromFile(file, named); !added.ok()) return added.error();
  }
  return named;
}

}  // namespace pawl::ledger
