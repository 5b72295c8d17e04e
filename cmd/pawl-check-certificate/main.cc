// pawl-check-certificate: whether a certificate proves a property of a network. Links src/model, src/checker and the
// SHA-256 of libcrypto, and nothing else. Each file is read once; digests are those of the bytes that were read.
#include <openssl/sha.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/certificate.h"
#include "checker/checker.h"
#include "model/network.h"
#include "model/property.h"
#include "result/build.h"
#include "result/exit_code.h"
#include "result/result.h"

namespace {

using namespace pawl;           // NOLINT: this is a main file
using namespace pawl::checker;  // NOLINT

constexpr const char* kHelp =
    R"(usage: pawl-check-certificate NETWORK PROPERTY CERTIFICATE [options]

Confirms, without searching, that CERTIFICATE proves PROPERTY (VNN-LIB) of NETWORK (ONNX).

options:
  --centre FILE                      the network that CERTIFICATE was made for, with a weight radius, where NETWORK is
                                     another one: the same file but for weights within that radius
  --against FILE                     the baseline's network: CERTIFICATE is to prove that each output of NETWORK is near
                                     the baseline's on the boxes of PROPERTY, whatever PROPERTY says of outputs
  --within EPS                       with --against: refuse a certificate that allows an output to be further away
  --arithmetic real|float32|float64  refuse a certificate of another arithmetic (default: the certificate's own)
  --threads N                        check leaves in N threads, 1 to 1024 (default: 1); the answer is the same
  --json                             print one JSON object
  --version                          print which build this is, and the formats that it reads
  --help                             print this

examples:
  pawl-check-certificate policy.onnx clear.vnnlib clear.cert --arithmetic float32
  pawl-check-certificate updated.onnx clear.vnnlib clear.cert --centre policy.onnx
  pawl-check-certificate updated.onnx clear.vnnlib drift.cert --against policy.onnx --within 0.05

exit status: 0 proven, 1 not proven by this certificate, 2 usage, 3 malformed file, 4 a limit was reached,
5 internal or set-up error. Only 0 means yes.
)";

struct Options {
  std::vector<std::string> files;
  std::optional<std::string> centre;  // none: the network is what the certificate was made for
  std::optional<std::string> baseline;
  std::optional<model::Decimal> within;
  std::optional<Arithmetic> arithmetic;
  unsigned threads = 1;
  bool json = false, help = false, version = false;
};

Error Usage(std::string message) {
  return {ErrorCode::kUsage, "usage", std::move(message), "see pawl-check-certificate --help"};
}

constexpr std::string_view kArithmetics[] = {"real", "float32", "float64"};  // by their numbers
std::string_view NameOf(Arithmetic arithmetic) { return kArithmetics[static_cast<std::size_t>(arithmetic)]; }

Result<void> SetOption(std::string_view name, std::string_view value, Options& options) {
  if (name == "--arithmetic") {
    for (std::size_t i = 0; i < std::size(kArithmetics); ++i)
      if (value == kArithmetics[i]) options.arithmetic = static_cast<Arithmetic>(i);
    if (!options.arithmetic || NameOf(*options.arithmetic) != value)
      return Usage("--arithmetic takes real, float32 or float64");
    return {};
  }
  if (name == "--centre" || name == "--against") {
    (name == "--centre" ? options.centre : options.baseline) = value;
    return {};
  }
  if (name == "--within") {
    const Result<model::Decimal> within = model::Decimal::Parse(value, model::PropertyLimits().digits_max);
    if (!within.ok()) return Usage("--within takes a decimal");
    options.within = *within;
    return {};
  }
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), options.threads);
  if (failure != std::errc{} || end != value.data() + value.size() || options.threads < 1 || options.threads > 1024)
    return Usage("--threads takes a number from 1 to 1024");
  return {};
}

Result<Options> ParseArguments(int count, char** arguments) {
  Options options;
  bool only_files = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (only_files || argument.empty() || argument[0] != '-') {
      options.files.emplace_back(argument);
    } else if (argument == "--") {
      only_files = true;
    } else if (argument == "--help" || argument == "-h") {
      options.help = true;
    } else if (argument == "--version") {
      options.version = true;
    } else if (argument == "--json") {
      options.json = true;
    } else {
      const std::size_t equals = argument.find('=');
      const std::string_view name = argument.substr(0, equals);
      constexpr std::string_view kWithValue[] = {"--arithmetic", "--centre", "--against", "--within", "--threads"};
      if (std::find(std::begin(kWithValue), std::end(kWithValue), name) == std::end(kWithValue))
        return Usage("unknown option " + std::string(argument));
      if (equals == std::string_view::npos && i + 1 == count) return Usage(std::string(name) + " takes a value");
      const std::string_view value =
          equals == std::string_view::npos ? std::string_view(arguments[++i]) : argument.substr(equals + 1);
      if (const Result<void> set = SetOption(name, value, options); !set.ok()) return set.error();
    }
  }
  if (!options.help && !options.version && options.files.size() != 3)
    return Usage("give a network, a property and a certificate");
  if (options.baseline && options.centre) return Usage("--against and --centre exclude each other");
  if (options.within && !options.baseline) return Usage("--within needs --against");
  return options;
}

