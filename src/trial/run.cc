// One evaluator run = one sandbox job. The candidate's bytes are only ever data or a program inside that sandbox; what
// comes back is one file, which the strict readers take apart here, outside.
#include "trial/run.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "trial/conversation.h"

namespace pawl::trial {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCommandWordsMax = 64;
constexpr std::size_t kCommandWordBytesMax = 4096;

// Which of the evaluator's two tasks is run.
enum class Task { kEpisodes, kDecisions };

const char* TaskName(Task task) { return task == Task::kEpisodes ? "episodes" : "decisions"; }

std::string OutputName(Task task) { return std::string(TaskName(task)) + ".jsonl"; }

// Scratch space of one run, removed at its end.
class Scratch {
 public:
  static Result<Scratch> Make(const fs::path& parent) {
    std::string pattern = (parent / "evaluation-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      return SystemFailure("evaluation.scratch", "cannot create a directory in " + parent.string(),
                           "check that the directory exists, is writable and has room");
    }
    return Scratch(pattern);
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Scratch(Scratch&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  Scratch& operator=(Scratch&&) = delete;
  const fs::path& path() const { return path_; }

 private:
  explicit Scratch(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

Result<void> WriteFile(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return SystemFailure("evaluation.scratch", "cannot write " + path.string(), "check the disk");
  return {};
}

// Requires that `size` was checked.
Result<std::string> ReadFile(const fs::path& path, std::int64_t size) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.read(bytes.data(), size);
  if (!file) return SystemFailure("evaluation.scratch", "cannot read " + path.string(), "check the disk");
  return bytes;
}

Result<sandbox::Job> EvaluatorJob(const EvaluationRequest& request, Task task, const fs::path& seed_file,
                                  std::size_t bytes_max) {
  Result<std::string> program = ResolveEvaluator(request.command);
  if (!program.ok()) return program.error();
  sandbox::Job job;
  job.argv = request.command;
  job.argv[0] = std::move(*program);
  job.argv.emplace_back(TaskName(task));
  job.inputs = {{request.charter_directory, "/in/charter"}, {seed_file, "/in/seeds"}};
  if (request.subject_command.empty()) {
    job.argv.insert(job.argv.end(), {"--subject", "/in/subject"});
    job.inputs.push_back({request.subject_directory, "/in/subject"});
  } else {
    job.argv.emplace_back("--converse");
  }
  job.argv.insert(job.argv.end(), {"--seeds", "/in/seeds", "--out", "/out/" + OutputName(task)});
  job.working_directory = "/in/charter";
  job.limits = request.limits;
  job.limits.output_bytes = std::min(job.limits.output_bytes, static_cast<std::int64_t>(bytes_max));
  return job;
}

Result<sandbox::Job> SubjectJob(const EvaluationRequest& request) {
  Result<std::string> program = ResolveSubjectProgram(request.subject_command);
  if (!program.ok()) return program.error();
  sandbox::Job job;
  job.argv = request.subject_command;
  job.argv[0] = std::move(*program);
  job.inputs = {{request.subject_directory, "/in/subject"}};
  job.working_directory = "/in/subject";
  job.limits = request.limits;
  return job;
}

Error Void(std::string rule, std::string message) {
  return Malformed(std::move(rule), std::move(message), "mend the evaluator or its limits; the trial is void");
}

// Runs the evaluator, and where the subject is a program, that as well.
Result<Conversation> RunJobs(const EvaluationRequest& request, const sandbox::Job& evaluator, const fs::path& output) {
  if (request.subject_command.empty()) {
    Result<sandbox::Outcome> outcome = sandbox::Run(evaluator, request.accepted, output);
    if (!outcome.ok()) return outcome.error();
    return Conversation{.evaluator = std::move(*outcome)};
  }
  const Result<sandbox::Job> subject = SubjectJob(request);
  if (!subject.ok()) return subject.error();
  return Converse(evaluator, *subject, request.accepted, output);
}

// The text that the evaluator wrote, or why there is none. Errors are the machine's.
Result<Evaluation<std::string>> RunTask(const EvaluationRequest& request, Task task, std::size_t bytes_max) {
  if (request.seeds.empty() || request.seeds.size() > kEpisodesMax) {
    return Error{ErrorCode::kUsage, "trial.size", "an evaluation needs between 1 and 1,000,000 seeds", {}};
  }
  const Result<Scratch> scratch = Scratch::Make(request.scratch_directory);
  if (!scratch.ok()) return scratch.error();
  const fs::path seed_file = scratch->path() / "seeds";
  if (Result<void> written = WriteFile(seed_file, SeedFile(request.seeds)); !written.ok()) return written.error();
  const Result<sandbox::Job> job = EvaluatorJob(request, task, seed_file, bytes_max);
  if (!job.ok()) return job.error();
  const fs::path output = scratch->path() / "out";
  const Result<Conversation> conversation = RunJobs(request, *job, output);
  if (!conversation.ok()) return conversation.error();
  const sandbox::Outcome* const outcome = &conversation->evaluator;
  if (outcome->end == sandbox::End::kSetupError) {
    return SystemFailure("evaluation.machine", outcome->explanation, "mend the machine and try again");
  }
  Evaluation<std::string> evaluation;
  evaluation.used = outcome->used;
  evaluation.weaker_guarantees = outcome->weaker_guarantees;
  if (!sandbox::Succeeded(*outcome)) {
    evaluation.void_reason =
        Void("evaluation." + std::string(sandbox::Name(outcome->end)), "the evaluator failed: " + outcome->explanation);
    return evaluation;
  }
  if (conversation->bad_request) {
    evaluation.void_reason =
        Void("evaluation.bad-request", "the evaluator asked the subject something that is not a line of text");
    return evaluation;
  }
  const bool one_file = outcome->files.size() == 1 && outcome->files[0].path == OutputName(task);
  if (!one_file || outcome->files[0].size_bytes > static_cast<std::int64_t>(bytes_max)) {
    evaluation.void_reason =
        Void("evaluation.output", "the evaluator has to leave exactly /out/" + OutputName(task) + ", within its limit");
    return evaluation;
  }
  Result<std::string> text = ReadFile(output / OutputName(task), outcome->files[0].size_bytes);
  if (!text.ok()) return text.error();
  evaluation.table = std::move(*text);
  return evaluation;
}

// Puts what `read` makes of the text in its place. An error of kind kMalformed voids; any other is the caller's.
template <typename Table, typename Read>
Result<Evaluation<Table>> Parsed(Evaluation<std::string> raw, Read read) {
  Evaluation<Table> evaluation;
  evaluation.void_reason = std::move(raw.void_reason);
  evaluation.used = raw.used;
  evaluation.weaker_guarantees = std::move(raw.weaker_guarantees);
  if (!raw.table) return evaluation;
  Result<Table> table = read(*raw.table);
  if (table.ok()) {
    evaluation.table = std::move(*table);
  } else if (table.error().code == ErrorCode::kMalformed) {
    evaluation.void_reason = table.error();
  } else {
    return table.error();
  }
  return evaluation;
}

Result<void> CheckCommand(const std::vector<std::string>& command, const char* rule) {
  const auto bad_word = [](const std::string& word) {
    return word.empty() || word.size() > kCommandWordBytesMax || word.find('\0') != std::string::npos;
  };
  if (command.empty() || command.size() > kCommandWordsMax || std::any_of(command.begin(), command.end(), bad_word)) {
    return Error{ErrorCode::kUsage, rule, "a command has 1 to 64 words of 1 to 4096 bytes",
                 "mend [evaluation] in the charter"};
  }
  return {};
}

Result<std::string> FindProgram(const std::string& name) {
  for (const char* directory : {"/usr/bin", "/bin"}) {
    const fs::path path = fs::path(directory) / name;
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path.string();
  }
  return SystemFailure("evaluation.program-missing", "there is no program " + name + " in /usr/bin or /bin",
                       "install it, or mend [evaluation] in the charter");
}

}  // namespace

Result<std::string> ResolveEvaluator(const std::vector<std::string>& command) {
  if (Result<void> checked = CheckCommand(command, "evaluation.command"); !checked.ok()) return checked.error();
  const std::string& program = command[0];
  if (program.front() == '/') return program;
  if (program.find('/') != std::string::npos) return (fs::path("/in/charter") / program).lexically_normal().string();
  return FindProgram(program);
}

Result<std::string> ResolveSubjectProgram(const std::vector<std::string>& command) {
  if (Result<void> checked = CheckCommand(command, "evaluation.subject-command"); !checked.ok()) {
    return checked.error();
  }
  const std::string& program = command[0];
  if (program.front() == '/') return program;
  if (program.find('/') != std::string::npos) {
    return Error{ErrorCode::kUsage, "evaluation.subject-command", "a tree has no executable files: '" + program + "'",
                 "name the interpreter, such as /usr/bin/python3, and the file as its argument"};
  }
  return FindProgram(program);
}

Result<Evaluation<EpisodeTable>> RunEpisodes(const EvaluationRequest& request, std::span<const MetricRange> metrics,
                                             std::span<const std::string> groups) {
  if (Result<void> checked = CheckMetrics(metrics); !checked.ok()) return checked.error();
  const std::size_t episodes = request.seeds.size();
  Result<Evaluation<std::string>> raw = RunTask(request, Task::kEpisodes, EpisodeBytesMax(episodes));
  if (!raw.ok()) return raw.error();
  return Parsed<EpisodeTable>(std::move(*raw),
                              [&](const std::string& text) { return ReadEpisodes(text, metrics, episodes, groups); });
}

Result<Evaluation<Decisions>> RunDecisions(const EvaluationRequest& request) {
  const std::size_t probes = request.seeds.size();
  Result<Evaluation<std::string>> raw = RunTask(request, Task::kDecisions, DecisionBytesMax(probes));
  if (!raw.ok()) return raw.error();
  return Parsed<Decisions>(std::move(*raw), [&](const std::string& text) { return ReadDecisions(text, probes); });
}

}  // namespace pawl::trial
