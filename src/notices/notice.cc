#include "notices/notice.h"

#include <algorithm>

#include "warrant/approval.h"

namespace pawl::notices {

std::string BoardName(std::string_view origin) { return crypto::Sha256(origin).Hex(); }

Result<Notice> ReadNotice(std::string_view body, const charter::Charter& charter) {
  if (body.size() > kNoticeBytesMax) return Malformed("notice.too-large", "a notice has at most 65535 bytes");
  Result<encoding::Envelope> envelope = encoding::ParseEnvelope(body);
  if (!envelope.ok()) return envelope.error();
  if (envelope->payload_type != warrant::kPayloadType) return Malformed("notice.kind", "this is no statement");
  Notice notice;
  notice.text = body;
  notice.digest = warrant::StatementDigest(envelope->payload);
  if (Result<warrant::Vote> vote = warrant::ReadVote(envelope->payload); vote.ok()) {
    const charter::Reviewer* reviewer = charter.FindReviewer(vote->reviewer);
    if (vote->about.subject != charter.subject.name || reviewer == nullptr ||
        vote->role != charter::RoleName(reviewer->role) || envelope->signatures.size() != 1 ||
        !warrant::IsSignedBy(*envelope, reviewer->key)) {
      return Refused("notice.signature", "this is no vote of a reviewer of this subject, signed by it");
    }
    notice.by = vote->reviewer;
    vote->evidence = encoding::Json::object();
    notice.vote = *std::move(vote);
    notice.envelope = *std::move(envelope);
    return notice;
  }
  Result<warrant::Decision> decision = warrant::ReadDecision(envelope->payload);
  if (!decision.ok()) return Malformed("notice.kind", "this is no vote, no halt and no resume");
  const bool resumes = decision->action == warrant::Action::kResume;
  if (!resumes && decision->action != warrant::Action::kHalt) {
    return Malformed("notice.kind", "of decisions, halts and resumes alone are taken");
  }
  if (!resumes && body.size() > kHaltBytesMax) {
    return Malformed("notice.too-large", "a halt has at most 16384 bytes here", "give a shorter reason");
  }
  if (decision->about.subject != charter.subject.name || decision->resource != charter.subject.resource_uri) {
    return Refused("notice.subject", "this is about another subject");
  }
  Result<std::vector<warrant::Approver>> people = warrant::VerifyApprovals(*envelope, charter, decision->issued);
  if (!people.ok()) return Refused(people.error().rule, people.error().message);
  if (static_cast<int64_t>(people->size()) < (resumes ? charter.resume_threshold : 1)) {
    return Refused("notice.threshold", "too few people have signed it");
  }
  notice.by = people->front().principal;
  notice.decision = *std::move(decision);
  notice.envelope = *std::move(envelope);
  return notice;
}

bool Lifts(const Notice& resume, const Notice& halt) {
  return resume.IsResume() && halt.IsHalt() && resume.decision->issued >= halt.decision->issued &&
         std::ranges::binary_search(resume.decision->lifts, halt.digest);
}

}  // namespace pawl::notices
