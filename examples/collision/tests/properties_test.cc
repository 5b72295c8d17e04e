// The example's properties by the project's own prover and checker: they hold for the first release, in single
// precision, and each fails on the mutant of the same name at a point that is exactly inside its box.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "model/network.h"
#include "model/property.h"
#include "prover/prover.h"
#include "source_directory.h"

namespace pawl {
namespace {

const std::filesystem::path kExample = std::filesystem::path(SourceDirectory()) / "examples/collision";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

model::Network ReadNetwork(const std::filesystem::path& path) {
  const std::string bytes = ReadFile(path);
  Result<model::Network> network =
      model::ReadOnnx({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, model::NetworkLimits{});
  EXPECT_TRUE(network.ok()) << path;
  return std::move(*network);
}

std::set<std::string> PropertyNames() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kExample / "charter/properties")) {
    names.insert(entry.path().stem().string());
  }
  return names;
}

model::Property ReadProperty(const std::string& name) {
  Result<model::Property> property =
      model::ReadVnnlib(ReadFile(kExample / "charter/properties" / (name + ".vnnlib")), model::PropertyLimits{});
  EXPECT_TRUE(property.ok()) << name;
  return std::move(*property);
}

prover::ProofResult Prove(const model::Network& network, const model::Property& property) {
  prover::ProofRequest request;
  request.network = &network;
  request.property = &property;
  request.arithmetic = checker::Arithmetic::kFloat32;
  request.timeout_ms = 60'000;
  request.threads = 1;
  return prover::Prove(request);
}

TEST(CollisionExample, FirstReleaseHasEveryProperty) {
  const model::Network policy = ReadNetwork(kExample / "subject/policy.onnx");
  const std::set<std::string> names = PropertyNames();
  ASSERT_GE(names.size(), 4u);
  for (const std::string& name : names) {
    const prover::ProofResult result = Prove(policy, ReadProperty(name));
    EXPECT_EQ(result.status, prover::ProofStatus::kProven) << name << ": " << result.detail;
    EXPECT_LT(result.statistics.leaves, 2'000u) << name;
  }
}

TEST(CollisionExample, EveryMutantViolatesItsProperty) {
  for (const std::string& name : PropertyNames()) {
    const model::Property property = ReadProperty(name);
    const prover::ProofResult result = Prove(ReadNetwork(kExample / "charter/mutants" / (name + ".onnx")), property);
    ASSERT_EQ(result.status, prover::ProofStatus::kViolated) << name << ": " << result.detail;
    EXPECT_TRUE(model::FindViolation(property, result.counterexample.inputs, result.counterexample.outputs)) << name;
  }
}

TEST(CollisionExample, PropertiesSayWhatTheirInputsMean) {
  for (const std::string& name : PropertyNames()) {
    const model::Property property = ReadProperty(name);
    ASSERT_EQ(property.input_count, 5u) << name;
    for (size_t i = 0; i < property.input_count; ++i) {
      EXPECT_FALSE(property.variables[i].name.empty()) << name << " X_" << i;
      EXPECT_FALSE(property.variables[i].unit.empty()) << name << " X_" << i;
      EXPECT_TRUE(property.variables[i].factor.has_value()) << name << " X_" << i;
    }
  }
}

}  // namespace
}  // namespace pawl
