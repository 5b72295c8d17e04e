// Runs the charter's evaluator over one tree in the sandbox, by the protocol of spec/evaluation.md.
//
//   EvaluationRequest request{.command = charter.command, .charter_directory = …, .subject_directory = …,
//                             .seeds = seeds, .limits = …};
//   Result<Evaluation<EpisodeTable>> run = RunEpisodes(request, metrics);
//   if (!run.ok()) …                     // the machine failed: pending, try again; nothing is said about the candidate
//   else if (!run->table) …              // the trial is void: run->void_reason
//
// The two kinds of failure are kept apart because they end differently. The machine's (sandbox cannot be set up or is
// weaker than accepted, disk full, no such directory) leaves the proposal pending. The run's own (a non-zero exit, a
// signal, a time-out, too much memory or output, a missing file, a line that is wrong) voids the trial, which spends
// its error and passes nothing: otherwise a candidate could crash its way out of a bad draw.
//
// Thread safety: calls are independent; each uses scratch space of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "result/result.h"
#include "sandbox/sandbox.h"
#include "trial/episodes.h"
#include "trial/seeds.h"
#include "weakening/weakening.h"

namespace pawl::trial {

struct EvaluationRequest {
  std::vector<std::string> command;  // the charter's; arguments are appended
  // Where the subject is a program: how it is started, below /in/subject in a sandbox of its own. Empty: the evaluator
  // reads the subject's tree itself.
  std::vector<std::string> subject_command;
  std::filesystem::path charter_directory;  // becomes /in/charter, the working directory
  std::filesystem::path subject_directory;  // the tree to evaluate, becomes /in/subject
  std::filesystem::path scratch_directory;  // existing, private, writable; holds seeds and output while it runs
  std::span<const Seed> seeds;              // one per episode or probe
  sandbox::Limits limits;                   // the charter's
  weakening::Weakenings accepted;           // the charter's; with anything else missing nothing is run
};

template <typename Table>
struct Evaluation {
  std::optional<Table> table;
  Error void_reason;  // where there is no table
  sandbox::Usage used;
  weakening::Weakenings weaker_guarantees;  // what this machine's sandbox could not promise
};

// The command's first word: an absolute path stays; a path with a '/' is below /in/charter; a bare name is looked up in
// /usr/bin and /bin. kUsage ("evaluation.command") for an empty command or one with an empty or over-long word;
// kSystem ("evaluation.program-missing") where there is no such program.
Result<std::string> ResolveEvaluator(const std::vector<std::string>& command);
// The same for a subject's program, which is one of the system (a tree has no executable files): kUsage
// ("evaluation.subject-command") for a path that is not absolute.
Result<std::string> ResolveSubjectProgram(const std::vector<std::string>& command);

Result<Evaluation<EpisodeTable>> RunEpisodes(const EvaluationRequest& request, std::span<const MetricRange> metrics,
                                             std::span<const std::string> groups = {});
Result<Evaluation<Decisions>> RunDecisions(const EvaluationRequest& request);

}  // namespace pawl::trial
