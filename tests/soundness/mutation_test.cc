// No certificate is ever accepted for a property that is false.
//
// For random networks a property is made false by a hair: its threshold is an output that was computed. The prover
// proves a sharper threshold or a neighbouring network; its certificate is made to name the false property and is then
// changed in bytes and in structure, thousands of times. The same for envelopes: where a network near the centre
// violates the property, no certificate proves it of that network, whatever radii it claims. The same for drift: where
// two outputs were computed that are further apart than a bound, no certificate proves the bound. Where data is given,
// the same with the public instances that are known to be false, and certificates of neighbouring true ones.
//
//   mutation_test [--budget SECONDS] [--seed N] [--minimum N]
//   PAWL_VNNCOMP_DIR=...   the public instances; the long form uses them
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <span>

#include "checker/envelope_member_for_test.h"
#include "dense_network.h"
#include "evaluation/reference.h"
#include "prover/envelope.h"
#include "prover/flat_network.h"
#include "prover/prover.h"
#include "prover/root_section.h"

namespace pawl::soundness {
namespace {

using checker::Arithmetic;
using checker::Certificate;
using checker::GroupProof;
using checker::Node;
using checker::NodeKind;

// A property with a known counterexample, and certificates of true claims that are close to it.
struct FalseClaim {
  std::string name, network_bytes, property_text;
  Arithmetic arithmetic = Arithmetic::kReal;
  std::vector<std::string> certificates;
};

std::string ProofOf(const std::string& network_bytes, const std::string& property_text, Arithmetic arithmetic,
                    std::uint64_t timeout_ms, prover::RecipeChoice recipe, double radius_share = 0) {
  const Result<model::Network> network = model::ReadOnnx(AsBytes(network_bytes), {});
  const Result<model::Property> property = model::ReadVnnlib(property_text, {});
  if (!network.ok() || !property.ok()) return {};
  prover::ProofRequest request;
  request.network = &*network;
  request.property = &*property;
  request.network_digest = Sha256(network_bytes);
  request.property_digest = Sha256(property_text);
  request.arithmetic = arithmetic;
  request.timeout_ms = timeout_ms;
  request.threads = 1;
  request.recipe = recipe;
  if (radius_share > 0) request.radii = prover::RadiiFor(*network, {radius_share, prover::RadiusUnit::kShare});
  const prover::ProofResult result = Prove(request);
  return {result.certificate.begin(), result.certificate.end()};
}

// Bounds that are as near the truth as trees of splits take them, and a few boxes below that; a proof or nearly one.
std::string TreesFor(const std::string& network_bytes, const std::string& property_text, Arithmetic arithmetic) {
  const model::Network network = *model::ReadOnnx(AsBytes(network_bytes), {});
  const model::Property property = *model::ReadVnnlib(property_text, {});
  const Result<checker::Claim> claim = PrepareClaim(network, property, arithmetic);
  if (!claim.ok()) return {};
  const auto flat = prover::Flatten(*claim);
  const std::vector<double>&lower = claim->boxes[0].lower, &upper = claim->boxes[0].upper;
  Certificate certificate =
      *checker::ReadCertificate(AsBytes(UniformCertificate(arithmetic, checker::Recipe::kRoot, {0, 0})));
  certificate.cases[0].root = prover::MakeRootSection(*flat, {lower.begin(), lower.end()}, {upper.begin(), upper.end()},
                                                      {.steps = 20, .leaves_max = 16})
                                  .layers;
  return WriteCertificate(certificate);
}

// "Some output 0 is at most the one that was computed": false whenever claimed impossible.
FalseClaim RandomFalseClaim(Random& random) {
  FalseClaim claim{"random", {}, {}, random() % 2 == 0 ? Arithmetic::kReal : Arithmetic::kFloat32, {}};
  std::normal_distribution<float> normal(0, 1);
  DenseNetwork network;
  std::size_t from = 1 + random() % 3;
  for (const std::size_t to : {2 + random() % 6, 2 + random() % 6, std::size_t{2}}) {
    network.layers.push_back(MakeLayer(from, to, [&] { return normal(random); }));
    from = to;
  }
  network.layers.back().relu = false;
  claim.network_bytes = network.ToOnnx();
  const model::Network read = *model::ReadOnnx(AsBytes(claim.network_bytes), {});
  TextBox box;
  std::vector<double> lower, upper;
  for (std::size_t i = 0; i < network.inputs(); ++i) {
    lower.push_back(static_cast<double>(normal(random)));
    upper.push_back(static_cast<double>(static_cast<float>(lower[i]) + 0.5f + std::abs(normal(random))));
    box.lower.push_back(model::Decimal::FromDouble(lower[i]).ToString());
    box.upper.push_back(model::Decimal::FromDouble(upper[i]).ToString());
  }
  // The least of some outputs. In the reals it may be larger by rounding, which the slack covers.
  double least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 400; ++k) {
    std::vector<double> point;
    for (std::size_t i = 0; i < lower.size(); ++i) {
      const double share =
          random() % 3 == 0 ? static_cast<double>(random() % 2) : static_cast<double>(random() % 65) / 64;
      const auto value = static_cast<float>(lower[i] + (upper[i] - lower[i]) * share);
      point.push_back(std::clamp(static_cast<double>(value), lower[i], upper[i]));
    }
    const Result<std::vector<double>> output = evaluation::EvaluateReference(read, point);
    if (output.ok()) least = std::min(least, (*output)[0]);
  }
  const std::string head = Declarations(lower.size(), 2) + BoxAssertions(box);
  const auto text = [&](double threshold) { return head + "(assert (<= Y_0 " + Text("%.12f", threshold) + "))\n"; };
  claim.property_text = text(least + 1e-4);
  for (const double slack : {0.5, 0.1, 0.02}) {
    const auto recipe = static_cast<prover::RecipeChoice>(random() % 3);
    const std::string proof = ProofOf(claim.network_bytes, text(least - slack), claim.arithmetic, 300, recipe);
    if (!proof.empty()) claim.certificates.push_back(proof);
  }
  if (!claim.certificates.empty())
    claim.certificates.push_back(TreesFor(claim.network_bytes, claim.property_text, claim.arithmetic));
  return claim;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// ACAS Xu: the instances that are expected to be sat, with proofs of the same property on other networks.
std::vector<FalseClaim> PublicFalseClaims(const std::filesystem::path& data) {
  std::vector<FalseClaim> claims;
  std::ifstream expected(data / "acasxu/expected.csv");
  std::map<std::string, std::vector<std::string>> true_networks;  // by property
  std::vector<std::pair<std::string, std::string>> false_ones;
  for (std::string line; std::getline(expected, line);) {
    std::vector<std::string> cells;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t comma = std::min(line.find(',', at), line.size());
      cells.push_back(line.substr(at, comma - at));
      at = comma + 1;
    }
    if (cells.size() < 4) continue;
    if (cells[3] == "sat") false_ones.emplace_back(cells[0], cells[1]);
    if (cells[3] == "unsat") true_networks[cells[1]].push_back(cells[0]);
  }
  std::map<std::string, std::vector<std::string>> proofs;  // by property, of networks for which it is true
  for (const auto& [network, property] : false_ones) {
    if (proofs.contains(property)) continue;
    std::vector<std::string>& found = proofs[property];
    const std::string text = ReadFile(data / "acasxu" / property);
    for (const std::string& other : true_networks[property]) {
      const std::string proof =
          ProofOf(ReadFile(data / "acasxu" / other), text, Arithmetic::kReal, 1500, prover::RecipeChoice::kBackward);
      if (!proof.empty() && proof.size() < 4000) found.push_back(proof);
      if (found.size() == 3) break;
    }
  }
  for (const auto& [network, property] : false_ones) {
    if (proofs[property].empty()) continue;
    claims.push_back({network + " " + property, ReadFile(data / "acasxu" / network),
                      ReadFile(data / "acasxu" / property), Arithmetic::kReal, proofs[property]});
  }
  return claims;
}

// Of a network's ReLUs, in order.
std::vector<std::uint32_t> NeuronsOf(const model::Network& network) {
  std::vector<std::uint32_t> neurons;
  for (const model::VectorNode& node : network.graph.nodes) {
    const auto* activation = std::get_if<model::Activation>(&node.function);
    if (activation != nullptr && activation->form == model::Activation::Form::kRelu)
      neurons.push_back(static_cast<std::uint32_t>(node.size));
  }
  return neurons;
}

class Mutator {
 public:
  // `neurons`: of the ReLUs of the network that is asked about.
  Mutator(Random& random, std::vector<std::uint32_t> neurons) : random_(random), neurons_(std::move(neurons)) {}

