// pawl-check-certificate: whether a certificate proves a property of a network. Links src/model, src/checker and the
// SHA-256 of libcrypto, and nothing else. Each file is read once; digests are those of the bytes that were read.
#include <openssl/sha.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
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
  --arithmetic real|float32|float64  refuse a certificate of another arithmetic (default: the certificate's own)
  --threads N                        check leaves in N threads, 1 to 1024 (default: 1); the answer is the same
  --json                             print one JSON object
  --version                          print which build this is, and the formats that it reads
  --help                             print this

examples:
  pawl-check-certificate policy.onnx clear.vnnlib clear.cert --arithmetic float32
  pawl-check-certificate updated.onnx clear.vnnlib clear.cert --centre policy.onnx

exit status: 0 proven, 1 not proven by this certificate, 2 usage, 3 malformed file, 4 a limit was reached,
5 internal or set-up error. Only 0 means yes.
)";

struct Options {
  std::vector<std::string> files;
  std::string centre;  // empty: the network is what the certificate was made for
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
  if (name == "--centre") {
    options.centre = value;
    if (value.empty()) return Usage("--centre takes a network");
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
      if (name != "--arithmetic" && name != "--centre" && name != "--threads")
        return Usage("unknown option " + std::string(argument));
      if (equals == std::string_view::npos && i + 1 == count) return Usage(std::string(name) + " takes a value");
      const std::string_view value =
          equals == std::string_view::npos ? std::string_view(arguments[++i]) : argument.substr(equals + 1);
      if (const Result<void> set = SetOption(name, value, options); !set.ok()) return set.error();
    }
  }
  if (!options.help && !options.version && options.files.size() != 3)
    return Usage("give a network, a property and a certificate");
  return options;
}

// The whole file, once. A file beyond the limit is not read to its end.
Result<std::string> ReadFile(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return Error{ErrorCode::kNotFound, "file.open", path + ": " + std::strerror(errno), "check the path"};
  std::string bytes;
  std::string buffer(1 << 16, '\0');
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
  FilesVerdict found;
  ClaimFiles files;  // its digests alone are used
  std::optional<Digest> candidate;
};

Answer Failed(const Error& error) {
  Answer answer;
  answer.found.verdict.reason = error;
  return answer;
}

Answer Run(const Options& options) {
  CheckLimits limits;
  limits.threads = options.threads;
  const bool has_centre = !options.centre.empty();
  const Result<std::string> network = ReadFile(options.files[0], model::NetworkLimits().bytes_max);
  if (!network.ok()) return Failed(network.error());
  const Result<std::string> centre = has_centre ? ReadFile(options.centre, model::NetworkLimits().bytes_max) : network;
  if (!centre.ok()) return Failed(centre.error());
  const Result<std::string> property = ReadFile(options.files[1], model::PropertyLimits().bytes_max);
  if (!property.ok()) return Failed(property.error());
  const Result<std::string> certificate = ReadFile(options.files[2], limits.certificate.bytes_max);
  if (!certificate.ok()) return Failed(certificate.error());

  Answer answer;
  answer.files = {AsBytes(*centre), *property,         AsBytes(*certificate),
                  Sha256(*centre),  Sha256(*property), options.arithmetic};
  if (has_centre) {
    answer.files.candidate = AsBytes(*network);
    answer.candidate = Sha256(*network);
  }
  answer.found = CheckFiles(answer.files, limits);
  return answer;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
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
  const FilesVerdict& found = answer.found;
  const Verdict& v = found.verdict;
  std::string text = "{";
  if (found.arithmetic) text += "\"arithmetic\":" + Quoted(NameOf(*found.arithmetic)) + ",";
  if (v.assumed_error > 0) text += "\"assumed_error\":" + Quoted(PowerOfTwo(v.assumed_error)) + ",";
  if (answer.candidate) text += "\"candidate\":" + Quoted(DigestText(*answer.candidate)) + ",";
  text += "\"depth\":" + std::to_string(v.depth);
  if (!found.radii.empty()) text += ",\"envelope\":[";
  for (std::size_t i = 0; i < found.radii.size(); ++i) {
    text += i == 0 ? "{" : ",{";
    if (i < found.distances.size()) text += "\"distance\":" + Quoted(Number(found.distances[i])) + ",";
    text += "\"radius\":" + Quoted(Number(found.radii[i].radius));
    text += ",\"tensor\":" + Quoted(found.radii[i].tensor) + "}";
  }
  if (!found.radii.empty()) text += "]";
  text += ",\"leaves\":" + std::to_string(v.leaves);
  if (!v.proven) text += ",\"message\":" + Quoted(v.reason.message);
  if (found.arithmetic) {
    text += ",\"network\":" + Quoted(DigestText(answer.files.network_digest));
    text += ",\"property\":" + Quoted(DigestText(answer.files.property_digest));
  }
  text += std::string(",\"proven\":") + (v.proven ? "true" : "false");
  if (!v.proven) text += ",\"rule\":" + Quoted(v.reason.rule);
  std::printf("%s}\n", text.c_str());
}

// Whom the answer is about.
void PrintNetworks(const Answer& answer) {
  const FilesVerdict& found = answer.found;
  std::printf("  network    %s\n", DigestText(answer.candidate.value_or(answer.files.network_digest)).c_str());
  if (answer.candidate) std::printf("  centre     %s\n", DigestText(answer.files.network_digest).c_str());
  for (std::size_t i = 0; i < found.radii.size(); ++i) {
    std::printf("  envelope   %s +- %s", found.radii[i].tensor.c_str(), Number(found.radii[i].radius).c_str());
    if (i < found.distances.size()) std::printf(", the network at %s of it", Number(found.distances[i]).c_str());
    std::printf("\n");
  }
}

void PrintText(const Answer& answer) {
  const Verdict& v = answer.found.verdict;
  if (!v.proven) {
    std::printf("not proven: %s: %s\n", v.reason.rule.c_str(), v.reason.message.c_str());
    if (!v.reason.advice.empty()) std::printf("  %s\n", v.reason.advice.c_str());
    return;
  }
  std::printf("proven: no input of the property's input set gives an unsafe output\n");
  PrintNetworks(answer);
  std::printf("  property   %s\n", DigestText(answer.files.property_digest).c_str());
  std::printf("  leaves     %llu, depth %u\n", static_cast<unsigned long long>(v.leaves), v.depth);
  if (answer.found.arithmetic == Arithmetic::kReal) {
    std::printf("  arithmetic real: of the exact network; a deployed evaluation rounds and is not covered\n");
    return;
  }
  std::printf(
      "  arithmetic %s: any order of summation, fused or not, subnormals flushed or not\n"
      "             not covered: Winograd, FFT or Strassen convolution, TF32, bfloat16, folded constants\n",
      NameOf(*answer.found.arithmetic).data());
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
  if (options->json)
    PrintJson(answer);
  else
    PrintText(answer);
  // Whoever reads only the output must not miss what could not be written.
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) return static_cast<int>(ExitCode::kInternal);
  return static_cast<int>(answer.found.verdict.proven ? ExitCode::kYes : ExitCodeFor(answer.found.verdict.reason.code));
}
