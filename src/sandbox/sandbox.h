// Runs a program that may be hostile, and says exactly how it ended.
//
//   sandbox::Job job;
//   job.argv = {"/usr/bin/python3", "/in/charter/evaluate.py", "episodes", "--out", "/out/episodes.jsonl"};
//   job.working_directory = "/in/charter";
//   job.inputs = {{"/srv/store/trees/4f…", "/in/subject"}, {"/srv/store/seeds/91…", "/in/seeds"}};
//   job.limits.wall_ms = 120'000;
//   const weakening::Weakenings accepted = {weakening::Weakening::kCpuPerProcess};  // as the charter says
//   Result<sandbox::Outcome> outcome = sandbox::Run(job, accepted, "/srv/state/runs/17/out");
//   if (!outcome.ok()) return outcome.error();           // the machine failed: nothing is known about the program
//   if (!sandbox::Succeeded(*outcome)) Reject(outcome->explanation);
//   // /srv/state/runs/17/out now holds exactly outcome->files
//
// What the program sees: a read-only root with the host's /usr (and /bin, /lib, /lib64, /sbin as links into it),
// /etc/alternatives and /etc/ld.so.cache; its inputs, read-only, below /in; an empty, sized /tmp and /out, both
// writable; null, zero, full, random, urandom and a sized shm in /dev; a /proc that shows its own processes; no
// network, not even a loopback; uid and gid 1000; standard input at end of file; no descriptor but 0, 1 and 2; and
// exactly the environment of kEnvironment plus Job::extra_environment.
//
// The layers, outermost first, are those of run.cc: control groups, a mount namespace prepared by pawl-sandbox-helper,
// bubblewrap with every namespace, then in the helper again no_new_privs, resource limits, Landlock and a seccomp
// allow-list. Where this machine cannot keep a promise, that is a Weakening (weakening/weakening.h). Nothing is run
// with one that the caller does not accept by name, and those that were made use of stand in
// Outcome::weaker_guarantees.
//
// Thread safety: every function here may be called from several threads at once. Run blocks its thread until
// everything the job started is dead.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result/result.h"
#include "sandbox/descriptor.h"
#include "sandbox/machine.h"
#include "weakening/weakening.h"

