#include "charter/charter.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "charter/program_rules.h"
#include "charter/testing.h"
#include "charter/toml_reader.h"
#include "source_directory.h"
#include "storage/tree_store.h"

namespace pawl::charter {
namespace {

using subject::RuleOf;

std::string MessageOf(const Result<Charter>& charter) { return charter.ok() ? "" : charter.error().message; }
std::string AdviceOf(const Result<Charter>& charter) { return charter.ok() ? "" : charter.error().advice; }

TEST(Charter, IsReadWithItsDefaults) {
  const Result<Charter> charter = TestCharter().Read();
  ASSERT_TRUE(charter.ok()) << charter.error().rule << ": " << charter.error().message;
  EXPECT_EQ(charter->subject.name, "controller");
  ASSERT_EQ(charter->surface.size(), 2u);
  EXPECT_EQ(charter->surface[0].rule.kind, subject::SurfaceKind::kNetwork);
  EXPECT_EQ(charter->surface[0].rule.max_parameters, 20'000u);
  EXPECT_FALSE(charter->surface[0].rule.may_add);
  EXPECT_TRUE(charter->surface[1].rule.may_add);
  EXPECT_EQ(charter->surface[1].position.line, 13u);
  ASSERT_EQ(charter->properties.size(), 1u);
  EXPECT_EQ(charter->properties[0].arithmetic, Arithmetic::kFloat32);
  EXPECT_EQ(charter->properties[0].time_limit_s, 600);
  EXPECT_EQ(charter->evaluation.limits.cpu_seconds, 120);
  EXPECT_EQ(charter->evaluation.Find("near_miss")->direction, Direction::kLowerIsBetter);
  ASSERT_EQ(charter->bounds.harm.size(), 1u);
  EXPECT_EQ(charter->bounds.harm[0].name, "near_miss");
  EXPECT_EQ(charter->bounds.harm[0].lifetime_error, 1e-3);
  EXPECT_EQ(charter->pace.min_interval_s, 86'400);
  EXPECT_EQ(charter->pace.max_clock_skew_s, 300);
  EXPECT_EQ(charter->FindReviewer("auditor-b")->role, Role::kAuditor);
  EXPECT_EQ(charter->FindQuorum(Role::kProver)->at_least, 1);
  EXPECT_EQ(charter->FindQuorum(Role::kIntegrity), nullptr);
  EXPECT_EQ(charter->approval.presence, Presence::kRequired);
  EXPECT_EQ(charter->ApproverCount(), 3u);
  EXPECT_EQ(charter->rollback_threshold, 2);
  EXPECT_EQ(charter->resume_threshold, 2);
  EXPECT_TRUE(charter->revocation.trees.empty());
  EXPECT_EQ(charter->assurance, Assurance::kStandard);
  EXPECT_EQ(charter->gate.clock.name, "example.org/clock");
}

TEST(Charter, KeepsPropertiesOfCodeApart) {
  TestCharter test;
  test.files["check.sh"] = "exit 0\n";
  test.Replace("[improver]",
               "[[property]]\nname = \"suite\"\nkind = \"command\"\ncommand = [\"sh\", \"check.sh\"]\n"
               "time_limit = \"1m\"\n[improver]");
  subject::MemoryBlobs blobs;
  const subject::Manifest manifest = blobs.Tree(test.files);
  const Result<Charter> charter = ReadCharter(manifest, blobs.Reader());
  ASSERT_TRUE(charter.ok()) << charter.error().message;
  EXPECT_EQ(charter->properties.size(), 1u);
  const Result<ProgramRules> programs = ReadProgramRules({*charter, manifest, blobs.Reader()});
  ASSERT_TRUE(programs.ok());
  const std::vector<CodeProperty>* code = &programs->properties;
  ASSERT_EQ(code->size(), 1u);
  EXPECT_EQ(code->front().name, "suite");
  EXPECT_EQ(code->front().kind, CodePropertyKind::kCommand);
  EXPECT_EQ(code->front().command, (std::vector<std::string>{"sh", "check.sh"}));
  EXPECT_EQ(code->front().time_limit_s, 60);
}

// What is accepted of the sandbox, or the rule that refuses it.
Result<weakening::Weakenings> Accepted(const std::string& section) {
  TestCharter test;
  test.Replace("[sandbox]\naccept = [\"memory-per-process\", \"forks-uncounted\", \"cpu-per-process\"]\n", section);
  subject::MemoryBlobs blobs;
  const subject::Manifest manifest = blobs.Tree(test.files);
  const Result<Charter> charter = ReadCharter(manifest, blobs.Reader());
  if (!charter.ok()) return charter.error();
  Result<ProgramRules> programs = ReadProgramRules({*charter, manifest, blobs.Reader()});
  if (!programs.ok()) return programs.error();
  return programs->accepted;
}

TEST(Charter, AcceptsNothingOfTheSandboxThatItDoesNotName) {
  using weakening::Weakening;
  for (const char* nothing : {"", "[sandbox]\n"}) {
    const Result<weakening::Weakenings> accepted = Accepted(nothing);
    ASSERT_TRUE(accepted.ok()) << accepted.error().message;
    EXPECT_TRUE(accepted->empty());
  }
  const std::pair<const char*, Weakening> kEach[] = {{"memory-per-process", Weakening::kMemoryPerProcess},
                                                     {"forks-uncounted", Weakening::kForksUncounted},
                                                     {"cpu-per-process", Weakening::kCpuPerProcess},
                                                     {"no-landlock", Weakening::kNoLandlock}};
  ASSERT_EQ(std::size(kEach), std::size(weakening::kNames));
  std::string all;
  for (const auto& [name, value] : kEach) {
    const std::string quoted = "\"" + std::string(name) + "\"";
    const Result<weakening::Weakenings> accepted = Accepted("[sandbox]\naccept = [" + quoted + "]\n");
    ASSERT_TRUE(accepted.ok()) << accepted.error().message;
    EXPECT_EQ(*accepted, weakening::Weakenings{value}) << name;
    all += (all.empty() ? "" : ", ") + quoted;
  }
  EXPECT_EQ(Accepted("[sandbox]\naccept = [" + all + "]\n")->size(), std::size(kEach));
}

TEST(Charter, RefusesOtherWordsForTheSandbox) {
  const std::pair<const char*, const char*> kCases[] = {
      {"accept = [\"everything\"]", "charter.sandbox"},
      {"accept = [\"memory-per-process \"]", "charter.sandbox"},
      {"accept = [\"no-landlock\", \"no-seccomp\"]", "charter.sandbox"},
      {"accept = []", "charter.type"},
      {"accept = \"no-landlock\"", "charter.type"},
      {"accept = [1]", "charter.type"},
      {"accept = [\"no-landlock\", \"no-landlock\", \"no-landlock\", \"no-landlock\", \"no-landlock\"]",
       "charter.type"},
      {"accepts = [\"no-landlock\"]", "charter.unknown-key"},
  };
  for (const auto& [line, rule] : kCases) {
    const Result<weakening::Weakenings> accepted = Accepted("[sandbox]\n" + std::string(line) + "\n");
    ASSERT_FALSE(accepted.ok()) << line;
    EXPECT_EQ(accepted.error().rule, rule) << line << accepted.error().message;
    EXPECT_EQ(accepted.error().message.find("charter.toml:"), 0u) << accepted.error().message;
  }
}

TEST(Charter, TheDigestIsThatOfTheWholeDirectory) {
  TestCharter charter;
  const crypto::Digest digest = charter.Read()->digest;
  charter.files["evaluate.py"] += "\n";
  EXPECT_NE(charter.Read()->digest, digest);
}

TEST(Charter, IsTheSameFromDirectoryAndStore) {
  const TestCharter charter;
  const subject::TemporaryDirectory directory;
  for (const auto& [path, bytes] : charter.files) directory.Write("charter/" + path, bytes);
  storage::TreeStore store = *storage::TreeStore::Open(directory / "store", storage::StoreAccess::kReadWrite);
  const crypto::Digest digest = store.PutTree(directory / "charter", subject::TreeLimits{})->digest;
  EXPECT_EQ(ReadCharterFromStore(store, digest)->digest, digest);
  EXPECT_EQ(ReadCharterFromDirectory(directory / "charter")->digest, digest);
  EXPECT_EQ(RuleOf(ReadCharterFromDirectory(directory / "absent")), "tree.missing");
}

TEST(Charter, SeveralHarmsStandInAnArray) {
  TestCharter charter;
  charter.Replace("[bounds.harm]\nmetric = \"near_miss\"\nlimit = 0.01",
                  "[[bounds.harm]]\nmetric = \"near_miss\"\nlimit = 0.01\n[[bounds.harm]]\nname = \"low-score\"\n"
                  "metric = \"score\"\nlimit = 0.5\nlifetime_error = 1e-4");
  const Result<Charter> read = charter.Read();
  ASSERT_TRUE(read.ok()) << MessageOf(read);
  ASSERT_EQ(read->bounds.harm.size(), 2u);
  EXPECT_EQ(read->bounds.harm[1].name, "low-score");
  EXPECT_EQ(read->bounds.harm[1].lifetime_error, 1e-4);
}

TEST(CharterSyntax, ErrorsNameFileLineAndColumn) {
  EXPECT_NE(MessageOf(TestCharter().Replace("limit = 0.01", "limit = ").Read()).find("charter.toml:"),
            std::string::npos);
  const Result<Charter> type = TestCharter().Replace("episodes = 4000", "episodes = \"4000\"").Read();
  EXPECT_EQ(RuleOf(type), "charter.type");
  EXPECT_NE(MessageOf(type).find("charter.toml:32:12: evaluation.episodes"), std::string::npos) << MessageOf(type);
  EXPECT_EQ(type.error().code, ErrorCode::kMalformed);
}

TEST(CharterSyntax, UnknownKeysAreErrorsWithAGuess) {
  const Result<Charter> misspelt = TestCharter().Replace("min_interval", "min_intervall").Read();
  EXPECT_EQ(RuleOf(misspelt), "charter.unknown-key");
  EXPECT_NE(AdviceOf(misspelt).find("\"min_interval\""), std::string::npos) << AdviceOf(misspelt);
  const Result<Charter> optional = TestCharter().Replace("may_add", "may_ad").Read();
  EXPECT_EQ(RuleOf(optional), "charter.unknown-key");
  EXPECT_NE(AdviceOf(optional).find("\"may_add\""), std::string::npos) << AdviceOf(optional);
  EXPECT_EQ(RuleOf(TestCharter().Append("\n[surprise]\nx = 1\n").Read()), "charter.unknown-key");
  // Neither exists: a failed trial is not counted, and a tree is revoked by an amendment like any other.
  EXPECT_EQ(RuleOf(TestCharter().Replace("probes = 2000", "probes = 2000\nmax_attempts = 3").Read()),
            "charter.unknown-key");
  EXPECT_EQ(RuleOf(TestCharter().Append("\n[revocation]\nthreshold = 2\n").Read()), "charter.unknown-key");
  EXPECT_EQ(RuleOf(TestCharter().Replace("processes = 16 }", "processes = 16, sandbox = false }").Read()),
            "charter.unknown-key");
  EXPECT_EQ(RuleOf(TestCharter().Replace("kind = \"text\"", "kind = \"text\"\nuse_sandbox = false").Read()),
            "charter.unknown-key");
}

TEST(CharterSyntax, EachMalformedShape) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"name = \"controller\"\n", "", "charter.missing-key"},
      {"name = \"controller\"", "name = \"../x\"", "charter.name"},
      {"name = \"controller\"", "name = \"\"", "charter.range"},
      {"sha256:e3b0", "sha256:E3b0", "charter.type"},
      {"max_parameters = 20_000", "max_parameters = -1", "charter.range"},
      {"max_parameters = 20_000", "max_parameters = 2.5", "charter.type"},
      {"kind = \"text\"", "kind = \"code\"", "charter.type"},
      {"path = \"improver/**\"", "path = \"../**\"", "charter.surface-glob"},
      {"operators = [\"Gemm\", \"Relu\"]", "operators = []", "charter.type"},
      {"operators = [\"Gemm\", \"Relu\"]", "operators = [\"Gemm\", 3]", "charter.type"},
      {"limit = 0.01", "limit = nan", "charter.range"},
      {"limit = 0.01", "limit = inf", "charter.range"},
      {"limit = 0.01", "limit = \"0.01\"", "charter.type"},
      {"limit = 0.01", "limit = 0.01\nlifetime_error = 0.0", "charter.range"},
      {"limit = 0.01", "limit = 0.01\nlifetime_error = 1", "charter.range"},
      {"min_interval = \"24h\"", "min_interval = \"0s\"", "charter.range"},
      {"min_interval = \"24h\"", "min_interval = \"24 h\"", "charter.type"},
      {"min_interval = \"24h\"", "min_interval = 24", "charter.type"},
      {"max_releases = 3", "max_releases = 0", "charter.range"},
      {"may_add = true", "may_add = 1", "charter.type"},
      {"[pace]", "[[pace]]", "charter.type"},
      {"[[property]]", "[property]", "charter.type"},
      {"role = \"auditor\"\nkey", "role = \"king\"\nkey", "charter.type"},
      {"better = \"lower\"", "better = \"lower\"\nmin = 1", "charter.range"},
      {"all = [", "all = 3 #", "charter.toml"},
      {"[gate]", "[subject]", "charter.toml"},  // a table twice
      {"threshold = 2", "threshold = 2\nthreshold = 2", "charter.toml"},
  };
  for (const auto& [from, to, rule] : cases) {
    const Result<Charter> charter = TestCharter().Replace(from, to).Read();
    EXPECT_EQ(RuleOf(charter), rule) << from << " -> " << to << ": " << MessageOf(charter);
    EXPECT_NE(MessageOf(charter).find("charter.toml:"), std::string::npos) << MessageOf(charter);
  }
  TestCharter bad_key;
  bad_key.Replace(TestNoteKey("prover-a", '1'), "prover-a+00000000+AAAA");
  EXPECT_EQ(RuleOf(bad_key.Read()), "charter.key");
  TestCharter swapped;
  swapped.Replace(TestNoteKey("example.org/clock", '5', crypto::NoteKeyType::kEd25519Cosignature),
                  TestNoteKey("example.org/clock", '5'));
  EXPECT_EQ(RuleOf(swapped.Read()), "charter.key");
}

// Headers on which toml++ 3.3 asserts instead of reporting an error.
TEST(CharterSyntax, HeadersWithoutAKeyAreErrorsNotCrashes) {
  for (const char* header : {"[[[a]]]",
                             "[[=",
                             "[=",
                             "[[\n",
                             "[\n",
                             "[[",
                             "[",
                             "[ \xC2\xA0",
                             "[[\tx",
                             "\xC2\xA0[[=",
                             "[[]]",
                             "[]",
                             "[[\x01",
                             "x = 1\x0b[[=",
                             "x = 1\xE2\x80\xA8[[=",
                             "[#",
                             "\xC3\xA9 = 1",
                             "x = \xCB\x8F",
                             "x = \"\"\"a",
                             "x = '''a",
                             "x = \"open",
                             "x = 'open",
                             "x = \"a\\\"",
                             "x = 0.5\"\xC5\xB5\"",
                             "x = 1'\xC5\xB5'",
                             "x = \"a\"\"\xC5\xB5\"",
                             "x = 0.005=\"\xC5\xB5\"",
                             "x = 5[\"\xC5\xB5\"]",
                             "x = 5{\"\xC5\xB5\"}",
                             "x = 0x5{\"\xC5\xB5\"",
                             "x = +{\"\xC5\xB5\"",
                             "x = [5[\"\xC5\xB5\"]]",
                             "x = 1979-05-27[\"\xC5\xB5\"]",
                             "x = 07:32:00[\"\xC5\xB5\"]",
                             "x = [\n5=\"\xC5\xB5\"\n]"}) {
    const Result<Charter> charter = TestCharter().Append(std::string("\n") + header).Read();
    EXPECT_EQ(RuleOf(charter), "charter.toml") << header;
    EXPECT_NE(MessageOf(charter).find("charter.toml:1"), std::string::npos) << header << MessageOf(charter);
  }
}

// The same of a `}` where an array has a value, on whichever line.
TEST(CharterSyntax, BracesInTheMiddleOfAnArrayAreErrorsNotCrashes) {
  for (const char* text :
       {"x = [}", "x = [ \t}", "x = [\n}", "x = [ # why\n\n }", "x = [1, }", "x = [1,\n}", "x = [{}, }", "x = [[1], }",
        "x = { y = [ }", "x = }", "x = [1 }", "x = [\"a\" }", "x = { y = 1, }"}) {
    EXPECT_EQ(RuleOf(TestCharter().Append(std::string("\n") + text + "\n").Read()), "charter.toml") << text;
  }
}

TEST(CharterSyntax, LettersBeyondAsciiStandInStringsAndComments) {
  EXPECT_EQ(RuleOf(TestCharter()
                       .Append("# été [[= \xE2\x9A\xA0\n")
                       .Replace("https://example.org/controller", "urn:é:'x#[")
                       .Read()),
            "ok");
  EXPECT_EQ(RuleOf(TestCharter().Replace("\"controller\"", "'controller' # \"open").Read()), "ok");
  EXPECT_EQ(RuleOf(TestCharter().Replace("[pace]", "  [ pace ]\t# [[\r").Read()), "ok");
}

TEST(CharterSyntax, LimitsHold) {
  EXPECT_EQ(RuleOf(TestCharter().Append(std::string(1 << 20, '#')).Read()), "store.blob-size");
  EXPECT_EQ(RuleOf(TestCharter().Append("\nx = " + std::string(100'000, '[')).Read()), "charter.toml");
  EXPECT_EQ(RuleOf(TestCharter().Append("\nx = \"\xff\"\n").Read()), "charter.toml");
  TestCharter empty;
  empty.files["charter.toml"] = "";
  EXPECT_EQ(RuleOf(empty.Read()), "charter.missing-key");
  empty.files.erase("charter.toml");
  EXPECT_EQ(RuleOf(empty.Read()), "charter.missing-file");
}

// spec/charter.md lists every key with type and default, one a table row: | `key` | type | default | meaning |
TEST(CharterSpecification, ListsExactlyTheKeysThatAreRead) {
  std::istringstream lines(subject::ReadWholeFile(SourceDirectory() + "/spec/charter.md"));
  std::set<std::string> documented;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    const size_t meaning = line.find(" | ", line.find(" | ", line.find(" | ") + 3) + 3);
    ASSERT_NE(meaning, std::string::npos) << line;
    EXPECT_GT(line.size(), meaning + 12) << "no meaning given: " << line;
    documented.insert(line.substr(0, meaning));
  }
  std::set<std::string> read;
  for (const KeyDescription& key : CharterKeys()) {
    const bool is_value = key.default_value != "required" && key.default_value != "none";
    read.insert("| `" + key.key + "` | " + key.type + " | " +
                (is_value ? "`" + key.default_value + "`" : key.default_value));
  }
  EXPECT_GT(read.size(), 70u);
  for (const std::string& row : read) EXPECT_TRUE(documented.contains(row)) << "missing in spec/charter.md:\n" << row;
  for (const std::string& row : documented) EXPECT_TRUE(read.contains(row)) << "stale in spec/charter.md:\n" << row;
}

// The rules table of spec/charter.md and the tests of this directory name the same rules.
TEST(CharterSpecification, ListsExactlyTheRulesOfTheReader) {
  std::set<std::string> documented, used;
  const auto collect = [](const std::string& text, const std::string& before, std::set<std::string>& rules) {
    for (size_t at = 0; (at = text.find(before + "charter.", at)) != std::string::npos; ++at) {
      const size_t start = at + before.size();
      const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-.", start);
      const std::string rule = text.substr(start, end - start);
      if (rule != "charter.toml" || before == "\"") rules.insert(rule);
    }
  };
  for (const char* file : {"charter.cc", "refusals.cc", "toml_reader.cc"}) {
    collect(subject::ReadWholeFile(SourceDirectory() + "/src/charter/" + file), "\"", used);
  }
  const std::string spec = subject::ReadWholeFile(SourceDirectory() + "/spec/charter.md");
  const size_t reader = spec.find("## What is refused"), commands = spec.find("## What the commands refuse");
  ASSERT_LT(reader, commands);
  ASSERT_NE(commands, std::string::npos);
  collect(spec.substr(reader, commands - reader), "\n`", documented);
  documented.insert("charter.toml");
  EXPECT_EQ(documented, used);
  std::set<std::string> documented_commands, used_commands;
  collect(spec.substr(commands), "\n`", documented_commands);
  for (const char* file :
       {"cli/charter.cc", "authoring/charter_check.cc", "oversight/json_keys.cc", "oversight/key_rotation.cc"}) {
    collect(subject::ReadWholeFile(SourceDirectory() + "/src/" + file), "\"", used_commands);
  }
  used_commands.erase("charter.toml");
  for (const std::string& rule : used) used_commands.erase(rule);
  EXPECT_EQ(documented_commands, used_commands);
}

}  // namespace
}  // namespace pawl::charter
