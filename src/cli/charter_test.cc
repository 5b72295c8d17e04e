// `pawl charter …` as it is typed: people sign a charter one after the other, and what comes out begins a ledger.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "authoring/charter_new.h"
#include "authoring/charter_words.h"
#include "charter/testing.h"
#include "cli/command.h"
#include "sandbox/sandbox.h"
#include "storage/named_file.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

class CharterCommand : public testing::Test {
 protected:
  CharterCommand() {
    std::string pattern = (fs::temp_directory_path() / "pawl-charter-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directory(root_ + "/tree");
    std::ofstream(root_ + "/tree/prompt.txt") << "be kind\n";
    std::ofstream signers(root_ + "/signers");
    for (const char* name : {"ann", "bob", "cy", "dan"}) {
      EXPECT_EQ(std::system(("ssh-keygen -q -t ed25519 -N '' -C '' -f " + Key(name)).c_str()), 0);
      if (name[0] == 'd') continue;  // not enrolled
      std::ifstream key(Key(name) + ".pub");
      std::string line;
      std::getline(key, line);
      signers << name << " namespaces=\"approve@pawl\" " << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
    }
    signers.close();
    authoring::NewCharterOptions options;
    options.directory = Charter();
    options.tree = root_ + "/tree";
    options.signers = root_ + "/signers";
    options.log_key = charter::TestNoteKey("log", '1');
    options.clock_key = charter::TestNoteKey("clock", '2', crypto::NoteKeyType::kEd25519Cosignature);
    options.reviewers = {"ev-a:lab-a:evaluator:" + charter::TestNoteKey("ev-a", '3'),
                         "au-b:lab-b:auditor:" + charter::TestNoteKey("au-b", '4')};
    Result<authoring::NewCharter> made = authoring::WriteNewCharter(options);
    EXPECT_TRUE(made.ok()) << made.error().message;
  }
  ~CharterCommand() override { fs::remove_all(root_); }

  std::string Key(const std::string& name) const { return root_ + "/" + name; }
  std::string Charter() const { return root_ + "/charter"; }

  ExitCode Run(const std::string& arguments) {
    Globals globals;
    globals.quiet = true;
    CLI::App app("", "pawl");
    AddCharter(app, globals);
    app.parse("charter " + arguments, false);
    return globals.exit;
  }
  ExitCode Sign(const std::string& name) { return Run("sign " + Charter() + "/ --key " + Key(name)); }

  Result<warrant::State> Genesis() {
    Result<charter::Charter> charter = charter::ReadCharterFromDirectory(Charter());
    if (!charter.ok()) return charter.error();
    Result<std::string> bytes = storage::ReadNamedFile(Charter() + ".genesis.json", 1 << 20);
    if (!bytes.ok()) return bytes.error();
    Result<encoding::Envelope> envelope = encoding::ParseEnvelope(*bytes);
    if (!envelope.ok()) return envelope.error();
    return warrant::InitialState(*charter, *envelope);
  }

  std::string root_;
};

TEST_F(CharterCommand, IsSignedByEnoughPeople) {
  EXPECT_EQ(Run("check " + Charter()), ExitCode::kYes);
  EXPECT_EQ(Run("plan " + Charter()), ExitCode::kYes);
  ASSERT_EQ(Sign("cy"), ExitCode::kYes);
  ASSERT_EQ(Sign("ann"), ExitCode::kYes);
  ASSERT_EQ(Sign("ann"), ExitCode::kYes);  // twice is once
  Result<warrant::State> two = Genesis();
  ASSERT_FALSE(two.ok());
  EXPECT_EQ(two.error().rule, "genesis.threshold");
  ASSERT_EQ(Sign("bob"), ExitCode::kYes);
  Result<warrant::State> three = Genesis();
  EXPECT_TRUE(three.ok()) << three.error().message;
}

TEST_F(CharterCommand, IsNotSignedByStrangers) {
  EXPECT_EQ(Sign("dan"), ExitCode::kNo);
  EXPECT_FALSE(fs::exists(Charter() + ".genesis.json"));
}

TEST_F(CharterCommand, IsNotSignedAfterAChange) {
  ASSERT_EQ(Sign("ann"), ExitCode::kYes);
  std::ofstream(Charter() + "/evaluate.py", std::ios::app) << "# one more line\n";
  EXPECT_EQ(Sign("bob"), ExitCode::kNo);
}

TEST_F(CharterCommand, WithAnUnknownKeyIsMalformed) {
  std::ofstream(Charter() + "/charter.toml", std::ios::app) << "nonsense = 1\n";
  EXPECT_EQ(Run("check " + Charter()), ExitCode::kMalformed);
  EXPECT_EQ(Sign("ann"), ExitCode::kMalformed);
}

// Against every tree of the window, as the trial does it (oversight::WindowTrees), and not the one at its start alone.
TEST_F(CharterCommand, SaysWhatGrowthIsMeasuredFrom) {
  Result<charter::Charter> read = charter::ReadCharterFromDirectory(Charter());
  ASSERT_TRUE(read.ok()) << read.error().message;
  read->bounds.capability.max_growth = 0.05;
  read->pace.window_s = 7 * 86'400;
  std::string words;
  for (const authoring::Section& section : authoring::CharterWords(*read, {})) {
    for (const std::string& line : section.lines) words += line + "\n";
  }
  EXPECT_NE(
      words.find("no more than 0.05 better than that of anything that was live within the 7d before the candidate "
                 "was committed, with what was live when they began"),
      std::string::npos)
      << words;
}

// Whoever signs sees every rule: each value of a charter, changed alone, changes the words.
TEST_F(CharterCommand, IsReadBackWhole) {
  Result<charter::Charter> read = charter::ReadCharterFromDirectory(Charter());
  ASSERT_TRUE(read.ok()) << read.error().message;
  charter::Charter whole = std::move(*read);
  const auto words = [](const charter::Charter& charter, const weakening::Weakenings& accepted = {}) {
    std::string text;
    for (const authoring::Section& section : authoring::CharterWords(charter, accepted)) {
      text += section.title + "\n";
      for (const std::string& line : section.lines) text += line + "\n";
    }
    return text;
  };
  whole.improver.command = {"python3", "improve.py"};
  whole.approval.presence = charter::Presence::kRequired;
  whole.approval.rp_id = "pawl.test";
  whole.approval.origins = {"https://pawl.test"};
  whole.properties.emplace_back().name = "calm";
  using C = charter::Charter;
  const std::pair<const char*, void (*)(C&)> kChanges[] = {
      {"subject.name", [](C& c) { c.subject.name += "x"; }},
      {"subject.resource", [](C& c) { c.subject.resource_uri += "x"; }},
      {"subject.baseline", [](C& c) { c.subject.baseline = crypto::Sha256("another"); }},
      {"subject.max_files", [](C& c) { ++c.subject.limits.files_max; }},
      {"subject.max_bytes", [](C& c) { ++c.subject.limits.bytes_max; }},
      {"subject.max_file_bytes", [](C& c) { ++c.subject.limits.file_bytes_max; }},
      {"surface[].path", [](C& c) { c.surface[0].rule.path += "x"; }},
      {"surface[].kind", [](C& c) { c.surface[0].rule.kind = subject::SurfaceKind::kNetwork; }},
      {"surface[].may_add", [](C& c) { c.surface[0].rule.may_add = !c.surface[0].rule.may_add; }},
      {"surface[].may_remove", [](C& c) { c.surface[0].rule.may_remove = !c.surface[0].rule.may_remove; }},
      {"surface[].max_bytes", [](C& c) { c.surface[0].rule.max_bytes = 77; }},
      {"surface[].max_changed_lines", [](C& c) { c.surface[0].rule.max_changed_lines = 77; }},
      {"surface[].max_parameters", [](C& c) { c.surface[0].rule.max_parameters = 77; }},
      {"surface[].operators", [](C& c) { c.surface[0].rule.operators = {"Gemm"}; }},
      {"improver.command",
       [](C& c) {
         c.improver.command = {"sh", "other.sh"};
       }},
      {"improver.limits.wall_seconds", [](C& c) { c.improver.limits.wall_seconds += 7; }},
      {"improver.limits.cpu_seconds", [](C& c) { c.improver.limits.cpu_seconds += 7; }},
      {"improver.limits.memory_mib", [](C& c) { ++c.improver.limits.memory_mib; }},
      {"improver.limits.processes", [](C& c) { ++c.improver.limits.processes; }},
      {"improver.limits.output_mib", [](C& c) { ++c.improver.limits.output_mib; }},
      {"improver.limits.files", [](C& c) { ++c.improver.limits.files; }},
      {"evaluation.command", [](C& c) { c.evaluation.command.push_back("--other"); }},
      {"evaluation.subject_command",
       [](C& c) {
         c.evaluation.subject_command = {"python3", "play.py"};
       }},
      {"evaluation.episodes", [](C& c) { ++c.evaluation.episodes; }},
      {"evaluation.probes", [](C& c) { ++c.evaluation.probes; }},
      {"evaluation.probes_file", [](C& c) { c.evaluation.probes_file = "other.bin"; }},
      {"evaluation.closure", [](C& c) { c.evaluation.closure.push_back("/usr/lib/other.so"); }},
      {"evaluation.groups", [](C& c) { c.evaluation.groups = {"night"}; }},
      {"evaluation.limits.memory_mib", [](C& c) { ++c.evaluation.limits.memory_mib; }},
      {"evaluation.metric[].min", [](C& c) { c.evaluation.metrics[0].min -= 1; }},
      {"evaluation.metric[].max", [](C& c) { c.evaluation.metrics[0].max += 1; }},
      {"bounds.harm[].name", [](C& c) { c.bounds.harm[0].name = "other"; }},
      {"bounds.harm[].limit", [](C& c) { c.bounds.harm[0].limit /= 2; }},
      {"bounds.harm[].group", [](C& c) { c.bounds.harm[0].group = "night"; }},
      {"bounds.harm[].lifetime_error", [](C& c) { c.bounds.harm[0].lifetime_error /= 2; }},
      {"bounds.improvement.metric", [](C& c) { c.bounds.improvement.metric = "other"; }},
      {"bounds.improvement.lifetime_error", [](C& c) { c.bounds.improvement.lifetime_error /= 2; }},
      {"bounds.capability.metric", [](C& c) { c.bounds.capability.metric = "other"; }},
      {"bounds.capability.max_step", [](C& c) { c.bounds.capability.max_step /= 2; }},
      {"bounds.capability.ceiling", [](C& c) { c.bounds.capability.ceiling /= 2; }},
      {"bounds.capability.max_growth", [](C& c) { c.bounds.capability.max_growth = 0.123; }},
      {"bounds.capability.lifetime_error", [](C& c) { c.bounds.capability.lifetime_error /= 2; }},
      {"property[].drift_within", [](C& c) { c.properties[0].drift_within = 0.123; }},
      {"bounds.drift.limit", [](C& c) { c.bounds.drift.limit /= 2; }},
      {"bounds.drift.energy_limit", [](C& c) { c.bounds.drift.energy_limit = 0.123; }},
      {"bounds.drift.lifetime_error", [](C& c) { c.bounds.drift.lifetime_error /= 2; }},
      {"bounds.acceleration.expected_step", [](C& c) { c.bounds.acceleration.expected_step /= 2; }},
      {"bounds.acceleration.alarm_level", [](C& c) { c.bounds.acceleration.alarm_level /= 2; }},
      {"pace.min_interval", [](C& c) { ++c.pace.min_interval_s; }},
      {"pace.max_releases", [](C& c) { ++c.pace.max_releases; }},
      {"pace.window", [](C& c) { ++c.pace.window_s; }},
      {"pace.max_clock_skew", [](C& c) { ++c.pace.max_clock_skew_s; }},
      {"reviewer[].name", [](C& c) { c.reviewers[0].name = "other"; }},
      {"reviewer[].principal", [](C& c) { c.reviewers[0].principal = "other"; }},
      {"quorum.all[].at_least", [](C& c) { ++c.quorum[0].at_least; }},
      {"quorum.all[].against_max", [](C& c) { ++c.quorum[0].against_max; }},
      {"quorum.all[].faults_max", [](C& c) { c.quorum[0].faults_max = 2; }},
      {"approval.threshold", [](C& c) { ++c.approval.threshold; }},
      {"approval.presence", [](C& c) { c.approval.presence = charter::Presence::kSoftware; }},
      {"approval.signers", [](C& c) { c.approval.signers[0].principal = "mallory"; }},
      {"approval.rp_id", [](C& c) { c.approval.rp_id = "other.test"; }},
      {"approval.origins", [](C& c) { c.approval.origins.push_back("https://other.test"); }},
      {"approval.expiry", [](C& c) { ++c.approval.expiry_s; }},
      {"approval.checkpoint_age_max", [](C& c) { ++c.approval.checkpoint_age_max_s; }},
      {"rollback.threshold", [](C& c) { ++c.rollback_threshold; }},
      {"halt.resume_threshold", [](C& c) { ++c.resume_threshold; }},
      {"amendment.threshold", [](C& c) { ++c.amendment.threshold; }},
      {"amendment.waiting_period", [](C& c) { ++c.amendment.waiting_period_s; }},
      {"revocation.trees", [](C& c) { c.revocation.trees = {crypto::Sha256("bad")}; }},
      {"gate.log", [](C& c) { c.gate.log = c.reviewers[0].key; }},
      {"gate.clock", [](C& c) { c.gate.clock = c.reviewers[0].key; }},
      {"assurance.level", [](C& c) { c.assurance = charter::Assurance::kSingleOperator; }},
  };
  for (const auto& [key, change] : kChanges) {
    charter::Charter changed = whole;
    change(changed);
    EXPECT_NE(words(changed), words(whole)) << key << " is not read back";
  }
  for (const weakening::Weakening each : sandbox::EveryWeakening()) {
    EXPECT_NE(words(whole, {each}).find("WEAKER, accepted: " + sandbox::Describe(each)), std::string::npos);
    EXPECT_EQ(words(whole).find(sandbox::Describe(each)), std::string::npos);
  }
}

}  // namespace
}  // namespace pawl::cli
