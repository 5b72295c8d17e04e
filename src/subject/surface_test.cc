#include "subject/surface.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <regex>

#include "subject/testing.h"

namespace pawl::subject {
namespace {

using Tree = std::map<std::string, std::string>;

SurfaceReport Check(const std::vector<SurfaceRule>& rules, const Tree& parent, const Tree& candidate) {
  MemoryBlobs blobs;
  const Manifest before = blobs.Tree(parent), after = blobs.Tree(candidate);
  const Result<SurfaceReport> report = CheckSurface(rules, before, after, blobs.Reader());
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
  return *report;
}

// The verdict on one path, with "allowed" for yes.
std::string Verdict(const SurfaceRule& rule, const Tree& parent, const Tree& candidate) {
  const SurfaceReport report = Check({rule}, parent, candidate);
  EXPECT_EQ(report.findings.size(), 1u);
  const SurfaceFinding& finding = report.findings.at(0);
  EXPECT_EQ(report.allowed, finding.allowed);
  EXPECT_EQ(finding.allowed, finding.rule.empty() && finding.reason.empty());
  return finding.allowed ? "allowed" : finding.rule;
}

const SurfaceRule kText{.path = "src/**", .kind = SurfaceKind::kText};
const SurfaceRule kNetwork{.path = "policy.onnx", .kind = SurfaceKind::kNetwork};

TEST(Surface, NoChangeIsAllowed) {
  const SurfaceReport report = Check({}, {{"a", "1"}}, {{"a", "1"}});
  EXPECT_TRUE(report.allowed);
  EXPECT_TRUE(report.findings.empty());
}

TEST(Surface, WhatIsNotListedMayNotChange) {
  EXPECT_EQ(Verdict(kText, {{"other.py", "1"}}, {{"other.py", "2"}}), "surface.unlisted");
  EXPECT_EQ(Verdict(kText, {}, {{"other.py", "2"}}), "surface.unlisted");
  EXPECT_EQ(Verdict(kText, {{"other.py", "1"}}, {}), "surface.unlisted");
  EXPECT_EQ(Verdict(kText, {{"src/a.py", "1"}}, {{"src/a.py", "2"}}), "allowed");
}

TEST(Surface, OnePathRefusedRefusesTheTree) {
  const SurfaceReport report = Check({kText}, {{"src/a", "1"}, {"x", "1"}}, {{"src/a", "2"}, {"x", "2"}});
  EXPECT_FALSE(report.allowed);
  EXPECT_TRUE(report.findings[0].allowed);
  EXPECT_FALSE(report.findings[1].allowed);
}

TEST(Surface, TheFirstMatchDecidesAlone) {
  const SurfaceRule fixed{.path = "src/fixed/*", .kind = SurfaceKind::kData};
  EXPECT_FALSE(Check({fixed, kText}, {{"src/fixed/a", "1"}}, {{"src/fixed/a", "2"}}).allowed);
  EXPECT_TRUE(Check({kText, fixed}, {{"src/fixed/a", "1"}}, {{"src/fixed/a", "2"}}).allowed);
}

TEST(Surface, AddingAndRemovingNeedPermission) {
  SurfaceRule rule = kText;
  EXPECT_EQ(Verdict(rule, {}, {{"src/new.py", "1"}}), "surface.may-not-add");
  EXPECT_EQ(Verdict(rule, {{"src/old.py", "1"}}, {}), "surface.may-not-remove");
  rule.may_add = true;
  EXPECT_EQ(Verdict(rule, {}, {{"src/new.py", "1"}}), "allowed");
  rule.may_remove = true;
  EXPECT_EQ(Verdict(rule, {{"src/old.py", "1"}}, {}), "allowed");
}

TEST(Surface, KindsAreJudgedByContentNotByName) {
  const std::string network = Testdata("policy.onnx"), wider = Testdata("policy_wider.onnx");
  EXPECT_EQ(Verdict(kNetwork, {{"policy.onnx", network}}, {{"policy.onnx", wider}}), "allowed");
  EXPECT_EQ(Verdict(kNetwork, {{"policy.onnx", network}}, {{"policy.onnx", "print(1)\n"}}), "surface.kind");
  std::string unreadable = Testdata("policy_tanh.onnx");
  unreadable.replace(unreadable.find("Tanh"), 4, "Atan");  // an operator that is not read
  EXPECT_EQ(Verdict(kNetwork, {{"policy.onnx", network}}, {{"policy.onnx", unreadable}}), "surface.kind");
  EXPECT_EQ(Verdict(kText, {{"src/a.py", "1"}}, {{"src/a.py", network}}), "surface.kind");
  EXPECT_EQ(Verdict(kText, {{"src/a.py", "1"}}, {{"src/a.py", "{\"a\":1}"}}), "allowed");
  const SurfaceRule json{.path = "c.json", .kind = SurfaceKind::kJson};
  EXPECT_EQ(Verdict(json, {{"c.json", "1"}}, {{"c.json", "{\"a\":0.5}"}}), "allowed");
  EXPECT_EQ(Verdict(json, {{"c.json", "1"}}, {{"c.json", "{a:1}"}}), "surface.kind");
  const SurfaceRule data{.path = "d", .kind = SurfaceKind::kData};
  EXPECT_EQ(Verdict(data, {{"d", "1"}}, {{"d", "import os\n"}}), "surface.kind");
  EXPECT_EQ(Verdict(data, {{"d", "1"}}, {{"d", std::string("\0\1\2", 3)}}), "allowed");
}

TEST(Surface, LimitsAreInclusive) {
  SurfaceRule rule = kText;
  rule.max_bytes = 4;
  EXPECT_EQ(Verdict(rule, {{"src/a", "1"}}, {{"src/a", "2222"}}), "allowed");
  EXPECT_EQ(Verdict(rule, {{"src/a", "1"}}, {{"src/a", "22222"}}), "surface.max-bytes");
  rule = kText;
  rule.max_changed_lines = 2;
  EXPECT_EQ(Verdict(rule, {{"src/a", "1\nx\n"}}, {{"src/a", "2\nx\n"}}), "allowed");
  EXPECT_EQ(Verdict(rule, {{"src/a", "1\nx\n"}}, {{"src/a", "2\nx\ny\n"}}), "surface.max-changed-lines");
  EXPECT_EQ(Verdict(rule, {{"src/a", "1"}}, {{"src/a", std::string(4'097, 'a')}}), "surface.line-too-long");
  EXPECT_EQ(Verdict(rule, {{"src/a", std::string("\0", 1)}}, {{"src/a", "1"}}), "surface.kind");
  const std::string network = Testdata("policy.onnx"), wider = Testdata("policy_wider.onnx");
  SurfaceRule narrow = kNetwork;
  narrow.max_parameters = 42;
  EXPECT_EQ(Verdict(narrow, {{"policy.onnx", network}}, {{"policy.onnx", wider}}), "allowed");
  narrow.max_parameters = 41;
  EXPECT_EQ(Verdict(narrow, {{"policy.onnx", network}}, {{"policy.onnx", wider}}), "surface.max-parameters");
  narrow = kNetwork;
  narrow.operators = {"Gemm"};
  EXPECT_EQ(Verdict(narrow, {{"policy.onnx", network}}, {{"policy.onnx", wider}}), "surface.operator");
}

TEST(Surface, WhatPathOrSizeRefusesIsNotRead) {
  MemoryBlobs blobs;
  const std::string huge((size_t{8} << 20) + 1, '\n');
  const Manifest before = blobs.Tree({{"src/a", "1\n"}}), after = blobs.Tree({{"other", huge}, {"src/a", huge}});
  const BlobReader unreadable = [](const crypto::Digest&, uint64_t) -> Result<std::string> {
    return SystemFailure("test.read", "a file was read");
  };
  const auto rule_of_src = [&](const SurfaceRule& rule) {
    const Result<SurfaceReport> report = CheckSurface({rule}, before, after, unreadable);
    if (!report.ok()) return report.error().rule;
    EXPECT_EQ(report->findings.at(0).rule, "surface.unlisted");
    return report->findings.at(1).rule;
  };
  SurfaceRule rule = kText;
  EXPECT_EQ(rule_of_src(rule), "test.read");
  rule.max_bytes = 1'000;
  EXPECT_EQ(rule_of_src(rule), "surface.max-bytes");
  rule = kText;
  rule.max_changed_lines = 1'000'000'000;
  EXPECT_EQ(rule_of_src(rule), "surface.max-changed-lines");
}

TEST(Surface, WhereLinesAreTooManyToCountALimitOnThemRefuses) {
  const std::string huge((size_t{8} << 20) + 1, '\n');
  SurfaceRule rule = kText;
  EXPECT_EQ(Verdict(rule, {{"src/a", huge}}, {{"src/a", "1\n"}}), "allowed");
  rule.max_changed_lines = 1'000'000'000;
  EXPECT_EQ(Verdict(rule, {{"src/a", huge}}, {{"src/a", "1\n"}}), "surface.max-changed-lines");
  // A manifest that does not know sizes changes nothing.
  MemoryBlobs blobs;
  const Manifest before = blobs.Tree({{"src/a", "1\n"}});
  Manifest after = blobs.Tree({{"src/a", huge}});
  after.files[0].size = 0;
  const Result<SurfaceReport> report = CheckSurface({rule}, before, after, blobs.Reader());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->findings.at(0).rule, "surface.max-changed-lines");
}

// T16: pickles hidden in archives and under other names.
TEST(Surface, PicklesAndContainersAreRefusedWhateverTheRule) {
  const std::string pickle = "cposix\nsystem\np0\n(Vtrue\np1\ntp2\nRp3\n.";
  for (const SurfaceKind kind :
       {SurfaceKind::kAny, SurfaceKind::kText, SurfaceKind::kData, SurfaceKind::kJson, SurfaceKind::kNetwork}) {
    for (const char* name : {"m.bin", "m.txt", "m.pkl", "m.onnx"}) {
      const SurfaceRule rule{.path = "*", .kind = kind, .may_add = true};
      EXPECT_EQ(Verdict(rule, {}, {{name, pickle}}), "surface.pickle");
      EXPECT_EQ(Verdict(rule, {}, {{name, "\x80\4\x95 broken"}}), "surface.pickle");
      EXPECT_EQ(Verdict(rule, {}, {{name, std::string("7z\xBC\xAF\x27\x1C\0\4 pickle", 15)}}), "surface.container");
      EXPECT_EQ(Verdict(rule, {}, {{name, "PK\3\4 archive/data.pkl"}}), "surface.container");
    }
  }
}

// T7, T8: a patch file that claims less than the tree holds changes nothing; renames, quoting and letter case neither.
TEST(Surface, OnlyTheTreesCount) {
  const Tree parent = {{"src/a.py", "1\n"}, {"evaluator.py", "score\n"}};
  // The candidate's own patch names src/a.py alone, the tree also has another evaluator.
  const std::string patch = "diff --git a/src/a.py b/src/a.py\n--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-1\n+2\n";
  SurfaceRule open = kText;
  open.may_add = open.may_remove = true;
  const SurfaceReport lied =
      Check({open}, parent, {{"src/a.py", "2\n"}, {"evaluator.py", "return 1\n"}, {"src/change.patch", patch}});
  EXPECT_FALSE(lied.allowed);
  EXPECT_EQ(lied.findings[0].change.path, "evaluator.py");
  EXPECT_EQ(lied.findings[0].rule, "surface.unlisted");
  // A rename out of the surface is an unlisted addition; into it, an unlisted removal.
  EXPECT_FALSE(Check({open}, parent, {{"a.py", "1\n"}, {"evaluator.py", "score\n"}}).allowed);
  EXPECT_FALSE(Check({open}, parent, {{"src/a.py", "1\n"}, {"src/evaluator.py", "score\n"}}).allowed);
  // Letter case: another path, which the rule does not list.
  EXPECT_FALSE(
      Check({open}, {{"evaluator.py", "score\n"}}, {{"SRC/a.py", "1\n"}, {"evaluator.py", "score\n"}}).allowed);
}

// T17, T18: names that programs load unasked.
TEST(Surface, NamesThatProgramsLoadUnaskedNeedARuleThatSpellsThemOut) {
  SurfaceRule rule = kText;
  rule.may_add = true;
  for (const char* path : {"src/conftest.py", "src/deep/sitecustomize.py", "src/usercustomize.py", "src/x.pth",
                           "src/python311._pth", "src/.gitattributes", "src/.gitmodules", "src/hooks/post-checkout",
                           "src/Conftest.PY", "src/mod.pyc", "src/pyvenv.cfg"}) {
    EXPECT_EQ(Verdict(rule, {}, {{path, "x\n"}}), "surface.unasked-name") << path;
    const SurfaceRule exact{.path = path, .kind = SurfaceKind::kText, .may_add = true};
    EXPECT_EQ(Verdict(exact, {}, {{path, "x\n"}}), "allowed") << path;
  }
  EXPECT_EQ(Verdict({.path = "src/*.pth", .kind = SurfaceKind::kText, .may_add = true}, {}, {{"src/x.pth", "x\n"}}),
            "surface.unasked-name");
  EXPECT_EQ(
      Verdict({.path = "src/**/hooks/*", .kind = SurfaceKind::kText, .may_add = true}, {}, {{"src/hooks/x", "x\n"}}),
      "allowed");
  EXPECT_EQ(Verdict(rule, {}, {{"src/my_conftest.py", "x\n"}}), "allowed");
}

TEST(Glob, KnownCases) {
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"a", "a", true},          {"a", "b", false},         {"a", "a/b", false},         {"*", "a", true},
      {"*", "a/b", false},       {"**", "a/b/c", true},     {"a/**", "a/b", true},       {"a/**", "a/b/c", true},
      {"a/**", "a", true},       {"a/**", "ab/c", false},   {"a/**/b", "a/b", true},     {"a/**/b", "a/x/y/b", true},
      {"a/**/b", "a/xb", false}, {"*.py", "x.py", true},    {"*.py", ".py", true},       {"*.py", "x.pyc", false},
      {"*.py", "d/x.py", false}, {"**/*.py", "x.py", true}, {"**/*.py", "d/x.py", true}, {"?", "a", true},
      {"?", "ab", false},        {"?", "é", true},          {"a*b*c", "aXbYc", true},    {"a*b*c", "aXcYb", false},
      {"A", "a", false},         {"[ab]", "a", false},      {"[ab]", "[ab]", true},      {"*a", "aaa", true},
      {"**/**", "a", true},      {"a?c", "a/c", false},
  };
  for (const auto& [glob, path, matches] : cases) {
    ASSERT_EQ(RuleOf(CheckGlob(glob)), "ok") << glob;
    EXPECT_EQ(GlobMatches(glob, path), matches) << glob << " " << path;
  }
}

TEST(Glob, WhatMeansNothingIsRefused) {
  for (const char* glob : {"", "/a", "a/", "a//b", "../a", "a**", "**a", "a/***", "a\nb", ".git/**"}) {
    EXPECT_NE(RuleOf(CheckGlob(glob)), "ok") << glob;
  }
  std::string many = "**";
  for (int i = 0; i < 16; ++i) many += "/**";
  EXPECT_EQ(RuleOf(CheckGlob(many)), "glob.limit");
}

TEST(Glob, TimeStaysBoundedOnHostilePatterns) {
  std::string glob = "**", path = "a";
  for (int i = 0; i < 14; ++i) glob += "/*a*a*a*a*a*b/**";
  for (int i = 0; i < 31; ++i) path += "/" + std::string(30, 'a');
  EXPECT_FALSE(GlobMatches(glob, path));
}

// The glob as a regular expression, as the independent answer.
std::regex AsRegex(const std::string& glob) {
  std::string out;
  for (size_t i = 0; i < glob.size(); ++i) {
    if (glob.compare(i, 3, "**/") == 0 && (i == 0 || glob[i - 1] == '/')) {
      out += "(?:[^/]+/)*";
      i += 2;
    } else if (glob.compare(i, 3, "/**") == 0 && i + 3 == glob.size()) {
      out += "(?:/[^/]+)*";
      i += 2;
    } else if (glob == "**") {
      return std::regex(".*");
    } else if (glob[i] == '*') {
      out += "[^/]*";
    } else if (glob[i] == '?') {
      out += "[^/]";
    } else {
      out += glob[i];
    }
  }
  return std::regex(out);
}

RC_GTEST_PROP(GlobLaws, AgreesWithARegularExpression, ()) {
  const auto join = [](const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : "/") + part;
    return text;
  };
  const auto glob = join(*rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
      rc::gen::elementOf(std::vector<std::string>{"**", "*", "a", "b", "a*", "*b", "?", "a?b", "*a*"}))));
  const auto path = join(*rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
      rc::gen::elementOf(std::vector<std::string>{"a", "b", "ab", "aab", "ba", "aXb"}))));
  // "a/**/**" needs care in the regular expression alone; the law is about everything else.
  RC_PRE(glob.find("**/**") == std::string::npos);
  RC_ASSERT(GlobMatches(glob, path) == std::regex_match(path, AsRegex(glob)));
}

RC_GTEST_PROP(SurfaceLaws, AddingARuleAtTheEndNeverRefusesMore, ()) {
  const auto text = [] { return *rc::gen::elementOf(std::vector<std::string>{"1\n", "2\n", "{}", "x\0y"}); };
  const std::vector<std::string> paths = {"a", "b/c", "b/d"};
  Tree parent, candidate;
  for (const std::string& path : paths) {
    if (*rc::gen::arbitrary<bool>()) parent[path] = text();
    if (*rc::gen::arbitrary<bool>()) candidate[path] = text();
  }
  std::vector<SurfaceRule> rules;
  for (const char* glob : {"b/*", "a"}) {
    rules.push_back({.path = glob, .kind = SurfaceKind::kText, .may_add = *rc::gen::arbitrary<bool>()});
  }
  const SurfaceReport fewer = Check({rules[0]}, parent, candidate), more = Check(rules, parent, candidate);
  for (size_t i = 0; i < fewer.findings.size(); ++i) {
    RC_ASSERT(!fewer.findings[i].allowed || more.findings[i].allowed);
  }
}

}  // namespace
}  // namespace pawl::subject
