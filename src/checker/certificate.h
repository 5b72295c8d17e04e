// A certificate: the finished search of a prover, in a form that is re-checked without searching.
//
//   Result<Certificate> certificate = ReadCertificate(bytes, limits);     // the checker's side
//   std::string bytes = WriteCertificate(certificate);                    // the prover's side
//
// The binary format is specified in spec/certificate.md. It is canonical: ReadCertificate accepts exactly the bytes
// that WriteCertificate gives, so equal proofs are equal files and have equal digests. Nothing in a certificate is
// believed: it holds no bound, no weight and no property, only where to split and which row to refute at each leaf.
//
// Building one:
//
//   Certificate certificate;
//   certificate.arithmetic = Arithmetic::kFloat32;
//   certificate.network = digest_of_network_file;
//   certificate.property = digest_of_property_file;
//   CaseProof& case_proof = certificate.cases.emplace_back();             // one per case of the property, in order
//   case_proof.conjunctions = 1;                                          // as many as the case has
//   GroupProof& proof = case_proof.groups.emplace_back();                 // one tree for all conjunctions
//   proof.members = {0};
//   proof.arguments.push_back({Recipe::kForward, {{{{.row = 0, .multiplier = kUnitMultiplier}}}}});
//   proof.nodes.push_back(Node::MidpointSplit(/*input=*/2));              // pre-order: node, low child, high child
//   proof.nodes.push_back(Node::Leaf(/*argument=*/0));                    // x2 <= midpoint
//   proof.nodes.push_back(Node::Leaf(/*argument=*/0));                    // x2 >= midpoint
//
// Thread safety: values, no shared state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/decimal.h"
#include "result/result.h"

namespace pawl::checker {

using Digest = std::array<std::uint8_t, 32>;  // SHA-256

// Under which arithmetic the property is claimed. The numbers are those of the file.
enum class Arithmetic : std::uint8_t {
  kReal = 0,     // the network's real-number semantics
  kFloat32 = 1,  // every single-precision evaluation: any order of summation, FMA, flush-to-zero
  kFloat64 = 2,  // the same in double precision
};

// How a leaf's box becomes bounds on its rows. The numbers are those of the file.
enum class Recipe : std::uint8_t {
  // Forward affine forms over the inputs for every node, then one backward substitution per row; the better counts.
  kForward = 1,
  // As kForward, and every neuron whose sign the forward forms leave open gets a backward substitution of its own
  // before it is relaxed. Dearer by the number of such neurons, much tighter.
  kBackward = 2,
  // Bounds from the root section, computed once for the whole case; one backward substitution per row and leaf.
  kRoot = 3,
};

// One row with its weight in a combination of rows of one conjunction, numbered as the property lists them.
struct Term {
  std::uint32_t row = 0;
  // (8 + (m & 7)) * 2^(m >> 3): 256 positive weights from 8 to 15 * 2^31. Only ratios matter.
  std::uint8_t multiplier = 0;
  friend bool operator==(const Term&, const Term&) = default;
};
inline constexpr std::uint8_t kUnitMultiplier = 0;

// The weight that an 8-bit multiplier stands for; exact.
constexpr double MultiplierWeight(std::uint8_t multiplier) {
  return static_cast<double>(std::uint64_t{8u + (multiplier & 7u)} << (multiplier >> 3));
}

// Slopes of the functions below open ReLUs, one byte a listed neuron; see SlopeOf.
using SlopeTable = std::vector<std::uint8_t>;

// The slope in [0, 1] that a byte stands for; exact.
constexpr double SlopeOf(std::uint8_t byte) { return byte == 0xFF ? 1.0 : byte / 256.0; }

// The split multiplier that a byte stands for: 0, or from 9·2^-23 to 15·2^8; exact.
constexpr double SplitWeight(std::uint8_t byte) {
  return byte == 0 ? 0.0 : static_cast<double>(std::uint64_t{8u + (byte & 7u)} << (byte >> 3)) * 0x1p-23;
}

// Why one conjunction of the unsafe set is not reached: the weighted sum of these rows exceeds its right-hand side. One
// term (with kUnitMultiplier) is the usual case. Rows strictly increase; never empty.
using Refutation = std::vector<Term>;

// How a leaf is proven. Many leaves share one argument.
struct Argument {
  Recipe recipe = Recipe::kForward;
  std::vector<Refutation> refutations;  // one per conjunction of the group, in order
  // Empty, or for each refutation the slopes of its row's substitution: one for each listed neuron of all layers.
  std::vector<SlopeTable> slopes = {};
  friend bool operator==(const Argument&, const Argument&) = default;
};

enum class NodeKind : std::uint8_t {
  kLeaf,
  kWeightedLeaf,   // with split multipliers, the next ones of GroupProof::weights
  kMidpointSplit,  // at SplitMidpoint(lower, upper) of the node's own box
  kValueSplit,     // at `value`, strictly inside the node's box and not its midpoint
  kNeuronSplit,    // of a ReLU's operand, at 0
};

struct Node {
  NodeKind kind = NodeKind::kLeaf;
  std::uint32_t index = 0;  // leaf: of the argument; split: of the input or neuron
  double value = 0;         // kValueSplit only, else 0

