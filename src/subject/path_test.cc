#include "subject/path.h"

#include <gtest/gtest.h>

#include "subject/testing.h"

namespace pawl::subject {
namespace {

TEST(Path, OrdinaryNamesAreAllowed) {
  for (const char* path : {"a", "policy.onnx", "improver/train.py", "a/b/c/d", ".hidden", "with space.txt",
                           "données/été.txt", "日本語/ファイル.txt", "a..b", "...", "git", "x.git", "cvs.txt", "-rf"}) {
    EXPECT_EQ(RuleOf(CheckTreePath(path)), "ok") << path;
  }
}

TEST(Path, EachWayToLeadElsewhereIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "path.empty-component"},
      {"/etc/passwd", "path.empty-component"},
      {"a//b", "path.empty-component"},
      {"a/", "path.empty-component"},
      {".", "path.dots"},
      {"..", "path.dots"},
      {"a/../b", "path.dots"},
      {"./a", "path.dots"},
      {"a\\b", "path.backslash"},
      {"a\nb", "path.character"},
      {"a\tb", "path.character"},
      {"a\x7f", "path.character"},
      {"a\xff", "path.utf8"},
      {"\xc0\xaf", "path.utf8"},                      // overlong '/'
      {"\xed\xa0\x80", "path.utf8"},                  // a surrogate
      {"\xf4\x90\x80\x80", "path.utf8"},              // above U+10FFFF
      {"e\xcc\x81t\xc3\xa9", "path.character"},       // a combining accent
      {"policy\xe2\x80\xaexnno.", "path.character"},  // right-to-left override
      {"a\xe2\x80\x8b", "path.character"},            // zero-width space
      {"\u1100\u1161", "path.character"},             // a Hangul syllable in two conjoining jamo
      {"\u304b\u3099", "path.character"},             // a voiced kana in two characters
      {"\u0627\u0653", "path.character"},             // alef and its madda
      {"\ufb1d", "path.character"},                   // a Hebrew presentation form
      {"\uf900", "path.character"},                   // a compatibility ideograph
      {"\u2126", "path.character"},                   // the ohm sign
      {"a\u20d2", "path.character"},                  // an overlay
      {"a\xc2\x85", "path.character"},                // next line
      {"a\u00a0b", "path.character"},                 // a space that does not break
      {"a\u3000b", "path.character"},                 // a wide space
      {"a\u3164", "path.character"},                  // Hangul filler
      {"a\uffa0", "path.character"},                  // its half-width form
      {"a\u115f", "path.character"},                  // a filler before a jamo
      {"a\u17b4", "path.character"},                  // a vowel of Khmer that is not written
      {"a\u180b", "path.character"},                  // a variation selector of Mongolian
      {"a\u2800", "path.character"},                  // blank Braille
      {"a\U0001d173", "path.character"},              // a beam of music that begins
      {"a\U000e01f0", "path.character"},              // set aside for what is not seen
      {".git/config", "path.version-control"},
      {"a/.GIT/objects", "path.version-control"},
      {".hg/x", "path.version-control"},
      {".svn/x", "path.version-control"},
      {"CVS/Root", "path.version-control"},
  };
  for (const auto& [path, rule] : cases) EXPECT_EQ(RuleOf(CheckTreePath(path)), rule) << Printable(path);
  EXPECT_EQ(RuleOf(CheckTreePath(std::string("a\0b", 3))), "path.character");
  for (const char* composed :
       {"\uac00", "\u304c", "\u0622", "\u0928\u092e\u0938\u094d\u0924\u0947", "a b", "\u3163\u3165", "\u2801"}) {
    EXPECT_EQ(RuleOf(CheckTreePath(composed)), "ok") << composed;
  }
}

TEST(Path, LengthsAreLimitedInclusively) {
  EXPECT_EQ(RuleOf(CheckTreePath(std::string(255, 'a'))), "ok");
  EXPECT_EQ(RuleOf(CheckTreePath(std::string(256, 'a'))), "path.too-long");
  std::string path = std::string(250, 'a');
  for (int i = 0; i < 3; ++i) path += "/" + std::string(250, 'a');
  path += "/" + std::string(1'024 - path.size() - 1, 'b');
  EXPECT_EQ(path.size(), 1'024u);
  EXPECT_EQ(RuleOf(CheckTreePath(path)), "ok");
  EXPECT_EQ(RuleOf(CheckTreePath(path + "b")), "path.too-long");
  std::string deep = "a";
  for (int i = 1; i < 32; ++i) deep += "/a";
  EXPECT_EQ(RuleOf(CheckTreePath(deep)), "ok");
  EXPECT_EQ(RuleOf(CheckTreePath(deep + "/a")), "path.too-deep");
}

TEST(Path, TwinsAreRefusedAtEveryLevel) {
  EXPECT_EQ(RuleOf(CheckDistinct({"a", "b", "c/d", "c/e"})), "ok");
  EXPECT_EQ(RuleOf(CheckDistinct({"A", "a"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"Dir/x", "dir/y"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"d/Dir/x", "d/dir/y"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"A", "a/b"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"É.txt", "é.txt"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"ПОЛИТИКА", "политика"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"ΣΑΣ", "σας"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"k", "\xe2\x84\xaa"})), "path.twins");  // the Kelvin sign
  EXPECT_EQ(RuleOf(CheckDistinct({"Ž", "ž"})), "path.twins");
  EXPECT_EQ(RuleOf(CheckDistinct({"a", "a"})), "path.twice");
  EXPECT_EQ(RuleOf(CheckDistinct({"a", "a/b"})), "path.file-and-directory");
  EXPECT_EQ(RuleOf(CheckDistinct({"a/b", "a/b/c"})), "path.file-and-directory");
  EXPECT_EQ(RuleOf(CheckDistinct({"你好", "再见", "données", "donnèes"})), "ok");
}

TEST(Path, PrintableHidesNothingAndIsBounded) {
  EXPECT_EQ(Printable("a\nb\x1b[31m\xff"), "a\\x0ab\\x1b[31m\\xff");
  EXPECT_LE(Printable(std::string(10'000, '\n')).size(), 810u);
}

}  // namespace
}  // namespace pawl::subject
