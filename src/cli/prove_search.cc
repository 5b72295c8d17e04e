#include "cli/prove_search.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "cli/interrupt.h"
#include "cli/proof_words.h"
#include "cli/worker_keys.h"
#include "crypto/note_key.h"
#include "ledger/place.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

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

prover::ProofRequest RequestOf(const ProveOptions& options, const ProofQuestion& question) {
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

Result<prover::ProofResult> ProveShared(const Globals& globals, const ProveOptions& options,
                                        const ProofQuestion& question, const prover::ProofRequest& request,
                                        ProofFound& found) {
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

}  // namespace

Result<SearchBeginning> ReadSearchBeginning(const ProveOptions& options, const ProofQuestion& question) {
  SearchBeginning beginning;
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

Result<ProofFound> SearchProof(const Globals& globals, const ProveOptions& options, const ProofQuestion& question,
                               const SearchBeginning& beginning) {
  ProgressLine line(globals);
  const InterruptWatch watch(!options.checkpoint.empty() || !options.workers.empty());
  prover::ProofRequest request = RequestOf(options, question);
  request.resume = beginning.checkpoint.has_value() ? &*beginning.checkpoint : nullptr;
  request.parent = beginning.parent.has_value() ? &*beginning.parent : nullptr;
  request.cancel = watch.token();
  request.progress = [&line](const prover::Progress& progress) { line.Show(progress); };
  ProofFound found;
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

}  // namespace pawl::cli
