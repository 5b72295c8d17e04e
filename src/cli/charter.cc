// pawl charter check|sign|new|amend|plan: the fixed bounds, from a first draft to an amendment.
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <set>

#include "authoring/charter_check.h"
#include "authoring/charter_interview.h"
#include "authoring/charter_new.h"
#include "cli/charter_plan.h"
#include "cli/command.h"
#include "cli/local_review.h"
#include "cli/ssh_sign.h"
#include "encoding/time.h"
#include "gate/propose.h"
#include "storage/named_file.h"
#include "warrant/approval.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

using encoding::Json;

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// ---- check

Json ToleranceJson(const authoring::FaultTolerance& tolerance) {
  Json roles = Json::array();
  for (const authoring::RoleTolerance& role : tolerance.roles) {
    roles.push_back({{"who", role.who},
                     {"principals", role.principals},
                     {"needed", role.needed},
                     {"lying", role.lying},
                     {"objecting", role.objecting},
                     {"silent", role.silent}});
  }
  return {{"roles", roles},
          {"colluders", tolerance.colluders},
          {"amenders", tolerance.amenders},
          {"lying", tolerance.lying},
          {"silent", tolerance.silent},
          {"notes", tolerance.notes},
          {"single_points", tolerance.single_points}};
}

Json ReportJson(const authoring::CharterReport& report) {
  Json sections = Json::object();
  for (const authoring::Section& section : report.sections) sections[section.title] = section.lines;
  Json properties = Json::array();
  for (const authoring::PropertyReport& property : report.properties) {
    properties.push_back({{"name", property.name},
                          {"words", property.words},
                          {"findings", property.findings},
                          {"counterexample", property.counterexample}});
  }
  return {{"charter", report.digest},
          {"sections", sections},
          {"properties", properties},
          {"feasibility", report.feasibility},
          {"tolerance", ToleranceJson(report.tolerance)},
          {"warnings", report.warnings}};
}

void PrintSection(const std::string& title, const std::vector<std::string>& lines) {
  std::printf("%s\n", title.c_str());
  for (const std::string& line : lines) std::printf("  %s\n", Shown(line).c_str());
}

void ShowReport(const authoring::CharterReport& report) {
  for (const authoring::Section& section : report.sections) PrintSection(section.title, section.lines);
  for (const authoring::PropertyReport& property : report.properties) {
    PrintSection("property " + property.name, property.words);
    for (const std::string& finding : property.findings) std::printf("  - %s\n", Shown(finding).c_str());
    for (const std::string& line : property.counterexample) std::printf("      %s\n", Shown(line).c_str());
  }
  if (!report.feasibility.empty()) PrintSection("what the limits need", report.feasibility);
  PrintSection("what the quorum tolerates", authoring::ToleranceWords(report.tolerance));
  for (const std::string& warning : report.warnings) std::printf("warning: %s\n", Shown(warning).c_str());
  std::printf("charter %s: %s\n", report.digest.c_str(),
              report.warnings.empty() ? "fine" : "no refusal; read the warnings above");
}

ExitCode CheckAndShow(const Globals& globals, const std::string& directory, const authoring::CheckOptions& options) {
  Result<authoring::CharterReport> report =
      authoring::CheckCharter(WithoutSlash(directory), options, ProgressTo(globals));
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(ReportJson(*report));
  } else {
    ShowReport(*report);
  }
  return ExitCode::kYes;
}

// ---- sign

struct Genesis {
  warrant::Decision decision;
  encoding::Envelope envelope;
};

Result<Genesis> NewGenesis(const charter::Charter& charter) {
  Genesis genesis;
  genesis.decision.about = {.subject = charter.subject.name, .digest = charter.digest};
  genesis.decision.action = warrant::Action::kGenesis;
  genesis.decision.resource = charter.subject.resource_uri;
  genesis.decision.charter = charter.digest;
  genesis.decision.target = charter.digest;
  genesis.decision.issued = std::time(nullptr);
  genesis.decision.expires = genesis.decision.issued + charter.approval.expiry_s;
  genesis.envelope.payload_type = std::string(warrant::kPayloadType);
  genesis.envelope.payload = warrant::WriteDecision(genesis.decision);
  return genesis;
}

