#include "checker/certificate.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace pawl::checker {
namespace certificate_test {

std::span<const std::uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Header of a certificate with `cases` cases; 76 bytes and the count.
std::string Header(char cases = 1) {
  return std::string("PAWLCERT\x02\x01\x00", 11) + std::string(32, 'n') + std::string(32, 'p') + cases;
}
std::string Text(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}
std::string DoubleText(double value) {
  std::string text;
  for (int shift = 0; shift < 64; shift += 8)
    text.push_back(static_cast<char>(std::bit_cast<std::uint64_t>(value) >> shift));
  return text;
}
std::string RuleOf(const std::string& bytes, const CertificateLimits& limits = {}) {
  const Result<Certificate> result = ReadCertificate(AsBytes(bytes), limits);
  return result.ok() ? "" : result.error().rule;
}

std::vector<std::uint8_t> RandomBytes(std::mt19937_64& random, std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// Random trees, of which one has a split, for each listed neuron of a layer.
void DrawTrees(std::mt19937_64& random, std::size_t listed_before, RootLayer& layer) {
  std::size_t leaves = 0;
  for (std::size_t tree = 0; tree < 2 * layer.listed_count(); ++tree) {
    // Splits downwards to the high side, each with a leaf to the low one.
    const std::size_t depth = tree == 0 ? 1 : random() % 4;
    for (std::size_t d = 0; d < depth; ++d) {
      layer.splits.push_back(1 + static_cast<std::uint32_t>(random() % 300));
      layer.splits.push_back(0);
    }
    layer.splits.push_back(0);
    leaves += depth + 1;
    for (std::size_t d = 1; d <= depth + (depth > 0); ++d)
      for (std::size_t p = 0; p < std::min(d, depth); ++p) layer.weights.push_back(static_cast<std::uint8_t>(random()));
  }
  layer.mode = RootMode::kBySplits;
  layer.tables = RandomBytes(random, leaves * listed_before);
}

// A random root section of a network with a few ReLUs.
std::vector<RootLayer> RandomRoot(std::mt19937_64& random) {
  std::vector<RootLayer> layers(random() % 4);
  std::size_t listed = 0;
  for (RootLayer& layer : layers) {
    layer.neurons = 1 + static_cast<std::uint32_t>(random() % 20);
    layer.listed.resize((layer.neurons + 7) / 8);
    for (std::size_t n = 0; n < layer.neurons; ++n)
      if (random() % 2 == 0) layer.listed[n / 8] |= static_cast<std::uint8_t>(1 << n % 8);
    std::size_t tables = 0;
    if (listed > 0 && random() % 2 == 0) layer.mode = RootMode::kPerLayer, tables = 2;
    if (listed > 0 && layer.listed_count() > 0 && random() % 2 == 0)
      layer.mode = RootMode::kPerNeuron, tables = 2 * layer.listed_count();
    layer.tables = RandomBytes(random, tables * listed);
    if (listed > 0 && layer.listed_count() > 0 && random() % 3 == 0) DrawTrees(random, listed, layer);
    listed += layer.listed_count();
  }
  return layers;
}

Argument RandomArgument(std::mt19937_64& random, std::size_t members, bool has_root, std::size_t listed) {
  Argument a{static_cast<Recipe>(1 + random() % (has_root ? 3 : 2)), {}, {}};
  const bool with_slopes = listed > 0 && random() % 3 == 0;
  for (std::size_t k = 0; k < members; ++k) {
    Refutation& r = a.refutations.emplace_back();
    const std::size_t terms = random() % 8 == 0 ? 2 + random() % 3 : 1;
    std::uint32_t row = static_cast<std::uint32_t>(random() % 200);
    for (std::size_t i = 0; i < terms; ++i, row += 1 + static_cast<std::uint32_t>(random() % 200))
      r.push_back({row, terms == 1 ? kUnitMultiplier : static_cast<std::uint8_t>(random())});
    if (with_slopes) a.slopes.push_back(RandomBytes(random, listed));
  }
  return a;
}

// A random tree with arguments drawn from a few. `phases` is the number of neurons split on the node's path.
void RandomTree(std::mt19937_64& random, GroupProof& proof, std::size_t& splits, std::size_t phases, bool has_root,
                std::size_t listed) {
  if (splits > 0 && random() % 3 != 0) {
    --splits;
    const auto input = static_cast<std::uint32_t>(random() % 4 == 0 ? random() % 1000 : random() % 5);
    switch (random() % 5) {
      case 0:
        proof.nodes.push_back(Node::ValueSplit(input, std::ldexp(1.0 + static_cast<double>(random() % 999), -9)));
        break;
      case 1:
        proof.nodes.push_back(Node::NeuronSplit(input));
        ++phases;
        break;
      default:
        proof.nodes.push_back(Node::MidpointSplit(input));
    }
    RandomTree(random, proof, splits, phases, has_root, listed);
    RandomTree(random, proof, splits, phases, has_root, listed);
    return;
  }
  if (proof.arguments.empty() || random() % 2 == 0)
    proof.arguments.push_back(RandomArgument(random, proof.members.size(), has_root, listed));
  const auto argument = static_cast<std::uint32_t>(random() % proof.arguments.size());
  const bool weighted = phases > 0 && random() % 2 == 0;
  proof.nodes.push_back(weighted ? Node::WeightedLeaf(argument) : Node::Leaf(argument));
  if (!weighted) return;
  std::vector<std::uint8_t> weights = RandomBytes(random, phases * proof.members.size());
  weights[0] |= 1;
  proof.weights.insert(proof.weights.end(), weights.begin(), weights.end());
}

CaseProof RandomCase(std::mt19937_64& random) {
  CaseProof proof;
  proof.conjunctions = 1 + static_cast<std::uint32_t>(random() % 3);
  proof.root = RandomRoot(random);
  std::size_t listed = 0;
  for (const RootLayer& layer : proof.root) listed += layer.listed_count();
  // Conjunction 0 alone and the others together, or all together.
  const bool together = proof.conjunctions == 1 || random() % 2 == 0;
  for (std::uint32_t i = 0; i < proof.conjunctions; ++i) {
    if (i == 0 || (i == 1 && !together)) proof.groups.emplace_back();
    proof.groups.back().members.push_back(i);
  }
  for (GroupProof& group : proof.groups) {
    std::size_t splits = random() % 300;
    RandomTree(random, group, splits, 0, !proof.root.empty(), listed);
  }
  return proof;
}

TEST(Certificate, ReadsWhatIsWrittenAndWritesItAgain) {
  std::size_t long_tables = 0, weighted = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    Certificate certificate;
    certificate.arithmetic = static_cast<Arithmetic>(random() % 3);
    for (auto* digest : {&certificate.network, &certificate.property})
      for (std::uint8_t& byte : *digest) byte = static_cast<std::uint8_t>(random());
    for (std::size_t i = random() % 4; i > 0; --i) certificate.cases.push_back(RandomCase(random));
    const std::string bytes = WriteCertificate(certificate);
    const Result<Certificate> read = ReadCertificate(AsBytes(bytes));
    ASSERT_TRUE(read.ok()) << seed << ": " << read.error().rule << ": " << read.error().message;
    EXPECT_EQ(WriteCertificate(*read), bytes);
    ASSERT_EQ(read->cases.size(), certificate.cases.size());
    for (std::size_t i = 0; i < read->cases.size(); ++i) {
      ASSERT_EQ(certificate.cases[i].root, read->cases[i].root);
      ASSERT_EQ(certificate.cases[i].groups.size(), read->cases[i].groups.size());
      for (std::size_t g = 0; g < read->cases[i].groups.size(); ++g) {
        const GroupProof &a = certificate.cases[i].groups[g], &b = read->cases[i].groups[g];
        ASSERT_EQ(a.members, b.members);
        ASSERT_EQ(a.weights, b.weights);
        ASSERT_EQ(a.nodes.size(), b.nodes.size());
        for (std::size_t n = 0; n < a.nodes.size(); ++n) {
          ASSERT_EQ(a.nodes[n].kind, b.nodes[n].kind);
          if (IsLeaf(a.nodes[n].kind)) {
            ASSERT_EQ(a.arguments[a.nodes[n].index], b.arguments[b.nodes[n].index]);
          } else {
            ASSERT_EQ(a.nodes[n], b.nodes[n]);
          }
        }
        long_tables += b.arguments.size() > 96;
        weighted += b.weights.size();
      }
    }
  }
  EXPECT_GT(long_tables, 0u);
  EXPECT_GT(weighted, 1000u);
}

TEST(Certificate, TypicalLeafTakesTwoBytes) {
  Certificate certificate;
  certificate.cases.emplace_back().conjunctions = 2;
  GroupProof& proof = certificate.cases[0].groups.emplace_back();
  proof.members = {0, 1};
  std::size_t leaves = 1;
  for (; leaves < 1000; ++leaves) {
    proof.nodes.push_back(Node::MidpointSplit(static_cast<std::uint32_t>(leaves % 5)));
    proof.arguments.push_back({Recipe::kForward, {{{static_cast<std::uint32_t>(leaves % 3), 0}}, {{1, 0}}}});
    proof.nodes.push_back(Node::Leaf(static_cast<std::uint32_t>(proof.arguments.size() - 1)));
  }
  proof.nodes.push_back(Node::Leaf(0));
  EXPECT_LT(WriteCertificate(certificate).size(), 2 * leaves + 100);
  EXPECT_TRUE(ReadCertificate(AsBytes(WriteCertificate(certificate))).ok());
}

// conjunctions 1, no root section, one group, one argument: forward, row 0.
const std::string kOneArgument = Text({1, 0, 1, 1, 1, 1});

TEST(Certificate, SmallestOneIsAsTheSpecificationSays) {
  Certificate certificate;
  certificate.arithmetic = Arithmetic::kFloat32;
  certificate.network.fill('n');
  certificate.property.fill('p');
  CaseProof& proof = certificate.cases.emplace_back();
  proof.conjunctions = 1;
  proof.groups.push_back({{0},
                          {{Recipe::kForward, {{{0, 0}}}}, {Recipe::kBackward, {{{0, 7}, {300, 9}}}}},
                          {Node::MidpointSplit(2), Node::ValueSplit(128, -0.5), Node::Leaf(0), Node::Leaf(1),
                           Node::MidpointSplit(128), Node::Leaf(1), Node::Leaf(0)},
                          {}});
  EXPECT_EQ(WriteCertificate(certificate),
            Header() + Text({1, 0, 1, 2, 1, 1, 2, 0, 2, 1, 7, 0xAD, 2, 9, 0x82, 0x62, 0x80, 1}) + DoubleText(-0.5) +
                Text({0, 1, 0x61, 0, 1, 0}));
}

TEST(Certificate, TreesOfARootSectionAreAsTheSpecificationSays) {
  Certificate certificate;
  certificate.arithmetic = Arithmetic::kFloat32;
  certificate.network.fill('n');
  certificate.property.fill('p');
  CaseProof& proof = certificate.cases.emplace_back();
  proof.conjunctions = 1;
  // The lower bound by one leaf, the upper one by a split of neuron 199, in whose high child neuron 3 is split.
  proof.root = {
      {2, {0x03}, RootMode::kDefault},
      {2, {0x02}, RootMode::kBySplits, {10, 11, 12, 13, 14, 15, 16, 17}, {0, 200, 0, 4, 0, 0}, {1, 2, 3, 4, 5}}};
  proof.groups.push_back({{0}, {{Recipe::kRoot, {{{0, 0}}}, {}}}, {Node::Leaf(0)}, {}});
  const std::string root =
      Text({2, 2, 0x03, 0, 2, 0x02, 3, 0, 0xC8, 1, 0, 4, 0, 0, 10, 11, 12, 13, 14, 15, 16, 17, 1, 2, 3, 4, 5});
  const std::string good = Header() + Text({1}) + root + Text({1, 1, 3, 1, 0});
  EXPECT_EQ(WriteCertificate(certificate), good);
  const Result<Certificate> read = ReadCertificate(AsBytes(good));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, certificate);
  for (std::size_t n = Header().size(); n < good.size(); ++n)
    EXPECT_EQ(RuleOf(good.substr(0, n)), "certificate.truncated") << n;

