#include "oversight/code_property.h"

#include <filesystem>

#include "oversight/checker_runs.h"
#include "oversight/smt_query.h"
#include "oversight/smt_solvers.h"
#include "sandbox/sandbox.h"
#include "trial/run.h"

namespace pawl::oversight {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kInputBytesMax = uint64_t{4} << 20;

Result<std::string> View(storage::TreeStore& store, const crypto::Digest& tree) {
  Result<std::string> view = store.Materialise(tree);
  if (!view.ok()) return view.error();
  if (Result<void> whole = store.VerifyMaterialised(tree); !whole.ok()) return whole.error();
  return view;
}

Result<CodeVerdict> RunCommand(ledger::SubjectLog& log, const charter::CodeProperty& property, const CodeTrees& trees,
                               const weakening::Weakenings& accepted) {
  const charter::Charter& charter = log.charter().charter;
  Result<CheckerRuns> runs = CheckerRuns::Make(accepted);
  if (!runs.ok()) return runs.error();
  sandbox::Job job;
  Result<std::string> program = trial::ResolveSubjectProgram(property.command);
  if (!program.ok()) return program.error();
  job.argv = property.command;
  job.argv.front() = *program;
  job.working_directory = "/in/charter";
  job.limits = LimitsOfRun(charter, property.time_limit_s);
  const std::pair<crypto::Digest, const char*> views[] = {{charter.digest, "/in/charter"},
                                                          {trees.candidate, "/in/subject"},
                                                          {trees.parent.value_or(trees.candidate), "/in/parent"}};
  for (const auto& [tree, inside] : views) {
    Result<std::string> view = View(log.store(), tree);
    if (!view.ok()) return view.error();
    job.inputs.push_back({*view, inside});
  }
  Result<sandbox::Outcome> outcome = runs->Run(job);
  if (!outcome.ok()) return outcome.error();
  CodeVerdict verdict;
  verdict.weaker_guarantees = outcome->weaker_guarantees;
  verdict.holds = sandbox::Succeeded(*outcome);
  verdict.words = fs::path(*program).filename().string() + ": " + outcome->explanation;
  const std::string& said = outcome->standard_error.empty() ? outcome->standard_output : outcome->standard_error;
  if (!verdict.holds && !said.empty()) verdict.words += ": " + OnOneShortLine(said);
  return verdict;
}

// ---- SMT

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

Result<CodeVerdict> RunSolvers(ledger::SubjectLog& log, const charter::CodeProperty& property, const CodeTrees& trees,
                               const weakening::Weakenings& accepted) {
  const Result<SmtQuery> query = Question(log, property, trees);
  if (!query.ok()) {
    if (query.error().code != ErrorCode::kRefused) return query.error();
    CodeVerdict verdict;
    verdict.words = query.error().message + " (" + query.error().rule + ")";
    return verdict;
  }
  return AskSolvers(SmtSolvers(property.time_limit_s), *query,
                    LimitsOfRun(log.charter().charter, property.time_limit_s), accepted);
}

}  // namespace

Result<CodeVerdict> CheckCodeProperty(ledger::SubjectLog& log, const charter::CodeProperty& property,
                                      const CodeTrees& trees, const weakening::Weakenings& accepted) {
  switch (property.kind) {
    case charter::CodePropertyKind::kCommand:
      return RunCommand(log, property, trees, accepted);
    case charter::CodePropertyKind::kSmt:
      return RunSolvers(log, property, trees, accepted);
  }
  return Error{ErrorCode::kInternal, "property.kind", "no such kind of property", ""};
}

}  // namespace pawl::oversight
