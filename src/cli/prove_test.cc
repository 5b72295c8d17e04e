#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "charter/testing.h"
#include "cli/command.h"
#include "cli/family_bar.h"
#include "model/onnx_writer_for_test.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

// y = relu(x) on [0, 1], in a folder with a property that holds (y > -1) and one that does not (y < 0.5).
class ProveCommand : public testing::Test {
 protected:
  ProveCommand() {
    namespace onnx = model::onnx;
    std::string pattern = (fs::temp_directory_path() / "pawl-prove-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern + "/";
    Write("n.onnx", onnx::Model(onnx::Graph({onnx::Node("Relu", {"x"}, {"y"})}, {}, {onnx::Value("x", {1, 1})},
                                            {onnx::Value("y", {1, 1})})));
    const std::string box = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 0)) (assert (<= X_0 1))";
    Write("holds.vnnlib", box + "(assert (<= Y_0 -1))");
    Write("fails.vnnlib", box + "(assert (>= Y_0 0.5))");
    Write("broken.vnnlib", "(assert");
  }
  ~ProveCommand() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& bytes) { std::ofstream(root_ + name) << bytes; }
  std::string Read(const std::string& name) {
    std::ifstream file(root_ + name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  ExitCode Run(const std::string& arguments) {
    Globals globals;
    globals.json = json_;
    globals.quiet = true;
    CLI::App app("", "pawl");
    AddProve(app, globals);
    testing::internal::CaptureStdout();
    app.parse("prove " + arguments, false);
    output_ = testing::internal::GetCapturedStdout();
    return globals.exit;
  }

  // Whether the command line is one; what it asks for is not done where it is not.
  static bool Parses(const std::string& arguments) {
    Globals globals;
    CLI::App app("", "pawl");
    AddProve(app, globals);
    try {
      app.parse("prove " + arguments, false);
    } catch (const CLI::ParseError&) {
      return false;
    }
    return true;
  }

  std::string root_, output_;
  bool json_ = false;
};

TEST_F(ProveCommand, WritesTheCompetitionsResultFiles) {
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "holds.vnnlib --vnncomp " + root_ + "r"), ExitCode::kYes);
  EXPECT_EQ(Read("r"), "unsat\n");
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "fails.vnnlib --vnncomp " + root_ + "r"), ExitCode::kNo);
  EXPECT_THAT(Read("r"), StartsWith("sat\n((X_0 "));
  EXPECT_THAT(Read("r"), HasSubstr("(Y_0 "));
}

TEST_F(ProveCommand, RunsListsAndFolders) {
  Write("instances.csv", "n.onnx,holds.vnnlib,10\n\nn.onnx,fails.vnnlib,10\r\n");
  EXPECT_EQ(Run(root_), ExitCode::kNo);
  EXPECT_THAT(output_, HasSubstr("proven"));
  EXPECT_THAT(output_, HasSubstr("2 instances: 1 proven, 1 violated, 0 unknown, 0 not read"));
  Write("one.csv", "n.onnx,holds.vnnlib,10\n");
  EXPECT_EQ(Run(root_ + "one.csv"), ExitCode::kYes);
  Write("broken.csv", "n.onnx,broken.vnnlib,10\nn.onnx,holds.vnnlib,10\n");
  EXPECT_EQ(Run(root_ + "broken.csv"), ExitCode::kMalformed);
  EXPECT_THAT(output_, HasSubstr("1 proven, 0 violated, 0 unknown, 1 not read"));
  json_ = true;
  EXPECT_EQ(Run(root_), ExitCode::kNo);
  std::istringstream lines(output_);
  std::string line;
  std::size_t count = 0;
  for (; std::getline(lines, line); ++count) EXPECT_TRUE(encoding::Json::accept(line)) << line;
  EXPECT_EQ(count, 2u);
}