Result<Genesis> ReadGenesis(const charter::Charter& charter, const std::string& path) {
  Result<std::string> bytes = storage::ReadNamedFile(path, size_t{1} << 20);
  if (!bytes.ok()) return bytes.error();
  Result<encoding::Envelope> envelope = encoding::ParseEnvelope(*bytes);
  if (!envelope.ok()) return envelope.error();
  Result<warrant::Decision> decision = warrant::ReadDecision(envelope->payload);
  if (!decision.ok()) return decision.error();
  const bool is_plain = decision->action == warrant::Action::kGenesis && decision->epoch == 0 &&
                        decision->charter_epoch == 0 && decision->target == charter.digest &&
                        decision->about.subject == charter.subject.name &&
                        decision->resource == charter.subject.resource_uri && !decision->candidate &&
                        !decision->closing && !decision->previous && decision->votes.empty() && decision->lifts.empty();
  if (decision->charter != charter.digest || decision->about.digest != charter.digest) {
    return Refused(
        "charter.changed-since",
        "'" + path + "' is about the charter " + decision->charter.Text() + ", and this is " + charter.digest.Text(),
        "undo the change, or remove the file and let everybody sign again");
  }
  if (!is_plain) {
    return Refused("charter.genesis", "'" + path + "' is not the plain genesis decision of this charter",
                   "remove the file and let everybody sign again");
  }
  const int64_t now = std::time(nullptr);
  if (now >= decision->expires || decision->issued > now + charter.pace.max_clock_skew_s) {
    return Refused("charter.genesis-time", "'" + path + "' has expired or comes from the future",
                   "remove the file and let everybody sign again");
  }
  return Genesis{std::move(*decision), std::move(*envelope)};
}

// Adds this person's signature; a second one of the same person takes the first one's place.
Result<size_t> Sign(const charter::Charter& charter, const std::string& path, const SignerChoice& choice) {
  std::error_code failure;
  const bool exists = std::filesystem::exists(path, failure);
  Result<Genesis> genesis = exists ? ReadGenesis(charter, path) : NewGenesis(charter);
  if (!genesis.ok()) return genesis.error();
  Result<encoding::Signature> signature = SignAsPerson(genesis->envelope.payload, charter, choice);
  if (!signature.ok()) return signature.error();
  std::vector<encoding::Signature>& all = genesis->envelope.signatures;
  std::erase_if(all, [&](const encoding::Signature& other) { return other.keyid == signature->keyid; });
  all.push_back(std::move(*signature));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.keyid < b.keyid; });
  Result<std::vector<warrant::Approver>> valid =
      warrant::VerifyApprovals(genesis->envelope, charter, genesis->decision.issued);
  if (!valid.ok()) return valid.error();
  if (Result<void> written = storage::WriteNamedFile(path, encoding::SerializeEnvelope(genesis->envelope));
      !written.ok()) {
    return written.error();
  }
  return valid->size();
}

ExitCode SignCharter(const Globals& globals, const std::string& named, const SignerChoice& choice) {
  const std::string directory = WithoutSlash(named);
  Result<charter::Charter> charter = charter::ReadCharterFromDirectory(directory);
  if (!charter.ok()) return Fail(globals, charter.error());
  const std::string path = directory + ".genesis.json";
  Result<size_t> signed_by = Sign(*charter, path, choice);
  if (!signed_by.ok()) return Fail(globals, signed_by.error());
  const auto needed = static_cast<size_t>(charter->amendment.threshold);
  const bool complete = *signed_by >= needed;
  const std::string next =
      complete ? "pawl init " + directory : "pawl charter sign " + directory + ", by another of them";
  if (globals.json) {
    PrintJson({{"charter", charter->digest.Text()},
               {"file", path},
               {"signed", *signed_by},
               {"needed", needed},
               {"next", next}});
  } else {
    std::printf("charter %s\n%zu of %zu have signed, in %s\n  next: %s\n", charter->digest.Text().c_str(), *signed_by,
                needed, Shown(path).c_str(), Shown(next).c_str());
  }
  return ExitCode::kYes;
}

// ---- new

ExitCode New(const Globals& globals, authoring::NewCharterOptions options) {
  options.home = globals.home;
  options.directory = WithoutSlash(options.directory);
  Result<authoring::NewCharter> made = authoring::WriteNewCharter(options);
  if (!made.ok()) return Fail(globals, made.error());
  std::vector<std::string> next;
  const ExitCode exit = made->to_fill_in.empty() ? ExitCode::kYes : ExitCode::kPending;
  if (!made->to_fill_in.empty()) {
    next.push_back("fill in by hand what is listed above, in " + options.directory);
  }
  next.push_back("pawl charter check " + options.directory + " --baseline " + options.tree);
  next.push_back("pawl charter sign " + options.directory);
  if (globals.json) {
    PrintJson({{"subject", made->name},
               {"directory", options.directory},
               {"notes", made->notes},
               {"to_fill_in", made->to_fill_in},
               {"next", next}});
    return exit;
  }
  std::printf("a charter for '%s' is in %s\n", Shown(made->name).c_str(), Shown(options.directory).c_str());
  for (const std::string& note : made->notes) std::printf("  note: %s\n", Shown(note).c_str());
  for (const std::string& what : made->to_fill_in) std::printf("  to fill in: %s\n", Shown(what).c_str());
  for (const std::string& step : next) std::printf("  next: %s\n", Shown(step).c_str());
  return exit;
}

