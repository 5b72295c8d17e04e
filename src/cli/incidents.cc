// pawl incidents run: the incidents of the field, tried under a charter.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>

#include "cli/command.h"
#include "incidents/scenarios.h"
#include "storage/temporary_folder.h"

namespace pawl::cli {
namespace {

using encoding::Json;

constexpr size_t kQuickReviews = 10;  // with --quick, the last of so many honest changes goes on to the reviewers

struct Options {
  std::string charter, baseline;
  std::vector<std::string> only;  // ids; empty: all
  bool quick = false;
};

constexpr char kNotTried[] = "not tried";

struct Row {
  std::string id, attempt;
  bool holds = false;
  std::string how;  // "tried", "read", kNotTried: it says nothing of the charter
  incidents::Ending ending;
};

struct Table {
  std::vector<Row> incidents, honest;
  // Where nothing was tried or read, nothing holds.
  bool all_hold() const {
    const auto is_open = [](const Row& row) { return row.how == kNotTried; };
    const auto holds = [&](const Row& row) { return row.holds || is_open(row); };
    return !std::all_of(incidents.begin(), incidents.end(), is_open) &&
           std::all_of(incidents.begin(), incidents.end(), holds) && std::all_of(honest.begin(), honest.end(), holds);
  }
};

// The worlds of one run: the one asked about, and the second example, made when something is first tried in it.
class Worlds {
 public:
  static Result<Worlds> Make(const Options& options, const std::string& folder,
                             const std::function<void(const std::string&)>& say) {
    Worlds worlds(folder, say);
    Result<std::unique_ptr<incidents::IncidentWorld>> made = incidents::IncidentWorld::Make(
        {.folder = folder + "/first", .charter = options.charter, .subject = options.baseline, .progress = say});
    if (!made.ok()) return made.error();
    worlds.first_ = std::move(*made);
    return worlds;
  }

  incidents::IncidentWorld& first() { return *first_; }
  bool Has(incidents::Needs needs) const {
    if (needs == incidents::Needs::kTrials) return !first_->charter().evaluation.command.empty();
    return needs == incidents::Needs::kAnyCharter || first_->is_example();
  }
  Result<incidents::IncidentWorld*> Of(incidents::Needs needs) {
    if (needs != incidents::Needs::kBeside) return first_.get();
    if (beside_ == nullptr) {
      Result<std::unique_ptr<incidents::IncidentWorld>> made =
          incidents::IncidentWorld::Make({.folder = folder_ + "/beside",
                                          .charter = {},
                                          .subject = {},
                                          .example = incidents::Example::kBeside,
                                          .progress = say_});
      if (!made.ok()) return made.error();
      beside_ = std::move(*made);
    }
    return beside_.get();
  }

 private:
  Worlds(std::string folder, std::function<void(const std::string&)> say)
      : folder_(std::move(folder)), say_(std::move(say)) {}

