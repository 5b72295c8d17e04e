// A line reader for exactly the two shapes of spec/evaluation.md. It is not a general JSON parser: no nesting beyond
// "metrics", no escapes (no metric or decision needs one), so that what is accepted can be seen at a glance. Everything
// it accepts is JSON.
#include "trial/episodes.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <optional>

namespace pawl::trial {

namespace {

constexpr std::size_t kNumberBytesMax = 64;
constexpr std::size_t kMetricNameBytesMax = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads one line from left to right. A failed step leaves the rest unread; the caller gives up.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  // Skips blanks, then takes `c` where it comes next.
  bool Take(char c) {
    SkipBlanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool AtEnd() {
    SkipBlanks();
    return rest_.empty();
  }

  // A string of printable ASCII without '"' and '\'.
  std::optional<std::string_view> String() {
    if (!Take('"')) return std::nullopt;
    std::size_t length = 0;
    while (length < rest_.size() && rest_[length] != '"') {
      const char c = rest_[length];
      if (c < 0x20 || c > 0x7e || c == '\\') return std::nullopt;
      ++length;
    }
    if (length == rest_.size()) return std::nullopt;
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length + 1);
    return text;
  }

  // The characters of a number by JSON's grammar: -? (0|[1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
  std::optional<std::string_view> Number() {
    SkipBlanks();
    std::size_t i = 0;
    const auto digits = [&] {
      const std::size_t from = i;
      while (i < rest_.size() && IsDigit(rest_[i])) ++i;
      return i - from;
    };
    const auto next_is = [&](char c) { return i < rest_.size() && rest_[i] == c; };
    if (next_is('-')) ++i;
    const std::size_t first = i;
    const std::size_t whole = digits();
    if (whole == 0 || (whole > 1 && rest_[first] == '0')) return std::nullopt;
    if (next_is('.')) {
      ++i;
      if (digits() == 0) return std::nullopt;
    }
    if (next_is('e') || next_is('E')) {
      ++i;
      if (next_is('+') || next_is('-')) ++i;
      if (digits() == 0) return std::nullopt;
    }
    if (i > kNumberBytesMax) return std::nullopt;
    const std::string_view text = rest_.substr(0, i);
    rest_.remove_prefix(i);
    return text;
  }

  // Whether the next is one of the words that some writers print for values that are not numbers.
  bool NotANumberNext() {
    SkipBlanks();
    std::string_view word = rest_;
    if (word.starts_with('-')) word.remove_prefix(1);
    return word.starts_with("NaN") || word.starts_with("nan") || word.starts_with("Inf") || word.starts_with("inf");
  }

