// Runs a directory of benchmark instances in the layout of the International Verification of Neural Networks
// Competition and compares the answers with the expected ones.
//
//   prove_benchmark DIRECTORY [--arithmetic real|float32] [--threads N] [--timeout SECONDS] [--filter TEXT] [--seed N]
//                   [--recipe auto|forward|backward] [--cpu SECONDS]
//
// DIRECTORY holds instances.csv (network,property,timeout) and may hold expected.csv (network,property,timeout,answer).
// The time of an instance is that of reading, search and confirmation by the checker; it is measured, not estimated.
// --cpu stops the search of an instance when the process has used so much processor time for it: on a busy machine that
// is what can be compared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "checker/checker.h"
#include "model/network.h"
#include "model/property.h"
#include "prover/prover.h"

namespace {

using pawl::prover::ProofResult;
using pawl::prover::ProofStatus;

struct Options {
  std::string directory;
  std::string filter;
  pawl::checker::Arithmetic arithmetic = pawl::checker::Arithmetic::kReal;
  pawl::prover::RecipeChoice recipe = pawl::prover::RecipeChoice::kAuto;
  unsigned threads = 2;
  double timeout_s = 0;  // 0: the instance's own
  double cpu_s = 0;      // 0: no limit
  std::uint64_t seed = 1;
};

struct Instance {
  std::string network, property;
  double timeout_s = 0;
  std::string expected;
};

struct Totals {
  std::size_t instances = 0, solved = 0, wrong = 0, proven = 0;
  std::uint64_t leaves = 0, boxes = 0, refused = 0, certificate_bytes = 0;
  double seconds = 0, seconds_confirming = 0;
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::vector<std::string>> ReadCsv(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
    if (cells.size() >= 3) rows.push_back(cells);
  }
  return rows;
}

std::vector<Instance> ReadInstances(const std::string& directory) {
  std::map<std::string, std::string> expected;
  for (const auto& row : ReadCsv(directory + "/expected.csv")) {
    if (row.size() >= 4) expected[row[0] + " " + row[1]] = row[3];
  }
  std::vector<Instance> instances;
  for (const auto& row : ReadCsv(directory + "/instances.csv")) {
    instances.push_back({row[0], row[1], std::strtod(row[2].c_str(), nullptr), expected[row[0] + " " + row[1]]});
  }
  return instances;
}

bool ParseOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.rfind("--", 0) != 0) {
      options.directory = name;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
    if (name == "--arithmetic" && (value == "real" || value == "float32")) {
      options.arithmetic = value == "real" ? pawl::checker::Arithmetic::kReal : pawl::checker::Arithmetic::kFloat32;
    } else if (name == "--recipe" && (value == "auto" || value == "forward" || value == "backward")) {
      options.recipe = value == "auto"      ? pawl::prover::RecipeChoice::kAuto
                       : value == "forward" ? pawl::prover::RecipeChoice::kForward
                                            : pawl::prover::RecipeChoice::kBackward;
    } else if (name == "--threads") {
      options.threads = static_cast<unsigned>(std::atoi(value.c_str()));
    } else if (name == "--timeout") {
      options.timeout_s = std::strtod(value.c_str(), nullptr);
    } else if (name == "--cpu") {
      options.cpu_s = std::strtod(value.c_str(), nullptr);
    } else if (name == "--filter") {
      options.filter = value;
    } else if (name == "--seed") {
      options.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else {
      return false;
    }
  }
  return !options.directory.empty() && options.threads > 0;
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Asks for a stop when the process has used `seconds` of processor time more than now.
class CpuLimit {
 public:
  explicit CpuLimit(double seconds) {
    if (seconds <= 0) return;
    thread_ = std::jthread([this, end = CpuSeconds() + seconds](const std::stop_token& over) {
      while (!over.stop_requested() && CpuSeconds() < end) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      stop_.request_stop();
    });
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread thread_;
};

const char* Answer(const ProofResult& result) {
  switch (result.status) {
    case ProofStatus::kProven:
      return "unsat";
    case ProofStatus::kViolated:
      return "sat";
    case ProofStatus::kUnknown:
      return "unknown";
  }
  return "unknown";
}

void Run(const Instance& instance, const Options& options, Totals& totals) {
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = CpuSeconds();
  const std::string network_bytes = ReadFile(options.directory + "/" + instance.network);
  const std::string property_text = ReadFile(options.directory + "/" + instance.property);
  const auto network =
      pawl::model::ReadOnnx({reinterpret_cast<const std::uint8_t*>(network_bytes.data()), network_bytes.size()}, {});
  const auto property = pawl::model::ReadVnnlib(property_text, {});
  ProofResult result;
  if (!network.ok() || !property.ok()) {
    result.detail = network.ok() ? property.error().message : network.error().message;
  } else {
    pawl::prover::ProofRequest request;
    request.network = &*network;
    request.property = &*property;
    request.arithmetic = options.arithmetic;
    request.recipe = options.recipe;
    request.threads = options.threads;
    request.seed = options.seed;
    const double timeout_s = options.timeout_s > 0 ? options.timeout_s : instance.timeout_s;
    request.timeout_ms = static_cast<std::uint64_t>(timeout_s * 1000);
    const CpuLimit limit(options.cpu_s);
    request.cancel = limit.token();
    result = pawl::prover::Prove(request);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string answer = Answer(result);
  const bool decided = result.status != ProofStatus::kUnknown;
  const bool wrong = decided && !instance.expected.empty() && answer != instance.expected;
  ++totals.instances;
  totals.solved += decided && !wrong ? 1 : 0;
  totals.wrong += wrong ? 1 : 0;
  totals.seconds += seconds;
  totals.seconds_confirming += result.statistics.seconds_confirming;
  totals.boxes += result.statistics.boxes;
  totals.refused += result.statistics.refused_leaves;
  if (result.status == ProofStatus::kProven) {
    ++totals.proven;
    totals.leaves += result.statistics.leaves;
    totals.certificate_bytes += result.certificate.size();
  }
  std::printf(
      "%-42s %-40s %-8s %-8s %8.3f s  cpu %8.3f s  check %7.3f s  boxes %9llu  leaves %8llu  bytes %8zu  "
      "refused %5llu  margin %.3g %s%s\n",
      instance.network.c_str(), instance.property.c_str(), instance.expected.c_str(), answer.c_str(), seconds,
      CpuSeconds() - cpu_start, result.statistics.seconds_confirming,
      static_cast<unsigned long long>(result.statistics.boxes),
      static_cast<unsigned long long>(result.statistics.leaves), result.certificate.size(),
      static_cast<unsigned long long>(result.statistics.refused_leaves), result.statistics.best_margin,
      wrong ? "WRONG " : "", result.detail.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!ParseOptions(argc, argv, options)) {
    std::fprintf(
        stderr,
        "usage: prove_benchmark DIRECTORY [--arithmetic real|float32] [--threads N] [--timeout SECONDS]\n"
        "                       [--filter TEXT] [--seed N] [--recipe auto|forward|backward] [--cpu SECONDS]\n");
    return 2;
  }
  Totals totals;
  const std::clock_t cpu = std::clock();
  for (const Instance& instance : ReadInstances(options.directory)) {
    const std::string name = instance.network + ":" + instance.property + ":" + instance.expected;
    if (name.find(options.filter) != std::string::npos) Run(instance, options, totals);
  }
  std::printf(
      "instances %zu  solved %zu  wrong %zu  wall %.2f s  cpu %.2f s  check %.2f s  boxes %llu  proven %zu  leaves "
      "%llu  "
      "refused %llu  bytes a leaf %.2f\n",
      totals.instances, totals.solved, totals.wrong, totals.seconds,
      static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC, totals.seconds_confirming,
      static_cast<unsigned long long>(totals.boxes), totals.proven, static_cast<unsigned long long>(totals.leaves),
      static_cast<unsigned long long>(totals.refused),
      static_cast<double>(totals.certificate_bytes) / static_cast<double>(std::max<std::uint64_t>(1, totals.leaves)));
  return totals.wrong == 0 && totals.instances > 0 ? 0 : 1;
}