  static Node Leaf(std::uint32_t argument) { return {NodeKind::kLeaf, argument, 0}; }
  static Node WeightedLeaf(std::uint32_t argument) { return {NodeKind::kWeightedLeaf, argument, 0}; }
  static Node MidpointSplit(std::uint32_t input) { return {NodeKind::kMidpointSplit, input, 0}; }
  static Node ValueSplit(std::uint32_t input, double value) { return {NodeKind::kValueSplit, input, value}; }
  static Node NeuronSplit(std::uint32_t neuron) { return {NodeKind::kNeuronSplit, neuron, 0}; }
  friend bool operator==(const Node&, const Node&) = default;
};
constexpr bool IsLeaf(NodeKind kind) { return kind == NodeKind::kLeaf || kind == NodeKind::kWeightedLeaf; }

// Some conjunctions of a case, refuted together: a binary tree in pre-order. A split is followed by the whole tree of
// its low child (x <= value), then by that of its high child (x >= value).
struct GroupProof {
  std::vector<std::uint32_t> members;  // conjunctions of the case, strictly increasing
  std::vector<Argument> arguments;
  std::vector<Node> nodes;
  // Of the weighted leaves, in pre-order: for each member, one for each neuron split on the leaf's path, root first.
  std::vector<std::uint8_t> weights;
  friend bool operator==(const GroupProof&, const GroupProof&) = default;
};

// Which side of 0 a split neuron is on.
struct Phase {
  std::uint32_t neuron = 0;
  bool positive = false;  // the high child: at least 0; else at most 0
};

// How the bounds of one ReLU's operand are found for Recipe::kRoot, and which of its neurons have slopes in tables.
enum class RootMode : std::uint8_t {
  kDefault = 0,    // no tables
  kPerLayer = 1,   // two tables: for lower and for upper bounds of all neurons
  kPerNeuron = 2,  // two tables for each listed neuron, in order
  kBySplits = 3,   // two trees for each listed neuron, in order; their leaves have a table each
};
struct RootLayer {
  std::uint32_t neurons = 0;
  std::vector<std::uint8_t> listed;  // ceil(neurons / 8) bytes; bit n & 7 of byte n >> 3
  RootMode mode = RootMode::kDefault;
  // One after the other; each has one slope for each listed neuron of the layers before.
  std::vector<std::uint8_t> tables = {};
  // kBySplits: the nodes of all trees in pre-order, 0 for a leaf, else 1 more than the neuron of the layers before that
  // is split; and of all leaves in order, one split multiplier for each split on the path, root first.
  std::vector<std::uint32_t> splits = {};
  std::vector<std::uint8_t> weights = {};