 private:
  void SkipBlanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

Error LineError(std::string rule, std::size_t line, const std::string& what) {
  return Malformed(std::move(rule), "line " + std::to_string(line + 1) + ": " + what,
                   "mend the evaluator; the trial is void");
}

// Checks size and number of lines before anything is kept.
Result<void> CheckLines(const std::string& prefix, std::string_view text, std::size_t lines, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    return Malformed(prefix + ".size", std::to_string(text.size()) + " bytes, more than the " +
                                           std::to_string(bytes_max) + " that " + std::to_string(lines) +
                                           " lines may have");
  }
  const auto found = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (found != lines || (lines > 0 && text.back() != '\n')) {
    return Malformed(prefix + ".count", std::to_string(found) + " complete lines where " + std::to_string(lines) +
                                            " seeds were given" +
                                            (text.empty() || text.back() == '\n' ? "" : ", and an incomplete one"));
  }
  return {};
}

// The next line without its newline. Requires that there is one.
std::string_view NextLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// The digits of an index, as a writer of integers prints them.
bool IsIndex(std::string_view text, std::size_t index) { return text == std::to_string(index); }

// Reads the members of "metrics" into `values`, one per metric.
Result<void> ReadMetrics(LineReader& reader, std::size_t line, std::span<const MetricRange> metrics,
                         std::vector<double>& values) {
  std::vector<bool> seen(metrics.size(), false);
  if (!reader.Take('{')) return LineError("episodes.syntax", line, "\"metrics\" is not an object");
  for (std::size_t count = 0; count == 0 || reader.Take(','); ++count) {
    const std::optional<std::string_view> name = reader.String();
    if (!name || !reader.Take(':')) return LineError("episodes.syntax", line, "no metric where one should be");
    const auto metric = std::find_if(metrics.begin(), metrics.end(), [&](const auto& m) { return m.name == *name; });
    if (metric == metrics.end()) {
      return LineError("episodes.metric-unknown", line,
                       "the charter declares no metric \"" + std::string(name->substr(0, kMetricNameBytesMax)) + "\"");
    }
    const auto index = static_cast<std::size_t>(metric - metrics.begin());
    if (seen[index]) return LineError("episodes.metric-twice", line, "metric \"" + metric->name + "\" twice");
    seen[index] = true;
    if (reader.NotANumberNext()) {
      return LineError("episodes.not-finite", line, "metric \"" + metric->name + "\" is not finite");
    }
    const std::optional<std::string_view> number = reader.Number();
    if (!number) return LineError("episodes.syntax", line, "metric \"" + metric->name + "\" is not a number");
    double value = 0;
    const auto [end, status] = std::from_chars(number->data(), number->data() + number->size(), value);
    if (status != std::errc{} || end != number->data() + number->size() || !std::isfinite(value)) {
      return LineError("episodes.not-finite", line, "metric \"" + metric->name + "\" does not fit a double");
    }
    if (value < metric->lowest || value > metric->highest) {
      return LineError("episodes.out-of-range", line,
                       "metric \"" + metric->name + "\" is " + std::string(*number) + ", outside its declared range");
    }
    values[index] = value;
  }
  if (!reader.Take('}')) return LineError("episodes.syntax", line, "\"metrics\" does not end");
  const auto missing = std::find(seen.begin(), seen.end(), false);
  if (missing != seen.end()) {
    return LineError("episodes.metric-missing", line,
                     "metric \"" + metrics[static_cast<std::size_t>(missing - seen.begin())].name + "\" is missing");
  }
  return {};
}

// What a line may name: the charter's metrics and groups.
struct Declared {
  std::span<const MetricRange> metrics;
  std::span<const std::string> groups;
};

// What a line says beside its metrics.
struct EpisodeLine {
  std::uint8_t group = 0;
  std::string_view input;  // empty: none
};

// Whether it is what people read of an episode or a probe.
bool IsInput(const std::optional<std::string_view>& text) {
  return text && !text->empty() && text->size() <= kInputBytesMax;
}

Result<EpisodeLine> ReadEpisodeLine(std::string_view text, std::size_t index, const Declared& declared,
                                    std::vector<double>& values) {
  if (text.size() > kEpisodeLineBytesMax) return LineError("episodes.size", index, "the line is too long");
  LineReader reader(text);
  if (!reader.Take('{')) return LineError("episodes.syntax", index, "not a JSON object");
  bool has_episode = false;
  bool has_metrics = false;
  bool has_group = false;
  EpisodeLine line;
  for (int member = 0; member == 0 || reader.Take(','); ++member) {
    const std::optional<std::string_view> key = reader.String();
    if (!key || !reader.Take(':')) return LineError("episodes.syntax", index, "no member where one should be");
    if (*key == "episode" && !has_episode) {
      has_episode = true;
      const std::optional<std::string_view> number = reader.Number();
      if (!number) return LineError("episodes.syntax", index, "\"episode\" is not a number");
      if (!IsIndex(*number, index)) {
        return LineError("episodes.order", index,
                         "episode " + std::string(*number) + " where " + std::to_string(index) + " should be");
      }
    } else if (*key == "metrics" && !has_metrics) {
      has_metrics = true;
      if (Result<void> read = ReadMetrics(reader, index, declared.metrics, values); !read.ok()) return read.error();
    } else if (*key == "group" && !has_group && !declared.groups.empty()) {
      has_group = true;
      const std::optional<std::string_view> name = reader.String();
      const auto found = std::find(declared.groups.begin(), declared.groups.end(), name.value_or(""));
      if (!name || found == declared.groups.end()) {
        return LineError("episodes.group", index, "\"group\" is none of the groups that the charter declares");
      }
      line.group = static_cast<std::uint8_t>(found - declared.groups.begin());
    } else if (*key == "input" && line.input.empty()) {
      const std::optional<std::string_view> input = reader.String();
      if (!IsInput(input)) {
        return LineError("episodes.syntax", index, "\"input\" is not 1 to 160 printable ASCII characters");
      }
      line.input = *input;
    } else {
      return LineError("episodes.syntax", index,
                       "a member other than \"episode\" and \"metrics\", each once, " +
                           std::string(declared.groups.empty() ? "" : "\"group\", ") + "and at most one \"input\"");
    }
  }
  if (!reader.Take('}') || !reader.AtEnd()) return LineError("episodes.syntax", index, "the object does not end there");
  if (!has_episode || !has_metrics) return LineError("episodes.syntax", index, "\"episode\" or \"metrics\" is missing");
  if (!has_group && !declared.groups.empty()) return LineError("episodes.group", index, "\"group\" is missing");
  return line;
}

struct DecisionLine {
  std::string_view decision;
  std::string_view input;  // empty: none
};

Result<DecisionLine> ReadDecisionLine(std::string_view text, std::size_t index) {
  if (text.size() > kDecisionLineBytesMax) return LineError("decisions.size", index, "the line is too long");
  LineReader reader(text);
  if (!reader.Take('{')) return LineError("decisions.syntax", index, "not a JSON object");
  bool has_probe = false;
  std::optional<std::string_view> decision, input;
  for (int member = 0; member == 0 || reader.Take(','); ++member) {
    const std::optional<std::string_view> key = reader.String();
    if (!key || !reader.Take(':')) return LineError("decisions.syntax", index, "no member where one should be");
    if (*key == "probe" && !has_probe) {
      has_probe = true;
      const std::optional<std::string_view> number = reader.Number();
      if (!number) return LineError("decisions.syntax", index, "\"probe\" is not a number");
      if (!IsIndex(*number, index)) {
        return LineError("decisions.order", index,
                         "probe " + std::string(*number) + " where " + std::to_string(index) + " should be");
      }
    } else if (*key == "decision" && !decision) {
      decision = reader.String();
      if (!decision || decision->empty() || decision->size() > kDecisionBytesMax) {
        return LineError("decisions.syntax", index, "\"decision\" is not 1 to 256 printable ASCII characters");
      }
    } else if (*key == "input" && !input) {
      input = reader.String();
      if (!IsInput(input)) {
        return LineError("decisions.syntax", index, "\"input\" is not 1 to 160 printable ASCII characters");
      }
    } else {
      return LineError("decisions.syntax", index,
                       "a member other than one \"probe\", one \"decision\" and at most one \"input\"");
    }
  }
  if (!reader.Take('}') || !reader.AtEnd())
    return LineError("decisions.syntax", index, "the object does not end there");
  if (!has_probe || !decision) return LineError("decisions.syntax", index, "\"probe\" or \"decision\" is missing");
  return DecisionLine{*decision, input.value_or("")};
}

Error BadQuestion(std::string message) {
  return {ErrorCode::kUsage, "trial.size", std::move(message), "ask for fewer episodes"};
}

}  // namespace