TEST_F(ProveCommand, RefusesCheckpointsOfSomethingElse) {
  Write("c", "PAWLOPEN and no more");
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "holds.vnnlib --resume " + root_ + "c"), ExitCode::kMalformed);
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "holds.vnnlib --resume " + root_ + "none"), ExitCode::kUsage);
  // A search that ends leaves none.
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "holds.vnnlib --checkpoint " + root_ + "d"), ExitCode::kYes);
  EXPECT_FALSE(fs::exists(root_ + "d"));
}

TEST_F(ProveCommand, ProvesEnvelopes) {
  namespace onnx = model::onnx;
  Write("w.onnx", onnx::Model(onnx::Graph({onnx::Node("MatMul", {"x", "w"}, {"z"}), onnx::Node("Relu", {"z"}, {"y"})},
                                          {onnx::Tensor<float>("w", {1, 1}, {2})}, {onnx::Value("x", {1, 1})},
                                          {onnx::Value("y", {1, 1})})));
  Write("low.vnnlib",
        "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 1))(assert (<= X_0 2))"
        "(assert (<= Y_0 1))");
  const std::string question = root_ + "w.onnx " + root_ + "low.vnnlib --threads 1 --certificate " + root_ + "c";
  json_ = true;
  EXPECT_EQ(Run(question + " --weight-radius 0.5"), ExitCode::kYes);
  EXPECT_EQ(encoding::Json::parse(output_)["weight_radius"]["tensors"]["w"], 0.5);
  EXPECT_EQ(Run(question + " --weight-radius 20%"), ExitCode::kYes);
  EXPECT_EQ(encoding::Json::parse(output_)["weight_radius"]["tensors"]["w"], 0.4);
  EXPECT_EQ(Run(question + " --weight-radius auto --timeout 2"), ExitCode::kYes);
  const encoding::Json widest = encoding::Json::parse(output_)["weight_radius"];
  EXPECT_GT(widest["share"], 0.4);
  EXPECT_LT(widest["share"], 0.5);
  EXPECT_GE(widest["share_open"], widest["share"]);
  json_ = false;
  EXPECT_EQ(Run(question + " --weight-radius auto --timeout 2"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("of all networks whose weights are within 4"));
  // At more the centre is safe and another network of the envelope is not.
  EXPECT_EQ(Run(question + " --weight-radius 2 --timeout 0.3"), ExitCode::kLimit);
  EXPECT_THAT(output_, HasSubstr("not proven at this radius"));
  for (const char* bad : {"0", "-1", "0%", "1e40", "nan", "inf", "1x", "%", "x", "1%%"})
    EXPECT_EQ(Run(question + " --weight-radius " + bad), ExitCode::kUsage) << bad;
  EXPECT_EQ(Run(question + " --weight-radius auto --timeout 0"), ExitCode::kUsage);
  // A network without weights, and a list.
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "holds.vnnlib --weight-radius 1"), ExitCode::kNo);
  Write("instances.csv", "n.onnx,holds.vnnlib,10\n");
  EXPECT_EQ(Run(root_ + " --weight-radius 1"), ExitCode::kUsage);
}

