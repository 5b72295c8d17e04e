// The whole of a job, in the order in which things happen. Each kernel facility has a file of its own:
//   cgroup.cc       limits and counters for the job as a whole
//   bubblewrap.cc   namespaces and the root directory
//   rlimits.cc      limits for each process
//   seccomp.cc      the system-call filter
//   supervise.cc    deadline, streams, counters, death of everything
//   output.cc       what may leave /out
// and in cmd/pawl-sandbox-helper/: prepare.cc (private file systems, giving up root), enter.cc (process 1 and the
// order of the last layers), landlock.cc.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>

#include "sandbox/bubblewrap.h"
#include "sandbox/cgroup.h"
#include "sandbox/helper_process.h"
#include "sandbox/job.h"
#include "sandbox/output.h"
#include "sandbox/plan_writer.h"
#include "sandbox/rlimits.h"
#include "sandbox/sandbox.h"
#include "sandbox/seccomp.h"
#include "sandbox/supervise.h"
#include "sandbox/system_error.h"

namespace pawl::sandbox {

using weakening::Weakening;

namespace {

// The user that jobs run as when Pawl is root; Debian's "nobody".
constexpr std::uint64_t kUnprivilegedId = 65534;
constexpr int kLandlockAbiMax = 6;  // what landlock.cc knows
constexpr std::uint64_t kTemporaryInodes = 16'384;

std::string_view NameOf(Weakening weaker) { return weakening::kNames[static_cast<std::size_t>(weaker)]; }

Result<void> CheckMachine(const Machine& machine) {
  if (access(machine.bubblewrap.c_str(), X_OK) != 0) {
    return SystemCallFailed("sandbox.bubblewrap-missing", "bubblewrap is not usable at " + machine.bubblewrap.string(),
                            "Install the package bubblewrap; nothing is run without it.");
  }
  if (!machine.capabilities.seccomp) {
    return SystemFailure("sandbox.setup.filter", "this kernel cannot filter system calls",
                         "Use a kernel with CONFIG_SECCOMP_FILTER; nothing is run without it.");
  }
  return {};
}

// Creates the directory if need be; it must be empty, so that its contents afterwards are the outputs and no more.
Result<Descriptor> OpenOutputDirectory(const std::filesystem::path& directory) {
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return SystemCallFailed("sandbox.setup.output-directory", "cannot create " + directory.string());
  }
  Descriptor opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened.valid()) return SystemCallFailed("sandbox.setup.output-directory", "cannot open " + directory.string());
  std::error_code failed;
  if (!std::filesystem::is_empty(directory, failed) || failed) {
    return Error{ErrorCode::kUsage, "sandbox.job.output-directory", directory.string() + " is not empty", ""};
  }
  return opened;
}

std::string PreparePlan(const Machine& machine, const Limits& limits, const ControlGroups& groups,
                        const std::vector<View>& views) {
  constexpr std::uint64_t kPage = 4096;
  const bool root = geteuid() == 0;
  PlanWriter plan(kPrepareMagic);
  plan.Number(root ? 1 : 0).Number(root ? kUnprivilegedId : geteuid()).Number(root ? kUnprivilegedId : getegid());
  // The last view is the helper, which everybody may read.
  plan.Number(machine.capabilities.idmapped_mounts && views.size() > 1 ? 1 : 0);
  const std::vector<std::string> join_files = groups.JoinFiles();
  plan.Number(join_files.size());
  for (const std::string& file : join_files) plan.Text(file);
  plan.Number(views.size());
  for (const View& view : views) {
    plan.Text(view.host_path).Number(view.device).Number(view.inode).Number(view.directory ? 1 : 0);
    plan.Text(view.stage_name);
  }
  // Room for the last page of each file, and for one file more than allowed: an /out that is full has too much in it.
  const auto output_files = static_cast<std::uint64_t>(limits.output_files);
  const std::uint64_t temporary_bytes = static_cast<std::uint64_t>(limits.tmp_mib) << 20;
  plan.Number(static_cast<std::uint64_t>(limits.output_bytes) + (output_files + 1) * kPage).Number(output_files + 2);
  plan.Number(temporary_bytes).Number(temporary_bytes).Number(kTemporaryInodes);
  plan.Text(machine.bubblewrap.string());
  return plan.bytes();
}

