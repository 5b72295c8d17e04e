#include "authoring/charter_changes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "charter/testing.h"
#include "charter/untried_for_test.h"

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

// The same names, and something else behind them.
TEST(CharterChanges, SaysWhichFilesHaveAnotherContent) {
  for (const char* path : {"properties/calm.vnnlib", "mutants/loud.onnx", "evaluate.py", "probes.bin"}) {
    const std::string change = Only([&](charter::TestCharter& test) {
      std::string& bytes = test.files[path];
      if (std::string_view(path) == "properties/calm.vnnlib") {
        bytes.replace(bytes.find("Y_0 100"), 7, "Y_0 900");
      } else if (std::string_view(path) == "mutants/loud.onnx") {
        bytes = subject::Testdata("policy.onnx") + std::string("\x7a\x00", 2);
      } else if (std::string_view(path) == "probes.bin") {
        bytes[0] = 'q';
      } else {
        bytes += "# and more\n";
      }
    });
    EXPECT_TRUE(change.starts_with("content of " + std::string(path) + ": sha256:")) << change;
    EXPECT_TRUE(change.ends_with(", other")) << change;
  }
  EXPECT_TRUE(Only([](charter::TestCharter& test) {
                test.files["sitecustomize.py"] = "x = 1\n";
              }).starts_with("content of sitecustomize.py:  -> sha256:"));
}

// A rule that stands before another takes its paths, and one that is gone leaves them to the next.
TEST(CharterChanges, SaysWhereOneRuleTakesThePlaceOfAnother) {
  const std::string strict = "[[surface]]\npath = \"improver/rates.txt\"\nkind = \"text\"\nmax_changed_lines = 1\n\n";
  const std::string wide = "[[surface]]\npath = \"improver/**\"";
  const auto with_strict = [&](charter::TestCharter& test) { test.Replace(wide, strict + wide); };
  const CharterChanges moved = Compared(
      [&](charter::TestCharter& test) { test.Replace(strict, "").Replace("[[property]]", strict + "[[property]]"); },
      with_strict);
  ASSERT_EQ(moved.changes.size(), 1u);
  EXPECT_EQ(moved.changes[0].what, "order of what may change, of which the first that fits decides");
  EXPECT_EQ(moved.changes[0].before, "policy.onnx, improver/rates.txt, improver/**");
  EXPECT_EQ(moved.changes[0].after, "policy.onnx, improver/**, improver/rates.txt");
  const CharterChanges gone = Compared([&](charter::TestCharter& test) { test.Replace(strict, ""); }, with_strict);
  ASSERT_EQ(gone.changes.size(), 1u);
  EXPECT_EQ(gone.changes[0].effect, Effect::kOther);  // its paths may change by more lines now
  EXPECT_TRUE(Only(Replace("[[surface]]\npath = \"policy.onnx\"\nkind = \"network\"\noperators = [\"Gemm\", "
                           "\"Relu\"]\nmax_parameters = 20_000\n",
                           ""))
                  .ends_with(", tightens"));
}

TEST(CharterChanges, SaysHowLongAKeyIsGood) {
  const CharterChanges longer = Compared(
      [](charter::TestCharter& test) {
        test.files["approvers"] = charter::TestSigner("ann@example.org", 'A') +
                                  charter::TestSigner("bob@example.org", 'B') +
                                  charter::TestSigner("cy@example.org", 'C');
      },
      [](charter::TestCharter& test) {
        std::string& text = test.files["approvers"];
        text.replace(text.find("namespaces"), 0, "valid-before=\"20300101Z\",");
      });
  ASSERT_EQ(longer.changes.size(), 2u);
  EXPECT_EQ(longer.changes[0].effect, Effect::kLoosens);
  EXPECT_TRUE(longer.changes[1].before.ends_with(" until 2030-01-01T00:00:00Z")) << longer.changes[1].before;
}