// The whole file, once. A file beyond the limit is not read to its end.
Result<std::string> ReadFile(const std::string& path, std::size_t bytes_max) {
  // What a shell has opened, as for <(...), has an end. Any other pipe or device may have none.
  const bool is_open = path == "/dev/stdin" || path.starts_with("/dev/fd/");
  std::error_code failure;
  if (!is_open && std::filesystem::exists(path, failure) && !std::filesystem::is_regular_file(path, failure))
    return Malformed("file.not-a-file", path + " is not a regular file");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return Error{ErrorCode::kNotFound, "file.open", path + ": " + std::strerror(errno), "check the path"};
  std::string bytes, buffer(1 << 16, '\0');
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    bytes.append(buffer, 0, got);
    if (bytes.size() > bytes_max)
      return LimitReached("file.limit-bytes", path + " is larger than " + std::to_string(bytes_max) + " bytes");
  }
  if (std::ferror(file.get())) return SystemFailure("file.read", path + " cannot be read to its end");
  return bytes;
}

std::span<const std::uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Digest Sha256(const std::string& bytes) {
  Digest digest;
  ::SHA256(AsBytes(bytes).data(), bytes.size(), digest.data());
  return digest;
}

std::string DigestText(const Digest& digest) {
  std::string text = "sha256:";
  for (const std::uint8_t byte : digest) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

// What is said of a verdict.
struct Answer {
  Verdict verdict;
  Digest network{}, property{};  // that the certificate is to be about
  std::optional<Digest> candidate, baseline;
};

Answer Run(const Options& options) {
  Answer answer;
  CheckLimits limits;
  limits.threads = options.threads;
  const std::size_t network_bytes_max = model::NetworkLimits().bytes_max;
  const std::size_t bytes_max[] = {network_bytes_max, model::PropertyLimits().bytes_max, limits.certificate.bytes_max,
                                   network_bytes_max};
  std::vector<std::string> paths = options.files, texts;
  if (options.centre || options.baseline) paths.push_back(options.centre ? *options.centre : *options.baseline);
  for (const std::string& path : paths) {
    Result<std::string> text = ReadFile(path, bytes_max[texts.size()]);
    if (!text.ok()) {
      answer.verdict.reason = text.error();
      return answer;
    }
    texts.push_back(std::move(*text));
  }
  const std::string& centre = options.centre ? texts[3] : texts[0];
  answer.network = Sha256(centre);
  answer.property = Sha256(texts[1]);
  ClaimFiles files{.network = AsBytes(centre),
                   .property = texts[1],
                   .certificate = AsBytes(texts[2]),
                   .network_digest = answer.network,
                   .property_digest = answer.property,
                   .arithmetic = options.arithmetic};
  if (options.centre) {
    files.candidate = AsBytes(texts[0]);
    answer.candidate = Sha256(texts[0]);
  }
  if (options.baseline) {
    files.baseline = AsBytes(texts[3]);
    answer.baseline = files.baseline_digest = Sha256(texts[3]);
    files.within_max = options.within;
  }
  answer.verdict = CheckFiles(files, limits);
  return answer;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + '"';
}

std::string PowerOfTwo(double power) { return "2^" + std::to_string(std::ilogb(power)); }

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

// Keys sorted, integers only, so that it can be signed as it stands.
void PrintJson(const Answer& answer) {
  const Verdict& v = answer.verdict;
  std::string text = "{";
  if (v.arithmetic) text += "\"arithmetic\":" + Quoted(NameOf(*v.arithmetic)) + ",";
  if (v.assumed_error > 0) text += "\"assumed_error\":" + Quoted(PowerOfTwo(v.assumed_error)) + ",";
  if (answer.baseline) text += "\"baseline\":" + Quoted(DigestText(*answer.baseline)) + ",";
  if (answer.candidate) text += "\"candidate\":" + Quoted(DigestText(*answer.candidate)) + ",";
  text += "\"depth\":" + std::to_string(v.depth);
  if (!v.radii.empty()) text += ",\"envelope\":[";
  for (std::size_t i = 0; i < v.radii.size(); ++i) {
    text += i == 0 ? "{" : ",{";
    if (i < v.distances.size()) text += "\"distance\":" + Quoted(Number(v.distances[i])) + ",";
    text += "\"radius\":" + Quoted(Number(v.radii[i].radius));
    text += ",\"tensor\":" + Quoted(v.radii[i].tensor) + "}";
  }
  if (!v.radii.empty()) text += "]";
  text += ",\"leaves\":" + std::to_string(v.leaves);
  if (!v.proven) text += ",\"message\":" + Quoted(v.reason.message);
  if (v.arithmetic) {
    text += ",\"network\":" + Quoted(DigestText(answer.network));
    text += ",\"property\":" + Quoted(DigestText(answer.property));
  }
  text += std::string(",\"proven\":") + (v.proven ? "true" : "false");
  if (!v.proven) text += ",\"rule\":" + Quoted(v.reason.rule);
  if (v.drift) text += ",\"within\":[";
  for (std::size_t i = 0; v.drift && i < v.drift->within.size(); ++i)
    text += (i == 0 ? "" : ",") + Quoted(v.drift->within[i].ToString());
  if (v.drift) text += "]";
  std::printf("%s}\n", text.c_str());
}

void PrintText(const Answer& answer) {
  const Verdict& v = answer.verdict;
  if (!v.proven) {
    std::printf("not proven: %s: %s\n", v.reason.rule.c_str(), v.reason.message.c_str());
    if (!v.reason.advice.empty()) std::printf("  %s\n", v.reason.advice.c_str());
    return;
  }
  if (!v.drift) std::printf("proven: no input of the property's input set gives an unsafe output\n");
  if (v.drift)
    std::printf("proven: on the property's boxes, each output stays within these bounds of the baseline's\n");
  std::printf("  network    %s\n", DigestText(answer.candidate.value_or(answer.network)).c_str());
  if (answer.candidate) std::printf("  centre     %s\n", DigestText(answer.network).c_str());
  if (answer.baseline) std::printf("  baseline   %s\n", DigestText(*answer.baseline).c_str());
  for (std::size_t i = 0; v.drift && i < v.drift->within.size(); ++i)
    std::printf("  within     %s, output %zu\n", v.drift->within[i].ToString().c_str(), i);
  for (std::size_t i = 0; i < v.radii.size(); ++i) {
    const std::string place = i < v.distances.size() ? ", the network at " + Number(v.distances[i]) + " of it" : "";
    std::printf("  envelope   %s +- %s%s\n", v.radii[i].tensor.c_str(), Number(v.radii[i].radius).c_str(),
                place.c_str());
  }
  std::printf("  property   %s\n", DigestText(answer.property).c_str());
  std::printf("  leaves     %llu, depth %u\n", static_cast<unsigned long long>(v.leaves), v.depth);
  if (v.arithmetic == Arithmetic::kReal) {
    std::printf("  arithmetic real: of the exact network; a deployed evaluation rounds and is not covered\n");
    return;
  }
  std::printf(
      "  arithmetic %s: any order of summation, fused or not, subnormals flushed or not\n"
      "             not covered: Winograd, FFT or Strassen convolution, TF32, bfloat16, folded constants\n",
      NameOf(*v.arithmetic).data());
  if (v.assumed_error > 0)
    std::printf("             assumed: each Sigmoid and Tanh is computed within %s + %s of its size\n",
                PowerOfTwo(v.assumed_error).c_str(), PowerOfTwo(v.assumed_error).c_str());
}

}  // namespace

int main(int count, char** arguments) {
  const Result<Options> options = ParseArguments(count, arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "pawl-check-certificate: %s\n%s\n", options.error().message.c_str(),
                 options.error().advice.c_str());
    return static_cast<int>(ExitCode::kUsage);
  }
  if (options->help || options->version) {
    if (options->help) std::fputs(kHelp, stdout);
    if (options->version) std::printf("pawl-check-certificate %s (%s); %s\n", kVersion, kCommit, kFormats);
    return std::fflush(stdout) == 0 ? 0 : static_cast<int>(ExitCode::kInternal);
  }
  const Answer answer = Run(*options);
  options->json ? PrintJson(answer) : PrintText(answer);
  // Whoever reads only the output must not miss what could not be written.
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) return static_cast<int>(ExitCode::kInternal);
  return static_cast<int>(answer.verdict.proven ? ExitCode::kYes : ExitCodeFor(answer.verdict.reason.code));
}
