// Capability with its band and ceiling, growth, each harm, drift of decisions and of outcomes, budget and pace over a
// subject's life.
#include <algorithm>
#include <cmath>
#include <map>

#include "encoding/time.h"
#include "report/change_control.h"
#include "trial/budget.h"

namespace pawl::report {
namespace {

constexpr char kMarks[] =
    " Filled marks became releases, hollow ones did not; the line goes through releases. Crossed "
    "ones are the gate's own trial, after which no evaluator measured. Bands and bars reach from the "
    "evaluators' smallest lower to their largest upper bound, each one-sided at the error that the trial spent.";

Mark MarkOf(const LifeEntry& entry) {
  if (entry.gate) return Mark::kCrossed;
  return entry.epoch ? Mark::kFull : Mark::kHollow;
}

// A condition of the charter in force: what it asks and of what.
struct AskedLimit {
  trial::ConditionKind kind;
  std::string name;
  Measure of;
  double limit = 0;
};

Series Over(const Life& life, const AskedLimit& asked, const std::string& name) {
  Series series{name, {}, Joined::kFull};
  for (const LifeEntry& entry : life.entries) {
    const Measured* measured = entry.Find(asked.kind, asked.name, asked.of);
    if (measured == nullptr) continue;
    series.points.push_back({.x = static_cast<double>(entry.budget_index),
                             .y = measured->estimate,
                             .lower = measured->lower,
                             .upper = measured->upper,
                             .label = entry.proposal,
                             .entry = EvidenceOf(entry).front(),
                             .mark = MarkOf(entry)});
  }
  return series;
}

// The limit that each trial was held to; half-way between two trials where an amendment lies between them.
Limit LimitOver(const Life& life, const AskedLimit& asked, const std::string& name) {
  Limit limit{name, asked.limit};
  std::optional<EarlierLimit> last;
  for (const LifeEntry& entry : life.entries) {
    const Measured* measured = entry.Find(asked.kind, asked.name, asked.of);
    if (measured == nullptr) continue;
    const auto x = static_cast<double>(entry.budget_index);
    if (last && last->y != measured->limit) limit.earlier.push_back({(last->until_x + x) / 2, last->y});
    last = EarlierLimit{x, measured->limit};
  }
  if (last && last->y != limit.y) limit.earlier.push_back({last->until_x + 0.5, last->y});
  return limit;
}

// What a picture cannot show as a curve: trials whose figures are of something else, and limits that were others.
std::string Amended(const Life& life, const AskedLimit& asked, const Limit& limit) {
  std::string words;
  const auto others = std::count_if(life.entries.begin(), life.entries.end(), [&](const LifeEntry& entry) {
    return std::any_of(entry.conditions.begin(), entry.conditions.end(), [&](const Measured& one) {
      return one.kind == asked.kind && one.name == asked.name && one.of != asked.of;
    });
  });
  if (others > 0) {
    words += " " + std::to_string(others) + (others == 1 ? " trial" : " trials") +
             " under an earlier charter measured something else by this name: " + kLifeTableName + " has them.";
  }
  for (const EarlierLimit& earlier : limit.earlier) {
    words += " " + limit.name + " was " + ShortNumber(earlier.y) + " up to trial " +
             ShortNumber(std::floor(earlier.until_x)) + ".";
  }
  return words;
}

// The last value says how it stands, for whoever cannot see the picture.
std::string Latest(const Series& series) {
  if (series.points.empty()) return "";
  const Point& last = series.points.back();
  return std::string(last.mark == Mark::kCrossed ? " Latest, by the gate alone: " : " Latest: ") + ShortNumber(last.y) +
         " in [" + ShortNumber(last.lower) + ", " + ShortNumber(last.upper) + "].";
}

std::string FileName(const std::string& words) {
  std::string name;
  for (const char c : words) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return name;
}

Drawing CapabilityPicture(const Life& life, const charter::Charter& charter) {
  const std::string& metric = charter.bounds.capability.metric;
  const AskedLimit asked{trial::ConditionKind::kCeiling, "ceiling", MeasureOf(charter, metric),
                         charter.bounds.capability.ceiling};
  Series series = Over(life, asked, metric);
  Limit limit = LimitOver(life, asked, "ceiling");
  const std::string latest = Latest(series) + Amended(life, asked, limit);
  return {"capability.svg",
          {.title = "Capability: " + metric,
           .description = "Mean of " + metric + " in each trial, and the ceiling." + latest,
           .marks = kMarks,
           .x_label = "trial (budget index)",
           .y_label = metric + ", mean of the episodes",
           .series = {std::move(series)},
           .limits = {std::move(limit)}}};
}

Drawing GrowthPicture(const Life& life, const charter::Charter& charter) {
  const charter::CapabilityBound& bound = charter.bounds.capability;
  const Measure of = MeasureOf(charter, bound.metric);
  const AskedLimit step{trial::ConditionKind::kStep, "step", of, bound.max_step};
  Picture picture{.title = "Growth: " + bound.metric,
                  .description = "Gain of each trial's candidate over its parent",
                  .marks = kMarks,
                  .x_label = "trial (budget index)",
                  .y_label = "gain in " + bound.metric,
                  .series = {Over(life, step, "over the parent")},
                  .limits = {LimitOver(life, step, "max_step")}};
  std::string latest = Latest(picture.series.front()) + Amended(life, step, picture.limits.front());
  if (bound.max_growth > 0) {
    const AskedLimit growth{trial::ConditionKind::kGrowth, "growth", of, bound.max_growth};
    picture.description += ", and the largest over anything that was live within the charter's window";
    picture.series.push_back(Over(life, growth, "within the window"));
    picture.limits.push_back(LimitOver(life, growth, "max_growth"));
    latest += Amended(life, growth, picture.limits.back());
  }
  picture.description += "." + latest;
  return {"growth.svg", std::move(picture)};
}

Drawing HarmPicture(const Life& life, const charter::Charter& charter, const charter::HarmBound& harm) {
  const AskedLimit asked{trial::ConditionKind::kHarm, harm.name,
                         MeasureOf(charter, harm.metric, harm.group.value_or("")), harm.limit};
  Series series = Over(life, asked, harm.metric);
  Limit limit = LimitOver(life, asked, "limit");
  const std::string latest = Latest(series) + Amended(life, asked, limit);
  return {"harm-" + FileName(harm.name) + ".svg",
          {.title = "Harm: " + harm.name,
           .description = "Mean of " + harm.metric + " in each trial, and its limit." + latest,
           .marks = kMarks,
           .x_label = "trial (budget index)",
           .y_label = harm.metric + ", mean of the episodes" + (harm.group ? " of '" + *harm.group + "'" : ""),
           .series = {std::move(series)},
           .limits = {std::move(limit)}}};
}

Drawing DriftPicture(const Life& life, const charter::Charter& charter) {
  const AskedLimit fresh{trial::ConditionKind::kDrift, "drift-fresh", {"decisions"}, charter.bounds.drift.limit};
  Picture picture{.title = "Drift from the baseline",
                  .description = "Share of decisions that differ from the baseline's.",
                  .marks = kMarks,
                  .x_label = "trial (budget index)",
                  .y_label = "share of decisions, 0 to 1",
                  .series = {Over(life, fresh, "fresh probes")},
                  .limits = {LimitOver(life, fresh, "limit")}};
  picture.description += Latest(picture.series.front()) + Amended(life, fresh, picture.limits.front());
  if (charter.evaluation.probes_file) {
    const AskedLimit fixed{trial::ConditionKind::kDrift, "drift-fixed", {"decisions"}, fresh.limit};
    picture.series.push_back(Over(life, fixed, "fixed probes"));
  }
  return {"drift.svg", std::move(picture)};
}

// Where the charter limits the energy distance, the mean that is held to the limit; beside it the statistic over the
// first episodes, which every trial has. It is no part of what was shown, and has no bounds.
Drawing EnergyPicture(const Life& life, const charter::Charter& charter) {
  Series first{"of the first episodes", {}, Joined::kFull};
  for (const LifeEntry& entry : life.entries) {
    if (entry.movements.empty()) continue;
    double mean = 0;
    for (const Movement& movement : entry.movements) {
      mean += movement.energy_distance / static_cast<double>(entry.movements.size());
    }
    first.points.push_back({.x = static_cast<double>(entry.budget_index),
                            .y = mean,
                            .label = entry.proposal,
                            .entry = EvidenceOf(entry).front(),
                            .mark = MarkOf(entry)});
  }
  Picture picture{.title = "Drift of the outcomes: energy distance",
                  .description =
                      "Distance of the candidate's outcomes from the baseline's. Of the first episodes of a "
                      "trial, for information, where it is never quite 0",
                  .marks = kMarks,
                  .x_label = "trial (budget index)",
                  .y_label = "energy distance, 0: the same outcomes",
                  .series = {},
                  .limits = {}};
  std::string latest;
  if (charter.bounds.drift.energy_limit > 0) {
    const AskedLimit energy{
        trial::ConditionKind::kDrift, "drift-energy", {"outcomes"}, charter.bounds.drift.energy_limit};
    picture.series.push_back(Over(life, energy, "held to the limit"));
    picture.limits.push_back(LimitOver(life, energy, "limit"));
    picture.description += ", and of all pairs of episodes, which the limit is about";
    latest = Latest(picture.series.front()) + Amended(life, energy, picture.limits.front());
  }
  picture.series.push_back(std::move(first));
  picture.description += "." + latest;
  return {"energy.svg", std::move(picture)};
}

Drawing BudgetPicture(const Life& life) {
  Series left{"left", {}, Joined::kAll};
  double remaining = 1;
  std::uint64_t counted = 0;  // trials subtracted so far; RemainingError from scratch would take quadratic time
  for (const LifeEntry& entry : life.entries) {
    const Result<double> share = trial::TrialAlpha(0.5, entry.budget_index, {});
    if (!share.ok() || entry.budget_index <= counted) continue;
    counted = entry.budget_index;
    remaining -= 2 * *share;
    left.points.push_back({.x = static_cast<double>(entry.budget_index),
                           .y = 100 * remaining,
                           .label = entry.proposal,
                           .entry = entry.candidate_index,
                           .mark = entry.epoch ? Mark::kFull : Mark::kHollow});
  }
  const std::string latest = left.points.empty() ? "" : " Left: " + ShortNumber(left.points.back().y) + " %.";
  return {"budget.svg",
          {.title = "Error budget",
           .description = "Share of every lifetime error that later trials may still spend; each trial spends, "
                          "whatever its outcome." +
                          latest,
           .marks = "",
           .x_label = "trial (budget index)",
           .y_label = "left, in % of each lifetime error",
           .series = {std::move(left)},
           .limits = {}}};
}

Drawing PacePicture(const Life& life, const charter::Charter& charter) {
  Series within{"releases and rollbacks", {}, Joined::kFull};
  std::size_t first = 0;
  for (std::size_t i = 0; i < life.switches.size(); ++i) {
    while (life.switches[first].time <= life.switches[i].time - charter.pace.window_s) ++first;
    within.points.push_back({.x = static_cast<double>(life.switches[i].epoch),
                             .y = static_cast<double>(i - first + 1),
                             .label = life.switches[i].proposal + " at " + encoding::TimeText(life.switches[i].time),
                             .entry = life.switches[i].candidate_index});
  }
  const std::string latest = within.points.empty() ? "" : " Latest: " + ShortNumber(within.points.back().y) + ".";
  return {"pace.svg",
          {.title = "Pace",
           .description = "Releases and rollbacks within the charter's window that ends with each." + latest,
           .marks = "",
           .x_label = "epoch",
           .y_label = "releases and rollbacks within the window",
           .series = {std::move(within)},
           .limits = {{"allowed", static_cast<double>(charter.pace.max_releases)}}}};
}

}  // namespace

std::vector<Drawing> LifePictures(const Life& life, const charter::Charter& charter) {
  std::vector<Drawing> drawings;
  if (!charter.evaluation.command.empty()) {  // else there is nothing that trials would be held to
    drawings = {CapabilityPicture(life, charter), GrowthPicture(life, charter)};
    for (const charter::HarmBound& harm : charter.bounds.harm) drawings.push_back(HarmPicture(life, charter, harm));
    drawings.push_back(DriftPicture(life, charter));
    drawings.push_back(EnergyPicture(life, charter));
    drawings.push_back(BudgetPicture(life));
  }
  drawings.push_back(PacePicture(life, charter));
  std::map<std::string, int> times;  // "near_miss" and "near-miss" are two harms
  for (Drawing& drawing : drawings) {
    if (const int before = times[drawing.file]++; before > 0) {
      drawing.file.insert(drawing.file.rfind('.'), "." + std::to_string(before + 1));
    }
  }
  return drawings;
}

}  // namespace pawl::report
