#include "trial/fingerprint.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <map>
#include <utility>

#include "trial/generator.h"

namespace pawl::trial {
namespace {

// Episodes as points: one after another, `dimension` numbers each, so that the distance of any two is at most 1.
std::vector<double> Points(const EpisodeTable& table) {
  const std::size_t dimension = table.metrics().size();
  const double side = std::sqrt(static_cast<double>(dimension));
  std::vector<double> points(table.episodes() * dimension);
  for (std::size_t metric = 0; metric < dimension; ++metric) {
    const MetricRange& range = table.metrics()[metric];
    const std::span<const double> column = table.column(metric);
    for (std::size_t i = 0; i < column.size(); ++i) {
      points[i * dimension + metric] = (column[i] - range.lowest) / (range.highest - range.lowest) / side;
    }
  }
  return points;
}

double Distance(const double* a, const double* b, std::size_t dimension) {
  double squares = 0;
  for (std::size_t i = 0; i < dimension; ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

std::vector<DecisionChange> CommonestChanges(std::span<const std::string> from, std::span<const std::string> to,
                                             std::span<const std::string> inputs) {
  std::map<std::pair<std::string, std::string>, DecisionChange> found;
  for (std::size_t probe = 0; probe < from.size(); ++probe) {
    if (from[probe] == to[probe]) continue;
    DecisionChange& change =
        found.try_emplace({from[probe], to[probe]}, DecisionChange{from[probe], to[probe], 0, probe, {}}).first->second;
    ++change.count;
    if (!inputs.empty() && !inputs[probe].empty() && change.inputs.size() < kChangedInputsMax) {
      change.inputs.push_back({probe, inputs[probe]});
    }
  }
  std::vector<DecisionChange> changes;
  for (auto& [key, change] : found) changes.push_back(std::move(change));
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  if (changes.size() > kFingerprintListMax) changes.resize(kFingerprintListMax);
  return changes;
}

std::vector<EpisodeChange> LargestChanges(std::span<const double> a, std::span<const double> b, std::size_t dimension,
                                          std::span<const std::string> inputs) {
  std::vector<EpisodeChange> changes;
  for (std::size_t i = 0; i * dimension < a.size(); ++i) {
    const double distance = Distance(&a[i * dimension], &b[i * dimension], dimension);
    if (distance > 0) changes.push_back({i, distance});
  }
  const auto further = [](const EpisodeChange& x, const EpisodeChange& y) {
    return x.distance != y.distance ? x.distance > y.distance : x.episode < y.episode;
  };
  const std::size_t kept = std::min(changes.size(), kFingerprintListMax);
  std::partial_sort(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(kept), changes.end(), further);
  changes.resize(kept);
  for (EpisodeChange& change : changes) {
    if (!inputs.empty() && !inputs[change.episode].empty()) change.input = inputs[change.episode];
  }
  return changes;
}

std::uint64_t CountDifferences(std::span<const std::string> a, std::span<const std::string> b) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] == b[i] ? 0 : 1;
  return count;
}

// Permutations are tried eight at a time, so that their sums do not wait for each other.
constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

// s' L s for every lane, L being the strictly lower triangle given by its rows.
Lanes QuadraticForms(std::span<const double> rows, std::span<const Lanes> signs) {
  const std::size_t n = signs.size();
  Lanes sums{};
  for (std::size_t i = 0; i < n; ++i) {
    Lanes row{};
    for (std::size_t j = 0; j < i; ++j) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) row[lane] += rows[i * n + j] * signs[j][lane];
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += signs[i][lane] * row[lane];
  }
  return sums;
}

}  // namespace

