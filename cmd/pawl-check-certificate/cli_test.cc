// The program as people run it: files in, output and exit status out.
#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "checker/drift.h"
#include "checker/proof_search_for_test.h"

namespace pawl::checker {
namespace {

constexpr const char* kProperty =
    "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)\n"
    "(assert (>= X_0 -1)) (assert (<= X_0 1)) (assert (>= X_1 -1)) (assert (<= X_1 1))\n"
    "(assert (<= Y_0 -0.1))\n";

class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    directory_ = std::filesystem::path(::testing::TempDir()) / ("pawl-check-certificate-" + test);
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    // y0 = |x0| + |x1| − |x0 − x1|
    network_ = DenseNetworkBytes({{{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}}, {0, 0, 0, 0, 0, 0}, true},
                                  {{{1, 1, 1, 1, -1, -1}}, {0}, false}});
    const model::Network network = *model::ReadOnnx(AsBytes(network_), {});
    const model::Property property = *model::ReadVnnlib(kProperty, {});
    const Result<Claim> claim = PrepareClaim(network, property, Arithmetic::kFloat32);
    ASSERT_TRUE(claim.ok());
    ASSERT_TRUE(ProofSearch(*claim, {}).Run(certificate_));
    const std::string property_text = kProperty;
    ::SHA256(AsBytes(network_).data(), network_.size(), certificate_.network.data());
    ::SHA256(AsBytes(property_text).data(), property_text.size(), certificate_.property.data());
    Write("n.onnx", network_);
    Write("p.vnnlib", kProperty);
    Write("c.cert", WriteCertificate(certificate_));
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
  }

  // Runs in the directory; sets `output_` to what it printed and returns its exit status.
  int Run(const std::string& arguments) {
    const std::string command =
        "cd '" + directory_.string() + "' && '" PAWL_CHECK_CERTIFICATE "' " + arguments + " 2>&1";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    output_.clear();
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) output_.push_back(static_cast<char>(c));
    const int status = ::pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::filesystem::path directory_;
  std::string network_, output_;
  Certificate certificate_;
};

TEST_F(CommandLine, Yes) {
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert"), 0) << output_;
  EXPECT_EQ(output_.rfind("proven: ", 0), 0u) << output_;
  EXPECT_NE(output_.find("arithmetic float32"), std::string::npos) << output_;
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --arithmetic float32 --threads=2"), 0) << output_;
  EXPECT_EQ(Run("--json -- n.onnx p.vnnlib c.cert"), 0);
  EXPECT_EQ(output_.rfind("{\"arithmetic\":\"float32\",\"depth\":", 0), 0u) << output_;
  EXPECT_NE(output_.find("\"proven\":true}\n"), std::string::npos) << output_;
}

TEST_F(CommandLine, No) {
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --arithmetic real"), 1);
  EXPECT_EQ(output_.rfind("not proven: checker.arithmetic: ", 0), 0u) << output_;
  Write("p2.vnnlib", std::string(kProperty) + " ");
  EXPECT_EQ(Run("n.onnx p2.vnnlib c.cert"), 1);
  EXPECT_NE(output_.find("checker.digest"), std::string::npos) << output_;
  // The right digests and a property that does not hold (y0 = 2 at a corner).
  std::string violated = kProperty;
  violated.replace(violated.find("(<= Y_0 -0.1)"), 13, "(>= Y_0 1.9)");
  ::SHA256(AsBytes(violated).data(), violated.size(), certificate_.property.data());
  Write("v.vnnlib", violated);
  Write("v.cert", WriteCertificate(certificate_));
  EXPECT_EQ(Run("n.onnx v.vnnlib v.cert --json"), 1);
  EXPECT_NE(output_.find("\"proven\":false,\"rule\":\"checker.leaf\"}"), std::string::npos) << output_;
}

