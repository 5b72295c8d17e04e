// pawl backup: the home in one file, verified before it is written.
#include "ledger/backup.h"

#include "cli/backup_report.h"
#include "cli/command.h"

namespace pawl::cli {

encoding::Json BackupJson(const std::string& file, const ledger::BackupReport& report) {
  encoding::Json subjects = encoding::Json::array();
  for (const ledger::SubjectSummary& subject : report.subjects) {
    subjects.push_back(
        {{"subject", subject.subject},
         {"events", subject.events},
         {"root", subject.root.Text()},
         {"checkpoint_size",
          subject.checkpoint_size ? encoding::Json(*subject.checkpoint_size) : encoding::Json(nullptr)},
         {"has_state", subject.has_state},
         {"live_epoch", subject.live_epoch ? encoding::Json(*subject.live_epoch) : encoding::Json(nullptr)}});
  }
  return {{"file", file},        {"files", report.files},       {"bytes", report.bytes},     {"blobs", report.blobs},
          {"keys", report.keys}, {"left_out", report.left_out}, {"cleared", report.cleared}, {"subjects", subjects}};
}

void ShowBackup(const ledger::BackupReport& report) {
  for (const ledger::SubjectSummary& subject : report.subjects) {
    std::string state = ", no loader's state in this home";
    if (subject.has_state) {
      state = subject.live_epoch ? ", epoch " + std::to_string(*subject.live_epoch) + " live" : ", nothing live yet";
    }
    std::printf("  %s: %llu events, root %s%s\n", Shown(subject.subject).c_str(),
                static_cast<unsigned long long>(subject.events), subject.root.Text().c_str(), state.c_str());
  }
  std::printf("  %llu blobs, each with its digest\n", static_cast<unsigned long long>(report.blobs));
  if (report.keys.empty()) {
    std::puts("  no private key is in it: keep those apart");
  } else {
    std::string names;
    for (const std::string& key : report.keys) names += " " + Shown(key);
    std::printf("  IT HOLDS PRIVATE KEYS:%s; whoever reads it can sign as them\n", names.c_str());
  }
  for (const std::string& name : report.left_out) std::printf("  left out: %s\n", Shown(name).c_str());
  for (const std::string& folder : report.cleared) {
    std::printf("  removed what a run that was killed had left: %s\n", Shown(folder).c_str());
  }
}

namespace {

struct BackupOptions {
  std::string file;
  std::vector<std::string> keys;
};

ExitCode Backup(const Globals& globals, const BackupOptions& options) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return Fail(globals, home.error());
  Result<ledger::BackupReport> report = ledger::WriteBackup(*home, options.file, {.keys = options.keys});
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(BackupJson(options.file, *report));
    return ExitCode::kYes;
  }
  std::printf("%s: %llu files, %llu bytes\n", Shown(options.file).c_str(),
              static_cast<unsigned long long>(report->files), static_cast<unsigned long long>(report->bytes));
  ShowBackup(*report);
  return ExitCode::kYes;
}

}  // namespace

void AddBackup(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App* command = app.add_subcommand("backup", "verify the home, and write all of it but private keys into a file");
  command->add_option("FILE", options->file, "to be made; never overwritten")->required();
  command
      ->add_option("--with-private-key", options->keys,
                   "name of a key (pawl key list) that goes into the file as well; once for each")
      ->type_size(1)
      ->allow_extra_args(false);
  command->footer(
      "A tar archive of mode 0600 with ledgers, states, halts, warrants, what reviewers remember, and the store.\n"
      "A gate may work meanwhile. Keep it like the loader's state: where neither gate nor subject can write.\n"
      "examples:\n  pawl backup /mnt/backup/pawl-$(date +%F).tar\n"
      "  pawl backup keys-too.tar --with-private-key gate-log --with-private-key gate-clock\n"
      "  pawl restore --check /mnt/backup/pawl-2027-01-31.tar");
  command->callback([options, &globals] { globals.exit = Backup(globals, *options); });
}

}  // namespace pawl::cli
