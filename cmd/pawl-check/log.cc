#include <cstdio>
#include <optional>

#include "merkle/checkpoint.h"
#include "merkle/tile.h"
#include "pawl-check/arguments.h"
#include "pawl-check/commands.h"
#include "warrant/history.h"
#include "warrant/verify.h"

namespace pawl::check {
namespace {

struct CheckedLog {
  warrant::History history;
  merkle::Checkpoint checkpoint;
};

// Every entry of an exported log, in order, whose leaves lead to the checkpoint's root.
Result<std::vector<std::string>> ReadEntries(const std::string& directory, const merkle::Checkpoint& checkpoint) {
  std::vector<std::string> entries;
  merkle::Frontier frontier;
  for (const merkle::Tile& tile : merkle::TilesOf(checkpoint.size)) {
    if (tile.level != 0) continue;
    Result<std::string> bundle =
        ReadFile(directory + "/" + tile.EntriesPath(), merkle::kTileWidth * (merkle::kEntryBytesMax + 2));
    if (!bundle.ok()) return bundle.error();
    Result<std::vector<std::string>> part = merkle::ParseEntries(*bundle, tile.width);
    if (!part.ok()) return part.error();
    for (std::string& entry : *part) {
      frontier.Append(merkle::LeafHash(entry));
      entries.push_back(std::move(entry));
    }
  }
  if (frontier.size() == checkpoint.size && frontier.Root() == checkpoint.root) return entries;
  return Refused("log.root", "the entries do not lead to the checkpoint's root", "this export was altered");
}

Result<CheckedLog> Read(const std::string& directory, const warrant::CharterFiles& charter,
                        const std::optional<subject::Store>& store) {
  Result<std::string> note = ReadFile(directory + "/checkpoint", merkle::kNoteBytesMax);
  if (!note.ok()) return note.error();
  Result<merkle::SignedCheckpoint> checkpoint = merkle::OpenCheckpoint(*note, charter.charter.gate.log);
  if (!checkpoint.ok()) return checkpoint.error();
  Result<std::vector<std::string>> entries = ReadEntries(directory, checkpoint->checkpoint);
  if (!entries.ok()) return entries.error();
  warrant::History history([&](const crypto::Digest& digest) -> Result<charter::Charter> {
    if (digest == charter.charter.digest) return charter.charter;
    if (store) return charter::ReadCharterFromStore(*store, digest);
    return Error{ErrorCode::kNotFound, "log.charter",
                 "the log names charter " + digest.Text() + ", which was not given",
                 "give --charter of the genesis, and --store for those of amendments"};
  });
  for (size_t index = 0; index < entries->size(); ++index) {
    if (Result<void> applied = history.Apply(index, (*entries)[index]); !applied.ok()) return applied.error();
  }
  return CheckedLog{std::move(history), checkpoint->checkpoint};
}

struct Row {
  std::string outcome = "pending";
  std::string step;
  std::string rule;
  std::string reason;
};

Row RowOf(const warrant::ProposalHistory& proposal) {
  Row row;
  if (proposal.outcome) {
    row.outcome = warrant::ProposalOutcomeName(proposal.outcome->outcome);
    row.step = warrant::StepName(proposal.outcome->step);
    row.rule = proposal.outcome->rule;
    row.reason = proposal.outcome->reason;
  } else if (!proposal.findings.empty()) {
    row.step = warrant::StepName(proposal.findings.back().step);
    row.rule = proposal.findings.back().rule;
    row.reason = proposal.findings.back().summary;
  }
  return row;
}

void PrintLogJson(const CheckedLog& log) {
  encoding::Json rows = encoding::Json::array();
  for (const warrant::ProposalHistory& proposal : log.history.proposals()) {
    const Row row = RowOf(proposal);
    rows.push_back({{"proposal", proposal.proposal.proposal},
                    {"action", warrant::ActionName(proposal.proposal.action)},
                    {"note", proposal.proposal.note},
                    {"outcome", row.outcome},
                    {"step", row.step},
                    {"rule", row.rule},
                    {"reason", row.reason},
                    {"tree", proposal.proposal.tree.Text()},
                    {"epoch", proposal.release ? encoding::Json(proposal.release->epoch) : encoding::Json(nullptr)}});
  }
  encoding::Json halts = encoding::Json::array();
  for (const warrant::LoggedHalt& halt : log.history.halts()) {
    halts.push_back({{"by", halt.principal}, {"reason", halt.decision.reason}, {"lifted", halt.lifted}});
  }
  const encoding::Json json = {
      {"accepted", true}, {"size", log.checkpoint.size}, {"root", log.checkpoint.root.Hex()}, {"proposals", rows},
      {"halts", halts},   {"epoch", log.history.epoch()}};
  PrintJson(json);
}

void PrintLogText(const CheckedLog& log) {
  std::printf("%-6s %-10s %-16s %-11s %-24s %s\n", "what", "action", "outcome", "step", "rule", "note");
  for (const warrant::ProposalHistory& proposal : log.history.proposals()) {
    const Row row = RowOf(proposal);
    std::printf("%-6s %-10s %-16s %-11s %-24s %s\n", Shown(proposal.proposal.proposal).c_str(),
                std::string(warrant::ActionName(proposal.proposal.action)).c_str(), row.outcome.c_str(),
                row.step.c_str(), Shown(row.rule).c_str(), Shown(proposal.proposal.note).c_str());
  }
  for (const warrant::LoggedHalt& halt : log.history.halts()) {
    std::printf("halt by %s: %s%s\n", Shown(halt.principal).c_str(), Shown(halt.decision.reason).c_str(),
                halt.lifted ? " (lifted)" : "");
  }
  std::printf("log of %s: %llu events, every signature verified, root %s\n", Shown(log.checkpoint.origin).c_str(),
              static_cast<unsigned long long>(log.checkpoint.size), log.checkpoint.root.Hex().c_str());
}

}  // namespace

ExitCode CheckLog(int count, const char* const* words) {
  Arguments arguments({"--charter", "--store"}, {"--json"});
  const Result<void> parsed = arguments.Parse(count, words);
  const Output output = arguments.Has("--json") ? Output::kJson : Output::kText;
  if (!parsed.ok()) return Report(parsed.error(), output);
  if (arguments.words().size() != 1 || !arguments.Has("--charter")) {
    return Report({ErrorCode::kUsage, "usage", "log takes DIR and --charter", "pawl-check --help"}, output);
  }
  Result<warrant::CharterFiles> charter = warrant::ReadCharterFiles(arguments.Value("--charter"));
  if (!charter.ok()) return Report(charter.error(), output);
  std::optional<subject::Store> store;
  if (arguments.Has("--store")) {
    Result<subject::Store> opened = subject::Store::Open(arguments.Value("--store"));
    if (!opened.ok()) return Report(opened.error(), output);
    store.emplace(std::move(*opened));
  }
  Result<CheckedLog> log = Read(arguments.words()[0], *charter, store);
  if (!log.ok()) return Report(log.error(), output);
  if (output == Output::kJson) {
    PrintLogJson(*log);
  } else {
    PrintLogText(*log);
  }
  return ExitCode::kYes;
}

}  // namespace pawl::check