  std::string operator()(const std::string& bytes) {
    const Result<Certificate> read = checker::ReadCertificate(AsBytes(bytes));
    if (!read.ok() || Below(3) == 0) return Bytes(bytes);
    Certificate certificate = *read;
    for (std::size_t i = 1 + Below(3); i > 0; --i) Structure(certificate);
    const std::string changed = checker::WriteCertificate(certificate);
    return Below(8) == 0 ? Bytes(changed) : changed;
  }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }
  std::uint8_t Byte() { return static_cast<std::uint8_t>(random_()); }

  std::string Bytes(std::string bytes) {
    const std::size_t begin = Below(10) == 0 ? 0 : std::min<std::size_t>(kHeaderBytes, bytes.size() - 1);
    const std::size_t at = begin + Below(bytes.size() - begin);
    const std::size_t length = std::min(1 + Below(12), bytes.size() - at);
    switch (Below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << Below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(Byte());
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 4:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, length, static_cast<char>(Byte()));
        break;
    }
    return bytes;
  }

  static std::size_t SubtreeEnd(const std::vector<Node>& nodes, std::size_t at) {
    for (std::size_t open = 1; open > 0 && at < nodes.size(); ++at) checker::IsLeaf(nodes[at].kind) ? --open : ++open;
    return at;
  }

  Node RandomSplit() {
    static constexpr double kValues[] = {0.0, -0.0, 1e-320, 1e300, HUGE_VAL, std::numeric_limits<double>::quiet_NaN()};
    const auto index = static_cast<std::uint32_t>(Below(6));
    switch (Below(4)) {
      case 0:
        return Node::MidpointSplit(index);
      case 1:
        return Node::ValueSplit(index, kValues[Below(std::size(kValues))]);
      case 2:
        return Node::ValueSplit(index, std::normal_distribution<double>(0, 1)(random_));
      default:
        return Node::NeuronSplit(static_cast<std::uint32_t>(Below(24)));
    }
  }

  Node RandomLeaf(const GroupProof& group) {
    return Node::Leaf(static_cast<std::uint32_t>(Below(group.arguments.size() + 1)));
  }

  void Structure(Certificate& certificate) {
    checker::CaseProof& proof = certificate.cases[Below(certificate.cases.size())];
    GroupProof& group = proof.groups[Below(proof.groups.size())];
    std::vector<Node>& nodes = group.nodes;
    const std::size_t at = Below(nodes.size()), end = SubtreeEnd(nodes, at);
    const auto position = [&](std::size_t index) { return nodes.begin() + static_cast<std::ptrdiff_t>(index); };
    checker::Argument& argument = group.arguments[Below(group.arguments.size())];
    switch (Below(15)) {
      case 0:  // a subtree becomes a leaf
        nodes.erase(position(at), position(end));
        nodes.insert(position(at), RandomLeaf(group));
        break;
      case 1:  // a subtree stands twice below a split
      case 2: {
        const std::vector<Node> subtree(position(at), position(end));
        nodes.insert(position(at), subtree.begin(), subtree.end());
        nodes.insert(position(at), RandomSplit());
        break;
      }
      case 3:  // another split
        if (!checker::IsLeaf(nodes[at].kind)) nodes[at] = RandomSplit();
        break;
      case 4:  // children change places
        if (!checker::IsLeaf(nodes[at].kind))
          std::rotate(position(at + 1), position(SubtreeEnd(nodes, at + 1)), position(end));
        break;
      case 5:  // a subtree is lost
        nodes.erase(position(at), position(end));
        if (nodes.empty()) nodes.push_back(Node::Leaf(0));
        break;
      case 6: {  // deep
        const Node split = RandomSplit();
        const std::size_t depth = 1 + Below(Below(50) == 0 ? 5000 : 6);
        nodes.insert(position(at), depth, split);
        nodes.insert(nodes.end(), depth, RandomLeaf(group));
        break;
      }
      case 7:
        argument.recipe = static_cast<checker::Recipe>(1 + Below(3));
        break;
      case 8:  // another row, other multipliers, several rows
        argument.refutations[Below(argument.refutations.size())] = {{static_cast<std::uint32_t>(Below(3)), Byte()},
                                                                    {static_cast<std::uint32_t>(3 + Below(2)), Byte()}};
        argument.refutations[0].resize(1 + Below(2));
        break;
      case 9:
        if (checker::IsLeaf(nodes[at].kind)) nodes[at] = RandomLeaf(group);
        break;
      case 10:  // split multipliers out of nowhere
        if (checker::IsLeaf(nodes[at].kind)) nodes[at].kind = NodeKind::kWeightedLeaf;
        for (std::size_t i = Below(9); i > 0; --i) group.weights.push_back(Byte());
        break;
      case 11:
        argument.slopes.assign(argument.refutations.size(), {});
        for (checker::SlopeTable& table : argument.slopes)
          for (std::size_t i = Below(12); i > 0; --i) table.push_back(Byte());
        break;
      case 12:  // a root section of random shape, or a change of one
        if (Below(2) == 0 && ChangeTree(proof)) break;
        proof.root.clear();
        for (std::size_t i = 0; i < neurons_.size(); ++i) {
          checker::RootLayer& layer = proof.root.emplace_back();
          layer.neurons = Below(8) != 0 ? neurons_[i] : static_cast<std::uint32_t>(1 + Below(8));
          layer.listed = {static_cast<std::uint8_t>(Byte() & ((1u << layer.neurons) - 1))};
        }
        for (std::size_t i = 1; i < proof.root.size(); ++i)
          if (Below(3) != 0) Trees(std::span(proof.root).first(i), proof.root[i]);
        argument.recipe = checker::Recipe::kRoot;
        break;
      case 13:
        Radii(certificate);
        break;
      default:
        certificate.arithmetic = static_cast<Arithmetic>(Below(3));
        break;
    }
  }

  // Changes one slope, multiplier or split of a layer's trees; false where no layer has any.
  bool ChangeTree(checker::CaseProof& proof) {
    for (checker::RootLayer& layer : proof.root) {
      if (layer.mode != checker::RootMode::kBySplits) continue;
      if (const std::size_t what = Below(3); what == 0) {
        layer.tables[Below(layer.tables.size())] = Byte();
      } else if (what == 1 && !layer.weights.empty()) {
        layer.weights[Below(layer.weights.size())] = static_cast<std::uint8_t>(130 + Below(80));
      } else if (std::uint32_t& node = layer.splits[Below(layer.splits.size())]; node != 0) {
        node = static_cast<std::uint32_t>(1 + Below(16));
      }
      return true;
    }
    return false;
  }

  // Random trees for a layer over the neurons of those before, now and then a part of them.
  void Trees(std::span<const checker::RootLayer> before, checker::RootLayer& layer) {
    std::size_t neurons = 0, listed = 0;
    for (const checker::RootLayer& one : before) neurons += one.neurons, listed += one.listed_count();
    if (listed == 0 || layer.listed_count() == 0) return;
    layer.mode = checker::RootMode::kBySplits;
    std::size_t leaves = 0;
    std::vector<bool> in_high_child;
    for (std::size_t trees = 2 * layer.listed_count(); trees > 0;) {
      const bool splits = in_high_child.size() < 3 && Below(2) == 0;
      layer.splits.push_back(splits ? 1 + static_cast<std::uint32_t>(Below(neurons + (Below(30) == 0 ? 1 : 0))) : 0);
      if (splits) {
        in_high_child.push_back(false);
        continue;
      }
      ++leaves;
      for (std::size_t p = 0; p < in_high_child.size(); ++p)
        layer.weights.push_back(Below(3) == 0 ? 0 : static_cast<std::uint8_t>(130 + Below(80)));
      while (!in_high_child.empty() && in_high_child.back()) in_high_child.pop_back();
      if (in_high_child.empty())
        --trees;
      else
        in_high_child.back() = true;
    }
    for (std::size_t i = 0; i < leaves * listed; ++i)
      layer.tables.push_back(Below(3) == 0 ? 0xFF : Below(2) == 0 ? 0 : Byte());
    if (Below(20) == 0) layer.splits.pop_back();
    if (Below(20) == 0) layer.weights.push_back(Byte());
  }

  // Wider, narrower, of other tensors, or what is no radius.
  void Radii(Certificate& certificate) {
    static constexpr double kRadii[] = {
        0.0, -0.0, -0.1, 5e-324, 1e308, HUGE_VAL, std::numeric_limits<double>::quiet_NaN(), 0.01, 1.0};
    static constexpr const char* kNames[] = {"w0", "b0", "w1", "b1", "w2", "b2", "z0", "x", "", "w3"};
    std::vector<checker::TensorRadius>& radii = certificate.radii;
    if (radii.empty() || Below(4) == 0) radii.push_back({kNames[Below(std::size(kNames))], 0.01});
    checker::TensorRadius& one = radii[Below(radii.size())];
    switch (Below(4)) {
      case 0:
        one.radius *= std::ldexp(1.0, static_cast<int>(Below(9)) - 4);
        break;
      case 1:
        one.radius = kRadii[Below(std::size(kRadii))];
        break;
      case 2:
        one.tensor = kNames[Below(std::size(kNames))];
        break;
      default:
        for (checker::TensorRadius& radius : radii) radius.radius *= 4;
        break;
    }
    if (Below(8) != 0)
      std::sort(radii.begin(), radii.end(), [](const auto& a, const auto& b) { return a.tensor < b.tensor; });
  }

  Random& random_;
  const std::vector<std::uint32_t> neurons_;
};

