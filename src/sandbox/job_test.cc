#include "sandbox/job.h"

#include <gtest/gtest.h>

namespace pawl::sandbox {
namespace {

Job Good() {
  Job job;
  job.argv = {"/usr/bin/true"};
  job.inputs = {{"/usr", "/in/a"}, {"/usr", "/in/b/c"}};
  job.working_directory = "/in/a/deeper";
  job.extra_environment = {{"SEED", "1"}};
  return job;
}

std::string RuleOf(const Job& job) {
  const Result<void> checked = CheckJob(job);
  if (checked.ok()) return "";
  EXPECT_EQ(checked.error().code, ErrorCode::kUsage);
  return checked.error().rule;
}

TEST(JobTest, AGoodJobPasses) { EXPECT_EQ(RuleOf(Good()), ""); }

TEST(JobTest, TheProgramIsAnAbsolutePath) {
  for (const char* program : {"", "true", "bin/true", "/usr/../bin/true", "/usr//bin/true", "/usr/bin/", "/"}) {
    Job job = Good();
    job.argv = {program};
    EXPECT_EQ(RuleOf(job), "sandbox.job.program") << program;
  }
  Job job = Good();
  job.argv = {};
  EXPECT_EQ(RuleOf(job), "sandbox.job.program");
  job.argv = {"/bin/true", std::string("a\0b", 3)};
  EXPECT_EQ(RuleOf(job), "sandbox.job.program");
  job.argv = std::vector<std::string>(5000, "/bin/true");
  EXPECT_EQ(RuleOf(job), "sandbox.job.program");
}

TEST(JobTest, InputsLieBelowInAndApart) {
  for (const char* inside :
       {"/in", "/in/", "/tmp/x", "/usr/bin", "in/x", "/in/../usr", "/in/./x", "/inx/y", "/in/a", "/in/a/x", "/in/b"}) {
    Job job = Good();
    job.inputs.push_back({"/usr", inside});
    EXPECT_EQ(RuleOf(job), "sandbox.job.input") << inside;
  }
  Job job = Good();
  job.inputs.clear();
  job.working_directory = "/tmp";
  for (int i = 0; i < 33; ++i) job.inputs.push_back({"/usr", "/in/" + std::to_string(i)});
  EXPECT_EQ(RuleOf(job), "sandbox.job.input");
}

TEST(JobTest, TheWorkingDirectoryIsOneOfThePrograms) {
  for (const char* directory : {"/", "/usr", "/in", "/in/b", "/in/ab", "/tmp/x", "/out/..", ""}) {
    Job job = Good();
    job.working_directory = directory;
    EXPECT_EQ(RuleOf(job), "sandbox.job.working-directory") << directory;
  }
}

TEST(JobTest, TheLoadersVariablesAreRefused) {
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "GCONV_PATH", "PATH", "HOME",
                           "PYTHONHASHSEED", "", "1A", "A=B", "A B"}) {
    Job job = Good();
    job.extra_environment = {{name, "x"}};
    EXPECT_EQ(RuleOf(job), "sandbox.job.environment") << name;
  }
}

TEST(JobTest, EveryLimitHasARange) {
  std::int64_t Limits::*const fields[] = {&Limits::wall_ms,      &Limits::cpu_ms,       &Limits::memory_mib,
                                          &Limits::processes,    &Limits::output_bytes, &Limits::output_files,
                                          &Limits::stream_bytes, &Limits::tmp_mib};
  for (const auto field : fields) {
    for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
      Job job = Good();
      job.limits.*field = value;
      EXPECT_EQ(RuleOf(job), "sandbox.job.limit") << value;
    }
  }
}

TEST(JobTest, TheEnvironmentIsSortedAndComplete) {
  const std::vector<std::string> entries = EnvironmentOf(Good());
  EXPECT_EQ(entries.size(), 9u);
  EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end()));
  EXPECT_NE(std::find(entries.begin(), entries.end(), "SEED=1"), entries.end());
}

}  // namespace
}  // namespace pawl::sandbox
