// pawl init, and pawl node init: a ledger begins with a charter that its people have signed.
#include <sys/stat.h>

#include <filesystem>
#include <optional>

#include "cli/command.h"
#include "gate/shared_log_key.h"
#include "ledger/place.h"
#include "oversight/reviewers_files.h"
#include "storage/named_file.h"
#include "storage/tree_store.h"
#include "warrant/state.h"
#include "warrant/verify.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::string charter;
  std::string genesis;
  std::string ledger = "sqlite:";
};

// Remembers where the log is to be, once it has been reached there and is not another home's.
Result<void> ChooseLedger(const ledger::Home& home, const std::string& subject, const std::string& url) {
  Result<bool> is_home = ledger::IsHomeUrl(url);
  if (!is_home.ok()) return is_home.error();
  if (*is_home) {
    const Result<ledger::LedgerPlace> before = home.PlaceOfLedger(subject);
    if (!before.ok() || before->url.starts_with(url)) return before.ok() ? Result<void>() : before.error();
    return Refused("init.exists", "'" + subject + "' has a ledger already, at " + before->url,
                   "--ledger with that URL finishes an init that was cut short");
  }
  const ledger::LedgerPlace place{url, subject};
  Result<ledger::Ledger> ledger = ledger::Ledger::Open(place, ledger::LedgerAccess::kReadWrite);
  if (!ledger.ok()) return ledger.error();
  Result<uint64_t> size = ledger->Size();
  if (!size.ok()) return size.error();
  if (*size > 1) {
    return Refused("init.exists", "'" + subject + "' has a ledger in this database already",
                   "name another database, or another schema of it: ?options=-csearch_path%3DNAME");
  }
  return ledger::KeepLedgerPlace(home.root() + "/ledger", place);
}

Result<void> RequireLogKeyOfItsOwn(const ledger::Home& home, const charter::Charter& charter) {
  if (charter.witnesses.all.empty()) return {};
  const std::optional<std::string> other = gate::OtherSubjectOfLogKey(home, charter);
  if (!other) return {};
  return Refused(
      "init.shared-log-key",
      "the charter has witnesses, and its [gate] log '" + charter.gate.log.name + "' is the key of '" + *other +
          "' too: witnesses would take the two logs for one that was tampered with",
      "pawl key new LOG-KEY, name it in [gate] log, sign the charter again, and have the witnesses follow it");
}

// The log's first entry, then the loader's state.
Result<void> BeginLog(const Globals& globals, const ledger::Home& home, const std::string& subject,
                      const encoding::Envelope& genesis, const warrant::State& state) {
  Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(home, subject, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return log.error();
  const std::string state_path = globals.state.empty() ? home.StatePath(subject) : globals.state;
  // An init that was cut short between ledger and state is finished; everything else that is there stays.
  std::error_code failure;
  const bool cut_short = log->history().size() == 1 && log->history().has_genesis() &&
                         log->history().genesis_envelope() == genesis &&
                         fs::symlink_status(state_path, failure).type() == fs::file_type::not_found;
  if (log->history().has_genesis() && !cut_short) {
    return Refused("init.exists", "'" + subject + "' has a ledger here already",
                   "a charter is changed by pawl charter amend");
  }
  if (!cut_short) {
    if (Result<void> appended = log->Append({genesis}); !appended.ok()) return appended.error();
  }
  const fs::path folder = fs::path(state_path).parent_path();
  fs::create_directories(folder.parent_path(), failure);
  mkdir(folder.c_str(), 0755);  // for nobody else to write to, whatever the umask
  return warrant::WriteStateFile(state_path, state);
}

Result<std::string> Begin(const Globals& globals, const InitOptions& options) {
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(options.charter);
  if (!files.ok()) return files.error();
  if (Result<void> keys = oversight::CheckReviewersFiles(*files); !keys.ok()) return keys.error();
  const charter::Charter& charter = files->charter;
  const std::string genesis_path = options.genesis.empty() ? options.charter + ".genesis.json" : options.genesis;
  Result<std::string> bytes = storage::ReadNamedFile(genesis_path, size_t{1} << 20);
  if (!bytes.ok()) {
    return Error{ErrorCode::kNotFound, "init.not-signed", "the charter is not signed: " + bytes.error().message,
                 "pawl charter sign " + options.charter + ", by each of its people"};
  }
  Result<encoding::Envelope> genesis = encoding::ParseEnvelope(*bytes);
  if (!genesis.ok()) return genesis.error();
  Result<warrant::State> state = warrant::InitialState(charter, *genesis);
  if (!state.ok()) return state.error();

  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kCreate);
  if (!home.ok()) return home.error();
  if (Result<void> outside = home->RequireOutside(options.charter); !outside.ok()) return outside.error();
  if (Result<void> own = RequireLogKeyOfItsOwn(*home, charter); !own.ok()) return own.error();
  const std::string& subject = charter.subject.name;
  Result<storage::TreeStore> store = storage::TreeStore::Open(home->StorePath(), storage::StoreAccess::kReadWrite);
  if (!store.ok()) return store.error();
  Result<storage::StoredTree> tree = store->PutTree(options.charter, subject::TreeLimits{});
  if (!tree.ok()) return tree.error();
  if (tree->digest != charter.digest) {
    return Refused("init.changed", "the charter directory changed while it was read", "try again");
  }
  std::error_code failure;
  const std::string remembered = home->root() + "/ledger/" + subject + ".url";
  const bool was_here = fs::exists(fs::symlink_status(remembered, failure));
  if (Result<void> chosen = ChooseLedger(*home, subject, options.ledger); !chosen.ok()) return chosen.error();
  Result<void> begun = BeginLog(globals, *home, subject, *genesis, *state);
  // What turned out to be another's log, or could not be begun, is not this home's: its commands would work on it.
  if (!begun.ok() && !was_here) fs::remove(remembered, failure);
  return begun.ok() ? subject : Result<std::string>(begun.error());
}

}  // namespace

void AddInit(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("init", "begin a ledger from a charter that its people have signed");
  auto options = std::make_shared<InitOptions>();
  command->add_option("CHARTER", options->charter, "the charter's directory")->required();
  command->add_option("--genesis", options->genesis, "the signed genesis decision (default: CHARTER.genesis.json)");
  command
      ->add_option("--ledger", options->ledger,
                   "where the log is kept: sqlite: (a file in the home), or postgresql://[user@]host/database, "
                   "without a password: libpq reads PGPASSFILE, a service file or PGPASSWORD")
      ->capture_default_str();
  // `pawl node` has it beside join and list, for who looks for it there.
  const std::string typed = app.get_name() == "node" ? "pawl node init" : "pawl init";
  command->footer("examples:\n  pawl charter sign charter && " + typed + " charter\n  " + typed +
                  " charter --ledger 'postgresql://gate@db.example.org/pawl?sslmode=verify-full'");
  command->callback([options, &globals] {
    while (options->charter.size() > 1 && options->charter.back() == '/') options->charter.pop_back();
    Result<std::string> subject = Begin(globals, *options);
    if (!subject.ok()) {
      globals.exit = Fail(globals, subject.error());
      return;
    }
    if (globals.json) {
      PrintJson({{"subject", *subject}});
    } else {
      std::printf("'%s' begins. The first release is the baseline:\n  pawl propose DIRECTORY\n", subject->c_str());
    }
  });
}

}  // namespace pawl::cli
