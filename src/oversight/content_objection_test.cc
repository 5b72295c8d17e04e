// What stands against changes within the surface: keys of JSON files, imports of the evaluator, copies. What imports
// are read is asked in scorer_imports_test.cc.
#include "oversight/content_objection.h"

#include <gtest/gtest.h>

#include "charter/testing.h"
#include "charter/untried_for_test.h"
#include "model/onnx_writer_for_test.h"
#include "oversight/checker_runs.h"
#include "oversight/json_keys.h"

namespace pawl::oversight {
namespace {

using encoding::Json;

constexpr char kKeys[] = R"(
[[key]]
pointer = "/retries"
type = "integer"
min = 0
max = 5
[[key]]
pointer = "/rate"
type = "number"
max = 0.5
[[key]]
pointer = "/tools/*/mode"
type = "string"
words = ["read", "ask"]
may_add = true
[[key]]
pointer = "/on"
type = "boolean"
may_remove = true
[[key]]
pointer = "/notes"
type = "any"
)";

std::string ObjectionTo(const std::string& before, const std::string& after, const std::string& keys = kKeys) {
  const Result<std::vector<KeyRule>> rules = ReadKeyRules(keys, "x.toml");
  if (!rules.ok()) return rules.error().message;
  return FindRefusedKey(*rules, Json::parse(before), Json::parse(after)).value_or("");
}

TEST(JsonKeys, LetOnlyTheListedValuesChangeWithinTheirRanges) {
  EXPECT_EQ(ObjectionTo(R"({"retries": 1, "fixed": {"a": [1, 2]}})", R"({"fixed": {"a": [1, 2]}, "retries": 5})"), "");
  EXPECT_EQ(ObjectionTo(R"({"rate": 0.1})", R"({"rate": -3})"), "");
  EXPECT_EQ(ObjectionTo(R"({"tools": {"a": {"mode": "ask"}}})", R"({"tools": {"a": {"mode": "read"}}})"), "");
  EXPECT_EQ(ObjectionTo(R"({"tools": [{}]})", R"({"tools": [{"mode": "read"}]})"), "");
  EXPECT_EQ(ObjectionTo(R"({"on": true})", "{}"), "");
  EXPECT_EQ(ObjectionTo(R"({"notes": {"a": 1}})", R"({"notes": {"a": [2], "b": null}})"), "");
  EXPECT_EQ(ObjectionTo(R"({"notes": 1})", R"({"notes": {"a": 1}})"), "");
}

TEST(JsonKeys, RefuseEverythingElse) {
  const auto has = [](const std::string& before, const std::string& after, const std::string& words) {
    EXPECT_NE(ObjectionTo(before, after).find(words), std::string::npos) << after << ": " << ObjectionTo(before, after);
  };
  has(R"({"retries": 1})", R"({"retries": 6})", "/retries is 6, and its key allows integer from 0 up to 5");
  has(R"({"retries": 1})", R"({"retries": -1})", "/retries is -1");
  has(R"({"retries": 1})", R"({"retries": 1.0})", "/retries is 1.0");
  has(R"({"retries": 1})", R"({"retries": [1]})", "a structure");
  has(R"({"retries": 1})", "{}", "/retries is gone");
  has("{}", R"({"retries": 1})", "/retries is new");
  has("{}", R"({"on": true})", "/on is new");
  has(R"({"rate": 0.1})", R"({"rate": 0.5000001})", "up to 0.5");
  has(R"({"a": 1})", R"({"a": 1.0})", "/a differs");
  has(R"({"a": 1})", R"({"a": true})", "/a differs");
  has(R"({"a": [1, 2]})", R"({"a": [2, 1]})", "/a/0 differs");
  has(R"({"a": [1, 2]})", R"({"a": [1]})", "/a/1 differs");
  has(R"({"tools": {"a": {"mode": "ask"}}})", R"({"tools": {"a": {"mode": "write"}}})", "out of read, ask");
  has(R"({"tools": {}})", R"({"tools": {"a": {"mode": "ask"}}})", "/tools/a differs");
  has(R"({"tools": {"mode": "ask"}})", R"({"tools": {"mode": "read"}})", "/tools/mode differs");
  has("{}", R"({"notes": 1})", "/notes is new");
  has(R"({"notes": 1})", "{}", "/notes is gone");
  has("{}", "[]", "the whole value");
}

TEST(JsonKeys, TheFirstKeyThatMatchesDecides) {
  const std::string keys =
      "[[key]]\npointer = \"/a\"\ntype = \"integer\"\nmax = 1\n[[key]]\npointer = \"/*\"\ntype = \"any\"\n";
  EXPECT_NE(ObjectionTo(R"({"a": 1})", R"({"a": 2})", keys), "");
  EXPECT_EQ(ObjectionTo(R"({"b": 1})", R"({"b": 2})", keys), "");
  EXPECT_EQ(ObjectionTo(R"({"b/~": 1})", R"({"b/~": 2})", "[[key]]\npointer = \"/b~1~0\"\ntype = \"any\"\n"), "");
}

// What a wide key lets come or go brings nothing in that an earlier key forbids, and takes nothing out with it.
TEST(JsonKeys, JudgeEveryValueOfAStructureThatComesOrGoes) {
  const auto key = [](const std::string& pointer, const std::string& rest) {
    return "[[key]]\npointer = \"" + pointer + "\"\n" + rest + "\n";
  };
  const auto has = [](const std::string& keys, const std::string& before, const std::string& after,
                      const std::string& words) {
    const std::string refused = ObjectionTo(before, after, keys);
    EXPECT_NE(refused.find(words), std::string::npos) << before << " -> " << after << ": " << refused;
  };
  const std::string modes = key("/tools/*/mode", "type = \"string\"\nwords = [\"read\", \"ask\"]\nmay_add = true") +
                            key("/tools/*", "type = \"any\"\nmay_add = true");
  has(modes, R"({"tools": {}})", R"({"tools": {"b": {"mode": "write"}}})", "/tools/b/mode is \"write\"");
  has(modes, R"({"tools": [1]})", R"({"tools": [{"mode": "write"}]})", "/tools/0/mode is \"write\"");
  EXPECT_EQ(ObjectionTo(R"({"tools": {}})", R"({"tools": {"b": {"mode": "read", "more": {"mode": "write"}}}})", modes),
            "");
  const std::string under = key("/a/x", "type = \"integer\"\nmax = 1") + key("/a", "type = \"any\"");
  has(under, R"({"a": {"x": 1}})", R"({"a": []})", "/a/x is gone");
  has(under, R"({"a": {"x": 1}})", R"({"a": 1})", "/a/x is gone");
  has(under, R"({"a": []})", R"({"a": {"x": 9}})", "/a/x is new");
  EXPECT_EQ(ObjectionTo(R"({"a": {"y": 1}})", R"({"a": [{"x": 9}]})", under), "");
  const std::string deep =
      key("/a/x/y", "type = \"integer\"\nmax = 1") + key("/a/*", "type = \"any\"\nmay_add = true\nmay_remove = true");
  has(deep, R"({"a": {"x": {"y": 1}}})", R"({"a": {}})", "/a/x/y is gone");
  has(deep, R"({"a": {}})", R"({"a": {"x": {"y": 1}}})", "/a/x/y is new");
  EXPECT_EQ(ObjectionTo(R"({"a": {"x": {"z": 1}}})", R"({"a": {}})", deep), "");
  // What no key matches stays, below a value that may go as well.
  has(key("/on", "type = \"boolean\"\nmay_remove = true"), R"({"on": {"fixed": 1}})", "{}", "/on/fixed differs");
}

TEST(JsonKeys, TellTheZeroesApart) {
  EXPECT_NE(ObjectionTo(R"({"a": 0.0})", R"({"a": -0.0})"), "");
  EXPECT_EQ(ObjectionTo(R"({"a": -0.0})", R"({"a": -0.00})"), "");
  const std::string from_0 = "[[key]]\npointer = \"/a\"\ntype = \"number\"\nmin = 0\n";
  EXPECT_EQ(ObjectionTo(R"({"a": 1})", R"({"a": 0.0})", from_0), "");
  EXPECT_NE(ObjectionTo(R"({"a": 1})", R"({"a": -0.0})", from_0), "");
}

TEST(JsonKeys, RefuseFilesThatSayNothing) {
  for (const char* keys :
       {"", "[[key]]\n", "[[key]]\npointer = \"a\"\ntype = \"any\"\n", "[[key]]\npointer = \"/a\"\n",
        "[[key]]\npointer = \"/a\"\ntype = \"float\"\n", "[[key]]\npointer = \"/a\"\ntype = \"string\"\nmin = 1\n",
        "[[key]]\npointer = \"/a\"\ntype = \"number\"\nmin = 2\nmax = 1\n",
        "[[key]]\npointer = \"/a\"\ntype = \"integer\"\nwords = [\"x\"]\n",
        "[[key]]\npointer = \"/a\"\ntype = \"any\"\nmaximum = 1\n", "[[key]]\npointer = \"/a~2\"\ntype = \"any\"\n",
        "[[key]]\npointer = \"/a\"\ntype = \"any\"\n[[key]]\npointer = \"/a\"\ntype = \"any\"\n", "[key]\na = 1\n"}) {
    EXPECT_FALSE(ReadKeyRules(keys, "x.toml").ok()) << keys;
  }
}

// ---- the objection

class ContentObjectionTest : public ::testing::Test {
 protected:
  ContentObjectionTest() {
    test_.Replace(
        "[[surface]]",
        "[[surface]]\npath = \"a.json\"\nkind = \"json\"\nmay_remove = true\nkeys = \"keys.toml\"\n\n[[surface]]");
    test_.files["keys.toml"] = kKeys;
    test_.files["evaluate.py"] = "import metrics\n";
  }
  std::string Objection(const std::map<std::string, std::string>& before,
                        const std::map<std::string, std::string>& after) {
    subject::MemoryBlobs blobs;
    const subject::Manifest manifest = blobs.Tree(test_.files);
    Result<charter::Charter> charter = charter::ReadCharter(manifest, blobs.Reader());
    if (!charter.ok()) return charter.error().message;
    const charter::CharterFiles files{std::move(*charter), manifest, blobs.Reader()};
    const subject::Manifest from = blobs.Tree(before), to = blobs.Tree(after);
    Result<subject::SurfaceReport> report =
        subject::CheckSurface(files.charter.SurfaceRules(), from, to, blobs.Reader());
    EXPECT_TRUE(report.ok() && report->allowed);
    Result<std::optional<ContentObjection>> objection = FindContentObjection(*report, files, blobs.Reader());
    if (!objection.ok()) return objection.error().message;
    return *objection ? (*objection)->rule + " " + (*objection)->reason : "";
  }
  std::string KeyFileRule() {
    subject::MemoryBlobs blobs;
    const subject::Manifest manifest = blobs.Tree(test_.files);
    Result<charter::Charter> charter = charter::ReadCharter(manifest, blobs.Reader());
    if (!charter.ok()) return charter.error().message;
    const Result<void> checked = CheckKeyFiles({std::move(*charter), manifest, blobs.Reader()});
    return checked.ok() ? "" : checked.error().rule;
  }

