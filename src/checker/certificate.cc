// The binary format of spec/certificate.md. Canonical form is enforced by writing what was read and comparing: the
// reader below only has to be right about what the bytes mean, not about every way of saying it twice.
#include "checker/certificate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace pawl::checker {
namespace {

constexpr char kMagic[] = {'P', 'A', 'W', 'L', 'C', 'E', 'R', 'T'};
constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kPlain = 0, kWithRadii = 1, kOfDrift = 2;  // kinds of claim

// First bytes of a tree's nodes.
constexpr std::uint32_t kShortArguments = 0x60;  // 00..5F
constexpr std::uint8_t kLongLeaf = 0x60, kLongSplit = 0x61, kValueSplit = 0x62, kNeuronSplit = 0x63,
                       kWeightedLeaf = 0x65, kShortSplit = 0x80;
constexpr std::uint32_t kShortInputs = 0x80;  // 80..FF
constexpr std::uint8_t kWithSlopes = 0x10;    // added to a recipe

constexpr std::size_t kDigitsMax = 120;  // of a bound of drift, as of a number of a property

std::size_t ListedCount(const std::vector<RootLayer>& layers) {
  std::size_t count = 0;
  for (const RootLayer& layer : layers) count += layer.listed_count();
  return count;
}

// Argument is made of vectors; they compare by value, so a map finds duplicates in logarithmic time.
struct ArgumentLess {
  static auto Key(const Term& t) { return std::pair(t.row, t.multiplier); }
  bool operator()(const Argument& a, const Argument& b) const {
    if (a.recipe != b.recipe) return a.recipe < b.recipe;
    if (a.slopes != b.slopes) return a.slopes < b.slopes;
    return std::lexicographical_compare(a.refutations.begin(), a.refutations.end(), b.refutations.begin(),
                                        b.refutations.end(), [](const Refutation& x, const Refutation& y) {
                                          return std::lexicographical_compare(
                                              x.begin(), x.end(), y.begin(), y.end(),
                                              [](const Term& s, const Term& t) { return Key(s) < Key(t); });
                                        });
  }
};

class Writer {
 public:
  std::string Take() { return std::move(bytes_); }

