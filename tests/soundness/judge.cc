// The checker for many jobs in one process, for tests: a line of standard input is NETWORK, PROPERTY and CERTIFICATE
// file, an arithmetic or "-" (the certificate's own), where the first file is the centre of an envelope perhaps another
// network that is to be in it, and perhaps the baseline that drift is from, separated by tabs; a line of standard
// output is "proven" or the rule of the refusal. What it calls, and in which order, is what pawl-check-certificate
// does.
#include <openssl/sha.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "checker/checker.h"

namespace pawl::checker {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::span<const std::uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Digest Sha256(const std::string& bytes) {
  Digest digest;
  ::SHA256(AsBytes(bytes).data(), bytes.size(), digest.data());
  return digest;
}

std::string Judge(const std::string& network_path, const std::string& property_path,
                  const std::string& certificate_path, const std::string& arithmetic, const std::string& candidate_path,
                  const std::string& baseline_path) {
  const std::string network = ReadFile(network_path), property = ReadFile(property_path),
                    certificate = ReadFile(certificate_path), candidate = ReadFile(candidate_path),
                    baseline = ReadFile(baseline_path);
  ClaimFiles files{.network = AsBytes(network),
                   .property = property,
                   .certificate = AsBytes(certificate),
                   .network_digest = Sha256(network),
                   .property_digest = Sha256(property)};
  if (arithmetic == "real") files.arithmetic = Arithmetic::kReal;
  if (arithmetic == "float32") files.arithmetic = Arithmetic::kFloat32;
  if (arithmetic == "float64") files.arithmetic = Arithmetic::kFloat64;
  if (!candidate_path.empty()) files.candidate = AsBytes(candidate);
  if (!baseline_path.empty()) {
    files.baseline = AsBytes(baseline);
    files.baseline_digest = Sha256(baseline);
  }
  const Verdict verdict = CheckFiles(files);
  return verdict.proven ? "proven" : verdict.reason.rule;
}

}  // namespace
}  // namespace pawl::checker

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string network, property, certificate, arithmetic, candidate, baseline;
    std::getline(words, network, '\t');
    std::getline(words, property, '\t');
    std::getline(words, certificate, '\t');
    std::getline(words, arithmetic, '\t');
    std::getline(words, candidate, '\t');
    std::getline(words, baseline, '\t');
    std::cout << pawl::checker::Judge(network, property, certificate, arithmetic, candidate, baseline) << std::endl;
  }
}