// With s_i = -1 where pair i is swapped, the V-statistic is (s' H s + 2 sum_i d(x_i, y_i)) / n^2, where
// H_ij = d(x_i, y_j) + d(y_i, x_j) - d(x_i, x_j) - d(y_i, y_j) for i != j and 0 else: distances are computed once, and
// a permutation is a quadratic form.
PairedPermutation PermutePairs(std::span<const double> first, std::span<const double> second, std::size_t dimension,
                               std::uint64_t permutations, std::uint64_t seed) {
  assert(first.size() == second.size() && dimension > 0 && first.size() % dimension == 0);
  const std::size_t n = first.size() / dimension;
  std::vector<double> rows(n * n, 0);
  double diagonal = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double* x = &first[i * dimension];
    const double* y = &second[i * dimension];
    diagonal += 2 * Distance(x, y, dimension);
    for (std::size_t j = 0; j < i; ++j) {
      const double* u = &first[j * dimension];
      const double* v = &second[j * dimension];
      rows[i * n + j] = 2 * (Distance(x, v, dimension) + Distance(y, u, dimension) - Distance(x, u, dimension) -
                             Distance(y, v, dimension));
    }
  }
  std::vector<Lanes> signs(n, [] {
    Lanes ones;
    ones.fill(1);
    return ones;
  }());
  const double observed = QuadraticForms(rows, signs)[0];
  const double tolerance = 1e-12 * static_cast<double>(n) * static_cast<double>(n);  // equal up to rounding counts
  Generator generator(seed);
  std::uint64_t at_least = 0;
  for (std::uint64_t done = 0; done < permutations;) {
    const std::size_t lanes = std::min<std::uint64_t>(kLanes, permutations - done);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      for (Lanes& sign : signs) sign[lane] = generator.Coin() ? 1 : -1;
    }
    const Lanes forms = QuadraticForms(rows, signs);
    for (std::size_t lane = 0; lane < lanes; ++lane) at_least += forms[lane] >= observed - tolerance ? 1 : 0;
    done += lanes;
  }
  const double squares = static_cast<double>(n) * static_cast<double>(n);
  return {n == 0 ? 0 : std::max(0.0, (observed + diagonal) / squares),
          static_cast<double>(1 + at_least) / static_cast<double>(1 + permutations)};
}

std::vector<double> EnergyTerms(const EpisodeTable& candidate, const EpisodeTable& baseline) {
  const std::size_t dimension = candidate.metrics().size();
  const std::vector<double> x = Points(candidate);
  const std::vector<double> y = Points(baseline);
  std::vector<double> terms(candidate.episodes() / 2);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::size_t even = 2 * i * dimension;
    const std::size_t odd = even + dimension;
    terms[i] = Distance(&x[even], &y[odd], dimension) + Distance(&x[odd], &y[even], dimension) -
               Distance(&x[even], &x[odd], dimension) - Distance(&y[even], &y[odd], dimension);
  }
  return terms;
}

Fingerprint FingerprintOf(const FingerprintQuestion& question) {
  Fingerprint print;
  print.probes = question.candidate.size();
  print.changed_from_baseline = CountDifferences(question.candidate, question.baseline);
  if (!question.parent.empty()) print.changed_from_parent = CountDifferences(question.candidate, question.parent);
  print.changes = CommonestChanges(question.baseline, question.candidate, question.inputs);
  const std::size_t dimension = question.candidate_table->metrics().size();
  const std::vector<double> x = Points(*question.candidate_table);
  const std::vector<double> y = Points(*question.baseline_table);
  print.episodes_changed_most = LargestChanges(x, y, dimension, question.candidate_table->inputs());
  print.episodes = std::min(question.candidate_table->episodes(), kFingerprintEpisodesMax);
  print.permutations = kFingerprintPermutations;
  const std::size_t numbers = print.episodes * dimension;
  const auto from = [&](const std::vector<double>& others) {
    return PermutePairs(std::span(x).first(numbers), std::span(others).first(numbers), dimension, print.permutations,
                        question.permutation_seed);
  };
  const PairedPermutation test = from(y);
  print.energy_distance = test.statistic;
  print.p_value = test.p_value;
  if (question.parent_table != nullptr) {
    const PairedPermutation parent = from(Points(*question.parent_table));
    print.from_parent = OutcomeShift{parent.statistic, parent.p_value};
  }
  return print;
}

}  // namespace pawl::trial
