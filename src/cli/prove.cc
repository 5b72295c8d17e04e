// pawl prove: search for a certificate or a counterexample of one property of one network. Opens no home.
#include <unistd.h>

#include <cstdio>
#include <span>

#include "cli/command.h"
#include "cli/property_words.h"
#include "crypto/digest.h"
#include "model/network.h"
#include "model/property.h"
#include "prover/prover.h"

namespace pawl::cli {
namespace {

struct Options {
  std::string network, property;
  std::string certificate, counterexample;  // where to write them; empty: nowhere
  std::string arithmetic;                   // empty: the network's own
  double timeout_s = 600;
  unsigned threads = 2;
  uint64_t memory_mib = 4096;
};

struct Question {
  model::Network network;
  model::Property property;
  crypto::Digest network_digest, property_digest;
  checker::Arithmetic arithmetic = checker::Arithmetic::kFloat32;
};

std::string_view ArithmeticName(checker::Arithmetic arithmetic) {
  switch (arithmetic) {
    case checker::Arithmetic::kReal:
      return "real";
    case checker::Arithmetic::kFloat32:
      return "float32";
    case checker::Arithmetic::kFloat64:
      return "float64";
  }
  return "";
}

std::string_view StatusName(prover::ProofStatus status) {
  switch (status) {
    case prover::ProofStatus::kProven:
      return "proven";
    case prover::ProofStatus::kViolated:
      return "violated";
    case prover::ProofStatus::kUnknown:
      return "unknown";
  }
  return "";
}

std::string_view ReasonName(prover::UnknownReason reason) {
  switch (reason) {
    case prover::UnknownReason::kNone:
      return "";
    case prover::UnknownReason::kTimeout:
      return "timeout";
    case prover::UnknownReason::kMemory:
      return "memory";
    case prover::UnknownReason::kStuck:
      return "stuck";
    case prover::UnknownReason::kUnsupported:
      return "unsupported";
    case prover::UnknownReason::kCancelled:
      return "cancelled";
  }
  return "";
}

// What the network is deployed in, unless something else is asked for; a proof in the other precision would be about
// another network.
Result<checker::Arithmetic> ChooseArithmetic(const Options& options, const model::Network& network) {
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

// Each file is read once; digests are of the bytes that are parsed.
Result<Question> ReadQuestion(const Options& options) {
  const model::NetworkLimits network_limits;
  const model::PropertyLimits property_limits;
  Result<std::string> network_bytes = ReadWholeFile(options.network, network_limits.bytes_max);
  if (!network_bytes.ok()) return network_bytes.error();
  Result<std::string> property_bytes = ReadWholeFile(options.property, property_limits.bytes_max);
  if (!property_bytes.ok()) return property_bytes.error();
  const std::span<const uint8_t> raw(reinterpret_cast<const uint8_t*>(network_bytes->data()), network_bytes->size());
  const auto within = [](const std::string& file, Error error) {
    error.message = file + ": " + error.message;
    return error;
  };
  Result<model::Network> network = model::ReadOnnx(raw, network_limits);
  if (!network.ok()) return within(options.network, network.error());
  Result<model::Property> property = model::ReadVnnlib(*property_bytes, property_limits);
  if (!property.ok()) return within(options.property, property.error());
  if (Result<void> fits = model::CheckFits(*network, *property); !fits.ok()) return fits.error();
  Result<checker::Arithmetic> arithmetic = ChooseArithmetic(options, *network);
  if (!arithmetic.ok()) return arithmetic.error();
  return Question{std::move(*network), std::move(*property), crypto::Sha256(*network_bytes),
                  crypto::Sha256(*property_bytes), *arithmetic};
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
    std::fprintf(stderr, "\r\x1b[K%.0f s: %llu boxes, %llu open, %llu leaves, %.2f %% of the volume proven",
                 progress.seconds, static_cast<unsigned long long>(progress.boxes),
                 static_cast<unsigned long long>(progress.open), static_cast<unsigned long long>(progress.leaves),
                 100 * progress.volume_proven);
    std::fflush(stderr);
  }

 private:
  bool shown_ = false, written_ = false;
};

prover::ProofResult Search(const Globals& globals, const Options& options, const Question& question) {
  ProgressLine line(globals);
  prover::ProofRequest request;
  request.network = &question.network;
  request.property = &question.property;
  request.network_digest = question.network_digest.bytes;
  request.property_digest = question.property_digest.bytes;
  request.arithmetic = question.arithmetic;
  request.timeout_ms = static_cast<uint64_t>(options.timeout_s * 1000);
  request.threads = options.threads;
  request.memory_mib_max = options.memory_mib;
  request.progress = [&line](const prover::Progress& progress) { line.Show(progress); };
  return prover::Prove(request);
}

encoding::Json ResultJson(const Question& question, const prover::ProofResult& result) {
  encoding::Json json = {
      {"status", StatusName(result.status)},       {"arithmetic", ArithmeticName(question.arithmetic)},
      {"network", question.network_digest.Text()}, {"property", question.property_digest.Text()},
      {"boxes", result.statistics.boxes},          {"leaves", result.statistics.leaves},
      {"seconds", result.statistics.seconds}};
  if (result.status == prover::ProofStatus::kUnknown) {
    json["reason"] = ReasonName(result.reason);
    json["detail"] = result.detail;
  }
  if (result.status == prover::ProofStatus::kProven) json["certificate_bytes"] = result.certificate.size();
  if (result.status == prover::ProofStatus::kViolated) {
    json["inputs"] = result.counterexample.inputs;
    json["outputs"] = result.counterexample.outputs;  // null where not finite
    json["violates_float"] = result.counterexample.violates_float;
    json["violates_real"] = result.counterexample.violates_real;
    json["table"] = CounterexampleTable(question.property, result.counterexample);
  }
  return json;
}

void ShowResult(const Question& question, const prover::ProofResult& result) {
  std::printf("%s (%s arithmetic, %.2f s, %llu boxes, %llu leaves)\n", std::string(StatusName(result.status)).c_str(),
              std::string(ArithmeticName(question.arithmetic)).c_str(), result.statistics.seconds,
              static_cast<unsigned long long>(result.statistics.boxes),
              static_cast<unsigned long long>(result.statistics.leaves));
  switch (result.status) {
    case prover::ProofStatus::kProven:
      return;
    case prover::ProofStatus::kUnknown:
      std::printf("  %s: %s\n", std::string(ReasonName(result.reason)).c_str(), Shown(result.detail).c_str());
      return;
    case prover::ProofStatus::kViolated:
      break;
  }
  for (const std::string& line : CounterexampleTable(question.property, result.counterexample)) {
    std::printf("  %s\n", line.c_str());
  }
  std::printf("  unsafe: in the network's own arithmetic %s, in real numbers %s\n",
              result.counterexample.violates_float ? "yes" : "not shown",
              result.counterexample.violates_real ? "yes" : "not shown");
}

Result<void> WriteFiles(const Options& options, const prover::ProofResult& result) {
  if (result.status == prover::ProofStatus::kProven && !options.certificate.empty()) {
    const std::string_view bytes(reinterpret_cast<const char*>(result.certificate.data()), result.certificate.size());
    if (Result<void> written = WriteWholeFile(options.certificate, bytes); !written.ok()) return written;
  }
  if (result.status == prover::ProofStatus::kViolated && !options.counterexample.empty()) {
    return WriteWholeFile(options.counterexample, CounterexampleText(result.counterexample));
  }
  return {};
}

ExitCode Prove(const Globals& globals, const Options& options) {
  Result<Question> question = ReadQuestion(options);
  if (!question.ok()) return Fail(globals, question.error());
  const prover::ProofResult result = Search(globals, options, *question);
  if (Result<void> written = WriteFiles(options, result); !written.ok()) return Fail(globals, written.error());
  if (globals.json) {
    std::puts(ResultJson(*question, result).dump(-1, ' ', false, encoding::Json::error_handler_t::replace).c_str());
  } else {
    ShowResult(*question, result);
  }
  switch (result.status) {
    case prover::ProofStatus::kProven:
      return ExitCode::kYes;
    case prover::ProofStatus::kViolated:
      return ExitCode::kNo;
    case prover::ProofStatus::kUnknown:
      break;
  }
  return ExitCode::kLimit;
}

}  // namespace

void AddProve(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("prove", "search for a certificate or a counterexample of a property");
  command->add_option("NETWORK", options->network, "ONNX file")->required();
  command->add_option("PROPERTY", options->property, "VNN-LIB file: what would be unsafe")->required();
  command->add_option("--certificate", options->certificate, "where to write the certificate of a proof");
  command->add_option("--counterexample", options->counterexample, "where to write a counterexample");
  command->add_option("--arithmetic", options->arithmetic, "real, float32 or float64 (default: the network's own)")
      ->check(CLI::IsMember({"real", "float32", "float64"}));
  command->add_option("--timeout", options->timeout_s, "seconds; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 31'536'000.0));
  command->add_option("--threads", options->threads, "that search")->capture_default_str()->check(CLI::Range(1, 1024));
  command->add_option("--memory-mib", options->memory_mib, "for search tree and certificate")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20));
  command->footer(
      "Exit status 0: proven; 1: violated; 3: a file is malformed; 4: neither was found.\n"
      "example:\n  pawl prove policy.onnx clear-above.vnnlib --certificate clear-above.cert");
  command->callback([options, &globals] { globals.exit = Prove(globals, *options); });
}

}  // namespace pawl::cli
