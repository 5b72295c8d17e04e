// How a candidate behaves beside the baseline and its parent: which decisions changed, into what, on which inputs, and
// how far the outcomes of episodes moved.
//
//   const Fingerprint print = FingerprintOf({candidate, baseline, parent, &candidate_table, &baseline_table});
//   print.changed_from_baseline            // of print.probes
//   print.energy_distance, print.p_value   // of the outcomes from the baseline's; value and permutation test
//   print.from_parent                      // the same from the parent's, where there is one
//   print.changes.front()                  // the commonest change of decision, with the first probe that shows it
//
// Energy distance. Of two random outcomes X, Y (all metrics of an episode, each mapped to [0, 1], Euclidean distance
// divided by the root of their number, so that it lies in [0, 1]):
//   2 E|X - Y| - E|X - X'| - E|Y - Y'|,   zero exactly where the distributions are the same.
// Source: Szekely and Rizzo, "Energy statistics: a class of statistics based on distances", J. Stat. Plan. Inference
// 143 (2013). `energy_distance` is the V-statistic over the first kFingerprintEpisodesMax episodes, which is biased
// upwards. EnergyTerms gives the linear statistic, whose terms
//   h_i = |x_2i - y_2i+1| + |x_2i+1 - y_2i| - |x_2i - x_2i+1| - |y_2i - y_2i+1|  in [-2, 2]
// are independent between seeds and have the energy distance as their mean; the bound that the charter may set is
// tested on them (assess.h), since a bounded mean is what confidence sequences are about. Source of the idea: the
// linear-time two-sample statistic of Gretton et al., "A kernel two-sample test", JMLR 13 (2012).
//
// Permutation test. Under "the two trees behave alike", the two outcomes of a seed may be exchanged. Every permutation
// swaps within pairs alone; p = (1 + permutations with a statistic at least as large) / (1 + permutations), which is
// exact at any sample size (Phipson and Smyth 2010). Guarantee: P(p <= u) <= u where pairs are exchangeable.
// What it does not say: a large p-value is no evidence that nothing drifted; so nothing is gated on it. With so many
// episodes a drift that nobody minds has a small one; so the value is shown beside it.
// What breaks it: swapping across pairs; choosing the statistic after looking; permutations that the proposer foresees,
// which is why an evaluator draws them from the signature that its seeds come from.
//
// Thread safety: pure functions. Time: about 10 ms for 10,000 episodes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trial/episodes.h"

namespace pawl::trial {

inline constexpr std::size_t kFingerprintEpisodesMax = 256;
inline constexpr std::uint64_t kFingerprintPermutations = 199;
inline constexpr std::size_t kFingerprintListMax = 10;

inline constexpr std::size_t kChangedInputsMax = 3;  // a change of decision

// A probe on which a decision changed, in the evaluator's own terms (episodes.h).
struct ChangedInput {
  std::uint64_t probe = 0;
  std::string input;
};

struct DecisionChange {
  std::string from;  // the baseline's
  std::string to;    // the candidate's
  std::uint64_t count = 0;
  std::uint64_t first_probe = 0;       // counted from 0 over the fresh probes, then the fixed ones
  std::vector<ChangedInput> inputs{};  // the first ones that the evaluator has described
};

struct EpisodeChange {
  std::uint64_t episode = 0;
  double distance = 0;                 // between the candidate's and the baseline's outcome on that seed, in [0, 1]
  std::optional<std::string> input{};  // what the episode was, where the evaluator says
};

// How far outcomes moved: value and permutation test.
struct OutcomeShift {
  double energy_distance = 0;
  double p_value = 1;
};

struct Fingerprint {
  std::uint64_t probes = 0;
  std::uint64_t changed_from_baseline = 0;
  std::optional<std::uint64_t> changed_from_parent;
  double energy_distance = 0;  // from the baseline
  double p_value = 1;
  std::optional<OutcomeShift> from_parent{};
  std::uint64_t permutations = 0;
  std::uint64_t episodes = 0;                        // energy distances and p-values are about the first so many
  std::vector<DecisionChange> changes;               // commonest first
  std::vector<EpisodeChange> episodes_changed_most;  // of all episodes; largest first, none that did not change
};

struct FingerprintQuestion {
  std::span<const std::string> candidate;  // decisions
  std::span<const std::string> baseline;   // on the same probes
  std::span<const std::string> parent;     // the same, or empty
  const EpisodeTable* candidate_table = nullptr;
  const EpisodeTable* baseline_table = nullptr;  // same seeds and metrics
  std::uint64_t permutation_seed = 1;            // which permutations are drawn
  std::span<const std::string> inputs{};         // what the same probes asked, "" where nobody says; or empty
  const EpisodeTable* parent_table = nullptr;    // the same, or none
};

Fingerprint FingerprintOf(const FingerprintQuestion& question);

// The terms h_i above, one for each two episodes in order; a last odd episode is left out.
std::vector<double> EnergyTerms(const EpisodeTable& candidate, const EpisodeTable& baseline);

// The permutation test alone: n pairs of points of `dimension` numbers each, one point after another. Requires equal
// sizes that `dimension` divides.
struct PairedPermutation {
  double statistic = 0;  // the V-statistic
  double p_value = 1;
};
PairedPermutation PermutePairs(std::span<const double> first, std::span<const double> second, std::size_t dimension,
                               std::uint64_t permutations, std::uint64_t seed);

}  // namespace pawl::trial