TEST(Mutations, NoCertificateProvesWhatIsFalse) {
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const std::size_t cases_min = Options().cases_min ? Options().cases_min : 10'000;
  Random random(Options().seed);
  std::vector<FalseClaim> claims;
  while (claims.size() < 40) {
    claims.push_back(RandomFalseClaim(random));
    if (claims.back().certificates.empty()) claims.pop_back();
  }
  const std::size_t random_count = claims.size();
  const char* data = std::getenv("PAWL_VNNCOMP_DIR");
  if (data != nullptr && cases_min > 100'000) {
    for (FalseClaim& claim : PublicFalseClaims(data)) claims.push_back(std::move(claim));
  }
  std::map<std::string, std::size_t> answers;
  std::size_t mutations = 0, changed_reads = 0;
  std::vector<Asked> asked;
  std::vector<model::Property> properties;
  for (const FalseClaim& claim : claims) {
    asked.emplace_back(claim.network_bytes);
    properties.push_back(*model::ReadVnnlib(claim.property_text, {}));
  }
  const auto ask = [&](std::size_t k, const std::string& certificate) {
    SCOPED_TRACE(claims[k].name);
    Arithmetic arithmetic = claims[k].arithmetic;
    if (certificate.size() > 9 && certificate[9] <= 1) arithmetic = static_cast<Arithmetic>(certificate[9]);
    // A point that was computed in single precision violates the claim in either arithmetic (see the slack).
    const checker::Verdict verdict = asked[k](properties[k], Sha256(claims[k].property_text), certificate, arithmetic);
    EXPECT_FALSE(verdict.proven) << claims[k].property_text;
    ++answers[verdict.proven ? "proven" : verdict.reason.rule];
    changed_reads += verdict.reason.rule.starts_with("checker.") ? 1 : 0;
  };
  for (std::size_t k = 0; k < claims.size(); ++k)
    for (const std::string& certificate : claims[k].certificates) ask(k, certificate);
  std::size_t public_mutations = 0;
  while (mutations < cases_min || spent() < Options().budget_seconds) {
    // A public one takes a hundred times longer.
    const bool is_public = claims.size() > random_count && random() % 16 == 0;
    public_mutations += is_public ? 1 : 0;
    const auto draw = [&] {
      return is_public ? random_count + random() % (claims.size() - random_count) : random() % random_count;
    };
    const std::size_t k = draw();
    // Half of the time of another claim of the same kind.
    const FalseClaim& from = claims[random() % 2 == 0 ? k : draw()];
    ask(k, Mutator(random, NeuronsOf(asked[k].network()))(from.certificates[random() % from.certificates.size()]));
    ++mutations;
    if (::testing::Test::HasFailure()) break;
  }
  for (const auto& [rule, count] : answers) std::printf("%8zu %s\n", count, rule.c_str());
  std::printf("%zu false claims, %zu mutations (%zu of public instances), %zu of them read and judged (%.1f s)\n",
              claims.size(), mutations, public_mutations, changed_reads, spent());
  EXPECT_GT(4 * changed_reads, mutations) << "too few mutations get as far as the checker";
  EXPECT_GT(answers["checker.leaf"], mutations / 10);
}

