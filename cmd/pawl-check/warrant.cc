#include <cstdio>
#include <ctime>
#include <optional>

#include "encoding/time.h"
#include "pawl-check/arguments.h"
#include "pawl-check/commands.h"
#include "pawl-check/report.h"
#include "warrant/verify.h"

namespace pawl::check {
namespace {

struct Loader {
  warrant::CharterFiles charter;
  subject::Store store;
  std::optional<warrant::State> state;
};

encoding::Json Describe(const warrant::WarrantVerdict& verdict) {
  encoding::Json json = {{"accepted", verdict.accepted}, {"action", warrant::ActionName(verdict.action)},
                         {"epoch", verdict.epoch},       {"warrant", verdict.warrant.Text()},
                         {"tree", verdict.tree.Text()},  {"approvers", verdict.approvers},
                         {"warnings", verdict.warnings}, {"clauses", verdict.clauses}};
  if (verdict.time > 0) json["time"] = encoding::TimeText(verdict.time);
  if (!verdict.accepted) {
    json["rule"] = verdict.reason.rule;
    json["message"] = verdict.reason.message;
    json["advice"] = verdict.reason.advice;
  }
  return json;
}

void Print(const warrant::WarrantVerdict& verdict, Output output) {
  if (output == Output::kJson) {
    PrintJson(Describe(verdict));
    return;
  }
  if (!verdict.accepted) {
    Report(verdict.reason, output);
    return;
  }
  std::printf("accepted: %s, epoch %lld, tree %s\n", std::string(warrant::ActionName(verdict.action)).c_str(),
              static_cast<long long>(verdict.epoch), verdict.tree.Text().c_str());
  std::printf("  %zu clauses held; time of the log %s\n", verdict.clauses.size(),
              encoding::TimeText(verdict.time).c_str());
  for (const std::string& approver : verdict.approvers) std::printf("  approved by %s\n", Shown(approver).c_str());
  for (const std::string& warning : verdict.warnings) std::printf("  note: %s\n", Shown(warning).c_str());
}

// Judges one warrant of the chain and moves the state forward in memory.
ExitCode Step(Loader& loader, const std::string& path, const std::string& state_path, warrant::WarrantQuestion question,
              Output output) {
  Result<std::string> bytes = ReadFile(path, warrant::kWarrantBytesMax);
  if (!bytes.ok()) return Report(bytes.error(), output);
  question.warrant = *bytes;
  question.charter = &loader.charter;
  question.store = &loader.store;
  if (loader.state) {
    question.state = &*loader.state;
    Result<warrant::LocalHalts> halts = warrant::ReadLocalHalts(state_path, loader.charter.charter, *loader.state);
    if (!halts.ok()) return Report(halts.error(), output);
    question.halts = std::move(*halts);
  }
  const warrant::WarrantVerdict verdict = warrant::VerifyWarrant(question);
  Print(verdict, output);
  if (!verdict.accepted) return ExitCodeFor(verdict.reason.code);
  loader.state = verdict.next;
  if (verdict.action == warrant::Action::kAmendment) {
    Result<warrant::CharterFiles> next = warrant::ReadCharterFiles(loader.store, verdict.tree);
    if (!next.ok()) return Report(next.error(), output);
    loader.charter = std::move(*next);
  }
  return ExitCode::kYes;
}

}  // namespace

ExitCode CheckWarrant(int count, const char* const* words) {
  Arguments arguments({"--charter", "--store", "--state", "--threads"}, {"--json", "--commit"});
  const Result<void> parsed = arguments.Parse(count, words);
  const Output output = arguments.Has("--json") ? Output::kJson : Output::kText;
  if (!parsed.ok()) return Report(parsed.error(), output);
  const std::string state_path = arguments.Value("--state");
  if (arguments.words().empty() || !arguments.Has("--charter") || !arguments.Has("--store")) {
    return Report(Usage("warrant takes FILE, --charter and --store"), output);
  }
  if (arguments.Has("--commit") && state_path.empty()) return Report(Usage("--commit needs --state"), output);
  Result<unsigned> threads = ParseThreads(arguments.Value("--threads"));
  if (!threads.ok()) return Report(threads.error(), output);

  std::optional<warrant::StateLock> lock;
  std::optional<warrant::State> state;
  if (!state_path.empty()) {
    Result<warrant::StateLock> taken = warrant::StateLock::Take(state_path);
    if (!taken.ok()) return Report(taken.error(), output);
    lock.emplace(std::move(*taken));
    Result<warrant::State> read = warrant::ReadStateFile(state_path);
    if (!read.ok()) return Report(read.error(), output);
    state = std::move(*read);
  }
  Result<subject::Store> store = subject::Store::Open(arguments.Value("--store"));
  if (!store.ok()) return Report(store.error(), output);
  Result<warrant::CharterFiles> charter = warrant::ReadCharterFiles(arguments.Value("--charter"));
  if (!charter.ok()) return Report(charter.error(), output);

  Loader loader{std::move(*charter), std::move(*store), std::move(state)};
  for (size_t i = 0; i < arguments.words().size(); ++i) {
    const bool last = i + 1 == arguments.words().size();
    const warrant::Purpose purpose = last ? warrant::Purpose::kSwitch : warrant::Purpose::kFollow;
    const warrant::WarrantQuestion asked{
        .warrant = {}, .halts = {}, .now_s = std::time(nullptr), .purpose = purpose, .threads = *threads};
    const ExitCode status = Step(loader, arguments.words()[i], state_path, asked, output);
    if (status != ExitCode::kYes) return status;
  }
  if (arguments.Has("--commit")) {
    // A halt that came while the warrants were checked; one that comes later waits for the lock (pawl halt).
    Result<warrant::LocalHalts> halts = warrant::ReadLocalHalts(state_path, loader.charter.charter, *loader.state);
    if (!halts.ok()) return Report(halts.error(), output);
    if (!halts->in_force.empty()) {
      return Report(Refused("halt.in-force", "halted by " + halts->reasons.front(), "people lift a halt: pawl resume"),
                    output);
    }
    if (Result<void> written = warrant::WriteStateFile(state_path, *loader.state); !written.ok()) {
      return Report(written.error(), output);
    }
  }
  return ExitCode::kYes;
}

}  // namespace pawl::check
