// A complaint changes nothing but what people are shown, whoever signs it, and proves nothing about whoever has not
// signed what it shows.
//
// An input is a list of complaints, kBytesEach each, that follow upon a log in which an amendment took a reviewer out
// and a release has been decided. The bytes choose: who signs, whose vote, which entry. (event_fuzz reads the rest.)
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "audit/history.h"
#include "warrant/path_for_test.h"

using namespace pawl;           // NOLINT
using namespace pawl::warrant;  // NOLINT
using namespace pawl::audit;    // NOLINT

namespace {

constexpr size_t kBytesEach = 12;
// Who signs and is spoken of: reviewers, one that was taken out, the log, and nobody here.
constexpr const char* kNames[] = {"auditor-c", "prover-a",    "prover-b",    "prover-a2", "evaluator-a",
                                  "auditor-a", "integrity-c", "evaluator-b", "log",       "stranger"};

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Begun {
  Path path = Path::WithTwoReleases();
  std::vector<Vote> votes;
  MadeWarrant made;
  std::map<Digest, charter::Charter> charters;
  History history{[this](const Digest& digest) -> Result<charter::Charter> {
    if (!charters.contains(digest)) charters.emplace(digest, *path.CharterReader()(digest));
    return charters.at(digest);
  }};

  Begun() {
    const auto without = [](charter::TestCharter& test) {
      std::string& text = test.files["charter.toml"];
      const size_t at = text.find("[[reviewer]]\nname = \"prover-a2\"");
      text.erase(at, text.find("[[reviewer]]", at + 1) - at);
    };
    path.Accept(MakeAmendment(path, path.PutCharter(without), kThree));
    path.now += kDay;
    Tampering watched;
    watched.votes = [this](std::vector<Vote>& all) {
      all[1].about.digest = crypto::Sha256("other bytes");  // one that has lied already
      votes = all;
    };
    made = path.Make({.tree = path.third}, watched);
    for (const std::string& entry : path.entries()) Require(history.Apply(history.size(), entry).ok());
  }
};

std::string NameOf(uint8_t byte) { return kNames[byte % std::size(kNames)]; }
std::string KeyIdOf(const Begun& begun, const std::string& name) {
  return name == "log" ? begun.path.charter().gate.log.name : name;
}

// What bytes say, and whose key signed the vote in it; nobody's where it carries none.
struct Said {
  Complaint complaint;
  std::string signer, voter;
};

Said Choose(const Begun& begun, const uint8_t* bytes) {
  const ProposalHistory& proposal = *begun.history.Find("p4");
  Said said{.complaint = {.about = {begun.path.state.subject, proposal.candidate->tree},
                          .complainant = KeyIdOf(begun, NameOf(bytes[1])),
                          .accused = KeyIdOf(begun, NameOf(bytes[2])),
                          .candidate = proposal.candidate_digest,
                          .rule = static_cast<ComplaintRule>(bytes[3] % 11),
                          .reason = "seen",
                          .entry = {},
                          .vote = {},
                          .time = begun.path.now + bytes[0]},
            .signer = NameOf(bytes[4]),
            .voter = ""};
  const size_t entry = bytes[5] % (begun.votes.size() + 3);
  if (entry < begun.votes.size()) said.complaint.entry = StatementDigest(WriteVote(begun.votes[entry]));
  if (entry == begun.votes.size()) said.complaint.entry = StatementDigest(begun.made.parts.closing.payload);
  if (entry == begun.votes.size() + 1) said.complaint.entry = proposal.candidate_digest;
  if ((bytes[6] & 1) == 0) return said;
  Vote vote = begun.votes[(bytes[6] >> 1) % begun.votes.size()];
  if ((bytes[7] & 1) != 0) vote.verdict = VoteVerdict::kAgainst, vote.reasons = {"no"};
  if ((bytes[7] & 2) != 0) vote.time += 1;
  if ((bytes[7] & 4) != 0) vote.about.digest = crypto::Sha256("a tree");
  if ((bytes[7] & 8) != 0) vote.candidate = crypto::Sha256("another");
  if ((bytes[7] & 16) != 0) vote.reviewer = NameOf(bytes[8]);
  said.voter = NameOf(bytes[9]);
  said.complaint.vote = begun.path.BySomeone(WriteVote(vote), said.voter);
  if ((bytes[7] & 32) != 0) said.complaint.vote->signatures[0].keyid = NameOf(bytes[10]);
  if ((bytes[7] & 64) != 0) said.complaint.vote->signatures.push_back(said.complaint.vote->signatures[0]);
  if ((bytes[7] & 128) != 0) said.complaint.vote->payload_type = "text/plain";
  return said;
}

// What a proposal is decided by.
std::string Decisive(const History& history) {
  std::string all = std::to_string(history.epoch()) + " " + std::to_string(history.budget_index()) + " " +
                    std::to_string(history.time()) + " " + history.charter().digest.Hex();
  for (const ProposalHistory& proposal : history.proposals()) {
    for (const LoggedVote& logged : proposal.votes) all += logged.digest.Hex();
    all += StatementDigest(proposal.closing_envelope.payload).Hex() + std::to_string(proposal.approvers.size());
    all += proposal.outcome ? "ended" : "open";
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Begun begun;
  static const std::string before = Decisive(begun.history);
  History history = begun.history;
  for (; size >= kBytesEach; data += kBytesEach, size -= kBytesEach) {
    const Said said = Choose(begun, data);
    const Complaint& complaint = said.complaint;
    const std::string payload = WriteComplaint(complaint);
    const std::string entry = encoding::SerializeEnvelope(begun.path.BySomeone(payload, said.signer));
    History next = history;
    const size_t complaints = history.Find("p4")->complaints.size();
    const Result<void> applied = next.Apply(next.size(), entry);
    if (!applied.ok()) {
      Require(!applied.error().rule.empty() && !next.Apply(next.size(), entry).ok());
      continue;
    }
    Require(KeyIdOf(begun, said.signer) == complaint.complainant && said.signer != "stranger");
    Require(next.Find("p4")->complaints.size() == complaints + 1 && Decisive(next) == before);
    Require(!complaint.vote || complaint.vote->signatures.size() == 1);
    // Nobody is proven to have done what is not signed with a key of its own.
    if (IsProven(complaint.rule) && complaint.vote) Require(KeyIdOf(begun, said.voter) == complaint.accused);
    if (IsProven(complaint.rule) && !complaint.vote) Require(complaint.accused == begun.votes[1].reviewer);
    if (complaint.rule == ComplaintRule::kAfterRemoval) Require(complaint.accused == "prover-a2");
    Require(said.signer != "prover-a2");
    History again = next;
    Require(!again.Apply(again.size(), entry).ok());
    history = std::move(next);
  }
  return 0;
}
