// pawl cycle: one turn of the subject's own improver, in the sandbox, and everything up to the people.
#include <stdlib.h>
#include <sys/random.h>

#include <filesystem>
#include <set>

#include "charter/program_rules.h"
#include "cli/command.h"
#include "cli/live_envelopes.h"
#include "cli/local_review.h"
#include "cli/peers.h"
#include "cli/worker_keys.h"
#include "gate/propose.h"
#include "oversight/peer_rules.h"
#include "sandbox/sandbox.h"
#include "storage/temporary_folder.h"
#include "storage/tree_store.h"
#include "trial/run.h"

namespace pawl::cli {
namespace {

struct CycleOptions {
  uint64_t seed = 0;
  bool seed_given = false;
  std::string note;
  bool no_review = false;
};

Result<uint64_t> RandomSeed() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) return SystemFailure("cycle.random", "no randomness");
  return seed >> 1;
}

sandbox::Limits LimitsOf(const charter::ProcessLimits& limits) {
  sandbox::Limits result;
  result.wall_ms = limits.wall_seconds * 1'000;
  result.cpu_ms = limits.cpu_seconds * 1'000;
  result.memory_mib = limits.memory_mib;
  result.processes = limits.processes;
  result.output_bytes = limits.output_mib << 20;
  result.output_files = limits.files;
  return result;
}

// What is live of the peers that the charter shows its improver, for /in/peers/SUBJECT; a peer that has nothing live
// yet is left out, and the improver sees that it is not there.
Result<void> AddPeers(gate::Gate& gate, const Place& place, std::vector<sandbox::Input>& inputs) {
  const Result<std::vector<oversight::PeerRule>> rules = oversight::ReadPeerRules(gate.log().charter());
  if (!rules.ok()) return rules.error();
  const oversight::PeerNetwork peers = PeersOf(place);
  std::set<std::string> added;
  for (const oversight::PeerRule& rule : *rules) {
    if (!rule.improver_sees || !added.insert(rule.subject).second) continue;
    const Result<oversight::PeerRelease> live = peers.live(rule.subject);
    if (!live.ok() && live.error().rule == "current.nothing") continue;
    if (!live.ok()) return live.error();
    storage::TreeStore& store = gate.log().store();
    Result<std::string> view = store.Materialise(live->tree);
    if (!view.ok()) return view.error();
    if (Result<void> whole = store.VerifyMaterialised(live->tree); !whole.ok()) return whole.error();
    inputs.push_back({*view, "/in/peers/" + rule.subject});
  }
  return {};
}

// Runs the improver on the live release and leaves its candidate below `folder`/out/candidate. What the charter accepts
// of the sandbox and this machine made use of.
Result<weakening::Weakenings> Improve(gate::Gate& gate, const Place& place, uint64_t seed, const std::string& folder) {
  const std::optional<crypto::Digest> live = gate.log().history().live_tree();
  if (!live) return Refused("cycle.nothing-live", "nothing is live yet", "pawl propose the baseline first");
  storage::TreeStore& store = gate.log().store();
  Result<std::string> view = store.Materialise(*live);
  if (!view.ok()) return view.error();
  if (Result<void> whole = store.VerifyMaterialised(*live); !whole.ok()) return whole.error();
  const charter::Improver& improver = gate.charter().improver;
  if (improver.command.empty()) {
    return Refused("cycle.no-improver", "the charter names no [improver] command",
                   "pawl propose takes a candidate from outside");
  }
  Result<std::string> program = trial::ResolveSubjectProgram(improver.command);  // "python3" as well
  if (!program.ok()) return program.error();
  sandbox::Job job;
  job.argv = improver.command;
  job.argv.front() = *program;
  for (const char* word : {"--live", "/in/subject", "--out", "/out/candidate", "--seed"}) job.argv.emplace_back(word);
  job.argv.push_back(std::to_string(seed));
  job.working_directory = "/in/subject";
  job.inputs = {{*view, "/in/subject"}};
  job.limits = LimitsOf(improver.limits);
  const std::string envelopes = folder + "/envelope";
  std::error_code failure;
  if (!std::filesystem::create_directory(envelopes, failure))
    return SystemFailure("cycle.folder", "cannot make '" + envelopes + "': " + failure.message());
  Result<bool> stays = WriteLiveEnvelopes(gate, envelopes);
  if (!stays.ok()) return stays.error();
  if (*stays) job.inputs.push_back({envelopes, "/in/envelope"});
  if (Result<void> added = AddPeers(gate, place, job.inputs); !added.ok()) return added.error();
  Result<charter::ProgramRules> programs = charter::ReadProgramRules(gate.log().charter());
  if (!programs.ok()) return programs.error();
  gate.Say("improving in the sandbox, seed " + std::to_string(seed));
  Result<sandbox::Outcome> outcome = sandbox::Run(job, programs->accepted, folder + "/out");
  if (!outcome.ok()) return outcome.error();
  if (outcome->end == sandbox::End::kSetupError) {
    return SystemFailure(
        "cycle.machine", outcome->explanation,
        "nothing was proposed and nothing is known of the improver: see that TMPDIR has room, then run "
        "pawl cycle again; pawl sandbox check");
  }
  if (!sandbox::Succeeded(*outcome)) {
    const std::string words = sandbox::Displayable(outcome->standard_error);
    return Refused(
        "cycle.improver",
        "the improver gave no candidate: " + outcome->explanation + (words.empty() ? "" : ": " + words.substr(0, 500)),
        "nothing was proposed and no budget was spent");
  }
  return std::move(outcome->weaker_guarantees);
}

