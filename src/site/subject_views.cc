#include "site/subject_views.h"

#include <algorithm>
#include <set>

#include "audit/records.h"
#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/time.h"
#include "gate/waiting.h"
#include "merkle/checkpoint.h"
#include "merkle/signed_note.h"
#include "oversight/key_terms.h"
#include "sandbox/sandbox.h"
#include "site/signing_desk.h"
#include "tlog/growing_tree.h"
#include "warrant/state.h"

namespace pawl::site {
namespace {

using encoding::Json;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(value->Text()) : Json(nullptr);
}

gate::LoaderStop LoaderOf(ledger::SubjectLog& log) {
  const std::string state_path = log.home().StatePath(log.subject());
  return gate::FindLoaderStop(state_path, warrant::ReadStateFile(state_path), log);
}

Json SummaryOf(const ledger::SubjectLog& log, const gate::LoaderStop& loader, int64_t now_s) {
  const audit::History& history = log.history();
  const gate::Wait wait = gate::WaitOf(log, loader, now_s);
  return {{"subject", log.subject()},
          {"sentence", wait.sentence},
          {"party", gate::PartyName(wait.party)},
          {"who", wait.who},
          {"commands", wait.commands},
          {"halted", !history.OpenHalts().empty() || !loader.halts.empty()},
          {"live_epoch", history.releases().empty() ? Json(nullptr) : Json(history.releases().back().epoch)},
          {"proposals", history.proposals().size()},
          {"events", history.size()}};
}

// Everybody who may approve, and whether a passkey of theirs counts on a page.
Json PeopleOf(const charter::Charter& charter) {
  std::map<std::string, bool> people;
  for (const crypto::AllowedSigner& signer : charter.approval.signers) {
    const bool is_passkey = !charter.approval.rp_id.empty() && signer.key.application == charter.approval.rp_id &&
                            (signer.key.type == crypto::SshKeyType::kWebauthnSkEcdsaP256 ||
                             signer.key.type == crypto::SshKeyType::kSkEcdsaP256);
    people[signer.principal] = people[signer.principal] || is_passkey;
  }
  Json rows = Json::array();
  for (const auto& [principal, has_passkey] : people) {
    rows.push_back({{"principal", principal}, {"has_passkey", has_passkey}});
  }
  return rows;
}

struct Covered {
  std::string note;
  uint64_t size = 0;
};

// The latest checkpoint; size 0 where the gate has signed none.
Result<Covered> LatestCovered(const ledger::Ledger& ledger) {
  Result<std::optional<std::string>> note = ledger.LatestCheckpoint();
  if (!note.ok()) return note.error();
  if (!note->has_value()) return Covered{};
  const Result<merkle::SignedNote> read = merkle::SignedNote::Parse(**note);
  if (!read.ok()) return read.error();
  const Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(read->text);
  if (!checkpoint.ok()) return checkpoint.error();
  return Covered{std::move(**note), checkpoint->size};
}

// What to say of keys that have run out or soon will.
Json KeyEndsNow(const charter::CharterFiles& charter, int64_t now_s) {
  Json words = Json::array();
  const Result<std::vector<oversight::KeyEnd>> ends = oversight::KeyEnds(charter);
  if (!ends.ok()) return Json::array({sandbox::DisplayableOnOneLine(ends.error().message)});
  for (const oversight::KeyEnd& end : *ends) {
    const std::string warning = oversight::WarnOfEnd(end, now_s);
    if (!warning.empty()) words.push_back(sandbox::DisplayableOnOneLine(warning));
  }
  return words;
}

}  // namespace

Result<Json> EntryRow(uint64_t index, const std::string& entry) {
  Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  if (!envelope.ok()) return envelope.error();
  Result<audit::StatementKind> kind = audit::KindOf(envelope->payload);
  if (!kind.ok()) return kind.error();
  Result<Json> statement = encoding::ParseJson(envelope->payload);
  if (!statement.ok()) return statement.error();
  std::set<std::string> signers;
  for (const encoding::Signature& signature : envelope->signatures) signers.insert(signature.keyid);
  const Json predicate = statement->value("predicate", Json::object());
  return Json{{"index", index},
              {"kind", audit::StatementKindName(*kind)},
              {"proposal", predicate.contains("proposal") ? predicate["proposal"] : Json(nullptr)},
              {"signers", signers},
              {"leaf", encoding::EncodeBase64(merkle::LeafHash(entry).Raw())}};
}

Json SubjectSummary(ledger::SubjectLog& log, int64_t now_s) { return SummaryOf(log, LoaderOf(log), now_s); }

