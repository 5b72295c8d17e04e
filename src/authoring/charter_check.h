// What `pawl charter check` finds beyond what reading a charter refuses: does each property say something, can each
// mutant fail, can each limit be shown with the episodes that there are.
//
//   Result<CharterReport> report = CheckCharter("charter", CheckOptions{}, progress);
//   if (!report.ok()) …                                  // malformed or refused, with file, line and column
//   for (const std::string& warning : report->warnings) …
//
// Thread safety: reads files; no shared state.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "authoring/best_case.h"
#include "authoring/charter_words.h"
#include "authoring/fault_tolerance.h"
#include "charter/charter.h"
#include "result/result.h"
#include "warrant/verify.h"

namespace pawl::authoring {

struct CheckOptions {
  std::string baseline;     // directory of the first release; empty: it is not looked at
  double seconds_max = 10;  // for each search of the prover, and for the random networks of one property
  uint64_t seed = 1;        // of the random networks
  unsigned threads = 2;
  GroupShares group_shares{};  // of the episodes; groups left out: an equal share of what is left
};

struct PropertyReport {
  std::string name;
  std::vector<std::string> words;
  std::vector<std::string> findings;        // sentences; the last introduces the counterexample, where there is one
  std::vector<std::string> counterexample;  // the mutant's, as a table
};

struct CharterReport {
  std::string digest;
  std::vector<Section> sections;
  std::vector<PropertyReport> properties;
  std::vector<std::string> feasibility;
  FaultTolerance tolerance;  // its single points are among the warnings
  std::vector<std::string> warnings;
};

// Refused beside everything that reading refuses: a mutant that does not violate its property ("charter.mutant-holds"),
// or for which no violation is found in time ("charter.mutant-unclear"); a baseline of another digest
// ("charter.baseline"), or one that has no such network, one that does not fit, or that violates a property
// ("charter.baseline-network", "charter.baseline-violates"); a file of keys that is missing, malformed or out of place
// ("charter.file-missing", "charter.…", "charter.keys"); a path of the surface that could answer an import of the
// evaluator's ("charter.scorer-import").
Result<CharterReport> CheckCharter(const std::string& directory, const CheckOptions& options,
                                   const std::function<void(const std::string&)>& progress);

// Whether those whose keys count at `now_s` can meet every quorum and threshold ("charter.expired-keys"); `warnings`
// gets whose have run out, or will soon. Part of CheckCharter.
Result<void> CheckKeysNow(const charter::CharterFiles& files, int64_t now_s, std::vector<std::string>& warnings);

// What the limits need: one sentence for each, and in `warnings` those that cannot be shown with the charter's numbers
// of episodes and probes after 1, 10 or 100 proposals, limits by group that no shares of the episodes allow together,
// and a quorum of evaluators that needs more of them than it says.
struct Feasibility {
  std::vector<std::string> lines;
  std::vector<std::string> warnings;
};
Result<Feasibility> CheckFeasibility(const charter::Charter& charter, const TrialSize& size,
                                     const GroupShares& shares = {});

}  // namespace pawl::authoring
