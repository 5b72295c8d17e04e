// What goes in and what comes out.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "fixture.h"

namespace pawl::sandbox::testing {
namespace {

using std::filesystem::path;

void Write(const path& file, const std::string& text) { std::ofstream(file) << text; }

std::string Read(const path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class OutputsTest : public ::testing::Test {
 protected:
  Job Shell(const std::string& script) const {
    Job job = ProbeJob({});
    job.argv = {"/bin/sh", "-c", script};
    return job;
  }
  TemporaryDirectory directory_;
};

TEST_F(OutputsTest, FilesComeOut) {
  const path output = directory_.path() / "out";
  Result<Outcome> outcome =
      RunOn(TestedMachine(), Shell("mkdir -p /out/b/c; echo 1 > /out/b/c/d; echo 22 > /out/a; mkdir /out/empty"),
            EveryWeakening(), output);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  ASSERT_TRUE(Succeeded(*outcome)) << outcome->explanation << outcome->standard_error;
  ASSERT_EQ(outcome->files.size(), 2u);
  EXPECT_EQ(outcome->files[0].path, "a");
  EXPECT_EQ(outcome->files[0].size_bytes, 3);
  EXPECT_EQ(outcome->files[1].path, "b/c/d");
  EXPECT_EQ(Read(output / "a"), "22\n");
  EXPECT_EQ(Read(output / "b/c/d"), "1\n");
  EXPECT_EQ(outcome->used.output_bytes, 5);
}

TEST_F(OutputsTest, AFailureIsReportedWithItsStatus) {
  const Outcome outcome = RunInside(directory_, Shell("echo no >&2; echo yes; exit 3"));
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.standard_output, "yes\n");
  EXPECT_EQ(outcome.standard_error, "no\n");
  EXPECT_FALSE(Succeeded(outcome));
}

TEST_F(OutputsTest, AMissingProgramIsTheJobsFault) {
  Job job = ProbeJob({});
  job.argv = {"/in/nothing"};
  const Outcome outcome = RunInside(directory_, job);
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.status, 127);
}

TEST_F(OutputsTest, AnythingButPlainFilesIsNamed) {
  for (const char* kind :
       {"symlink", "directory-symlink", "fifo", "socket", "hard-link", "unreadable", "newline", "bad-utf8", "escape"}) {
    for (const Layers layers : {Layers::kAll, Layers::kNoLandlock}) {
      SCOPED_TRACE(kind);
      const path outside = directory_.path() / (std::string("outside-") + kind + Name(layers));
      std::filesystem::create_directory(outside);
      ASSERT_EQ(RunOutside({"leave", kind, outside.string()}), 0) << "the probe shows nothing";
      const path output = directory_.path() / (std::string(kind) + Name(layers));
      Result<Outcome> outcome = RunOn(MachineWith(layers), ProbeJob({"leave", kind, "/out"}), EveryWeakening(), output);
      ASSERT_TRUE(outcome.ok()) << outcome.error().message;
      EXPECT_EQ(outcome->end, End::kBadOutput) << outcome->explanation << outcome->standard_output;
      EXPECT_NE(outcome->explanation.find("out/left"), std::string::npos) << outcome->explanation;
      EXPECT_EQ(outcome->explanation.find_first_of("\n\x1b"), std::string::npos);
      EXPECT_TRUE(std::filesystem::is_empty(output));
    }
  }
}

// Case 48. Files are collected when nothing of the job lives any more, so what is swapped is one or the other.
TEST_F(OutputsTest, AFileThatIsSwappedAllTheTimeIsNeverTheLinksTarget) {
  int collected = 0, refused = 0;
  for (int i = 0; i < 12; ++i) {
    const path output = directory_.path() / ("swapped-" + std::to_string(i));
    const std::string delay = "0.0" + std::to_string(i % 10);
    Result<Outcome> outcome = RunOn(
        TestedMachine(),
        Shell("(cd /out; while :; do echo good > a; mv -T a x; ln -s /etc/ld.so.cache a; mv -T a x; done) & sleep " +
              delay + "; while ! [ -e /out/x ]; do :; done"),
        EveryWeakening(), output);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    if (outcome->end == End::kBadOutput) {
      EXPECT_TRUE(std::filesystem::is_empty(output));
      ++refused;
      continue;
    }
    ASSERT_EQ(outcome->end, End::kExited) << outcome->explanation;
    ++collected;
    for (const OutputFile& file : outcome->files) {
      const std::string bytes = Read(output / file.path);
      EXPECT_TRUE(bytes == "good\n" || bytes.empty()) << file.path;
    }
  }
  std::printf("%d times collected, %d times refused\n", collected, refused);
}

// The control of case 48: whoever reads the file while its owner lives gets the link's target sooner or later.
TEST_F(OutputsTest, AFileThatIsSwappedAllTheTimeFoolsWhoeverReadsItWhileItsOwnerLives) {
  const path file = directory_.path() / "x";
  const pid_t swapper = fork();
  if (swapper == 0) {
    const std::string script =
        "cd " + directory_.path().string() +
        "; while :; do echo good > a; mv -T a x; ln -s /etc/passwd a; mv -T a x; done 2> /dev/null";
    execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    _exit(126);
  }
  const Child owner(swapper);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bool is_fooled = false;
  while (!is_fooled && std::chrono::steady_clock::now() < until) {
    is_fooled = Read(file).find("root:") != std::string::npos;
  }
  EXPECT_TRUE(is_fooled);
}

TEST_F(OutputsTest, BadOutputSpoilsTheGoodOnes) {
  const path output = directory_.path() / "out";
  Result<Outcome> outcome =
      RunOn(TestedMachine(), Shell("echo good > /out/a; ln -s /etc/passwd /out/z"), EveryWeakening(), output);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->end, End::kBadOutput);
  EXPECT_TRUE(outcome->files.empty());
  EXPECT_TRUE(std::filesystem::is_empty(output));
}

