// base64, hexadecimal, UTF-8, numbers, times and durations: each has one text for one value.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "encoding/base64.h"
#include "encoding/hex.h"
#include "encoding/number.h"
#include "encoding/time.h"
#include "encoding/utf8.h"

namespace pawl::encoding {
namespace {

TEST(Base64, Rfc4648Vectors) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    ASSERT_TRUE(DecodeBase64(text).ok()) << text;
    EXPECT_EQ(*DecodeBase64(text), bytes);
  }
  EXPECT_EQ(EncodeBase64Url("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(EncodeBase64Url("f"), "Zg");
}

TEST(Base64, RefusesEveryOtherForm) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "====", "Zm9v\n", " Zm9v", "Zm 9v",
                           "Zg==Zg==", "Zm9-", "Zm9_", "Z", "Zm9vY", "\xc3\xa9=="}) {
    const Result<std::string> bytes = DecodeBase64(text);
    ASSERT_FALSE(bytes.ok()) << text;
    EXPECT_EQ(bytes.error().rule, "base64.malformed");
  }
}

RC_GTEST_PROP(Base64, RoundTrips, (const std::string& bytes)) {
  const Result<std::string> again = DecodeBase64(EncodeBase64(bytes));
  RC_ASSERT(again.ok() && *again == bytes);
}

RC_GTEST_PROP(Hex, RoundTripsAndRefusesUpperCase, (const std::string& bytes)) {
  const std::string text = EncodeHex(bytes);
  const Result<std::string> again = DecodeHex(text);
  RC_ASSERT(again.ok() && *again == bytes);
  RC_ASSERT(!DecodeHex(text + "A").ok() && !DecodeHex(text + "AA").ok());
}

TEST(Hex, RefusesEveryOtherForm) {
  for (const char* text : {"0", "0A", "0g", "0x", " 0", "00 "}) {
    ASSERT_FALSE(DecodeHex(text).ok()) << text;
    EXPECT_EQ(DecodeHex(text).error().rule, "hex.malformed");
  }
}

TEST(Utf8, AcceptsShortestFormsAlone) {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << EncodeHex(good);
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2g", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
                          "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x90\x80",
                          "\xff", "a\xfe", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(bad)) << EncodeHex(bad);
  }
}

TEST(Utf8, KeyNamesHoldNoSpacesControlsOrPlus) {
  for (const char* good : {"a", "example.com/log", "caf\xc3\xa9", "!"}) EXPECT_TRUE(IsKeyName(good)) << good;
  for (const char* bad : {"",
                          "a b",
                          "a+b",
                          "a\n",
                          "\t",
                          "a\x7f",
                          "\xc2\x85",
                          "\xc2\xa0",
                          "\xe1\x9a\x80",
                          "\xe2\x80\x80",
                          "\xe2\x80\xa8",
                          "\xe2\x80\xa9",
                          "\xe2\x80\xaf",
                          "\xe2\x81\x9f",
                          "\xe3\x80\x80",
                          "a\xe2\x80\x8b",
                          "\xe2\x80\xae"
                          "a",
                          "\xe2\x81\xa6"
                          "a",
                          "\xef\xbb\xbf"
                          "a",
                          "\xff"}) {
    EXPECT_FALSE(IsKeyName(bad)) << EncodeHex(bad);
  }
  EXPECT_TRUE(IsKeyName(std::string(255, 'a')));
  EXPECT_FALSE(IsKeyName(std::string(256, 'a')));
  EXPECT_FALSE(IsKeyName(std::string_view("\0", 1)));
}

TEST(Number, PrintsTheShortestText) {
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(-0.0), "0");
  EXPECT_EQ(NumberText(1e-9), "1e-09");
  EXPECT_EQ(NumberText(4000), "4000");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(NumberText(5e-324), "5e-324");
}