std::size_t EpisodeBytesMax(std::size_t episodes) {
  return std::min(std::min(episodes, kEpisodesMax) * kEpisodeLineBytesMax, kOutputBytesMax);
}

std::size_t DecisionBytesMax(std::size_t probes) {
  return std::min(std::min(probes, kEpisodesMax) * kDecisionLineBytesMax, kOutputBytesMax);
}

EpisodeTable::EpisodeTable(std::vector<MetricRange> metrics, std::size_t episodes, std::vector<double> values)
    : EpisodeTable(std::move(metrics), episodes, std::move(values), {}) {}

EpisodeTable::EpisodeTable(std::vector<MetricRange> metrics, std::size_t episodes, std::vector<double> values,
                           std::vector<std::uint8_t> groups)
    : metrics_(std::move(metrics)), episodes_(episodes), values_(std::move(values)), groups_(std::move(groups)) {
  assert(values_.size() == metrics_.size() * episodes_);
  assert(groups_.empty() || groups_.size() == episodes_);
}

void EpisodeTable::Describe(std::vector<std::string> inputs) {
  assert(inputs.empty() || inputs.size() == episodes_);
  inputs_ = std::move(inputs);
}

void EpisodeTable::Append(const EpisodeTable& more) {
  if (metrics_.empty()) {
    *this = more;
    return;
  }
  assert(more.metrics_.size() == metrics_.size());
  std::vector<double> values;
  values.reserve(values_.size() + more.values_.size());
  for (std::size_t metric = 0; metric < metrics_.size(); ++metric) {
    for (const EpisodeTable* table : {const_cast<const EpisodeTable*>(this), &more}) {
      const std::span<const double> column = table->column(metric);
      values.insert(values.end(), column.begin(), column.end());
    }
  }
  values_ = std::move(values);
  groups_.insert(groups_.end(), more.groups_.begin(), more.groups_.end());
  if (!inputs_.empty() || !more.inputs_.empty()) {
    inputs_.resize(episodes_);
    inputs_.insert(inputs_.end(), more.inputs_.begin(), more.inputs_.end());
    inputs_.resize(episodes_ + more.episodes_);
  }
  episodes_ += more.episodes_;
}

