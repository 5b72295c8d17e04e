// The critic's role: a language model reads the change and the evidence, and may object. It is asked once; where there
// is no answer in the schema the critic abstains and says why. It votes for nothing unless the charter asks for
// critics' votes for (at_least above 0).
#include "encoding/utf8.h"
#include "oversight/critic_question.h"
#include "oversight/opinion_answer.h"
#include "oversight/review.h"

namespace pawl::oversight {
namespace {

using warrant::VoteVerdict;

Opinion Abstains(encoding::Json evidence, std::string why) {
  return {.verdict = VoteVerdict::kAbstain, .reasons = {std::move(why)}, .evidence = std::move(evidence)};
}

std::string WithRule(const Error& error) { return error.message + " (" + error.rule + ")"; }

// As it may stand in a signed statement that people read; what may not is left out.
std::string PlainOrNothing(const std::string& text) {
  return text.size() <= 200 && encoding::IsPlainText(text) ? text : std::string();
}

bool AsksForConsent(const charter::Charter& charter) {
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kCritic);
  return rule != nullptr && rule->at_least > 0;
}

}  // namespace

Result<Opinion> ReviewAsCritic(ledger::SubjectLog& log, const Reviewer& reviewer,
                               const audit::ProposalHistory& proposal) {
  if (proposal.candidate->action != warrant::Action::kRelease) {
    return Abstains(encoding::Json::object(), "critics look at releases alone");
  }
  if (!reviewer.model) {
    return Error{ErrorCode::kNotFound, "critic.no-model", "this critic has no language model to ask",
                 "write endpoint and model into model.toml in its folder (docs/critics.md)"};
  }
  encoding::Json evidence = {{"model", reviewer.model->name}};
  const Result<std::string> nonce = CriticNonce(reviewer.key, proposal.candidate_digest);
  if (!nonce.ok()) return nonce.error();
  Result<CriticQuestion> question = MakeCriticQuestion(log, proposal, *nonce, reviewer.model->question_bytes_max);
  if (!question.ok()) {
    if (question.error().rule != "critic.too-long") return question.error();
    return Abstains(std::move(evidence), WithRule(question.error()));
  }
  evidence["prompt"] = question->Digest().Text();
  evidence["nonce"] = *nonce;
  if (reviewer.progress) reviewer.progress("asking " + reviewer.model->name);
  Result<ModelAnswer> said = reviewer.model->ask(question->asked);
  if (!said.ok()) return Abstains(std::move(evidence), "no answer from the model: " + WithRule(said.error()));
  evidence["answered_by"] = PlainOrNothing(said->model);
  evidence["answer"] = crypto::Sha256(said->text).Text();
  Result<OpinionAnswer> answer = ReadOpinionAnswer(said->text);
  if (!answer.ok()) {
    return Abstains(std::move(evidence), "the model's answer is not in the schema: " + WithRule(answer.error()));
  }
  evidence["references"] = answer->ShownReferences();
  if (answer->objection) {
    return Opinion{
        .verdict = VoteVerdict::kAgainst, .reasons = answer->ShownReasons(), .evidence = std::move(evidence)};
  }
  Opinion opinion = Abstains(std::move(evidence), "the model has no objection");
  if (AsksForConsent(log.charter().charter)) opinion.verdict = VoteVerdict::kFor;
  return opinion;
}

}  // namespace pawl::oversight