  void Byte(std::uint8_t byte) { bytes_.push_back(static_cast<char>(byte)); }
  void Bytes(const void* data, std::size_t size) { bytes_.append(static_cast<const char*>(data), size); }
  void Varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<std::uint8_t>(value | 0x80));
    Byte(static_cast<std::uint8_t>(value));
  }
  void Text(const std::string& text) {
    Varint(text.size());
    Bytes(text.data(), text.size());
  }
  void Double(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) Byte(static_cast<std::uint8_t>(bits >> shift));
  }

  void Case(const CaseProof& proof) {
    Varint(proof.conjunctions);
    Varint(proof.root.size());
    for (const RootLayer& layer : proof.root) {
      Varint(layer.neurons);
      Bytes(layer.listed.data(), layer.listed.size());
      Byte(static_cast<std::uint8_t>(layer.mode));
      for (const std::uint32_t node : layer.splits) Varint(node);
      Bytes(layer.tables.data(), layer.tables.size());
      Bytes(layer.weights.data(), layer.weights.size());
    }
    Varint(proof.groups.size());
    for (const GroupProof& group : proof.groups) {
      if (proof.groups.size() > 1) {
        Varint(group.members.size());
        for (const std::uint32_t member : group.members) Varint(member);
      }
      Group(group);
    }
  }

 private:
  void Group(const GroupProof& proof) {
    // Number arguments by first use; equal ones get one number.
    std::map<Argument, std::uint32_t, ArgumentLess> known;
    std::vector<std::optional<std::uint32_t>> renumbered(proof.arguments.size());
    std::vector<const Argument*> used;
    for (const Node& node : proof.nodes) {
      if (!IsLeaf(node.kind) || node.index >= renumbered.size() || renumbered[node.index]) continue;
      const Argument& argument = proof.arguments[node.index];
      const auto [at, is_new] = known.emplace(argument, static_cast<std::uint32_t>(used.size()));
      if (is_new) used.push_back(&argument);
      renumbered[node.index] = at->second;
    }
    Varint(used.size());
    for (const Argument* argument : used) Write(*argument);
    std::size_t weights = 0;                  // written so far
    std::vector<std::pair<bool, bool>> path;  // of splits: whether of a neuron, and whether in the high child
    std::size_t depth = 0;                    // of neuron splits on the path
    for (const Node& node : proof.nodes) {
      // An index without an argument is written as it stands, beyond the table, for the reader to refuse.
      const bool known_argument = node.index < renumbered.size() && renumbered[node.index];
      Write(node, known_argument ? *renumbered[node.index] : node.index);
      if (!IsLeaf(node.kind)) {
        path.emplace_back(node.kind == NodeKind::kNeuronSplit, false);
        depth += path.back().first ? 1 : 0;
        continue;
      }
      const std::size_t count = node.kind == NodeKind::kWeightedLeaf ? depth * proof.members.size() : 0;
      for (std::size_t i = 0; i < count && weights < proof.weights.size(); ++i) Byte(proof.weights[weights++]);
      for (; !path.empty() && path.back().second; path.pop_back()) depth -= path.back().first ? 1 : 0;
      if (!path.empty()) path.back().second = true;
    }
  }

  void Write(const Argument& argument) {
    const bool with_slopes = !argument.slopes.empty();
    Byte(static_cast<std::uint8_t>(static_cast<std::uint8_t>(argument.recipe) + (with_slopes ? kWithSlopes : 0)));
    for (std::size_t i = 0; i < argument.refutations.size(); ++i) {
      Write(argument.refutations[i]);
      if (i < argument.slopes.size()) Bytes(argument.slopes[i].data(), argument.slopes[i].size());
    }
  }

  void Write(const Refutation& refutation) {
    if (refutation.size() == 1) return Varint(std::uint64_t{refutation[0].row} + 1);
    Byte(0);
    Varint(refutation.size());
    for (const Term& term : refutation) {
      Varint(std::uint64_t{term.row} + 1);
      Byte(term.multiplier);
    }
  }

  void Write(const Node& node, std::uint32_t argument) {
    switch (node.kind) {
      case NodeKind::kLeaf:
        if (argument < kShortArguments) return Byte(static_cast<std::uint8_t>(argument));
        Byte(kLongLeaf);
        return Varint(argument - kShortArguments);
      case NodeKind::kWeightedLeaf:
        Byte(kWeightedLeaf);
        return Varint(argument);
      case NodeKind::kMidpointSplit:
        if (node.index < kShortInputs) return Byte(static_cast<std::uint8_t>(kShortSplit + node.index));
        Byte(kLongSplit);
        return Varint(node.index - kShortInputs);
      case NodeKind::kValueSplit:
        Byte(kValueSplit);
        Varint(node.index);
        return Double(node.value);
      case NodeKind::kNeuronSplit:
        Byte(kNeuronSplit);
        return Varint(node.index);
    }
  }

  std::string bytes_;
};

Error Bad(const char* rule, std::size_t at, const char* what) {
  return Malformed(std::string("certificate.") + rule, std::string(what) + " at byte " + std::to_string(at),
                   "the file is damaged or was not written by a prover of this version; prove again");
}

Error Limit(const char* what, std::uint64_t limit) {
  return LimitReached(std::string("certificate.limit-") + what,
                      std::string("the certificate has more ") + what + " than the limit of " + std::to_string(limit),
                      "raise the limit, or look for a smaller proof");
}

class Reader {
 public:
  Reader(std::span<const std::uint8_t> bytes, const CertificateLimits& limits) : bytes_(bytes), limits_(limits) {}

  Result<Certificate> Read() {
    Certificate certificate;
    if (bytes_.size() > limits_.bytes_max) return Limit("bytes", limits_.bytes_max);
    if (!Header(certificate)) return *error_;
    const std::uint32_t count = Varint();
    if (!error_ && count > limits_.cases_max) return Limit("cases", limits_.cases_max);
    // A case takes five bytes at least, so a count that lies is found before it costs memory.
    if (!error_ && count > bytes_.size() - at_) Fail("truncated", "more cases are announced than there are bytes");
    for (std::uint32_t i = 0; i < count && !error_; ++i) Case(certificate.cases.emplace_back());
    if (!error_ && at_ != bytes_.size()) Fail("trailing-bytes", "bytes follow the last case");
    if (error_) return *error_;
    const std::string canonical = WriteCertificate(certificate);
    if (canonical.size() != bytes_.size() || std::memcmp(canonical.data(), bytes_.data(), canonical.size()) != 0) {
      return Malformed("certificate.not-canonical", "the certificate is not in its canonical form",
                       "write it with the prover of this version");
    }
    return certificate;
  }

