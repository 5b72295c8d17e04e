#include "trial/environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "crypto/digest.h"
#include "encoding/json.h"
#include "trial/elf_closure.h"

namespace pawl::trial {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    std::string pattern = (fs::temp_directory_path() / "pawl-environment-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { fs::remove_all(path_); }
  fs::path Write(const std::string& name, const std::string& bytes) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

bool Has(const EvaluationEnvironment& environment, const std::string& kind, const std::string& part) {
  return std::any_of(environment.components.begin(), environment.components.end(), [&](const auto& component) {
    return component.kind == kind && component.name.find(part) != std::string::npos;
  });
}

TEST(DescribeEnvironment, FindsInterpreterLibrariesAndProcessor) {
  const Directory charter;
  const Result<EvaluationEnvironment> environment = DescribeEnvironment({{"sh", "evaluate.sh"}, charter.path(), {}});
  ASSERT_TRUE(environment.ok()) << environment.error().message;
  EXPECT_TRUE(Has(*environment, "program", "sh"));
  EXPECT_TRUE(Has(*environment, "library", "libc.so.6"));
  EXPECT_TRUE(Has(*environment, "library", "ld-linux"));
  EXPECT_TRUE(Has(*environment, "processor", "cpu"));
  EXPECT_EQ(environment->digest, crypto::Sha256(environment->description).Text());
  EXPECT_TRUE(encoding::ParseCanonicalJson(environment->description).ok());
  EXPECT_EQ(DescribeEnvironment({{"sh", "evaluate.sh"}, charter.path(), {}})->digest, environment->digest);
}

TEST(DescribeEnvironment, EveryFileOfTheClosureCounts) {
  const Directory place;
  place.Write("closure/a.py", "a");
  place.Write("closure/deep/b.py", "b");
  fs::create_symlink("a.py", place.path() / "closure/link");
  const EnvironmentQuestion question{{"sh"}, place.path(), {place.path() / "closure"}};
  const Result<EvaluationEnvironment> before = DescribeEnvironment(question);
  ASSERT_TRUE(before.ok()) << before.error().message;
  EXPECT_TRUE(Has(*before, "closure", "deep/b.py"));
  EXPECT_TRUE(Has(*before, "closure", "/link"));
  place.Write("closure/deep/b.py", "c");
  const std::string changed = DescribeEnvironment(question)->digest;
  EXPECT_NE(changed, before->digest);
  place.Write("closure/new", "");
  EXPECT_NE(DescribeEnvironment(question)->digest, changed);
}

TEST(DescribeEnvironment, FollowsLibrariesOfFilesInTheClosure) {
  const Directory place;
  fs::create_directories(place.path() / "closure");
  fs::copy_file("/usr/bin/openssl", place.path() / "closure/plugin.so");
  const EvaluationEnvironment environment = *DescribeEnvironment({{"sh"}, place.path(), {place.path() / "closure"}});
  EXPECT_TRUE(Has(environment, "library", "libcrypto.so.3"));
}

TEST(DescribeEnvironment, FollowsTheInterpreterOfAScriptInTheCharter) {
  const Directory charter;
  charter.Write("evaluate", "#!/usr/bin/env sh\n");
  const Result<EvaluationEnvironment> environment = DescribeEnvironment({{"./evaluate"}, charter.path(), {}});
  ASSERT_TRUE(environment.ok()) << environment.error().message;
  EXPECT_TRUE(Has(*environment, "program", "/env"));
  EXPECT_TRUE(Has(*environment, "program", "sh"));
  EXPECT_FALSE(Has(*environment, "program", charter.path().string()));
  charter.Write("endless", "#!" + (charter.path() / "endless").string() + "\n");
  EXPECT_EQ(DescribeEnvironment({{"./endless"}, charter.path(), {}}).error().rule, "environment.interpreter");
}

TEST(DescribeEnvironment, SaysWhatIsMissing) {
  const Directory charter;
  EXPECT_EQ(DescribeEnvironment({{"no-such-program"}, charter.path(), {}}).error().rule, "evaluation.program-missing");
  EXPECT_EQ(DescribeEnvironment({{"./evaluate"}, charter.path(), {}}).error().rule, "environment.missing");
  EXPECT_EQ(DescribeEnvironment({{"sh"}, charter.path(), {"/no/such/closure"}}).error().rule, "environment.missing");
  EXPECT_EQ(DescribeEnvironment({{"sh"}, charter.path(), {"relative"}}).error().rule, "environment.closure");
  EXPECT_EQ(DescribeEnvironment({{}, charter.path(), {}}).error().rule, "evaluation.command");
}

TEST(DescribeProcessor, SortsFeaturesAndIgnoresTheRest) {
  const std::string first =
      "processor\t: 0\nvendor_id\t: Maker\ncpu MHz\t\t: 2400.1\nflags\t\t: fpu avx2 avx\n\nflags\t: x\n";
  const std::string second = "processor\t: 0\nvendor_id\t: Maker\ncpu MHz\t\t: 800\nflags\t\t: avx avx2 fpu\n";
  EXPECT_EQ(*DescribeProcessor(first, "x86_64"), "architecture=x86_64\nvendor_id=Maker\nfeatures=avx avx2 fpu\n");
  EXPECT_EQ(*DescribeProcessor(first, "x86_64"), *DescribeProcessor(second, "x86_64"));
  EXPECT_EQ(*DescribeProcessor("Features\t: fp asimd\nCPU part\t: 0xd0c\n", "aarch64"),
            "architecture=aarch64\nCPU part=0xd0c\nfeatures=asimd fp\n");
  EXPECT_EQ(DescribeProcessor("processor : 0\n", "x86_64").error().rule, "environment.processor");
  EXPECT_EQ(DescribeProcessor("", "x86_64").error().rule, "environment.processor");
}

std::string ProgramBytes() {
  std::ifstream file("/usr/bin/true", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ReadElfNeeds, ReadsAProgram) {
  const Result<std::optional<ElfNeeds>> needs = ReadElfNeeds(ProgramBytes());
  ASSERT_TRUE(needs.ok() && needs->has_value());
  EXPECT_NE(std::find((*needs)->libraries.begin(), (*needs)->libraries.end(), "libc.so.6"), (*needs)->libraries.end());
  EXPECT_NE((*needs)->interpreter.find("ld-linux"), std::string::npos);
}

TEST(ReadElfNeeds, OtherFilesNeedNothing) {
  EXPECT_FALSE(ReadElfNeeds("")->has_value());
  EXPECT_FALSE(ReadElfNeeds("#!/bin/sh\n")->has_value());
  EXPECT_FALSE(ReadElfNeeds(std::string("\x7f"
                                        "ELF\x01\x01",
                                        6) +
                            std::string(100, '\0'))
                   ->has_value());
}

TEST(ReadElfNeeds, SurvivesCutAndSpoiltFiles) {
  std::string bytes = ProgramBytes();
  const std::string head = bytes.substr(0, 4096);
  int refused = 0;
  for (std::size_t length = 0; length < head.size(); length += 7) {
    refused += ReadElfNeeds(std::string_view(head).substr(0, length)).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 100);
  for (std::size_t at = 6; at < 64 + 13 * 56; ++at) {  // the header and the program headers
    const char good = bytes[at];
    for (const int byte : {0, 1, 0x7f, 0xff}) {
      bytes[at] = static_cast<char>(byte);
      const Result<std::optional<ElfNeeds>> needs = ReadElfNeeds(bytes);
      if (needs.ok() && *needs) {
        EXPECT_LE((*needs)->libraries.size(), 1024U);
      }
    }
    bytes[at] = good;
  }
}

TEST(FindLibrary, LooksBesideTheFileFirstWhereItAsksTo) {
  const Directory place;
  place.Write("lib/libown.so", "");
  place.Write("system/libown.so", "");
  ElfNeeds needs;
  const std::vector<fs::path> system = {place.path() / "system"};
  EXPECT_EQ(FindLibrary("libown.so", needs, place.path() / "bin/tool", system), place.path() / "system/libown.so");
  needs.run_paths = {"${ORIGIN}/../lib"};
  EXPECT_EQ(fs::canonical(*FindLibrary("libown.so", needs, place.path() / "system/tool", system)),
            fs::canonical(place.path() / "lib/libown.so"));
  EXPECT_FALSE(FindLibrary("libnone.so", needs, place.path() / "bin/tool", system).has_value());
}

}  // namespace
}  // namespace pawl::trial
