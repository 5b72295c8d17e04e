#include "oversight/code_property.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "oversight/smt_query.h"
#include "sandbox/sandbox.h"
#include "storage/temporary_folder.h"
#include "trial/run.h"

namespace pawl::oversight {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kInputBytesMax = uint64_t{4} << 20;
constexpr size_t kWordsBytesMax = 400;

// A private folder that goes with its owner.
class RunFolder {
 public:
  static Result<RunFolder> Make() {
    Result<std::string> made = storage::MakeTemporaryFolder("pawl-property");
    if (!made.ok()) return made.error();
    return RunFolder(*made);
  }
  RunFolder(RunFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  // A place for one job's output, not there yet.
  std::string Output() { return path_ + "/out-" + std::to_string(++outputs_); }
  const std::string& path() const { return path_; }

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  size_t outputs_ = 0;
};

Result<std::string> View(storage::TreeStore& store, const crypto::Digest& tree) {
  Result<std::string> view = store.Materialise(tree);
  if (!view.ok()) return view.error();
  if (Result<void> whole = store.VerifyMaterialised(tree); !whole.ok()) return whole.error();
  return view;
}

sandbox::Limits LimitsOf(const charter::Charter& charter, const charter::CodeProperty& property) {
  const charter::ProcessLimits& limits = charter.evaluation.limits;
  return {.wall_ms = property.time_limit_s * 1'000,
          .cpu_ms = property.time_limit_s * 1'000 * 2,
          .memory_mib = limits.memory_mib,
          .processes = limits.processes,
          .output_bytes = limits.output_mib << 20,
          .output_files = limits.files};
}

// On one line, as people read it.
std::string Shortened(std::string text) {
  const bool is_cut = text.size() > kWordsBytesMax;
  text.resize(std::min(text.size(), kWordsBytesMax));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return sandbox::DisplayableOnOneLine(text) + (is_cut ? " …" : "");
}

// An outcome of the machine's is an error; every other is about the program.
Result<sandbox::Outcome> RunJob(const sandbox::Job& job, const weakening::Weakenings& accepted, RunFolder& scratch) {
  Result<sandbox::Outcome> outcome = sandbox::Run(job, accepted, scratch.Output());
  if (outcome.ok() && outcome->end == sandbox::End::kSetupError) {
    return SystemFailure("property.machine", outcome->explanation, "mend the machine and try again");
  }
  return outcome;
}

Result<CodeVerdict> RunCommand(ledger::SubjectLog& log, const charter::CodeProperty& property, const CodeTrees& trees,
                               const weakening::Weakenings& accepted, RunFolder& scratch) {
  const charter::Charter& charter = log.charter().charter;
  sandbox::Job job;
  Result<std::string> program = trial::ResolveSubjectProgram(property.command);
  if (!program.ok()) return program.error();
  job.argv = property.command;
  job.argv.front() = *program;
  job.working_directory = "/in/charter";
  job.limits = LimitsOf(charter, property);
  const std::pair<crypto::Digest, const char*> views[] = {{charter.digest, "/in/charter"},
                                                          {trees.candidate, "/in/subject"},
                                                          {trees.parent.value_or(trees.candidate), "/in/parent"}};
  for (const auto& [tree, inside] : views) {
    Result<std::string> view = View(log.store(), tree);
    if (!view.ok()) return view.error();
    job.inputs.push_back({*view, inside});
  }
  Result<sandbox::Outcome> outcome = RunJob(job, accepted, scratch);
  if (!outcome.ok()) return outcome.error();
  CodeVerdict verdict;
  verdict.weaker_guarantees = outcome->weaker_guarantees;
  verdict.holds = sandbox::Succeeded(*outcome);
  verdict.words = fs::path(*program).filename().string() + ": " + outcome->explanation;
  const std::string& said = outcome->standard_error.empty() ? outcome->standard_output : outcome->standard_error;
  if (!verdict.holds && !said.empty()) verdict.words += ": " + Shortened(said);
  return verdict;
}

// ---- SMT

struct Solver {
  const char* name;
  std::vector<std::string> argv;  // before the file
};

std::vector<Solver> Solvers(int64_t seconds) {
  return {{"z3", {"/usr/bin/z3", "-smt2", "-T:" + std::to_string(seconds)}},
          {"cvc5",
           {"/usr/bin/cvc5", "--lang=smt2", "--produce-models", "--strings-exp",
            "--tlimit=" + std::to_string(seconds * 1'000)}}};
}

// What a solver wrote, if it ended by itself; otherwise how it ended.
Result<std::string> AskSolver(const charter::Charter& charter, const charter::CodeProperty& property,
                              const weakening::Weakenings& accepted, const Solver& solver, const std::string& question,
                              RunFolder& scratch, CodeVerdict& verdict) {
  const std::string file = scratch.path() + "/question";
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << question;
  out.close();
  if (!out) return SystemFailure("property.scratch", "cannot write '" + file + "'", "check that /tmp has room");
  sandbox::Job job;
  job.argv = solver.argv;
  job.argv.emplace_back("/in/question");
  job.inputs = {{file, "/in/question"}};
  job.limits = LimitsOf(charter, property);
  job.limits.wall_ms += 2'000;  // the solver's own limit comes first
  Result<sandbox::Outcome> outcome = RunJob(job, accepted, scratch);
  if (!outcome.ok()) return outcome.error();
  verdict.weaker_guarantees = outcome->weaker_guarantees;
  return outcome->end == sandbox::End::kExited ? outcome->standard_output : outcome->explanation;
}

Result<SmtQuery> Question(ledger::SubjectLog& log, const charter::CodeProperty& property, const CodeTrees& trees) {
  const subject::FileEntry* spec = log.charter().manifest.Find(property.spec);
  if (spec == nullptr) return Malformed("smt.template", "the charter has no file '" + property.spec + "'");
  Result<std::string> text = log.charter().read(spec->digest, kInputBytesMax);
  if (!text.ok()) return text.error();
  return MakeSmtQuery(*text, [&](SmtSide side, const std::string& path) -> Result<std::string> {
    const crypto::Digest& tree = side == SmtSide::kParent ? trees.parent.value_or(trees.candidate) : trees.candidate;
    Result<subject::Manifest> manifest = log.store().ReadManifest(tree);
    if (!manifest.ok()) return manifest.error();
    const subject::FileEntry* file = manifest->Find(path);
    if (file == nullptr) return Error{ErrorCode::kNotFound, "smt.file", "no such file", ""};
    return log.store().ReadBlob(file->digest, kInputBytesMax);
  });
}

// After "sat" the same solver is asked for the values that a person wants to see.
Result<std::string> Counterexample(const charter::Charter& charter, const charter::CodeProperty& property,
                                   const weakening::Weakenings& accepted, const Solver& solver, const SmtQuery& query,
                                   RunFolder& scratch, CodeVerdict& verdict) {
  if (query.shown.empty()) return std::string("sat");
  std::string question = query.text + "(get-value (";
  for (const std::string& term : query.shown) question += term + " ";
  Result<std::string> answer = AskSolver(charter, property, accepted, solver, question + "))\n", scratch, verdict);
  if (!answer.ok()) return answer.error();
  const size_t values = answer->find('(');
  return values == std::string::npos ? *answer : answer->substr(values);
}

Result<CodeVerdict> AskSolvers(ledger::SubjectLog& log, const charter::CodeProperty& property, const CodeTrees& trees,
                               const weakening::Weakenings& accepted, RunFolder& scratch) {
  const charter::Charter& charter = log.charter().charter;
  CodeVerdict verdict;
  const Result<SmtQuery> query = Question(log, property, trees);
  if (!query.ok()) {
    if (query.error().code != ErrorCode::kRefused) return query.error();
    verdict.words = query.error().message + " (" + query.error().rule + ")";
    return verdict;
  }
  bool all_unsat = true;
  for (const Solver& solver : Solvers(property.time_limit_s)) {
    std::error_code failure;
    if (!fs::exists(solver.argv.front(), failure)) {
      return SystemFailure("smt.solver-missing", "there is no " + solver.argv.front(),
                           "install z3 and cvc5: both have to agree");
    }
    Result<std::string> answer = AskSolver(charter, property, accepted, solver, query->text, scratch, verdict);
    if (!answer.ok()) return answer.error();
    // The whole output: a solver may complain of a line it did not take in and answer what is left.
    const bool is_unsat = *answer == "unsat\n";
    all_unsat = all_unsat && is_unsat;
    std::string words = is_unsat ? "unsat" : Shortened(*answer);
    if (*answer == "sat\n") {
      Result<std::string> values = Counterexample(charter, property, accepted, solver, *query, scratch, verdict);
      if (!values.ok()) return values.error();
      words = "can be broken: " + Shortened(*values);
    }
    verdict.words += (verdict.words.empty() ? "" : "; ") + std::string(solver.name) + ": " + words;
  }
  verdict.holds = all_unsat;
  return verdict;
}

}  // namespace

Result<CodeVerdict> CheckCodeProperty(ledger::SubjectLog& log, const charter::CodeProperty& property,
                                      const CodeTrees& trees, const weakening::Weakenings& accepted) {
  Result<RunFolder> scratch = RunFolder::Make();
  if (!scratch.ok()) return scratch.error();
  switch (property.kind) {
    case charter::CodePropertyKind::kCommand:
      return RunCommand(log, property, trees, accepted, *scratch);
    case charter::CodePropertyKind::kSmt:
      return AskSolvers(log, property, trees, accepted, *scratch);
  }
  return Error{ErrorCode::kInternal, "property.kind", "no such kind of property", ""};
}

}  // namespace pawl::oversight