  const std::optional<std::vector<BoundLeaf>> leaves = BoundLeaves(proof.root[1], 2);
  ASSERT_TRUE(leaves.has_value());
  ASSERT_EQ(leaves->size(), 4u);
  EXPECT_EQ((*leaves)[0].tree, 0u);
  EXPECT_TRUE((*leaves)[0].phases.empty());
  EXPECT_EQ((*leaves)[2].tree, 1u);
  EXPECT_EQ((*leaves)[2].slopes[0], 14);
  ASSERT_EQ((*leaves)[2].phases.size(), 2u);
  EXPECT_TRUE((*leaves)[2].phases[0].neuron == 199 && (*leaves)[2].phases[0].positive);
  EXPECT_TRUE((*leaves)[2].phases[1].neuron == 3 && !(*leaves)[2].phases[1].positive);
  EXPECT_EQ((*leaves)[2].weights[1], 3);
  EXPECT_TRUE((*leaves)[3].phases[1].positive);

  // Trees without any split would be tables written in another way.
  RootLayer& layer = proof.root[1];
  layer = {2, {0x02}, RootMode::kBySplits, {10, 11, 12, 13}, {0, 0}};
  EXPECT_EQ(RuleOf(WriteCertificate(certificate)), "certificate.layer");
  CertificateLimits limits;
  limits.depth_max = 1;
  Result<Certificate> limited = ReadCertificate(AsBytes(good), limits);
  ASSERT_FALSE(limited.ok());
  EXPECT_EQ(limited.error().rule, "certificate.limit-depth");
  limits = {};
  limits.nodes_max = 5;
  limited = ReadCertificate(AsBytes(good), limits);
  ASSERT_FALSE(limited.ok());
  EXPECT_EQ(limited.error().rule, "certificate.limit-nodes");
}