Json SubjectView(ledger::SubjectLog& log, int64_t now_s) {
  const gate::LoaderStop loader = LoaderOf(log);
  const audit::History& history = log.history();
  const charter::Charter& charter = log.charter().charter;
  Json view = SummaryOf(log, loader, now_s);
  Json halts = Json::array();
  for (const audit::LoggedHalt& halt : history.halts()) {
    if (!halt.lifted) halts.push_back(halt.principal + ": " + halt.decision.reason);
  }
  view.update({{"resume", ResumeView(log, now_s)},
               {"charter", charter.digest.Text()},
               {"charter_epoch", history.charter_epoch()},
               {"epoch", history.epoch()},
               {"live", OrNull(history.live_tree())},
               {"ledger_halts", halts},
               {"loader_halts", loader.halts},
               {"loader_unreadable", loader.broken ? Json(*loader.broken) : Json(nullptr)},
               {"ledger_older", loader.older ? Json(*loader.older) : Json(nullptr)},
               {"log_key", charter.gate.log.Text()},
               {"key_ends", KeyEndsNow(log.charter(), now_s)},
               {"single_operator", charter.assurance == charter::Assurance::kSingleOperator},
               {"approval",
                {{"threshold", charter.approval.threshold},
                 {"amendment_threshold", charter.amendment.threshold},
                 {"resume_threshold", charter.resume_threshold},
                 {"presence_required", charter.approval.presence == charter::Presence::kRequired},
                 {"rp_id", charter.approval.rp_id},
                 {"origins", charter.approval.origins},
                 {"people", PeopleOf(charter)}}}});
  return view;
}

Json ReleasesView(const ledger::SubjectLog& log, const Slice& slice) {
  const auto& releases = log.history().releases();
  Json rows = Json::array();
  for (uint64_t i = slice.first; i < releases.size() && rows.size() < slice.count; ++i) {
    const audit::ReleaseRecord& release = releases[releases.size() - 1 - i];
    const audit::ProposalHistory* proposal = log.history().Find(release.proposal);
    rows.push_back(
        {{"epoch", release.epoch},
         {"action", warrant::ActionName(proposal == nullptr ? warrant::Action::kRelease : proposal->proposal.action)},
         {"proposal", release.proposal},
         {"note", proposal == nullptr ? "" : proposal->proposal.note},
         {"tree", release.tree.Text()},
         {"warrant", release.warrant.Text()},
         {"time", encoding::TimeText(release.time)}});
  }
  return {{"total", releases.size()}, {"releases", rows}};
}

Result<Json> LedgerView(ledger::SubjectLog& log, const Slice& slice) {
  Result<Covered> covered = LatestCovered(log.ledger());
  if (!covered.ok()) return covered.error();
  Json rows = Json::array();
  const uint64_t size = log.history().size();
  if (slice.first < size) {
    Result<std::vector<std::string>> entries =
        log.ledger().Entries(slice.first, std::min(slice.count, size - slice.first));
    if (!entries.ok()) return entries.error();
    for (const std::string& entry : *entries) {
      Result<Json> row = EntryRow(slice.first + rows.size(), entry);
      if (!row.ok()) return row.error();
      rows.push_back(std::move(*row));
    }
  }
  return Json{{"total", size},
              {"covered", covered->size},
              {"checkpoint", covered->size == 0 ? Json(nullptr) : Json(covered->note)},
              {"entries", rows}};
}

Result<Json> EntryView(ledger::SubjectLog& log, uint64_t index) {
  Result<Covered> covered = LatestCovered(log.ledger());
  if (!covered.ok()) return covered.error();
  if (index >= covered->size) {
    return Error{ErrorCode::kNotFound, "site.no-entry", "no checkpoint covers such an entry yet",
                 "the gate signs one at its next step"};
  }
  Result<std::vector<std::string>> entries = log.ledger().Entries(index, 1);
  if (!entries.ok()) return entries.error();
  Result<Json> view = EntryRow(index, entries->at(0));
  if (!view.ok()) return view.error();
  Result<std::vector<crypto::Digest>> proof = tlog::InclusionProof(index, covered->size, log.ledger().Hashes());
  if (!proof.ok()) return proof.error();
  Json hashes = Json::array();
  for (const crypto::Digest& hash : *proof) hashes.push_back(encoding::EncodeBase64(hash.Raw()));
  view->update({{"entry", encoding::EncodeBase64(entries->at(0))},
                {"checkpoint", covered->note},
                {"size", covered->size},
                {"proof", hashes}});
  return view;
}

}  // namespace pawl::site