  std::string folder_;
  std::function<void(const std::string&)> say_;
  std::unique_ptr<incidents::IncidentWorld> first_, beside_;
};

Result<Row> TryIncident(const incidents::Incident& incident, Worlds& worlds) {
  Result<incidents::IncidentWorld*> world = worlds.Of(incident.needs);
  if (!world.ok()) return world.error();
  Result<incidents::Ending> ending = incident.run(**world);
  if (!ending.ok()) return ending.error();
  return Row{incident.id, incident.attempt, incidents::Holds(incident, **world, *ending), "tried", *ending};
}

Result<Row> TryHonest(const incidents::HonestChange& change, Worlds& worlds, incidents::Reviewers reviewers) {
  Result<incidents::IncidentWorld*> world = worlds.Of(change.needs);
  if (!world.ok()) return world.error();
  Result<std::string> tree = (*world)->Candidate();
  if (!tree.ok()) return tree.error();
  if (Result<void> applied = change.apply(*tree); !applied.ok()) return applied.error();
  Result<incidents::Ending> ending = (*world)->Try(*tree, change.what, reviewers);
  if (!ending.ok()) return ending.error();
  const bool is_approvable = ending->outcome == "pending" && ending->step == "approval";
  if (is_approvable) ending = (*world)->ApproveAndReleaseInACopy(ending->proposal, 2);
  if (!ending.ok()) return ending.error();
  const bool passes = reviewers == incidents::Reviewers::kAtHand
                          ? ending->outcome == "accepted"
                          : ending->outcome == "pending" && ending->step == "quorum";
  return Row{"", change.what, passes, "tried", *ending};
}

// A misspelt id or folder must not look like an answer.
Result<void> CheckOptions(const Options& options) {
  std::string ids;
  std::set<std::string> known;
  for (const incidents::Incident& incident : incidents::Incidents()) {
    if (known.insert(incident.id).second) ids += (ids.empty() ? "" : " ") + incident.id;
  }
  for (const std::string& id : options.only) {
    if (!known.contains(id)) {
      return Error{ErrorCode::kUsage, "incidents.only", "there is no incident '" + id + "'", "name one of " + ids};
    }
  }
  for (const std::string& folder : {options.charter, options.baseline}) {
    std::error_code failure;
    if (!folder.empty() && !std::filesystem::is_directory(folder, failure)) {
      return Error{ErrorCode::kUsage, "incidents.directory", "'" + folder + "' is not a directory",
                   "--charter DIR, with its charter.toml, and --baseline DIR, the first release"};
    }
  }
  return {};
}

Row NotTried(const incidents::Incident& incident) {
  const std::string why =
      incident.needs == incidents::Needs::kTrials
          ? "the charter asks for no trial: there is no evaluator to deceive"
          : "its program is made for the built-in example: pawl incidents run --only " + incident.id;
  return {incident.id, incident.attempt, false, kNotTried, {kNotTried, "", "", why, ""}};
}

Result<Table> Run(const Globals& globals, const Options& options) {
  if (Result<void> checked = CheckOptions(options); !checked.ok()) return checked.error();
  const Result<storage::HeldFolder> folder = storage::HeldFolder::MakeTemporary("pawl-incidents");
  if (!folder.ok()) return folder.error();
  const auto say = ProgressTo(globals);
  Result<Worlds> worlds = Worlds::Make(options, folder->path(), say);
  if (!worlds.ok()) return worlds.error();
  Table table;
  const auto is_wanted = [&](const std::string& id) {
    return options.only.empty() || std::find(options.only.begin(), options.only.end(), id) != options.only.end();
  };
  for (const incidents::Incident& incident : incidents::Incidents()) {
    if (!is_wanted(incident.id)) continue;
    if (!worlds->Has(incident.needs)) {
      table.incidents.push_back(NotTried(incident));
      continue;
    }
    if (say) say(incident.id + ": " + incident.attempt);
    Result<Row> row = TryIncident(incident, *worlds);
    if (!row.ok()) return row.error();
    table.incidents.push_back(std::move(*row));
  }
  if (!worlds->first().is_example()) {
    Result<charter::Charter> own = charter::ReadCharterFromDirectory(options.charter);
    if (!own.ok()) return own.error();
    for (const incidents::Protection& protection : incidents::ProtectionsOf(*own)) {
      if (!is_wanted(protection.id)) continue;
      table.incidents.push_back({protection.id,
                                 protection.question,
                                 protection.holds,
                                 "read",
                                 {protection.holds ? "yes" : "no", "", "", protection.reason, ""}});
    }
    return table;
  }
  if (!options.only.empty()) return table;
  for (const incidents::HonestChange& change : incidents::HonestChanges()) {
    if (say) say("honest: " + change.what);
    const bool reviewed = !options.quick || (table.honest.size() + 1) % kQuickReviews == 0;
    Result<Row> row =
        TryHonest(change, *worlds, reviewed ? incidents::Reviewers::kAtHand : incidents::Reviewers::kUnreachable);
    if (!row.ok()) return row.error();
    table.honest.push_back(std::move(*row));
  }
  return table;
}

Json RowJson(const Row& row) {
  Json json = {{"attempt", row.attempt},        {"holds", row.holds},      {"how", row.how},
               {"outcome", row.ending.outcome}, {"step", row.ending.step}, {"rule", row.ending.rule},
               {"reason", row.ending.reason}};
  if (!row.id.empty()) json["id"] = row.id;
  return json;
}

void Show(const Row& row) {
  std::string where = row.ending.outcome;
  if (!row.ending.step.empty()) where += " at " + row.ending.step;
  if (!row.ending.rule.empty()) where += ", " + row.ending.rule;
  const char* const mark = row.how == kNotTried ? "-" : row.holds ? "ok" : "LACK";
  std::printf("%-4s %-4s %-50s %s\n", mark, row.id.c_str(), Shown(row.attempt).c_str(), where.c_str());
  std::printf("          %s\n", Shown(row.ending.reason).c_str());
}

ExitCode ShowTable(const Globals& globals, const Table& table) {
  if (globals.json) {
    Json incidents = Json::array(), honest = Json::array();
    for (const Row& row : table.incidents) incidents.push_back(RowJson(row));
    for (const Row& row : table.honest) honest.push_back(RowJson(row));
    PrintJson({{"incidents", incidents}, {"honest", honest}, {"all_hold", table.all_hold()}});
  } else {
    for (const Row& row : table.incidents) Show(row);
    if (!table.honest.empty()) std::puts("\nhonest changes, which have to become live:");
    for (const Row& row : table.honest) Show(row);
    const auto count = [](const std::vector<Row>& rows) {
      return std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.holds; });
    };
    const auto not_tried = std::count_if(table.incidents.begin(), table.incidents.end(),
                                         [](const Row& row) { return row.how == kNotTried; });
    std::printf("\n%td of %td incidents are stopped where they should be", count(table.incidents),
                std::ssize(table.incidents) - not_tried);
    if (not_tried > 0) std::printf("; %td were not tried", not_tried);
    if (!table.honest.empty())
      std::printf("; %td of %zu honest changes pass", count(table.honest), table.honest.size());
    std::puts("");
  }
  return table.all_hold() ? ExitCode::kYes : ExitCode::kNo;
}

}  // namespace