ExitCode Cycle(const Globals& globals, const CycleOptions& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  std::string name;
  {
    Result<gate::Gate> gate = OpenGate(globals, *place);
    if (!gate.ok()) return Fail(globals, gate.error());
    Result<uint64_t> seed = options.seed_given ? Result<uint64_t>(options.seed) : RandomSeed();
    if (!seed.ok()) return Fail(globals, seed.error());
    const Result<storage::HeldFolder> scratch = storage::HeldFolder::MakeTemporary("pawl-cycle");
    if (!scratch.ok()) return Fail(globals, scratch.error());
    Result<weakening::Weakenings> weaker = Improve(*gate, *place, *seed, scratch->path());
    if (!weaker.ok()) return Fail(globals, weaker.error());
    // The note stands on the ledger. What the sandbox was without comes first: a long note is cut.
    const std::string accepted = sandbox::AcceptedWords(*weaker);
    const std::string note = options.note.empty() ? "improver, seed " + std::to_string(*seed) + accepted
                             : accepted.empty()   ? options.note
                                                  : accepted.substr(1) + " " + options.note;
    Result<std::string> proposal = gate::ProposeTree(*gate, scratch->path() + "/out/candidate", note);
    if (!proposal.ok()) return Fail(globals, proposal.error());
    name = *proposal;
    Result<gate::Position> position = gate::Decide(*gate, name, gate::Until::kLastApproval);
    if (!position.ok()) return Fail(globals, position.error());
    if (position->outcome || options.no_review || position->step != audit::Step::kQuorum) {
      return ShowPosition(globals, place->subject, *position);
    }
  }
  if (Result<void> reviewed = RunLocalReviewers(globals, *place); !reviewed.ok())
    return Fail(globals, reviewed.error());
  Result<gate::Gate> gate = OpenGate(globals, *place);
  if (!gate.ok()) return Fail(globals, gate.error());
  Result<gate::Position> position = gate::Decide(*gate, name, gate::Until::kLastApproval);
  return position.ok() ? ShowPosition(globals, place->subject, *position) : Fail(globals, position.error());
}

}  // namespace

void AddCycle(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<CycleOptions>();
  CLI::App* command = app.add_subcommand("cycle", "one turn: improver, checks, reviewers, up to the people's approval");
  CLI::Option* seed = command->add_option("--seed", options->seed, "seed of the improver (default: random)");
  command->add_option("-m,--note", options->note, "what it is, for people");
  command->add_flag("--no-review", options->no_review, "leave the reviewers of this machine alone");
  AddGateWorkers(*command, globals);
  command->footer("example:\n  pawl cycle && pawl approve p4 && pawl release p4");
  command->callback([=, &globals] {
    options->seed_given = seed->count() > 0;
    globals.exit = Cycle(globals, *options);
  });
}

}  // namespace pawl::cli
