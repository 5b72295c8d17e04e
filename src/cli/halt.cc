// pawl halt, pawl resume: any one approver stops everything; people together lift it.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "cli/command.h"
#include "cli/ssh_sign.h"
#include "oversight/acceleration.h"
#include "warrant/approval.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

struct Options {
  std::string reason;
  SignerChoice signer;
  std::string add_to;  // resume: a file with the signatures so far
};

warrant::Decision MakeDecision(const ledger::SubjectLog& log, warrant::Action action, const std::string& reason) {
  const charter::Charter& charter = log.charter().charter;
  warrant::Decision decision;
  decision.about = {.subject = log.subject(), .digest = charter.digest};
  decision.action = action;
  decision.resource = charter.subject.resource_uri;
  decision.charter = charter.digest;
  decision.charter_epoch = log.history().charter_epoch();
  decision.reason = gate::PlainText(reason);
  decision.issued = std::max<int64_t>(log.history().time(), std::time(nullptr));
  decision.expires = decision.issued + charter.approval.expiry_s;
  return decision;
}

// The loader's own folder first: a gate that drops the event cannot keep the loader going.
Result<void> Deliver(const Place& place, ledger::SubjectLog& log, const encoding::Envelope& envelope) {
  const std::string folder = warrant::HaltFolder(place.state_path);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemFailure("halt.folder", "cannot make '" + folder + "': " + std::strerror(errno));
  }
  const std::string bytes = encoding::SerializeEnvelope(envelope);
  const std::string name = warrant::StatementDigest(envelope.payload).Hex().substr(0, 16) + ".json";
  // Written beside the folder: a half-written file in it would be unreadable, and that stops loading.
  const std::string outside = place.state_path + ".halt-" + name;
  if (Result<void> written = WriteWholeFile(outside, bytes); !written.ok()) return written;
  if (std::rename(outside.c_str(), (folder + "/" + name).c_str()) != 0) {
    return SystemFailure("halt.folder", "cannot write into '" + folder + "'");
  }
  for (;;) {
    Result<void> appended = log.Append({envelope});
    if (appended.ok() || appended.error().rule != "ledger.conflict") return appended;
    if (Result<void> refreshed = log.Refresh(); !refreshed.ok()) return refreshed;
  }
}

Result<std::string> Halt(const Globals& globals, const Options& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return place.error();
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return log.error();
  const std::string payload = warrant::WriteDecision(MakeDecision(*log, warrant::Action::kHalt, options.reason));
  Result<encoding::Signature> signature = SignAsPerson(payload, log->charter().charter, options.signer);
  if (!signature.ok()) return signature.error();
  const encoding::Envelope envelope{
      .payload_type = std::string(warrant::kPayloadType), .payload = payload, .signatures = {*signature}};
  if (Result<void> delivered = Deliver(*place, *log, envelope); !delivered.ok()) return delivered.error();
  return std::string("halted: nothing is accepted, released or started until people resume");
}

Result<std::string> Resume(const Globals& globals, const Options& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return place.error();
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return log.error();
  const charter::Charter& charter = log->charter().charter;
  Result<warrant::State> state = warrant::ReadStateFile(place->state_path);
  if (!state.ok()) return state.error();
  Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(place->state_path, charter, *state);
  if (!local.ok()) return local.error();
  encoding::Envelope envelope{.payload_type = std::string(warrant::kPayloadType), .payload = {}, .signatures = {}};
  Result<std::string> begun = ReadWholeFile(options.add_to, size_t{1} << 20);
  if (begun.ok()) {
    Result<encoding::Envelope> read = encoding::ParseEnvelope(*begun);
    if (!read.ok()) return read.error();
    envelope = std::move(*read);
  } else {
    warrant::Decision decision = MakeDecision(*log, warrant::Action::kResume, options.reason);
    decision.lifts = log->history().OpenHalts();
    decision.lifts.insert(decision.lifts.end(), local->in_force.begin(), local->in_force.end());
    Result<std::vector<oversight::AccelerationAlarm>> alarms = oversight::OpenAlarms(log->history());
    if (!alarms.ok()) return alarms.error();
    for (const oversight::AccelerationAlarm& alarm : *alarms) decision.lifts.push_back(alarm.vote);
    std::sort(decision.lifts.begin(), decision.lifts.end());
    decision.lifts.erase(std::unique(decision.lifts.begin(), decision.lifts.end()), decision.lifts.end());
    if (decision.lifts.empty()) return std::string("nothing is halted");
    envelope.payload = warrant::WriteDecision(decision);
  }
  Result<warrant::Decision> decision = warrant::ReadDecision(envelope.payload);
  if (!decision.ok()) return decision.error();
  if (decision->action != warrant::Action::kResume) {
    return Refused("resume.action", "'" + options.add_to + "' is not a resume decision");
  }
  Result<encoding::Signature> signature = SignAsPerson(envelope.payload, charter, options.signer);
  if (!signature.ok()) return signature.error();
  std::erase_if(envelope.signatures, [&](const encoding::Signature& other) { return other.keyid == signature->keyid; });
  envelope.signatures.push_back(*signature);
  std::sort(envelope.signatures.begin(), envelope.signatures.end(),
            [](const auto& a, const auto& b) { return a.keyid < b.keyid; });
  Result<std::vector<warrant::Approver>> approvers = warrant::VerifyApprovals(envelope, charter, decision->issued);
  if (!approvers.ok()) return approvers.error();
  if (static_cast<int64_t>(approvers->size()) < charter.resume_threshold) {
    Result<void> written = WriteWholeFile(options.add_to, encoding::SerializeEnvelope(envelope));
    if (!written.ok()) return written.error();
    return Error{
        ErrorCode::kPending, "resume.threshold",
        std::to_string(approvers->size()) + " of " + std::to_string(charter.resume_threshold) + " people have signed",
        "the next one: pawl resume --add-to " + options.add_to};
  }
  if (Result<void> delivered = Deliver(*place, *log, envelope); !delivered.ok()) return delivered.error();
  return std::to_string(decision->lifts.size()) + " halts and alarms lifted";
}

void Finish(Globals& globals, const Result<std::string>& done) {
  if (!done.ok()) {
    globals.exit = Fail(globals, done.error());
  } else if (globals.json) {
    std::puts(encoding::Json({{"done", *done}}).dump().c_str());
  } else {
    std::puts(done->c_str());
  }
}

}  // namespace

void AddHalt(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* halt = app.add_subcommand("halt", "stop everything: one approver's signature is enough");
  halt->add_option("-m,--reason", options->reason, "why, for everybody to read")->required();
  halt->add_option("--key", options->signer.key, "OpenSSH key to sign with");
  halt->add_option("--as", options->signer.principal, "who signs");
  halt->footer("example:\n  pawl halt -m 'score jumped, evidence vanished'");
  halt->callback([options, &globals] { Finish(globals, Halt(globals, *options)); });

  CLI::App* resume = app.add_subcommand("resume", "lift what is halted, signed by as many people as the charter asks");
  resume->add_option("-m,--reason", options->reason, "why it is safe to go on");
  resume->add_option("--key", options->signer.key, "OpenSSH key to sign with");
  resume->add_option("--as", options->signer.principal, "who signs");
  resume->add_option("--add-to", options->add_to, "file that collects signatures (default: resume.json)")
      ->default_val("resume.json");
  resume->footer("Each person runs it; the signature that reaches the threshold lifts the halt.");
  resume->callback([options, &globals] { Finish(globals, Resume(globals, *options)); });
}

}  // namespace pawl::cli