void AddIncidents(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("incidents", "what went wrong elsewhere, tried here");
  command->require_subcommand(1);
  command->footer("example:\n  pawl incidents run");
  auto options = std::make_shared<Options>();
  CLI::App* run =
      command->add_subcommand("run", "try the incidents of the field under a charter, and say what stops each");
  CLI::Option* charter =
      run->add_option("--charter", options->charter, "the charter's directory (default: a built-in example)");
  CLI::Option* baseline =
      run->add_option("--baseline", options->baseline, "the directory of its first release; nothing in it is changed");
  charter->needs(baseline);
  baseline->needs(charter);
  run->add_option("--only", options->only, "an incident, like T7; may be repeated")
      ->type_size(1)
      ->allow_extra_args(false);
  run->add_flag("--quick", options->quick, "nine in ten honest changes end where the gate has nothing against them");
  run->footer(
      "Everything happens in a home of its own with keys and people of its own; pace and baseline are set for it. "
      "Under\n"
      "your charter the programs of the example are not tried: what the charter has is read instead. LACK marks what\n"
      "nothing stops where it should be stopped, and - what was not tried. Exit status 0: nothing lacks; 1: something "
      "does,\n"
      "or nothing was tried.\n"
      "examples:\n  pawl incidents run\n  pawl incidents run --charter charter --baseline subject");
  run->callback([options, &globals] {
    Result<Table> table = Run(globals, *options);
    globals.exit = table.ok() ? ShowTable(globals, *table) : Fail(globals, table.error());
  });
}

}  // namespace pawl::cli
