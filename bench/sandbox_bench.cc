// From start to exit of /bin/true: bare, in plain bubblewrap with every namespace, and in the whole sandbox.
#include <benchmark/benchmark.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>

#include "sandbox/sandbox.h"

namespace {

using pawl::sandbox::Job;
using pawl::sandbox::Machine;
using pawl::sandbox::Outcome;

void Spawn(benchmark::State& state, std::vector<const char*> arguments) {
  arguments.push_back(nullptr);
  char* environment[] = {nullptr};
  for ([[maybe_unused]] auto iteration : state) {
    pid_t process = 0;
    int status = 1;
    if (posix_spawn(&process, arguments[0], nullptr, nullptr, const_cast<char* const*>(arguments.data()),
                    environment) != 0 ||
        waitpid(process, &status, 0) != process || status != 0) {
      state.SkipWithError("it did not run");
      return;
    }
  }
}

void Bare(benchmark::State& state) { Spawn(state, {"/bin/true"}); }

void Bubblewrap(benchmark::State& state) {
  Spawn(state, {"/usr/bin/bwrap", "--unshare-all", "--new-session", "--die-with-parent",
                "--ro-bind",      "/usr",          "/usr",          "--symlink",
                "usr/lib",        "/lib",          "--symlink",     "usr/lib64",
                "/lib64",         "--symlink",     "usr/bin",       "/bin",
                "--proc",         "/proc",         "--dev",         "/dev",
                "--tmpfs",        "/tmp",          "/bin/true"});
}

void Sandbox(benchmark::State& state, const Machine& machine) {
  std::string base = "/tmp/pawl-sandbox-bench-XXXXXX";
  if (mkdtemp(base.data()) == nullptr) return state.SkipWithError("no temporary directory");
  Job job;
  job.argv = {"/bin/true"};
  for ([[maybe_unused]] auto iteration : state) {
    const pawl::Result<Outcome> outcome = RunOn(machine, job, pawl::sandbox::EveryWeakening(), base + "/out");
    if (!outcome.ok() || !Succeeded(*outcome)) {
      state.SkipWithError(outcome.ok() ? outcome->explanation.c_str() : outcome.error().message.c_str());
      break;
    }
  }
  std::filesystem::remove_all(base);
}

void WholeSandbox(benchmark::State& state) { Sandbox(state, pawl::sandbox::ThisMachine()); }

void SandboxWithoutControlGroups(benchmark::State& state) {
  Machine machine = pawl::sandbox::ThisMachine();
  machine.cgroups = {};
  machine.capabilities.memory_limited = machine.capabilities.processes_limited = machine.capabilities.cpu_limited =
      false;
  Sandbox(state, machine);
}

BENCHMARK(Bare)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(Bubblewrap)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(SandboxWithoutControlGroups)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(WholeSandbox)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