// An end that is put off gives a key its voice back: people read whose, not that a file has another digest.
TEST(CharterChanges, SaysWhenAReviewersKeyRunsOut) {
  const auto ends = [](const std::string& date) -> Edit {
    const std::string text = "[[reviewer]]\nname = \"prover-a\"\nexpires = \"" + date + "\"\n";
    return [=](charter::TestCharter& test) {
      test.files.erase("reviewers.toml");
      if (!date.empty()) test.files["reviewers.toml"] = text;
    };
  };
  const auto change = [&](const std::string& from, const std::string& to) {
    const CharterChanges compared = Compared(ends(to), ends(from));
    EXPECT_EQ(compared.changes.size(), 2u);  // the other: the file's content
    for (const CharterChange& one : compared.changes) {
      if (one.what.starts_with("end of"))
        return one.what + ": " + one.before + " -> " + one.after + ", " + std::string(EffectName(one.effect));
    }
    return std::string();
  };
  const std::string early = "2026-01-31T23:59:59Z", late = "2099-01-31T23:59:59Z";
  EXPECT_EQ(change(early, late), "end of the key of reviewer prover-a: " + early + " -> " + late + ", loosens");
  EXPECT_EQ(change(late, early), "end of the key of reviewer prover-a: " + late + " -> " + early + ", tightens");
  EXPECT_EQ(change(early, ""), "end of the key of reviewer prover-a: " + early + " -> none, loosens");
  EXPECT_EQ(change("", late), "end of the key of reviewer prover-a: none -> " + late + ", tightens");
  const CharterChanges unreadable =
      Compared([](charter::TestCharter& test) { test.files["reviewers.toml"] = "expires = 1\n"; });
  EXPECT_TRUE(std::ranges::any_of(unreadable.changes, [](const CharterChange& one) {
    return one.what == "ends of reviewers' keys" && !one.after.empty() && one.effect == Effect::kOther;
  }));
}

// That nothing is tried any more is what people read first, and no number that is gone passes for a smaller one.
TEST(CharterChanges, SayThatTrialsEndOrBegin) {
  const CharterChanges ends = Compared(charter::WithoutTrials);
  ASSERT_FALSE(ends.changes.empty());
  EXPECT_EQ(ends.changes[0].what, "a trial of every release");
  EXPECT_EQ(ends.changes[0].before, "python3 evaluate.py");
  EXPECT_EQ(ends.changes[0].after, "");
  EXPECT_EQ(ends.changes[0].effect, Effect::kLoosens);
  const auto effect_of = [](const CharterChanges& compared, const std::string& what, const std::string& name) {
    const auto found = std::ranges::find_if(compared.changes, [&](const CharterChange& one) {
      return one.what == what && (one.before == name || one.after == name);
    });
    return found == compared.changes.end() ? "none" : std::string(EffectName(found->effect));
  };
  const std::string limits = "limits of improvement, step, ceiling, drift of decisions and acceleration";
  EXPECT_EQ(effect_of(ends, "harm limit", "near_miss"), "loosens");
  EXPECT_EQ(effect_of(ends, limits, "as a trial shows them"), "loosens");
  EXPECT_EQ(effect_of(ends, "quorum of role", "evaluator"), "loosens");
  EXPECT_EQ(effect_of(ends, "reviewer", "evaluator-a (evaluator, ann@example.org)"), "other");
  for (const CharterChange& one : ends.changes) {
    EXPECT_EQ(one.what.find("largest step"), std::string::npos);
    EXPECT_EQ(one.what.find("episodes"), std::string::npos);
    EXPECT_EQ(one.what.find("MiB"), std::string::npos) << one.what;
  }
  charter::TestCharter tried, untried;
  charter::WithoutTrials(untried);
  const Result<CharterChanges> begins = CompareCharters(*untried.ReadFiles(), *tried.ReadFiles());
  ASSERT_TRUE(begins.ok());
  EXPECT_EQ(effect_of(*begins, "a trial of every release", "python3 evaluate.py"), "tightens");
  EXPECT_EQ(effect_of(*begins, "harm limit", "near_miss"), "tightens");
  EXPECT_EQ(effect_of(*begins, limits, "as a trial shows them"), "tightens");
  // Within charters that ask for none there is nothing of trials to compare.
  const CharterChanges within = Compared(Replace("drift_within = 1.25", "drift_within = 1.5"), charter::WithoutTrials);
  ASSERT_EQ(within.changes.size(), 1u);
  EXPECT_EQ(within.changes[0].what, "to be proven: calm, drift within");
}

// A section of words that only one of the two has.
TEST(CharterChanges, SayThatAnImproverComesOrGoes) {
  const std::string improver =
      "[improver]\ncommand = [\"python3\", \"improver/improve.py\"]\nlimits = { wall_seconds = 60, memory_mib = 1024, "
      "processes = 16 }\n\n";
  const CharterChanges gone = Compared(Replace(improver, ""));
  ASSERT_EQ(gone.words.size(), 1u);
  EXPECT_EQ(gone.words[0].title, "improver");
  EXPECT_EQ(gone.words[0].gone.size(), 1u);
  EXPECT_TRUE(gone.words[0].come.empty());
  charter::TestCharter with, without;
  without.Replace(improver, "");
  const Result<CharterChanges> come = CompareCharters(*without.ReadFiles(), *with.ReadFiles());
  ASSERT_EQ(come->words.size(), 1u);
  EXPECT_EQ(come->words[0].come.size(), 1u);
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
