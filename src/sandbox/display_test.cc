#include <gtest/gtest.h>

#include "sandbox/sandbox.h"

namespace pawl::sandbox {
namespace {

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
