// pawl store gc: remove from the store what nobody names any more.
#include <cstdio>
#include <ctime>

#include "cli/command.h"
#include "encoding/time.h"
#include "ledger/gate_lock.h"
#include "ledger/named.h"
#include "ledger/store_lock.h"
#include "storage/garbage.h"

namespace pawl::cli {
namespace {

struct StoreOptions {
  bool remove = false;
  bool dry_run = false;
  bool rejected = false;
  std::string older_than = "1d";
};

Result<storage::SweepReport> Collect(const Globals& globals, const StoreOptions& options) {
  Result<int64_t> age_s = encoding::ParseDuration(options.older_than);
  if (!age_s.ok()) return age_s.error();
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  Result<ledger::StoreLock> lock = ledger::StoreLock::Take(*home, ledger::StoreUse::kRemove);
  if (!lock.ok()) return lock.error();
  std::vector<ledger::GateLock> gates;  // no proposal moves meanwhile
  for (const std::string& subject : home->Subjects()) {
    Result<ledger::GateLock> gate = ledger::GateLock::Take(*home, subject);
    if (!gate.ok()) return gate.error();
    gates.push_back(std::move(*gate));
  }
  Result<storage::TreeStore> store = storage::TreeStore::Open(home->StorePath(), storage::StoreAccess::kReadWrite);
  if (!store.ok()) return store.error();
  std::vector<std::string> states;
  if (!globals.state.empty()) states.push_back(globals.state);
  const auto ended = options.rejected ? ledger::EndedProposals::kLetGo : ledger::EndedProposals::kKeep;
  Result<std::set<crypto::Digest>> roots = ledger::DigestsNamedIn(*home, ended, states);
  if (!roots.ok()) return roots.error();
  Result<std::set<crypto::Digest>> kept = storage::FindKept(*store, *roots);
  if (!kept.ok()) return kept.error();
  return storage::Sweep(*store, *kept,
                        {.mode = options.remove ? storage::SweepMode::kDelete : storage::SweepMode::kReport,
                         .older_than_s = *age_s,
                         .now_s = std::time(nullptr)});
}

ExitCode CollectAndShow(const Globals& globals, const StoreOptions& options) {
  Result<storage::SweepReport> report = Collect(globals, options);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson({{"removed", options.remove},
               {"kept", report->kept},
               {"kept_bytes", report->kept_bytes},
               {"young", report->young},
               {"gone", report->gone},
               {"gone_bytes", report->gone_bytes},
               {"copies_gone", report->views_gone},
               {"temporary_gone", report->temporary_gone}});
    return ExitCode::kYes;
  }
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%llu blobs are named (%llu bytes); %llu are named by nobody and too new to go\n", number(report->kept),
              number(report->kept_bytes), number(report->young));
  std::printf("%s: %llu blobs (%llu bytes), %llu copies of trees, %llu temporary entries\n",
              options.remove ? "removed" : "would be removed", number(report->gone), number(report->gone_bytes),
              number(report->views_gone), number(report->temporary_gone));
  if (!options.remove) std::printf("  next: pawl store gc --remove%s\n", options.rejected ? " --rejected" : "");
  return ExitCode::kYes;
}

}  // namespace

void AddStore(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("store", "the content-addressed store of all subjects");
  command->require_subcommand(1);
  auto options = std::make_shared<StoreOptions>();
  CLI::App* collect = command->add_subcommand("gc", "say what nobody names any more; with --remove, remove it");
  CLI::Option* remove = collect->add_flag("--remove", options->remove, "remove it (default: only say what would go)");
  collect->add_flag("--dry-run", options->dry_run, "only say what would go; the default")->excludes(remove);
  collect->add_flag("--rejected", options->rejected,
                    "also what only proposals name that were rejected or outside the charter");
  collect->add_option("--older-than", options->older_than, "age that a blob must have to go, like 12h or 30d")
      ->capture_default_str();
  collect->footer(
      "What an event, charter, pending proposal, warrant, halt or loader's state names stays, with everything that\n"
      "those name. Takes no --subject: the store is shared. A loader's state outside of the home: name it by --state.\n"
      "examples:\n  pawl store gc\n  pawl store gc --remove --older-than 30d\n  pawl store gc --rejected --remove");
  collect->callback([options, &globals] { globals.exit = CollectAndShow(globals, *options); });
}

}  // namespace pawl::cli