  bool lists(std::size_t neuron) const { return (listed[neuron >> 3] >> (neuron & 7) & 1) != 0; }
  std::size_t listed_count() const;
  friend bool operator==(const RootLayer&, const RootLayer&) = default;
};

// The way down a tree of neuron splits whose nodes come in pre-order. A split is entered by adding its phase.
struct SplitPath {
  std::vector<Phase> phases;  // from the root down; the low child first
  // From a leaf to the next subtree; false where the tree is whole.
  bool Next();
};

// A leaf of RootMode::kBySplits: what bounds one neuron where its phases hold. Spans point into the layer.
struct BoundLeaf {
  std::size_t tree = 0;            // 2n: of the lower bound of the nth listed neuron, 2n + 1: of the upper one
  std::vector<Phase> phases = {};  // from the root down
  std::span<const std::uint8_t> slopes = {};   // one for each listed neuron of the layers before
  std::span<const std::uint8_t> weights = {};  // one a phase
};
// The leaves of a layer's trees, in order; nothing where its nodes, tables and weights are not those of two whole trees
// for each listed neuron. Whether the split neurons exist is not looked at.
std::optional<std::vector<BoundLeaf>> BoundLeaves(const RootLayer& layer, std::size_t listed_before);

// One case of the property's input set. Its conjunctions are shared out to groups: each is in exactly one.
struct CaseProof {
  std::uint32_t conjunctions = 0;
  std::vector<RootLayer> root;  // empty, or one a ReLU of the network, in order
  std::vector<GroupProof> groups;
  friend bool operator==(const CaseProof&, const CaseProof&) = default;
};

// How far the elements of a constant of the network may be from their values, each on its own.
struct TensorRadius {
  std::string tensor;  // the name of an initialiser, or of what a Constant node makes
  double radius = 0;   // absolute; above 0, finite
  friend bool operator==(const TensorRadius&, const TensorRadius&) = default;
};

// What a proof of drift is about instead of the property's unsafe set: on the boxes of the property, each output of the
// network is within a bound of the baseline's.
struct Drift {
  Digest baseline{};                   // of the baseline's file
  std::vector<model::Decimal> within;  // one an output; above 0
  friend bool operator==(const Drift&, const Drift&) = default;
};

struct Certificate {
  Arithmetic arithmetic = Arithmetic::kReal;
  Digest network{};
  Digest property{};
  // The envelope: what is proven holds of every network that is this one but for these tensors, which are within their
  // radii. Names increase, byte by byte. Empty: of this network alone.
  std::vector<TensorRadius> radii;
  // Not together with radii. The cases are those of DriftProperty (drift.h): two conjunctions an output.
  std::optional<Drift> drift = {};
  std::vector<CaseProof> cases;
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

// What a reader refuses before it allocates. The defaults suit a gate; a caller may lower or raise each.
struct CertificateLimits {
  std::size_t bytes_max = 256u << 20;
  std::uint64_t cases_max = 100'000;
  std::uint64_t radii_max = 30'000;
  std::uint64_t name_bytes_max = 1'024;     // of a tensor's name, or of a bound of drift
  std::uint64_t outputs_max = 100'000;      // whose drift is bounded
  std::uint64_t nodes_max = 64'000'000;     // in all cases together; also of split multipliers
  std::uint64_t arguments_max = 1'000'000;  // in all cases together
  std::uint64_t terms_max = 4'000'000;      // in all arguments together
  std::uint32_t depth_max = 4'096;          // splits between a root and a leaf
};

// The point at which kMidpointSplit cuts [lower, upper]: lower/2 + upper/2 in IEEE double precision, to nearest, ties
// to even, no excess precision. It does not overflow. Where the interval is so small that the result is not strictly
// inside, the split is refused.
constexpr double SplitMidpoint(double lower, double upper) { return lower * 0.5 + upper * 0.5; }

// Reads one certificate.
// Failure: kMalformed "certificate.*" where the bytes are not the canonical form of a certificate, kLimit
// "certificate.limit-*" where a limit is exceeded. It says nothing about whether the proof holds: that is Check's.
Result<Certificate> ReadCertificate(std::span<const std::uint8_t> bytes, const CertificateLimits& limits = {});

// The canonical bytes of a certificate. Arguments are renumbered by first use; unused and duplicate ones are left out,
// so a prover may append them as it goes. Requires well-formed trees, as ReadCertificate gives them: what is not is
// written as it stands and refused by ReadCertificate.
std::string WriteCertificate(const Certificate& certificate);

}  // namespace pawl::checker