  charter::TestCharter test_;
};

TEST_F(ContentObjectionTest, KeysOfAJsonFile) {
  EXPECT_EQ(Objection({{"a.json", R"({"retries": 1, "b": 1e-7})"}}, {{"a.json", R"({"b": 1e-7,  "retries": 2})"}}), "");
  EXPECT_EQ(Objection({{"a.json", R"({"retries": 1})"}}, {{"a.json", R"({"retries": 9})"}}).substr(0, 20),
            "surface.keys a.json:");
  EXPECT_EQ(Objection({{"a.json", "{}"}}, {}), "");
  EXPECT_EQ(Objection({{"a.json", "{}"}}, {{"a.json", "{}" + std::string(size_t{4} << 20, ' ')}}).substr(0, 12),
            "surface.keys");
  for (const char* after : {R"({"retries": 1, "retries": 2})", R"({"retries": 9007199254740993})"}) {
    EXPECT_EQ(Objection({{"a.json", R"({"retries": 1})"}}, {{"a.json", after}}).substr(0, 12), "surface.keys") << after;
  }
}

TEST_F(ContentObjectionTest, NamesThatStandTwiceInJson) {
  test_.Replace("keys = \"keys.toml\"\n", "");
  for (const char* after : {R"({"a": 1, "a": 2})", R"([{"b": {"c": 1, "\u0063": 2}}])"}) {
    EXPECT_EQ(Objection({{"a.json", "{}"}}, {{"a.json", after}}).substr(0, 25), "surface.json-twins a.json") << after;
  }
  EXPECT_EQ(
      Objection({{"a.json", "{}"}}, {{"a.json", R"([{"a": {"a": 1}}, {"a": 1e300, "b": 18446744073709551616}])"}}), "");
}

TEST_F(ContentObjectionTest, AKeyFileThatCannotBeReadRefusesEveryChange) {
  test_.files["keys.toml"] = "[[key]]\n";
  EXPECT_EQ(KeyFileRule(), "charter.missing-key");
  EXPECT_EQ(Objection({{"a.json", "{}"}}, {{"a.json", "[]"}}).substr(0, 12), "surface.keys");
  test_.files.erase("keys.toml");
  EXPECT_EQ(KeyFileRule(), "charter.file-missing");
  EXPECT_EQ(Objection({{"a.json", "{}"}}, {{"a.json", "[]"}}).substr(0, 12), "surface.keys");
}

TEST_F(ContentObjectionTest, KeysAreForJsonThatIsThere) {
  EXPECT_EQ(KeyFileRule(), "");
  test_.Replace("kind = \"json\"", "kind = \"text\"");
  EXPECT_EQ(KeyFileRule(), "charter.keys");
  test_.Replace("kind = \"text\"", "kind = \"json\"\nmay_add = true");
  EXPECT_EQ(KeyFileRule(), "charter.keys");
}

TEST_F(ContentObjectionTest, AFileThatAnswersAnImportOfTheEvaluator) {
  EXPECT_EQ(
      Objection({}, {{"improver/metrics.py", "x = 1\n"}}),
      "surface.scorer-import improver/metrics.py: could answer the evaluator's \"import metrics\" (evaluate.py:1)");
  EXPECT_EQ(Objection({{"improver/metrics.py", "x = 1\n"}}, {{"improver/metrics.py", "x = 2\n"}}).substr(0, 21),
            "surface.scorer-import");
  EXPECT_EQ(Objection({}, {{"improver/other.py", "x = 1\n"}}), "");
  test_.files["metrics.py"] = "import json\n";
  EXPECT_EQ(Objection({}, {{"improver/metrics.py", "x = 1\n"}}), "");
  test_.files["metrics.py"] = "import sys\n\n\nsys.path.insert(0, x)\n";
  EXPECT_EQ(
      Objection({}, {{"improver/fractions.py", "x = 1\n"}}),
      "surface.scorer-import improver/fractions.py: could answer any import of the evaluator's or of a module of "
      "the system's, because the evaluator may look for modules beside the charter's (metrics.py:4 has sys.path)");
  EXPECT_EQ(Objection({}, {{"improver/fractions.txt", "x = 1\n"}}), "");
  test_.files.erase("metrics.py");
  test_.Replace("[evaluation]\n", "[evaluation]\nsubject_command = [\"python3\", \"answer.py\"]\n");
  EXPECT_EQ(Objection({}, {{"improver/metrics.py", "x = 1\n"}}), "");
}

// Without an evaluation there is no evaluator whose imports could be answered, and there are no limits of its.
TEST(CharterWithoutTrials, HasNoScorerAndLimitsOfItsOwnForPrograms) {
  charter::TestCharter tried, untried;
  charter::WithoutTrials(untried);
  const Result<charter::CharterFiles> files = untried.ReadFiles();
  ASSERT_TRUE(files.ok()) << files.error().message;
  subject::MemoryBlobs blobs;
  const subject::Manifest from = blobs.Tree({{"policy.onnx", subject::Testdata("policy.onnx")}}), to = blobs.Tree({});
  const Result<subject::SurfaceReport> report =
      subject::CheckSurface(files->charter.SurfaceRules(), to, from, blobs.Reader());
  ASSERT_TRUE(report.ok());
  const Result<std::optional<ContentObjection>> objection = FindContentObjection(*report, *files, blobs.Reader());
  ASSERT_TRUE(objection.ok()) << objection.error().message;
  EXPECT_FALSE(objection->has_value());
  const sandbox::Limits limits = LimitsOfRun(files->charter, 7), of_trials = LimitsOfRun(*tried.Read(), 7);
  EXPECT_EQ(limits.wall_ms, 7'000);
  EXPECT_EQ(limits.memory_mib, 2'048);
  EXPECT_EQ(limits.processes, 64);
  EXPECT_EQ(limits.output_bytes, 64 << 20);
  EXPECT_EQ(limits.output_files, 1'000);
  EXPECT_EQ(of_trials.memory_mib, 1'024) << "the evaluation's";
}

// No certificate is about what a network's file says beside its graph; where there are trials, those are.
TEST_F(ContentObjectionTest, WhatANetworkSaysBesideItsGraph) {
  namespace onnx = model::onnx;
  const auto file = [](float weight, const std::string& of_graph, const std::string& of_model) {
    return onnx::Model(onnx::Graph({onnx::Node("Gemm", {"x", "W"}, {"y"})},
                                   {onnx::Tensor<float>("W", {1, 1}, {weight})}, {onnx::Value("x", {1, 1})},
                                   {onnx::Value("y", {1, 1})}) +
                       of_graph) +
           of_model;
  };
  const std::string scale = onnx::Bytes(14, onnx::Bytes(1, "scale") + onnx::Bytes(2, "7"));
  const auto objection = [&](const std::string& before, const std::string& after) {
    return Objection({{"policy.onnx", before}}, {{"policy.onnx", after}}).substr(0, 20);
  };
  EXPECT_EQ(objection(file(1, "", ""), file(2, "", scale)), "") << "it is tried";
  test_ = {};
  charter::WithoutTrials(test_);
  EXPECT_EQ(objection(file(1, "", ""), file(2, "", "")), "");
  EXPECT_EQ(objection(file(1, onnx::Bytes(10, "text"), scale), file(2, onnx::Bytes(10, "text"), scale)), "");
  for (const std::string& more : {scale, onnx::Bytes(6, "text"), onnx::Integer(900, 1), onnx::Float(901, 1)}) {
    EXPECT_EQ(objection(file(1, "", ""), file(1, "", more)), "surface.beside-graph") << more;
    EXPECT_EQ(objection(file(1, "", more), file(2, "", "")), "surface.beside-graph") << more;
  }
  EXPECT_EQ(objection(file(1, "", ""), file(1, onnx::Bytes(10, "text"), "")), "surface.beside-graph");
  EXPECT_EQ(objection(file(1, "", onnx::Integer(900, 1)), file(1, "", onnx::Integer(900, 2))), "surface.beside-graph");
}

TEST_F(ContentObjectionTest, ACopyOfTheChartersFile) {
  EXPECT_EQ(Objection({}, {{"improver/x.py", test_.files["evaluate.py"]}}).substr(0, 20), "surface.charter-copy");
}

}  // namespace
}  // namespace pawl::oversight