TEST(Number, RefusesEveryOtherText) {
  for (const char* text : {"",
                           "-0",
                           "+1",
                           "01",
                           "0.10",
                           ".5",
                           "5.",
                           "1e-9",
                           "1E5",
                           "inf",
                           "-inf",
                           "nan",
                           "0x1p3",
                           "1 ",
                           " 1",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "0.1000000000000000055511151231257827",
                           "1,5",
                           "1e+00"}) {
    ASSERT_FALSE(ParseNumber(text).ok()) << text;
    EXPECT_EQ(ParseNumber(text).error().rule, "number.malformed");
  }
  EXPECT_FALSE(ParseNumber(std::string(1'000'000, '9')).ok());
}

RC_GTEST_PROP(Number, RoundTripsEveryFiniteDouble, (uint64_t bits)) {
  double number = 0;
  std::memcpy(&number, &bits, sizeof number);
  RC_PRE(std::isfinite(number));
  const Result<double> again = ParseNumber(NumberText(number));
  RC_ASSERT(again.ok() && *again == number);
}

TEST(Number, UnsignedIntegersHaveOneText) {
  EXPECT_EQ(*ParseUnsigned("0"), 0u);
  EXPECT_EQ(*ParseUnsigned("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", "00", "01", "1 ", " 1", "18446744073709551616", "0x1", "1.0"}) {
    ASSERT_FALSE(ParseUnsigned(text).ok()) << text;
    EXPECT_EQ(ParseUnsigned(text).error().rule, "number.malformed");
  }
  EXPECT_TRUE(ParseUnsigned("10", 10).ok());
  EXPECT_FALSE(ParseUnsigned("11", 10).ok());
}

TEST(Time, KnownPoints) {
  EXPECT_EQ(TimeText(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(TimeText(1679315147), "2023-03-20T12:25:47Z");
  EXPECT_EQ(TimeText(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(TimeText(kTimeMin_s), "0001-01-01T00:00:00Z");
  EXPECT_EQ(TimeText(kTimeMax_s), "9999-12-31T23:59:59Z");
  EXPECT_EQ(*ParseTime("2024-02-29T00:00:00Z"), 1709164800);
}

TEST(Time, RefusesEveryOtherText) {
  for (const char* text :
       {"", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:60Z", "2026-01-01t00:00:00Z",
        "2026-01-01T00:00:00z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.0Z", "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+00:00", " 2026-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "202a-01-01T00:00:00Z",
        "2026-1-001T00:00:00Z", "+026-01-01T00:00:00Z"}) {
    ASSERT_FALSE(ParseTime(text).ok()) << text;
    EXPECT_EQ(ParseTime(text).error().rule, "time.malformed");
  }
}

RC_GTEST_PROP(Time, RoundTripsWithinTheCalendar, ()) {
  const int64_t time_s = *rc::gen::inRange<int64_t>(kTimeMin_s, kTimeMax_s + 1);
  const Result<int64_t> again = ParseTime(TimeText(time_s));
  RC_ASSERT(again.ok() && *again == time_s);
}

TEST(Duration, UnitsAndRefusals) {
  EXPECT_EQ(*ParseDuration("90s"), 90);
  EXPECT_EQ(*ParseDuration("15m"), 900);
  EXPECT_EQ(*ParseDuration("24h"), 86'400);
  EXPECT_EQ(*ParseDuration("7d"), 604'800);
  EXPECT_EQ(*ParseDuration("0s"), 0);
  EXPECT_EQ(DurationText(0), "0s");
  EXPECT_EQ(DurationText(86'400), "1d");
  EXPECT_EQ(DurationText(90), "90s");
  for (const char* text : {"", "s", "1", "01s", "-1s", "+1s", "1.5h", "1w", "1 h", "1h ", "1H", "1hs", "1h30m",
                           "9223372036854775807d", "99999999999999999999s", "3660001d"}) {
    ASSERT_FALSE(ParseDuration(text).ok()) << text;
    EXPECT_EQ(ParseDuration(text).error().rule, "duration.malformed");
  }
}

}  // namespace
}  // namespace pawl::encoding