// A network near a centre that violates a property, and certificates about the centre.
struct FalseEnvelope {
  std::string centre_bytes, member_bytes, property_text;
  std::vector<checker::TensorRadius> radii;  // whose envelope the member is in
  std::vector<std::string> certificates;
};

FalseEnvelope RandomFalseEnvelope(Random& random) {
  FalseEnvelope made;
  FalseClaim claim = RandomFalseClaim(random);
  made.centre_bytes = claim.network_bytes;
  const model::Network centre = *model::ReadOnnx(AsBytes(made.centre_bytes), {});
  made.radii =
      prover::RadiiFor(centre, {std::ldexp(1.0, -3 - static_cast<int>(random() % 4)), prover::RadiusUnit::kShare});
  const model::Property property = *model::ReadVnnlib(claim.property_text, {});
  // Of some members and points the one with the least output.
  double least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 40; ++k) {
    const std::string bytes = DrawMember(centre, made.centre_bytes, made.radii, random);
    const model::Network member = *model::ReadOnnx(AsBytes(bytes), {});
    for (int p = 0; p < 20; ++p) {
      std::vector<double> point;
      for (const model::InputRange& range : property.cases[0].box)
        point.push_back(random() % 2 == 0 ? range.lower.NearestFloat32() : range.upper.NearestFloat32());
      const Result<std::vector<double>> output = evaluation::EvaluateReference(member, point);
      if (!output.ok() || (*output)[0] >= least) continue;
      least = (*output)[0];
      made.member_bytes = bytes;
    }
  }
  const std::size_t head = claim.property_text.rfind("(assert (<= Y_0");
  const auto text = [&](double threshold) {
    return claim.property_text.substr(0, head) + "(assert (<= Y_0 " + Text("%.12f", threshold) + "))\n";
  };
  made.property_text = text(least + 1e-4);
  // True of the centre, mostly, or nearly so; and proofs of smaller envelopes.
  for (const double slack : {0.0, 0.02, 0.3}) {
    for (const double share : {0.0, made.radii[0].radius / 64, 0.001}) {
      const std::string proof = ProofOf(made.centre_bytes, text(least + 1e-4 - slack), Arithmetic::kFloat32, 200,
                                        prover::RecipeChoice::kAuto, share);
      if (!proof.empty()) made.certificates.push_back(proof);
    }
  }
  return made;
}

