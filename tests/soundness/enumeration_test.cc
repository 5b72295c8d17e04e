// Prover and checker against the truth: small networks are evaluated on their whole input set in rational arithmetic.
//
// The box is cut into simplices. A network is affine on a simplex on which no ReLU changes its phase, so it is known
// there by its values at the vertices. Layer by layer each neuron's zero set cuts the simplices: an edge from a
// negative to a positive vertex is cut where the neuron is 0, which gives two simplices, until all vertices of each
// agree. At the end the unsafe set cuts them in the same way. Nothing is rounded, and every pattern of phases that
// occurs is visited; no linear program is needed. Shares nothing with prover and checker but the readers of their
// input.
//
//   enumeration_test [--budget SECONDS] [--seed N] [--minimum N]
#include <gmpxx.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "dense_network.h"
#include "prover/prover.h"

namespace pawl::soundness {
namespace {

using checker::Arithmetic;

constexpr std::size_t kReluMax = 16;
constexpr std::uint64_t kMoment_ms = 25;     // for a question at or near the edge, which is seldom decided later either
constexpr std::size_t kSimplicesMax = 6000;  // beyond this a network is left out, and counted

// The input's coordinates, then the values of the layer that was computed last.
using Vertex = std::vector<mpq_class>;
using Simplex = std::vector<std::uint32_t>;  // numbers of vertices

// Simplices that share their vertices: each vertex is computed once, and each edge is cut once.
struct Complex {
  std::vector<Vertex> vertices;
  std::vector<Simplex> simplices;

