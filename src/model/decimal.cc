#include "model/decimal.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

namespace pawl::model {

using Words = std::vector<uint32_t>;  // base 2^32, least significant first, no leading zeros

// Natural numbers, schoolbook: the numbers here have tens of words, a thousand at most.
class DecimalArithmetic {
 public:
  static void Trim(Words& a) {
    while (!a.empty() && a.back() == 0) a.pop_back();
  }

  static void MultiplySmall(Words& a, uint32_t factor, uint32_t carry_in = 0) {
    uint64_t carry = carry_in;
    for (uint32_t& word : a) {
      carry += uint64_t{word} * factor;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) a.push_back(static_cast<uint32_t>(carry));
  }

  // a := a · base^power, for bases below 2^16.
  static void MultiplyPower(Words& a, uint32_t base, uint64_t power) {
    if (a.empty()) return;
    while (power > 0) {
      uint32_t chunk = 1;
      for (; power > 0 && chunk < (1u << 16); --power) chunk *= base;
      MultiplySmall(a, chunk);
    }
  }

  static void ShiftLeft(Words& a, uint64_t bits) {
    MultiplySmall(a, 1u << (bits % 32));
    if (!a.empty()) a.insert(a.begin(), bits / 32, 0u);
  }

  static std::strong_ordering Compare(const Words& a, const Words& b) {
    if (a.size() != b.size()) return a.size() <=> b.size();
    return std::lexicographical_compare_three_way(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  }

  static Words Add(Words a, const Words& b) {
    a.resize(std::max(a.size(), b.size()) + 1, 0);
    uint64_t carry = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      carry += uint64_t{a[i]} + (i < b.size() ? b[i] : 0u);
      a[i] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    Trim(a);
    return a;
  }

  // Requires a ≥ b.
  static Words Subtract(Words a, const Words& b) {
    int64_t borrow = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      int64_t difference = int64_t{a[i]} - (i < b.size() ? b[i] : 0u) - borrow;
      borrow = difference < 0 ? 1 : 0;
      a[i] = static_cast<uint32_t>(difference + (borrow << 32));
    }
    assert(borrow == 0);
    Trim(a);
    return a;
  }

  static Words Multiply(const Words& a, const Words& b) {
    Words product(a.size() + b.size(), 0);
    for (size_t i = 0; i < a.size(); ++i) {
      uint64_t carry = 0;
      for (size_t j = 0; j < b.size() || carry != 0; ++j) {
        carry += product[i + j] + uint64_t{a[i]} * (j < b.size() ? b[j] : 0u);
        product[i + j] = static_cast<uint32_t>(carry);
        carry >>= 32;
      }
    }
    Trim(product);
    return product;
  }

  // The digits of a and b over the smaller of their exponents.
  static int32_t Align(const Decimal& a, const Decimal& b, Words& a_digits, Words& b_digits) {
    const int32_t exponent = std::min(a.exponent_, b.exponent_);
    a_digits = a.digits_;
    b_digits = b.digits_;
    MultiplyPower(a_digits, 10, static_cast<uint64_t>(int64_t{a.exponent_} - exponent));
    MultiplyPower(b_digits, 10, static_cast<uint64_t>(int64_t{b.exponent_} - exponent));
    return exponent;
  }

