// pawl log list|show|verify|checkpoint|policy|export: the ledger for people and for other programs.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "cli/command.h"
#include "encoding/time.h"
#include "ledger/keys.h"
#include "storage/temporary_folder.h"

namespace pawl::cli {
namespace {

struct LogRow {
  uint64_t index = 0;
  std::string kind;
  std::vector<std::string> signers;
  encoding::Json statement;

  std::string Who() const {
    std::string who;
    for (const std::string& signer : signers) who += (who.empty() ? "" : ",") + signer;
    return who;
  }
};

Result<LogRow> ReadRow(uint64_t index, const std::string& entry) {
  Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  if (!envelope.ok()) return envelope.error();
  Result<audit::StatementKind> kind = audit::KindOf(envelope->payload);
  if (!kind.ok()) return kind.error();
  Result<encoding::Json> statement = encoding::ParseCanonicalJson(envelope->payload);
  if (!statement.ok()) return statement.error();
  std::vector<std::string> signers;
  for (const encoding::Signature& signature : envelope->signatures) signers.push_back(signature.keyid);
  return LogRow{index, std::string(audit::StatementKindName(*kind)), std::move(signers), (*statement)["predicate"]};
}

// The two or three members of a predicate that say the most.
std::string Gist(const encoding::Json& predicate) {
  std::string gist;
  for (const char* name :
       {"proposal", "step", "action", "reviewer", "verdict", "outcome", "rule", "epoch", "summary", "reason"}) {
    if (!predicate.contains(name)) continue;
    const encoding::Json& value = predicate[name];
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!text.empty()) gist += (gist.empty() ? "" : " ") + text;
  }
  return gist.size() > 160 ? gist.substr(0, 157) + "..." : gist;
}

// `signer`: only what it has signed; empty: everything.
ExitCode List(const Globals& globals, const std::string& signer) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  Result<std::vector<std::string>> entries = log->ledger().Entries(0, log->history().size());
  if (!entries.ok()) return Fail(globals, entries.error());
  for (uint64_t index = 0; index < entries->size(); ++index) {
    Result<LogRow> row = ReadRow(index, (*entries)[index]);
    if (!row.ok()) return Fail(globals, row.error());
    if (!signer.empty() && std::ranges::find(row->signers, signer) == row->signers.end()) continue;
    if (globals.json) {
      PrintJson({{"index", index}, {"kind", row->kind}, {"signed_by", row->Who()}, {"predicate", row->statement}});
    } else {
      std::printf("%5llu  %-10s %-24s %s\n", static_cast<unsigned long long>(index), row->kind.c_str(),
                  Shown(row->Who()).c_str(), Shown(Gist(row->statement)).c_str());
    }
  }
  return ExitCode::kYes;
}

ExitCode ShowEntry(const Globals& globals, uint64_t index) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  Result<std::vector<std::string>> entries = log->ledger().Entries(index, 1);
  if (!entries.ok()) return Fail(globals, entries.error());
  if (entries->empty()) {
    return Fail(globals, {ErrorCode::kNotFound, "log.no-entry", "the log has no entry " + std::to_string(index),
                          "pawl log list"});
  }
  Result<LogRow> row = ReadRow(index, entries->front());
  if (!row.ok()) return Fail(globals, row.error());
  const encoding::Json json = {{"index", index},
                               {"kind", row->kind},
                               {"signed_by", row->Who()},
                               {"leaf", merkle::LeafHash(entries->front()).Hex()},
                               {"predicate", row->statement}};
  std::puts(json.dump(globals.json ? -1 : 2, ' ', false, encoding::Json::error_handler_t::replace).c_str());
  return ExitCode::kYes;
}

ExitCode Verify(const Globals& globals) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  // Opening folds every event, verifies every signature and compares roots.
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly, ledger::FoldFrom::kFirstEvent);
  if (!log.ok()) return Fail(globals, log.error());
  if (globals.json) {
    PrintJson({{"verified", true}, {"size", log->history().size()}, {"root", log->root().Hex()}});
  } else {
    std::printf("%llu events, every signature verified, root %s\n",
                static_cast<unsigned long long>(log->history().size()), log->root().Hex().c_str());
  }
  return ExitCode::kYes;
}

