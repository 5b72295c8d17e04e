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
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kNone = 0;  // no weight radius, no slope tables

// First bytes of a tree's nodes.
constexpr std::uint32_t kShortArguments = 0x60;  // 00..5F
constexpr std::uint8_t kLongLeaf = 0x60, kLongSplit = 0x61, kValueSplit = 0x62, kShortSplit = 0x80;
constexpr std::uint32_t kShortInputs = 0x80;  // 80..FF

// Argument is made of vectors; they compare by value, so a map finds duplicates in logarithmic time.
struct ArgumentLess {
  static auto Key(const Term& t) { return std::pair(t.row, t.multiplier); }
  bool operator()(const Argument& a, const Argument& b) const {
    if (a.recipe != b.recipe) return a.recipe < b.recipe;
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
  void Double(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) Byte(static_cast<std::uint8_t>(bits >> shift));
  }

  void Case(const CaseProof& proof) {
    // Number arguments by first use; equal ones get one number.
    std::map<Argument, std::uint32_t, ArgumentLess> known;
    std::vector<std::optional<std::uint32_t>> renumbered(proof.arguments.size());
    std::vector<const Argument*> used;
    for (const Node& node : proof.nodes) {
      if (node.kind != NodeKind::kLeaf || node.index >= renumbered.size() || renumbered[node.index]) continue;
      const Argument& argument = proof.arguments[node.index];
      const auto [at, is_new] = known.emplace(argument, static_cast<std::uint32_t>(used.size()));
      if (is_new) used.push_back(&argument);
      renumbered[node.index] = at->second;
    }
    Varint(proof.conjunctions);
    Byte(kNone);
    Varint(used.size());
    for (const Argument* argument : used) Write(*argument);
    for (const Node& node : proof.nodes) {
      // An index without an argument is written as it stands, beyond the table, for the reader to refuse.
      const bool known_argument = node.index < renumbered.size() && renumbered[node.index];
      Write(node, known_argument ? *renumbered[node.index] : node.index);
    }
  }

 private:
  void Write(const Argument& argument) {
    Byte(static_cast<std::uint8_t>(argument.recipe));
    for (const Refutation& refutation : argument.refutations) {
      if (refutation.size() == 1) {
        Varint(std::uint64_t{refutation[0].row} + 1);
        continue;
      }
      Byte(0);
      Varint(refutation.size());
      for (const Term& term : refutation) {
        Varint(std::uint64_t{term.row} + 1);
        Byte(term.multiplier);
      }
    }
  }

