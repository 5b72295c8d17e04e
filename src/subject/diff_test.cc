#include "subject/diff.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "subject/testing.h"

namespace pawl::subject {
namespace {

using Tree = std::map<std::string, std::string>;

std::vector<Change> Diff(const Tree& parent, const Tree& candidate) {
  MemoryBlobs blobs;
  const Manifest before = blobs.Tree(parent), after = blobs.Tree(candidate);
  Result<std::vector<Change>> changes = DiffTrees(before, after, blobs.Reader(), DiffLimits{});
  EXPECT_TRUE(changes.ok());
  return *changes;
}

// The textbook quadratic computation, as the independent answer.
uint64_t LongestCommonSubsequenceDistance(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<uint64_t>> common(a.size() + 1, std::vector<uint64_t>(b.size() + 1, 0));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      common[i][j] = a[i - 1] == b[j - 1] ? common[i - 1][j - 1] + 1 : std::max(common[i - 1][j], common[i][j - 1]);
    }
  }
  return a.size() + b.size() - 2 * common[a.size()][b.size()];
}

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(Diff, NamesWhatWasAddedRemovedAndChanged) {
  const std::vector<Change> changes =
      Diff({{"a", "same"}, {"b", "old\n"}, {"c", "gone\n"}}, {{"a", "same"}, {"b", "new\n"}, {"d", "1\n2\n"}});
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].path, "b");
  EXPECT_EQ(changes[0].type, ChangeType::kChanged);
  EXPECT_EQ(changes[0].changed_lines, 2u);
  EXPECT_EQ(changes[1].path, "c");
  EXPECT_EQ(changes[1].type, ChangeType::kRemoved);
  EXPECT_FALSE(changes[1].after.has_value());
  EXPECT_EQ(changes[1].changed_lines, 1u);
  EXPECT_EQ(changes[2].path, "d");
  EXPECT_EQ(changes[2].type, ChangeType::kAdded);
  EXPECT_EQ(changes[2].changed_lines, 2u);
  EXPECT_TRUE(Diff({{"a", "x"}}, {{"a", "x"}}).empty());
}

TEST(Diff, NetworksAndDataHaveNoLines) {
  const std::vector<Change> changes = Diff({{"n", Testdata("policy.onnx")}, {"t", "text\n"}},
                                           {{"n", Testdata("policy_wider.onnx")}, {"t", std::string("\0\1", 2)}});
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_FALSE(changes[0].changed_lines.has_value());
  EXPECT_EQ(changes[0].facts_before->parameter_count, 17u);
  EXPECT_EQ(changes[0].facts_after->parameter_count, 42u);
  EXPECT_FALSE(changes[1].changed_lines.has_value());
}

TEST(Diff, ABlobThatIsMissingIsAnErrorThatNamesTheFile) {
  MemoryBlobs here, elsewhere;
  const Manifest before = here.Tree({{"a", "1"}}), after = elsewhere.Tree({{"a", "2"}});
  const Result<std::vector<Change>> changes = DiffTrees(before, after, here.Reader(), DiffLimits{});
  ASSERT_EQ(RuleOf(changes), "store.missing");
  EXPECT_NE(changes.error().message.find("\"a\""), std::string::npos);
}