// Others may append meanwhile: what they appended is folded first, and signed with the rest.
Result<std::string> SignAllThereIs(gate::Gate& gate) {
  for (int attempt = 0;; ++attempt) {
    Result<std::string> note = gate::SignCheckpoint(gate, gate.log().history().size());
    if (note.ok() || note.error().rule != "ledger.conflict" || attempt == ledger::kConflictsMax) return note;
    if (Result<void> refreshed = gate.log().Refresh(); !refreshed.ok()) return refreshed.error();
  }
}

// Gives how many events were exported.
Result<uint64_t> ExportAsGate(const Globals& globals, const Place& place, const std::string& directory) {
  Result<gate::Gate> gate = OpenGate(globals, place);
  if (!gate.ok()) return gate.error();
  Result<std::string> note = SignAllThereIs(*gate);
  // An export shows who has cosigned; whether that is enough is asked of warrants.
  if (!note.ok() && note.error().rule != "witness.not-met") return note.error();
  if (Result<void> exported = gate->log().ledger().Export(directory); !exported.ok()) return exported.error();
  return gate->log().history().size();
}

// Signs the log as it is, in a copy that is thrown away afterwards.
Result<void> ExportFromCopy(const Place& place, ledger::SubjectLog& log, const std::string& directory) {
  const charter::GateKeys& names = log.charter().charter.gate;
  const Result<signing::Ed25519PrivateKey> log_key = ledger::FindPrivateKey(place.home, names.log);
  if (!log_key.ok()) return log_key.error();
  const Result<signing::Ed25519PrivateKey> clock_key = ledger::FindPrivateKey(place.home, names.clock);
  if (!clock_key.ok()) return clock_key.error();
  const Result<storage::HeldFolder> folder = storage::HeldFolder::MakeTemporary("pawl-export");
  if (!folder.ok()) return folder.error();
  const std::string path = folder->path() + "/log.sqlite";
  Result<void> done = log.ledger().CopyTo(path);
  if (done.ok()) {
    Result<ledger::Ledger> copy = ledger::Ledger::Open(path, ledger::LedgerAccess::kReadWrite);
    const int64_t now = std::max<int64_t>(log.history().time(), std::time(nullptr));
    const Result<std::string> note =
        copy.ok() ? copy->SignCheckpoint({names.log.name, *log_key, names.clock.name, *clock_key}, now, log.head())
                  : copy.error();
    done = note.ok() ? copy->Export(directory) : Result<void>(note.error());
  }
  return done;
}

// Where nothing can be written to the home, on a read-only disk or by another user. The last checkpoint will do where
// it is of the whole log.
Result<uint64_t> ExportAsReader(const Place& place, const std::string& directory) {
  Result<ledger::SubjectLog> log = OpenLog(place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return log.error();
  Result<void> exported = log->ledger().Export(directory);
  if (!exported.ok() && exported.error().rule == "ledger.no-checkpoint") {
    exported = ExportFromCopy(place, *log, directory);
  }
  if (!exported.ok()) return exported.error();
  return log->history().size();
}

ExitCode ExportLog(const Globals& globals, const std::string& directory) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<uint64_t> size = ExportAsGate(globals, *place, directory);
  if (!size.ok() && size.error().code == ErrorCode::kSystem && size.error().rule != "ledger.export") {
    size = ExportAsReader(*place, directory);
  }
  if (!size.ok()) return Fail(globals, size.error());
  if (globals.json) {
    PrintJson({{"directory", directory}, {"size", *size}});
  } else {
    std::printf("%llu events in %s (checkpoint, tile/, tile/entries/)\n", static_cast<unsigned long long>(*size),
                directory.c_str());
  }
  return ExitCode::kYes;
}