  // Roughly the value, to start a search from; within a few units in the last place unless it under- or overflows.
  static double Guess(const Decimal& a) {
    double digits = 0;
    const size_t skipped = a.digits_.size() > 3 ? a.digits_.size() - 3 : 0;
    for (size_t i = a.digits_.size(); i > skipped; --i) digits = digits * 0x1p32 + a.digits_[i - 1];
    const double value = std::exp2(std::log2(digits) + 32.0 * static_cast<double>(skipped) +
                                   static_cast<double>(a.exponent_) * std::log2(10.0));
    const double direct = skipped == 0 && std::abs(a.exponent_) < 300 ? digits * std::pow(10.0, a.exponent_) : value;
    return a.negative_ ? -direct : direct;
  }
};

using Arithmetic = DecimalArithmetic;

namespace {

// The finite values of a format and its infinities, numbered in ascending order with 0 for zero.
template <typename Float, typename Bits>
struct Format {
  static constexpr Bits kInfinity = std::bit_cast<Bits>(std::numeric_limits<Float>::infinity());
  static double Value(int64_t number) {
    const double magnitude = std::bit_cast<Float>(static_cast<Bits>(std::abs(number)));
    return number < 0 ? -magnitude : magnitude;
  }
  static int64_t Number(double value) {
    const auto limit = static_cast<double>(std::numeric_limits<Float>::max());
    if (!(std::fabs(value) < limit)) value = std::copysign(limit, value);
    const auto magnitude = static_cast<int64_t>(std::bit_cast<Bits>(static_cast<Float>(std::fabs(value))));
    return value < 0 ? -magnitude : magnitude;
  }
};
using Float32Format = Format<float, uint32_t>;
using Float64Format = Format<double, uint64_t>;

// The number of the largest value ≤ x: steps of growing size from a guess until x is bracketed, then bisection.
template <typename F>
int64_t LowerNumber(const Decimal& x, double guess) {
  constexpr auto kInfinity = static_cast<int64_t>(F::kInfinity);
  const auto at_most_x = [&](int64_t number) { return x.Compare(F::Value(number)) >= 0; };
  int64_t low = F::Number(guess), step = 1;
  while (!at_most_x(low)) {
    low = std::max(-kInfinity, low - step);
    step *= 2;
  }
  int64_t high = low;
  for (step = 1; at_most_x(high); step *= 2) {
    low = high;
    high = std::min(kInfinity, high + step);
  }
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (at_most_x(middle) ? low : high) = middle;
  }
  return low;
}

template <typename F>
Enclosure Enclose(const Decimal& x, double guess) {
  const int64_t low = LowerNumber<F>(x, guess);
  return {F::Value(low), x.Compare(F::Value(low)) == 0 ? F::Value(low) : F::Value(low + 1)};
}

// `overflow`: the power of two that follows the largest finite value, half way to which rounding becomes infinite.
template <typename F>
double Nearest(const Decimal& x, double guess, const Decimal& overflow) {
  const int64_t low = LowerNumber<F>(x, guess);
  const auto exact = [&](double value) {
    return std::isfinite(value) ? Decimal::FromDouble(value) : value < 0 ? -overflow : overflow;
  };
  const double lower = F::Value(low), upper = F::Value(low + 1);
  const auto order = x + x <=> exact(lower) + exact(upper);
  if (order == 0) return low % 2 == 0 ? lower : upper;
  return order < 0 ? lower : upper;
}

}  // namespace

Result<Decimal> Decimal::Parse(std::string_view text, size_t digits_max) {
  const auto syntax = [&] {
    return Malformed("decimal.syntax", "not a decimal number: '" + std::string(text.substr(0, 60)) + "'");
  };
  const auto limit = [&] {
    return LimitReached("decimal.limit", "a number has too many digits or too large an exponent");
  };
  size_t at = 0, digit_count = 0;
  const auto digit_at = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  const auto sign_at = [&](size_t i) { return i < text.size() && (text[i] == '-' || text[i] == '+'); };
  Decimal value;
  if (sign_at(at)) value.negative_ = text[at++] == '-';
  bool after_point = false;
  for (; digit_at(at) || (at < text.size() && text[at] == '.' && !after_point); ++at) {
    if (text[at] == '.') {
      after_point = true;
      if (digit_count == 0 || !digit_at(at + 1)) return syntax();  // ".5" and "5." are not numbers
      continue;
    }
    if (++digit_count > digits_max) return limit();
    Arithmetic::MultiplySmall(value.digits_, 10, static_cast<uint32_t>(text[at] - '0'));
    if (after_point) --value.exponent_;
  }
  if (digit_count == 0) return syntax();
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool negative = sign_at(at) && text[at] == '-';
    if (sign_at(at)) ++at;
    if (!digit_at(at)) return syntax();
    int exponent = 0;
    for (; digit_at(at); ++at) {
      exponent = exponent * 10 + (text[at] - '0');
      if (exponent > kExponentMax) return limit();
    }
    value.exponent_ += negative ? -exponent : exponent;
  }
  if (at != text.size()) return syntax();
  if (value.digits_.empty()) value = Decimal();
  return value;
}

