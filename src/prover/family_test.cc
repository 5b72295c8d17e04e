#include "prover/family.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "checker/checker.h"
#include "prover/network_for_test.h"

namespace pawl::prover {
namespace family_test {

std::span<const std::uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// One network, with properties on the same box or on others, of which each holds with some room or does not hold.
struct Properties {
  std::string bytes;
  std::vector<model::Property> all;

  Properties(std::size_t inputs, const std::vector<std::size_t>& hidden, const std::vector<std::string>& thresholds,
             double box_step) {
    std::mt19937_64 random(11);
    std::vector<std::size_t> sizes = {inputs};
    sizes.insert(sizes.end(), hidden.begin(), hidden.end());
    sizes.push_back(2);
    bytes = RandomNetwork(random, sizes).ToOnnx();
    for (std::size_t p = 0; p < thresholds.size(); ++p) {
      const double reach = 0.05 + box_step * static_cast<double>(p);
      PlainProperty plain;
      plain.outputs = 2;
      plain.lower.assign(inputs, FixedDecimal(-reach));
      plain.upper.assign(inputs, FixedDecimal(reach));
      plain.rows.push_back({{1, 0}, thresholds[p]});
      all.push_back(*model::ReadVnnlib(plain.ToVnnlib(), {}));
    }
  }

  ProofRequest Request(const model::Network* network, std::size_t p) const {
    ProofRequest request;
    request.network = network;
    request.property = &all[p];
    request.network_digest.fill(1);
    request.property_digest.fill(static_cast<std::uint8_t>(2 + p));
    request.arithmetic = checker::Arithmetic::kFloat32;
    request.threads = 1;
    request.timeout_ms = 20'000;
    return request;
  }
};

// What a family answers is what single searches answer, byte by byte.
void AnswersAlike(const Properties& properties, Family& family) {
  const std::array<std::uint8_t, 32> digest{1};
  for (std::size_t p = 0; p < properties.all.size(); ++p) {
    const Result<const model::Network*> network = family.Read(digest, AsBytes(properties.bytes));
    ASSERT_TRUE(network.ok()) << network.error().message;
    const ProofRequest request = properties.Request(*network, p);
    const ProofResult alone = Prove(request), result = family.Prove("p" + std::to_string(p), request);
    EXPECT_EQ(result.status, alone.status) << result.detail;
    EXPECT_EQ(result.certificate, alone.certificate);
    EXPECT_EQ(result.counterexample.inputs, alone.counterexample.inputs);
    EXPECT_EQ(result.statistics.boxes, alone.statistics.boxes);
  }
}

TEST(Family, AnswersAsSingleSearchesDo) {
  const Properties properties(4, {16, 16}, {"-20", "20", "-9", "-3"}, 0.3);
  std::vector<double> shares;
  std::vector<std::string> names;
  Family family(properties.all.size(), [&](const FamilyProgress& progress) {
    shares.push_back(progress.share);
    names.push_back(progress.name);
    EXPECT_LE(progress.done, progress.count);
  });
  AnswersAlike(properties, family);
  EXPECT_EQ(family.work().folded(), 1u) << "one network, folded once";
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_EQ(shares.front(), 0);
  EXPECT_EQ(shares.back(), 1);
  EXPECT_EQ(names.front(), "p0");
  EXPECT_EQ(names.back(), "");
}

TEST(Family, BoundsHiddenNeuronsOfABoxOnce) {
  const Properties properties(30, {30, 30}, {"-20", "-10", "-5"}, 0);
  Family family(properties.all.size(), {});
  AnswersAlike(properties, family);
  EXPECT_LE(family.work().bounded(), 2u) << "one section a number of steps";
  const Properties others(30, {30, 30}, {"-20", "-10", "-5"}, 0.01);
  Family apart(others.all.size(), {});
  AnswersAlike(others, apart);
  EXPECT_GE(apart.work().bounded(), 3u) << "another box has other bounds";
}

TEST(Family, FoldsAnewForAnotherQuestionAboutTheNetwork) {
  const Properties properties(3, {8}, {"-20", "-20", "-20"}, 0.1);
  Family family(4, {});
  const model::Network* network = *family.Read({1}, AsBytes(properties.bytes));
  ProofRequest request = properties.Request(network, 0);
  EXPECT_EQ(family.Prove("float", request).status, ProofStatus::kProven);
  request.arithmetic = checker::Arithmetic::kReal;
  EXPECT_EQ(family.Prove("real", request).status, ProofStatus::kProven);
  EXPECT_EQ(family.work().folded(), 2u);
  request.radii = RadiiFor(*network, {1e-4, RadiusUnit::kShare});
  const ProofResult envelope = family.Prove("envelope", request);
  ASSERT_EQ(envelope.status, ProofStatus::kProven) << envelope.detail;
  EXPECT_EQ(checker::ReadCertificate(envelope.certificate)->radii, request.radii);
  EXPECT_EQ(family.work().folded(), 3u);
  // A property that does not fit, after one that does.
  model::Property wide = properties.all[1];
  ++wide.input_count;
  for (model::Case& input_case : wide.cases) input_case.box.push_back(input_case.box[0]);
  request.property = &wide;
  EXPECT_EQ(family.Prove("wide", request).reason, UnknownReason::kUnsupported);
  request.property = &properties.all[2];
  EXPECT_EQ(family.Prove("after", request).status, ProofStatus::kProven);
}

TEST(Family, RefusesWhatIsNoNetworkAndCountsWhatIsSkipped) {
  double share = 0;
  Family family(2, [&](const FamilyProgress& progress) { share = progress.share; });
  EXPECT_EQ(family.Read({7}, AsBytes("none")).error().code, ErrorCode::kMalformed);
  family.Skip();
  EXPECT_EQ(share, 0.5);
}

}  // namespace family_test
}  // namespace pawl::prover
