// Strict readers for what an evaluator wrote (spec/evaluation.md).
//
//   const std::vector<MetricRange> metrics = {{"near_miss"}, {"score", 0, 1}};
//   Result<EpisodeTable> table = ReadEpisodes(text, metrics, /*episodes=*/4000);
//   if (!table.ok()) -> the trial is void, table.error() says why
//   std::span<const double> scores = table->column(1);
//
// Every line is checked: the right index in the right order, exactly the declared metrics, each finite and in its
// declared range. Anything else is an error and voids the trial: nothing is clipped, skipped, filled in or repaired,
// since every such mercy moves a mean. Sizes are checked before anything is allocated.
//
// Where the charter declares groups (kinds of scenario, or of people affected), each line names the group of its
// episode as well. The group has to follow from the seed alone, and so has what a line may say of the episode in the
// evaluator's own terms; AssessTrial voids a trial whose trees disagree.
//
// Thread safety: pure functions and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::trial {

enum class Direction { kHigherIsBetter, kLowerIsBetter };

// A metric that the charter declares: name, the smallest and largest value that an episode can have, and which of them
// is the good end.
struct MetricRange {
  std::string name;
  double lowest = 0;
  double highest = 1;
  Direction direction = Direction::kHigherIsBetter;
};

inline constexpr std::size_t kMetricsMax = 64;
inline constexpr std::size_t kGroupsMax = 64;
inline constexpr std::size_t kEpisodesMax = 1'000'000;
inline constexpr std::size_t kEpisodeLineBytesMax = 8192;
inline constexpr std::size_t kDecisionLineBytesMax = 512;
inline constexpr std::size_t kDecisionBytesMax = 256;
inline constexpr std::size_t kInputBytesMax = 160;
inline constexpr std::size_t kValuesMax = 16'000'000;      // metrics x episodes
inline constexpr std::size_t kOutputBytesMax = 512 << 20;  // one file, whatever the number of lines

// Largest valid size of an evaluator's output, which the sandbox may use as its limit.
std::size_t EpisodeBytesMax(std::size_t episodes);
std::size_t DecisionBytesMax(std::size_t probes);

// metrics x episodes, in the declared order, raw values (not mapped).
class EpisodeTable {
 public:
  EpisodeTable() = default;
  // Requires values.size() == metrics.size() * episodes, one column of `episodes` values per metric, each finite and in
  // range. For tests and simulations; readers use ReadEpisodes.
  EpisodeTable(std::vector<MetricRange> metrics, std::size_t episodes, std::vector<double> values);
  // The same with the group of each episode, as indices into the charter's list.
  EpisodeTable(std::vector<MetricRange> metrics, std::size_t episodes, std::vector<double> values,
               std::vector<std::uint8_t> groups);

  std::size_t episodes() const { return episodes_; }
  const std::vector<MetricRange>& metrics() const { return metrics_; }
  // Values of one metric, one per episode. Requires index < metrics().size(). Valid while the table lives.
  std::span<const double> column(std::size_t index) const;
  // Index of a metric; metrics().size() where there is none of that name.
  std::size_t IndexOf(std::string_view metric) const;
  // The group of each episode; empty where the charter declares none.
  std::span<const std::uint8_t> groups() const { return groups_; }
  // What each episode was, in the evaluator's own terms ("60 guests, two checkouts at once"); "" where it does not say,
  // empty where it never does. People read it; nothing is decided by it.
  std::span<const std::string> inputs() const { return inputs_; }
  // Requires one for each episode, or none at all.
  void Describe(std::vector<std::string> inputs);

  // Adds the episodes of `more` after those of this table, which may be empty. Requires the same metrics otherwise.
  void Append(const EpisodeTable& more);

 private:
  std::vector<MetricRange> metrics_;
  std::size_t episodes_ = 0;
  std::vector<double> values_;
  std::vector<std::uint8_t> groups_;
  std::vector<std::string> inputs_;
};

// Refused ("trial.metrics") unless there are 1 to kMetricsMax metrics with distinct names of 1 to 64 characters a-z,
// 0-9, '_', '-', '.', and finite lowest < highest.
Result<void> CheckMetrics(std::span<const MetricRange> metrics);

// One line {"episode":i,"metrics":{...},"input":"..."} per episode, i = 0, 1, ..., each ended by one newline; an input,
// which may be left out, is 1 to kInputBytesMax printable ASCII characters without '"' and '\'. Errors are kMalformed
// with rule "episodes.<reason>" (…size, …count, …syntax, …order, …metric-unknown, …metric-missing, …metric-twice,
// …not-finite, …out-of-range, …group) and name the line; kUsage where `metrics`, `groups` (at most kGroupsMax) or
// `episodes` are refused themselves. With groups, each line has a member "group" as well, one of them.
Result<EpisodeTable> ReadEpisodes(std::string_view text, std::span<const MetricRange> metrics, std::size_t episodes,
                                  std::span<const std::string> groups = {});

// What an evaluator says about probes.
struct Decisions {
  std::vector<std::string> chosen;  // one a probe
  // What each probe asked, in the evaluator's own terms ("height 120 ft, 17 s to closest approach"): as many, "" where
  // it does not say; none at all where it never does. People read it; nothing is decided by it.
  std::vector<std::string> inputs{};
};

// One line {"probe":i,"decision":"...","input":"..."} per probe; a decision is 1 to kDecisionBytesMax printable ASCII
// characters without '"' and '\', an input, which may be left out, 1 to kInputBytesMax of the same. Errors as above
// with "decisions.<reason>".
Result<Decisions> ReadDecisions(std::string_view text, std::size_t probes);

}  // namespace pawl::trial