Decimal Decimal::FromDouble(double value) {
  assert(std::isfinite(value));
  Decimal result;
  if (value == 0) return result;
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);
  auto mantissa = static_cast<uint64_t>(std::ldexp(fraction, 53));  // exact: 53 bits
  exponent -= 53;
  const int zeros = std::countr_zero(mantissa);
  mantissa >>= zeros;
  exponent += zeros;
  result.digits_ = {static_cast<uint32_t>(mantissa), static_cast<uint32_t>(mantissa >> 32)};
  Arithmetic::Trim(result.digits_);
  result.negative_ = value < 0;
  if (exponent >= 0) {
    Arithmetic::ShiftLeft(result.digits_, static_cast<uint64_t>(exponent));
  } else {
    Arithmetic::MultiplyPower(result.digits_, 5, static_cast<uint64_t>(-exponent));
    result.exponent_ = exponent;
  }
  return result;
}

Decimal Decimal::operator-() const {
  Decimal result = *this;
  result.negative_ = !negative_ && !digits_.empty();
  return result;
}

Decimal operator+(const Decimal& a, const Decimal& b) {
  if (a.digits_.empty()) return b;
  if (b.digits_.empty()) return a;
  Words a_digits, b_digits;
  Decimal sum;
  sum.exponent_ = Arithmetic::Align(a, b, a_digits, b_digits);
  if (a.negative_ == b.negative_) {
    sum.negative_ = a.negative_;
    sum.digits_ = Arithmetic::Add(std::move(a_digits), b_digits);
    return sum;
  }
  const auto order = Arithmetic::Compare(a_digits, b_digits);
  if (order == 0) return {};
  sum.negative_ = order > 0 ? a.negative_ : b.negative_;
  sum.digits_ = order > 0 ? Arithmetic::Subtract(std::move(a_digits), b_digits)
                          : Arithmetic::Subtract(std::move(b_digits), a_digits);
  return sum;
}

Decimal operator*(const Decimal& a, const Decimal& b) {
  Decimal product;
  product.digits_ = Arithmetic::Multiply(a.digits_, b.digits_);
  if (product.digits_.empty()) return {};
  product.negative_ = a.negative_ != b.negative_;
  product.exponent_ = a.exponent_ + b.exponent_;
  return product;
}

std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) {
  if (a.Sign() != b.Sign()) return a.Sign() <=> b.Sign();
  Words a_digits, b_digits;
  Arithmetic::Align(a, b, a_digits, b_digits);
  return a.negative_ ? Arithmetic::Compare(b_digits, a_digits) : Arithmetic::Compare(a_digits, b_digits);
}

int Decimal::Compare(double value) const {
  assert(!std::isnan(value));
  if (std::isinf(value)) return value > 0 ? -1 : 1;
  const auto order = *this <=> FromDouble(value);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

Enclosure Decimal::EncloseFloat64() const { return Enclose<Float64Format>(*this, Arithmetic::Guess(*this)); }
Enclosure Decimal::EncloseFloat32() const { return Enclose<Float32Format>(*this, Arithmetic::Guess(*this)); }

double Decimal::NearestFloat64() const {
  const Decimal half = FromDouble(0x1p1023);
  return Nearest<Float64Format>(*this, Arithmetic::Guess(*this), half + half);
}
double Decimal::NearestFloat32() const {
  return Nearest<Float32Format>(*this, Arithmetic::Guess(*this), FromDouble(0x1p128));
}

std::string Decimal::ToString() const {
  if (digits_.empty()) return "0";
  std::string text;  // digits backwards
  for (Words rest = digits_; !rest.empty(); Arithmetic::Trim(rest)) {
    uint64_t remainder = 0;
    for (size_t i = rest.size(); i > 0; --i) {
      remainder = (remainder << 32) | rest[i - 1];
      rest[i - 1] = static_cast<uint32_t>(remainder / 10);
      remainder %= 10;
    }
    text.push_back(static_cast<char>('0' + remainder));
  }
  if (exponent_ > 0) text.insert(0, static_cast<size_t>(exponent_), '0');
  const size_t decimals = exponent_ < 0 ? static_cast<size_t>(-exponent_) : 0;
  if (text.size() <= decimals) text.append(decimals + 1 - text.size(), '0');
  size_t dropped = 0;
  while (dropped < decimals && text[dropped] == '0') ++dropped;
  if (dropped < decimals) text.insert(decimals, 1, '.');
  text.erase(0, dropped);
  if (negative_) text.push_back('-');
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace pawl::model