 private:
  void Fail(const char* rule, const char* what) {
    if (!error_) error_ = Bad(rule, at_, what);
  }

  std::uint8_t Byte() {
    if (error_) return 0;
    if (at_ == bytes_.size()) return Fail("truncated", "the certificate ends"), std::uint8_t{0};
    return bytes_[at_++];
  }

  std::uint32_t Varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const std::uint8_t byte = Byte();
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) {
        if (value > 0xFFFFFFFFu) break;
        return static_cast<std::uint32_t>(value);
      }
    }
    Fail("varint", "a number exceeds 32 bits");
    return 0;
  }

  double Double() {
    std::uint64_t bits = 0;
    for (int shift = 0; shift < 64; shift += 8) bits |= std::uint64_t{Byte()} << shift;
    const auto value = std::bit_cast<double>(bits);
    if (!std::isfinite(value) || bits == std::uint64_t{1} << 63) Fail("value", "a number is not finite, or minus zero");
    return value;
  }

  bool Header(Certificate& certificate) {
    for (const char c : kMagic) {
      if (Byte() != static_cast<std::uint8_t>(c)) Fail("magic", "not a certificate: the first bytes differ");
    }
    if (Byte() != kVersion) Fail("version", "a version other than 2");
    const std::uint8_t arithmetic = Byte();
    if (arithmetic > static_cast<std::uint8_t>(Arithmetic::kFloat64)) Fail("arithmetic", "an unknown arithmetic");
    certificate.arithmetic = static_cast<Arithmetic>(arithmetic);
    const std::uint8_t kind = Byte();
    if (kind > kOfDrift) Fail("kind", "an unknown kind of claim");
    for (std::uint8_t& byte : certificate.network) byte = Byte();
    for (std::uint8_t& byte : certificate.property) byte = Byte();
    if (kind == kWithRadii) Radii(certificate.radii);
    if (kind == kOfDrift) ReadDrift(certificate.drift.emplace());
    return !error_;
  }

  void Radii(std::vector<TensorRadius>& radii) {
    const std::uint32_t count = Varint();
    if (!error_ && count > limits_.radii_max) return SetLimit("radii", limits_.radii_max);
    if (count == 0) Fail("weight-radius", "an envelope without a tensor");
    for (std::uint32_t i = 0; i < count && !error_; ++i) {
      const std::uint32_t size = Varint();
      if (!error_ && size > limits_.name_bytes_max) return SetLimit("name-bytes", limits_.name_bytes_max);
      const std::vector<std::uint8_t> name = Block(size);
      TensorRadius radius{{name.begin(), name.end()}, Double()};
      // Names are printed, and no network's has control characters.
      if (std::any_of(name.begin(), name.end(), [](std::uint8_t c) { return c < 0x20 || c == 0x7f; }) || name.empty())
        Fail("weight-radius", "a tensor's name is empty or has control characters");
      if (!(radius.radius > 0)) Fail("weight-radius", "a weight radius that is not above 0");
      if (!radii.empty() && !(radii.back().tensor < radius.tensor)) Fail("weight-radius", "names do not increase");
      radii.push_back(std::move(radius));
    }
  }

  void ReadDrift(Drift& drift) {
    for (std::uint8_t& byte : drift.baseline) byte = Byte();
    const std::uint32_t count = Varint();
    if (!error_ && count > limits_.outputs_max) return SetLimit("outputs", limits_.outputs_max);
    if (count == 0) Fail("drift", "no output whose drift is bounded");
    for (std::uint32_t i = 0; i < count && !error_; ++i) {
      const std::uint32_t size = Varint();
      if (!error_ && size > limits_.name_bytes_max) return SetLimit("name-bytes", limits_.name_bytes_max);
      const std::vector<std::uint8_t> text = Block(size);
      const Result<model::Decimal> within = model::Decimal::Parse(std::string(text.begin(), text.end()), kDigitsMax);
      if (!within.ok() || within->Sign() <= 0) return Fail("drift", "a bound of drift is not a decimal above 0");
      drift.within.push_back(*within);
    }
  }

  std::size_t Left() const { return bytes_.size() - at_; }

  // `count` bytes, which are known to be there before anything is allocated.
  std::vector<std::uint8_t> Block(std::size_t count) {
    if (!error_ && count > Left()) Fail("truncated", "the certificate ends");
    if (error_) return {};
    at_ += count;
    return {bytes_.begin() + static_cast<std::ptrdiff_t>(at_ - count),
            bytes_.begin() + static_cast<std::ptrdiff_t>(at_)};
  }

  void Case(CaseProof& proof) {
    proof.conjunctions = Varint();
    if (!error_ && proof.conjunctions == 0) Fail("conjunctions", "a case without conjunctions");
    const std::uint32_t layers = Varint();
    if (!error_ && layers > Left()) Fail("truncated", "more layers are announced than there are bytes");
    std::size_t listed = 0;
    for (std::uint32_t i = 0; i < layers && !error_; ++i) {
      RootLayer& layer = proof.root.emplace_back();
      Layer(layer, listed);
      listed += layer.listed_count();
    }
    const std::uint32_t groups = Varint();
    if (!error_ && (groups == 0 || groups > proof.conjunctions)) Fail("groups", "no group, or more than conjunctions");
    if (!error_ && groups > Left()) Fail("truncated", "more groups are announced than there are bytes");
    std::vector<bool> seen(error_ || groups == 1 ? 0 : std::min<std::size_t>(proof.conjunctions, bytes_.size()));
    if (!error_ && groups > 1 && seen.size() != proof.conjunctions) Fail("truncated", "groups do not fit");
    for (std::uint32_t i = 0; i < groups && !error_; ++i) {
      GroupProof& group = proof.groups.emplace_back();
      Members(proof, groups, seen, group);
      Group(proof, group);
    }
    for (const bool has_group : seen)
      if (!error_ && !has_group) Fail("groups", "a conjunction is in no group");
  }

  // `listed` neurons are listed in the layers before.
  void Layer(RootLayer& layer, std::size_t listed) {
    layer.neurons = Varint();
    if (!error_ && layer.neurons == 0) Fail("layer", "a layer without neurons");
    layer.listed = Block((std::size_t{layer.neurons} + 7) / 8);
    const std::uint8_t mode = Byte();
    if (error_) return;
    if (layer.neurons % 8 != 0 && layer.listed.back() >> (layer.neurons % 8) != 0)
      Fail("layer", "a neuron is listed that the layer does not have");
    if (mode > static_cast<std::uint8_t>(RootMode::kBySplits)) Fail("layer", "an unknown mode of a layer");
    layer.mode = static_cast<RootMode>(mode);
    std::size_t tables = layer.mode == RootMode::kDefault    ? 0
                         : layer.mode == RootMode::kPerLayer ? 2
                                                             : 2 * layer.listed_count();
    if (layer.mode != RootMode::kDefault && (tables == 0 || listed == 0)) Fail("layer", "a layer has empty tables");
    std::size_t weights = 0;
    if (layer.mode == RootMode::kBySplits) tables = Splits(tables, layer, weights);
    if (!error_ && tables > 0 && listed > Left() / tables) Fail("truncated", "a layer's tables do not fit");
    layer.tables = Block(error_ ? 0 : tables * listed);
    layer.weights = Block(weights);
  }

  // The nodes of `trees` trees; gives how many leaves they have, and how many splits are on the paths to them.
  std::size_t Splits(std::size_t trees, RootLayer& layer, std::size_t& weights) {
    std::size_t leaves = 0;
    for (SplitPath path; trees > 0 && !error_;) {
      if (++nodes_ > limits_.nodes_max) SetLimit("nodes", limits_.nodes_max);
      layer.splits.push_back(Varint());
      if (layer.splits.back() != 0) {
        if (path.phases.size() >= limits_.depth_max) SetLimit("depth", limits_.depth_max);
        path.phases.push_back({layer.splits.back() - 1, false});
        continue;
      }
      ++leaves;
      weights += path.phases.size();
      if ((weights_ += path.phases.size()) > limits_.nodes_max) SetLimit("nodes", limits_.nodes_max);
      if (!path.Next()) --trees;
    }
    if (weights == 0) Fail("layer", "a layer whose trees have no split");
    return leaves;
  }

  void Members(const CaseProof& proof, std::uint32_t groups, std::vector<bool>& seen, GroupProof& group) {
    if (groups == 1) {
      // An argument takes a byte a conjunction, so there cannot be more than bytes.
      if (proof.conjunctions > Left()) return Fail("truncated", "the conjunctions' arguments do not fit");
      for (std::uint32_t i = 0; i < proof.conjunctions; ++i) group.members.push_back(i);
      return;
    }
    const std::uint32_t count = Varint();
    if (!error_ && count == 0) Fail("groups", "a group without conjunctions");
    if (!error_ && count > Left()) Fail("truncated", "a group's conjunctions do not fit");
    for (std::uint32_t i = 0; i < count && !error_; ++i) {
      const std::uint32_t member = Varint();
      if (member >= proof.conjunctions || (i > 0 && member <= group.members.back()) || seen[member])
        return Fail("groups", "a group's conjunction does not exist, is out of order or has a group already");
      seen[member] = true;
      group.members.push_back(member);
    }
    const std::size_t before = proof.groups.size() - 1;
    if (!error_ && before > 0 && group.members[0] < proof.groups[before - 1].members[0])
      Fail("groups", "groups are not in the order of their first conjunctions");
  }

  void Group(const CaseProof& proof, GroupProof& group) {
    const std::uint32_t arguments = Varint();
    if (error_) return;
    if ((arguments_ += arguments) > limits_.arguments_max) return SetLimit("arguments", limits_.arguments_max);
    const std::size_t listed = ListedCount(proof.root);
    for (std::uint32_t i = 0; i < arguments && !error_; ++i) ReadArgument(listed, group);
    Tree(group);
  }

  void ReadArgument(std::size_t listed, GroupProof& group) {
    const std::uint8_t first = Byte();
    const bool with_slopes = (first & kWithSlopes) != 0;
    const int recipe = first & ~kWithSlopes;
    if (recipe < static_cast<int>(Recipe::kForward) || recipe > static_cast<int>(Recipe::kRoot))
      Fail("recipe", "an unknown recipe");
    if (with_slopes && listed == 0) Fail("recipe", "slopes for no neuron");
    // At least a byte a conjunction, so the count cannot promise more than there is.
    if (!error_ && group.members.size() > Left()) Fail("truncated", "an argument does not fit");
    if (error_) return;
    Argument& argument = group.arguments.emplace_back();
    argument.recipe = static_cast<Recipe>(recipe);
    for (std::size_t i = 0; i < group.members.size() && !error_; ++i) {
      ReadRows(argument.refutations.emplace_back());
      if (with_slopes) argument.slopes.push_back(Block(listed));
    }
  }

  void ReadRows(Refutation& refutation) {
    const std::uint32_t row = Varint();
    const std::uint32_t terms = row == 0 ? Varint() : 1;
    if ((terms_ += terms) > limits_.terms_max) return SetLimit("terms", limits_.terms_max);
    if (row != 0) return refutation.push_back({row - 1, kUnitMultiplier});
    if (terms < 2) Fail("combination", "a combination of fewer than two rows");
    for (std::uint32_t k = 0; k < terms && !error_; ++k) {
      const std::uint32_t numbered = Varint();
      if (numbered == 0 || (k > 0 && numbered - 1 <= refutation.back().row))
        Fail("combination", "the rows of a combination do not increase");
      refutation.push_back({numbered - 1, Byte()});
    }
  }

  // A split on the path to the node that is being read.
  struct OpenSplit {
    bool of_neuron, in_high_child;
  };

  // Pre-order without recursion.
  void Tree(GroupProof& group) {
    std::vector<OpenSplit> path;
    std::size_t phases = 0;
    for (;;) {
      if (++nodes_ > limits_.nodes_max) return SetLimit("nodes", limits_.nodes_max);
      const Node node = ReadNode();
      if (error_) return;
      group.nodes.push_back(node);
      if (!IsLeaf(node.kind)) {
        if (path.size() >= limits_.depth_max) return SetLimit("depth", limits_.depth_max);
        path.push_back({node.kind == NodeKind::kNeuronSplit, false});
        phases += path.back().of_neuron ? 1 : 0;
        continue;
      }
      if (node.index >= group.arguments.size()) return Fail("argument", "a leaf names an argument that is not there");
      if (node.kind == NodeKind::kWeightedLeaf) Weights(phases * group.members.size(), group);
      for (; !path.empty() && path.back().in_high_child; path.pop_back()) phases -= path.back().of_neuron ? 1 : 0;
      if (path.empty() || error_) return;
      path.back().in_high_child = true;
    }
  }

  void Weights(std::size_t count, GroupProof& group) {
    if ((weights_ += count) > limits_.nodes_max) return SetLimit("nodes", limits_.nodes_max);
    const std::vector<std::uint8_t> weights = Block(count);
    if (std::all_of(weights.begin(), weights.end(), [](std::uint8_t weight) { return weight == 0; }))
      Fail("weights", "a leaf with split multipliers has none that counts");
    group.weights.insert(group.weights.end(), weights.begin(), weights.end());
  }

  Node ReadNode() {
    const std::uint8_t first = Byte();
    if (first < kShortArguments) return Node::Leaf(first);
    if (first >= kShortSplit) return Node::MidpointSplit(first - kShortSplit);
    if (first == kLongLeaf || first == kLongSplit) {
      const std::uint32_t rest = Varint();
      if (rest > 0xFFFFFFFFu - kShortInputs) Fail("varint", "a number exceeds 32 bits");
      return first == kLongLeaf ? Node::Leaf(rest + kShortArguments) : Node::MidpointSplit(rest + kShortInputs);
    }
    if (first == kValueSplit) {
      const std::uint32_t input = Varint();
      return Node::ValueSplit(input, Double());
    }
    if (first == kNeuronSplit) return Node::NeuronSplit(Varint());
    if (first == kWeightedLeaf) return Node::WeightedLeaf(Varint());
    Fail("node", "an unknown kind of node");
    return {};
  }

  void SetLimit(const char* what, std::uint64_t limit) {
    if (!error_) error_ = Limit(what, limit);
  }

  std::span<const std::uint8_t> bytes_;
  const CertificateLimits& limits_;
  std::size_t at_ = 0;
  std::uint64_t nodes_ = 0, arguments_ = 0, terms_ = 0, weights_ = 0;
  std::optional<Error> error_;
};

}  // namespace

