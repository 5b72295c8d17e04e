#include "oversight/checker_runs.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace pawl::oversight {
namespace {

constexpr size_t kWordsBytesMax = 400;

}  // namespace

CheckerRuns::CheckerRuns(storage::HeldFolder folder, weakening::Weakenings accepted)
    : folder_(std::move(folder)), accepted_(std::move(accepted)) {}

Result<CheckerRuns> CheckerRuns::Make(weakening::Weakenings accepted) {
  Result<storage::HeldFolder> made = storage::HeldFolder::MakeTemporary("pawl-property");
  if (!made.ok()) return made.error();
  return CheckerRuns(*std::move(made), std::move(accepted));
}

Result<sandbox::Outcome> CheckerRuns::Run(const sandbox::Job& job) {
  Result<sandbox::Outcome> outcome =
      sandbox::Run(job, accepted_, folder_.path() + "/out-" + std::to_string(++outputs_));
  if (outcome.ok() && outcome->end == sandbox::End::kSetupError) {
    return SystemFailure("property.machine", outcome->explanation, "mend the machine and try again");
  }
  return outcome;
}

Result<std::string> CheckerRuns::File(const std::string& name, const std::string& bytes) const {
  std::string path = folder_.path() + "/" + name;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  if (!out) return SystemFailure("property.scratch", "cannot write '" + path + "'", "check that /tmp has room");
  return path;
}

sandbox::Limits LimitsOfRun(const charter::Charter& charter, int64_t time_limit_s) {
  constexpr charter::ProcessLimits kWithoutEvaluation{
      .memory_mib = 2'048, .processes = 64, .output_mib = 64, .files = 1'000};
  const charter::Evaluation& evaluation = charter.evaluation;
  const charter::ProcessLimits& limits = evaluation.command.empty() ? kWithoutEvaluation : evaluation.limits;
  return {.wall_ms = time_limit_s * 1'000,
          .cpu_ms = time_limit_s * 1'000 * 2,
          .memory_mib = limits.memory_mib,
          .processes = limits.processes,
          .output_bytes = limits.output_mib << 20,
          .output_files = limits.files};
}

std::string OnOneShortLine(std::string text) {
  const bool is_cut = text.size() > kWordsBytesMax;
  text.resize(std::min(text.size(), kWordsBytesMax));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return sandbox::DisplayableOnOneLine(text) + (is_cut ? " …" : "");
}

}  // namespace pawl::oversight
