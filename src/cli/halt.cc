// pawl halt, pawl resume: any one approver stops everything; people together lift it.
#include <algorithm>
#include <ctime>
#include <filesystem>

#include "cli/command.h"
#include "cli/not_yet_signer.h"
#include "cli/ssh_sign.h"
#include "encoding/time.h"
#include "gate/drafted_decision.h"
#include "halting/halting.h"
#include "halting/resume.h"
#include "halting/start_lock.h"
#include "server/notice_exchange.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

using gate::AppendSigned;
using halting::DeliverToLoader;
using halting::Ground;
using halting::InForce;
using halting::LedgerGround;
using halting::StartLock;

struct HaltOptions {
  std::string reason;
  SignerChoice signer;
  std::string add_to;  // resume: a file with the signatures so far
  bool yes = false;    // resume: do not ask again
};

// ---- halt

// The place, also where the ledger's file is gone: the loader's folder names the subject as well.
Result<Place> FindLoader(const Globals& globals) {
  Result<Place> place = FindPlace(globals);
  if (place.ok() || place.error().rule != "cli.which-subject") return place;
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok() || !home->Subjects().empty()) return place;
  std::vector<std::string> names;
  std::error_code failure;
  for (std::filesystem::directory_iterator at(home->root() + "/loader", failure), end; !failure && at != end;
       at.increment(failure)) {
    names.push_back(at->path().filename().string());
  }
  if (names.size() != 1) return place;
  const std::string state = globals.state.empty() ? home->StatePath(names.front()) : globals.state;
  return Place{std::move(*home), names.front(), state};
}

// Whoever reads that something failed must not think that it halted all the same.
Error NothingIsHalted(Error error) {
  error.message = "NOTHING is halted: " + error.message;
  return error;
}

// A person whom the loader's charter does not list. The charter in force by the ledger may: this loader has not
// followed the last amendment yet, and could not read the halt.
Result<std::string> HaltInLedgerAlone(const Place& place, const HaltOptions& options, const Error& by_the_loader) {
  Result<ledger::SubjectLog> log = OpenLog(place, ledger::LedgerAccess::kReadWrite);
  if (!log.ok() || !log->history().has_genesis()) return NothingIsHalted(by_the_loader);
  const Ground ground = LedgerGround(*log);
  if (Result<SignerChoice> signer = ResolveSigner(ground.charter, options.signer); !signer.ok()) {
    return NothingIsHalted(WhyNoSigner(*log, options.signer, signer.error()));
  }
  const std::string payload =
      warrant::WriteDecision(halting::MakeDecision(ground, warrant::Action::kHalt, options.reason, std::time(nullptr)));
  Result<encoding::Signature> signature = SignAsPerson(payload, ground.charter, options.signer);
  if (!signature.ok()) return NothingIsHalted(signature.error());
  const encoding::Envelope envelope{
      .payload_type = std::string(warrant::kPayloadType), .payload = payload, .signatures = {*signature}};
  const std::string words = notices::Words(notices::Tell(ground.charter, envelope, server::NoticeExchange()));
  if (Result<void> logged = AppendSigned(*log, envelope); !logged.ok()) return NothingIsHalted(logged.error());
  return SystemFailure("halt.loader-older",
                       "the ledger has the halt, but the loader here is NOT halted: it has not followed the amendment "
                       "that lists this key" +
                           (words.empty() ? words : "; " + words),
                       "let it follow (pawl-check warrant --commit), then pawl halt again; or ask somebody whom the "
                       "older charter lists");
}

struct Said {
  crypto::Digest halt;
  std::string witnesses;  // how many keep it, for people; empty where the charter has none
  Result<void> loader;
  Result<void> logged;
};