std::size_t RootLayer::listed_count() const {
  std::size_t count = 0;
  for (const std::uint8_t byte : listed) count += static_cast<std::size_t>(std::popcount(byte));
  return count;
}

bool SplitPath::Next() {
  while (!phases.empty() && phases.back().positive) phases.pop_back();
  if (!phases.empty()) phases.back().positive = true;
  return !phases.empty();
}

std::optional<std::vector<BoundLeaf>> BoundLeaves(const RootLayer& layer, std::size_t listed_before) {
  std::vector<BoundLeaf> leaves;
  std::size_t trees = 0;
  std::span<const std::uint8_t> tables(layer.tables), weights(layer.weights);
  SplitPath path;
  for (const std::uint32_t node : layer.splits) {
    if (node != 0) {
      path.phases.push_back({node - 1, false});
      continue;
    }
    const std::size_t depth = path.phases.size();
    if (tables.size() < listed_before || weights.size() < depth) return std::nullopt;
    leaves.push_back({trees, path.phases, tables.first(listed_before), weights.first(depth)});
    tables = tables.subspan(listed_before);
    weights = weights.subspan(depth);
    if (!path.Next()) ++trees;
  }
  const bool is_whole = trees == 2 * layer.listed_count() && path.phases.empty() && tables.empty() && weights.empty();
  return is_whole ? std::optional(std::move(leaves)) : std::nullopt;
}