std::string EnterPlan(const Machine& machine, const Job& job, const std::string& filter) {
  PlanWriter plan(kEnterMagic);
  plan.Text(job.working_directory);
  plan.Number(job.argv.size());
  for (const std::string& argument : job.argv) plan.Text(argument);
  const std::vector<std::string> environment = EnvironmentOf(job);
  plan.Number(environment.size());
  for (const std::string& entry : environment) plan.Text(entry);
  const auto resource_limits = ResourceLimits(job.limits, machine.capabilities);
  plan.Number(resource_limits.size());
  for (const ResourceLimit& limit : resource_limits) {
    plan.Number(static_cast<std::uint64_t>(limit.resource)).Number(limit.soft).Number(limit.hard);
  }
  plan.Number(static_cast<std::uint64_t>(std::min(machine.capabilities.landlock_abi, kLandlockAbiMax)));
  plan.Text(filter);
  return plan.bytes();
}

Result<HelperPlans> WritePlans(const Machine& machine, const Job& job, const ControlGroups& groups,
                               const std::vector<View>& views) {
  const Result<std::string> filter = SystemCallFilter();
  if (!filter.ok()) return filter.error();
  std::string arguments;
  for (const std::string& argument : BubblewrapArguments(views)) arguments.append(argument).push_back('\0');
  Result<Descriptor> prepare = SealedMemory(PreparePlan(machine, job.limits, groups, views));
  if (!prepare.ok()) return prepare.error();
  Result<Descriptor> bubblewrap = SealedMemory(arguments);
  if (!bubblewrap.ok()) return bubblewrap.error();
  Result<Descriptor> enter = SealedMemory(EnterPlan(machine, job, *filter));
  if (!enter.ok()) return enter.error();
  return HelperPlans{std::move(*prepare), std::move(*bubblewrap), std::move(*enter)};
}

// What went wrong before the program ran, or what the caller asked for; never anything the program did.
Result<void> CheckSetup(const Supervision& supervision) {
  std::string said = supervision.standard_error.substr(0, 500);  // made harmless where it is shown, as all of an Error
  while (said.ends_with('\n')) said.pop_back();
  const char* advice = "`pawl sandbox check` tries the same and says what to do.";
  if (supervision.reason == StopReason::kRequested) {
    return Error{ErrorCode::kPending, "sandbox.stopped", "the job was stopped on request", ""};
  }
  if (supervision.reason == StopReason::kUndead) {
    return SystemFailure("sandbox.setup.undead", "the job was killed but is not dead after 30 seconds");
  }
  if (supervision.failure) {
    return SystemCallFailed("sandbox.setup.step", supervision.failure->step, advice, supervision.failure->error_number);
  }
  if (supervision.reason == StopReason::kSetupTimeout) {
    return SystemFailure("sandbox.setup.timeout", "the program could not be started within 30 seconds", advice);
  }
  if (!supervision.started) {
    return SystemFailure("sandbox.setup.bubblewrap", "bubblewrap could not build the sandbox: " + said, advice);
  }
  return {};
}

void Conclude(Outcome& outcome, End end, int status, std::string explanation) {
  outcome.end = end;
  outcome.status = status;
  outcome.explanation = std::move(explanation);
}

std::string Of(std::int64_t value, const char* unit) { return std::to_string(value) + " " + unit; }

// A limit that struck comes before anything that the program said about its own end.
bool ConcludeByLimit(const Supervision& supervision, const CgroupCounters& counters, const Limits& limits,
                     Outcome& outcome) {
  if (counters.killed_for_memory > 0 || supervision.reason == StopReason::kMemory) {
    Conclude(outcome, End::kMemoryLimit, 0, "it used more memory than " + Of(limits.memory_mib, "MiB"));
  } else if (counters.forks_refused > 0 || supervision.reason == StopReason::kProcesses) {
    Conclude(outcome, End::kProcessLimit, 0, "it started more than " + Of(limits.processes, "processes and threads"));
  } else if (supervision.reason == StopReason::kFlood) {
    Conclude(outcome, End::kOutputFlood, 0, "it wrote more than " + Of(limits.stream_bytes, "bytes on one stream"));
  } else if (supervision.reason == StopReason::kWall) {
    Conclude(outcome, End::kWallLimit, 0, "it ran longer than " + Of(limits.wall_ms, "ms"));
  } else if (supervision.reason == StopReason::kCpu || outcome.used.cpu_ms > limits.cpu_ms) {
    Conclude(outcome, End::kCpuLimit, 0, "it used more CPU time than " + Of(limits.cpu_ms, "ms"));
  } else {
    return false;
  }
  return true;
}