// ---- the commands

CLI::App* AddWithDirectory(CLI::App* parent, const char* name, const char* text,
                           const std::shared_ptr<std::string>& to) {
  CLI::App* command = parent->add_subcommand(name, text);
  command->add_option("DIRECTORY", *to, "the charter's directory")->required();
  return command;
}

void AddCheck(CLI::App* parent, Globals& globals) {
  auto directory = std::make_shared<std::string>();
  auto options = std::make_shared<authoring::CheckOptions>();
  auto groups = std::make_shared<std::vector<std::string>>();
  CLI::App* check = AddWithDirectory(parent, "check",
                                     "read a charter back in words, and refuse one that protects nothing", directory);
  check->add_option("--baseline", options->baseline, "directory of the first release, to be checked as well");
  check->add_option("--seconds", options->seconds_max, "for each search of the prover")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 86'400.0));
  check->add_option("--seed", options->seed, "of the random networks that each property is tried on")
      ->capture_default_str();
  check->add_option("--threads", options->threads, "of the prover")->capture_default_str()->check(CLI::Range(1, 256));
  check->add_option("--group", *groups,
                    "GROUP=SHARE: share of the episodes that are of a group (default: equal shares)");
  check->footer(
      "Exit status 0: fine, perhaps with warnings; 1: refused; 3: not a charter.\n\n"
      "examples:\n  pawl charter check charter --baseline ./subject\n"
      "  pawl charter check charter --group night=0.1");
  check->callback([=, &globals] {
    Result<authoring::GroupShares> shares = authoring::ParseGroupShares(*groups);
    if (shares.ok()) options->group_shares = *shares;
    globals.exit = shares.ok() ? CheckAndShow(globals, *directory, *options) : Fail(globals, shares.error());
  });
}

void AddSign(CLI::App* parent, Globals& globals) {
  auto directory = std::make_shared<std::string>();
  auto signer = std::make_shared<SignerChoice>();
  CLI::App* sign = AddWithDirectory(parent, "sign", "sign a charter, so that a ledger can begin from it", directory);
  sign->add_option("--key", signer->key, "OpenSSH key to sign with (default: yours in ~/.ssh)");
  sign->add_option("--as", signer->principal, "who signs, where a key is listed for several people");
  sign->footer(
      "Writes DIRECTORY.genesis.json, or adds to it. Read `pawl charter check` first.\n"
      "example:\n  pawl charter sign charter --key ~/.ssh/id_ed25519_sk");
  sign->callback([=, &globals] { globals.exit = SignCharter(globals, *directory, *signer); });
}

// A whole number and one of s m h d.
CLI::Validator IsDuration() {
  return {[](const std::string& text) {
            Result<int64_t> duration = encoding::ParseDuration(text);
            return duration.ok() ? std::string() : "'" + text + "' is no duration, like 30m, 24h or 7d";
          },
          "DURATION"};
}