TEST(Certificate, RootSectionsGroupsAndPhasesAreAsTheSpecificationSays) {
  Certificate certificate;
  certificate.arithmetic = Arithmetic::kFloat32;
  certificate.network.fill('n');
  certificate.property.fill('p');
  CaseProof& proof = certificate.cases.emplace_back();
  proof.conjunctions = 3;
  // Nine neurons, of which 0 and 8 are listed; then two, of which 1 is, with a table below and one above.
  proof.root = {{9, {0x01, 0x01}, RootMode::kDefault, {}}, {2, {0x02}, RootMode::kPerNeuron, {10, 11, 12, 13}}};
  proof.groups.push_back({{0, 2},
                          {{Recipe::kRoot, {{{0, 0}}, {{1, 0}}}, {{20, 21, 22}, {30, 31, 32}}}},
                          {Node::NeuronSplit(200), Node::WeightedLeaf(0), Node::Leaf(0)},
                          {40, 41}});
  proof.groups.push_back({{1}, {{Recipe::kRoot, {{{0, 0}}}, {}}}, {Node::Leaf(0)}, {}});
  const std::string root = Text({2, 9, 0x01, 0x01, 0, 2, 0x02, 2, 10, 11, 12, 13});
  const std::string first = Text({2, 0, 2, 1, 0x13, 1, 20, 21, 22, 2, 30, 31, 32, 0x63, 0xC8, 1, 0x65, 0, 40, 41, 0});
  const std::string good = Header() + Text({3}) + root + Text({2}) + first + Text({1, 1, 1, 3, 1, 0});
  EXPECT_EQ(WriteCertificate(certificate), good);
  const Result<Certificate> read = ReadCertificate(AsBytes(good));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, certificate);
  for (std::size_t n = Header().size(); n < good.size(); ++n)
    EXPECT_EQ(RuleOf(good.substr(0, n)), "certificate.truncated") << n;

  const auto changed = [&](std::size_t at, int byte) {
    std::string bytes = good;
    bytes[Header().size() + at] = static_cast<char>(byte);
    return RuleOf(bytes);
  };
  EXPECT_EQ(changed(2, 0), "certificate.layer");     // no neurons
  EXPECT_EQ(changed(4, 0x03), "certificate.layer");  // neuron 9 of nine
  EXPECT_EQ(changed(5, 1), "certificate.layer");     // tables before any neuron is listed
  EXPECT_EQ(changed(8, 4), "certificate.layer");     // an unknown mode
  EXPECT_EQ(changed(7, 0), "certificate.layer");     // a table for each of no neurons
  EXPECT_EQ(changed(13, 0), "certificate.groups");   // no group
  EXPECT_EQ(changed(13, 4), "certificate.groups");   // more than conjunctions
  EXPECT_EQ(changed(15, 1), "certificate.groups");   // conjunction 1 in both groups
  EXPECT_EQ(changed(16, 0), "certificate.groups");   // not increasing
  EXPECT_EQ(changed(16, 3), "certificate.groups");   // does not exist
  EXPECT_EQ(changed(18, 0x14), "certificate.recipe");
  const auto replaced = [&](const std::string& what, const std::string& by) {
    std::string bytes = good;
    const std::size_t at = bytes.rfind(what);
    bytes.replace(at, what.size(), by);
    return RuleOf(bytes);
  };
  EXPECT_EQ(replaced(Text({40, 41}), Text({0, 0})), "certificate.weights");                              // a plain leaf
  EXPECT_EQ(replaced(Text({1, 1, 1, 3, 1, 0}), Text({1, 1, 1, 3, 1, 0x65, 0})), "certificate.weights");  // no phase
  EXPECT_EQ(replaced(root, Text({0})), "certificate.recipe");  // slopes for no neuron
  EXPECT_EQ(replaced(first + Text({1, 1, 1, 3, 1, 0}), Text({1, 1, 1, 3, 1, 0}) + first),
            "certificate.groups");  // order
  std::string one_group_less = good;
  one_group_less[Header().size() + 13] = 1;
  EXPECT_NE(RuleOf(one_group_less), "");
}