ExitCode MakeCheckpoint(const Globals& globals) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<gate::Gate> gate = OpenGate(globals, *place);
  if (!gate.ok()) return Fail(globals, gate.error());
  const Result<std::string> note = SignAllThereIs(*gate);
  if (!note.ok()) return Fail(globals, note.error());
  if (globals.json) {
    PrintJson({{"size", gate->log().history().size()}, {"checkpoint", *note}});
  } else {
    std::fputs(note->c_str(), stdout);
  }
  return ExitCode::kYes;
}

// C2SP tlog-policy: what a checkpoint of this log has to carry, for verifiers of others.
std::string TlogPolicy(const charter::Charter& charter) {
  std::string text = "log " + charter.gate.log.Text() + "\n";
  std::string names;
  for (size_t i = 0; i < charter.witnesses.all.size(); ++i) {
    const charter::Witness& witness = charter.witnesses.all[i];
    const std::string name = "W" + std::to_string(i + 1);
    text += "witness " + name + " " + witness.key.Text() + " " + Shown(witness.url) + "\n";
    names += " " + name;
  }
  if (names.empty()) return text + "quorum none\n";
  return text + "group Q " + std::to_string(charter.witnesses.at_least) + names + "\nquorum Q\n";
}

ExitCode ShowPolicy(const Globals& globals) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  const std::string policy = TlogPolicy(log->charter().charter);
  if (globals.json) {
    PrintJson({{"policy", policy}});
  } else {
    std::fputs(policy.c_str(), stdout);
  }
  return ExitCode::kYes;
}

}  // namespace

void AddLog(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("log", "the ledger");
  command->require_subcommand(1);
  CLI::App* list = command->add_subcommand("list", "every event in a line");
  auto signer = std::make_shared<std::string>();
  list->add_option("--signed-by", *signer, "only what this reviewer, person or key of the gate has signed");
  list->footer("examples:\n  pawl log list\n  pawl log list --signed-by prover-a");
  list->callback([=, &globals] { globals.exit = List(globals, *signer); });
  auto index = std::make_shared<uint64_t>(0);
  CLI::App* show = command->add_subcommand("show", "one event whole");
  const CLI::Validator is_index(
      [](const std::string& text) {
        const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        return is_number ? std::string() : "'" + text + "' is no event's number; pawl log list gives them";
      },
      "NUMBER");
  show->add_option("INDEX", *index, "its number")->required()->check(is_index);
  show->footer("example:\n  pawl log show 7");
  show->callback([=, &globals] { globals.exit = ShowEntry(globals, *index); });
  CLI::App* verify = command->add_subcommand("verify", "every signature, and the root computed from the entries");
  verify->footer("example:\n  pawl log verify");
  verify->callback([&globals] { globals.exit = Verify(globals); });
  CLI::App* checkpoint =
      command->add_subcommand("checkpoint", "sign the log as it is now, and ask the witnesses to cosign it");
  checkpoint->footer(
      "What `pawl serve` then publishes. Ends with 6 where fewer witnesses answer than the charter asks for.\n\n"
      "example:\n  pawl log checkpoint");
  checkpoint->callback([&globals] { globals.exit = MakeCheckpoint(globals); });
  CLI::App* policy =
      command->add_subcommand("policy", "the log's key and witnesses as a C2SP tlog-policy, for verifiers of others");
  policy->footer("example:\n  pawl log policy > collision-avoidance.policy");
  policy->callback([&globals] { globals.exit = ShowPolicy(globals); });
  auto directory = std::make_shared<std::string>();
  CLI::App* exported = command->add_subcommand("export", "checkpoint and tiles (C2SP tlog-tiles) for anybody to check");
  exported->add_option("DIRECTORY", *directory, "empty, or an older export")->required();
  exported->footer(
      "Where the home cannot be written to, the log is exported as it is, and its checkpoint noted nowhere else.\n\n"
      "example:\n  pawl log export /tmp/log && pawl-check log /tmp/log --charter charter");
  exported->callback([=, &globals] { globals.exit = ExportLog(globals, *directory); });
}

}  // namespace pawl::cli
