#include <cstdio>

#include "pawl-check/arguments.h"
#include "pawl-check/commands.h"
#include "pawl-check/report.h"
#include "warrant/property_check.h"

namespace pawl::check {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 28, kDigitsMax = 120;

Result<checker::Arithmetic> ParseArithmetic(const std::string& word) {
  if (word.empty() || word == "float32") return checker::Arithmetic::kFloat32;
  if (word == "real") return checker::Arithmetic::kReal;
  if (word == "float64") return checker::Arithmetic::kFloat64;
  return Usage("--arithmetic is real, float32 or float64");
}

}  // namespace

ExitCode CheckCertificate(int count, const char* const* words) {
  Arguments arguments({"--arithmetic", "--centre", "--against", "--within", "--threads"}, {"--json"});
  const Result<void> parsed = arguments.Parse(count, words);
  const Output output = arguments.Has("--json") ? Output::kJson : Output::kText;
  if (!parsed.ok()) return Report(parsed.error(), output);
  if (arguments.words().size() != 3) {
    return Report(Usage("certificate takes NETWORK PROPERTY CERTIFICATE"), output);
  }
  Result<checker::Arithmetic> arithmetic = ParseArithmetic(arguments.Value("--arithmetic"));
  if (!arithmetic.ok()) return Report(arithmetic.error(), output);
  Result<unsigned> threads = ParseThreads(arguments.Value("--threads"));
  if (!threads.ok()) return Report(threads.error(), output);
  std::vector<std::string> paths = arguments.words(), files;
  const bool has_centre = arguments.Has("--centre"), has_baseline = arguments.Has("--against");
  if ((has_centre && has_baseline) || (arguments.Has("--within") && !has_baseline))
    return Report(Usage("--against goes without --centre, and --within with --against alone"), output);
  if (has_centre || has_baseline) paths.push_back(arguments.Value(has_centre ? "--centre" : "--against"));
  for (const std::string& path : paths) {
    Result<std::string> bytes = ReadFile(path, kFileBytesMax);
    if (!bytes.ok()) return Report(bytes.error(), output);
    files.push_back(std::move(*bytes));
  }
  warrant::PropertyBytes question{files[0], files[1], files[2], *arithmetic, *threads};
  if (has_centre) question.centre = files[3];
  if (has_baseline) question.baseline = files[3];
  if (arguments.Has("--within")) {
    Result<model::Decimal> within = model::Decimal::Parse(arguments.Value("--within"), kDigitsMax);
    if (!within.ok()) return Report(Usage("--within is a decimal"), output);
    question.within_max = std::move(*within);
  }
  const checker::Verdict verdict = warrant::CheckPropertyCertificate(question);
  if (!verdict.proven) return Report(verdict.reason, output);
  encoding::Json distances = encoding::Json::object();
  for (size_t i = 0; i < verdict.distances.size(); ++i) {
    const std::string& tensor = verdict.radii[i].tensor;
    distances[tensor] = verdict.distances[i];
    if (output == Output::kText) std::printf("%s at %.9g of its radius\n", Shown(tensor).c_str(), verdict.distances[i]);
  }
  if (output == Output::kJson) {
    encoding::Json json = {
        {"accepted", true}, {"leaves", verdict.leaves}, {"depth", verdict.depth}, {"distances", distances}};
    for (size_t i = 0; verdict.drift && i < verdict.drift->within.size(); ++i)
      json["within"].push_back(verdict.drift->within[i].ToString());
    PrintJson(json);
  } else {
    std::printf("proven: %llu leaves, depth %u\n", static_cast<unsigned long long>(verdict.leaves), verdict.depth);
    for (size_t i = 0; verdict.drift && i < verdict.drift->within.size(); ++i)
      std::printf("output %zu within %s of the baseline's\n", i, verdict.drift->within[i].ToString().c_str());
  }
  return ExitCode::kYes;
}

}  // namespace pawl::check