// Signs a halt and gives it to the loader, to the witnesses, then to the ledger. Opens `log` where it is not open yet.
Result<Said> Say(const Place& place, const Ground& ground, const HaltOptions& options,
                 std::optional<Result<ledger::SubjectLog>>& log) {
  const std::string payload = halting::DraftHalt(place.state_path, ground, options.reason,
                                                 log && log->ok() ? &log->value() : nullptr, std::time(nullptr));
  Result<encoding::Signature> signature = SignAsPerson(payload, ground.charter, options.signer);
  if (!signature.ok()) return signature.error();
  const encoding::Envelope envelope{
      .payload_type = std::string(warrant::kPayloadType), .payload = payload, .signatures = {*signature}};
  // The loader's own folder first: a gate that drops the event cannot keep the loader going.
  Result<void> loader = DeliverToLoader(place.state_path, envelope);
  const std::string words = notices::Words(notices::Tell(ground.charter, envelope, server::NoticeExchange()));
  if (!log) log.emplace(OpenLog(place, ledger::LedgerAccess::kReadWrite));
  Result<void> logged = log->ok() ? AppendSigned(**log, envelope) : Result<void>((*log).error());
  return Said{warrant::StatementDigest(payload), words.empty() ? "" : "; " + words, std::move(loader),
              std::move(logged)};
}

Result<std::string> Halt(const Globals& globals, const HaltOptions& options) {
  if (options.reason.find_first_not_of(" \t\n") == std::string::npos) {
    return NothingIsHalted({ErrorCode::kUsage, "halt.reason", "a halt says why, for everybody to read", "-m WHY"});
  }
  Result<Place> place = FindLoader(globals);
  if (!place.ok()) return NothingIsHalted(place.error());
  Result<Ground> ground = halting::LoaderGround(place->home, place->subject, place->state_path);
  // A subject of another name is a mistake; a state that is missing or damaged is not the end: the ledger may do.
  if (!ground.ok() && ground.error().rule == "halt.subject") return NothingIsHalted(ground.error());
  std::optional<Result<ledger::SubjectLog>> log;
  if (!ground.ok()) {
    log.emplace(OpenLog(*place, ledger::LedgerAccess::kReadWrite));
    if (!log->ok() || !(*log)->history().has_genesis()) return NothingIsHalted(ground.error());
    ground = LedgerGround(**log);
  }
  if (Result<SignerChoice> signer = ResolveSigner(ground->charter, options.signer); !signer.ok()) {
    return HaltInLedgerAlone(*place, options, signer.error());
  }
  Result<Said> said = Say(*place, *ground, options, log);
  // Where the loader's folder has lost what the ledger has, the log is open now and tells what was lifted.
  if (said.ok() && said->logged.ok() && halting::LiftedInLedger(**log, said->halt)) {
    said = Say(*place, *ground, options, log);
  }
  if (!said.ok()) return NothingIsHalted(said.error());
  const auto& [halt, witnesses, loader, logged] = *said;
  // A release that passed its last look at the halts before this one came still becomes final. It holds the lock until
  // then, so that once "halted" is said, nothing becomes live any more. A start that passed its last look is waited for
  // in the same way.
  if (loader.ok()) {
    if (Result<warrant::StateLock> lock = warrant::StateLock::Take(place->state_path); !lock.ok()) {
      return SystemFailure("halt.unclear",
                           "the loader IS halted, but whether a release that had begun becomes final is not known: " +
                               lock.error().message,
                           "pawl current says what is live; then pawl halt again");
    }
    if (Result<StartLock> lock = StartLock::Take(place->state_path, StartLock::By::kHalt); !lock.ok()) {
      return lock.error();
    }
  }
  if (loader.ok() && logged.ok())
    return "halted: nothing is accepted, released or started until people resume" + witnesses;
  if (loader.ok()) {
    return SystemFailure(
        "halt.ledger",
        "the loader IS halted, but the ledger does not know: " + logged.error().message + " (" + logged.error().rule +
            ")" + witnesses,
        "nothing is loaded or started; the gate may still accept. Mend the ledger, then pawl halt again");
  }
  if (logged.ok()) {
    return SystemFailure(
        "halt.loader",
        "the ledger has the halt, but the loader here is NOT halted: " + loader.error().message + witnesses,
        "stop what runs, mend '" + warrant::HaltFolder(place->state_path) + "', then pawl halt again");
  }
  return SystemFailure("halt.undelivered",
                       "NOTHING is halted: " + loader.error().message + "; " + logged.error().message + witnesses,
                       "stop what runs; check permissions and disk space, then pawl halt again");
}

// ---- resume

