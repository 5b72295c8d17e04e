// What a parent's certificate is worth: a fixed list of 40 ACAS Xu instances whose property holds, the hard ones among
// them, each proven on the network as published, and then on changed networks twice in the same run: from scratch, and
// from the certificate of the published network.
//
//   reproof_bench [--instances N] [--threads N] [--chain GENERATIONS] [--update TEXT] [--only TEXT] [--slack S]
//
// PAWL_VNNCOMP_DIR names the folder that holds acasxu. Updates: relative Gaussian noise on every weight (0.1 %, 1 %,
// 5 %), rounding to 16 and 8 bits (one scale a tensor), and zeros for the smallest 10 % of each matrix. --chain goes on
// instead for so many generations of 0.1 % noise, each from the certificate before, and shows how certificates grow.
// --update and --only take the updates and the instances whose name contains TEXT.
// --slack asks the parent for more than the property does: bounds on outputs moved by S, so that its leaves have room.
//
// Times are processor time; the check of the certificate by the checker's own routine is in both and also given alone:
// it has to be paid by whoever proves anything.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "checker/checker.h"
#include "model/network.h"
#include "model/property.h"
#include "prover/parent.h"
#include "prover/prover.h"

namespace {

using pawl::model::Network;
using pawl::model::Property;
using pawl::prover::ProofRequest;
using pawl::prover::ProofResult;
using pawl::prover::ProofStatus;

// Network "first_second" and property. All are unsat.
constexpr std::array<std::array<int, 3>, 40> kInstances = {{
    {1, 1, 3}, {1, 1, 4}, {1, 1, 5}, {1, 1, 6}, {1, 2, 3}, {1, 4, 1}, {1, 6, 3}, {1, 6, 4}, {1, 7, 1}, {1, 9, 2},
    {2, 1, 1}, {2, 2, 3}, {2, 4, 1}, {2, 4, 3}, {2, 6, 1}, {2, 6, 3}, {2, 9, 3}, {3, 1, 1}, {3, 1, 4}, {3, 2, 4},
    {3, 3, 2}, {3, 3, 3}, {3, 3, 9}, {3, 7, 4}, {3, 8, 1}, {3, 9, 3}, {3, 9, 4}, {4, 1, 1}, {4, 2, 2}, {4, 3, 3},
    {4, 6, 1}, {4, 6, 3}, {4, 7, 1}, {4, 8, 3}, {4, 9, 1}, {4, 9, 4}, {5, 3, 3}, {5, 5, 3}, {5, 6, 4}, {5, 8, 3},
}};

struct Options {
  std::size_t instances = kInstances.size();
  unsigned threads = 1;
  int chain = 0;
  double slack = 0;
  std::string update, only;
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double Float(double value) { return static_cast<double>(static_cast<float>(value)); }

// ---- Updates

void AddNoise(Network& network, double relative, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  for (auto& tensor : network.tensors)
    for (double& value : tensor.values) value = Float(value * (1 + relative * normal(random)));
}

void RoundTo(Network& network, double levels) {
  for (auto& tensor : network.tensors) {
    double largest = 0;
    for (const double value : tensor.values) largest = std::max(largest, std::abs(value));
    if (largest == 0) continue;
    const double scale = largest / levels;
    for (double& value : tensor.values) value = Float(std::round(value / scale) * scale);
  }
}

void Prune(Network& network, double share) {
  for (auto& tensor : network.tensors) {
    if (tensor.shape.size() < 2 || tensor.values.size() < 10) continue;
    std::vector<double> sizes;
    for (const double value : tensor.values) sizes.push_back(std::abs(value));
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(sizes.size()));
    std::nth_element(sizes.begin(), at, sizes.end());
    for (double& value : tensor.values) value = std::abs(value) < *at ? 0.0 : value;
  }
}

struct Update {
  const char* name;
  void (*apply)(Network&, std::uint64_t seed);
};
const Update kUpdates[] = {
    {"noise 0.1 %", [](Network& n, std::uint64_t seed) { AddNoise(n, 1e-3, seed); }},
    {"noise 1 %", [](Network& n, std::uint64_t seed) { AddNoise(n, 1e-2, seed); }},
    {"noise 5 %", [](Network& n, std::uint64_t seed) { AddNoise(n, 5e-2, seed); }},
    {"int16", [](Network& n, std::uint64_t) { RoundTo(n, 32767); }},
    {"int8", [](Network& n, std::uint64_t) { RoundTo(n, 127); }},
    {"prune 10 %", [](Network& n, std::uint64_t) { Prune(n, 0.1); }},
};

// ---- Proofs

struct Run {
  ProofResult result;
  double cpu_s = 0, check_s = 0;  // check_s: what checking the certificate takes, which is in cpu_s as well
  bool sound = true;              // a certificate, where there is one, is accepted
};

// `version` stands for the digest of the network's bytes.
ProofRequest RequestOf(const Network& network, const Property& property, std::uint8_t version, const Options& options) {
  ProofRequest request;
  request.network = &network;
  request.property = &property;
  request.network_digest.fill(version);
  request.property_digest.fill(1);
  request.arithmetic = pawl::checker::Arithmetic::kFloat32;
  request.threads = options.threads;
  request.timeout_ms = 300'000;
  return request;
}

// The property with every bound on outputs moved outward by `slack`, in the unit of the outputs.
Property Tightened(Property property, double slack) {
  const auto more = pawl::model::Decimal::FromDouble(slack);
  for (auto& one : property.cases)
    for (auto& conjunction : one.unsafe)
      for (auto& row : conjunction) row.bound = row.bound + more;
  return property;
}

// The bytes are read and checked once more.
bool Accepted(const ProofRequest& request, const ProofResult& result) {
  const auto certificate = pawl::checker::ReadCertificate(result.certificate);
  return certificate.ok() && pawl::checker::Check(*request.network, *request.property, *certificate,
                                                  {request.arithmetic, request.network_digest, request.property_digest})
                                 .proven;
}

// The quickest of three runs where they are short.
Run Measure(const ProofRequest& request) {
  Run best;
  for (int i = 0; i < 3 && (i == 0 || best.cpu_s < 0.1); ++i) {
    const double start = CpuSeconds();
    Run run{pawl::prover::Prove(request)};
    run.cpu_s = CpuSeconds() - start;
    if (run.result.status == ProofStatus::kProven) {
      run.sound = Accepted(request, run.result);
      run.check_s = CpuSeconds() - start - run.cpu_s;
    }
    if (i == 0 || run.cpu_s < best.cpu_s) best = std::move(run);
  }
  return best;
}

const char* Name(ProofStatus status) {
  switch (status) {
    case ProofStatus::kProven:
      return "proven";
    case ProofStatus::kViolated:
      return "violated";
    case ProofStatus::kUnknown:
      return "unknown";
  }
  return "";
}

// Ratios of one kind of outcome: geometric means, and the worst.
struct Ratios {
  std::size_t count = 0;
  double log_total = 0, log_limit = 0, log_search = 0, log_boxes = 0, least = 1e9;
  double scratch_s = 0, parent_s = 0, check_s = 0;
  std::uint64_t leaves = 0, kept = 0, leaves_scratch = 0, leaves_parent = 0;

