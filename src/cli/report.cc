// pawl report: a subject's life as pictures, and as a change control report in Markdown and HTML, beside the ledger
// entries that every figure links to.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "authoring/charter_words.h"
#include "cli/command.h"
#include "report/change_control.h"
#include "report/files.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

// Giving a long life back to the system string by string would take a fifth of the time of a report; the process ends
// instead. For one value of a type.
template <typename T>
const T& KeptToTheEnd(T value) {
  static const T& kept = *new T(std::move(value));
  return kept;
}

// Entries by the hundred are not flushed one by one: the page that links to them is written after them, and all of it
// can be made again.
Result<void> WriteFiles(const fs::path& directory, const std::vector<report::ReportFile>& files) {
  std::error_code error;
  fs::create_directories(directory / "entries", error);
  if (error) return SystemFailure("report.directory", "cannot make '" + directory.string() + "'");
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const fs::path path = directory / file->name;
    if (path.parent_path() == directory) {
      if (Result<void> written = storage::WriteNamedFile(path.string(), file->bytes); !written.ok()) return written;
      continue;
    }
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << file->bytes;
    if (!out.flush()) return SystemFailure("file.write", "cannot write '" + path.string() + "'", "check disk space");
  }
  return {};
}

ExitCode Report(const Globals& globals, const std::string& directory) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  const charter::Charter& charter = log->charter().charter;
  const audit::History& history = KeptToTheEnd(log->history());  // a copy that shares the proposals
  Result<report::Life> made = report::LifeOf(history, log->store().Reader());
  if (!made.ok()) return Fail(globals, made.error());
  made->verified = log->folded();
  const report::Life& life = KeptToTheEnd(std::move(*made));
  std::vector<report::Topic> words;
  const Result<charter::ProgramRules> programs = charter::ReadProgramRules(log->charter());
  if (!programs.ok()) return Fail(globals, programs.error());
  for (const authoring::Section& section : authoring::CharterWords(charter, programs->accepted))
    words.push_back({section.title, section.lines});
  const report::Document& document = KeptToTheEnd(report::ChangeControlReport(life, charter, words));

  const report::EntryReader read = [&](uint64_t index) -> Result<std::string> {
    Result<std::vector<std::string>> entries = log->ledger().Entries(index, 1);
    if (!entries.ok()) return entries.error();
    if (entries->empty()) return Error{ErrorCode::kNotFound, "log.no-entry", "the log has no entry", "pawl log verify"};
    return std::move(entries->front());
  };
  Result<std::vector<report::ReportFile>> made_files = report::ReportFiles(life, charter, document, read);
  if (!made_files.ok()) return Fail(globals, made_files.error());
  const std::vector<report::ReportFile>& files = KeptToTheEnd(std::move(*made_files));
  if (Result<void> written = WriteFiles(directory, files); !written.ok()) return Fail(globals, written.error());
  if (globals.json) {
    std::vector<std::string> names;
    for (const report::ReportFile& file : files) names.push_back(file.name);
    PrintJson({{"directory", directory}, {"files", names}, {"trials", life.entries.size()}});
  } else {
    std::printf("%zu trials, %zu releases and rollbacks: %s\n", life.entries.size(), life.switches.size(),
                (fs::path(directory) / "report.html").c_str());
  }
  return ExitCode::kYes;
}

}  // namespace

void AddReport(CLI::App& app, Globals& globals) {
  auto directory = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("report", "the subject's life as pictures and as a change control report");
  command
      ->add_option("DIRECTORY", *directory,
                   "for report.html, report.md, trials.csv, SVG pictures and the ledger entries that they link to; "
                   "files of these names are replaced")
      ->required();
  command->footer("example:\n  pawl report /tmp/report");
  command->callback([=, &globals] { globals.exit = Report(globals, *directory); });
}

}  // namespace pawl::cli