void ConcludeBySignal(int signal, const Limits& limits, Outcome& outcome) {
  // The kernel's two clocks for CPU time, by ticks for the limit and exact for what was used, differ by some per cent.
  const bool out_of_cpu = signal == SIGXCPU || (signal == SIGKILL && outcome.used.cpu_ms >= limits.cpu_ms / 10 * 9);
  if (signal == SIGSYS) {
    Conclude(outcome, End::kForbiddenCall, signal, "it made a system call of a foreign architecture");
  } else if (signal == SIGXFSZ) {
    Conclude(outcome, End::kOutputFlood, signal, "it wrote a file larger than it may");
  } else if (out_of_cpu) {
    Conclude(outcome, End::kCpuLimit, signal, "it used more CPU time than " + Of(limits.cpu_ms, "ms"));
  } else {
    Conclude(outcome, End::kSignalled, signal, "it was killed by signal " + std::to_string(signal));
  }
}

// How the program ended, before its outputs are looked at.
void ConcludeByStatus(const Supervision& supervision, const Limits& limits, Outcome& outcome) {
  if (supervision.not_executed) {
    const int reason = supervision.not_executed->error_number;
    Conclude(outcome, End::kExited, reason == ENOENT ? 127 : 126, "it cannot be executed: " + ErrorText(reason));
  } else if (!supervision.ended) {
    Conclude(outcome, End::kSetupError, 0, "process 1 of the sandbox was lost");
  } else if (WIFSIGNALED(supervision.ended->wait_status)) {
    ConcludeBySignal(WTERMSIG(supervision.ended->wait_status), limits, outcome);
  } else {
    const int status = WEXITSTATUS(supervision.ended->wait_status);
    Conclude(outcome, End::kExited, status, "it exited with status " + std::to_string(status));
  }
}

void RemoveContents(const std::filesystem::path& directory) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

void Collect(int out, int destination, const std::filesystem::path& output_directory, const Limits& limits,
             Outcome& outcome) {
  if (IsFull(out)) {
    return Conclude(outcome, End::kOutputFlood, 0, "it filled /out");
  }
  Result<std::vector<OutputFile>> files = CollectOutput(out, destination, limits);
  if (files.ok()) {
    for (const OutputFile& file : *files) outcome.used.output_bytes += file.size_bytes;
    outcome.used.output_files = static_cast<std::int64_t>(files->size());
    outcome.files = std::move(*files);
    return;
  }
  RemoveContents(output_directory);
  const ErrorCode code = files.error().code;
  const End end = code == ErrorCode::kRefused ? End::kBadOutput
                  : code == ErrorCode::kLimit ? End::kOutputFlood
                                              : End::kSetupError;
  Conclude(outcome, end, 0, files.error().message);
}

// With the words of the charter that would accept it, since whoever reads this may have to decide.
Result<void> CheckAccepted(const weakening::Weakenings& weaker, const weakening::Weakenings& accepted) {
  std::string sentences;
  for (const Weakening each : weaker) {
    if (!accepted.contains(each)) sentences += (sentences.empty() ? "" : "; ") + Describe(each);
  }
  if (sentences.empty()) return {};
  return SystemFailure(
      "sandbox.weaker", "this machine's sandbox is weaker than is accepted, so nothing was run: " + sentences,
      "`pawl sandbox check` says how to get the rest; or the charter accepts it: [sandbox] accept = [" +
          QuotedNames(weaker) + "]");
}

}  // namespace

std::string_view Name(End end) {
  switch (end) {
    case End::kExited:
      return "exited";
    case End::kSignalled:
      return "signalled";
    case End::kWallLimit:
      return "wall-limit";
    case End::kCpuLimit:
      return "cpu-limit";
    case End::kMemoryLimit:
      return "memory-limit";
    case End::kProcessLimit:
      return "process-limit";
    case End::kOutputFlood:
      return "output-flood";
    case End::kForbiddenCall:
      return "forbidden-call";
    case End::kBadOutput:
      return "bad-output";
    case End::kSetupError:
      return "setup-error";
  }
  return "";
}

weakening::Weakenings WeakerGuarantees(const Capabilities& capabilities) {
  weakening::Weakenings weaker;
  if (!capabilities.memory_limited) weaker.insert(Weakening::kMemoryPerProcess);
  if (!capabilities.processes_limited) weaker.insert(Weakening::kForksUncounted);
  if (!capabilities.cpu_limited) weaker.insert(Weakening::kCpuPerProcess);
  if (capabilities.landlock_abi == 0) weaker.insert(Weakening::kNoLandlock);
  return weaker;
}