TEST(Diff, TheNumberOfChangesIsLimited) {
  MemoryBlobs blobs;
  const Manifest before = blobs.Tree({}), after = blobs.Tree({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(RuleOf(DiffTrees(before, after, blobs.Reader(), {.changes_max = 2})), "ok");
  EXPECT_EQ(RuleOf(DiffTrees(before, after, blobs.Reader(), {.changes_max = 1})), "diff.limit");
}

TEST(Diff, ReadsNoMoreThanTheDetailAsksFor) {
  MemoryBlobs blobs;
  const Manifest before = blobs.Tree({{"a", "1\n"}}), after = blobs.Tree({{"a", "22\n"}});
  int reads = 0;
  const BlobReader counting = [&](const crypto::Digest& digest, uint64_t size_max) {
    ++reads;
    return blobs.Reader()(digest, size_max);
  };
  const auto diff = [&](Detail detail) {
    reads = 0;
    const auto changes = DiffTrees(before, after, counting, DiffLimits{}, [&](const Change&) { return detail; });
    EXPECT_TRUE(changes.ok());
    EXPECT_EQ(changes->at(0).bytes_after, 3u);
    return changes->at(0);
  };
  const Change digests = diff(Detail::kDigests);
  EXPECT_EQ(reads, 0);
  EXPECT_TRUE(digests.before.has_value() && digests.after.has_value());
  EXPECT_FALSE(digests.facts_after.has_value());
  const Change facts = diff(Detail::kAfter);
  EXPECT_EQ(reads, 1);
  EXPECT_TRUE(facts.facts_after.has_value());
  EXPECT_FALSE(facts.facts_before.has_value() || facts.changed_lines.has_value());
  EXPECT_EQ(diff(Detail::kLines).changed_lines, 2u);
  EXPECT_EQ(reads, 2);
}

TEST(Diff, LinesOfALargeFileAreNotCounted) {
  MemoryBlobs blobs;
  const Manifest before = blobs.Tree({{"a", "1\n"}}), after = blobs.Tree({{"a", "22\n"}});
  EXPECT_EQ(DiffTrees(before, after, blobs.Reader(), {.counted_bytes_max = 3})->at(0).changed_lines, 2u);
  EXPECT_FALSE(DiffTrees(before, after, blobs.Reader(), {.counted_bytes_max = 2})->at(0).changed_lines.has_value());
  EXPECT_FALSE(DiffTrees(after, before, blobs.Reader(), {.counted_bytes_max = 2})->at(0).changed_lines.has_value());
}

TEST(ChangedLines, KnownCases) {
  EXPECT_EQ(ChangedLines("", ""), 0u);
  EXPECT_EQ(ChangedLines("a\n", "a\n"), 0u);
  EXPECT_EQ(ChangedLines("a", "a\n"), 2u);
  EXPECT_EQ(ChangedLines("", "a\nb\n"), 2u);
  EXPECT_EQ(ChangedLines("a\nb\nc\n", "a\nc\n"), 1u);
  EXPECT_EQ(ChangedLines("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n"), 5u);  // Myers' own example
}

TEST(ChangedLines, BeyondTheExactRangeTheCountIsAnUpperBound) {
  std::vector<std::string> before, after;
  for (int i = 0; i < 3'000; ++i) {
    before.push_back("old " + std::to_string(i));
    after.push_back("new " + std::to_string(i));
    before.push_back("kept");
    after.push_back("kept");
  }
  const uint64_t counted = ChangedLines(Join(before), Join(after));
  EXPECT_GE(counted, 6'000u);   // the true distance
  EXPECT_LE(counted, 12'000u);  // all lines
}

std::vector<std::string> SomeLines() {
  return *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{"a", "b", "c", ""}));
}

RC_GTEST_PROP(ChangedLinesLaws, EqualsTheLongestCommonSubsequenceDistance, ()) {
  const auto a = SomeLines(), b = SomeLines();
  RC_ASSERT(ChangedLines(Join(a), Join(b)) == LongestCommonSubsequenceDistance(a, b));
}

RC_GTEST_PROP(ChangedLinesLaws, IsAMetric, ()) {
  const std::string a = Join(SomeLines()), b = Join(SomeLines()), c = Join(SomeLines());
  RC_ASSERT(ChangedLines(a, b) == ChangedLines(b, a));
  RC_ASSERT((ChangedLines(a, b) == 0) == (a == b));
  RC_ASSERT(ChangedLines(a, c) <= ChangedLines(a, b) + ChangedLines(b, c));
}

RC_GTEST_PROP(DiffLaws, ApplyingTheChangesToTheParentGivesTheCandidate, ()) {
  const auto tree = [] {
    Tree files;
    for (const char* path : {"a", "b", "c/d", "c/e", "f"}) {
      const std::string bytes = *rc::gen::elementOf(std::vector<std::string>{"", "1", "2", "3"});
      if (!bytes.empty()) files[path] = bytes;
    }
    return files;
  };
  const Tree parent = tree(), candidate = tree();
  Tree patched = parent;
  MemoryBlobs blobs;
  const Manifest before = blobs.Tree(parent), after = blobs.Tree(candidate);
  const auto changes = DiffTrees(before, after, blobs.Reader(), DiffLimits{});
  RC_ASSERT(changes.ok());
  for (const Change& change : *changes) {
    RC_ASSERT(change.before.has_value() == parent.contains(change.path));
    patched.erase(change.path);
    if (change.after.has_value()) patched[change.path] = *blobs.Reader()(*change.after, 10);
  }
  RC_ASSERT(patched == candidate);
}

}  // namespace
}  // namespace pawl::subject
