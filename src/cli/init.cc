// pawl init: a ledger begins with a charter that its people have signed.
#include <filesystem>

#include "cli/command.h"
#include "oversight/json_keys.h"
#include "storage/tree_store.h"
#include "warrant/state.h"
#include "warrant/verify.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::string charter;
  std::string genesis;
};

Result<std::string> Begin(const Globals& globals, const InitOptions& options) {
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(options.charter);
  if (!files.ok()) return files.error();
  if (Result<void> keys = oversight::CheckKeyFiles(*files); !keys.ok()) return keys.error();
  const charter::Charter& charter = files->charter;
  const std::string genesis_path = options.genesis.empty() ? options.charter + ".genesis.json" : options.genesis;
  Result<std::string> bytes = ReadWholeFile(genesis_path, size_t{1} << 20);
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
  const std::string& subject = charter.subject.name;
  Result<storage::TreeStore> store = storage::TreeStore::Open(home->StorePath(), storage::StoreAccess::kReadWrite);
  if (!store.ok()) return store.error();
  Result<storage::StoredTree> tree = store->PutTree(options.charter, subject::TreeLimits{});
  if (!tree.ok()) return tree.error();
  if (tree->digest != charter.digest) {
    return Refused("init.changed", "the charter directory changed while it was read", "try again");
  }
  Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(*home, subject, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return log.error();
  const std::string state_path = globals.state.empty() ? home->StatePath(subject) : globals.state;
  // An init that was cut short between ledger and state is finished; everything else that is there stays.
  std::error_code failure;
  const bool cut_short = log->history().size() == 1 && log->history().has_genesis() &&
                         log->history().genesis_envelope() == *genesis &&
                         fs::symlink_status(state_path, failure).type() == fs::file_type::not_found;
  if (log->history().has_genesis() && !cut_short) {
    return Refused("init.exists", "'" + subject + "' has a ledger here already",
                   "a charter is changed by pawl charter amend");
  }
  if (!cut_short) {
    if (Result<void> appended = log->Append({*genesis}); !appended.ok()) return appended.error();
  }
  fs::create_directories(fs::path(state_path).parent_path(), failure);
  if (Result<void> written = warrant::WriteStateFile(state_path, *state); !written.ok()) return written.error();
  return subject;
}

}  // namespace

void AddInit(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("init", "begin a ledger from a charter that its people have signed");
  auto options = std::make_shared<InitOptions>();
  command->add_option("CHARTER", options->charter, "the charter's directory")->required();
  command->add_option("--genesis", options->genesis, "the signed genesis decision (default: CHARTER.genesis.json)");
  command->footer("example:\n  pawl charter sign charter && pawl init charter");
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