TEST(Certificate, EveryMalformedShapeIsRefusedByItsRule) {
  const std::string good = Header() + kOneArgument + Text({0x80, 0, 0});
  ASSERT_EQ(RuleOf(good), "");
  for (std::size_t n = 0; n < good.size(); ++n) {
    const std::string rule = RuleOf(good.substr(0, n));
    EXPECT_TRUE(rule == "certificate.truncated" || (n < 8 && rule == "certificate.magic")) << n << ": " << rule;
  }
  EXPECT_EQ(RuleOf(good + '\0'), "certificate.trailing-bytes");
  const auto changed = [&](std::size_t at, int byte) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(byte);
    return RuleOf(bytes);
  };
  EXPECT_EQ(changed(0, 'p'), "certificate.magic");
  EXPECT_EQ(changed(8, 0), "certificate.version");
  for (const int version : {1, 3, 255}) EXPECT_EQ(changed(8, version), "certificate.version");
  EXPECT_EQ(changed(9, 3), "certificate.arithmetic");
  for (const int kind : {3, 4, 255}) EXPECT_EQ(changed(10, kind), "certificate.kind");
  const std::size_t body = Header().size();
  EXPECT_EQ(changed(body, 0), "certificate.conjunctions");
  EXPECT_EQ(changed(body + 2, 0), "certificate.groups");
  EXPECT_EQ(changed(body + 2, 2), "certificate.groups");
  EXPECT_EQ(changed(body + 3, 0), "certificate.argument");  // no argument for the first leaf... and a tree too early
  for (const int recipe : {0, 4, 0x10, 0x11, 0x13, 255}) EXPECT_EQ(changed(body + 4, recipe), "certificate.recipe");
  for (int node = 0x64; node < 0x80; ++node) {
    if (node != 0x65) {
      EXPECT_EQ(changed(body + 6, node), "certificate.node") << node;
    }
  }
  EXPECT_EQ(changed(body + 7, 1), "certificate.argument");

  const auto tree = [&](const std::string& bytes) { return RuleOf(Header() + kOneArgument + bytes); };
  // A value that is no number, and minus zero.
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -0.0})
    EXPECT_EQ(tree(Text({0x62, 0}) + DoubleText(value) + Text({0, 0})), "certificate.value");
  EXPECT_EQ(tree(Text({0x62, 0}) + DoubleText(0.0) + Text({0, 0})), "");
  // Numbers too long, or not shortest.
  EXPECT_EQ(tree(Text({0x61, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0})), "certificate.varint");
  EXPECT_EQ(tree(Text({0x61, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0})), "certificate.varint");
  EXPECT_EQ(tree(Text({0x61, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F, 0, 0})), "certificate.varint");
  EXPECT_EQ(tree(Text({0x61, 0x80, 0, 0, 0})), "certificate.not-canonical");

  const auto with_case = [&](const std::string& bytes) { return RuleOf(Header() + bytes); };
  // Arguments: unused, duplicate, not in the order of use.
  EXPECT_EQ(with_case(Text({1, 0, 1, 2, 1, 1, 1, 2, 0})), "certificate.not-canonical");
  EXPECT_EQ(with_case(Text({1, 0, 1, 2, 1, 1, 1, 1, 0x80, 0, 1})), "certificate.not-canonical");
  EXPECT_EQ(with_case(Text({1, 0, 1, 2, 1, 1, 1, 2, 0x80, 1, 0})), "certificate.not-canonical");
  EXPECT_EQ(with_case(Text({1, 0, 1, 2, 1, 1, 1, 2, 0x80, 0, 1})), "");
  // Combinations: too few rows, rows that repeat or fall, row 0 of a term.
  EXPECT_EQ(with_case(Text({1, 0, 1, 1, 1, 0, 0, 0})), "certificate.combination");
  EXPECT_EQ(with_case(Text({1, 0, 1, 1, 1, 0, 1, 1, 0, 0})), "certificate.combination");
  EXPECT_EQ(with_case(Text({1, 0, 1, 1, 1, 0, 2, 1, 0, 1, 0, 0})), "certificate.combination");
  EXPECT_EQ(with_case(Text({1, 0, 1, 1, 1, 0, 2, 2, 0, 1, 0, 0})), "certificate.combination");
  EXPECT_EQ(with_case(Text({1, 0, 1, 1, 1, 0, 2, 0, 0, 1, 0, 0})), "certificate.combination");
  EXPECT_EQ(with_case(Text({1, 0, 1, 1, 1, 0, 2, 1, 0, 2, 0, 0})), "");
}

