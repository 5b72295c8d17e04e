// pawl sandbox check|run: what this machine can contain a program with, and a try of it.
#include "sandbox/sandbox.h"

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "cli/command.h"
#include "cli/sandbox_advice.h"
#include "sandbox/machine.h"
#include "storage/temporary_folder.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;
using encoding::Json;
using sandbox::UserNamespaces;

constexpr char kAllowUserNamespaces[] =
    "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap (Ubuntu); in a container, a "
    "seccomp "
    "profile that allows them";

// By what the kernel refused, in bubblewrap's or the helper's words.
std::string AdviceOnTestJob(const std::string& failure) {
  constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
      {"mount proc",
       "let a new /proc be mounted: this container covers parts of its own. docker run --security-opt "
       "systempaths=unconfined, podman run --security-opt unmask=ALL, Kubernetes procMount: Unmasked"},
      {"max_*_namespaces",
       "allow namespaces: one of the sysctls user.max_{mnt,pid,net,ipc,uts,cgroup}_namespaces is 0 "
       "or used up, here or in what this runs inside of"},
      {"create a mount namespace: No space", "allow mount namespaces: sysctl user.max_mnt_namespaces=10000"},
      {"create a user namespace: No space",
       "allow namespaces: one of the sysctls user.max_{user,mnt}_namespaces is 0 or "
       "used up"},
      {"loopback", kAllowUserNamespaces},
      {"map user ids", kAllowUserNamespaces},
      {"create a user namespace", kAllowUserNamespaces},
      {"create a mount namespace",
       "leave root the capability SYS_ADMIN (docker run --cap-add SYS_ADMIN), or run pawl as "
       "an ordinary user"},
      {"TMPDIR", "name a folder with room that can be written to: TMPDIR=DIR"},
  };
  for (const auto& [refused, advice] : kAdvice) {
    if (failure.find(refused) != std::string::npos) return std::string(advice);
  }
  return "allow the step at which the test job failed: dmesg, and the profile of the container that this runs in, may "
         "say "
         "who forbids it";
}

}  // namespace

std::vector<std::string> SandboxAdvice(const sandbox::Capabilities& found) {
  std::vector<std::string> advice;
  const auto add = [&](bool missing, const char* sentence) {
    if (missing) advice.emplace_back(sentence);
  };
  add(found.bubblewrap_version.empty(), "install bubblewrap (Debian: apt install bubblewrap)");
  add(!found.helper, "pawl-sandbox-helper has to lie beside pawl, or in ../libexec/pawl/ from it: install or build it");
  add(found.user_namespaces == UserNamespaces::kUsedUp,
      "allow user namespaces: sysctl user.max_user_namespaces=10000, and likewise in what this runs inside of");
  add(found.user_namespaces == UserNamespaces::kForbidden, kAllowUserNamespaces);
  add(found.user_namespaces == UserNamespaces::kUserOutOfReach,
      "run pawl as an ordinary user outside of this user namespace; or map a range with 65534 into it (/etc/subuid and "
      "newuidmap; a container's --userns), and leave root SETUID and SETGID");
  add(!found.seccomp, "take a kernel with CONFIG_SECCOMP_FILTER");
  add(found.landlock_abi == 0, "Landlock needs a kernel of 5.13 or later with lsm=landlock,… on its command line");
  if (!found.test_job_failure.empty()) advice.push_back(AdviceOnTestJob(found.test_job_failure));
  add(!found.memory_limited || !found.processes_limited || !found.cpu_limited,
      "for limits on a job as a whole, run below a delegated control group: systemd-run --user --scope -p Delegate=yes "
      "pawl …");
  return advice;
}

