#include "oversight/peer_vote.h"

#include <algorithm>

#include "encoding/json.h"

namespace pawl::oversight {

Result<PeerRule> PeerRuleOf(const charter::CharterFiles& charter, const std::string& reviewer) {
  const Result<std::vector<PeerRule>> rules = ReadPeerRules(charter);
  if (!rules.ok()) return rules.error();
  const auto found =
      std::find_if(rules->begin(), rules->end(), [&](const PeerRule& rule) { return rule.reviewer == reviewer; });
  if (found != rules->end()) return *found;
  return Error{ErrorCode::kInternal, "peer.rule", "'" + reviewer + "' is no reviewer of role peer", ""};
}

std::string PeerSeedMessage(const crypto::Digest& candidate) { return "peer-seed@pawl\n" + candidate.Text(); }

Error PeerDescends(const std::string& subject, const std::string& words) {
  return Refused("peer.descent", "'" + subject + "' has an origin in common with what it would judge: " + words,
                 "name a peer that does not descend from this subject, nor this from it");
}

Result<void> CheckPeerVote(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal,
                           const audit::LoggedVote& logged, const PeerNetwork& peers) {
  if (logged.vote.verdict == warrant::VoteVerdict::kAbstain) return {};
  const auto refuse = [&](const std::string& why) {
    return Refused("audit.peer", "the vote of peer '" + logged.vote.reviewer + "' " + why,
                   "people look at that reviewer; an amendment replaces it");
  };
  const Result<PeerRule> rule = PeerRuleOf(log.charter(), logged.vote.reviewer);
  if (!rule.ok()) return rule.error();
  const encoding::Json json = logged.Evidence();
  encoding::JsonObject evidence(json, "evidence");
  const std::string subject = evidence.String("subject", 64);
  const std::string tree = evidence.DigestText("release"), warrant = evidence.DigestText("warrant");
  const int64_t epoch = evidence.Integer("epoch", 1);
  const std::string signature = evidence.Base64("seed_signature");
  evidence.DigestText("answer");
  evidence.Any("references");
  if (Result<void> done = evidence.Finish(); !done.ok())
    return refuse("does not name who cast it: " + done.error().message);
  if (subject != rule->subject) return refuse("is of another subject than the charter's '" + rule->subject + "'");
  const charter::Reviewer* reviewer = log.charter().charter.FindReviewer(logged.vote.reviewer);
  if (reviewer == nullptr || !reviewer->key.key.Verify(PeerSeedMessage(proposal.candidate_digest), signature)) {
    return refuse("has a seed that its key did not sign");
  }
  const Result<PeerLife> life = peers.life(subject);
  if (!life.ok() && life.error().rule == "peer.unknown") return {};
  if (!life.ok()) return life.error();
  const bool was_live = std::any_of(life->releases.begin(), life->releases.end(), [&](const PeerRelease& release) {
    return release.tree.Text() == tree && release.warrant.Text() == warrant && release.epoch == epoch;
  });
  if (!was_live) return refuse("names a release that '" + subject + "' never had");
  const Result<std::string> origin = CommonOrigin(log, proposal.candidate->tree, *life);
  if (!origin.ok()) return origin.error();
  if (!origin->empty()) return PeerDescends(subject, *origin);
  return {};
}

}  // namespace pawl::oversight