// A certificate with these bytes in the place of its radii.
std::string WithRadii(const std::string& radii) {
  std::string header = Header();
  header[10] = 1;
  header.insert(header.size() - 1, radii);
  return header + kOneArgument + Text({0});
}

std::string Radius(const std::string& name, double radius) {
  return static_cast<char>(name.size()) + name + DoubleText(radius);
}

TEST(Certificate, RadiiAreReadBack) {
  std::mt19937_64 random(4);
  Certificate certificate;
  certificate.cases.push_back(RandomCase(random));
  certificate.radii = {{"B", 0x1p-1074}, {"a", 0.1}, {"a.b", 1}, {"aa", 1e300}};
  const std::string bytes = WriteCertificate(certificate);
  const Result<Certificate> read = ReadCertificate(AsBytes(bytes));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->radii, certificate.radii);
  EXPECT_EQ(WriteCertificate(*read), bytes);
  EXPECT_EQ(RuleOf(WithRadii(Text({1}) + Radius("w", 0.5))), "");
}

TEST(Certificate, MalformedRadiiAreRefused) {
  const std::string rule = "certificate.weight-radius";
  EXPECT_EQ(RuleOf(WithRadii(Text({0}))), rule);
  for (const double radius : {0.0, -1.0, -0x1p-1074})
    EXPECT_EQ(RuleOf(WithRadii(Text({1}) + Radius("w", radius))), rule);
  for (const double radius : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL, -HUGE_VAL, -0.0})
    EXPECT_EQ(RuleOf(WithRadii(Text({1}) + Radius("w", radius))), "certificate.value");
  EXPECT_EQ(RuleOf(WithRadii(Text({2}) + Radius("w", 1) + Radius("w", 1))), rule);
  EXPECT_EQ(RuleOf(WithRadii(Text({2}) + Radius("w", 1) + Radius("v", 1))), rule);
  EXPECT_EQ(RuleOf(WithRadii(Text({2}) + Radius("w", 1) + Radius("wa", 1))), "");
  EXPECT_EQ(RuleOf(WithRadii(Text({1}) + Radius("", 1))), rule);
  for (const char* name : {"\n", "w\x1b", "\x7f"}) EXPECT_EQ(RuleOf(WithRadii(Text({1}) + Radius(name, 1))), rule);
  EXPECT_EQ(RuleOf(WithRadii(Text({1, 0x81, 0}) + Radius("w", 1).substr(1))), "certificate.not-canonical");
  // Ends early, or promises more than there is.
  const std::string whole = WithRadii(Text({2}) + Radius("v", 1) + Radius("w", 1));
  for (std::size_t n = 75; n < whole.size(); ++n) EXPECT_EQ(RuleOf(whole.substr(0, n)), "certificate.truncated") << n;
  EXPECT_EQ(RuleOf(WithRadii(Text({1, 200, 7}) + "w")), "certificate.truncated");
  EXPECT_EQ(RuleOf(WithRadii(Text({1, 0x81, 8}) + std::string(1025, 'w') + DoubleText(1))),
            "certificate.limit-name-bytes");
  EXPECT_EQ(RuleOf(WithRadii(Text({1, 0x80, 8}) + std::string(1024, 'w') + DoubleText(1))), "");
  EXPECT_EQ(RuleOf(WithRadii(Text({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}))), "certificate.limit-radii");
  CertificateLimits limits;
  limits.radii_max = 1;
  EXPECT_EQ(RuleOf(whole, limits), "certificate.limit-radii");
}

