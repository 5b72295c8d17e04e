// pawl report: a subject's life as pictures, and as a change control report in Markdown and HTML.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "cli/charter_words.h"
#include "cli/command.h"
#include "report/change_control.h"

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
  for (const Section& section : CharterWords(charter)) words.push_back({section.title, section.lines});
  const report::Document& document = KeptToTheEnd(report::ChangeControlReport(life, charter, words));

  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return Fail(globals, SystemFailure("report.directory", "cannot make '" + directory + "'"));
  std::vector<std::string> files = {"report.html", "report.md"};
  std::vector<std::string> bytes = {report::WriteHtml(document), report::WriteMarkdown(document)};
  for (const report::Drawing& drawing : report::Drawings(document)) {
    files.push_back(drawing.file);
    bytes.push_back(report::WriteSvg(drawing.picture));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    Result<void> written = WriteWholeFile((fs::path(directory) / files[i]).string(), bytes[i]);
    if (!written.ok()) return Fail(globals, written.error());
  }
  if (globals.json) {
    PrintJson({{"directory", directory}, {"files", files}, {"trials", life.entries.size()}});
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
                   "for report.html, report.md and SVG pictures; files of these names are replaced")
      ->required();
  command->footer("example:\n  pawl report /tmp/report");
  command->callback([=, &globals] { globals.exit = Report(globals, *directory); });
}

}  // namespace pawl::cli