void AddNew(CLI::App* parent, Globals& globals) {
  auto options = std::make_shared<authoring::NewCharterOptions>();
  CLI::App* make = parent->add_subcommand("new", "look at a tree and write a commented charter for it");
  make->add_option("DIRECTORY", options->directory, "to be made")->default_val("charter");
  make->add_option("--subject-tree,--subject", options->tree, "the first release's directory");
  make->add_option("--name", options->name, "the subject's name (default: the tree's folder)");
  make->add_option("--resource", options->resource, "URI named in every warrant (default: urn:pawl:subject:NAME)");
  make->add_option("--log-key", options->log_key, "verifier key of the gate's log");
  make->add_option("--clock-key", options->clock_key, "verifier key of the gate's clock");
  make->add_option("--reviewer", options->reviewers, "name:principal:role:key, once for each")
      ->type_size(1)
      ->allow_extra_args(false);
  make->add_option("--signers", options->signers, "allowed_signers file of at least three people");
  make->add_flag("--single-operator", options->single_operator,
                 "one person may do everything; keys of gate and reviewers are made in the home");
  make->add_option("--key", options->operator_key, "single operator: OpenSSH public key that approves");
  make->add_option("--principal", options->principal, "single operator: who that is")->capture_default_str();
  CLI::Option* evaluator = make->add_option("--evaluator", options->evaluator,
                                            "your evaluator (default: a placeholder that passes nothing)");
  auto untried = std::make_shared<bool>(false);
  CLI::Option* without =
      make->add_flag("--no-evaluation", *untried, "ask for no trials: only networks that are proven may change")
          ->excludes(evaluator);
  const auto number = [&](const char* name, std::string& value, const char* what) {
    return make->add_option(name, value, what)->capture_default_str()->check(CLI::Number);
  };
  const auto duration = [&](const char* name, std::string& value, const char* what) {
    make->add_option(name, value, what)->capture_default_str()->check(IsDuration());
  };
  const auto count = [&](const char* name, int64_t& value, const char* what) {
    return make->add_option(name, value, what)
        ->capture_default_str()
        ->check(CLI::Range(int64_t{1}, int64_t{10'000'000}));
  };
  for (CLI::Option* of_trials :
       {number("--harm-limit", options->harm_limit, "share of episodes that may at most end in harm"),
        number("--max-step", options->max_step, "largest gain in score that one step may bring"),
        number("--ceiling", options->ceiling, "score above which people have to decide first"),
        number("--drift-limit", options->drift_limit, "share of decisions that may differ from the first release's"),
        count("--episodes", options->episodes, "of one trial"),
        count("--probes", options->probes, "at which decisions are compared, in one trial")}) {
    without->excludes(of_trials);
  }
  number("--drift-within", options->drift_within,
         "without trials: how far outputs may get from the first release's, proven")
      ->needs(without);
  duration("--min-interval", options->min_interval, "shortest time between two releases");
  count("--max-releases", options->max_releases, "in any window");
  duration("--window", options->window, "length of that window");
  duration("--waiting-period", options->waiting_period, "how long a new charter waits for a veto");
  auto yes = std::make_shared<bool>(false);
  make->add_flag("--yes", *yes, "ask nothing; take the defaults for what was not given");
  make->footer(
      "On a terminal it asks for what was not given. Without one, with --yes or with --json it asks nothing.\n"
      "Exit status 6: written, and keys or people are still to be filled in by hand; they are listed.\n"
      "examples:\n  pawl charter new\n"
      "  pawl charter new charter --subject ./subject --single-operator --key ~/.ssh/id_ed25519.pub --yes\n"
      "  pawl charter new charter --subject ./subject --signers people.allowed_signers --evaluator evaluate.py --yes\n"
      "  pawl charter new charter --subject ./subject --no-evaluation --drift-within 0.05");
  make->callback([=, &globals] {
    options->trials = !*untried;
    const bool asks = !*yes && !globals.json && isatty(STDIN_FILENO) != 0;
    if (asks) {
      std::set<std::string> given;
      for (const CLI::Option* option : make->get_options([](const CLI::Option* o) { return o->count() > 0; })) {
        for (const std::string& name : option->get_lnames()) given.insert("--" + name);
      }
      authoring::CharterInterview interview(std::cin, std::cout);
      if (Result<void> asked = interview.Fill(*options, given); !asked.ok()) {
        globals.exit = Fail(globals, asked.error());
        return;
      }
    }
    globals.exit = New(globals, *options);
  });
}

}  // namespace

void AddCharter(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("charter", "the fixed bounds: write, check, sign and amend them");
  command->require_subcommand(1);
  AddCheck(command, globals);
  AddNew(command, globals);
  AddSign(command, globals);

  auto amended = std::make_shared<std::string>();
  auto note = std::make_shared<std::string>();
  auto review = std::make_shared<bool>(false);
  CLI::App* amend =
      AddWithDirectory(command, "amend", "propose another charter in the place of the present one", amended);
  amend->add_option("-m,--note", *note, "what it changes, and why");
  amend->footer(
      "Takes the amendment's threshold of the old and of the new charter, after a waiting period.\nexample:\n  pawl "
      "charter amend charter-2 -m 'a second auditor'");
  amend->add_flag("--review", *review, "start the reviewers whose keys are on this machine");
  amend->callback([=, &globals] {
    globals.exit = ProposeAndDecide(globals, *review ? Reviewing::kHere : Reviewing::kElsewhere, [&](gate::Gate& gate) {
      return gate::ProposeAmendment(gate, WithoutSlash(*amended), *note);
    });
  });
  AddCharterPlan(*command, globals);
}

}  // namespace pawl::cli