namespace {

Json Names(const weakening::Weakenings& weaker) {
  Json names = Json::array();
  for (const weakening::Weakening each : weaker) names.push_back(weakening::kNames[static_cast<size_t>(each)]);
  return names;
}

ExitCode CheckMachine(const Globals& globals) {
  const sandbox::Capabilities found = sandbox::Probe();
  const std::vector<std::string> advice = SandboxAdvice(found);
  const weakening::Weakenings weaker = sandbox::WeakerGuarantees(found);
  if (globals.json) {
    PrintJson({{"usable", found.usable()},
               {"bubblewrap", found.bubblewrap_version},
               {"helper", found.helper},
               {"user_namespaces", found.user_namespaces == sandbox::UserNamespaces::kWork},
               {"seccomp", found.seccomp},
               {"landlock_abi", found.landlock_abi},
               {"memory_limited", found.memory_limited},
               {"processes_limited", found.processes_limited},
               {"cpu_limited", found.cpu_limited},
               {"test_job_failure", found.test_job_failure},
               {"weaker", Names(weaker)},
               {"sentences", found.sentences},
               {"advice", advice}});
  } else {
    for (const std::string& sentence : found.sentences) std::printf("%s\n", Shown(sentence).c_str());
    for (const std::string& sentence : advice) std::printf("  to mend: %s\n", Shown(sentence).c_str());
    if (!weaker.empty()) {
      std::printf("nothing is run here for a charter that does not say: [sandbox] accept = [%s]\n",
                  sandbox::QuotedNames(weaker).c_str());
    }
    std::puts(found.usable() ? "programs can be run in the sandbox" : "nothing can be run in the sandbox here");
  }
  return found.usable() ? ExitCode::kYes : ExitCode::kInternal;
}

constexpr int kNotExecuted = 127;  // a shell's word for it, and the sandbox's
constexpr char kOwnProgram[] =
    "name one of /usr/bin, or the path that it has inside; a program of your own comes in with "
    "--input ./folder:/in/folder and is /in/folder/NAME";

struct SandboxOptions {
  std::vector<std::string> inputs;  // HOST:INSIDE
  std::string output;               // empty: a temporary folder that is removed
  std::string working_directory = "/tmp";
  int64_t wall_seconds = 60, cpu_seconds = 60, memory_mib = 1024, processes = 64, output_mib = 64;
  std::vector<std::string> command;
};

// A bare name is a program of the machine's; the others are paths inside.
Result<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (const char* folder : {"/usr/bin/", "/bin/"}) {
    std::error_code failure;
    if (!name.empty() && fs::exists(folder + name, failure)) return folder + name;
  }
  return Error{ErrorCode::kUsage, "sandbox.program", "there is no program '" + name + "' in /usr/bin or /bin",
               kOwnProgram};
}

// What to do about a job that the sandbox does not take.
Error WithAdvice(Error error) {
  constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
      {"sandbox.job.program", kOwnProgram},
      {"sandbox.job.input", "--input ./subject:/in/subject: what is here, and a place of its own below /in"},
      {"sandbox.job.working-directory", "name /tmp, /out, or a directory at or below an --input"},
      {"sandbox.job.output-directory", "name a new or an empty directory: --out DIR"},
      {"sandbox.setup.output-directory", "name a new or an empty directory below one that is there: --out DIR"},
      {"sandbox.job.limit", "give a number in that range"},
  };
  for (const auto& [rule, advice] : kAdvice) {
    if (error.rule == rule) error.advice = advice;
  }
  return error;
}

Result<sandbox::Job> MakeJob(const SandboxOptions& options) {
  sandbox::Job job;
  job.argv = options.command;
  Result<std::string> program = FindProgram(options.command.front());
  if (!program.ok()) return program.error();
  job.argv.front() = std::move(*program);
  for (const std::string& input : options.inputs) {
    const size_t colon = input.rfind(':');
    if (colon == std::string::npos || colon == 0) {
      return Error{ErrorCode::kUsage, "sandbox.input", "'" + input + "' is not HOST:INSIDE",
                   "--input ./subject:/in/subject"};
    }
    std::error_code failure;
    const fs::path host = fs::absolute(input.substr(0, colon), failure).lexically_normal();
    job.inputs.push_back({host.has_filename() ? host : host.parent_path(), input.substr(colon + 1)});
  }
  job.working_directory = options.working_directory;
  job.limits.wall_ms = options.wall_seconds * 1000;
  job.limits.cpu_ms = options.cpu_seconds * 1000;
  job.limits.memory_mib = options.memory_mib;
  job.limits.processes = options.processes;
  job.limits.output_bytes = options.output_mib << 20;
  return job;
}

// Where outputs go; a temporary folder goes with its owner.
class OutputFolder {
 public:
  static Result<OutputFolder> Make(const std::string& named) {
    if (!named.empty()) return OutputFolder(named, {});
    Result<storage::HeldFolder> made = storage::HeldFolder::MakeTemporary("pawl-run");
    if (!made.ok()) return made.error();
    std::string path = made->path() + "/out";
    return OutputFolder(std::move(path), *std::move(made));
  }
  const std::string& path() const { return path_; }

 private:
  OutputFolder(std::string path, std::optional<storage::HeldFolder> temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}
  std::string path_;
  std::optional<storage::HeldFolder> temporary_;
};

Json OutcomeJson(const sandbox::Outcome& outcome) {
  Json files = Json::array();
  for (const sandbox::OutputFile& file : outcome.files) {
    files.push_back({{"path", file.path}, {"size_bytes", file.size_bytes}});
  }
  return {{"end", sandbox::Name(outcome.end)},
          {"status", outcome.status},
          {"explanation", outcome.explanation},
          {"standard_output", ShownLines(outcome.standard_output)},
          {"standard_error", ShownLines(outcome.standard_error)},
          {"wall_ms", outcome.used.wall_ms},
          {"cpu_ms", outcome.used.cpu_ms},
          {"memory_peak_bytes", outcome.used.memory_peak_bytes},
          {"files", files},
          {"weaker_guarantees", Names(outcome.weaker_guarantees)}};
}

