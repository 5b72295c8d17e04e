// pawl node: a home on another machine that works on the same log, in the database that both reach.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "charter/charter.h"
#include "cli/command.h"
#include "encoding/time.h"
#include "ledger/loader_memory.h"
#include "ledger/place.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

struct JoinOptions {
  std::string url;
  std::string charter;
};

struct Joined {
  uint64_t events = 0;
  crypto::Digest root;
  std::optional<int64_t> live_epoch;
};

// The log folds from its genesis, which is the one that was named; the loader's state begins with it.
Result<Joined> FoldAndPin(const Globals& globals, const ledger::Home& home, const std::string& subject,
                          const crypto::Digest& genesis_charter) {
  Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(home, subject, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return log.error();
  const audit::History& history = log->history();
  if (!history.has_genesis()) {
    return Error{ErrorCode::kNotFound, "node.no-log", "the database has no log of '" + subject + "'",
                 "pawl init CHARTER --ledger URL begins one"};
  }
  if (history.genesis().charter != genesis_charter) {
    return Refused("node.other-charter",
                   "this log began with the charter " + history.genesis().charter.Text() + ", not with the one named",
                   "ask its people which charter they signed; do not take it from the database");
  }
  Result<charter::Charter> charter = charter::ReadCharterFromStore(log->store(), genesis_charter);
  if (!charter.ok()) return charter.error();
  if (charter->subject.name != subject) {
    return Refused("node.other-charter", "the charter is that of '" + Shown(charter->subject.name) + "'",
                   "name the subject as its charter does");
  }
  Result<warrant::State> state = warrant::InitialState(*charter, history.genesis_envelope());
  if (!state.ok()) return state.error();
  const std::string state_path = globals.state.empty() ? home.StatePath(subject) : globals.state;
  std::error_code failure;
  if (fs::symlink_status(state_path, failure).type() == fs::file_type::not_found) {
    const fs::path folder = fs::path(state_path).parent_path();
    fs::create_directories(folder.parent_path(), failure);
    mkdir(folder.c_str(), 0755);  // for nobody else to write to, whatever the umask
    if (Result<void> written = warrant::WriteStateFile(state_path, *state); !written.ok()) return written.error();
  } else {
    // A loader that was here before knows this log, or the log is not the one that it has followed.
    const Result<warrant::State> before = warrant::ReadStateFile(state_path);
    if (!before.ok()) return before.error();
    if (Result<void> same = ledger::VerifyState(*log, *before); !same.ok()) return same.error();
  }
  Joined joined{.events = history.size(), .root = log->root(), .live_epoch = {}};
  if (!history.releases().empty()) joined.live_epoch = history.releases().back().epoch;
  return joined;
}

Result<Joined> Join(const Globals& globals, const JoinOptions& options) {
  Result<crypto::Digest> charter = crypto::Digest::Parse(options.charter);
  if (!charter.ok()) return Error{ErrorCode::kUsage, "node.charter", charter.error().message, "sha256:<64 hex digits>"};
  Result<bool> is_home = ledger::IsHomeUrl(options.url);
  if (!is_home.ok()) return is_home.error();
  if (*is_home || globals.subject.empty() || globals.subject.find('/') != std::string::npos) {
    return Error{ErrorCode::kUsage, "node.url", "a node joins a subject's log in a database",
                 "pawl node join postgresql://… --subject NAME --charter sha256:…"};
  }
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kCreate);
  if (!home.ok()) return home.error();
  const std::string folder = home->root() + "/ledger";
  const std::vector<std::string> before = home->Subjects();
  const bool was_here = std::find(before.begin(), before.end(), globals.subject) != before.end();
  if (Result<void> kept = ledger::KeepLedgerPlace(folder, {options.url, globals.subject}); !kept.ok()) {
    return kept.error();
  }
  Result<Joined> joined = FoldAndPin(globals, *home, globals.subject, *charter);
  std::error_code ignored;
  if (!joined.ok() && !was_here) fs::remove(folder + "/" + globals.subject + ".url", ignored);
  return joined;
}

ExitCode JoinAndShow(const Globals& globals, const JoinOptions& options) {
  Result<Joined> joined = Join(globals, options);
  if (!joined.ok()) return Fail(globals, joined.error());
  if (globals.json) {
    encoding::Json live = nullptr;
    if (joined->live_epoch) live = *joined->live_epoch;
    PrintJson(
        {{"subject", globals.subject}, {"events", joined->events}, {"root", joined->root.Hex()}, {"live_epoch", live}});
    return ExitCode::kYes;
  }
  std::printf("'%s' is here: %llu events verified from the genesis on\n  next: pawl review --as NAME\n",
              globals.subject.c_str(), static_cast<unsigned long long>(joined->events));
  return ExitCode::kYes;
}

// Where each reviewer last voted from, by its own signed word.
struct Seen {
  std::string host, user;
  int64_t time = 0;
  uint64_t votes = 0;
};

ExitCode ListNodes(const Globals& globals) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log =
      ledger::SubjectLog::Open(place->home, place->subject, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  std::map<std::string, Seen> seen;
  for (const audit::ProposalHistory& proposal : log->history().proposals()) {
    for (const audit::LoggedVote& logged : proposal.votes) {
      const warrant::Vote& vote = logged.vote;
      seen[vote.reviewer] = {vote.host, vote.user, vote.time, seen[vote.reviewer].votes + 1};
    }
  }
  encoding::Json rows = encoding::Json::array();
  for (const charter::Reviewer& reviewer : log->charter().charter.reviewers) {
    const Seen& at = seen[reviewer.name];
    if (globals.json) {
      rows.push_back({{"reviewer", reviewer.name},
                      {"host", at.host},
                      {"user", at.user},
                      {"votes", at.votes},
                      {"last_vote", at.votes == 0 ? "" : encoding::TimeText(at.time)}});
    } else if (at.votes == 0) {
      std::printf("%-20s has not voted yet\n", reviewer.name.c_str());
    } else {
      std::printf("%-20s %s@%s, %llu votes, last %s\n", reviewer.name.c_str(), Shown(at.user).c_str(),
                  Shown(at.host).c_str(), static_cast<unsigned long long>(at.votes),
                  encoding::TimeText(at.time).c_str());
    }
  }
  if (globals.json) PrintJson({{"subject", place->subject}, {"reviewers", rows}});
  return ExitCode::kYes;
}

}  // namespace

void AddNode(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("node", "homes on several machines that work on one log");
  command->require_subcommand(1);
  AddInit(*command, globals);
  auto options = std::make_shared<JoinOptions>();
  CLI::App* join =
      command->add_subcommand("join", "make this home one of a log in PostgreSQL, after verifying all of it");
  join->add_option("URL", options->url, "the log's database, without a password, as for pawl init --ledger")
      ->required();
  join->add_option("--charter", options->charter,
                   "digest of the charter that the log began with, from its people and not from the database")
      ->required();
  join->footer(
      "example:\n"
      "  pawl node join 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full' \\\n"
      "    --subject controller --charter sha256:…");
  join->callback([options, &globals] { globals.exit = JoinAndShow(globals, *options); });
  CLI::App* list = command->add_subcommand("list", "where each reviewer has voted from, by its own signed word");
  list->footer("example:\n  pawl node list");
  list->callback([&globals] { globals.exit = ListNodes(globals); });
}

}  // namespace pawl::cli
