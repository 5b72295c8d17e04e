// The peer's role: another subject of the network, as its loader would start it now, runs in the sandbox on the
// candidate and gives its opinion. Its vote names the release that cast it.
#include "charter/program_rules.h"
#include "encoding/base64.h"
#include "oversight/checker_runs.h"
#include "oversight/opinion_answer.h"
#include "oversight/peer_rules.h"
#include "oversight/peer_vote.h"
#include "oversight/review.h"
#include "trial/run.h"

namespace pawl::oversight {
namespace {

using warrant::VoteVerdict;

Result<std::string> CheckedView(storage::TreeStore& store, const crypto::Digest& tree) {
  Result<std::string> view = store.Materialise(tree);
  if (!view.ok()) return view.error();
  if (Result<void> whole = store.VerifyMaterialised(tree); !whole.ok()) return whole.error();
  return view;
}

// The peer's program, in its own tree at /in/peer, with what is judged beside it.
Result<sandbox::Outcome> RunPeer(ledger::SubjectLog& log, const PeerRule& rule, const warrant::Candidate& candidate,
                                 const PeerRelease& release, const std::string& seed) {
  const Result<charter::ProgramRules> programs = log.programs();
  if (!programs.ok()) return programs.error();
  Result<CheckerRuns> runs = CheckerRuns::Make(programs->accepted);
  if (!runs.ok()) return runs.error();
  const Result<std::string> program = trial::ResolveSubjectProgram(rule.command);
  if (!program.ok()) return program.error();
  sandbox::Job job;
  job.argv = rule.command;
  job.argv.front() = *program;
  job.working_directory = "/in/peer";
  job.limits = LimitsOfRun(log.charter().charter, rule.time_limit_s);
  const std::pair<crypto::Digest, const char*> views[] = {
      {release.tree, "/in/peer"},
      {candidate.tree, "/in/subject"},
      {candidate.parent_tree.value_or(candidate.tree), "/in/parent"},
      {log.charter().charter.digest, "/in/charter"}};
  for (const auto& [tree, inside] : views) {
    Result<std::string> view = CheckedView(log.store(), tree);
    if (!view.ok()) return view.error();
    job.inputs.push_back({*view, inside});
  }
  Result<std::string> seed_file = runs->File("seed", seed);
  if (!seed_file.ok()) return seed_file.error();
  job.inputs.push_back({*seed_file, "/in/seed"});
  return runs->Run(job);
}

Opinion WithoutOpinion(encoding::Json evidence, std::string why) {
  return {.verdict = VoteVerdict::kAbstain, .reasons = {std::move(why)}, .evidence = std::move(evidence)};
}

Opinion OpinionFrom(const sandbox::Outcome& outcome, encoding::Json evidence) {
  if (!sandbox::Succeeded(outcome)) {
    const std::string said = OnOneShortLine(outcome.standard_error);
    return WithoutOpinion(std::move(evidence),
                          "the peer's program: " + outcome.explanation + (said.empty() ? "" : ": " + said));
  }
  evidence["answer"] = crypto::Sha256(outcome.standard_output).Text();
  const Result<OpinionAnswer> answer = ReadOpinionAnswer(outcome.standard_output);
  if (!answer.ok()) {
    return WithoutOpinion(std::move(evidence), "the peer's answer is not in the schema: " + answer.error().message +
                                                   " (" + answer.error().rule + ")");
  }
  evidence["references"] = answer->ShownReferences();
  return {.verdict = answer->objection ? VoteVerdict::kAgainst : VoteVerdict::kFor,
          .reasons = answer->ShownReasons(),
          .evidence = std::move(evidence)};
}

}  // namespace

Result<Opinion> ReviewAsPeer(ledger::SubjectLog& log, const Reviewer& reviewer,
                             const audit::ProposalHistory& proposal) {
  const warrant::Candidate& candidate = *proposal.candidate;
  if (candidate.action != warrant::Action::kRelease) {
    return WithoutOpinion(encoding::Json::object(), "peers look at releases alone");
  }
  if (!reviewer.peers) return Error{ErrorCode::kInternal, "peer.network", "this reviewer knows no other subjects", ""};
  const Result<PeerRule> rule = PeerRuleOf(log.charter(), reviewer.record.name);
  if (!rule.ok()) return rule.error();
  const Result<PeerLife> life = reviewer.peers->life(rule->subject);
  if (!life.ok()) return life.error();
  // First: a system of which nothing is live yet may not even have its baseline in the store.
  const Result<PeerRelease> release = reviewer.peers->live(rule->subject);
  if (!release.ok()) return release.error();
  const Result<std::string> origin = CommonOrigin(log, candidate.tree, *life);
  if (!origin.ok()) return origin.error();
  if (!origin->empty()) return PeerDescends(rule->subject, *origin);
  const Result<std::string> signature = reviewer.key.Sign(PeerSeedMessage(proposal.candidate_digest));
  if (!signature.ok()) return signature.error();
  if (reviewer.progress) reviewer.progress("running '" + rule->subject + "', epoch " + std::to_string(release->epoch));
  const Result<sandbox::Outcome> outcome = RunPeer(log, *rule, candidate, *release, crypto::Sha256(*signature).Raw());
  if (!outcome.ok()) return outcome.error();
  return OpinionFrom(*outcome, {{"subject", rule->subject},
                                {"release", release->tree.Text()},
                                {"warrant", release->warrant.Text()},
                                {"epoch", release->epoch},
                                {"seed_signature", encoding::EncodeBase64(*signature)}});
}

}  // namespace pawl::oversight