Result<Certificate> ReadCertificate(std::span<const std::uint8_t> bytes, const CertificateLimits& limits) {
  return Reader(bytes, limits).Read();
}

std::string WriteCertificate(const Certificate& certificate) {
  Writer writer;
  writer.Bytes(kMagic, sizeof kMagic);
  writer.Byte(kVersion);
  writer.Byte(static_cast<std::uint8_t>(certificate.arithmetic));
  writer.Byte(certificate.drift ? kOfDrift : certificate.radii.empty() ? kPlain : kWithRadii);
  writer.Bytes(certificate.network.data(), certificate.network.size());
  writer.Bytes(certificate.property.data(), certificate.property.size());
  if (certificate.drift) {
    writer.Bytes(certificate.drift->baseline.data(), certificate.drift->baseline.size());
    writer.Varint(certificate.drift->within.size());
    for (const model::Decimal& within : certificate.drift->within) writer.Text(within.ToString());
  } else if (!certificate.radii.empty()) {
    writer.Varint(certificate.radii.size());
    for (const TensorRadius& radius : certificate.radii) {
      writer.Text(radius.tensor);
      writer.Double(radius.radius);
    }
  }
  writer.Varint(certificate.cases.size());
  for (const CaseProof& proof : certificate.cases) writer.Case(proof);
  return writer.Take();
}

}  // namespace pawl::checker