std::span<const double> EpisodeTable::column(std::size_t index) const {
  assert(index < metrics_.size());
  return std::span<const double>(values_).subspan(index * episodes_, episodes_);
}

std::size_t EpisodeTable::IndexOf(std::string_view metric) const {
  const auto found = std::find_if(metrics_.begin(), metrics_.end(), [&](const auto& m) { return m.name == metric; });
  return static_cast<std::size_t>(found - metrics_.begin());
}

Result<void> CheckMetrics(std::span<const MetricRange> metrics) {
  const auto refuse = [](std::string message) -> Error {
    return {ErrorCode::kUsage, "trial.metrics", std::move(message), "mend the charter's metrics"};
  };
  if (metrics.empty() || metrics.size() > kMetricsMax) return refuse("a trial needs between 1 and 64 metrics");
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const MetricRange& metric = metrics[i];
    const bool named = !metric.name.empty() && metric.name.size() <= kMetricNameBytesMax &&
                       std::all_of(metric.name.begin(), metric.name.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '_' || c == '-' || c == '.';
                       });
    if (!named) return refuse("a metric's name has 1 to 64 characters of a-z, 0-9, '_', '-' and '.'");
    if (!(std::isfinite(metric.lowest) && std::isfinite(metric.highest) && metric.lowest < metric.highest &&
          std::isfinite(2 * (metric.highest - metric.lowest)))) {
      return refuse("metric \"" + metric.name + "\" needs a finite range with lowest below highest");
    }
    for (std::size_t other = 0; other < i; ++other) {
      if (metrics[other].name == metric.name) return refuse("metric \"" + metric.name + "\" is declared twice");
    }
  }
  return {};
}

Result<EpisodeTable> ReadEpisodes(std::string_view text, std::span<const MetricRange> metrics, std::size_t episodes,
                                  std::span<const std::string> groups) {
  if (Result<void> checked = CheckMetrics(metrics); !checked.ok()) return checked.error();
  if (groups.size() > kGroupsMax) return BadQuestion("a trial has at most 64 groups of episodes");
  if (episodes < 1 || episodes > kEpisodesMax || episodes * metrics.size() > kValuesMax) {
    return BadQuestion("a trial has between 1 and 1,000,000 episodes and at most 16,000,000 values");
  }
  if (Result<void> lines = CheckLines("episodes", text, episodes, EpisodeBytesMax(episodes)); !lines.ok()) {
    return lines.error();
  }
  std::vector<double> values(metrics.size() * episodes);
  std::vector<double> row(metrics.size());
  std::vector<std::uint8_t> group_of(groups.empty() ? 0 : episodes);
  std::vector<std::string> inputs;
  for (std::size_t episode = 0; episode < episodes; ++episode) {
    Result<EpisodeLine> line = ReadEpisodeLine(NextLine(text), episode, {metrics, groups}, row);
    if (!line.ok()) return line.error();
    if (!groups.empty()) group_of[episode] = line->group;
    if (!line->input.empty()) {
      inputs.resize(episodes);
      inputs[episode] = line->input;
    }
    for (std::size_t metric = 0; metric < metrics.size(); ++metric) values[metric * episodes + episode] = row[metric];
  }
  EpisodeTable table({metrics.begin(), metrics.end()}, episodes, std::move(values), std::move(group_of));
  table.Describe(std::move(inputs));
  return table;
}

Result<Decisions> ReadDecisions(std::string_view text, std::size_t probes) {
  if (probes < 1 || probes > kEpisodesMax) return BadQuestion("drift is measured on between 1 and 1,000,000 probes");
  if (Result<void> lines = CheckLines("decisions", text, probes, DecisionBytesMax(probes)); !lines.ok()) {
    return lines.error();
  }
  Decisions decisions;
  decisions.chosen.reserve(probes);
  for (std::size_t probe = 0; probe < probes; ++probe) {
    Result<DecisionLine> line = ReadDecisionLine(NextLine(text), probe);
    if (!line.ok()) return line.error();
    decisions.chosen.emplace_back(line->decision);
    if (line->input.empty()) continue;
    decisions.inputs.resize(probes);
    decisions.inputs[probe] = line->input;
  }
  return decisions;
}

}  // namespace pawl::trial