namespace pawl::sandbox {

// One read-only view of a host file or directory.
struct Input {
  // A regular file or a directory of the host; its last component must not be a symbolic link. File systems mounted
  // below a directory are not part of the view.
  std::filesystem::path host_path;
  // Where the program finds it: an absolute path in normal form below /in ("/in/subject"). No two inputs may be equal
  // or lie inside one another.
  std::string path_inside;
};

// Every limit is in force for the job as a whole, unless Outcome::weaker_guarantees says otherwise. Zero is refused.
struct Limits {
  std::int64_t wall_ms = 60'000;         // from the start of the program to the end of its last process
  std::int64_t cpu_ms = 60'000;          // summed over all processes
  std::int64_t memory_mib = 1024;        // all memory, including what is stored in /tmp, /out and /dev/shm
  std::int64_t processes = 64;           // processes and threads alive at one time
  std::int64_t output_bytes = 64 << 20;  // all files of /out together
  std::int64_t output_files = 4096;      // files and directories of /out together
  std::int64_t stream_bytes = 1 << 20;   // standard output; and standard error as much again
  std::int64_t tmp_mib = 64;             // /tmp; and /dev/shm as much again
};

struct Job {
  // argv[0] is an absolute path inside the sandbox. No search along PATH, no shell.
  std::vector<std::string> argv;
  // An absolute path inside the sandbox: /tmp, /out, or at or below an input.
  std::string working_directory = "/tmp";
  std::vector<Input> inputs;
  // Added to kEnvironment; a name that is already there is refused, and so are names that the dynamic loader reads
  // (LD_*, GLIBC_*, GCONV_PATH …).
  std::map<std::string, std::string> extra_environment;
  Limits limits;
};

// Pipes in place of the program's standard input and output, for a program that answers while it runs. Run takes both
// over and keeps neither open, so that each side sees the other's end. What goes through them is the caller's to read,
// limit and distrust; Outcome::standard_output stays empty.
struct Streams {
  Descriptor input;   // read by the program
  Descriptor output;  // written by the program
};

// The environment of every job, before extra_environment.
inline constexpr std::pair<std::string_view, std::string_view> kEnvironment[] = {
    {"HOME", "/tmp"},          {"LANG", "C.UTF-8"},
    {"OMP_NUM_THREADS", "1"},  {"OPENBLAS_NUM_THREADS", "1"},
    {"PATH", "/usr/bin:/bin"}, {"PYTHONDONTWRITEBYTECODE", "1"},
    {"PYTHONHASHSEED", "0"},   {"TZ", "UTC"},
};

// How a job ended. Closed.
enum class End {
  kExited,         // status is the exit status; the only end that can be a success
  kSignalled,      // status is the signal that killed the program
  kWallLimit,      // wall_ms passed
  kCpuLimit,       // cpu_ms was used up
  kMemoryLimit,    // the kernel killed one of its processes for want of memory
  kProcessLimit,   // it tried to start more processes or threads than it may, whether or not it went on
  kOutputFlood,    // more on a stream or in /out than it may; the streams hold what came before
  kForbiddenCall,  // killed by the system-call filter
  kBadOutput,      // it ended by itself, but left something in /out that cannot be an output (explanation names it)
  kSetupError,     // the machine failed after the program was started; says nothing about the program
};

// The stable, lower-case word for an end: "exited", "signalled", "wall-limit", "cpu-limit", "memory-limit",
// "process-limit", "output-flood", "forbidden-call", "bad-output", "setup-error".
std::string_view Name(End end);

// What the job used. Zero where the machine cannot tell.
struct Usage {
  std::int64_t wall_ms = 0;
  std::int64_t cpu_ms = 0;
  std::int64_t memory_peak_bytes = 0;
  std::int64_t processes_peak = 0;
  std::int64_t output_bytes = 0;
  std::int64_t output_files = 0;
};

// One regular file that was collected from /out.
struct OutputFile {
  std::string path;  // relative to the output directory, '/' between components
  std::int64_t size_bytes = 0;
};

struct Outcome {
  End end = End::kSetupError;
  int status = 0;               // exit status or signal number; 0 for the other ends
  std::string explanation;      // one sentence for a person, safe to show on a terminal
  std::string standard_output;  // at most Limits::stream_bytes, bytes as written: show them through Displayable
  std::string standard_error;
  Usage used;
  // Sorted by path. Empty unless the end is kExited.
  std::vector<OutputFile> files;
  // What the machine could not promise; all of it was accepted. Empty on a machine with everything.
  weakening::Weakenings weaker_guarantees;
};

// What a machine with these capabilities cannot promise.
weakening::Weakenings WeakerGuarantees(const Capabilities& capabilities);

// "memory-per-process: memory is limited for each process alone, not for the job: no control group for it".
std::string Describe(weakening::Weakening weaker);

// As a charter lists them: "\"memory-per-process\", \"no-landlock\"".
std::string QuotedNames(const weakening::Weakenings& weaker);

// " (sandbox weaker, as accepted: memory-per-process, no-landlock)"; "" where there are none. For what goes onto a
// ledger, behind the name of what was run.
std::string AcceptedWords(const weakening::Weakenings& used);

// Everything that a machine can lack and still run jobs: for those who run something for no charter, and for tests.
weakening::Weakenings EveryWeakening();

// True only for a program that exited by itself with status 0 and whose outputs were all collected.
inline bool Succeeded(const Outcome& outcome) { return outcome.end == End::kExited && outcome.status == 0; }

// Refuses to run anything on a machine that promises less than `accepted` (kSystem, "sandbox.weaker"): the machine's
// failure, which says nothing about the program. Otherwise runs the job to its end, kills whatever it left running, and
// only then copies the regular files of its /out into `output_directory`, which is created if it does not exist and
// must be empty. On every end but kExited nothing is copied. With a status other than 0, outputs are collected as well.
//
// An Error means that the program was not run, or that nothing can be said about it: a job that makes no sense
// (kUsage, "sandbox.job.*"), a machine that lacks something (kSystem, "sandbox.setup.*", "sandbox.bubblewrap-missing",
// "sandbox.helper-missing"), or `stop` was requested (kPending, "sandbox.stopped"; everything is dead by then).
// Failures of the program are never Errors.
//
// The first form finds out what this machine offers (once per process); the second is told.
Result<Outcome> Run(const Job& job, const weakening::Weakenings& accepted,
                    const std::filesystem::path& output_directory, std::stop_token stop = {});
Result<Outcome> RunOn(const Machine& machine, const Job& job, const weakening::Weakenings& accepted,
                      const std::filesystem::path& output_directory, std::stop_token stop = {});

// The same for a program that is spoken to through `streams`.
Result<Outcome> RunWithStreams(const Machine& machine, const Job& job, const weakening::Weakenings& accepted,
                               const std::filesystem::path& output_directory, Streams streams,
                               std::stop_token stop = {});

// Bytes of a hostile program as text that cannot act on a terminal or a log: every control character other than line
// feed and tab, every byte that is not valid UTF-8 and every character that changes the direction of text, is invisible
// or looks like a space becomes a visible \xHH or \u{HEX}; a backslash becomes two. Letters that look like others stay.
std::string Displayable(std::string_view bytes);

// The same on one line: line feeds and tabs are made visible too.
std::string DisplayableOnOneLine(std::string_view bytes);

}  // namespace pawl::sandbox