TEST(Certificate, CountsThatLieCostNothing) {
  EXPECT_EQ(RuleOf(Header('\x7F')), "certificate.truncated");
  const std::string many = Text({0xFF, 0xFF, 0xFF, 0xFF, 0x0F});
  std::string header = Header();
  header.pop_back();
  EXPECT_EQ(RuleOf(header + many), "certificate.limit-cases");
  EXPECT_EQ(RuleOf(Header() + Text({1, 0, 1}) + many), "certificate.limit-arguments");
  EXPECT_EQ(RuleOf(Header() + many + Text({0, 1, 1, 1})), "certificate.truncated");
  EXPECT_EQ(RuleOf(Header() + many + Text({0, 2, 1, 1})), "certificate.truncated");
  EXPECT_EQ(RuleOf(Header() + Text({1}) + many), "certificate.truncated");
  EXPECT_EQ(RuleOf(Header() + Text({1, 1}) + many), "certificate.truncated");
  EXPECT_EQ(RuleOf(Header() + many + Text({0}) + many), "certificate.truncated");
  EXPECT_EQ(RuleOf(Header() + Text({1, 0, 1, 1, 1, 0}) + many), "certificate.limit-terms");
}

TEST(Certificate, LimitsHold) {
  const std::string good = Header() + kOneArgument + Text({0x80, 0x80, 0, 0, 0});
  const auto limited = [&](auto member, auto value) {
    CertificateLimits limits;
    limits.*member = value;
    return RuleOf(good, limits);
  };
  EXPECT_EQ(limited(&CertificateLimits::bytes_max, good.size() - 1), "certificate.limit-bytes");
  EXPECT_EQ(limited(&CertificateLimits::bytes_max, good.size()), "");
  EXPECT_EQ(limited(&CertificateLimits::cases_max, 0u), "certificate.limit-cases");
  EXPECT_EQ(limited(&CertificateLimits::nodes_max, 4u), "certificate.limit-nodes");
  EXPECT_EQ(limited(&CertificateLimits::nodes_max, 5u), "");
  EXPECT_EQ(limited(&CertificateLimits::arguments_max, 0u), "certificate.limit-arguments");
  EXPECT_EQ(limited(&CertificateLimits::terms_max, 0u), "certificate.limit-terms");
  EXPECT_EQ(limited(&CertificateLimits::depth_max, 1u), "certificate.limit-depth");
  EXPECT_EQ(limited(&CertificateLimits::depth_max, 2u), "");
}

TEST(Certificate, DepthBombsEndAtTheLimit) {
  for (const int byte : {0x80, 0xFF}) {
    const std::string bomb = Header() + kOneArgument + std::string(5'000'000, static_cast<char>(byte));
    EXPECT_EQ(RuleOf(bomb), "certificate.limit-depth");
  }
  // Deep to the right: the high child of each split is the next split.
  std::string right;
  for (int i = 0; i < 100'000; ++i) right += Text({0x80, 0});
  EXPECT_EQ(RuleOf(Header() + kOneArgument + right + '\0'), "certificate.limit-depth");
}

TEST(Certificate, NoFlippedByteReadsAsTheSameProof) {
  std::mt19937_64 random(3);
  Certificate certificate;
  certificate.cases.push_back(RandomCase(random));
  const std::string bytes = WriteCertificate(certificate);
  const Result<Certificate> read = ReadCertificate(AsBytes(bytes));
  ASSERT_TRUE(read.ok());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      const Result<Certificate> other = ReadCertificate(AsBytes(flipped));
      if (other.ok()) {
        EXPECT_FALSE(*other == *read) << at;
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 200u);  // slopes and split multipliers may have any value
}

}  // namespace certificate_test
}  // namespace pawl::checker