TEST_F(OutputsTest, InputsAreReadOnly) {
  const path tree = directory_.path() / "tree";
  std::filesystem::create_directory(tree);
  Write(tree / "file", "original");
  chmod((tree / "file").c_str(), 0666);
  chmod(tree.c_str(), 0777);
  for (const Layers layers : {Layers::kAll, Layers::kNoLandlock}) {
    for (const std::vector<std::string>& probe :
         std::vector<std::vector<std::string>>{{"open-write", "/in/tree/file"},
                                               {"reopen", "/in/tree/file"},
                                               {"chmod", "/in/tree/file"},
                                               {"move", "/in/tree/file"},
                                               {"many-files", "/in/tree", "1"}}) {
      Job job = ProbeJob(probe);
      job.inputs.push_back({tree, "/in/tree"});
      const Outcome outcome = RunInside(directory_, job, MachineWith(layers));
      EXPECT_EQ(outcome.end, End::kExited);
      EXPECT_EQ(outcome.status, 1) << probe[0] << ": " << outcome.standard_output;
    }
  }
  EXPECT_EQ(Read(tree / "file"), "original");
  for (const char* probe : {"open-write", "reopen", "chmod", "move"}) {
    EXPECT_EQ(RunOutside({probe, (tree / "file").string()}), 0) << probe << " shows nothing";
  }
  EXPECT_EQ(RunOutside({"many-files", tree.string(), "1"}), 0) << "the probe shows nothing";
  std::filesystem::remove("/tmp/moved");
}

TEST_F(OutputsTest, PrivateInputsOfTheCallerAreShown) {
  const path tree = directory_.path() / "private";
  std::filesystem::create_directory(tree);
  Write(tree / "file", "for the program");
  chmod((tree / "file").c_str(), 0400);
  chmod(tree.c_str(), 0700);
  if (geteuid() == 0 && !ThisMachine().capabilities.idmapped_mounts) GTEST_SKIP() << "no idmapped mounts here";
  Job job = Shell("cat /in/a/b/file /in/c");
  job.inputs = {{tree, "/in/a/b"}, {tree / "file", "/in/c"}};
  job.working_directory = "/in/a/b";
  const Outcome outcome = RunInside(directory_, job);
  EXPECT_EQ(outcome.standard_output, "for the programfor the program") << outcome.standard_error;
}

TEST_F(OutputsTest, LinksAreNoInputs) {
  std::filesystem::create_symlink("/etc", directory_.path() / "link");
  mkfifo((directory_.path() / "fifo").c_str(), 0600);
  for (const char* name : {"link", "fifo", "missing"}) {
    Job job = Shell("true");
    job.inputs = {{directory_.path() / name, "/in/x"}};
    const Result<Outcome> outcome = RunOn(TestedMachine(), job, EveryWeakening(), directory_.path() / "out");
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().rule, "sandbox.job.input");
    EXPECT_EQ(outcome.error().code, ErrorCode::kUsage);
  }
}

TEST_F(OutputsTest, TheOutputDirectoryMustBeEmpty) {
  Write(directory_.path() / "already", "here");
  const Result<Outcome> outcome = RunOn(TestedMachine(), Shell("true"), EveryWeakening(), directory_.path());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().rule, "sandbox.job.output-directory");
}

}  // namespace
}  // namespace pawl::sandbox::testing