void ShowOutcome(const sandbox::Outcome& outcome, bool files_are_kept) {
  std::fputs(ShownLines(outcome.standard_output).c_str(), stdout);
  std::fflush(stdout);
  std::fputs(ShownLines(outcome.standard_error).c_str(), stderr);
  std::fprintf(stderr, "%s %d: %s\n", std::string(sandbox::Name(outcome.end)).c_str(), outcome.status,
               Shown(outcome.explanation).c_str());
  std::fprintf(stderr, "used %lld ms, %lld ms of processor, %lld MiB\n", static_cast<long long>(outcome.used.wall_ms),
               static_cast<long long>(outcome.used.cpu_ms),
               static_cast<long long>(outcome.used.memory_peak_bytes >> 20));
  for (const sandbox::OutputFile& file : outcome.files) {
    std::fprintf(stderr, "%s %s (%lld bytes)\n", files_are_kept ? "wrote" : "thrown away", Shown(file.path).c_str(),
                 static_cast<long long>(file.size_bytes));
  }
  if (outcome.end == sandbox::End::kExited && outcome.status == kNotExecuted) {
    std::fprintf(stderr, "  inside are the system's /usr and what --input brings: %s\n", kOwnProgram);
  }
  for (const weakening::Weakening each : outcome.weaker_guarantees) {
    std::fprintf(stderr, "weaker here: %s\n", sandbox::Describe(each).c_str());
  }
}

ExitCode RunCommand(const Globals& globals, const SandboxOptions& options) {
  Result<sandbox::Job> job = MakeJob(options);
  if (!job.ok()) return Fail(globals, job.error());
  Result<OutputFolder> folder = OutputFolder::Make(options.output);
  if (!folder.ok()) return Fail(globals, folder.error());
  Result<sandbox::Outcome> outcome = sandbox::Run(*job, sandbox::EveryWeakening(), folder->path());
  if (!outcome.ok()) return Fail(globals, WithAdvice(outcome.error()));
  if (globals.json) {
    PrintJson(OutcomeJson(*outcome));
  } else {
    ShowOutcome(*outcome, !options.output.empty());
  }
  if (outcome->end == sandbox::End::kSetupError) return ExitCode::kInternal;  // nothing is known of the program
  return sandbox::Succeeded(*outcome) ? ExitCode::kYes : ExitCode::kNo;
}

}  // namespace

void AddSandbox(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("sandbox", "what this machine can contain a program with");
  command->require_subcommand(1);
  command->footer("examples:\n  pawl sandbox check\n  pawl sandbox run -- python3 -c 'print(1)'");
  CLI::App* check = command->add_subcommand("check", "say what holds here, and how to get what is missing");
  check->footer(
      "Exit status 0: programs can be run in it; 5: they cannot.\nexamples:\n  pawl sandbox check\n  pawl --json "
      "sandbox check");
  check->callback([&globals] { globals.exit = CheckMachine(globals); });

  auto options = std::make_shared<SandboxOptions>();
  CLI::App* run = command->add_subcommand("run", "run a program in the sandbox and say how it ended");
  run->add_option("--input", options->inputs, "HOST:INSIDE, a read-only view below /in; may be repeated")
      ->type_size(1)
      ->allow_extra_args(false);
  run->add_option("--out", options->output, "where its /out goes; must be empty (default: thrown away)");
  run->add_option("--working-directory", options->working_directory, "inside")->capture_default_str();
  const auto limit = [&](const char* name, int64_t& value, const char* what) {
    run->add_option(name, value, what)->capture_default_str()->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  };
  limit("--wall", options->wall_seconds, "seconds from start to end");
  limit("--cpu", options->cpu_seconds, "seconds of processor time");
  limit("--memory-mib", options->memory_mib, "memory of all processes");
  limit("--processes", options->processes, "processes and threads at a time");
  limit("--output-mib", options->output_mib, "files of /out");
  run->add_option("COMMAND", options->command, "program and arguments, after --")->required();
  run->footer(
      "Exit status 0: it ended by itself with 0; 1: it did not; 5: the machine failed, such as a full disk at --out.\n"
      "examples:\n  pawl sandbox run -- python3 -c 'print(1)'\n"
      "  pawl sandbox run --input ./subject:/in/subject --out ./made -- python3 /in/subject/train.py");
  run->callback([options, &globals] { globals.exit = RunCommand(globals, *options); });
}

}  // namespace pawl::cli
