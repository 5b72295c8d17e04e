// What makes a job acceptable, and its inputs once they have been looked at.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "result/result.h"
#include "sandbox/sandbox.h"

namespace pawl::sandbox {

// kUsage with a rule "sandbox.job.*" for a job that makes no sense. Looks at nothing outside the job.
Result<void> CheckJob(const Job& job);

// One host file or directory to show, identified so that what is mounted is what was looked at.
struct View {
  std::string host_path;
  dev_t device = 0;
  ino_t inode = 0;
  bool directory = false;
  std::string stage_name;  // its name below kStage
  std::string path_inside;
};

inline constexpr std::size_t kInputsMax = 32;

// kUsage "sandbox.job.input" for an input that does not exist or is neither a regular file nor a directory.
Result<std::vector<View>> LookAtInputs(const std::vector<Input>& inputs);

// The same for the helper; kSystem "sandbox.helper-missing".
Result<View> LookAtHelper(const std::filesystem::path& helper);

// kEnvironment and extra_environment as "NAME=value", sorted.
std::vector<std::string> EnvironmentOf(const Job& job);

}  // namespace pawl::sandbox
