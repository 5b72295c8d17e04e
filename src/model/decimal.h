// Exact decimal numbers: what a property file says, before any rounding.
//
//   Result<Decimal> c = Decimal::Parse("-0.328422877", 100);
//   if (c->Compare(x) < 0) ...                   // c < x, decided exactly, x any finite double
//   Enclosure e = c->EncloseFloat64();           // e.lower ≤ c ≤ e.upper, neighbouring doubles or equal
//   double r = c->NearestFloat32();              // what strtof would give
//
// A value is ± digits × 10^exponent with digits a big natural number. Every finite double is such a number too
// (m·2^-k = m·5^k·10^-k), so sums, products and comparisons of decimals and doubles are exact and stay in the type.
// There is no division. No floating-point operation decides anything here: a library routine proposes a double, exact
// comparison accepts it or a bisection over all doubles finds the right one.
//
// Thread safety: values.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::model {

struct Enclosure {
  double lower = 0;  // the largest value of the format that is ≤ the number; −infinity where there is none
  double upper = 0;  // the smallest value of the format that is ≥ the number; +infinity where there is none
};

class Decimal {
 public:
  Decimal() = default;  // 0

  // [+-] digits [. digits] [(e|E) [+-] digits], nothing else. Refused: other text (decimal.syntax), more than
  // `digits_max` digits or an exponent beyond ±kExponentMax (decimal.limit).
  static Result<Decimal> Parse(std::string_view text, size_t digits_max);
  static constexpr int kExponentMax = 400;

  // Exactly the value; requires it to be finite.
  static Decimal FromDouble(double value);

  Decimal operator-() const;
  friend Decimal operator+(const Decimal& a, const Decimal& b);
  friend Decimal operator-(const Decimal& a, const Decimal& b) { return a + (-b); }
  friend Decimal operator*(const Decimal& a, const Decimal& b);
  friend std::strong_ordering operator<=>(const Decimal& a, const Decimal& b);
  friend bool operator==(const Decimal& a, const Decimal& b) { return (a <=> b) == 0; }

  // −1, 0, 1.
  int Sign() const { return digits_.empty() ? 0 : negative_ ? -1 : 1; }
  // The sign of (this − value). `value` may be infinite but not NaN.
  int Compare(double value) const;

  // The tightest enclosures by values of the two formats.
  Enclosure EncloseFloat64() const;
  Enclosure EncloseFloat32() const;
  // Round to nearest, ties to even, as IEEE 754 has it (infinite beyond the largest finite value's rounding range).
  double NearestFloat64() const;
  double NearestFloat32() const;

  // At least as many decimal digits as the value has when written out without exponent: what arithmetic on it costs.
  size_t DigitBound() const {
    return 10 * digits_.size() + static_cast<size_t>(exponent_ < 0 ? -exponent_ : exponent_);
  }

  // Canonical text without exponent: "-12.5", "0", "0.001". Parse gives the same value again.
  std::string ToString() const;

 private:
  // Base 2^32, least significant first, no leading zeros; empty is 0.
  std::vector<uint32_t> digits_;
  int32_t exponent_ = 0;
  bool negative_ = false;

  friend class DecimalArithmetic;
};

}  // namespace pawl::model
