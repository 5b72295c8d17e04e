// What an evaluator in Python is made of, and what of it a subject could supply.
#include "oversight/scorer_imports.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "subject/testing.h"

namespace pawl::oversight {
namespace {

using namespace std::string_literals;

ScorerImports ImportsOf(const std::map<std::string, std::string>& files, const std::vector<std::string>& command) {
  subject::MemoryBlobs blobs;
  const charter::CharterFiles charter{{}, blobs.Tree(files), blobs.Reader()};
  Result<ScorerImports> imports = ReadScorerImports(charter, command);
  EXPECT_TRUE(imports.ok());
  return imports.ok() ? std::move(*imports) : ScorerImports{};
}

std::string Outside(const std::string& text) {
  std::string modules;
  for (const ScorerImport& import : ImportsOf({{"evaluate.py", text}}, {"python3", "evaluate.py"}).outside) {
    modules += import.module + ":" + std::to_string(import.line) + " ";
  }
  return modules;
}

TEST(ScorerImports, FindsEveryFormOfImport) {
  EXPECT_EQ(Outside("import a\n\nimport b.c as d, e\n"), "a:1 b.c:3 e:3 ");
  EXPECT_EQ(Outside("from a import b as c, d\n"), "a:1 a.b:1 a.d:1 ");
  EXPECT_EQ(Outside("from a import (\n  b,  # one\n  c)\nimport d\n"), "a:1 a.b:1 a.c:1 d:4 ");
  EXPECT_EQ(Outside("x = '#'; import a\ntry: import b\nexcept ImportError: pass\n\tif x: from c import d\n"),
            "a:1 b:2 c:4 c.d:4 ");
  EXPECT_EQ(Outside("import \\\n  a\nfrom b \\\n import c\r\nimport d\r\n"), "a:1 b:3 b.c:3 c:4 d:5 ");
  EXPECT_EQ(Outside("imported = 1\nfrom_ = import_\nimporta\n"), "");
}

TEST(ScorerImports, FollowsTheChartersOwnModules) {
  const std::map<std::string, std::string> files = {{"evaluate.py", "import near\nimport pack.deep\nimport json\n"},
                                                    {"near.py", "from pack import other\n"},
                                                    {"pack/__init__.py", "import one\n"},
                                                    {"pack/deep.py", "from . import other\nfrom ..near import x\n"},
                                                    {"pack/other.py", "import two\n"},
                                                    {"unreached.py", "import three\n"}};
  std::string found;
  for (const std::vector<std::string>& command : {std::vector<std::string>{"python3", "-S", "evaluate.py"},
                                                  {"python3", "./evaluate.py"},
                                                  {"python3", "-m", "evaluate"},
                                                  {"python3", "/in/charter/evaluate.py", "episodes"}}) {
    found.clear();
    for (const ScorerImport& import : ImportsOf(files, command).outside) found += import.module + " ";
    EXPECT_EQ(found, "json one two ") << command[1];
  }
}

TEST(ScorerImports, ListsOtherWaysToBringInCode) {
  const ScorerImports imports = ImportsOf(
      {{"evaluate.py", "import sys\nsys.path.insert(0, x)\nexec(open(x).read())\n"}}, {"python3", "evaluate.py"});
  ASSERT_EQ(imports.reaches.size(), 2u);
  EXPECT_EQ(imports.reaches[0].word + std::to_string(imports.reaches[0].line), "sys.path2");
  EXPECT_EQ(imports.reaches[1].word, "exec(");
}

TEST(ScorerImports, AFileAnswersByItsNameOrItsFolders) {
  EXPECT_TRUE(SuppliesModule("metrics.py", "metrics"));
  EXPECT_TRUE(SuppliesModule("deep/down/metrics.py", "metrics.sub"));
  EXPECT_TRUE(SuppliesModule("metrics/sub.py", "metrics.sub"));
  EXPECT_TRUE(SuppliesModule("metrics.cpython-311-x86_64-linux-gnu.so", "metrics"));
  EXPECT_FALSE(SuppliesModule("metrics.json", "metrics"));
  EXPECT_FALSE(SuppliesModule("my_metrics.py", "metrics"));
  EXPECT_FALSE(SuppliesModule("sub.py", "metrics.sub"));
}

// ---- what Python does with names

std::string OutsideOf(const ScorerImports& imports) {
  std::string modules;
  for (const ScorerImport& import : imports.outside) modules += import.module + " ";
  return modules;
}

TEST(ScorerImports, AFolderWithoutItsInitFileIsNoAnswer) {
  EXPECT_EQ(OutsideOf(ImportsOf({{"evaluate.py", "import utils.metrics\n"}, {"utils/metrics.py", "import deep\n"}},
                                {"python3", "evaluate.py"})),
            "utils.metrics deep ");
  EXPECT_EQ(
      OutsideOf(ImportsOf(
          {{"evaluate.py", "import utils.metrics\n"}, {"utils/__init__.py", ""}, {"utils/metrics.py", "import deep\n"}},
          {"python3", "evaluate.py"})),
      "deep ");
}

// Python looks in the script's folder; beside the importing file, or in the charter's top folder, it does not.
TEST(ScorerImports, OnlyTheFolderOfTheScriptAnswers) {
  const std::map<std::string, std::string> files = {{"run/evaluate.py", "import pack.deep\nimport top\n"},
                                                    {"run/pack/__init__.py", ""},
                                                    {"run/pack/deep.py", "import beside\n"},
                                                    {"run/pack/beside.py", ""},
                                                    {"top.py", ""}};
  EXPECT_EQ(OutsideOf(ImportsOf(files, {"python3", "run/evaluate.py"})), "top beside ");
  EXPECT_EQ(OutsideOf(ImportsOf(files, {"python3", "-m", "run.evaluate"})), "pack.deep ");
}

TEST(ScorerImports, ReadsTheTextAsPythonDoes) {
  EXPECT_EQ(Outside("\xEF\xBB\xBFimport a\n"), "a:1 ");
  EXPECT_EQ(Outside("\fimport a\n\vimport b\n"), "a:1 b:2 ");
  EXPECT_EQ(Outside("import \\\r\n  a, \\\r\n b\r\nimport c\rimport d\r"), "a:1 b:1 c:4 d:5 ");
  EXPECT_EQ(Outside("print('import (')\nimport a\n"), "a:2 ");
  EXPECT_EQ(Outside("x = '; from a import (b'\nimport c\n"), "a:1 a.b:1 c:2 ");
  EXPECT_EQ(Outside("# goes on? \\\nimport a\n"), "a:2 ");
  EXPECT_EQ(Outside("from a import (b, # )\n  c as d,)\nimport e\n"), "a:1 a.b:1 a.c:1 e:3 ");
  EXPECT_EQ(Outside("import a . b\nfrom c . d import*\nimport\te\n"), "a.b:1 c.d:2 c.d.*:2 e:3 ");
  EXPECT_EQ(Outside("if x: \\\n import a; import b"), "a:1 a:2 b:2 ");
  EXPECT_EQ(Outside("from.import a\nfrom . import(b)\nfrom .importer import c\nimport d"), "d:4 ");
  EXPECT_EQ(Outside("import\nfrom\nfrom a\nfrom a import\nfrom a import (\nimport .\nimport d"),
            "a:4 a:5 a.import:5 d:7 ");
}

TEST(ScorerImports, FindsTheProgramAsPythonDoes) {
  const std::map<std::string, std::string> files = {{"evaluate", "import a\n"},
                                                    {"tool/__main__.py", "import beside\n"},
                                                    {"tool/__init__.py", ""},
                                                    {"tool/beside.py", "import b\n"}};
  const auto outside = [&](const std::vector<std::string>& command) {
    const ScorerImports imports = ImportsOf(files, command);
    return (imports.widened ? "widened " : "") + OutsideOf(imports);
  };
  EXPECT_EQ(outside({"python3", "evaluate"}), "a ");
  EXPECT_EQ(outside({"/usr/bin/python3.11", "-S", "-W", "error", "-Xdev", "-E", "sub/../evaluate"}), "a ");
  EXPECT_EQ(outside({"python3", "tool"}), "b ");
  EXPECT_EQ(outside({"python3", "-Smtool"}), "beside ");
  EXPECT_EQ(outside({"python3", "-c", "import helper"}), "helper ");
  EXPECT_EQ(outside({"python3", "-Sc", "import os; os.chdir(x)"}), "widened os ");
  for (const std::vector<std::string>& command : {std::vector<std::string>{"python3"},
                                                  {"python3", "-m"},
                                                  {"python3", "-"},
                                                  {"python3", "-m", "pytest"},
                                                  {"python3", "missing.py"},
                                                  {"python3", "/in/subject/evaluate"},
                                                  {"env", "PYTHONPATH=/in/subject", "python3", "evaluate"},
                                                  {"sh", "-c", "cd /in/subject; exec ./evaluate.py"},
                                                  {"pytest-3", "tests"}}) {
    EXPECT_TRUE(ImportsOf(files, command).widened) << command.back();
  }
}

TEST(ScorerImports, WhatStartsPythonOtherwiseIsNotFollowed) {
  const std::map<std::string, std::string> files = {{"run.sh", "# one\n. ./more.sh\n"},
                                                    {"more.sh", "\ncd \"$1\" && python3 -m evaluate\n"},
                                                    {"evaluate.py", "import a\n"},
                                                    {"calm.sh", "exec ./compiled\n"},
                                                    {"compiled",
                                                     "\x7f"
                                                     "ELF\0x.py"s},
                                                    {"script", "#!/usr/bin/env python3\nimport a\n"}};
  const ScorerImports shell = ImportsOf(files, {"sh", "run.sh"});
  EXPECT_EQ(shell.unread, "sh");
  ASSERT_TRUE(shell.widened);
  EXPECT_EQ(shell.widened->Text(), "more.sh:2 has python3");
  const ScorerImports compiled = ImportsOf(files, {"sh", "calm.sh"});
  EXPECT_EQ(compiled.unread, "sh");
  EXPECT_FALSE(compiled.widened);
  const ScorerImports script = ImportsOf(files, {"./script"});
  EXPECT_EQ(script.unread, "");
  EXPECT_FALSE(script.widened);
  EXPECT_EQ(OutsideOf(script), "a ");
}

TEST(ScorerImports, WhatMovesTheSearchIsSeen) {
  for (const char* text : {"sys.path.append(x)", "from sys import path", "from sys import (\n a, path as p)",
                           "from sys import *", "import sys as s", "site.addsitedir(x)", "os.environ['PYTHONPATH'] = x",
                           "__path__ = [x]", "import zipimport", "pytest.main()", "import m\xC3\xA9trics"}) {
    const ScorerImports imports =
        ImportsOf({{"evaluate.py", "import near"}, {"near.py", std::string(text) + "\n"}}, {"python3", "evaluate.py"});
    EXPECT_TRUE(imports.widened) << text;
  }
  EXPECT_TRUE(ImportsOf({{"evaluate", "PK\3\4\0"s}}, {"python3", "evaluate"}).widened);
  EXPECT_FALSE(ImportsOf({{"evaluate.py", "import sys, os.path\nimport sys as sys\nsys.exit(os.path.join())\n"}},
                         {"python3", "evaluate.py"})
                   .widened);
}

// A file that is started by name has a folder of its own, and may be any.
TEST(ScorerImports, WhereCodeIsStartedByNameEveryFileCounts) {
  const std::map<std::string, std::string> files = {
      {"evaluate.py", "import importlib, near\n"}, {"near.py", ""}, {"plug/in.py", "import other\n"}};
  EXPECT_EQ(OutsideOf(ImportsOf(files, {"python3", "evaluate.py"})), "importlib near other ");
  EXPECT_FALSE(ImportsOf(files, {"python3", "evaluate.py"}).widened);
}

}  // namespace
}  // namespace pawl::oversight