TEST_F(ProveCommand, ProvesDrift) {
  namespace onnx = model::onnx;
  // Of n.onnx on [0, 1]: y = 1.25·x is up to 0.25 away.
  Write("m.onnx",
        onnx::Model(onnx::Graph({onnx::Node("Mul", {"x", "w"}, {"y"})}, {onnx::Tensor<float>("w", {}, {1.25})},
                                {onnx::Value("x", {1, 1})}, {onnx::Value("y", {1, 1})})));
  // What the property says of outputs makes no difference.
  for (const std::string property : {"holds", "fails"}) {
    const std::string question = root_ + "m.onnx " + root_ + property + ".vnnlib --against " + root_ + "n.onnx";
    EXPECT_EQ(Run(question + " --within 0.26 --certificate " + root_ + "drift.cert"), ExitCode::kYes) << output_;
    EXPECT_THAT(output_, HasSubstr("no output is further than 0.26 from the baseline's"));
    EXPECT_THAT(Read("drift.cert"), StartsWith("PAWLCERT"));
    EXPECT_EQ(Run(question + " --within 0.24 --counterexample " + root_ + "far.txt"), ExitCode::kNo) << output_;
    EXPECT_THAT(output_, HasSubstr("too far apart: in the network's own arithmetic yes"));
    EXPECT_THAT(output_, HasSubstr("B_0"));
    EXPECT_THAT(Read("far.txt"), HasSubstr("(B_0 "));
  }
  json_ = true;
  const std::string question = root_ + "m.onnx " + root_ + "holds.vnnlib --against " + root_;
  EXPECT_EQ(Run(question + "n.onnx --within 0.24"), ExitCode::kNo);
  EXPECT_THAT(output_, HasSubstr("\"within\":\"0.24\""));
  EXPECT_THAT(output_, HasSubstr("\"baseline_outputs\":["));
  json_ = false;
  for (const char* within : {"0", "-1", "x", "1e"})
    EXPECT_EQ(Run(question + "n.onnx --within=" + within), ExitCode::kUsage) << within;
  EXPECT_EQ(Run(question + "broken.vnnlib --within 1"), ExitCode::kMalformed);
  Write("wide.onnx", onnx::Model(onnx::Graph({onnx::Node("Relu", {"x"}, {"y"})}, {}, {onnx::Value("x", {1, 2})},
                                             {onnx::Value("y", {1, 2})})));
  EXPECT_EQ(Run(question + "wide.onnx --within 1"), ExitCode::kMalformed);
  // Neither option stands alone, and none of these goes with them.
  EXPECT_FALSE(Parses(root_ + "m.onnx " + root_ + "holds.vnnlib --within 1"));
  EXPECT_FALSE(Parses(question + "n.onnx"));
  for (const char* other : {"--weight-radius 0.1", "--parent x", "--checkpoint x", "--resume x", "--vnncomp x"})
    EXPECT_FALSE(Parses(question + "n.onnx --within 1 " + other)) << other;
}

