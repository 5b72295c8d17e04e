#include <cstdio>

#include "pawl-check/arguments.h"
#include "pawl-check/commands.h"
#include "pawl-check/report.h"
#include "warrant/property_check.h"

namespace pawl::check {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 28;

Result<checker::Arithmetic> ParseArithmetic(const std::string& word) {
  if (word.empty() || word == "float32") return checker::Arithmetic::kFloat32;
  if (word == "real") return checker::Arithmetic::kReal;
  if (word == "float64") return checker::Arithmetic::kFloat64;
  return Usage("--arithmetic is real, float32 or float64");
}

}  // namespace

ExitCode CheckCertificate(int count, const char* const* words) {
  Arguments arguments({"--arithmetic", "--centre", "--threads"}, {"--json"});
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
  const bool has_centre = arguments.Has("--centre");
  if (has_centre) paths.push_back(arguments.Value("--centre"));
  for (const std::string& path : paths) {
    Result<std::string> bytes = ReadFile(path, kFileBytesMax);
    if (!bytes.ok()) return Report(bytes.error(), output);
    files.push_back(std::move(*bytes));
  }
  warrant::PropertyBytes question{files[0], files[1], files[2], *arithmetic, *threads};
  if (has_centre) question.centre = files[3];
  const checker::Verdict verdict = warrant::CheckPropertyCertificate(question);
  if (!verdict.proven) return Report(verdict.reason, output);
  encoding::Json distances = encoding::Json::object();
  for (size_t i = 0; i < verdict.distances.size(); ++i) {
    const std::string& tensor = verdict.radii[i].tensor;
    distances[tensor] = verdict.distances[i];
    if (output == Output::kText) std::printf("%s at %.9g of its radius\n", Shown(tensor).c_str(), verdict.distances[i]);
  }
  if (output == Output::kJson) {
    PrintJson({{"accepted", true}, {"leaves", verdict.leaves}, {"depth", verdict.depth}, {"distances", distances}});
  } else {
    std::printf("proven: %llu leaves, depth %u\n", static_cast<unsigned long long>(verdict.leaves), verdict.depth);
  }
  return ExitCode::kYes;
}

}  // namespace pawl::check
