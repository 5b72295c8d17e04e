#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "sandbox/sandbox.h"

namespace pawl::sandbox {
namespace {

// Of a character beyond ASCII.
std::string Utf8(char32_t code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
}

TEST(DisplayableTest, PlainTextIsLeftAlone) {
  EXPECT_EQ(Displayable("a b\n\tc äöü € 𝄞"), "a b\n\tc äöü € 𝄞");
  EXPECT_EQ(Displayable(""), "");
}

TEST(DisplayableTest, ControlCharactersBecomeVisible) {
  EXPECT_EQ(Displayable("\x1b[2J\x1b]0;title\x07"), "\\x1B[2J\\x1B]0;title\\x07");
  EXPECT_EQ(Displayable(std::string_view("a\0b\r\x7f", 5)), "a\\x00b\\x0D\\x7F");
  EXPECT_EQ(Displayable("\xc2\x9b"
                        "31m"),
            "\\u{9B}31m");  // one-character form of ESC [
}

TEST(DisplayableTest, DirectionAndInvisibleCharactersBecomeVisible) {
  EXPECT_EQ(Displayable("user\xe2\x80\xae txt.exe"), "user\\u{202E} txt.exe");
  EXPECT_EQ(Displayable("a\xe2\x80\x8b"
                        "b"),
            "a\\u{200B}b");
  EXPECT_EQ(Displayable("\xef\xbb\xbf"), "\\u{FEFF}");
  EXPECT_EQ(Displayable("\xf3\xa0\x81\x81"), "\\u{E0041}");
}

// Of each kind, the first and last of a range and what stands beside it.
TEST(DisplayableTest, WhatCannotBeSeenBecomesVisible) {
  for (const char32_t code : {
           0x80,    0x9F,    0xA0,    0xAD,    0x34F,   0x61C,   0x115F,  0x1160,  0x1680,  0x17B4,  0x17B5,   0x180B,
           0x180E,  0x180F,  0x2000,  0x200A,  0x200B,  0x2028,  0x202E,  0x202F,  0x205F,  0x2060,  0x2065,   0x206F,
           0x2800,  0x3000,  0x3164,  0xFDD0,  0xFE00,  0xFE0F,  0xFEFF,  0xFFA0,  0xFFF0,  0xFFFB,  0xFFFE,   0x13430,
           0x16FE4, 0x1BCA0, 0x1BCA3, 0x1D159, 0x1D173, 0x1D17A, 0x1FFFF, 0xE0000, 0xE01F0, 0xE0FFF, 0x10FFFF,
       }) {
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\u{%X}", static_cast<unsigned>(code));
    EXPECT_EQ(Displayable(Utf8(code)), escape);
    EXPECT_EQ(DisplayableOnOneLine(Utf8(code)), escape);
  }
  for (const char32_t code : {
           0xA1,   0xAC,   0xAE,   0x34E,  0x350,   0x115E,  0x1161,  0x17B3,  0x17B6,  0x180A,  0x1810,   0x1FFE,
           0x2010, 0x2027, 0x2030, 0x205E, 0x2070,  0x27FF,  0x2801,  0x2FFF,  0x3001,  0x3163,  0x3165,   0xFE10,
           0xFF9F, 0xFFA1, 0xFFFC, 0xFFFD, 0x1D158, 0x1D15A, 0x1D172, 0x1D17B, 0x1FFFD, 0xE1000, 0x10FFFD,
       }) {
    EXPECT_EQ(Displayable(Utf8(code)), Utf8(code)) << static_cast<unsigned>(code);
  }
}

TEST(DisplayableTest, InvalidUtf8BecomesVisible) {
  EXPECT_EQ(Displayable("\xff"), "\\xFF");
  EXPECT_EQ(Displayable("\xc0\xaf"), "\\xC0\\xAF");                    // not the shortest form
  EXPECT_EQ(Displayable("\xe0\x80\xaf"), "\\xE0\\x80\\xAF");           // not the shortest form
  EXPECT_EQ(Displayable("\xed\xa0\x80"), "\\xED\\xA0\\x80");           // a surrogate
  EXPECT_EQ(Displayable("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // beyond the last character
  EXPECT_EQ(Displayable("\xe2\x82"), "\\xE2\\x82");                    // cut off
}

TEST(DisplayableTest, NothingCanPretendToBeAnEscape) { EXPECT_EQ(Displayable("\\x1B"), "\\\\x1B"); }

TEST(DisplayableTest, OneLineStaysOneLine) { EXPECT_EQ(DisplayableOnOneLine("a\nb\tc\r"), "a\\x0Ab\\x09c\\x0D"); }

}  // namespace
}  // namespace pawl::sandbox