// The network with the first weight of its last layer moved.
std::string Moved(const std::string& network, float weight) {
  const model::Network read = *model::ReadOnnx(AsBytes(network), {});
  std::string moved = network;
  for (const model::Tensor& tensor : read.tensors)
    if (tensor.name == "w1") std::memcpy(moved.data() + tensor.stored_at, &weight, sizeof weight);
  return moved;
}

TEST_F(CommandLine, AnotherNetworkOfTheEnvelope) {
  // Too far for the thresholds of the splits, and far enough to be seen.
  certificate_.radii = {{"w1", 0x1p-10}};
  Write("e.cert", WriteCertificate(certificate_));
  EXPECT_EQ(Run("n.onnx p.vnnlib e.cert"), 0) << output_;
  EXPECT_NE(output_.find("envelope   w1 +- 0.0009765625\n"), std::string::npos) << output_;
  Write("near.onnx", Moved(network_, 1 + 0x1p-11f));
  EXPECT_EQ(Run("near.onnx p.vnnlib e.cert"), 1);
  EXPECT_NE(output_.find("checker.digest"), std::string::npos) << output_;
  EXPECT_EQ(Run("near.onnx p.vnnlib e.cert --centre n.onnx"), 0) << output_;
  EXPECT_NE(output_.find("w1 +- 0.0009765625, the network at 0.5 of it\n"), std::string::npos) << output_;
  EXPECT_EQ(Run("--centre=n.onnx near.onnx p.vnnlib e.cert --json"), 0) << output_;
  EXPECT_NE(output_.find("\"envelope\":[{\"distance\":\"0.5\",\"radius\":\"0.0009765625\",\"tensor\":\"w1\"}]"),
            std::string::npos)
      << output_;
  EXPECT_EQ(Run("n.onnx p.vnnlib e.cert --centre n.onnx"), 0) << output_;
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --centre n.onnx"), 0) << output_;
  // Beyond the radius, of a certificate without one, of another centre, and a centre that is none.
  Write("far.onnx", Moved(network_, 1 + 0x1.1p-10f));
  EXPECT_EQ(Run("far.onnx p.vnnlib e.cert --centre n.onnx"), 1);
  EXPECT_NE(output_.find("checker.envelope"), std::string::npos) << output_;
  EXPECT_EQ(Run("near.onnx p.vnnlib c.cert --centre n.onnx"), 1);
  EXPECT_NE(output_.find("checker.envelope"), std::string::npos) << output_;
  EXPECT_EQ(Run("n.onnx p.vnnlib e.cert --centre near.onnx"), 1);
  EXPECT_NE(output_.find("checker.digest"), std::string::npos) << output_;
  EXPECT_EQ(Run("near.onnx p.vnnlib e.cert --centre p.vnnlib"), 3);
  EXPECT_EQ(Run("near.onnx p.vnnlib e.cert --centre="), 2);
  EXPECT_EQ(Run("near.onnx p.vnnlib e.cert --centre"), 2);
  Write("empty", "");
  EXPECT_EQ(Run("n.onnx p.vnnlib e.cert --centre empty"), 3) << output_;
  // A radius that the proof does not carry, and one that nothing could.
  certificate_.radii = {{"w1", 0.5}};
  Write("wide.cert", WriteCertificate(certificate_));
  EXPECT_EQ(Run("n.onnx p.vnnlib wide.cert"), 1);
  EXPECT_NE(output_.find("checker.leaf"), std::string::npos) << output_;
  certificate_.radii = {{"relu0", 0.5}};
  Write("odd.cert", WriteCertificate(certificate_));
  EXPECT_EQ(Run("n.onnx p.vnnlib odd.cert"), 1);
  EXPECT_NE(output_.find("checker.radius"), std::string::npos) << output_;
}