  // Leaves out vertices that no simplex has.
  void Compact() {
    std::vector<std::uint32_t> number(vertices.size(), 0);  // plus 1
    std::vector<Vertex> used;
    for (Simplex& simplex : simplices) {
      for (std::uint32_t& v : simplex) {
        if (number[v] == 0) {
          used.push_back(std::move(vertices[v]));
          number[v] = static_cast<std::uint32_t>(used.size());
        }
        v = number[v] - 1;
      }
    }
    vertices = std::move(used);
  }
};

// Cuts every simplex into ones with values of one sign (or 0) at position `at`. False where there are too many.
bool CutAtZero(Complex& complex, std::size_t at, std::size_t pieces_max) {
  std::vector<int> signs;
  for (const Vertex& vertex : complex.vertices) signs.push_back(sgn(vertex[at]));
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> cuts;  // of the edge from a positive to a negative
  const auto cut = [&](std::uint32_t positive, std::uint32_t negative) {
    const auto [known, is_new] = cuts.try_emplace({positive, negative}, static_cast<std::uint32_t>(signs.size()));
    if (!is_new) return known->second;
    const Vertex &p = complex.vertices[positive], &n = complex.vertices[negative];
    const mpq_class share = p[at] / (p[at] - n[at]);
    Vertex zero(p.size());
    for (std::size_t i = 0; i < zero.size(); ++i)
      zero[i] = i == at ? mpq_class(0) : mpq_class(p[i] + share * (n[i] - p[i]));
    complex.vertices.push_back(std::move(zero));
    signs.push_back(0);
    return known->second;
  };
  std::vector<Simplex> open = std::move(complex.simplices), pieces;
  while (!open.empty()) {
    Simplex piece = std::move(open.back());
    open.pop_back();
    const auto sign_is = [&](int sign) {
      return std::find_if(piece.begin(), piece.end(), [&](std::uint32_t v) { return signs[v] == sign; });
    };
    const auto positive = sign_is(1), negative = sign_is(-1);
    if (positive == piece.end() || negative == piece.end()) {
      pieces.push_back(std::move(piece));
      if (pieces.size() > pieces_max) return false;
      continue;
    }
    const std::uint32_t zero = cut(*positive, *negative);
    Simplex other = piece;
    other[static_cast<std::size_t>(negative - piece.begin())] = zero;
    *positive = zero;
    open.push_back(std::move(piece));
    open.push_back(std::move(other));
  }
  complex.simplices = std::move(pieces);
  return true;
}

// The box as simplices, one for each order of the axes (Kuhn's triangulation); corner c has the upper end of axis i
// where bit i of c is set.
Complex BoxSimplices(const std::vector<double>& lower, const std::vector<double>& upper) {
  Complex complex;
  for (std::uint32_t corner = 0; corner < 1u << lower.size(); ++corner) {
    Vertex& vertex = complex.vertices.emplace_back(lower.begin(), lower.end());
    for (std::size_t i = 0; i < lower.size(); ++i)
      if ((corner >> i & 1) != 0) vertex[i] = upper[i];
  }
  std::vector<std::size_t> axes(lower.size());
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  do {
    Simplex simplex = {0};
    for (const std::size_t axis : axes) simplex.push_back(simplex.back() | 1u << axis);
    complex.simplices.push_back(std::move(simplex));
  } while (std::next_permutation(axes.begin(), axes.end()));
  return complex;
}

// Simplices on which the network is affine, with the outputs at their vertices. Nothing where there are too many.
std::optional<Complex> AffinePieces(const DenseNetwork& network, Complex complex) {
  const std::size_t inputs = network.inputs();
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const DenseLayer& layer = network.layers[l];
    const std::size_t first = l == 0 ? 0 : inputs;  // where the operands stand
    complex.Compact();
    for (Vertex& vertex : complex.vertices) {
      Vertex next(vertex.begin(), vertex.begin() + static_cast<std::ptrdiff_t>(inputs));
      for (std::size_t i = 0; i < layer.weights.size(); ++i) {
        mpq_class& z = next.emplace_back(layer.bias[i]);
        for (std::size_t j = 0; j < layer.weights[i].size(); ++j)
          z += mpq_class(layer.weights[i][j]) * vertex[first + j];
      }
      vertex = std::move(next);
    }
    if (!layer.relu) continue;
    for (std::size_t i = 0; i < layer.weights.size(); ++i) {
      if (!CutAtZero(complex, inputs + i, kSimplicesMax)) return std::nullopt;
      for (Vertex& vertex : complex.vertices)
        if (sgn(vertex[inputs + i]) < 0) vertex[inputs + i] = 0;
    }
  }
  complex.Compact();
  return complex;
}

// Σ coefficients·(inputs, then outputs) <= bound.
struct Row {
  std::vector<mpq_class> coefficients;
  std::vector<std::string> texts;
  mpq_class bound;
  std::string bound_text;
};

mpq_class ValueOf(const Row& row, const Vertex& vertex) {
  mpq_class value = 0;
  for (std::size_t i = 0; i < vertex.size(); ++i) value += row.coefficients[i] * vertex[i];
  return value;
}

// Whether some point satisfies all rows.
bool IsReached(Complex complex, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    for (Vertex& vertex : complex.vertices) vertex.push_back(ValueOf(row, vertex) - row.bound);
    const std::size_t at = complex.vertices[0].size() - 1;
    CutAtZero(complex, at, std::numeric_limits<std::size_t>::max());
    const auto sign = [&](std::uint32_t v) { return sgn(complex.vertices[v][at]); };
    for (Simplex& part : complex.simplices) {
      // Only vertices on the zero set of a part above it can satisfy the row: a face, a simplex of fewer vertices.
      if (std::any_of(part.begin(), part.end(), [&](std::uint32_t v) { return sign(v) > 0; }))
        std::erase_if(part, [&](std::uint32_t v) { return sign(v) != 0; });
    }
    std::erase_if(complex.simplices, [](const Simplex& part) { return part.empty(); });
    if (complex.simplices.empty()) return false;
    complex.Compact();
    for (Vertex& vertex : complex.vertices) vertex.pop_back();
  }
  return true;
}

// `value` times 10^digits, rounded down, as a decimal text; with `units` added in the last place.
std::string DecimalText(const mpq_class& value, unsigned digits, long units) {
  mpz_class scale;
  mpz_ui_pow_ui(scale.get_mpz_t(), 10, digits);
  mpz_class scaled;
  const mpq_class product = value * scale;
  mpz_fdiv_q(scaled.get_mpz_t(), product.get_num_mpz_t(), product.get_den_mpz_t());
  scaled += units;
  std::string text = mpz_class(abs(scaled)).get_str();
  if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
  text.insert(text.size() - digits, ".");
  return (sgn(scaled) < 0 ? "-" : "") + text;
}

mpq_class DecimalValue(std::string text) {
  const std::size_t point = text.find('.');
  mpz_class scale;
  mpz_ui_pow_ui(scale.get_mpz_t(), 10, text.size() - point - 1);
  mpq_class value{mpz_class(text.erase(point, 1), 10), scale};
  value.canonicalize();
  return value;
}

std::string RowText(const Row& row, std::size_t inputs) {
  std::string sum = "(+ 0";
  for (std::size_t i = 0; i < row.texts.size(); ++i) {
    if (sgn(row.coefficients[i]) == 0) continue;
    const std::string variable = i < inputs ? "X_" + std::to_string(i) : "Y_" + std::to_string(i - inputs);
    sum += " (* " + row.texts[i] + " " + variable + ")";
  }
  return "(<= " + sum + ") " + row.bound_text + ")";
}