// The resume to sign: what is in the file, or a new one.
Result<encoding::Envelope> BeginOrRead(const HaltOptions& options, const Ground& ground, const InForce& in_force) {
  std::error_code failure;
  if (!std::filesystem::exists(std::filesystem::symlink_status(options.add_to, failure))) {
    return encoding::Envelope{.payload_type = std::string(warrant::kPayloadType),
                              .payload = halting::DraftResume(ground, in_force, options.reason, std::time(nullptr)),
                              .signatures = {}};
  }
  if (!options.reason.empty()) {
    return Error{ErrorCode::kUsage, "resume.reason",
                 "'" + options.add_to + "' has been begun with a reason, which -m cannot change",
                 "leave -m out to sign it, or remove the file to begin anew"};
  }
  Result<halting::Begun> begun = halting::ReadBegun(options.add_to, ground, in_force, std::time(nullptr));
  if (!begun.ok()) return begun.error();
  return std::move(begun->envelope);
}

void ShowResume(const warrant::Decision& decision, const InForce& in_force, size_t signed_by) {
  std::printf("resume of %s, %zu signatures so far\n", Shown(decision.about.subject).c_str(), signed_by);
  std::printf("  reason    %s\n", decision.reason.empty() ? "none is given" : Shown(decision.reason).c_str());
  for (const std::string& line : in_force.lines) std::printf("  lifts     %s\n", Shown(line).c_str());
  std::printf("  expires   %s\n", encoding::TimeText(decision.expires).c_str());
}

Result<std::string> Resume(const Globals& globals, const HaltOptions& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return place.error();
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadWrite);
  if (!log.ok()) return log.error();
  Ground ground = LedgerGround(*log);
  Result<InForce> in_force = halting::FindInForce(place->state_path, *log);
  if (!in_force.ok()) return in_force.error();
  ground.time = std::max(ground.time, in_force->time);
  if (in_force->lifts.empty()) return std::string("nothing is halted");
  Result<encoding::Envelope> envelope = BeginOrRead(options, ground, *in_force);
  if (!envelope.ok()) return envelope.error();
  Result<warrant::Decision> decision = warrant::ReadDecision(envelope->payload);
  if (!decision.ok()) return decision.error();
  if (!globals.json) ShowResume(*decision, *in_force, envelope->signatures.size());
  const Asking asking = options.yes ? Asking::kAnswered : Asking::kOnTerminal;
  if (Result<void> confirmed = ConfirmSigning(globals, asking); !confirmed.ok()) return confirmed.error();

  Result<encoding::Signature> signature = SignAsPerson(envelope->payload, ground.charter, options.signer);
  if (!signature.ok()) return signature.error();
  Result<halting::Signing> signing = halting::AddSignature(*log, place->state_path, options.add_to, ground,
                                                           std::move(*envelope), std::move(*signature));
  if (!signing.ok()) return signing.error();
  if (!signing->lifted) {
    return Error{ErrorCode::kPending, "resume.threshold",
                 std::to_string(signing->signed_by) + " of " + std::to_string(ground.charter.resume_threshold) +
                     " people have signed",
                 "the next one: pawl resume --add-to " + options.add_to};
  }
  const std::string words = notices::Words(notices::Tell(ground.charter, signing->envelope, server::NoticeExchange()));
  return std::to_string(decision->lifts.size()) + " halts and alarms lifted" + (words.empty() ? words : "; " + words);
}

void Finish(Globals& globals, const Result<std::string>& done) {
  if (!done.ok()) {
    globals.exit = Fail(globals, done.error());
  } else if (globals.json) {
    PrintJson({{"done", *done}});
  } else {
    std::puts(done->c_str());
  }
}

}  // namespace

void AddHalt(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<HaltOptions>();
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
  resume->add_flag("--yes", options->yes, "do not ask again on a terminal");
  resume->footer(
      "Each person runs it; the signature that reaches the threshold lifts the halt and removes the file.\n"
      "examples:\n  pawl resume -m 'the sensor was at fault' --add-to resume.json\n"
      "  pawl resume --add-to resume.json     # the next person");
  resume->callback([options, &globals] { Finish(globals, Resume(globals, *options)); });
}

}  // namespace pawl::cli
