// pawl prove: search for certificates or counterexamples of properties of networks, one or a list. Opens no home.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <utility>

#include "authoring/property_words.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/proof_words.h"
#include "cli/prove_family.h"
#include "cli/worker_keys.h"
#include "crypto/digest.h"
#include "crypto/note_key.h"
#include "ledger/place.h"
#include "model/network.h"
#include "model/property.h"
#include "prover/checkpoint.h"
#include "prover/envelope.h"
#include "prover/parent.h"
#include "prover/prover.h"
#include "storage/named_file.h"
#include "work/asker.h"

namespace pawl::cli {
namespace {

constexpr double kTimeoutDefault = 600;

struct ProveOptions {
  std::string network, property;
  std::string certificate, counterexample, vnncomp;  // where to write them; empty: nowhere
  std::string checkpoint, resume;                    // where to leave an unfinished search; where to go on from
  std::string parent;                                // certificate of the network that this one was changed from
  std::string arithmetic;                            // empty: the network's own
  std::optional<std::string> weight_radius;          // none: of the network alone
  std::string against, within;                       // baseline and bound; empty: the property itself, no drift
  std::string charter, baseline;                     // their folders; empty: one property, or a list
  std::string workers, worker_keys;                  // URL of their queue, and who they are; empty: nobody
  double part_s = 5, alone_s = 1;
  size_t parts_min = 64;
  double timeout_s = kTimeoutDefault;
  bool timeout_given = false;
  unsigned threads = 2;
  uint64_t memory_mib = 4096;
};

struct Question {
  model::Network network;
  model::Property property;
  crypto::Digest network_digest, property_digest;
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;
  std::string network_bytes, property_bytes;  // for workers alone
  // Of drift:
  std::optional<model::Network> baseline;
  crypto::Digest baseline_digest;
  model::Decimal within;
};

// What the network is deployed in, unless something else is asked for; a proof in the other precision would be about
// another network.
Result<checker::Arithmetic> ChooseArithmetic(const ProveOptions& options, const model::Network& network) {
  const bool narrow = network.element_type() == model::ElementType::kFloat32;
  if (options.arithmetic.empty()) return narrow ? checker::Arithmetic::kFloat32 : checker::Arithmetic::kFloat64;
  if (options.arithmetic == "real") return checker::Arithmetic::kReal;
  if ((options.arithmetic == "float32") == narrow) {
    return narrow ? checker::Arithmetic::kFloat32 : checker::Arithmetic::kFloat64;
  }
  return Error{ErrorCode::kUsage, "prove.arithmetic",
               "the network is stored in " + std::string(model::ElementTypeName(network.element_type())) +
                   ", and a proof in " + options.arithmetic + " would not be about it",
               "leave --arithmetic out, or take real"};
}

Error Within(const std::string& file, Error error) {
  error.message = file + ": " + error.message;
  return error;
}

struct NetworkFile {
  model::Network network;
  crypto::Digest digest;
  std::string bytes;
};

Result<NetworkFile> ReadNetwork(const std::string& path) {
  const model::NetworkLimits limits;
  Result<std::string> bytes = storage::ReadNamedFile(path, limits.bytes_max);
  if (!bytes.ok()) return bytes.error();
  Result<model::Network> network =
      model::ReadOnnx({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()}, limits);
  if (!network.ok()) return Within(path, network.error());
  const crypto::Digest digest = crypto::Sha256(*bytes);
  return NetworkFile{std::move(*network), digest, std::move(*bytes)};
}

// What drift is asked about: the baseline and how far outputs may be from its.
Result<void> ReadDrift(const ProveOptions& options, Question& question) {
  const model::PropertyLimits limits;
  Result<model::Decimal> within = model::Decimal::Parse(options.within, limits.digits_max);
  if (!within.ok() || within->Sign() <= 0)
    return Error{ErrorCode::kUsage, "prove.within", "--within is a decimal above 0", "for example 0.05"};
  question.within = std::move(*within);
  Result<NetworkFile> baseline = ReadNetwork(options.against);
  if (!baseline.ok()) return baseline.error();
  if (Result<void> fits = model::CheckFits(baseline->network, question.property); !fits.ok())
    return Within(options.against, fits.error());
  if (baseline->network.type != question.network.type && question.arithmetic != checker::Arithmetic::kReal)
    return Error{ErrorCode::kUsage, "prove.arithmetic", "network and baseline compute in different precisions",
                 "ask for --arithmetic real"};
  question.baseline = std::move(baseline->network);
  question.baseline_digest = baseline->digest;
  return {};
}

// Each file is read once; digests are of the bytes that are parsed.
Result<Question> ReadQuestion(const ProveOptions& options) {
  const model::PropertyLimits property_limits;
  Result<NetworkFile> network = ReadNetwork(options.network);
  if (!network.ok()) return network.error();
  Result<std::string> property_bytes = storage::ReadNamedFile(options.property, property_limits.bytes_max);
  if (!property_bytes.ok()) return property_bytes.error();
  Result<model::Property> property = model::ReadVnnlib(*property_bytes, property_limits);
  if (!property.ok()) return Within(options.property, property.error());
  if (Result<void> fits = model::CheckFits(network->network, *property); !fits.ok()) return fits.error();
  Result<checker::Arithmetic> arithmetic = ChooseArithmetic(options, network->network);
  if (!arithmetic.ok()) return arithmetic.error();
  Question question{.network = std::move(network->network),
                    .property = std::move(*property),
                    .network_digest = network->digest,
                    .property_digest = crypto::Sha256(*property_bytes),
                    .arithmetic = *arithmetic,
                    .network_bytes = {},
                    .property_bytes = {},
                    .baseline = {},
                    .baseline_digest = {},
                    .within = {}};
  if (!options.workers.empty()) {
    question.network_bytes = std::move(network->bytes);
    question.property_bytes = std::move(*property_bytes);
  }
  if (options.against.empty()) return question;
  if (Result<void> read = ReadDrift(options, question); !read.ok()) return read.error();
  return question;
}

// One line that is written over and over; gone when the search ends.
class ProgressLine {
 public:
  explicit ProgressLine(const Globals& globals)
      : shown_(!globals.quiet && !globals.json && isatty(STDERR_FILENO) != 0) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() {
    if (written_) std::fputs("\r\x1b[K", stderr);
  }
  void Show(const prover::Progress& progress) {
    if (!shown_) return;
    written_ = true;
    std::fprintf(stderr, "\r\x1b[K%.0f s: %llu open, %llu proven, %.2f %% of the volume; %.0f boxes a second",
                 progress.seconds, static_cast<unsigned long long>(progress.open),
                 static_cast<unsigned long long>(progress.leaves), 100 * progress.volume_proven,
                 static_cast<double>(progress.boxes) / std::max(progress.seconds, 1e-3));
    std::fflush(stderr);
  }