class Suite {
 public:
  explicit Suite(std::uint64_t seed) : random_(seed) {}

  // False where the network has too many pieces.
  bool Case() {
    Draw();
    const std::optional<Complex> pieces = AffinePieces(network_, BoxSimplices(lower_, upper_));
    if (!pieces) return ++left_out_, false;
    pieces_ += pieces->simplices.size();
    asked_.emplace(network_bytes_);
    KnifeEdge(*pieces);
    Conjunctions(*pieces);
    return true;
  }

  void Report(std::size_t cases, double seconds) const {
    std::printf(
        "%zu networks of at most %zu ReLUs (%zu pieces in all, %zu networks left out), %zu questions to the prover: "
        "%zu proven, %zu violated, %zu unknown, %zu empty; %zu ties, %zu certificates shown to a false claim (%.1f "
        "s)\n",
        cases, kReluMax, pieces_, left_out_, questions_, proven_, violated_, unknown_, empty_, ties_, shown_, seconds);
    EXPECT_GT(proven_, cases);
    EXPECT_GT(violated_, cases / 2);
    EXPECT_GT(ties_, cases / 20);
    EXPECT_GT(shown_, cases / 2);
    EXPECT_LT(left_out_, cases);
  }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }

  void Draw() {
    // Whole numbers and halves give ties that decimals can state; others are as trained networks have them.
    const bool whole = Below(2) == 0;
    std::normal_distribution<float> normal(0, 1);
    const auto draw = [&] {
      return whole ? static_cast<float>(static_cast<int>(Below(9)) - 4) / 2 : Below(9) == 0 ? 0 : normal(random_);
    };
    network_ = {};
    std::size_t from = 1 + Below(3), relus = 0;
    const std::size_t hidden = 1 + Below(3);
    for (std::size_t l = 0; l < hidden; ++l) {
      const std::size_t to = 1 + Below(std::min<std::size_t>(8, kReluMax - relus - (hidden - l - 1)));
      relus += to;
      network_.layers.push_back(MakeLayer(from, to, draw));
      from = to;
    }
    network_.layers.push_back(MakeLayer(from, 1 + Below(2), draw));
    network_.layers.back().relu = false;
    network_bytes_ = network_.ToOnnx();
    lower_.clear();
    upper_.clear();
    box_ = {};
    for (std::size_t i = 0; i < network_.inputs(); ++i) {
      // In eighths, so that single precision rounds nothing and both arithmetics speak of one box.
      lower_.push_back(static_cast<double>(static_cast<int>(Below(17)) - 8) / 8);
      upper_.push_back(lower_.back() + static_cast<double>(1 + Below(16)) / 8);
      box_.lower.push_back(Text("%.3f", lower_.back()));
      box_.upper.push_back(Text("%.3f", upper_.back()));
    }
  }

  Row RandomRow() {
    Row row;
    for (std::size_t i = 0; i < network_.inputs() + network_.outputs(); ++i) {
      const bool used = i == network_.inputs() || Below(i < network_.inputs() ? 4 : 2) == 0;
      const int tenths = used ? 1 + static_cast<int>(Below(20)) : 0;
      row.texts.push_back(Text("%.1f", (Below(2) == 0 ? -tenths : tenths) / 10.0));
      row.coefficients.push_back(DecimalValue(row.texts.back()));
    }
    return row;
  }

  void Bound(Row& row, const mpq_class& value, unsigned digits, long units) {
    row.bound_text = DecimalText(value, digits, units);
    row.bound = DecimalValue(row.bound_text);
  }

  static mpq_class Least(const Complex& pieces, const Row& row) {
    std::optional<mpq_class> least;
    for (const Vertex& vertex : pieces.vertices) {
      const mpq_class value = ValueOf(row, vertex);
      if (!least || value < *least) least = value;
    }
    return *least;
  }

  std::string PropertyText(const std::vector<std::vector<Row>>& conjunctions) const {
    std::string text = Declarations(network_.inputs(), network_.outputs()) + BoxAssertions(box_) + "(assert (or";
    for (const std::vector<Row>& rows : conjunctions) {
      text += " (and";
      for (const Row& row : rows) text += " " + RowText(row, network_.inputs());
      text += ")";
    }
    return text + "))\n";
  }

  // Asks the prover, compares with the truth, and returns the certificate.
  std::string Ask(const std::string& text, bool is_reached, Arithmetic arithmetic, std::uint64_t timeout_ms) {
    const Result<model::Property> property = model::ReadVnnlib(text, {});
    if (!property.ok()) {  // bounds of one output contradict each other, in all alternatives or in one of them
      const std::string& rule = property.error().rule;
      EXPECT_TRUE(rule == "vnnlib.empty" || rule == "vnnlib.empty-alternative") << rule << "\n" << text;
      EXPECT_FALSE(is_reached && rule == "vnnlib.empty") << "refused as empty, but some point is unsafe\n" << text;
      ++empty_;
      return {};
    }
    prover::ProofRequest request;
    request.network = &asked_->network();
    request.property = &*property;
    request.network_digest = asked_->digest();
    request.property_digest = Sha256(text);
    request.arithmetic = arithmetic;
    request.timeout_ms = timeout_ms;
    request.threads = 1;
    request.recipe = static_cast<prover::RecipeChoice>(Below(3));
    const prover::ProofResult result = Prove(request);
    ++questions_;
    switch (result.status) {
      case prover::ProofStatus::kProven: {
        ++proven_;
        EXPECT_FALSE(is_reached) << "proven, but some point is unsafe\n" << text;
        const std::string certificate(result.certificate.begin(), result.certificate.end());
        EXPECT_TRUE((*asked_)(*property, Sha256(text), certificate, arithmetic).proven) << text;
        return certificate;
      }
      case prover::ProofStatus::kViolated:
        ++violated_;
        EXPECT_TRUE(is_reached || !result.counterexample.violates_real) << "violated, but no point is unsafe\n" << text;
        EXPECT_TRUE(result.counterexample.violates_real || arithmetic != Arithmetic::kReal) << text;
        break;
      case prover::ProofStatus::kUnknown:
        ++unknown_;
        break;
    }
    return {};
  }

  // Thresholds at, just below and just above what is reached.
  void KnifeEdge(const Complex& pieces) {
    Row row = RandomRow();
    const mpq_class least = Least(pieces, row);
    const auto arithmetic = Below(2) == 0 ? Arithmetic::kReal : Arithmetic::kFloat32;
    Bound(row, least, 2, -2);
    const std::string certificate = Ask(PropertyText({{row}}), false, arithmetic, 2000);
    for (const auto& [digits, units] : {std::pair{12u, 1l}, {6u, 1l}, {6u, 0l}, {9u, -1l}}) {
      Bound(row, least, digits, units);
      const bool is_reached = row.bound >= least;
      ties_ += row.bound == least ? 1 : 0;
      EXPECT_EQ(is_reached, IsReached(pieces, {row}));
      const std::string text = PropertyText({{row}});
      if (digits == 6) Ask(text, is_reached, arithmetic, kMoment_ms);
      if (certificate.empty()) continue;
      const bool proven = (*asked_)(text, certificate, arithmetic).proven;
      EXPECT_FALSE(proven && is_reached) << "an accepted certificate of a false claim\n" << text;
      shown_ += is_reached ? 1 : 0;
    }
  }

  // Several conjunctions of several rows.
  void Conjunctions(const Complex& pieces) {
    std::vector<std::vector<Row>> conjunctions(1 + Below(2));
    bool is_reached = false;
    for (std::vector<Row>& rows : conjunctions) {
      for (std::size_t i = 1 + Below(3); i > 0; --i) {
        Row row = RandomRow();
        const mpq_class slack = mpq_class(static_cast<long>(Below(40)), 20);
        Bound(row, Least(pieces, row) + slack, 3, Below(3) == 0 ? -20 : 1);
        rows.push_back(row);
      }
      is_reached = is_reached || IsReached(pieces, rows);
    }
    Ask(PropertyText(conjunctions), is_reached, Below(2) == 0 ? Arithmetic::kReal : Arithmetic::kFloat32, kMoment_ms);
  }

  Random random_;
  DenseNetwork network_;
  std::string network_bytes_;
  std::optional<Asked> asked_;
  std::vector<double> lower_, upper_;
  TextBox box_;
  std::size_t pieces_ = 0, left_out_ = 0, empty_ = 0, questions_ = 0, proven_ = 0, violated_ = 0, unknown_ = 0,
              ties_ = 0, shown_ = 0;
};

TEST(Enumeration, ProverAndCheckerAgreeWithTheTruth) {
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const std::size_t cases_min = Options().cases_min ? Options().cases_min : 300;
  Suite suite(Options().seed);
  std::size_t cases = 0;
  while (cases < cases_min || spent() < Options().budget_seconds) {
    if (suite.Case()) ++cases;
    if (::testing::Test::HasFailure()) break;
  }
  suite.Report(cases, spent());
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!pawl::soundness::ParseOptions(argc, argv)) {
    std::fprintf(stderr, "usage: enumeration_test [--budget SECONDS] [--seed N] [--minimum N]\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
