// Runs of external checkers in the sandbox, in a private folder that goes with them.
//
//   Result<CheckerRuns> runs = CheckerRuns::Make(accepted);
//   Result<sandbox::Outcome> outcome = runs->Run(job);  // an Error is the machine's; an outcome is about the program
//
// Thread safety: one thread at a time.
#pragma once

#include <string>

#include "charter/charter.h"
#include "result/result.h"
#include "sandbox/sandbox.h"
#include "storage/temporary_folder.h"

namespace pawl::oversight {

class CheckerRuns {
 public:
  static Result<CheckerRuns> Make(weakening::Weakenings accepted);
  // kSystem "property.machine" too where the machine failed after the program was started.
  Result<sandbox::Outcome> Run(const sandbox::Job& job);
  // A file of these bytes, for a job's input.
  Result<std::string> File(const std::string& name, const std::string& bytes) const;

 private:
  CheckerRuns(storage::HeldFolder folder, weakening::Weakenings accepted);
  storage::HeldFolder folder_;
  weakening::Weakenings accepted_;
  size_t outputs_ = 0;
};

// What such a run may use beside its time: the evaluation's limits; where the charter has none, 2,048 MiB, 64 processes
// and 64 MiB in 1,000 files (spec/charter.md, "Without an evaluation").
sandbox::Limits LimitsOfRun(const charter::Charter& charter, int64_t time_limit_s);

// What a program printed, cut after 400 bytes and harmless to show.
std::string OnOneShortLine(std::string text);

}  // namespace pawl::oversight
