#include "oversight/key_terms.h"

#include <algorithm>

#include "charter/toml_reader.h"
#include "encoding/time.h"

namespace pawl::oversight {
namespace {

constexpr char kReviewersFile[] = "reviewers.toml";
constexpr uint64_t kReviewersBytesMax = uint64_t{1} << 18;

void ReadTerm(charter::TomlTable table, const charter::Charter& charter, KeyTerms& terms) {
  const std::string name = table.String("name");
  const Result<int64_t> expires = encoding::ParseTime(table.String("expires"));
  if (!expires.ok()) {
    table.Fail("expires", "reviewers.expires", "is no time", "write it in UTC, such as 2027-01-31T23:59:59Z");
    return;
  }
  if (charter.FindReviewer(name) == nullptr || !terms.emplace(name, *expires).second) {
    table.Fail("name", "reviewers.name", "must be a reviewer of the charter, once", "mend the name");
  }
}

}  // namespace

Result<KeyTerms> ReadKeyTerms(const charter::CharterFiles& files) {
  KeyTerms terms;
  const subject::FileEntry* entry = files.manifest.Find(kReviewersFile);
  if (entry == nullptr) return terms;
  const Result<std::string> text = files.read(entry->digest, kReviewersBytesMax);
  if (!text.ok()) return text.error();
  Result<std::unique_ptr<charter::TomlFile>> file = charter::TomlFile::Parse(*text, kReviewersFile);
  if (!file.ok()) return file.error();
  charter::TomlTable root = (*file)->Root();
  for (charter::TomlTable& table : root.Tables("reviewer", charter::kReviewersMax, charter::Need::kRequired)) {
    ReadTerm(std::move(table), files.charter, terms);
  }
  if (Result<void> done = (*file)->Finish(); !done.ok()) return done.error();
  return terms;
}

Result<std::optional<audit::ProposalHistory>> WithoutExpired(const charter::CharterFiles& files,
                                                             const audit::ProposalHistory& proposal, int64_t time_s) {
  std::optional<audit::ProposalHistory> counted;
  if (proposal.proposal.action == warrant::Action::kAmendment) return counted;
  const Result<KeyTerms> terms = ReadKeyTerms(files);
  if (!terms.ok()) return terms.error();
  const auto has_run_out = [&](const std::string& name) {
    const auto term = terms->find(name);
    return term != terms->end() && term->second < time_s;
  };
  if (std::none_of(terms->begin(), terms->end(), [&](const auto& term) { return has_run_out(term.first); })) {
    return counted;
  }
  counted = proposal;
  std::erase_if(counted->votes, [&](const audit::LoggedVote& logged) {
    return logged.vote.verdict == warrant::VoteVerdict::kFor && has_run_out(logged.vote.reviewer);
  });
  std::erase_if(counted->closing_envelope.signatures,
                [&](const encoding::Signature& signature) { return has_run_out(signature.keyid); });
  return counted;
}

Result<std::vector<KeyEnd>> KeyEnds(const charter::CharterFiles& files) {
  const Result<KeyTerms> terms = ReadKeyTerms(files);
  if (!terms.ok()) return terms.error();
  std::vector<KeyEnd> ends;
  for (const auto& [name, expires] : *terms) ends.push_back({"reviewer '" + name + "'", false, expires});
  for (const crypto::AllowedSigner& signer : files.charter.approval.signers) {
    if (!signer.valid_before_s) continue;
    ends.push_back({"'" + signer.principal + "' in line " + std::to_string(signer.line) + " of the approvers' file",
                    true, *signer.valid_before_s});
  }
  return ends;
}

std::string WarnOfEnd(const KeyEnd& end, int64_t now_s) {
  if (end.at - kWarnBefore_s > now_s) return "";
  const std::string when = encoding::TimeText(end.at);
  if (end.at < now_s) return "the key of " + end.whose + " ran out at " + when + ": an amendment puts another there";
  return "the key of " + end.whose + " runs out at " + when + ": put another there before (pawl key rotate)";
}

}  // namespace pawl::oversight