TEST(Mutations, NoEnvelopeHoldsANetworkThatViolates) {
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const std::size_t cases_min = (Options().cases_min ? Options().cases_min : 10'000) / 4;
  Random random(Options().seed);
  std::vector<FalseEnvelope> envelopes;
  while (envelopes.size() < 20) {
    envelopes.push_back(RandomFalseEnvelope(random));
    if (envelopes.back().certificates.empty()) envelopes.pop_back();
  }
  std::map<std::string, std::size_t> answers;
  std::size_t asked = 0, about_the_member = 0;
  while (asked < cases_min || spent() < Options().budget_seconds / 4) {
    const FalseEnvelope& envelope = envelopes[random() % envelopes.size()];
    std::string bytes = envelope.certificates[random() % envelope.certificates.size()];
    if (random() % 2 == 0)
      bytes = Mutator(random, NeuronsOf(*model::ReadOnnx(AsBytes(envelope.centre_bytes), {})))(bytes);
    SetDigests(bytes, Sha256(envelope.centre_bytes), Sha256(envelope.property_text));
    // Half of the time with radii that do reach the member.
    Result<Certificate> read = checker::ReadCertificate(AsBytes(bytes));
    if (read.ok() && random() % 2 == 0) {
      read->radii = envelope.radii;
      ++about_the_member;
      bytes = checker::WriteCertificate(*read);
    }
    const checker::Verdict verdict = checker::CheckFiles({.network = AsBytes(envelope.centre_bytes),
                                                          .property = envelope.property_text,
                                                          .certificate = AsBytes(bytes),
                                                          .network_digest = Sha256(envelope.centre_bytes),
                                                          .property_digest = Sha256(envelope.property_text),
                                                          .candidate = AsBytes(envelope.member_bytes)});
    ASSERT_FALSE(verdict.proven) << envelope.property_text;
    ++answers[verdict.reason.rule];
    ++asked;
  }
  for (const auto& [rule, count] : answers) std::printf("%8zu %s\n", count, rule.c_str());
  std::printf("%zu networks that violate, %zu certificates, %zu of them about the network (%.1f s)\n", envelopes.size(),
              asked, about_the_member, spent());
  EXPECT_GT(answers["checker.leaf"], asked / 10);
  EXPECT_GT(answers["checker.envelope"], asked / 10);
}

// Two networks, a bound that two of their outputs were computed to exceed, and certificates of wider bounds.
struct FalseDrift {
  std::string network_bytes, baseline_bytes, property_text;
  Arithmetic arithmetic = Arithmetic::kReal;
  model::Decimal exceeded;
  std::vector<std::string> certificates;
  std::vector<std::uint32_t> neurons;  // of the joint graph's ReLUs
};

std::vector<double> DrawBoxPoint(const model::Property& property, Random& random) {
  std::vector<double> point;
  for (const model::InputRange& range : property.cases[0].box) {
    const double lower = range.lower.NearestFloat32(), upper = range.upper.NearestFloat32();
    const double share =
        random() % 3 == 0 ? static_cast<double>(random() % 2) : static_cast<double>(random() % 65) / 64;
    const auto value = static_cast<float>(lower + (upper - lower) * share);
    point.push_back(std::clamp(static_cast<double>(value), lower, upper));
  }
  return point;
}

// The largest distance of two outputs at one of `count` points.
double LargestDrift(const model::Network& network, const model::Network& baseline, const model::Property& property,
                    int count, Random& random) {
  double largest = 0;
  for (int k = 0; k < count; ++k) {
    const std::vector<double> point = DrawBoxPoint(property, random);
    const Result<std::vector<double>> output = evaluation::EvaluateReference(network, point),
                                      other = evaluation::EvaluateReference(baseline, point);
    for (std::size_t i = 0; output.ok() && other.ok() && i < output->size(); ++i)
      largest = std::max(largest, std::abs((*output)[i] - (*other)[i]));
  }
  return largest;
}

FalseDrift RandomFalseDrift(Random& random) {
  FalseClaim claim = RandomFalseClaim(random);
  FalseDrift made{
      claim.network_bytes, claim.network_bytes, claim.property_text, claim.arithmetic, model::Decimal(), {}, {}};
  const model::Network network = *model::ReadOnnx(AsBytes(made.network_bytes), {});
  const model::Property property = *model::ReadVnnlib(made.property_text, {});
  const std::vector<checker::TensorRadius> radii =
      prover::RadiiFor(network, {std::ldexp(1.0, -1 - static_cast<int>(random() % 9)), prover::RadiusUnit::kShare});
  made.baseline_bytes = DrawMember(network, made.network_bytes, radii, random);
  const model::Network baseline = *model::ReadOnnx(AsBytes(made.baseline_bytes), {});
  made.neurons = NeuronsOf(baseline);
  for (const std::uint32_t neurons : NeuronsOf(network)) made.neurons.push_back(neurons);
  const double largest = LargestDrift(network, baseline, property, 400, random);
  // What was computed in single precision may be less in the reals, by rounding.
  const double slack = made.arithmetic == Arithmetic::kReal ? 1e-4 : 1e-9;
  if (largest <= 4 * slack) return made;
  made.exceeded = *model::Decimal::Parse(Text("%.12f", largest * (1 - 1e-7) - slack), 100);
  prover::ProofRequest request;
  request.network = &network;
  request.baseline = &baseline;
  request.property = &property;
  request.network_digest = Sha256(made.network_bytes);
  request.baseline_digest = Sha256(made.baseline_bytes);
  request.property_digest = Sha256(made.property_text);
  request.arithmetic = made.arithmetic;
  request.timeout_ms = 100;
  request.threads = 1;
  request.recipe = static_cast<prover::RecipeChoice>(random() % 3);
  request.within = made.exceeded;
  EXPECT_NE(Prove(request).status, prover::ProofStatus::kProven);
  request.timeout_ms = 300;
  for (const double factor : {1.01, 1.1, 2.0}) {
    request.within = *model::Decimal::Parse(Text("%.12f", largest * factor + slack), 100);
    const prover::ProofResult result = Prove(request);
    if (result.status != prover::ProofStatus::kProven) continue;
    made.certificates.emplace_back(result.certificate.begin(), result.certificate.end());
    const double within = request.within.EncloseFloat64().upper;
    EXPECT_LE(LargestDrift(network, baseline, property, 400, random), within + slack);
  }
  return made;
}

TEST(Mutations, NoDriftIsProvenThatIsExceeded) {
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const std::size_t cases_min = (Options().cases_min ? Options().cases_min : 10'000) / 4;
  Random random(Options().seed);
  std::vector<FalseDrift> drifts;
  while (drifts.size() < 20) {
    drifts.push_back(RandomFalseDrift(random));
    if (drifts.back().certificates.empty()) drifts.pop_back();
  }
  std::map<std::string, std::size_t> answers;
  std::size_t asked = 0;
  while (asked < cases_min || spent() < Options().budget_seconds / 4) {
    const FalseDrift& drift = drifts[random() % drifts.size()];
    std::string bytes = drift.certificates[random() % drift.certificates.size()];
    if (random() % 4 != 0) bytes = Mutator(random, drift.neurons)(bytes);
    SetDigests(bytes, Sha256(drift.network_bytes), Sha256(drift.property_text));
    // Mostly with the bound that is exceeded, and of this baseline; a wider one is refused since less is asked for.
    Result<Certificate> read = checker::ReadCertificate(AsBytes(bytes));
    if (read.ok() && random() % 4 != 0) {
      read->radii.clear();
      read->drift = {.baseline = Sha256(drift.baseline_bytes), .within = std::vector(2, drift.exceeded)};
      bytes = checker::WriteCertificate(*read);
    }
    Arithmetic arithmetic = drift.arithmetic;
    if (bytes.size() > 9 && bytes[9] == 1) arithmetic = Arithmetic::kFloat32;
    checker::ClaimFiles files{.network = AsBytes(drift.network_bytes),
                              .property = drift.property_text,
                              .certificate = AsBytes(bytes),
                              .network_digest = Sha256(drift.network_bytes),
                              .property_digest = Sha256(drift.property_text),
                              .arithmetic = arithmetic,
                              .baseline = AsBytes(drift.baseline_bytes),
                              .baseline_digest = Sha256(drift.baseline_bytes),
                              .within_max = drift.exceeded};
    // Now and then the other way round, which is as false, or of the property, which it says nothing about.
    if (random() % 16 == 0) {
      std::swap(files.network, *files.baseline);
      std::swap(files.network_digest, files.baseline_digest);
    }
    const bool of_the_property = random() % 16 == 0 && read.ok() && read->drift;
    if (of_the_property) files.baseline.reset();
    const checker::Verdict verdict = CheckFiles(files);
    ASSERT_FALSE(verdict.proven) << drift.property_text;
    ASSERT_TRUE(!of_the_property || verdict.reason.rule == "checker.baseline") << verdict.reason.rule;
    ++answers[verdict.reason.rule];
    ++asked;
  }
  for (const auto& [rule, count] : answers) std::printf("%8zu %s\n", count, rule.c_str());
  std::printf("%zu pairs of networks, %zu certificates (%.1f s)\n", drifts.size(), asked, spent());
  EXPECT_GT(answers["checker.leaf"], asked / 5);
  EXPECT_GT(answers["checker.within"], asked / 50);
  EXPECT_GT(answers["checker.baseline"], asked / 50);
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!pawl::soundness::ParseOptions(argc, argv)) {
    std::fprintf(stderr, "usage: mutation_test [--budget SECONDS] [--seed N] [--minimum N]\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
