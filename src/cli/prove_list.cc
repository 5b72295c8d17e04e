#include "cli/prove_list.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "cli/proof_words.h"
#include "cli/prove_answer.h"
#include "cli/prove_search.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

struct Instance {
  std::string network, property;  // as the list names them
  double timeout_s = 0;
};

// Lines "network,property,seconds", as in the neural network verification competition. Empty lines are skipped.
Result<std::vector<Instance>> ReadInstances(const std::string& path) {
  constexpr size_t kBytesMax = 1 << 24;
  Result<std::string> text = storage::ReadNamedFile(path, kBytesMax);
  if (!text.ok()) return text.error();
  std::vector<Instance> instances;
  std::istringstream lines(*text);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const size_t first = line.find(','), second = first == std::string::npos ? first : line.find(',', first + 1);
    const std::string seconds = second == std::string::npos ? "" : line.substr(second + 1);
    char* end = nullptr;
    const double timeout_s = std::strtod(seconds.c_str(), &end);
    if (seconds.empty() || *end != '\0' || !(timeout_s > 0 && timeout_s < 1e8)) {
      return Malformed("prove.instances", path + ", line " + std::to_string(number) + ": not network,property,seconds",
                       "give a list like instances.csv of a benchmark");
    }
    instances.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1), timeout_s});
  }
  if (instances.empty()) return Malformed("prove.instances", path + " lists no instance", "one line an instance");
  return instances;
}

struct Tally {
  size_t proven = 0, violated = 0, unknown = 0, failed = 0;  // failed: not read, or not searched
  double seconds = 0;
};

// Its line; the exit status of what was found, or of what kept it from being asked or searched.
ExitCode ProveInstance(const Globals& globals, const ProveOptions& options, const Instance& instance, Tally& tally) {
  const auto start = std::chrono::steady_clock::now();
  const Result<ProofQuestion> question = ReadProofQuestion(options);
  const Result<ProofFound> found = question.ok() ? SearchProof(globals, options, *question, {}) : question.error();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  tally.seconds += seconds;
  size_t& count = !found.ok()                                              ? tally.failed
                  : found->result.status == prover::ProofStatus::kProven   ? tally.proven
                  : found->result.status == prover::ProofStatus::kViolated ? tally.violated
                                                                           : tally.unknown;
  ++count;
  if (globals.json) {
    encoding::Json json = found.ok() ? ProofResultJson(*question, found->result) : encoding::Json{{"status", "error"}};
    if (!found.ok()) json["rule"] = found.error().rule, json["detail"] = found.error().message;
    json["network_file"] = instance.network;
    json["property_file"] = instance.property;
    json["seconds"] = seconds;
    PrintJson(json);
  } else {
    const std::string status = found.ok() ? std::string(StatusName(found->result.status)) : "error";
    const std::string detail = found.ok() ? found->result.detail : found.error().message;
    std::printf("%-9s %9.3f s %10llu  %s  %s%s%s\n", status.c_str(), seconds,
                static_cast<unsigned long long>(found.ok() ? found->result.statistics.leaves : 0),
                Shown(instance.network).c_str(), Shown(instance.property).c_str(), detail.empty() ? "" : "  ",
                Shown(detail).c_str());
  }
  std::fflush(stdout);
  return found.ok() ? ExitOf(found->result) : ExitCodeFor(found.error().code);
}

}  // namespace

ExitCode ProveList(const Globals& globals, const ProveOptions& options) {
  if (!options.certificate.empty() || !options.counterexample.empty() || !options.vnncomp.empty() ||
      !options.checkpoint.empty() || !options.resume.empty() || !options.parent.empty() || options.weight_radius ||
      !options.against.empty() || !options.workers.empty()) {
    return Fail(globals, {ErrorCode::kUsage, "prove.list",
                          "one file, radius, baseline or queue cannot be that of all instances of a list",
                          "prove the instances one by one"});
  }
  std::filesystem::path list = options.network;
  std::error_code ignored;
  if (std::filesystem::is_directory(list, ignored)) list /= "instances.csv";
  Result<std::vector<Instance>> instances = ReadInstances(list.string());
  if (!instances.ok()) return Fail(globals, instances.error());
  if (!globals.json) std::printf("%-9s %11s %10s  %s\n", "answer", "time", "leaves", "network, property");
  Tally tally;
  ExitCode exit = ExitCode::kYes;
  for (const Instance& instance : *instances) {
    ProveOptions one = options;
    one.network = (list.parent_path() / instance.network).string();
    one.property = (list.parent_path() / instance.property).string();
    if (!options.timeout_given) one.timeout_s = instance.timeout_s;
    exit = Worst(exit, ProveInstance(globals, one, instance, tally));
  }
  if (!globals.json) {
    std::printf("%zu instances: %zu proven, %zu violated, %zu unknown, %zu not read; %.2f s\n", instances->size(),
                tally.proven, tally.violated, tally.unknown, tally.failed, tally.seconds);
  }
  return exit;
}

}  // namespace pawl::cli
