#include "model/decimal.h"

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "random_cases.h"

namespace pawl::model {
namespace decimal_test {

Decimal D(const std::string& text) {
  const Result<Decimal> value = Decimal::Parse(text, 2000);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *value : Decimal();
}

mpq_class Exact(std::string text) {
  mpq_class power = 1;
  if (const size_t e = text.find_first_of("eE"); e != std::string::npos) {
    const int exponent = std::stoi(text.substr(e + 1));
    mpz_class ten;
    mpz_ui_pow_ui(ten.get_mpz_t(), 10, static_cast<unsigned long>(std::abs(exponent)));
    power = exponent < 0 ? mpq_class(mpz_class(1), ten) : mpq_class(ten);
    text.resize(e);
  }
  if (const size_t point = text.find('.'); point != std::string::npos) {
    mpz_class ten;
    mpz_ui_pow_ui(ten.get_mpz_t(), 10, text.size() - point - 1);
    power /= ten;
    text.erase(point, 1);
  }
  if (text[0] == '+') text.erase(0, 1);
  return mpq_class(mpz_class(text, 10)) * power;
}

TEST(Decimal, RefusesWhatIsNoNumber) {
  for (const char* text : {"",   "-",  "+",  ".",  "1.",  ".1",  "1..2",  "1.2.3", "1e",  "1e+",
                           "e1", "1 ", " 1", "1f", "0x1", "--1", "1e1.5", "nan",   "inf", "1_0"}) {
    const Result<Decimal> value = Decimal::Parse(text, 100);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().rule, "decimal.syntax") << text;
  }
  EXPECT_EQ(Decimal::Parse("12345", 4).error().rule, "decimal.limit");
  EXPECT_EQ(Decimal::Parse("1e401", 100).error().rule, "decimal.limit");
  EXPECT_EQ(Decimal::Parse("1e-99999999999999999999", 100).error().rule, "decimal.limit");
}

TEST(Decimal, WritesCanonicalText) {
  EXPECT_EQ(D("-0").ToString(), "0");
  EXPECT_EQ(D("+001.500").ToString(), "1.5");
  EXPECT_EQ(D("1e3").ToString(), "1000");
  EXPECT_EQ(D("-12e-4").ToString(), "-0.0012");
  EXPECT_EQ(D("100").ToString(), "100");
  EXPECT_EQ(D("1000e-3").ToString(), "1");
  EXPECT_EQ(Decimal::FromDouble(0.1).ToString(), "0.1000000000000000055511151231257827021181583404541015625");
  EXPECT_EQ(Decimal::FromDouble(0x1p70).ToString(), "1180591620717411303424");
}

TEST(Decimal, ComparesAcrossRepresentations) {
  EXPECT_EQ(D("0.5"), D("0.500"));
  EXPECT_EQ(D("1e2"), D("100"));
  EXPECT_LT(D("-2"), D("-1.999"));
  EXPECT_LT(D("-1"), D("0"));
  EXPECT_EQ(D("0.5").Compare(0.5), 0);
  EXPECT_EQ(D("0.1").Compare(0.1), -1);
  EXPECT_EQ(D("0.3").Compare(0.3), 1);
  EXPECT_EQ(D("0").Compare(-0.0), 0);
  EXPECT_EQ(D("1e300").Compare(std::numeric_limits<double>::infinity()), -1);
  EXPECT_EQ(D("-1e300").Compare(-std::numeric_limits<double>::infinity()), 1);
}

TEST(Decimal, EnclosesTheEdgesOfTheFormats) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double max32 = std::numeric_limits<float>::max(), min32 = std::numeric_limits<float>::denorm_min();
  const auto pair = [](const Enclosure& e) { return std::pair(e.lower, e.upper); };
  EXPECT_EQ(pair(D("0").EncloseFloat64()), std::pair(0.0, 0.0));
  EXPECT_EQ(pair(D("1e400").EncloseFloat64()), std::pair(std::numeric_limits<double>::max(), infinity));
  EXPECT_EQ(pair(D("-1e400").EncloseFloat64()), std::pair(-infinity, -std::numeric_limits<double>::max()));
  EXPECT_EQ(pair(D("1e-400").EncloseFloat64()), std::pair(0.0, std::numeric_limits<double>::denorm_min()));
  EXPECT_EQ(pair(D("-1e-400").EncloseFloat64()), std::pair(-std::numeric_limits<double>::denorm_min(), 0.0));
  EXPECT_EQ(pair(D("1e39").EncloseFloat32()), std::pair(max32, infinity));
  EXPECT_EQ(pair(D("1e-60").EncloseFloat32()), std::pair(0.0, min32));
  EXPECT_EQ(D("1e400").NearestFloat64(), infinity);
  EXPECT_EQ(D("-1e39").NearestFloat32(), -infinity);
  // Half way between the largest float and 2^128 goes to the even neighbour, infinity; a little less does not.
  EXPECT_EQ(D("340282356779733661637539395458142568448").NearestFloat32(), infinity);
  EXPECT_EQ(D("340282356779733661637539395458142568447").NearestFloat32(), std::numeric_limits<float>::max());
  EXPECT_EQ(D("16777217").NearestFloat32(), 16777216.0);
  EXPECT_EQ(D("16777219").NearestFloat32(), 16777220.0);
}

