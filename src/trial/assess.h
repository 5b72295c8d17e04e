// What one trial says about a candidate: every condition of the charter tested, and the verdict.
//
//   TrialRules rules = …;                                            // from the charter
//   TrialData data{.candidate = …, .parent = …, .baseline = …,
//                  .fresh_decisions = {candidate_decisions, baseline_decisions}};
//   Result<TrialReport> report = AssessTrial(rules, {.budget_index = 7, .share = {2, 3}}, data);
//   if (report->verdict == TrialVerdict::kPass) …
//
// Conditions, and the test behind each (alpha = TrialAlpha(lifetime error, k, r/n); headers of the same names).
// "Better" is what the metric's direction says; every value is first mapped to [0, 1] by its declared range:
// - harm: the mean of the metric is on the good side of its limit, over all episodes or over those of one group, so
//   that a gain for most cannot hide harm to a few. EProcess with Bet::kMixed, since most harm metrics are 0/1 values.
// - improvement: the mean of candidate minus parent on the same seeds is better than 0. Differences D of a metric with
//   range [lo, hi] lie in [-(hi-lo), hi-lo]: they are mapped by (D/(hi-lo) + 1)/2, whose range is 1, not by D. EProcess
//   (kMeanAbove) against 1/2 with Bet::kVarianceAdaptive, since paired differences vary little.
// - step: the upper bound of the mean gain of the capability metric is at most max_step.
// - growth: the same against every tree that was live within the charter's window, with max_growth. Each is a condition
//   that has to hold; reported as one, with the largest gain and bounds and the least evidence of any. Against what was
//   live at its start alone, a subject that goes down and up again would hide how fast it climbs.
// - ceiling: the upper bound of the capability metric's mean is no better than the ceiling.
// - drift: the upper bound of the share of decisions that differ from the *baseline's* is at most the limit, on fresh
//   probes and on the charter's fixed ones. (The fixed ones are no random sample, and the proposer knows them and their
//   order: there the lower bound is the exact share, and the upper bound is a margin above it that depends on their
//   number alone, that of Chernoff's inequality at alpha; too few are not shown either way.) Where the charter limits
//   it, also the energy distance between the outcomes of candidate and baseline (fingerprint.h).
// Upper bounds are by betting (confidence_sequence.h): "bound at most the limit" and "e-value against mean > limit
// reached 1/alpha" are the same event, so that each condition has an e-value. All conditions have to be shown; none is
// bought back by another. Every condition is tested at its own whole alpha: to pass, a bad candidate has to get through
// its own condition (intersection-union test; Berger 1982), so nothing is split among them. `exceeded` says that the
// opposite was shown: the one-sided bound on the other side, at the same alpha, lies beyond the limit. Where the mean
// changes during a trial both can be "shown", and the bounds cross; then it is exceeded. Nothing is shown, either,
// while the sample mean itself lies on the bad side.
//
// The verdict is lexicographic, safety before capability:
//   1 a harm limit is exceeded -> kHarm        2 drift exceeded -> kDrifted
//   3 a harm or drift condition is not shown -> kNotShown
//   4 ceiling exceeded -> kAboveCeiling        5 step exceeded -> kStepTooLarge, growth -> kGrowthTooLarge
//   6 any other condition is not shown -> kNotShown      7 otherwise kPass
// kStepTooLarge, kGrowthTooLarge and kAboveCeiling are `outside-charter` (a person would have to amend the charter
// first); all others but kPass are `rejected`. Tables that do not fit together, and void runs (run.h), give kVoid.
//
// Optional stopping. A trial runs its episodes in the parts that TrialLooks gives and stops at the first look at which
// the verdict is any but kNotShown: every question is answered. At the charter's number of episodes what is not shown
// stays not shown. Looking is free since every test holds at any stopping time; bets are tuned to the charter's number
// whenever one looks.
//
// Assumption: the outcome of an episode depends on its seed alone, so that the mean of a metric is the same for every
// episode of a trial. A network in an evaluator of its own gives that. A program that answers requests keeps its state
// within a run and can count (conversation.h): for programs it holds as far as the evaluator makes it so, for example
// by asking in an order that follows from the seeds and by bringing the program back to its start before each episode.
// Each part of a trial is a run of its own, with the program started anew. A program that changes within a trial is
// judged by what it did there, by the rule of the sample mean; what it does after more requests than a run has, no
// trial has seen.
//
// Guarantee: over the subject's life, P(a candidate that violates condition j passes) <= lifetime error of j, whatever
// the proposer does, if the seeds were fresh and k counts every committed proposal (budget.h, seeds.h).
//
// What breaks it: episodes that depend on each other, or on how many came before (the assumption above); seeds that the
// proposer can foresee, or that are drawn again after an outcome was seen; a number of episodes, a look or a group that
// depends on outcomes, which is why all three follow from the charter and the seeds alone; a trial that is not counted
// in k; growth measured against fewer trees than were live within the window. A metric that leaves its declared range
// breaks nothing: it voids the trial.
//
// Thread safety: pure functions and values. Time: about 0.1 s for 10,000 episodes and ten conditions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "result/result.h"
#include "trial/episodes.h"
#include "trial/report.h"
#include "trial/rules.h"

namespace pawl::trial {

struct DecisionPairs {
  std::vector<std::string> candidate;
  std::vector<std::string> baseline;  // on the same probes
};

// Tables of one evaluator on one set of seeds, same metrics and episodes: as many as one of TrialLooks.
struct TrialData {
  EpisodeTable candidate;
  EpisodeTable parent;  // empty for kFirstRelease
  EpisodeTable baseline;
  DecisionPairs fresh_decisions;                // empty where the rules have no drift condition
  DecisionPairs fixed_decisions;                // empty where it has no fixed probes
  std::vector<std::string> parent_decisions{};  // fresh ones, then fixed ones; empty: drift from the parent is not told
  std::vector<EpisodeTable>
      window{};  // what was live within it, each tree once; none for kFirstRelease or no max_growth
  // What the probes asked, as the evaluator described it to each tree that was asked: fresh ones, then fixed ones. All
  // the same, or what was compared is not one input (void, "trial.inputs").
  std::vector<std::vector<std::string>> probe_inputs{};
  std::uint64_t permutation_seed = 1;  // of the fingerprint's test; one that the proposer cannot foresee
};

// Errors are the caller's (CheckTrialRules, TrialAlpha); bad data is a report with kVoid.
Result<TrialReport> AssessTrial(const TrialRules& rules, const TrialTerms& terms, const TrialData& data);

// What so many fixed probes of which this share decides differently say against "the share is `limit` or more": -ln of
// Chernoff's bound on the chance that so many drawings show at most this share where the true one is `limit`. 0 where
// the share is no smaller. Requires 0 <= share < 1 and 0 < limit < 1.
double FixedProbesEvidence(double share, double limit, std::size_t probes);

}  // namespace pawl::trial