  void Write(const Node& node, std::uint32_t argument) {
    switch (node.kind) {
      case NodeKind::kLeaf:
        if (argument < kShortArguments) return Byte(static_cast<std::uint8_t>(argument));
        Byte(kLongLeaf);
        return Varint(argument - kShortArguments);
      case NodeKind::kMidpointSplit:
        if (node.index < kShortInputs) return Byte(static_cast<std::uint8_t>(kShortSplit + node.index));
        Byte(kLongSplit);
        return Varint(node.index - kShortInputs);
      case NodeKind::kValueSplit:
        Byte(kValueSplit);
        Varint(node.index);
        return Double(node.value);
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
    if (!std::isfinite(value) || bits == std::uint64_t{1} << 63) Fail("value", "a split value is not a finite number");
    return value;
  }

  bool Header(Certificate& certificate) {
    for (const char c : kMagic) {
      if (Byte() != static_cast<std::uint8_t>(c)) Fail("magic", "not a certificate: the first bytes differ");
    }
    if (Byte() != kVersion) Fail("version", "a version other than 1");
    const std::uint8_t arithmetic = Byte();
    if (arithmetic > static_cast<std::uint8_t>(Arithmetic::kFloat64)) Fail("arithmetic", "an unknown arithmetic");
    certificate.arithmetic = static_cast<Arithmetic>(arithmetic);
    if (Byte() != kNone) Fail("weight-radius", "a weight radius, which version 1 does not have");
    for (std::uint8_t& byte : certificate.network) byte = Byte();
    for (std::uint8_t& byte : certificate.property) byte = Byte();
    return !error_;
  }

  void Case(CaseProof& proof) {
    proof.conjunctions = Varint();
    if (Byte() != kNone) Fail("slopes", "a slope table, which version 1 does not have");
    const std::uint32_t arguments = Varint();
    if (proof.conjunctions == 0) Fail("conjunctions", "a case without conjunctions");
    if (error_) return;
    if ((arguments_ += arguments) > limits_.arguments_max) return SetLimit("arguments", limits_.arguments_max);
    for (std::uint32_t i = 0; i < arguments && !error_; ++i) ReadArgument(proof);
    Tree(proof);
  }

  void ReadArgument(CaseProof& proof) {
    const std::uint8_t recipe = Byte();
    if (recipe != static_cast<std::uint8_t>(Recipe::kForward) && recipe != static_cast<std::uint8_t>(Recipe::kBackward))
      Fail("recipe", "an unknown recipe");
    // At least a byte a conjunction, so the count cannot promise more than there is.
    if (!error_ && proof.conjunctions > bytes_.size() - at_) Fail("truncated", "an argument does not fit");
    if (error_) return;
    Argument& argument = proof.arguments.emplace_back();
    argument.recipe = static_cast<Recipe>(recipe);
    for (std::uint32_t i = 0; i < proof.conjunctions && !error_; ++i) {
      Refutation& refutation = argument.refutations.emplace_back();
      const std::uint32_t row = Varint();
      const std::uint32_t terms = row == 0 ? Varint() : 1;
      if ((terms_ += terms) > limits_.terms_max) return SetLimit("terms", limits_.terms_max);
      if (row != 0) {
        refutation.push_back({row - 1, kUnitMultiplier});
        continue;
      }
      if (terms < 2) Fail("combination", "a combination of fewer than two rows");
      for (std::uint32_t k = 0; k < terms && !error_; ++k) {
        const std::uint32_t numbered = Varint();
        if (numbered == 0 || (k > 0 && numbered - 1 <= refutation.back().row))
          Fail("combination", "the rows of a combination do not increase");
        refutation.push_back({numbered - 1, Byte()});
      }
    }
  }

  // Pre-order without recursion: `low_open` holds, for each split on the path, whether its low child is being read.
  void Tree(CaseProof& proof) {
    std::vector<bool> low_open;
    for (;;) {
      if (++nodes_ > limits_.nodes_max) return SetLimit("nodes", limits_.nodes_max);
      const Node node = ReadNode();
      if (error_) return;
      proof.nodes.push_back(node);
      if (node.kind != NodeKind::kLeaf) {
        if (low_open.size() >= limits_.depth_max) return SetLimit("depth", limits_.depth_max);
        low_open.push_back(true);
        continue;
      }
      if (node.index >= proof.arguments.size()) return Fail("argument", "a leaf names an argument that is not there");
      while (!low_open.empty() && !low_open.back()) low_open.pop_back();
      if (low_open.empty()) return;
      low_open.back() = false;
    }
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
    Fail("node", "an unknown kind of node");
    return {};
  }

  void SetLimit(const char* what, std::uint64_t limit) {
    if (!error_) error_ = Limit(what, limit);
  }

  std::span<const std::uint8_t> bytes_;
  const CertificateLimits& limits_;
  std::size_t at_ = 0;
  std::uint64_t nodes_ = 0, arguments_ = 0, terms_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<Certificate> ReadCertificate(std::span<const std::uint8_t> bytes, const CertificateLimits& limits) {
  return Reader(bytes, limits).Read();
}

std::string WriteCertificate(const Certificate& certificate) {
  Writer writer;
  writer.Bytes(kMagic, sizeof kMagic);
  writer.Byte(kVersion);
  writer.Byte(static_cast<std::uint8_t>(certificate.arithmetic));
  writer.Byte(kNone);
  writer.Bytes(certificate.network.data(), certificate.network.size());
  writer.Bytes(certificate.property.data(), certificate.property.size());
  writer.Varint(certificate.cases.size());
  for (const CaseProof& proof : certificate.cases) writer.Case(proof);
  return writer.Take();
}

}  // namespace pawl::checker
