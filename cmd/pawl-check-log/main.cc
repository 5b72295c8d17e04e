// pawl-check-log: checks an exported log offline. What auditors trust, and no loader; `pawl-check log` starts it.
#include <cstdio>
#include <optional>

#include "audit/history.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "pawl-check/arguments.h"
#include "pawl-check/report.h"
#include "result/build.h"
#include "tlog/tile.h"
#include "warrant/verify.h"

namespace pawl::check {
namespace {

constexpr char kHelp[] = R"(pawl-check-log: checks an exported log offline

usage: pawl-check-log DIR --charter DIR [--store DIR] [--json]
       pawl-check-log --version

Reads an exported log, recomputes its root from its entries, verifies every signature, and prints what became of every
proposal. --store gives the charters of amendments. `pawl-check log` is the same.

Exit status: 0 yes, 1 no, 2 usage, 3 malformed input, 4 limit, 5 internal.

example:
  pawl log export /tmp/log && pawl-check-log /tmp/log --charter charter
)";

struct CheckedLog {
  audit::History history;
  merkle::Checkpoint checkpoint;
  size_t cosigned = 0;  // by so many witnesses of the charter in force
};

// Every entry of an exported log, in order, whose leaves lead to the checkpoint's root.
Result<std::vector<std::string>> ReadEntries(const std::string& directory, const merkle::Checkpoint& checkpoint) {
  std::vector<std::string> entries;
  tlog::Frontier frontier;
  for (const tlog::Tile& tile : tlog::TilesOf(checkpoint.size)) {
    if (tile.level != 0) continue;
    Result<std::string> bundle =
        ReadFile(directory + "/" + tile.EntriesPath(), tlog::kTileWidth * (tlog::kEntryBytesMax + 2));
    if (!bundle.ok()) return bundle.error();
    Result<std::vector<std::string>> part = tlog::ParseEntries(*bundle, tile.width);
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
  audit::History history([&](const crypto::Digest& digest) -> Result<charter::Charter> {
    if (digest == charter.charter.digest) return charter.charter;
    if (store) return charter::ReadCharterFromStore(*store, digest);
    return Error{ErrorCode::kNotFound, "log.charter",
                 "the log names charter " + digest.Text() + ", which was not given",
                 "give --charter of the genesis, and --store for those of amendments"};
  });
  for (size_t index = 0; index < entries->size(); ++index) {
    if (Result<void> applied = history.Apply(index, (*entries)[index]); !applied.ok()) return applied.error();
  }
  std::vector<crypto::NoteKey> witnesses;
  if (history.has_genesis()) {
    for (const charter::Witness& witness : history.charter().witnesses.all) witnesses.push_back(witness.key);
  }
  const Result<std::vector<merkle::Cosignature>> seen = merkle::VerifyCosignatures(checkpoint->note, witnesses);
  if (!seen.ok()) return seen.error();
  return CheckedLog{std::move(history), checkpoint->checkpoint, seen->size()};
}

struct Row {
  std::string outcome = "pending";
  std::string step;
  std::string rule;
  std::string reason;
};

Row RowOf(const audit::ProposalHistory& proposal) {
  Row row;
  if (proposal.outcome) {
    row.outcome = audit::ProposalOutcomeName(proposal.outcome->outcome);
    row.step = audit::StepName(proposal.outcome->step);
    row.rule = proposal.outcome->rule;
    row.reason = proposal.outcome->reason;
  } else if (!proposal.findings.empty()) {
    row.step = audit::StepName(proposal.findings.back().step);
    row.rule = proposal.findings.back().rule;
    row.reason = proposal.findings.back().summary;
  }
  return row;
}

void PrintLogJson(const CheckedLog& log) {
  encoding::Json rows = encoding::Json::array(), complaints = encoding::Json::array();
  for (const audit::ProposalHistory& proposal : log.history.proposals()) {
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
    for (const auto& [one, digest, index] : proposal.complaints) {
      complaints.push_back({{"proposal", proposal.proposal.proposal},
                            {"by", one.complainant},
                            {"accused", one.accused},
                            {"rule", audit::ComplaintRuleName(one.rule)},
                            {"proven", audit::IsProven(one.rule)},
                            {"reason", one.reason},
                            {"entry", index}});
    }
  }
  encoding::Json halts = encoding::Json::array();
  for (const audit::LoggedHalt& halt : log.history.halts()) {
    halts.push_back({{"by", halt.principal}, {"reason", halt.decision.reason}, {"lifted", halt.lifted}});
  }
  const encoding::Json json = {{"accepted", true},
                               {"size", log.checkpoint.size},
                               {"root", log.checkpoint.root.Hex()},
                               {"proposals", rows},
                               {"halts", halts},
                               {"epoch", log.history.epoch()},
                               {"cosigned", log.cosigned},
                               {"complaints", complaints}};
  PrintJson(json);
}

void PrintLogText(const CheckedLog& log) {
  std::printf("%-6s %-10s %-16s %-11s %-24s %s\n", "what", "action", "outcome", "step", "rule", "note");
  for (const audit::ProposalHistory& proposal : log.history.proposals()) {
    const Row row = RowOf(proposal);
    std::printf("%-6s %-10s %-16s %-11s %-24s %s\n", Shown(proposal.proposal.proposal).c_str(),
                std::string(warrant::ActionName(proposal.proposal.action)).c_str(), row.outcome.c_str(),
                row.step.c_str(), Shown(row.rule).c_str(), Shown(proposal.proposal.note).c_str());
    for (const auto& [one, digest, index] : proposal.complaints) {
      std::printf("  %s accuses %s of %s (entry %llu), %s; it says: %s\n", Shown(one.complainant).c_str(),
                  Shown(one.accused).c_str(), std::string(audit::ComplaintRuleName(one.rule)).c_str(),
                  static_cast<unsigned long long>(index), audit::IsProven(one.rule) ? "proven" : "in its own word",
                  Shown(one.reason).c_str());
    }
  }
  for (const audit::LoggedHalt& halt : log.history.halts()) {
    std::printf("halt by %s: %s%s\n", Shown(halt.principal).c_str(), Shown(halt.decision.reason).c_str(),
                halt.lifted ? " (lifted)" : "");
  }
  std::printf("log of %s: %llu events, every signature verified, cosigned by %zu witnesses, root %s\n",
              Shown(log.checkpoint.origin).c_str(), static_cast<unsigned long long>(log.checkpoint.size), log.cosigned,
              log.checkpoint.root.Hex().c_str());
}

ExitCode CheckLog(int count, const char* const* words) {
  Arguments arguments({"--charter", "--store"}, {"--json", "--help", "--version"});
  const Result<void> parsed = arguments.Parse(count, words);
  const Output output = arguments.Has("--json") ? Output::kJson : Output::kText;
  if (!parsed.ok()) return Report(parsed.error(), output);
  if (arguments.Has("--help") || arguments.Has("--version")) {
    if (arguments.Has("--help")) std::fputs(kHelp, stdout);
    if (arguments.Has("--version")) std::printf("pawl-check-log %s (%s); %s\n", kVersion, kCommit, kFormats);
    return ExitCode::kYes;
  }
  if (arguments.words().size() != 1 || !arguments.Has("--charter")) {
    return Report({ErrorCode::kUsage, "usage", "log takes DIR and --charter", "pawl-check-log --help"}, output);
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

}  // namespace
}  // namespace pawl::check

int main(int argc, char** argv) { return static_cast<int>(pawl::check::CheckLog(argc - 1, argv + 1)); }
