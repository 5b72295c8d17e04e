// The checker for many jobs in one process, for tests: a line of standard input is NETWORK, PROPERTY and CERTIFICATE
// file and an arithmetic or "-" (the certificate's own), separated by tabs; a line of standard output is "proven" or
// the rule of the refusal. What it calls, and in which order, is what pawl-check-certificate does.
#include <openssl/sha.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "checker/certificate.h"
#include "checker/checker.h"
#include "model/network.h"
#include "model/property.h"

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
                  const std::string& certificate_path, const std::string& arithmetic) {
  const std::string network_bytes = ReadFile(network_path), property_bytes = ReadFile(property_path),
                    certificate_bytes = ReadFile(certificate_path);
  const Result<model::Network> network = model::ReadOnnx(AsBytes(network_bytes), {});
  if (!network.ok()) return network.error().rule;
  const Result<model::Property> property = model::ReadVnnlib(property_bytes, {});
  if (!property.ok()) return property.error().rule;
  const Result<Certificate> certificate = ReadCertificate(AsBytes(certificate_bytes));
  if (!certificate.ok()) return certificate.error().rule;
  ClaimRequest request{certificate->arithmetic, Sha256(network_bytes), Sha256(property_bytes)};
  if (arithmetic == "real") request.arithmetic = Arithmetic::kReal;
  if (arithmetic == "float32") request.arithmetic = Arithmetic::kFloat32;
  if (arithmetic == "float64") request.arithmetic = Arithmetic::kFloat64;
  const Verdict verdict = Check(*network, *property, *certificate, request);
  return verdict.proven ? "proven" : verdict.reason.rule;
}

}  // namespace
}  // namespace pawl::checker

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string network, property, certificate, arithmetic;
    std::getline(words, network, '\t');
    std::getline(words, property, '\t');
    std::getline(words, certificate, '\t');
    std::getline(words, arithmetic, '\t');
    std::cout << pawl::checker::Judge(network, property, certificate, arithmetic) << std::endl;
  }
}
