#include "oversight/line_diff.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

namespace pawl::oversight {
namespace {

// What the hunks of a diff with all context make of `before`; "?" where they do not fit.
std::string Apply(const std::string& before, const std::string& diff) {
  if (diff.empty()) return before;
  std::istringstream lines(diff);
  std::string line, after, old;
  while (std::getline(lines, line)) {
    if (line.starts_with("@@")) continue;
    if (line.starts_with("\\")) {
      for (std::string* side : {&after, &old}) {
        if (!side->empty() && side->ends_with("\n\1")) *side = side->substr(0, side->size() - 2);
      }
      continue;
    }
    // A mark shows whose last line a "no newline" is about.
    for (std::string* side : {&after, &old}) {
      if (side->ends_with('\1')) side->pop_back();
    }
    if (line[0] != '-') after += line.substr(1) + "\n\1";
    if (line[0] != '+') old += line.substr(1) + "\n\1";
  }
  for (std::string* side : {&after, &old}) {
    if (side->ends_with('\1')) side->pop_back();
  }
  return old == before ? after : "?";
}

TEST(LineDiff, ShowsWhatPeopleExpect) {
  EXPECT_EQ(UnifiedDiff("a\nb\nc\n", "a\nb\nc\n", {}), "");
  EXPECT_EQ(UnifiedDiff("a\nb\nc\n", "a\nx\nc\n", {}), "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
  EXPECT_EQ(UnifiedDiff("", "a\n", {}), "@@ -0,0 +1,1 @@\n+a\n");
  EXPECT_EQ(UnifiedDiff("a\n", "", {}), "@@ -1,1 +0,0 @@\n-a\n");
  EXPECT_EQ(UnifiedDiff("a\n", "a", {}), "@@ -1,1 +1,1 @@\n-a\n+a\n\\ No newline at end of file\n");
  EXPECT_EQ(UnifiedDiff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n", {.context = 1}),
            "@@ -1,2 +1,2 @@\n-1\n+x\n 2\n@@ -8,2 +8,2 @@\n 8\n-9\n+y\n");
  EXPECT_EQ(UnifiedDiff("1\n2\n3\n4\n5\n", "x\n2\n3\n4\ny\n", {.context = 2}),
            "@@ -1,5 +1,5 @@\n-1\n+x\n 2\n 3\n 4\n-5\n+y\n");
}

TEST(LineDiff, GivesTheOtherTextWhateverTheyAre) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 3'000; ++round) {
    std::string texts[2];
    for (std::string& text : texts) {
      for (uint64_t count = random() % 12; count > 0; --count)
        text += std::string(1, static_cast<char>('a' + random() % 3)) + "\n";
      if (random() % 4 == 0) text += "end";
    }
    const size_t edits_max = random() % 3 == 0 ? 2 : 1'000;
    const std::string diff = UnifiedDiff(texts[0], texts[1], {.context = 100, .edits_max = edits_max});
    EXPECT_EQ(Apply(texts[0], diff), texts[1]) << texts[0] << "->\n" << texts[1] << diff;
    EXPECT_EQ(diff.empty(), texts[0] == texts[1]);
  }
}

TEST(LineDiff, IsShortestWhereItMayBe) {
  const std::string diff =
      UnifiedDiff("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", {.context = 0});  // Myers' example
  EXPECT_EQ(std::count(diff.begin(), diff.end(), '-') + std::count(diff.begin(), diff.end(), '+'), 5 + 2 * 4);
}

}  // namespace
}  // namespace pawl::oversight
