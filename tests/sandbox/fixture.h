// Runs the probes of tests/sandbox/probes outside and inside the sandbox.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace pawl::sandbox::testing {

// A fresh directory that everybody may enter, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A child of the test, killed and reaped at the end.
class Child {
 public:
  explicit Child(pid_t process) : process_(process) {}
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  pid_t process() const { return process_; }

 private:
  pid_t process_;
};

// ThisMachine, without what PAWL_TEST_LANDLOCK_ABI_MAX (a number) takes away: long tests repeat every case so.
const Machine& TestedMachine();

// Copies of TestedMachine with a layer taken away.
enum class Layers { kAll, kLandlockAbi2, kNoLandlock, kNoControlGroups };
Machine MachineWith(Layers layers);
std::string Name(Layers layers);

// The probe as seen inside, and on the host.
inline constexpr char kProbeInside[] = "/in/probe";
std::filesystem::path ProbeOutside();

// A job that runs one probe, with short limits.
Job ProbeJob(std::vector<std::string> arguments);

// The probe's exit status outside; 128 + signal if it was killed.
int RunOutside(std::vector<std::string> arguments);
// The same of any program: `words` is its whole command line.
int RunOutside(std::vector<std::string> words, const std::string& program);

// Runs the job; a set-up error fails the test. Outputs go to a fresh directory below `directory`.
Outcome RunInside(const TemporaryDirectory& directory, const Job& job, const Machine& machine = TestedMachine());

// Processes of the whole machine whose command line contains `text`, other than this one.
std::vector<pid_t> ProcessesWith(const std::string& text);

// Names of control groups, mounts and descriptors of this process: equal before and after a job.
std::vector<std::string> Traces();

}  // namespace pawl::sandbox::testing