TEST_F(CommandLine, DriftFromABaseline) {
  Write("moved.onnx", Moved(network_, 1 + 0x1p-4f));
  const model::Network baseline = *model::ReadOnnx(AsBytes(network_), {}),
                       network = *model::ReadOnnx(AsBytes(Moved(network_, 1 + 0x1p-4f)), {});
  const std::vector<model::Decimal> within = {*model::Decimal::Parse("0.07", 10)};
  const model::Property property = *DriftProperty(*model::ReadVnnlib(kProperty, {}), within);
  const Result<Claim> claim = PrepareDriftClaim(network, baseline, property, Arithmetic::kFloat32);
  Certificate certificate;
  ASSERT_TRUE(claim.ok() && ProofSearch(*claim, {}).Run(certificate));
  const std::string moved = Moved(network_, 1 + 0x1p-4f), text = kProperty;
  certificate.drift.emplace().within = within;
  ::SHA256(AsBytes(moved).data(), moved.size(), certificate.network.data());
  ::SHA256(AsBytes(text).data(), text.size(), certificate.property.data());
  ::SHA256(AsBytes(network_).data(), network_.size(), certificate.drift->baseline.data());
  Write("d.cert", WriteCertificate(certificate));
  EXPECT_EQ(Run("moved.onnx p.vnnlib d.cert --against n.onnx"), 0) << output_;
  EXPECT_NE(output_.find("  within     0.07, output 0\n"), std::string::npos) << output_;
  EXPECT_EQ(Run("moved.onnx p.vnnlib d.cert --against=n.onnx --within 0.07 --json"), 0) << output_;
  EXPECT_NE(output_.find("\"baseline\":\"sha256:"), std::string::npos) << output_;
  EXPECT_NE(output_.find("\"within\":[\"0.07\"]}"), std::string::npos) << output_;
  const auto refused = [&](const std::string& arguments, const std::string& rule) {
    EXPECT_EQ(Run(arguments), 1) << output_;
    EXPECT_NE(output_.find(rule), std::string::npos) << output_;
  };
  refused("moved.onnx p.vnnlib d.cert --against n.onnx --within 0.0699", "checker.within");
  refused("moved.onnx p.vnnlib d.cert", "checker.baseline");
  refused("n.onnx p.vnnlib c.cert --against n.onnx", "checker.baseline");
  refused("moved.onnx p.vnnlib d.cert --against moved.onnx", "checker.baseline");
  refused("n.onnx p.vnnlib d.cert --against moved.onnx", "checker.baseline");
  refused("n.onnx p.vnnlib d.cert --against n.onnx", "checker.digest");
  // Between 0.062 and 0.0625 they are apart at a corner.
  certificate.drift->within = {*model::Decimal::Parse("0.062", 10)};
  Write("d.cert", WriteCertificate(certificate));
  refused("moved.onnx p.vnnlib d.cert --against n.onnx", "checker.leaf");
  for (const char* wrong :
       {"--against", "--against n.onnx --centre n.onnx", "--within 1", "--against n.onnx --within x"})
    EXPECT_EQ(Run(std::string("moved.onnx p.vnnlib d.cert ") + wrong), 2) << wrong;
  EXPECT_EQ(Run("moved.onnx p.vnnlib d.cert --against p.vnnlib"), 3);
}

TEST_F(CommandLine, UsageAndMalformedFiles) {
  EXPECT_EQ(Run(""), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert more"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --arithmetic"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --arithmetic half"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --arithmetic real --arithmetic half"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --threads 0"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --threads 2x"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert --force"), 2);
  EXPECT_EQ(Run("n.onnx p.vnnlib absent.cert"), 2);
  EXPECT_EQ(Run("--help"), 0);
  EXPECT_NE(output_.find("examples:"), std::string::npos);
  EXPECT_EQ(Run("p.vnnlib p.vnnlib c.cert"), 3);
  EXPECT_EQ(Run("n.onnx n.onnx c.cert"), 3);
  EXPECT_EQ(Run("n.onnx p.vnnlib n.onnx"), 3);
  Write("long.cert", WriteCertificate(certificate_) + '\0');
  EXPECT_EQ(Run("n.onnx p.vnnlib long.cert"), 3);
  EXPECT_EQ(Run("n.onnx p.vnnlib c.cert > /dev/full"), 5);
}

}  // namespace
}  // namespace pawl::checker
