#include "authoring/charter_changes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "charter/testing.h"

namespace pawl::authoring {
namespace {

using Edit = std::function<void(charter::TestCharter&)>;

CharterChanges Compared(
    const Edit& edit, const Edit& before = [](charter::TestCharter&) {}) {
  charter::TestCharter old_charter, new_charter;
  before(old_charter);
  before(new_charter);
  edit(new_charter);
  Result<charter::CharterFiles> old_files = old_charter.ReadFiles(), new_files = new_charter.ReadFiles();
  EXPECT_TRUE(old_files.ok()) << (old_files.ok() ? "" : old_files.error().message);
  EXPECT_TRUE(new_files.ok()) << (new_files.ok() ? "" : new_files.error().message);
  if (!old_files.ok() || !new_files.ok()) return {};
  Result<CharterChanges> changes = CompareCharters(*old_files, *new_files);
  EXPECT_TRUE(changes.ok());
  return changes.ok() ? std::move(*changes) : CharterChanges{};
}

// The one change, as "what: before -> after, effect".
std::string Only(const Edit& edit) {
  const CharterChanges compared = Compared(edit);
  if (compared.changes.size() != 1) return std::to_string(compared.changes.size()) + " changes";
  const CharterChange& one = compared.changes.front();
  return one.what + ": " + one.before + " -> " + one.after + ", " + std::string(EffectName(one.effect));
}

Edit Replace(const std::string& from, const std::string& to) {
  return [=](charter::TestCharter& test) { test.Replace(from, to); };
}

TEST(CharterChanges, SaysWhichWayALimitMoves) {
  EXPECT_EQ(Only(Replace("max_step = 0.02", "max_step = 0.05")), "largest step in capability: 0.02 -> 0.05, loosens");
  EXPECT_EQ(Only(Replace("max_step = 0.02", "max_step = 0.01")), "largest step in capability: 0.02 -> 0.01, tightens");
  // What may be missing: none is no limit at all.
  EXPECT_EQ(Only(Replace("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.05")),
            "largest growth in capability within a window: no limit -> 0.05, tightens");
  EXPECT_EQ(Only(Replace("max_parameters = 20_000\n", "")),
            "may change: policy.onnx, parameters: 20000 -> no limit, loosens");
  EXPECT_EQ(Only(Replace("may_add = true", "may_add = false")),
            "may change: improver/**, such files may appear: yes -> no, tightens");
}

TEST(CharterChanges, SaysWhoMayDoMore) {
  const std::string more =
      Only([](charter::TestCharter& test) { test.files["approvers"] += charter::TestSigner("dee@example.org", 'D'); });
  EXPECT_TRUE(more.starts_with("may sign:  -> dee@example.org with sk-ssh-ed25519@openssh.com")) << more;
  EXPECT_TRUE(more.ends_with(", loosens")) << more;
  const CharterChanges fewer = Compared([](charter::TestCharter& test) {
    test.Replace("threshold = 3", "threshold = 4");
    test.files["approvers"] += charter::TestSigner("dee@example.org", 'D');
  });
  ASSERT_EQ(fewer.changes.size(), 2u);
  EXPECT_EQ(fewer.changes[0].effect, Effect::kLoosens);  // a new key comes before what tightens
  EXPECT_EQ(fewer.changes[1].what, "people who amend the charter");
  EXPECT_EQ(fewer.changes[1].effect, Effect::kTightens);
}

// Every sentence that changes is there, also where nothing has an order.
TEST(CharterChanges, LeavesNoSentenceOut) {
  const CharterChanges same = Compared([](charter::TestCharter&) {});
  EXPECT_TRUE(same.changes.empty());
  EXPECT_TRUE(same.words.empty());
  const CharterChanges compared = Compared(Replace("max_step = 0.02", "max_step = 0.05"));
  ASSERT_EQ(compared.words.size(), 1u);
  EXPECT_EQ(compared.words[0].gone.size(), 1u);
  ASSERT_EQ(compared.words[0].come.size(), 1u);
  EXPECT_NE(compared.words[0].come[0].find("0.05"), std::string::npos);
}

}  // namespace
}  // namespace pawl::authoring
