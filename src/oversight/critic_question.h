// What a critic asks a language model about a candidate.
//
//   Result<std::string> nonce = CriticNonce(key, proposal.candidate_digest);
//   Result<CriticQuestion> question = MakeCriticQuestion(log, proposal, *nonce, n);
//   Result<ModelAnswer> said = model.ask(question->asked);
//   Result<CriticAnswer> answer = ReadCriticAnswer(said->text);
//   if (answer.ok() && answer->objection) …
//
// The candidate's text is written by what is being judged, and may talk to the model. So it is kept apart from the
// instructions by form: every block stands between two lines with a nonce that nobody without the critic's key can
// know, every line of it begins with "| ", and what cannot be seen or changes how the rest is seen is written out as
// \u{HEX} (sandbox::Displayable). That makes it recognisable, and is in the spirit of K. Hines et al., "Defending
// Against Indirect Prompt Injection Attacks With Spotlighting", 2024. It does not make a model immune: what a persuaded
// critic can do is bounded by its role (spec/charter.md, "Critics"), not by this text.
//
// Thread safety: pure functions but for the store that is read.
#pragma once

#include <string>

#include "audit/history.h"
#include "ledger/subject_log.h"
#include "oversight/language_model.h"
#include "result/result.h"
#include "signing/signer.h"

namespace pawl::oversight {

struct CriticQuestion {
  ModelQuestion asked;
  std::string nonce;

  // Of the canonical JSON of instructions, data and schema: what a vote names.
  crypto::Digest Digest() const;
};

// 32 hexadecimal digits of a digest over the key's signature of a text that begins with "pawl critic nonce": the same
// for one candidate and key, so that a question can be asked again word by word, and foreseeable for nobody else.
Result<std::string> CriticNonce(const signing::Signer& key, const crypto::Digest& candidate);

// Of a release's candidate statement: what it claims, the gate's findings, the votes of reviewers that are no critics
// as far as they are on the log, and every change, line by line. kLimit "critic.too-long" where the data would have
// more than `bytes_max`: half a diff is not asked about. Others are those of reading.
Result<CriticQuestion> MakeCriticQuestion(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal,
                                          const std::string& nonce, size_t bytes_max);

}  // namespace pawl::oversight