 private:
  bool shown_ = false, written_ = false;
};

// The same of workers.
class WorkersLine {
 public:
  explicit WorkersLine(const Globals& globals)
      : quiet_(globals.quiet), shown_(!globals.quiet && !globals.json && isatty(STDERR_FILENO) != 0) {}
  WorkersLine(const WorkersLine&) = delete;
  WorkersLine& operator=(const WorkersLine&) = delete;
  ~WorkersLine() { Clear(); }
  void Show(const work::AskProgress& progress) {
    if (!shown_) return;
    written_ = true;
    std::fprintf(stderr, "\r\x1b[K%.0f s: %zu parts open, %llu answers of %zu workers, %llu leaves proven",
                 progress.seconds, progress.open, static_cast<unsigned long long>(progress.answers), progress.workers,
                 static_cast<unsigned long long>(progress.leaves));
    std::fflush(stderr);
  }
  void Say(const std::string& text) {
    if (quiet_) return;
    Clear();
    std::fprintf(stderr, "%s\n", Shown(text).c_str());
  }

 private:
  void Clear() {
    if (std::exchange(written_, false)) std::fputs("\r\x1b[K", stderr);
  }
  const bool quiet_, shown_;
  bool written_ = false;
};

prover::ProofRequest RequestOf(const ProveOptions& options, const Question& question) {
  prover::ProofRequest request;
  request.network = &question.network;
  request.property = &question.property;
  request.network_digest = question.network_digest.bytes;
  request.property_digest = question.property_digest.bytes;
  request.arithmetic = question.arithmetic;
  request.baseline = question.baseline ? &*question.baseline : nullptr;
  request.baseline_digest = question.baseline_digest.bytes;
  request.within = question.within;
  request.timeout_ms = static_cast<uint64_t>(options.timeout_s * 1000);
  request.threads = options.threads;
  request.memory_mib_max = options.memory_mib;
  request.keep_checkpoint = !options.checkpoint.empty();
  return request;
}

// What a search may begin with.
struct Beginning {
  std::optional<prover::Checkpoint> checkpoint;
  std::optional<prover::Parent> parent;
  std::optional<Error> parent_unfit;  // why the parent's certificate is not used
};

struct Found {
  prover::ProofResult result;
  std::optional<work::AskReport> shared;      // where there were workers
  std::optional<prover::WidestProof> widest;  // of "auto", its result moved away
  std::vector<checker::TensorRadius> radii;   // that were proven or, without "auto", asked for
};

Result<prover::ProofResult> ProveShared(const Globals& globals, const ProveOptions& options, const Question& question,
                                        const prover::ProofRequest& request, Found& found) {
  Result<bool> is_home = ledger::IsHomeUrl(options.workers);
  if (!is_home.ok()) return is_home.error();
  if (*is_home)
    return Error{ErrorCode::kUsage, "prove.workers", "workers take parts from a queue in PostgreSQL",
                 "--workers postgresql://…"};
  Result<std::vector<crypto::NoteKey>> keys = ReadWorkerKeys(options.worker_keys);
  if (!keys.ok()) return keys.error();
  WorkersLine line(globals);
  work::AskOptions ask;
  ask.url = options.workers;
  ask.enrolled = std::move(*keys);
  ask.alone_s = options.alone_s;
  ask.parts_min = options.parts_min;
  ask.part_ms = static_cast<int64_t>(options.part_s * 1000);
  ask.progress = [&line](const work::AskProgress& progress) { line.Show(progress); };
  ask.says = [&line](const std::string& text) { line.Say(text); };
  found.shared.emplace();
  return work::ProveWithWorkers(request, {question.network_bytes, question.property_bytes}, ask, *found.shared);
}

Result<Found> Search(const Globals& globals, const ProveOptions& options, const Question& question,
                     const Beginning& beginning) {
  ProgressLine line(globals);
  const InterruptWatch watch(!options.checkpoint.empty() || !options.workers.empty());
  prover::ProofRequest request = RequestOf(options, question);
  request.resume = beginning.checkpoint.has_value() ? &*beginning.checkpoint : nullptr;
  request.parent = beginning.parent.has_value() ? &*beginning.parent : nullptr;
  request.cancel = watch.token();
  request.progress = [&line](const prover::Progress& progress) { line.Show(progress); };
  Found found;
  // Where there are workers, by them.
  const auto prove = [&]() -> Result<prover::ProofResult> {
    if (options.workers.empty()) return prover::Prove(request);
    return ProveShared(globals, options, question, request, found);
  };
  if (!options.weight_radius) {
    Result<prover::ProofResult> result = prove();
    if (!result.ok()) return result.error();
    found.result = std::move(*result);
    return found;
  }
  const Result<RadiusChoice> choice = ParseRadius(*options.weight_radius);
  if (!choice.ok()) return choice.error();
  if (choice->widest) {
    if (!options.workers.empty())
      return Error{ErrorCode::kUsage, "prove.workers", "the largest radius is not looked for by workers",
                   "give them one radius, or leave --workers out"};
    if (request.timeout_ms == 0)
      return Error{ErrorCode::kUsage, "prove.weight-radius", "the largest radius is looked for until a time limit",
                   "give a --timeout"};
    found.widest = prover::ProveWidest(request);
    found.result = std::move(found.widest->result);
    const prover::WeightRadius proven{found.widest->share, prover::RadiusUnit::kShare};
    if (proven.value > 0) found.radii = prover::RadiiFor(question.network, proven);
    return found;
  }
  request.radii = found.radii = prover::RadiiFor(question.network, choice->radius);
  if (request.radii.empty())
    return Refused("prove.weight-radius", "no tensor of the network can have a weight radius",
                   "weights and biases of Gemm, MatMul and Conv can, where the file holds them as raw data");
  Result<prover::ProofResult> result = prove();
  if (!result.ok()) return result.error();
  found.result = std::move(*result);
  return found;
}

void AddWorkers(const Found& found, encoding::Json& json) {
  if (!found.shared) return;
  const work::AskReport& report = *found.shared;
  encoding::Json parts = encoding::Json::array(), shut_out = encoding::Json::object();
  for (const work::PartRecord& part : report.parts)
    parts.push_back({{"part", part.part},
                     {"from", part.from},
                     {"depth", part.depth},
                     {"seconds", part.seconds},
                     {"check_seconds", part.check_seconds},
                     {"leaves", part.leaves},
                     {"worker", part.worker}});
  for (const auto& [name, why] : report.shut_out) shut_out[name] = why;
  encoding::Json held = encoding::Json::object();
  for (const auto& [name, times] : report.held_too_long) held[name] = times;
  json["workers"] = {{"shared_out", report.shared},
                     {"alone_seconds", report.alone_seconds},
                     {"divide_seconds", report.divide_seconds},
                     {"shared_seconds", report.shared_seconds},
                     {"check_seconds", found.result.statistics.seconds_confirming},
                     {"parts", std::move(parts)},
                     {"shut_out", std::move(shut_out)},
                     {"held_too_long", std::move(held)},
                     {"unsigned_answers", report.unsigned_answers}};
}

void ShowWorkers(const Found& found) {
  if (!found.shared) return;
  const work::AskReport& report = *found.shared;
  if (!report.shared) {
    std::puts("  found before anything was shared out");
    return;
  }
  std::map<std::string, size_t> answers;
  for (const work::PartRecord& part : report.parts) ++answers[part.worker];
  std::printf("  shared out for %.2f s: %zu answers of %zu workers, each checked\n", report.shared_seconds,
              report.parts.size(), answers.size());
  for (const auto& [name, why] : report.shut_out)
    std::printf("  '%s' is shut out: %s\n", Shown(name).c_str(), Shown(why).c_str());
  for (const auto& [name, times] : report.held_too_long) {
    std::printf("  '%s' has held %llu parts for too long, by the queue's word; others got them\n", Shown(name).c_str(),
                static_cast<unsigned long long>(times));
  }
  if (report.unsigned_answers > 0)
    std::printf("  %llu answers that no enrolled worker had signed were thrown away\n",
                static_cast<unsigned long long>(report.unsigned_answers));
}

void AddRadius(const Found& found, encoding::Json& json) {
  if (found.radii.empty() && !found.widest) return;
  json["weight_radius"] = RadiiJson(found.radii, found.widest ? &*found.widest : nullptr);
}

void ShowRadius(const Found& found) {
  const bool is_proven = found.result.status == prover::ProofStatus::kProven;
  if (found.widest && is_proven && found.widest->share > 0)
    std::printf("  of all networks whose weights are within %s of each tensor's largest\n",
                PercentText(found.widest->share).c_str());
  if (found.widest && is_proven && found.widest->share_open > 0)
    std::printf("  not proven at %s in the time there was\n", PercentText(found.widest->share_open).c_str());
  if (found.widest && is_proven && found.widest->share == 0) std::puts("  of this network alone: no radius was proven");
  if (!found.widest && !found.radii.empty() && is_proven)
    std::printf("  of all networks whose weights are within the radius, in %zu tensors\n", found.radii.size());
  if (!found.widest && !found.radii.empty() && found.result.status == prover::ProofStatus::kUnknown)
    std::puts("  not proven at this radius; of the network itself nothing is shown");
}

encoding::Json ResultJson(const Question& question, const prover::ProofResult& result) {
  encoding::Json json = {
      {"status", StatusName(result.status)},       {"arithmetic", authoring::ArithmeticName(question.arithmetic)},
      {"network", question.network_digest.Text()}, {"property", question.property_digest.Text()},
      {"boxes", result.statistics.boxes},          {"leaves", result.statistics.leaves},
      {"seconds", result.statistics.seconds}};
  if (question.baseline) {
    json["baseline"] = question.baseline_digest.Text();
    json["within"] = question.within.ToString();
  }
  if (result.status == prover::ProofStatus::kUnknown) {
    json["reason"] = ReasonName(result.reason);
    json["detail"] = result.detail;
  }
  if (result.status == prover::ProofStatus::kProven) json["certificate_bytes"] = result.certificate.size();
  if (result.status == prover::ProofStatus::kViolated) {
    json["inputs"] = result.counterexample.inputs;
    json["outputs"] = result.counterexample.outputs;  // null where not finite
    if (question.baseline) json["baseline_outputs"] = result.counterexample.baseline_outputs;
    json["violates_float"] = result.counterexample.violates_float;
    json["violates_real"] = result.counterexample.violates_real;
    json["table"] = authoring::CounterexampleTable(question.property, result.counterexample);
  }
  return json;
}

void ShowResult(const Question& question, const prover::ProofResult& result, uint64_t memory_mib) {
  std::printf("%s (%s arithmetic, %.2f s, boxes %llu, leaves %llu)\n", std::string(StatusName(result.status)).c_str(),
              std::string(authoring::ArithmeticName(question.arithmetic)).c_str(), result.statistics.seconds,
              static_cast<unsigned long long>(result.statistics.boxes),
              static_cast<unsigned long long>(result.statistics.leaves));
  switch (result.status) {
    case prover::ProofStatus::kProven:
      if (question.baseline)
        std::printf("  on the property's boxes no output is further than %s from the baseline's\n",
                    question.within.ToString().c_str());
      return;
    case prover::ProofStatus::kUnknown:
      std::printf("  %s: %s\n", std::string(ReasonName(result.reason)).c_str(), Shown(result.detail).c_str());
      if (result.reason == prover::UnknownReason::kMemory)
        std::printf("  the limit was %llu MiB; raise --memory-mib\n", static_cast<unsigned long long>(memory_mib));
      return;
    case prover::ProofStatus::kViolated:
      break;
  }
  for (const std::string& line : authoring::CounterexampleTable(question.property, result.counterexample)) {
    std::printf("  %s\n", line.c_str());
  }
  std::printf("  %s: in the network's own arithmetic %s, in real numbers %s\n",
              question.baseline ? "too far apart" : "unsafe",
              result.counterexample.violates_float ? "yes" : "not shown",
              result.counterexample.violates_real ? "yes" : "not shown");
}

// What the competition's scripts read: the answer, and after "sat" the counterexample.
std::string VnncompText(const prover::ProofResult& result) {
  switch (result.status) {
    case prover::ProofStatus::kProven:
      return "unsat\n";
    case prover::ProofStatus::kViolated:
      return "sat\n" + authoring::CounterexampleText(result.counterexample);
    case prover::ProofStatus::kUnknown:
      break;
  }
  return result.reason == prover::UnknownReason::kTimeout ? "timeout\n" : "unknown\n";
}

Result<void> WriteFiles(const ProveOptions& options, const prover::ProofResult& result) {
  if (!options.vnncomp.empty()) {
    if (Result<void> written = storage::WriteNamedFile(options.vnncomp, VnncompText(result)); !written.ok())
      return written;
  }
  if (!result.checkpoint.empty()) {
    const std::string_view bytes(reinterpret_cast<const char*>(result.checkpoint.data()), result.checkpoint.size());
    if (Result<void> written = storage::WriteNamedFile(options.checkpoint, bytes); !written.ok()) return written;
  }
  if (result.status == prover::ProofStatus::kProven && !options.certificate.empty()) {
    const std::string_view bytes(reinterpret_cast<const char*>(result.certificate.data()), result.certificate.size());
    if (Result<void> written = storage::WriteNamedFile(options.certificate, bytes); !written.ok()) return written;
  }
  if (result.status == prover::ProofStatus::kViolated && !options.counterexample.empty()) {
    return storage::WriteNamedFile(options.counterexample, authoring::CounterexampleText(result.counterexample));
  }
  return {};
}

// A checkpoint that does not fit is an error; without a parent's certificate that fits, the search begins with nothing.
Result<Beginning> ReadBeginning(const ProveOptions& options, const Question& question) {
  Beginning beginning;
  const size_t bytes_max = checker::CertificateLimits().bytes_max;
  if (!options.resume.empty()) {
    Result<std::string> text = storage::ReadNamedFile(options.resume, bytes_max);
    if (!text.ok()) return text.error();
    Result<prover::Checkpoint> read = prover::ReadCheckpoint(
        {reinterpret_cast<const uint8_t*>(text->data()), text->size()}, RequestOf(options, question));
    if (!read.ok()) return read.error();
    beginning.checkpoint = std::move(*read);
  }
  if (!options.parent.empty()) {
    Result<std::string> text = storage::ReadNamedFile(options.parent, bytes_max);
    if (!text.ok()) return text.error();
    Result<prover::Parent> read = prover::ReadParent({reinterpret_cast<const uint8_t*>(text->data()), text->size()},
                                                     RequestOf(options, question));
    if (read.ok())
      beginning.parent = std::move(*read);
    else
      beginning.parent_unfit = read.error();
  }
  return beginning;
}

// What became of the parent's certificate.
encoding::Json ParentJson(const Beginning& beginning, const prover::ProofStatistics& statistics) {
  if (beginning.parent_unfit.has_value()) {
    return {{"used", false}, {"rule", beginning.parent_unfit->rule}, {"detail", beginning.parent_unfit->message}};
  }
  return {
      {"used", true}, {"leaves", statistics.parent_leaves}, {"kept", statistics.kept}, {"merged", statistics.merged}};
}

void ShowParent(const Beginning& beginning, const prover::ProofStatistics& statistics) {
  if (beginning.parent_unfit.has_value()) {
    std::printf("  searched from scratch: %s\n", Shown(beginning.parent_unfit->message).c_str());
    return;
  }
  std::printf("  of the parent's %llu leaves %llu hold, %llu of them for two\n",
              static_cast<unsigned long long>(statistics.parent_leaves),
              static_cast<unsigned long long>(statistics.kept), static_cast<unsigned long long>(statistics.merged));
}

ExitCode ProveOne(const Globals& globals, const ProveOptions& options) {
  Result<Question> question = ReadQuestion(options);
  if (!question.ok()) return Fail(globals, question.error());
  const Result<Beginning> beginning = ReadBeginning(options, *question);
  if (!beginning.ok()) return Fail(globals, beginning.error());
  const Result<Found> found = Search(globals, options, *question, *beginning);
  if (!found.ok()) return Fail(globals, found.error());
  const prover::ProofResult& result = found->result;
  if (Result<void> written = WriteFiles(options, result); !written.ok()) return Fail(globals, written.error());
  if (globals.json) {
    encoding::Json json = ResultJson(*question, result);
    if (!options.parent.empty()) json["parent"] = ParentJson(*beginning, result.statistics);
    AddRadius(*found, json);
    AddWorkers(*found, json);
    PrintJson(json);
  } else {
    ShowResult(*question, result, options.memory_mib);
    if (!options.parent.empty()) ShowParent(*beginning, result.statistics);
    ShowRadius(*found);
    ShowWorkers(*found);
    if (!result.checkpoint.empty())
      std::printf("  what was found is kept: go on with --resume %s\n", Shown(options.checkpoint).c_str());
  }
  return ExitOf(result);
}

// ---- Lists of instances

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
  size_t proven = 0, violated = 0, unknown = 0, failed = 0;
  double seconds = 0;
};

ExitCode ProveInstance(const Globals& globals, const ProveOptions& options, const Instance& instance, Tally& tally) {
  const auto start = std::chrono::steady_clock::now();
  Result<Question> question = ReadQuestion(options);
  prover::ProofResult result;
  if (question.ok()) {
    Result<Found> found = Search(globals, options, *question, {});
    if (found.ok()) result = std::move(found->result);  // without a radius it is
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  tally.seconds += seconds;
  (!question.ok()                                    ? tally.failed
   : result.status == prover::ProofStatus::kProven   ? tally.proven
   : result.status == prover::ProofStatus::kViolated ? tally.violated
                                                     : tally.unknown) += 1;
  if (globals.json) {
    encoding::Json json = question.ok() ? ResultJson(*question, result) : encoding::Json{{"status", "error"}};
    if (!question.ok()) json["rule"] = question.error().rule, json["detail"] = question.error().message;
    json["network_file"] = instance.network;
    json["property_file"] = instance.property;
    json["seconds"] = seconds;
    PrintJson(json);
  } else {
    const std::string status = question.ok() ? std::string(StatusName(result.status)) : "error";
    const std::string detail = question.ok() ? result.detail : question.error().message;
    std::printf("%-9s %9.3f s %10llu  %s  %s%s%s\n", status.c_str(), seconds,
                static_cast<unsigned long long>(result.statistics.leaves), Shown(instance.network).c_str(),
                Shown(instance.property).c_str(), detail.empty() ? "" : "  ", Shown(detail).c_str());
  }
  std::fflush(stdout);
  return question.ok() ? ExitOf(result) : ExitCodeFor(question.error().code);
}

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

// ---- All properties of a charter

ExitCode ProveCharter(const Globals& globals, const ProveOptions& options) {
  return ProveFamily(globals,
                     {.charter = options.charter,
                      .candidate = options.network,
                      .baseline = options.baseline,
                      .certificates = options.certificate,
                      .parents = options.parent,
                      .weight_radius = options.weight_radius,
                      .timeout_s = options.timeout_given ? std::optional<double>(options.timeout_s) : std::nullopt,
                      .threads = options.threads,
                      .memory_mib = options.memory_mib});
}

}  // namespace

void AddProve(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ProveOptions>();
  CLI::App* command = app.add_subcommand("prove", "search for a certificate or a counterexample of a property");
  command
      ->add_option("NETWORK", options->network,
                   "ONNX file; or a list of instances, or a folder with instances.csv; or a candidate")
      ->required();
  command->add_option("PROPERTY", options->property, "VNN-LIB file: what would be unsafe; none with a list");
  command->add_option("--certificate", options->certificate, "where to write the certificate of a proof");
  command->add_option("--counterexample", options->counterexample, "where to write a counterexample");
  command->add_option(
      "--vnncomp", options->vnncomp,
      "where to write the answer as VNN-COMP has it: unsat, sat with a counterexample, timeout, unknown");
  command->add_option("--checkpoint", options->checkpoint,
                      "where to leave what an unfinished search has found: after a limit, Ctrl-C or SIGTERM");
  command->add_option("--resume", options->resume, "a checkpoint of the same network, property and arithmetic");
  CLI::Option* resume = command->get_option("--resume");
  command
      ->add_option("--parent", options->parent,
                   "a certificate of the same property for the network that this one was changed from: what still "
                   "holds of it is kept")
      ->excludes(resume);
  command->add_option("--arithmetic", options->arithmetic, "real, float32 or float64 (default: the network's own)")
      ->check(CLI::IsMember({"real", "float32", "float64"}));
  command->add_option("--weight-radius", options->weight_radius,
                      "prove it of all networks whose weights are within this radius: a number, a percentage of each "
                      "tensor's largest weight, or auto for the largest that is found in the time limit");
  CLI::Option* against = command->add_option(
      "--against", options->against,
      "prove drift instead: on the property's boxes every output is within EPS of this network's; what the property "
      "says of outputs is not used");
  CLI::Option* within = command->add_option("--within", options->within, "how far: a decimal above 0 for all outputs")
                            ->option_text("EPS")
                            ->needs(against);
  against->option_text("BASELINE")->needs(within);
  for (const char* other : {"--weight-radius", "--checkpoint", "--resume", "--parent", "--vnncomp"})
    against->excludes(command->get_option(other));
  CLI::Option* charter = command->add_option(
      "--charter", options->charter,
      "prove all properties of this charter's networks, of the candidate in folder NETWORK; --certificate and --parent "
      "are then folders, with a file NAME.cert for each property");
  charter->option_text("DIR");
  command
      ->add_option("--baseline", options->baseline,
                   "the first release's folder, where the charter wants drift from it proven (NAME.drift.cert)")
      ->option_text("DIR")
      ->needs(charter);
  for (const char* other : {"PROPERTY", "--counterexample", "--vnncomp", "--checkpoint", "--resume", "--arithmetic",
                            "--against", "--within"})
    charter->excludes(command->get_option(other));
  CLI::Option* workers = command->add_option(
      "--workers", options->workers,
      "share the proof out to workers (pawl work) by the queue in this database; what they answer is checked");
  CLI::Option* worker_keys =
      command
          ->add_option("--worker-keys", options->worker_keys,
                       "file of the workers' verifier keys, one a line: answers of others are thrown away")
          ->needs(workers);
  workers->option_text("URL")->needs(worker_keys);
  for (const char* other : {"--parent", "--against", "--charter"}) workers->excludes(command->get_option(other));
  command
      ->add_option("--part-seconds", options->part_s,
                   "that a worker spends on one part; what is open then is shared out again")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 60.0))
      ->needs(workers);
  command->add_option("--alone-seconds", options->alone_s, "of searching here before anything is shared out")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0))
      ->needs(workers);
  command->add_option("--parts", options->parts_min, "into which what is open then is divided at least")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000))
      ->needs(workers);
  CLI::Option* timeout =
      command->add_option("--timeout", options->timeout_s, "seconds; 0: none; of a list and a charter: for each")
          ->capture_default_str()
          ->check(CLI::Range(0.0, 31'536'000.0));
  command->add_option("--threads", options->threads, "that search")->capture_default_str()->check(CLI::Range(1, 1024));
  command->add_option("--memory-mib", options->memory_mib, "for search tree and certificate")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20));
  command->footer(
      "A list has lines \"network,property,seconds\"; --timeout overrides its seconds, --json prints a line for each.\n"
      "A charter's properties have their own time limits, which --timeout overrides; --json prints one object.\n"
      "Exit status 0: proven; 1: violated; 3: a file is malformed; 4: neither was found. Of several: the worst.\n"
      "examples:\n  pawl prove policy.onnx clear-above.vnnlib --certificate clear-above.cert\n"
      "  pawl prove retrained.onnx clear-above.vnnlib --parent clear-above.cert --certificate retrained.cert\n"
      "  pawl prove policy.onnx clear-above.vnnlib --weight-radius 0.1% --certificate clear-above.cert\n"
      "  pawl prove policy.onnx clear-above.vnnlib --weight-radius auto --timeout 30 --certificate clear-above.cert\n"
      "  pawl prove retrained.onnx clear-above.vnnlib --against policy.onnx --within 0.05 --certificate drift.cert\n"
      "  pawl prove --charter charter candidate --parent live-certificates --certificate certificates\n"
      "  pawl prove --charter charter candidate --baseline first --weight-radius auto --timeout 5\n"
      "  pawl prove policy.onnx hard.vnnlib --timeout 60 --checkpoint hard.open\n"
      "  pawl prove policy.onnx hard.vnnlib --timeout 0 --resume hard.open --checkpoint hard.open\n"
      "  pawl prove policy.onnx hard.vnnlib --workers 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full' "
      "\\\n"
      "    --worker-keys workers.txt --certificate hard.cert\n"
      "  pawl prove benchmarks/acasxu --arithmetic real --timeout 10");
  command->callback([options, timeout, &globals] {
    options->timeout_given = timeout->count() > 0;
    globals.exit = !options->charter.empty()   ? ProveCharter(globals, *options)
                   : options->property.empty() ? ProveList(globals, *options)
                                               : ProveOne(globals, *options);
  });
}

}  // namespace pawl::cli