std::string Describe(Weakening weaker) {
  const auto named = [weaker](const char* sentence) { return std::string(NameOf(weaker)) + ": " + sentence; };
  switch (weaker) {
    case Weakening::kMemoryPerProcess:
      return named("memory is limited for each process alone, not for the job: no control group for it");
    case Weakening::kForksUncounted:
      return named("a refused fork is not reported: no control group for processes");
    case Weakening::kCpuPerProcess:
      return named("CPU time is limited for each process alone, not for the job: no control group for it");
    case Weakening::kNoLandlock:
      return named("Landlock is not in force: mounts and namespaces alone protect files");
  }
  return "";
}

std::string QuotedNames(const weakening::Weakenings& weaker) {
  std::string names;
  for (const Weakening each : weaker) names += (names.empty() ? "\"" : ", \"") + std::string(NameOf(each)) + "\"";
  return names;
}

std::string AcceptedWords(const weakening::Weakenings& used) {
  std::string names;
  for (const Weakening each : used) names += (names.empty() ? "" : ", ") + std::string(NameOf(each));
  return names.empty() ? "" : " (sandbox weaker, as accepted: " + names + ")";
}

weakening::Weakenings EveryWeakening() {
  return {Weakening::kMemoryPerProcess, Weakening::kForksUncounted, Weakening::kCpuPerProcess, Weakening::kNoLandlock};
}

Result<Outcome> RunWithStreams(const Machine& machine, const Job& job, const weakening::Weakenings& accepted,
                               const std::filesystem::path& output_directory, Streams streams, std::stop_token stop) {
  // 1. What is asked for and what is there.
  if (Result<void> checked = CheckJob(job); !checked.ok()) return checked.error();
  if (Result<void> checked = CheckMachine(machine); !checked.ok()) return checked.error();
  const weakening::Weakenings weaker = WeakerGuarantees(machine.capabilities);
  if (Result<void> checked = CheckAccepted(weaker, accepted); !checked.ok()) return checked.error();
  Result<std::vector<View>> views = LookAtInputs(job.inputs);
  if (!views.ok()) return views.error();
  Result<View> helper_view = LookAtHelper(machine.helper);
  if (!helper_view.ok()) return helper_view.error();
  views->push_back(*helper_view);
  const Result<Descriptor> destination = OpenOutputDirectory(output_directory);
  if (!destination.ok()) return destination.error();

  // 2. Control groups; removed when `groups` goes, after everything in them is dead.
  Result<ControlGroups> groups = ControlGroups::Create(machine.cgroups, job.limits);
  if (!groups.ok()) return groups.error();

  // 3. The helper: joins them, prepares, becomes bubblewrap, and inside starts the program behind the last layers.
  const Result<HelperPlans> plans = WritePlans(machine, job, *groups, *views);
  if (!plans.ok()) return plans.error();
  Result<HelperProcess> helper = HelperProcess::Start(machine.helper, *plans, std::move(streams));
  if (!helper.ok()) return helper.error();

  // 4. Watch. From here on nothing of the job is alive.
  Supervision supervision = Supervise(*helper, *groups, job.limits, stop);
  if (Result<void> checked = CheckSetup(supervision); !checked.ok()) return checked.error();

  // 5. Say how it ended.
  const CgroupCounters counters = groups->Read();
  Outcome outcome;
  outcome.weaker_guarantees = weaker;
  outcome.standard_output = std::move(supervision.standard_output);
  outcome.standard_error = std::move(supervision.standard_error);
  outcome.used = {supervision.wall_ms, counters.cpu_ms, counters.memory_peak_bytes, counters.processes_peak, 0, 0};
  if (supervision.ended && !machine.capabilities.cpu_limited) outcome.used.cpu_ms = supervision.ended->cpu_us / 1000;
  if (!ConcludeByLimit(supervision, counters, job.limits, outcome)) {
    ConcludeByStatus(supervision, job.limits, outcome);
  }

  // 6. Take out what a program that ended by itself has left; its /out vanishes with the last descriptor.
  if (outcome.end == End::kExited) {
    Collect(supervision.out.get(), destination->get(), output_directory, job.limits, outcome);
  }
  return outcome;
}

Result<Outcome> RunOn(const Machine& machine, const Job& job, const weakening::Weakenings& accepted,
                      const std::filesystem::path& output_directory, std::stop_token stop) {
  return RunWithStreams(machine, job, accepted, output_directory, {}, std::move(stop));
}

Result<Outcome> Run(const Job& job, const weakening::Weakenings& accepted,
                    const std::filesystem::path& output_directory, std::stop_token stop) {
  return RunOn(ThisMachine(), job, accepted, output_directory, std::move(stop));
}

}  // namespace pawl::sandbox