// Random decimals against GMP's rationals and the C library's conversions.
TEST(Decimal, AgreesWithRationalArithmetic) {
  std::mt19937_64 random(20240611);
  const auto number = [&] {
    std::string text = random() % 2 ? "-" : "";
    const size_t digits = 1 + random() % (random() % 8 == 0 ? 60 : 18), point = 1 + random() % digits;
    for (size_t i = 0; i < digits; ++i) text += (i == point ? "." : "") + std::to_string(random() % 10);
    if (random() % 3 == 0) text += "e" + std::to_string(static_cast<int>(random() % 641) - 320);
    return text;
  };
  for (size_t i = 0; i < RandomCases(3000); ++i) {
    const std::string a = number(), b = number();
    const mpq_class p = Exact(a), q = Exact(b);
    EXPECT_EQ(Exact((D(a) + D(b)).ToString()), p + q) << a << " " << b;
    EXPECT_EQ(Exact((D(a) - D(b)).ToString()), p - q) << a << " " << b;
    EXPECT_EQ(Exact((D(a) * D(b)).ToString()), p * q) << a << " " << b;
    EXPECT_EQ(D(a) < D(b), p < q) << a << " " << b;
    EXPECT_EQ(D(a).NearestFloat64(), std::strtod(a.c_str(), nullptr)) << a;
    EXPECT_EQ(D(a).NearestFloat32(), std::strtof(a.c_str(), nullptr)) << a;
    const Enclosure e = D(a).EncloseFloat64(), f = D(a).EncloseFloat32();
    if (std::isfinite(e.lower) && std::isfinite(e.upper)) {
      EXPECT_TRUE(mpq_class(e.lower) <= p && p <= mpq_class(e.upper)) << a;
      EXPECT_TRUE(e.lower == e.upper || std::nextafter(e.lower, e.upper) == e.upper) << a;
    }
    if (std::isfinite(f.lower) && std::isfinite(f.upper)) {
      EXPECT_TRUE(mpq_class(f.lower) <= p && p <= mpq_class(f.upper)) << a;
      EXPECT_TRUE(f.lower == f.upper || std::nextafterf(static_cast<float>(f.lower), static_cast<float>(f.upper)) ==
                                            static_cast<float>(f.upper))
          << a;
    }
  }
}

TEST(Decimal, HoldsEveryDoubleExactly) {
  std::mt19937_64 random(7);
  for (size_t i = 0; i < RandomCases(3000); ++i) {
    const double x = std::bit_cast<double>(random());
    if (!std::isfinite(x)) continue;
    const Decimal exact = Decimal::FromDouble(x);
    EXPECT_EQ(Exact(exact.ToString()), mpq_class(x));
    EXPECT_EQ(exact.Compare(x), 0);
    EXPECT_EQ(exact.NearestFloat64(), x);
    EXPECT_EQ(exact.EncloseFloat64().lower, x);
    EXPECT_EQ(exact.EncloseFloat64().upper, x);
    EXPECT_EQ(exact.Compare(std::nextafter(x, INFINITY)), -1);
  }
}

}  // namespace decimal_test
}  // namespace pawl::model