TEST_F(ProveCommand, BeginsWithAParentsCertificateWhereItFits) {
  const std::string question = root_ + "n.onnx " + root_ + "holds.vnnlib";
  EXPECT_EQ(Run(question + " --certificate " + root_ + "c"), ExitCode::kYes);
  EXPECT_EQ(Run(question + " --parent " + root_ + "c --certificate " + root_ + "d"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("of the parent's 1 leaves 1 hold"));
  EXPECT_EQ(Read("c"), Read("d"));
  // Of another property, damaged: said, and proven from scratch.
  Write("other.vnnlib", Read("holds.vnnlib") + "\n");
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "other.vnnlib --parent " + root_ + "c"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("searched from scratch: the parent's certificate is of another property"));
  Write("damaged", Read("c").substr(0, 20));
  EXPECT_EQ(Run(question + " --parent " + root_ + "damaged"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("searched from scratch: the parent's certificate is damaged"));
  json_ = true;
  EXPECT_EQ(Run(question + " --parent " + root_ + "damaged"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("\"rule\":\"prover.parent\""));
  EXPECT_EQ(Run(question + " --parent " + root_ + "c"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("\"kept\":1"));
  json_ = false;
  // No proof of what does not hold comes of one.
  EXPECT_EQ(Run(root_ + "n.onnx " + root_ + "fails.vnnlib --parent " + root_ + "c"), ExitCode::kNo);
  EXPECT_EQ(Run(question + " --parent " + root_ + "none"), ExitCode::kUsage);
  Write("list.csv", "n.onnx,holds.vnnlib,10\n");
  EXPECT_EQ(Run(root_ + "list.csv --parent " + root_ + "c"), ExitCode::kUsage);
}

// A charter with three properties of policy.onnx, y = 2x for two inputs in [0, 1]: y_0 < 100, y_0 > -1 and y_1 < 1.5.
class ProveCharter : public ProveCommand {
 protected:
  ProveCharter() {
    charter::TestCharter charter;
    const auto add = [&](const std::string& name, const std::string& unsafe) {
      std::string spec = charter.files.at("properties/calm.vnnlib");
      spec.replace(spec.find("(assert (>= Y_0 100))"), 21, unsafe);
      charter.files["properties/" + name + ".vnnlib"] = spec;
      charter.Append("[[property]]\nname = \"" + name + "\"\nnetwork = \"policy.onnx\"\nspec = \"properties/" + name +
                     ".vnnlib\"\n");
    };
    add("not-low", "(assert (<= Y_0 -1))");
    add("second-small", "(assert (>= Y_1 1.5))");
    for (const auto& [path, bytes] : charter.files) {
      fs::create_directories(fs::path(root_ + "charter/" + path).parent_path());
      Write("charter/" + path, bytes);
    }
    fs::create_directory(root_ + "tree");
    PutPolicy(2);
    Write("tree/notes.txt", "notes\n");
  }

  void PutPolicy(float factor) {
    namespace onnx = model::onnx;
    Write("tree/policy.onnx", onnx::Model(onnx::Graph({onnx::Node("MatMul", {"x", "w"}, {"y"})},
                                                      {onnx::Tensor<float>("w", {2, 2}, {factor, 0, 0, factor})},
                                                      {onnx::Value("x", {1, 2})}, {onnx::Value("y", {1, 2})})));
  }
  std::string Question() const { return "--charter " + root_ + "charter " + root_ + "tree "; }
};

TEST_F(ProveCharter, ProvesAllPropertiesOfACandidate) {
  EXPECT_EQ(Run(Question() + "--certificate " + root_ + "certs"), ExitCode::kNo);
  EXPECT_THAT(output_, HasSubstr("calm         proven"));
  EXPECT_THAT(output_, HasSubstr("second-small violated"));
  EXPECT_THAT(output_, HasSubstr("2 of 3 properties proven"));
  EXPECT_THAT(Read("certs/calm.cert"), StartsWith("PAWLCERT"));
  EXPECT_TRUE(fs::exists(root_ + "certs/not-low.cert"));
  EXPECT_FALSE(fs::exists(root_ + "certs/second-small.cert"));
  // What holds is what the single command says, byte by byte.
  EXPECT_EQ(Run(root_ + "tree/policy.onnx " + root_ + "charter/properties/calm.vnnlib --certificate " + root_ + "one"),
            ExitCode::kYes);
  EXPECT_EQ(Read("one"), Read("certs/calm.cert"));
  PutPolicy(0.5);
  EXPECT_EQ(Run(Question() + "--parent " + root_ + "certs"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("1, of the parent's 1 hold 1\n"));
  EXPECT_THAT(output_, HasSubstr("3 of 3 properties proven"));
  json_ = true;
  EXPECT_EQ(Run(Question() + "--parent " + root_ + "certs --weight-radius 1%"), ExitCode::kYes);
  const encoding::Json json = encoding::Json::parse(output_);
  EXPECT_EQ(json["proven"], 3);
  EXPECT_EQ(json["properties"][0]["name"], "calm");
  EXPECT_EQ(json["properties"][0]["parent"]["kept"], 1);
  EXPECT_FALSE(json["properties"][2].contains("parent")) << "it has none";
  EXPECT_EQ(json["properties"][1]["weight_radius"]["tensors"]["w"], 0.005);
  EXPECT_THAT(std::string(json["tree"]), StartsWith("sha256:"));
}

TEST_F(ProveCharter, ProvesDriftFromTheBaseline) {
  PutPolicy(1);
  fs::create_directory(root_ + "first");
  for (const char* name : {"policy.onnx", "notes.txt"}) fs::copy(root_ + "tree/" + name, root_ + "first/" + name);
  json_ = true;
  EXPECT_EQ(Run(Question()), ExitCode::kYes);
  const std::string tree = encoding::Json::parse(output_)["tree"];
  std::string charter = Read("charter/charter.toml");
  const size_t digest = charter.find("sha256:");
  charter.replace(digest, tree.size(), tree);
  charter.replace(charter.find("falsified_by"), 0, "drift_within = 0.3\n");
  Write("charter/charter.toml", charter);
  json_ = false;
  EXPECT_EQ(Run(Question()), ExitCode::kUsage) << "no baseline is given";
  EXPECT_EQ(Run(Question() + "--baseline " + root_ + "first"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("3 of 3 properties proven")) << "it is the baseline";
  PutPolicy(1.25);
  EXPECT_EQ(Run(Question() + "--baseline " + root_ + "tree"), ExitCode::kNo) << "not the charter's baseline";
  EXPECT_EQ(Run(Question() + "--baseline " + root_ + "first --certificate " + root_ + "certs"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("calm, drift"));
  EXPECT_THAT(output_, HasSubstr("4 of 4 properties and drifts proven"));
  EXPECT_THAT(Read("certs/calm.drift.cert"), StartsWith("PAWLCERT"));
  PutPolicy(1.375);
  json_ = true;
  EXPECT_EQ(Run(Question() + "--baseline " + root_ + "first"), ExitCode::kNo);
  const encoding::Json json = encoding::Json::parse(output_);
  EXPECT_EQ(json["properties"][3]["status"], "violated");
  EXPECT_EQ(json["properties"][3]["within"], "0.3");
}

TEST_F(ProveCharter, SaysWhatItCannotUse) {
  Write("tree/policy.onnx", "none");
  EXPECT_EQ(Run(Question()), ExitCode::kMalformed);
  fs::remove(root_ + "tree/policy.onnx");
  EXPECT_EQ(Run(Question()), ExitCode::kNo) << "refused";
  PutPolicy(0.5);
  EXPECT_EQ(Run("--charter " + root_ + "tree " + root_ + "tree"), ExitCode::kMalformed) << "no charter";
  EXPECT_EQ(Run(Question() + "--weight-radius none"), ExitCode::kUsage);
  EXPECT_EQ(Run(Question() + "--weight-radius auto --timeout 0"), ExitCode::kUsage);
  fs::create_directory(root_ + "certs");
  Write("certs/calm.cert", "damaged");
  EXPECT_EQ(Run(Question() + "--parent " + root_ + "certs"), ExitCode::kYes);
  EXPECT_THAT(output_, HasSubstr("searched from scratch: the parent's certificate is damaged"));
  for (const char* other : {"--counterexample x", "--vnncomp x", "--checkpoint x", "--resume x", "--arithmetic real"})
    EXPECT_FALSE(Parses(Question() + other)) << other;
}

TEST(FamilyBar, SaysHowFarTheWholeIs) {
  prover::FamilyProgress progress{
      .done = 2, .count = 8, .name = "clear\nabove", .share = 0.3125, .seconds = 12, .search = {}};
  progress.search.volume_proven = 0.5;
  EXPECT_THAT(BarText(progress), StartsWith("[######..............]  31 %, 2 of 8 done; clear"));
  EXPECT_THAT(BarText(progress), HasSubstr(": 50 % after 12 s"));
  EXPECT_THAT(BarText(progress), testing::Not(HasSubstr("\n")));
}

TEST_F(ProveCommand, RefusesListsThatAreNone) {
  for (const char* text : {"", "n.onnx\n", "n.onnx,holds.vnnlib\n", "n.onnx,holds.vnnlib,soon\n",
                           "n.onnx,holds.vnnlib,0\n", "n.onnx,holds.vnnlib,-1\n", "n.onnx,holds.vnnlib,nan\n"}) {
    Write("list.csv", text);
    EXPECT_EQ(Run(root_ + "list.csv"), ExitCode::kMalformed) << text;
  }
  Write("list.csv", "n.onnx,holds.vnnlib,10\n");
  EXPECT_EQ(Run(root_ + "list.csv --certificate " + root_ + "c"), ExitCode::kUsage);
}

}  // namespace
}  // namespace pawl::cli
