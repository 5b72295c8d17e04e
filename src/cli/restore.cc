// pawl restore: a home from a back-up, verified before it is moved into place.
#include "cli/backup_report.h"
#include "cli/command.h"
#include "ledger/backup.h"
#include "ledger/place.h"

namespace pawl::cli {
namespace {

struct RestoreOptions {
  std::string file;
  std::string ledger = "sqlite:";
  bool check = false;
};

ExitCode Restore(const Globals& globals, const RestoreOptions& options) {
  const std::string root = ledger::Home::Place(globals.home);
  const Result<bool> is_home = ledger::IsHomeUrl(options.ledger);
  if (!is_home.ok()) return Fail(globals, is_home.error());
  const std::string url = *is_home ? "" : options.ledger;
  Result<ledger::BackupReport> report = options.check ? ledger::CheckBackup(options.file)
                                                      : ledger::RestoreBackup(options.file, root, {.ledger_url = url});
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    encoding::Json json = BackupJson(options.file, *report);
    json["home"] = options.check ? encoding::Json(nullptr) : encoding::Json(root);
    json["ledger"] = url.empty() ? encoding::Json(nullptr) : encoding::Json(url);
    PrintJson(json);
    return ExitCode::kYes;
  }
  if (options.check) {
    std::printf("%s can be restored:\n", Shown(options.file).c_str());
  } else {
    std::printf("the home is at %s again%s:\n", Shown(root).c_str(),
                url.empty() ? "" : (", and its logs in " + Shown(url)).c_str());
  }
  ShowBackup(*report);
  if (!options.check) {
    std::puts(
        "It remembers what was when it was written. Whoever has seen more (auditors, other loaders, other copies");
    std::puts("of the log) refuses it until their events are here again: docs/recovery.md. Next: pawl doctor");
  }
  return ExitCode::kYes;
}

}  // namespace

void AddRestore(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command =
      app.add_subcommand("restore", "make a home from a file of `pawl backup`, after verifying all of it");
  command->add_option("FILE", options->file, "what pawl backup wrote")->required();
  auto* check = command->add_flag("--check", options->check, "verify it, and restore nothing");
  command
      ->add_option(
          "--ledger", options->ledger,
          "where the logs go: sqlite: (files of the home), or the postgresql:// URL of a database without them")
      ->capture_default_str()
      ->excludes(check);
  command->footer(
      "Every blob is hashed, every event folded with its signatures, every checkpoint's signature verified, and each\n"
      "loader's state compared with its ledger. A home that exists and is not empty is never overwritten.\n"
      "examples:\n  pawl restore pawl.tar\n  pawl --home /srv/pawl restore pawl.tar\n  pawl restore --check pawl.tar\n"
      "  pawl restore pawl.tar --ledger 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full'");
  command->callback([options, &globals] { globals.exit = Restore(globals, *options); });
}

}  // namespace pawl::cli