  void Add(const Run& scratch, const Run& parent) {
    const double total = scratch.cpu_s / parent.cpu_s;
    ++count;
    log_total += std::log(total);
    // What could be gained if all but the check of the new certificate cost nothing.
    log_limit += std::log(scratch.cpu_s / std::max(1e-4, parent.check_s));
    // Below a millisecond there is nothing to be told apart.
    log_search +=
        std::log(std::max(1e-3, scratch.cpu_s - scratch.check_s) / std::max(1e-3, parent.cpu_s - parent.check_s));
    log_boxes += std::log(static_cast<double>(std::max<std::uint64_t>(1, scratch.result.statistics.boxes)) /
                          static_cast<double>(std::max<std::uint64_t>(1, parent.result.statistics.boxes)));
    check_s += parent.check_s;
    least = std::min(least, total);
    scratch_s += scratch.cpu_s;
    parent_s += parent.cpu_s;
    leaves += parent.result.statistics.parent_leaves;
    kept += parent.result.statistics.kept;
    leaves_scratch += scratch.result.statistics.leaves;
    leaves_parent += parent.result.statistics.leaves;
  }
  void Print(const char* update, const char* kind) const {
    if (count == 0) return;
    const double n = static_cast<double>(count);
    std::printf("%-12s %-9s %4zu %8.2f %8.2f %8.2f %8.2f %8.2f %9.2f %9.2f %9.2f %7.1f%% %8llu %8llu\n", update, kind,
                count, std::exp(log_total / n), check_s > 0 ? std::exp(log_limit / n) : 0, std::exp(log_search / n),
                std::exp(log_boxes / n), least, scratch_s, parent_s, check_s,
                leaves == 0 ? 0 : 100 * static_cast<double>(kept) / static_cast<double>(leaves),
                static_cast<unsigned long long>(leaves_scratch), static_cast<unsigned long long>(leaves_parent));
  }
};

struct Loaded {
  std::string name;
  Network network;
  Property property;
};

std::vector<Loaded> Load(const std::string& folder, std::size_t count) {
  std::vector<Loaded> loaded;
  for (std::size_t i = 0; i < std::min(count, kInstances.size()); ++i) {
    const auto& [first, second, property_number] = kInstances[i];
    const std::string pair = std::to_string(first) + "_" + std::to_string(second);
    const std::string bytes = ReadFile(folder + "/onnx/ACASXU_run2a_" + pair + "_batch_2000.onnx");
    auto network = pawl::model::ReadOnnx({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, {});
    auto property =
        pawl::model::ReadVnnlib(ReadFile(folder + "/vnnlib/prop_" + std::to_string(property_number) + ".vnnlib"), {});
    if (!network.ok() || !property.ok()) continue;
    loaded.push_back(
        {pair + " property " + std::to_string(property_number), std::move(*network), std::move(*property)});
  }
  return loaded;
}

std::optional<pawl::prover::Parent> ParentOf(const ProofResult& result, const ProofRequest& request) {
  auto parent = pawl::prover::ReadParent(result.certificate, request);
  return parent.ok() ? std::optional(std::move(*parent)) : std::nullopt;
}

int CompareUpdates(const std::vector<Loaded>& instances, const Options& options) {
  std::map<std::string, std::map<std::string, Ratios>> table;
  int wrong = 0;
  for (const Loaded& instance : instances) {
    if (instance.name.find(options.only) == std::string::npos) continue;
    ProofRequest original = RequestOf(instance.network, instance.property, 1, options);
    const Property tightened = Tightened(instance.property, options.slack);
    original.property = &tightened;
    const ProofResult proof = pawl::prover::Prove(original);
    original.property = &instance.property;
    const auto parent = ParentOf(proof, original);
    if (!parent) {
      std::printf("%s: no certificate of the published network\n", instance.name.c_str());
      ++wrong;
      continue;
    }
    for (std::size_t u = 0; u < std::size(kUpdates); ++u) {
      if (std::string(kUpdates[u].name).find(options.update) == std::string::npos) continue;
      Network changed = instance.network;
      kUpdates[u].apply(changed, 1000 + u);
      ProofRequest request = RequestOf(changed, instance.property, 2, options);
      const Run scratch = Measure(request);
      request.parent = &*parent;
      const Run again = Measure(request);
      const bool agree = scratch.result.status == again.result.status;
      if (!scratch.sound || !again.sound) ++wrong;
      std::printf(
          "%-16s %-12s %-8s cpu %8.4f s  check %7.4f s  boxes %8llu  leaves %6llu | %-8s cpu %8.4f s  check %7.4f s  "
          "boxes %8llu  leaves %6llu  of %6llu kept %6llu merged %5llu\n",
          instance.name.c_str(), kUpdates[u].name, Name(scratch.result.status), scratch.cpu_s, scratch.check_s,
          static_cast<unsigned long long>(scratch.result.statistics.boxes),
          static_cast<unsigned long long>(scratch.result.statistics.leaves), Name(again.result.status), again.cpu_s,
          again.check_s, static_cast<unsigned long long>(again.result.statistics.boxes),
          static_cast<unsigned long long>(again.result.statistics.leaves),
          static_cast<unsigned long long>(again.result.statistics.parent_leaves),
          static_cast<unsigned long long>(again.result.statistics.kept),
          static_cast<unsigned long long>(again.result.statistics.merged));
      std::fflush(stdout);
      table[kUpdates[u].name][agree ? Name(scratch.result.status) : "differ"].Add(scratch, again);
    }
  }
  std::printf(
      "\nHow many times as long a proof from scratch takes: geometric means, the least, and processor time. 'limit': "
      "how "
      "many times as long as the check alone of the certificate that is begun with a parent.\n");
  std::printf("%-12s %-9s %4s %8s %8s %8s %8s %8s %9s %9s %9s %8s %8s %8s\n", "update", "answer", "n", "whole", "limit",
              "search", "boxes", "least", "scratch s", "parent s", "check s", "kept", "leaves", "leaves'");
  for (const Update& update : kUpdates)
    for (const auto& [kind, ratios] : table[update.name]) ratios.Print(update.name, kind.c_str());
  return wrong == 0 ? 0 : 1;
}

// Generations of small steps, each from the certificate of the one before.
int Chain(const std::vector<Loaded>& instances, const Options& options) {
  for (const Loaded& instance : instances) {
    Network network = instance.network;
    ProofRequest request = RequestOf(network, instance.property, 1, options);
    ProofResult last = pawl::prover::Prove(request);
    for (int generation = 1; generation <= options.chain && last.status == ProofStatus::kProven; ++generation) {
      AddNoise(network, 1e-3, 77 + static_cast<std::uint64_t>(generation));
      request = RequestOf(network, instance.property, static_cast<std::uint8_t>(generation + 1), options);
      const Run scratch = Measure(request);
      const auto parent = ParentOf(last, request);
      request.parent = parent ? &*parent : nullptr;
      const Run again = Measure(request);
      std::printf("%-16s %4d %-8s scratch %8.4f s %6llu leaves %8zu bytes | %-8s %8.4f s %6llu leaves %8zu bytes\n",
                  instance.name.c_str(), generation, Name(scratch.result.status), scratch.cpu_s,
                  static_cast<unsigned long long>(scratch.result.statistics.leaves), scratch.result.certificate.size(),
                  Name(again.result.status), again.cpu_s,
                  static_cast<unsigned long long>(again.result.statistics.leaves), again.result.certificate.size());
      std::fflush(stdout);
      last = again.result;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--instances") == 0) options.instances = static_cast<std::size_t>(std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--threads") == 0) options.threads = static_cast<unsigned>(std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--chain") == 0) options.chain = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--slack") == 0) options.slack = std::atof(argv[i + 1]);
    if (std::strcmp(argv[i], "--only") == 0) options.only = argv[i + 1];
    if (std::strcmp(argv[i], "--update") == 0) options.update = argv[i + 1];
  }
  const char* folder = std::getenv("PAWL_VNNCOMP_DIR");
  if (argc % 2 == 0 || folder == nullptr) {
    std::fprintf(stderr,
                 "usage: PAWL_VNNCOMP_DIR=… reproof_bench [--instances N] [--threads N] [--chain GENERATIONS] "
                 "[--update TEXT] [--only TEXT] [--slack S]\n");
    return 2;
  }
  const std::vector<Loaded> instances = Load(std::string(folder) + "/acasxu", options.instances);
  if (instances.empty()) {
    std::fprintf(stderr, "no instance could be read below %s/acasxu\n", folder);
    return 1;
  }
  return options.chain > 0 ? Chain(instances, options) : CompareUpdates(instances, options);
}
