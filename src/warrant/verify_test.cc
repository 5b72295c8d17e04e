// What the check of a warrant refuses: for every clause at least one warrant that differs from an accepted one by that
// defect alone. What it accepts: verify_accepts_test.cc.
#include "warrant/verify.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "charter/untried_for_test.h"
#include "checker/certificate.h"
#include "encoding/base64.h"
#include "merkle/cosignature.h"
#include "signing/sign.h"
#include "warrant/evidence.h"
#include "warrant/path_for_test.h"

namespace pawl::warrant {
namespace {

struct Case {
  const char* name;
  const char* rule;
  WarrantVerdict (*ask)();
};

// The third release, with one change.
WarrantVerdict Third(const Tampering& tampering, const std::vector<std::string>& signers = {"ann", "bob"}) {
  Path path = Path::WithTwoReleases();
  return path.Ask(path.Make({.tree = path.third, .signers = signers}, tampering), tampering);
}
template <typename Part>
WarrantVerdict Third(std::function<void(Part&)> Tampering::*stage,
                     std::type_identity_t<std::function<void(Part&)>> change) {
  Tampering tampering;
  tampering.*stage = std::move(change);
  return Third(tampering);
}

WarrantVerdict ThirdTree(const std::function<Digest(Path&)>& tree, const Tampering& tampering = {}) {
  Path path = Path::WithTwoReleases();
  const Digest digest = tree(path);
  return path.Ask(path.Make({.tree = digest}, tampering), tampering);
}

WarrantVerdict WithState(const std::function<void(State&)>& change, const Tampering& also = {}) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third}, also);
  change(path.state);
  return path.Ask(made, also);
}

WarrantVerdict Votes(const std::function<void(std::vector<Vote>&)>& change, Action action = Action::kRelease) {
  Path path = Path::WithTwoReleases();
  Tampering tampering;
  tampering.votes = change;
  return path.Ask(
      path.Make({.action = action, .tree = action == Action::kRelease ? path.third : path.baseline}, tampering));
}

// The same where the evaluators' evidence decides together, and one of them may lie.
WarrantVerdict Evidence(const std::function<void(std::vector<Vote>&)>& change, Action action = Action::kRelease) {
  Path path = Path::OfItsOwn([](charter::TestCharter& test) {
    test.Replace("{ role = \"evaluator\", at_least = 2 }", "{ role = \"evaluator\", at_least = 2, faults_max = 1 }");
  });
  Tampering tampering;
  tampering.votes = change;
  return path.Ask(
      path.Make({.action = action, .tree = action == Action::kRelease ? path.third : path.baseline}, tampering));
}

Vote& VoteOf(std::vector<Vote>& votes, const std::string& reviewer) {
  return *std::find_if(votes.begin(), votes.end(), [&](const Vote& vote) { return vote.reviewer == reviewer; });
}
Vote AlsoFrom(Vote vote, const std::string& reviewer) {
  vote.reviewer = reviewer;
  return vote;
}
void TurnAgainst(Vote& vote) {
  vote.verdict = VoteVerdict::kAgainst;
  vote.reasons = {"no"};
}

// Signs one envelope's payload with another key under the name that is expected.
void SignedBy(encoding::Envelope& envelope, const std::string& name) {
  envelope.signatures[0].sig =
      Path::Key(name).Sign(encoding::PreAuthenticationEncoding(envelope.payload_type, envelope.payload));
}

WarrantVerdict Seeds(const std::function<void(encoding::Json&, const Vote&)>& change) {
  return Votes([&](std::vector<Vote>& votes) {
    Vote& vote = VoteOf(votes, "evaluator-a");
    change(vote.evidence, vote);
  });
}
void SeedSignature(encoding::Json& evidence, const std::string& name, const Digest& candidate,
                   const std::string& body) {
  evidence["checkpoint"] = body;
  evidence["seed_signature"] = encoding::EncodeBase64(Path::Key(name).Sign(SeedMessage(candidate, body)));
}

std::vector<Digest> Leaves(const Path& path) {
  std::vector<Digest> leaves;
  for (const std::string& entry : path.entries()) leaves.push_back(merkle::LeafHash(entry));
  return leaves;
}
// All evaluators draw over another checkpoint, and sign it. `prove` is given the leaves of the whole log.
WarrantVerdict SeedsOfAll(const std::function<void(merkle::Checkpoint&)>& change,
                          const std::function<void(Warrant&, const std::vector<Digest>&)>& prove = {}) {
  Path path = Path::WithTwoReleases();
  Tampering tampering;
  tampering.votes = [&](std::vector<Vote>& votes) {
    for (Vote& vote : votes) {
      if (vote.role != "evaluator") continue;
      merkle::Checkpoint checkpoint = *merkle::Checkpoint::Parse(vote.evidence["checkpoint"].get<std::string>());
      change(checkpoint);
      SeedSignature(vote.evidence, vote.reviewer, vote.candidate, checkpoint.Text());
    }
  };
  tampering.warrant = [&](Warrant& w) {
    if (prove) prove(w, Leaves(path));
  };
  return path.Ask(path.Make({.tree = path.third}, tampering), tampering);
}
// One that the log really was like, when a vote had been added: whoever may choose draws more than once. Its proofs are
// good, but that the commit is not the last entry.
WarrantVerdict SeedsAfterTheFirstVote() {
  Path path = Path::WithTwoReleases();
  const Digest commit = merkle::LeafHash(SerializeEnvelope(path.Make({.tree = path.third}).parts.candidate));
  const std::vector<Digest> honest = Leaves(path);
  const auto at = static_cast<size_t>(std::find(honest.begin(), honest.end(), commit) - honest.begin());
  const size_t later = at + 2;
  const Digest root = tlog::RootOf(std::span(honest).first(later));
  return SeedsOfAll(
      [&](merkle::Checkpoint& checkpoint) {
        checkpoint.size = later;
        checkpoint.root = root;
      },
      [&](Warrant& w, const std::vector<Digest>& leaves) {
        const tlog::HashReader read = [&](unsigned level, uint64_t index) -> Result<Digest> {
          const uint64_t width = uint64_t{1} << level;
          return tlog::RootOf(std::span(leaves).subspan(index * width, width));
        };
        w.commit_inclusion = *tlog::InclusionProof(at, later, read);
        w.commit_consistency = *tlog::ConsistencyProof(later, leaves.size(), read);
        EXPECT_TRUE(merkle::VerifyInclusion(commit, at, later, w.commit_inclusion, root).ok());
        EXPECT_TRUE(
            merkle::VerifyConsistency(later, root, leaves.size(), tlog::RootOf(leaves), w.commit_consistency).ok());
      });
}
// A history that was made to try what its seeds would be, and never shown to anybody.
WarrantVerdict SeedsOverAFork() {
  Path path = Path::WithTwoReleases();
  const Digest commit = merkle::LeafHash(SerializeEnvelope(path.Make({.tree = path.third}).parts.candidate));
  const Digest before = merkle::LeafHash("something else");
  return SeedsOfAll(
      [&](merkle::Checkpoint& checkpoint) {
        checkpoint = {checkpoint.origin, 2, merkle::NodeHash(before, commit)};
      },
      [&](Warrant& w, const std::vector<Digest>&) { w.commit_inclusion = {before}; });
}

// The third release of a subject whose charter has no evaluation.
WarrantVerdict Untried(const Tampering& tampering) {
  Path path = Path::OfItsOwn(charter::WithoutTrials);
  return path.Ask(path.Make({.tree = path.third}, tampering), tampering);
}
void WithoutEvaluators(std::vector<Vote>& votes) {
  std::erase_if(votes, [](const Vote& vote) { return vote.role == "evaluator"; });
}
// All of a trial taken out of a warrant.
Tampering WithoutTrial() {
  Tampering tampering;
  tampering.candidate = [](Candidate& candidate) { candidate.environment.reset(); };
  tampering.votes = WithoutEvaluators;
  return tampering;
}

WarrantVerdict Approvals(const std::function<void(encoding::Envelope&)>& change) {
  Tampering tampering;
  tampering.decision_envelope = change;
  return Third(tampering);
}

WarrantVerdict Amendment(const std::function<void(charter::TestCharter&)>& edit,
                         const std::vector<std::string>& signers = kThree, const Tampering& tampering = {},
                         int64_t wait_s = kDay) {
  Path path = Path::WithTwoReleases();
  const Digest charter = path.PutCharter(edit);
  const MadeWarrant made = MakeAmendment(path, charter, signers, tampering, wait_s);
  return path.Ask(made, tampering);
}
void MoreReleases(charter::TestCharter& test) { test.Replace("max_releases = 3", "max_releases = 4"); }

// The gate's signature over something else, by the same key: a checkpoint.
std::string CheckpointSignature(const std::string& name) {
  return signing::SignCheckpoint({.origin = "example.org/log", .size = 0, .root = merkle::EmptyRoot()}, Path::Key(name))
      .signatures[0]
      .signature;
}

// Writes to the file of a blob, which the store keeps read-only.
void Damage(const Path& path, const Digest& digest) {
  const std::string file = path.store().BlobPath(digest);
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(8);
  stream.put('!');
}

WarrantVerdict Certificates(const std::function<std::string(Path&, CertificateReference&)>& bytes, float factor = 2) {
  Path path = Path::WithTwoReleases();
  const Digest tree = path.NetworkTree(factor);
  Tampering tampering;
  tampering.candidate = [&](Candidate& candidate) {
    const std::string certificate = bytes(path, candidate.certificates[0]);
    if (!certificate.empty()) candidate.certificates[0].certificate = *path.store().PutBlob(certificate);
  };
  return path.Ask(path.Make({.tree = tree}, tampering));
}

// 2·x, proven by a certificate of the networks within `radius` of centre·x; 1·x and 1.5·x were live before it.
WarrantVerdict Envelope(float centre, double radius, Path path = Path::WithEnvelopes()) {
  Tampering tampering;
  tampering.candidate = [&](Candidate& candidate) {
    candidate.certificates[0].certificate =
        *path.store().PutBlob(path.EnvelopeCertificate(TinyNetwork(centre), radius));
  };
  return path.Ask(path.Make({.tree = path.third}, tampering));
}
WarrantVerdict EnvelopeUnder(const std::string& section, float centre, double radius) {
  return Envelope(centre, radius, Path::OfItsOwn([&](charter::TestCharter& test) { test.Append(section); }));
}

// Of drift; `bytes` may change the reference instead, and then gives none.
WarrantVerdict Drift(const std::function<std::string(Path&, CertificateReference&)>& bytes, float factor = 2) {
  Path path = Path::WithDrift();
  const Digest tree = path.NetworkTree(factor);
  Tampering tampering;
  tampering.candidate = [&](Candidate& candidate) {
    ASSERT_EQ(candidate.certificates.size(), 2u);
    const std::string certificate = bytes(path, candidate.certificates[1]);
    if (!certificate.empty()) candidate.certificates[1].certificate = *path.store().PutBlob(certificate);
  };
  return path.Ask(path.Make({.tree = tree}, tampering));
}

WarrantVerdict DriftChanged(const std::function<void(checker::Certificate&)>& change) {
  return Drift([&](Path& path, CertificateReference&) {
    const std::string bytes = path.DriftCertificate(TinyNetwork(2), TinyNetwork(1), "1.25");
    checker::Certificate certificate = *checker::ReadCertificate(
        {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, checker::CertificateLimits{});
    change(certificate);
    return checker::WriteCertificate(certificate);
  });
}

WarrantVerdict DriftOf(float factor, float from, const std::string& within) {
  return Drift([&](Path& path, CertificateReference&) {
    return path.DriftCertificate(TinyNetwork(factor), TinyNetwork(from), within);
  });
}

WarrantVerdict OfDrift(const std::function<void(Candidate&)>& change, Action action = Action::kRelease) {
  Path path = Path::WithDrift();
  Tampering tampering;
  tampering.candidate = change;
  const Digest tree = action == Action::kRelease ? path.third : path.baseline;
  return path.Ask(path.Make({.action = action, .tree = tree}, tampering));
}

const Case kCases[] = {
    // Another target.
    {"AnotherResource", "state.other-subject",
     [] {
       Tampering both;
       both.candidate = [](Candidate& candidate) { candidate.resource = "https://example.org/another"; };
       both.decision = [](Decision& decision) { decision.resource = "https://example.org/another"; };
       return Third(both);
     }},
    {"SameBytesForAnotherLoader", "state.other-subject",
     [] { return WithState([](State& state) { state.resource = "https://example.org/another"; }); }},
    {"AnotherSubjectInTheCandidate", "state.other-subject",
     [] { return Third(&Tampering::candidate, [](Candidate& candidate) { candidate.about.subject = "another"; }); }},
    {"AnotherSubjectInTheDecision", "state.other-subject",
     [] { return Third(&Tampering::decision, [](Decision& decision) { decision.about.subject = "another"; }); }},

    // Another charter.
    {"OldCharterNewWarrant", "charter.not-current",
     [] {
       Path path = Path::WithTwoReleases();
       const CharterFiles before = path.charter_files();
       path.Accept(MakeAmendment(path, path.PutCharter(MoreReleases), kThree));
       Tampering old;
       old.candidate = [&](Candidate& candidate) {
         candidate.charter = before.charter.digest, candidate.charter_epoch = 0;
       };
       old.question = [&](WarrantQuestion& question) { question.charter = &before; };
       return path.Ask(path.Make({.tree = path.third}, old), old);
     }},
    {"ForgedCharterWithItsOwnWarrant", "charter.not-current",
     [] {
       Path path = Path::WithTwoReleases();
       const CharterFiles forged = *ReadCharterFiles(path.store(), path.PutCharter([](charter::TestCharter& test) {
         test.files["approvers"] = Path::SignerLine("mallory") + Path::SignerLine("nick") + Path::SignerLine("olga");
       }));
       Tampering own;
       own.candidate = [&](Candidate& candidate) { candidate.charter = forged.charter.digest; };
       own.question = [&](WarrantQuestion& question) { question.charter = &forged; };
       return path.Ask(path.Make({.tree = path.third, .signers = {"mallory", "nick"}}, own), own);
     }},
    {"DecisionUnderAnotherCharter", "charter.not-current",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.charter = crypto::Sha256("another"); }); }},
    {"DecisionOfAnotherCharterEpoch", "charter.not-current",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.charter_epoch = 1; }); }},
    {"CandidateOfAnotherCharterEpoch", "charter.not-current",
     [] {
       Tampering tampering;
       tampering.candidate = [](Candidate& candidate) { candidate.charter_epoch = 1; };
       tampering.decision = [](Decision& decision) { decision.charter_epoch = 0; };
       return Third(tampering);
     }},
    {"AnotherLog", "charter.not-current",
     [] { return WithState([](State& state) { state.log = charter::TestNoteKey("example.org/log", 'x'); }); }},

    {"Halted", "halt.in-force",
     [] {
       return Third(&Tampering::question, [](WarrantQuestion& question) {
         question.halts.in_force = {crypto::Sha256("halt")};
         question.halts.reasons = {"ann@example.org: smoke"};
       });
     }},
    {"HaltedWithoutAReason", "halt.in-force",
     [] {
       return Third(&Tampering::question,
                    [](WarrantQuestion& question) { question.halts.in_force = {crypto::Sha256("halt")}; });
     }},
    {"HaltedAtARestart", "halt.in-force",
     [] {
       Path path = Path::WithTwoReleases();
       const MadeWarrant made = path.Make({.tree = path.third});
       path.Accept(made);
       path.halts.in_force = {crypto::Sha256("halt")};
       return path.Ask(made, {}, Purpose::kRestart);
     }},

    // The gate's signature.
    {"UnsignedCandidate", "warrant.candidate-signature",
     [] { return Third(&Tampering::candidate_envelope, [](encoding::Envelope& e) { e.signatures.clear(); }); }},
    {"CandidateByAStranger", "warrant.candidate-signature",
     [] { return Third(&Tampering::candidate_envelope, [](encoding::Envelope& e) { SignedBy(e, "stranger"); }); }},
    {"CandidateByTheClock", "warrant.candidate-signature",
     [] { return Third(&Tampering::candidate_envelope, [](encoding::Envelope& e) { SignedBy(e, "clock"); }); }},
    {"CandidateByAReviewer", "warrant.candidate-signature",
     [] { return Third(&Tampering::candidate_envelope, [](encoding::Envelope& e) { SignedBy(e, "prover-a"); }); }},
    {"CandidateUnderAnotherName", "warrant.candidate-signature",
     [] {
       return Third(&Tampering::candidate_envelope, [](encoding::Envelope& e) { e.signatures[0].keyid = "log"; });
     }},
    {"CandidateWithTwoSignatures", "warrant.candidate-signature",
     [] {
       return Third(&Tampering::candidate_envelope,
                    [](encoding::Envelope& e) { e.signatures.push_back(e.signatures[0]); });
     }},
    {"CheckpointSignatureOnACandidate", "warrant.candidate-signature",
     [] {
       return Third(&Tampering::candidate_envelope,
                    [](encoding::Envelope& e) { e.signatures[0].sig = CheckpointSignature("log"); });
     }},
    {"ApprovalOnACandidate", "warrant.candidate-signature",
     [] {
       return Third(&Tampering::candidate_envelope,
                    [](encoding::Envelope& e) { e.signatures = {Path::Approve(e.payload, "ann")}; });
     }},
    {"AnotherPayloadType", "warrant.payload-type",
     [] {
       return Third(&Tampering::candidate_envelope, [](encoding::Envelope& e) { e.payload_type = "text/plain"; });
     }},
    {"VoteAsACandidate", "statement.kind",
     [] { return Third(&Tampering::warrant, [](Warrant& warrant) { warrant.candidate = warrant.votes[0]; }); }},
    {"CandidateAsADecision", "statement.kind",
     [] { return Third(&Tampering::warrant, [](Warrant& warrant) { warrant.decision = warrant.candidate; }); }},
    {"ClosingAmongTheVotes", "statement.kind",
     [] { return Third(&Tampering::warrant, [](Warrant& warrant) { warrant.votes.push_back(warrant.closing); }); }},

    {"ApprovedAsAnotherAction", "warrant.action",
     [] { return Third(&Tampering::decision, [](Decision& decision) { decision.action = Action::kRollback; }); }},
    {"AHaltThatReleases", "warrant.action",
     [] { return Third(&Tampering::decision, [](Decision& decision) { decision.action = Action::kHalt; }); }},

    // Mix and match.
    {"DecisionOnAnotherCandidate", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.candidate = crypto::Sha256("another"); }); }},
    {"DecisionOnAnotherClosing", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.closing = crypto::Sha256("another"); }); }},
    {"DecisionOnNoCandidate", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.candidate.reset(); }); }},
    {"DecisionOnOtherVotes", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.votes.pop_back(); }); }},
    {"VoteLeftOutOfTheWarrant", "warrant.mismatch",
     [] { return Third(&Tampering::warrant, [](Warrant& warrant) { warrant.votes.pop_back(); }); }},
    {"VoteTwiceInTheWarrant", "warrant.mismatch",
     [] {
       return Third(&Tampering::warrant, [](Warrant& warrant) { warrant.votes.push_back(warrant.votes.back()); });
     }},
    {"VotesOutOfOrder", "warrant.mismatch",
     [] { return Third(&Tampering::warrant, [](Warrant& w) { std::reverse(w.votes.begin(), w.votes.end()); }); }},
    {"DecisionOnAnotherTree", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.target = crypto::Sha256("another"); }); }},
    {"DecisionAboutAnotherTree", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.about.digest = crypto::Sha256("another"); }); }},
    {"CandidateAboutAnotherTree", "warrant.mismatch",
     [] { return Third(&Tampering::candidate, [](Candidate& c) { c.about.digest = crypto::Sha256("another"); }); }},
    {"DecisionOfAnotherEpoch", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.epoch = 4; }); }},
    {"DecisionAfterAnotherWarrant", "warrant.mismatch",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.previous.reset(); }); }},
    {"AnotherBaseline", "warrant.mismatch",
     [] { return Third(&Tampering::candidate, [](Candidate& c) { c.baseline = crypto::Sha256("another"); }); }},

    // Old, repeated and skipped epochs.
    {"AnOlderWarrant", "warrant.epoch",
     [] {
       Path path = Path::WithTwoReleases();
       const MadeWarrant made = path.Make({.tree = path.third});
       path.Accept(made);
       return path.Ask(made);
     }},
    {"FastForwardByOne", "warrant.epoch",
     [] { return Third(&Tampering::candidate, [](Candidate& candidate) { candidate.epoch = 4; }); }},
    {"FastForwardToTheEnd", "warrant.epoch",
     [] { return Third(&Tampering::candidate, [](Candidate& c) { c.epoch = encoding::kJsonIntegerMax; }); }},
    {"RestartOfWhatIsNotLive", "warrant.epoch",
     [] {
       Path path = Path::WithTwoReleases();
       const MadeWarrant made = path.Make({.tree = path.third});
       return path.Ask(made, {}, Purpose::kRestart);
     }},
    {"RestartOfWhatWasTakenBack", "warrant.epoch",
     [] {
       Path path = Path::WithTwoReleases();
       const MadeWarrant made = path.Make({.tree = path.third});
       path.Accept(made);
       path.Accept(path.Make({.action = Action::kRollback, .tree = path.second, .signers = {"ann"}}));
       return path.Ask(made, {}, Purpose::kRestart);
     }},
    {"RestartOfAnotherTree", "warrant.epoch",
     [] {
       Path path = Path::WithTwoReleases();
       const MadeWarrant made = path.Make({.tree = path.third});
       path.Accept(made);
       path.state.tree = path.second;
       return path.Ask(made, {}, Purpose::kRestart);
     }},
    {"AnotherParentTree", "warrant.parent",
     [] { return Third(&Tampering::candidate, [&](Candidate& c) { c.parent_tree = c.baseline; }); }},
    {"AnotherParentWarrant", "warrant.parent",
     [] { return Third(&Tampering::candidate, [](Candidate& c) { c.parent_warrant = crypto::Sha256("another"); }); }},
    {"NoParent", "warrant.parent",
     [] {
       return Third(&Tampering::candidate, [](Candidate& c) { c.parent_warrant.reset(), c.parent_tree.reset(); });
     }},

    // Votes.
    {"UnsignedVote", "vote.signature",
     [] { return Third(&Tampering::vote_envelopes, [](auto& votes) { votes[0].signatures.clear(); }); }},
    {"VoteByAStranger", "vote.signature",
     [] { return Third(&Tampering::vote_envelopes, [](auto& votes) { SignedBy(votes[0], "stranger"); }); }},
    {"VoteByAnotherReviewer", "vote.signature",
     [] { return Third(&Tampering::vote_envelopes, [](auto& votes) { SignedBy(votes[0], "prover-b"); }); }},
    {"VoteByTheGate", "vote.signature",
     [] { return Third(&Tampering::vote_envelopes, [](auto& votes) { SignedBy(votes[0], "log"); }); }},
    {"VoteWithTwoSignatures", "vote.signature",
     [] {
       return Third(&Tampering::vote_envelopes,
                    [](auto& votes) { votes[0].signatures.push_back(votes[0].signatures[0]); });
     }},
    {"CheckpointSignatureOnAVote", "vote.signature",
     [] {
       return Third(&Tampering::vote_envelopes,
                    [](auto& votes) { votes[0].signatures[0].sig = CheckpointSignature("prover-a"); });
     }},
    {"SeedSignatureOnAVote", "vote.signature",
     [] {
       return Third(&Tampering::vote_envelopes, [](auto& votes) {
         for (encoding::Envelope& envelope : votes) {
           const Vote vote = *ReadVote(envelope.payload);
           if (vote.reviewer != "evaluator-a") continue;
           envelope.signatures[0].sig =
               *encoding::DecodeBase64(vote.evidence["seed_signature"].template get<std::string>());
         }
       });
     }},
    {"ApprovalAsAVote", "vote.signature",
     [] {
       return Third(&Tampering::vote_envelopes,
                    [](auto& votes) { votes[0].signatures = {Path::Approve(votes[0].payload, "ann")}; });
     }},
    {"VoteByAnUnknownReviewer", "vote.signature",
     [] { return Votes([](std::vector<Vote>& votes) { votes.push_back(AlsoFrom(votes[0], "stranger")); }); }},
    {"VoteInAnotherRole", "vote.signature",
     [] { return Votes([](std::vector<Vote>& votes) { VoteOf(votes, "prover-a").role = "integrity"; }); }},
    {"VoteOnAnotherRun", "vote.signature",
     [] { return Votes([](std::vector<Vote>& votes) { votes[0].candidate = crypto::Sha256("another"); }); }},
    {"VoteForAnotherSubject", "vote.signature",
     [] { return Votes([](std::vector<Vote>& votes) { votes[0].about.subject = "another"; }); }},
    {"TwoVotesOfOneReviewer", "vote.signature",
     [] {
       return Votes([](std::vector<Vote>& votes) {
         votes.push_back(votes[0]);
         votes.back().host = "elsewhere";
       });
     }},
    {"VoteAfterRemoval", "vote.signature",
     [] {
       Path path = Path::WithTwoReleases();
       path.Accept(MakeAmendment(path, path.PutCharter([](charter::TestCharter& test) {
         std::string& text = test.files["charter.toml"];
         const size_t at = text.find("[[reviewer]]\nname = \"prover-a2\"");
         text.erase(at, text.find("[[reviewer]]", at + 1) - at);
       }),
                                 kThree));
       path.now += 60;
       Tampering removed;
       removed.votes = [](std::vector<Vote>& votes) { votes.push_back(AlsoFrom(votes[0], "prover-a2")); };
       return path.Ask(path.Make({.tree = path.third}, removed));
     }},

    // Trials.
    {"NoTrialWhereTheCharterAsksForOne", "warrant.trial", [] { return Third(WithoutTrial()); }},
    {"NoTrialAtTheFirstRelease", "warrant.trial",
     [] {
       Path path;
       return path.Ask(path.Make({.tree = path.baseline}, WithoutTrial()));
     }},
    {"NoTrialAtARestart", "warrant.trial",
     [] {
       Path path = Path::WithTwoReleases();
       const MadeWarrant made = path.Make({.tree = path.third}, WithoutTrial());
       path.state.releases.push_back({.epoch = 3, .tree = path.third, .warrant = crypto::Sha256(made.bytes)});
       path.state.tree = path.third;
       return path.Ask(made, {}, Purpose::kRestart);
     }},
    {"ATrialWithoutEvaluators", "quorum.not-met", [] { return Third(&Tampering::votes, WithoutEvaluators); }},
    {"ATrialWhereTheCharterAsksForNone", "warrant.trial",
     [] {
       Tampering tampering;
       tampering.candidate = [](Candidate& candidate) { candidate.environment = crypto::Sha256("environment"); };
       return Untried(tampering);
     }},
    {"AnEvaluatorWhereTheCharterHasNone", "vote.signature",
     [] {
       Tampering tampering;
       tampering.votes = [](std::vector<Vote>& votes) {
         votes.push_back(AlsoFrom(votes[0], "evaluator-a"));
         votes.back().role = "evaluator";
       };
       return Untried(tampering);
     }},
    {"NoTrialByACharterThatIsNotInForce", "charter.not-current",
     [] {
       Path path = Path::WithTwoReleases();
       const CharterFiles other = *ReadCharterFiles(path.store(), path.PutCharter(charter::WithoutTrials));
       Tampering tampering = WithoutTrial();
       tampering.question = [&](WarrantQuestion& question) { question.charter = &other; };
       return path.Ask(path.Make({.tree = path.third}, tampering), tampering);
     }},
    {"NoTrialByACharterThatTheWarrantNames", "charter.not-current",
     [] {
       Path path = Path::WithTwoReleases();
       const CharterFiles other = *ReadCharterFiles(path.store(), path.PutCharter(charter::WithoutTrials));
       Tampering tampering = WithoutTrial();
       tampering.candidate = [&](Candidate& candidate) {
         candidate.environment.reset();
         candidate.charter = other.charter.digest;
       };
       tampering.decision = [&](Decision& decision) { decision.charter = other.charter.digest; };
       tampering.question = [&](WarrantQuestion& question) { question.charter = &other; };
       return path.Ask(path.Make({.tree = path.third}, tampering), tampering);
     }},
    {"ACommitOfBeforeTrialsWereAmendedAway", "charter.not-current",
     [] {
       Path path = Path::WithTwoReleases();
       const MadeWarrant made = path.Make({.tree = path.third}, WithoutTrial());
       path.Accept(MakeAmendment(path, path.PutCharter(charter::WithoutTrials), kThree));
       const CharterFiles now = *ReadCharterFiles(path.store(), path.state.charter);
       Tampering asked;
       asked.question = [&](WarrantQuestion& question) { question.charter = &now; };
       return path.Ask(made, asked);
     }},
    {"TrialsAmendedAwayByTwoPeople", "approval.threshold",
     [] {
       return Amendment(charter::WithoutTrials, {"ann", "bob"});
     }},
    {"UntriedWithoutItsDrift", "drift.certificate",
     [] {
       Tampering tampering;
       tampering.candidate = [](Candidate& candidate) { candidate.certificates.pop_back(); };
       return Untried(tampering);
     }},
    {"UntriedTooFarFromTheBaseline", "drift.certificate",
     [] {
       Path path = Path::OfItsOwn(charter::WithoutTrials);
       return path.Ask(path.Make({.tree = path.NetworkTree(2.5)}));
     }},
    {"UntriedAndAnotherFile", "surface.refused",
     [] {
       Path path = Path::OfItsOwn(charter::WithoutTrials);
       const Digest tree = path.PutTree({{"policy.onnx", TinyNetwork(2)}, {"improver/improve.py", "more()\n"}});
       return path.Ask(path.Make({.tree = tree}));
     }},

    // Seeds.
    {"SeedsOfAnotherEvaluator", "vote.seeds",
     [] {
       return Seeds([](encoding::Json& evidence, const Vote& vote) {
         SeedSignature(evidence, "evaluator-b", vote.candidate, evidence["checkpoint"]);
       });
     }},
    {"SeedsOfAnotherCandidate", "vote.seeds",
     [] {
       return Seeds([](encoding::Json& evidence, const Vote&) {
         SeedSignature(evidence, "evaluator-a", crypto::Sha256("another"), evidence["checkpoint"]);
       });
     }},
    {"SeedsOfAnotherCheckpoint", "vote.seeds",
     [] {
       return Seeds([](encoding::Json& evidence, const Vote&) {
         merkle::Checkpoint checkpoint = *merkle::Checkpoint::Parse(evidence["checkpoint"].get<std::string>());
         checkpoint.root = crypto::Sha256("another");
         evidence["checkpoint"] = checkpoint.Text();
       });
     }},
    {"SeedsOfAnotherLog", "vote.seeds",
     [] {
       return Seeds([](encoding::Json& evidence, const Vote& vote) {
         merkle::Checkpoint checkpoint = *merkle::Checkpoint::Parse(evidence["checkpoint"].get<std::string>());
         checkpoint.origin = "example.org/another";
         SeedSignature(evidence, "evaluator-a", vote.candidate, checkpoint.Text());
       });
     }},
    {"SeedsAfterClosing", "vote.seeds",
     [] {
       return Seeds([](encoding::Json& evidence, const Vote& vote) {
         merkle::Checkpoint checkpoint = *merkle::Checkpoint::Parse(evidence["checkpoint"].get<std::string>());
         checkpoint.size += 1'000;
         SeedSignature(evidence, "evaluator-a", vote.candidate, checkpoint.Text());
       });
     }},
    {"SeedsOverTwoCheckpoints", "vote.seeds",
     [] {
       return Seeds([](encoding::Json& evidence, const Vote& vote) {
         merkle::Checkpoint checkpoint = *merkle::Checkpoint::Parse(evidence["checkpoint"].get<std::string>());
         checkpoint.root = crypto::Sha256("another");
         SeedSignature(evidence, "evaluator-a", vote.candidate, checkpoint.Text());
       });
     }},
    {"NoSeeds", "json.member-missing",
     [] { return Seeds([](encoding::Json& evidence, const Vote&) { evidence = encoding::Json::object(); }); }},
    {"MoreThanSeeds", "json.member-unknown",
     [] { return Seeds([](encoding::Json& evidence, const Vote&) { evidence["more"] = 1; }); }},
    {"SeedsOfNoCheckpoint", "checkpoint.malformed",
     [] { return Seeds([](encoding::Json& evidence, const Vote&) { evidence["checkpoint"] = "seven"; }); }},

    // Quorum.
    {"OneVoteShort", "quorum.not-met",
     [] {
       return Votes([](std::vector<Vote>& votes) {
         std::erase_if(votes, [](const Vote& vote) { return vote.reviewer == "prover-b"; });
       });
     }},
    {"NoVotes", "quorum.not-met", [] { return Votes([](std::vector<Vote>& votes) { votes.clear(); }); }},
    {"TwoVotesOfOnePrincipal", "quorum.not-met",
     [] {
       return Votes([](std::vector<Vote>& votes) { VoteOf(votes, "prover-b") = AlsoFrom(votes[0], "prover-a2"); });
     }},
    {"OneVoteAgainst", "quorum.not-met",
     [] { return Votes([](std::vector<Vote>& votes) { TurnAgainst(VoteOf(votes, "integrity-c")); }); }},
    {"APrincipalOnBothSides", "quorum.not-met",
     [] {
       return Votes([](std::vector<Vote>& votes) {
         votes.push_back(AlsoFrom(votes[0], "prover-a2"));
         TurnAgainst(votes.back());
       });
     }},
    {"Abstention", "quorum.not-met",
     [] {
       return Votes([](std::vector<Vote>& votes) {
         TurnAgainst(VoteOf(votes, "evaluator-b"));
         VoteOf(votes, "evaluator-b").verdict = VoteVerdict::kAbstain;
       });
     }},
    {"AnAuditorAgainst", "quorum.not-met",
     [] {
       return Votes([](std::vector<Vote>& votes) {
         votes.push_back(AlsoFrom(VoteOf(votes, "integrity-c"), "auditor-c"));
         votes.back().role = "auditor";
         TurnAgainst(votes.back());
       });
     }},
    {"AnEvaluatorAgainstARollback", "quorum.not-met",
     [] {
       return Votes([](std::vector<Vote>& votes) { TurnAgainst(VoteOf(votes, "evaluator-a")); }, Action::kRollback);
     }},
    {"ARollbackWithoutProvers", "quorum.not-met",
     [] {
       return Votes(
           [](std::vector<Vote>& votes) {
             VoteOf(votes, "prover-b").verdict = VoteVerdict::kAbstain, VoteOf(votes, "prover-b").reasons = {"asleep"};
           },
           Action::kRollback);
     }},
    // Where evidence is put together, a vote for is not enough.
    {"EvidenceThatFallsShort", "quorum.not-met",
     [] {
       return Evidence([](std::vector<Vote>& votes) {
         VoteOf(votes, "evaluator-b").evidence["shares"]["harm near_miss"] = kWholeShare - 1;
       });
     }},
    {"EvidenceOfALiarAlone", "quorum.not-met",
     [] {
       return Evidence([](std::vector<Vote>& votes) {
         VoteOf(votes, "evaluator-a").evidence["shares"]["harm near_miss"] = -5 * kWholeShare;
       });
     }},
    {"EvidenceOnAnotherCondition", "quorum.not-met",
     [] {
       return Evidence([](std::vector<Vote>& votes) {
         VoteOf(votes, "evaluator-a").evidence["shares"] = {{"step", kWholeShare}};
       });
     }},
    {"NoEvidence", "quorum.not-met",
     [] {
       return Evidence([](std::vector<Vote>& votes) {
         for (const char* name : {"evaluator-a", "evaluator-b"}) VoteOf(votes, name).evidence.erase("shares");
       });
     }},
    {"EvidenceOfOneEvaluator", "quorum.not-met",
     [] {
       return Evidence([](std::vector<Vote>& votes) {
         std::erase_if(votes, [](const Vote& vote) { return vote.reviewer == "evaluator-b"; });
       });
     }},

    // Closing.
    {"OneAuditorShort", "closing.signature",
     [] { return Third(&Tampering::closing_envelope, [](encoding::Envelope& e) { e.signatures.pop_back(); }); }},
    {"UnsignedClosing", "closing.signature",
     [] { return Third(&Tampering::closing_envelope, [](encoding::Envelope& e) { e.signatures.clear(); }); }},
    {"OneAuditorTwice", "closing.signature",
     [] {
       return Third(&Tampering::closing_envelope, [](encoding::Envelope& e) { e.signatures[1] = e.signatures[0]; });
     }},
    {"OneAuditorUnderTwoNames", "closing.signature",
     [] {
       return Third(&Tampering::closing_envelope, [](encoding::Envelope& e) {
         e.signatures[1] = e.signatures[0], e.signatures[1].keyid = "auditor-c";
       });
     }},
    {"ClosingByAnEvaluator", "closing.signature",
     [] {
       return Third(&Tampering::closing_envelope, [](encoding::Envelope& e) {
         e.signatures[1] = signing::SignPayload(e.payload, "evaluator-b", Path::Key("evaluator-b"));
       });
     }},
    {"ClosingByAStrangerToo", "closing.signature",
     [] {
       return Third(&Tampering::closing_envelope, [](encoding::Envelope& e) {
         e.signatures.push_back(signing::SignPayload(e.payload, "stranger", Path::Key("stranger")));
       });
     }},
    {"VoteSignatureOnAClosing", "closing.signature",
     [] {
       return Third(&Tampering::warrant,
                    [](Warrant& w) { w.closing.signatures[0].sig = w.candidate.signatures[0].sig; });
     }},
    {"RejectionOmitted", "closing.votes",
     [] {
       // The auditors list a vote against; the gate drops it everywhere else.
       Tampering omitted;
       omitted.closing = [](Closing& closing) {
         closing.votes.push_back(crypto::Sha256("a vote against"));
         std::sort(closing.votes.begin(), closing.votes.end());
       };
       omitted.decision = [](Decision& decision) { std::erase(decision.votes, crypto::Sha256("a vote against")); };
       return Third(omitted);
     }},
    {"ClosingOfAnotherCandidate", "closing.votes",
     [] { return Third(&Tampering::closing, [](Closing& c) { c.candidate = crypto::Sha256("another"); }); }},
    {"ClosingOfAnotherSubject", "closing.votes",
     [] { return Third(&Tampering::closing, [](Closing& c) { c.about.subject = "another"; }); }},
    {"SuppressedHalt", "closing.open-halt",
     [] { return Third(&Tampering::closing, [](Closing& c) { c.open_halts = {crypto::Sha256("halt")}; }); }},

    // The log.
    {"CheckpointByAStranger", "log.signature",
     [] {
       return Third(&Tampering::note, [](merkle::SignedNote& note) {
         note.signatures[0] = signing::SignNote(note.text, "example.org/log", Path::Key("stranger"));
       });
     }},
    {"CheckpointOfAnotherLog", "log.signature",
     [] {
       Tampering another;
       another.checkpoint = [](merkle::Checkpoint& checkpoint) { checkpoint.origin = "example.org/another"; };
       another.note = [](merkle::SignedNote& note) {
         note.signatures[0] = signing::SignNote(note.text, "example.org/log", Path::Key("log"));
       };
       return Third(another);
     }},
    {"CheckpointWithoutTheLog", "log.signature",
     [] {
       return Third(&Tampering::note, [](merkle::SignedNote& note) { note.signatures.erase(note.signatures.begin()); });
     }},
    {"NoTime", "log.signature",
     [] { return Third(&Tampering::note, [](merkle::SignedNote& note) { note.signatures.pop_back(); }); }},
    {"TimeByAStranger", "log.signature",
     [] {
       return Third(&Tampering::note, [](merkle::SignedNote& note) {
         note.signatures[1] = signing::Cosign(note.text, "example.org/clock", Path::Key("stranger"), kGenesisTime);
       });
     }},
    {"TwoTimes", "log.signature",
     [] {
       return Third(&Tampering::note, [](merkle::SignedNote& note) {
         note.signatures.push_back(signing::Cosign(note.text, "example.org/clock", Path::Key("clock"), kGenesisTime));
       });
     }},
    {"NoWitness", "log.signature",
     [] { return Witnessed([](merkle::SignedNote& note) { note.signatures.resize(2); }); }},
    {"TooFewWitnesses", "log.witnesses",
     [] { return Witnessed([](merkle::SignedNote& note) { note.signatures.resize(4); }); }},
    {"TooFewWitnessesAtARestart", "log.witnesses",
     [] {
       Path path = Path::WithWitnesses();
       Tampering few;
       few.note = [](merkle::SignedNote& note) { note.signatures.resize(4); };
       const MadeWarrant made = path.Make({.tree = path.third}, few);
       path.state.tree = path.third;  // as if a loader had been made to believe it
       path.state.releases.push_back({.epoch = 3,
                                      .tree = path.third,
                                      .time = path.now,
                                      .switched = path.now,
                                      .warrant = crypto::Sha256(made.bytes),
                                      .action = Action::kRelease});
       return path.Ask(made, {}, Purpose::kRestart);
     }},
    {"WitnessNotListed", "log.witnesses",
     [] {
       return Witnessed([](merkle::SignedNote& note) {
         CosignAt(note, {{"witness-a", kGenesisTime}, {"witness-b", kGenesisTime}, {"witness-e", kGenesisTime}});
       });
     }},
    {"WitnessUnderTheNameOfAnother", "log.witnesses",
     [] {
       return Witnessed([](merkle::SignedNote& note) {
         note.signatures.resize(4);
         note.signatures.push_back(signing::Cosign(note.text, "witness-d", Path::Key("witness-a"), kGenesisTime));
       });
     }},
    {"SameWitnessTwice", "log.signature",
     [] {
       return Witnessed([](merkle::SignedNote& note) {
         CosignAt(note, {{"witness-a", kGenesisTime}, {"witness-b", kGenesisTime}, {"witness-b", kGenesisTime + 1}});
       });
     }},
    {"WitnessesOfAnotherCheckpoint", "log.signature",
     [] {
       return Witnessed([](merkle::SignedNote& note) {
         const std::string another = "example.org/log\n5\n" + note.text.substr(note.text.find('\n', 16) + 1);
         note.signatures.resize(2);
         for (const char* name : {"witness-a", "witness-b", "witness-c"}) {
           note.signatures.push_back(signing::Cosign(another, name, Path::Key(name), kGenesisTime));
         }
       });
     }},
    {"ForgedCosignature", "log.signature",
     [] { return Witnessed([](merkle::SignedNote& note) { note.signatures[3].signature[9] ^= 1; }); }},
    {"CosignatureWithAnotherTime", "log.signature",
     [] { return Witnessed([](merkle::SignedNote& note) { note.signatures[3].signature[7] ^= 1; }); }},
    {"ForkThatTwoWitnessesHaveCosigned", "log.witnesses",
     [] {
       // The gate shows this loader a second log of one size. A quorum has cosigned the first, so that only the one
       // that lies and the one that was asked for neither are left.
       Tampering fork;
       fork.closing = [](Closing& closing) { closing.time += 1; };
       return Witnessed(
           [](merkle::SignedNote& note) {
             const int64_t now = Path::WithWitnesses().now;
             CosignAt(note, {{"witness-c", now}, {"witness-d", now}});
           },
           fork);
     }},
    {"StaleCosignatures", "time.stale",
     [] {
       Tampering old;
       old.question = [](WarrantQuestion& question) { question.now_s += kDay + 1; };
       return Witnessed([](merkle::SignedNote&) {}, old);
     }},
    {"WitnessesADayAhead", "time.backwards",
     [] {
       const int64_t tomorrow = Path::WithWitnesses().now + kDay;
       return Witnessed([tomorrow](merkle::SignedNote& note) {
         CosignAt(note, {{"witness-a", tomorrow}, {"witness-b", tomorrow}, {"witness-c", tomorrow}});
       });
     }},
    {"WitnessesADayBehind", "time.backwards",
     [] {
       const int64_t yesterday = Path::WithWitnesses().now - kDay;
       return Witnessed([yesterday](merkle::SignedNote& note) {
         CosignAt(note, {{"witness-a", yesterday}, {"witness-b", yesterday}, {"witness-c", yesterday}});
       });
     }},
    {"VoteSignatureOnACheckpoint", "log.signature",
     [] {
       return Third(&Tampering::note, [](merkle::SignedNote& note) {
         const std::string payload = "{}";
         note.signatures[0].signature = signing::SignPayload(payload, "log", Path::Key("log")).sig;
       });
     }},
    {"AnotherIndex", "log.proof",
     [] { return Third(&Tampering::proof, [](merkle::TlogProof& proof) { proof.index -= 1; }); }},
    {"ProofCutShort", "log.proof",
     [] { return Third(&Tampering::proof, [](merkle::TlogProof& proof) { proof.hashes.pop_back(); }); }},
    {"ApprovalsNotLogged", "log.proof",
     [] {
       return Third(&Tampering::warrant,
                    [](Warrant& w) { std::swap(w.decision.signatures[0], w.decision.signatures[1]); });
     }},
    {"AnotherRoot", "log.proof",
     [] { return Third(&Tampering::checkpoint, [](merkle::Checkpoint& c) { c.root = crypto::Sha256("another"); }); }},
    {"ApprovedBeforeVotingClosed", "log.proof",
     [] { return Third(&Tampering::closing, [](Closing& closing) { closing.size += 3; }); }},
    {"AuditorsSawAnotherLog", "log.consistency",
     [] { return Third(&Tampering::closing, [](Closing& c) { c.root = crypto::Sha256("another"); }); }},
    {"NoProofFromTheClosing", "log.consistency",
     [] { return Third(&Tampering::warrant, [](Warrant& w) { w.closing_consistency.clear(); }); }},
    {"SeedsOverALogThatNeverWas", "log.commit",
     [] { return SeedsOfAll([](merkle::Checkpoint& checkpoint) { checkpoint.root = crypto::Sha256("another"); }); }},
    {"SeedsOverAnEarlierLog", "log.commit",
     [] { return SeedsOfAll([](merkle::Checkpoint& checkpoint) { --checkpoint.size; }); }},
    {"SeedsOverAnEmptyLog", "log.commit",
     [] {
       return SeedsOfAll([](merkle::Checkpoint& checkpoint) {
         checkpoint = {checkpoint.origin, 0, merkle::EmptyRoot()};
       });
     }},
    {"SeedsOverALaterLog", "log.commit", SeedsAfterTheFirstVote},
    {"SeedsOverALogThatEndsWithTheCommitAndIsAnother", "log.commit", SeedsOverAFork},
    {"NoProofOfTheCommit", "log.commit",
     [] { return Third(&Tampering::warrant, [](Warrant& w) { w.commit_inclusion.clear(); }); }},
    {"NoProofFromTheCommit", "log.commit",
     [] { return Third(&Tampering::warrant, [](Warrant& w) { w.commit_consistency.clear(); }); }},
    {"ForkedLogOfTheSameSize", "log.consistency",
     [] { return WithState([](State& state) { state.checkpoint_root = crypto::Sha256("another"); }); }},
    {"SmallerTree", "log.consistency",
     [] {
       Tampering claims;
       claims.warrant = [](Warrant& w) { w.previous_size = 1'000'000; };
       return WithState([](State& state) { state.checkpoint_size = 1'000'000; }, claims);
     }},
    {"AnotherPreviousSize", "log.consistency",
     [] {
       return Third(&Tampering::warrant, [](Warrant& w) { w.previous_size = 0, w.previous_consistency.clear(); });
     }},
    {"NoProofFromThePreviousSize", "log.consistency",
     [] { return Third(&Tampering::warrant, [](Warrant& w) { w.previous_consistency.pop_back(); }); }},

    // Time.
    {"TimeBeforeTheState", "time.backwards",
     [] {
       return WithState([](State& state) { state.time += kDay + 601; });  // a second after now
     }},
    {"TimeADayAhead", "time.backwards",
     [] { return Third(&Tampering::cosignature_time, [](int64_t& time) { time += kDay; }); }},
    {"TimeJustBeyondTheSkew", "time.backwards",
     [] { return Third(&Tampering::cosignature_time, [](int64_t& time) { time += 301; }); }},
    {"ClockADayBehind", "time.backwards",
     [] { return Third(&Tampering::question, [](WarrantQuestion& question) { question.now_s -= kDay; }); }},
    {"TimeBeforeTheDecision", "time.backwards",
     [] { return Third(&Tampering::cosignature_time, [](int64_t& time) { time -= 301; }); }},
    {"DecisionFromTheFuture", "time.backwards",
     [] { return Third(&Tampering::decision, [](Decision& d) { d.issued += kDay, d.expires += kDay; }); }},
    {"RunsTooLong", "time.expired",
     [] { return Third(&Tampering::decision, [](Decision& decision) { decision.expires += 1; }); }},
    {"ExpiredByTheLog", "time.expired",
     [] {
       return Third(&Tampering::decision, [](Decision& d) { d.issued -= 7 * kDay + 1, d.expires -= 7 * kDay + 1; });
     }},
    {"ExpiredByTheClock", "time.expired",
     [] { return Third(&Tampering::question, [](WarrantQuestion& q) { q.now_s += 7 * kDay + 1; }); }},
    {"ExpiredWhenFollowed", "time.expired",
     [] {
       Path path = Path::WithTwoReleases();
       Tampering late;
       late.decision = [](Decision& d) { d.issued -= 7 * kDay + 1, d.expires -= 7 * kDay + 1; };
       return path.Ask(path.Make({.tree = path.third}, late), {}, Purpose::kFollow);
     }},
    {"StaleCheckpoint", "time.stale",
     [] { return Third(&Tampering::question, [](WarrantQuestion& question) { question.now_s += kDay + 1; }); }},

    // People.
    {"OneApprovalShort", "approval.threshold", [] { return Third({}, {"ann"}); }},
    {"NoApproval", "approval.threshold", [] { return Third({}, {}); }},
    {"OlderTargetWithOneApproval", "approval.threshold",
     [] {
       Path path = Path::WithTwoReleases();
       path.Accept(path.Make({.tree = path.third}));
       return path.Ask(path.Make({.action = Action::kRollback, .tree = path.baseline, .signers = {"ann"}}));
     }},
    {"AmendmentWithTwoApprovals", "approval.threshold",
     [] {
       return Amendment(MoreReleases, {"ann", "bob"});
     }},
    {"AmendmentWithoutTheNewPeople", "approval.threshold",
     [] {
       return Amendment([](charter::TestCharter& test) {
         test.files["approvers"] = Path::SignerLine("ann") + Path::SignerLine("fay") + Path::SignerLine("gus");
       });
     }},
    {"TwoPeopleEnrolFive", "approval.threshold",
     [] {
       return Amendment(
           [](charter::TestCharter& test) {
             for (const char* person : {"fay", "gus", "hal", "ida", "jim"})
               test.files["approvers"] += Path::SignerLine(person);
           },
           {"ann", "bob", "fay", "gus", "hal", "ida", "jim"});
     }},
    {"AmendmentBelowTheNewThreshold", "approval.threshold",
     [] { return Amendment([](charter::TestCharter& test) { test.Replace("threshold = 3", "threshold = 4"); }); }},
    {"UnknownKey", "approval.unknown-signer",
     [] {
       return Third({}, {"ann", "bob", "mallory"});
     }},
    {"OnePersonWithTwoKeys", "approval.twice",
     [] {
       return Third({}, {"ann", "ann-two"});
     }},
    {"OneSignatureTwice", "approval.twice",
     [] {
       return Third({}, {"ann", "ann"});
     }},
    {"OneKeyUnderTwoNames", "approval.unknown-signer",
     [] {
       return Approvals([](encoding::Envelope& e) {
         e.signatures[1] = e.signatures[0], e.signatures[1].keyid = Path::Principal("bob");
       });
     }},
    {"ExpiredKey", "approval.expired-key",
     [] {
       return Third({}, {"ann", "eve"});
     }},
    {"NobodyPresent", "approval.presence",
     [] { return Approvals([](encoding::Envelope& e) { e.signatures[0] = Path::Approve(e.payload, "ann", 0); }); }},
    {"OnlyVerifiedButNotPresent", "approval.presence",
     [] { return Approvals([](encoding::Envelope& e) { e.signatures[0] = Path::Approve(e.payload, "ann", 4); }); }},
    {"ApprovalOfSomethingElse", "approval.signature",
     [] { return Approvals([](encoding::Envelope& e) { e.signatures[0] = Path::Approve("{}", "ann"); }); }},
    {"SignatureForAnotherPurpose", "approval.signature",
     [] {
       return Approvals([](encoding::Envelope& e) { e.signatures[0] = Path::Approve(e.payload, "ann", 5, "git"); });
     }},
    {"VoteAsAnApproval", "sshsig.malformed",
     [] {
       return Approvals([](encoding::Envelope& e) {
         e.signatures.push_back(signing::SignPayload(e.payload, Path::Principal("bob"), Path::Key("prover-a")));
       });
     }},
    {"DraftAsAnApproval", "sshsig.malformed",
     [] {
       return Approvals([](encoding::Envelope& e) {
         e.signatures[1] = signing::SignPayload(e.payload, "example.org/log", Path::Key("log"));
       });
     }},

    // Pace.
    {"TooSoon", "pace.interval",
     [] {
       Path path = Path::WithTwoReleases();
       path.now -= 601;
       return path.Ask(path.Make({.tree = path.third}));
     }},
    {"TooSoonAfterABackdatedRelease", "pace.interval",
     [] {
       // The gate stamps a release twenty hours back, so that by the log's time alone the next could follow at once.
       Path path = Path::WithTwoReleases();
       constexpr int64_t kBack = 20 * 3'600;
       Tampering backdated;
       backdated.candidate = [](Candidate& candidate) { candidate.time -= kBack; };
       backdated.closing = [](Closing& closing) { closing.time -= kBack; };
       backdated.decision = [](Decision& d) { d.issued -= kBack, d.expires -= kBack; };
       backdated.cosignature_time = [](int64_t& time) { time -= kBack; };
       path.Accept(path.Make({.tree = path.third}, backdated));
       path.now += 5 * 3'600;
       return path.Ask(path.Make({.tree = path.NetworkTree(3)}));
     }},
    {"TooManyInTheWindow", "pace.window",
     [] {
       Path path = Path::WithTwoReleases();
       path.Go({.tree = path.third});
       return path.Ask(path.Make({.tree = path.NetworkTree(3)}));
     }},
    {"RollbacksCountInTheWindow", "pace.window",
     [] {
       Path path = Path::WithTwoReleases();
       path.Go({.action = Action::kRollback, .tree = path.baseline, .signers = {"ann"}});
       return path.Ask(path.Make({.tree = path.third}));
     }},

    // Amendments.
    {"NewCharterNotInTheStore", "amendment.charter",
     [] {
       Path path = Path::WithTwoReleases();
       return path.Ask(MakeAmendment(path, crypto::Sha256("another"), kThree));
     }},
    {"NewCharterThatProtectsNothing", "amendment.charter",
     [] { return Amendment([](charter::TestCharter& test) { test.Replace("threshold = 2", "threshold = 9"); }); }},
    {"NewCharterThatIsATree", "amendment.charter",
     [] {
       Path path = Path::WithTwoReleases();
       return path.Ask(MakeAmendment(path, path.third, kThree));
     }},
    {"AmendmentTooSoon", "amendment.waiting", [] { return Amendment(MoreReleases, kThree, {}, kDay - 1); }},
    {"AmendmentBackdatedByTheGate", "amendment.waiting",
     [] {
       Tampering backdated;
       backdated.candidate = [](Candidate& candidate) { candidate.time -= kDay; };
       return Amendment(MoreReleases, kThree, backdated, 60);
     }},
    {"AmendmentOfTheName", "amendment.lineage",
     [] {
       return Amendment([](charter::TestCharter& test) { test.Replace("name = \"controller\"", "name = \"other\""); });
     }},
    {"AmendmentOfTheResource", "amendment.lineage",
     [] { return Amendment([](charter::TestCharter& test) { test.Replace("org/controller", "org/other"); }); }},
    {"AmendmentOfTheBaseline", "amendment.lineage",
     [] {
       return Amendment([](charter::TestCharter& test) {
         test.Replace("baseline = \"sha256:", "baseline = \"" + crypto::Sha256("another").Text() + "\" #");
       });
     }},
    {"AmendmentOfTheLog", "amendment.lineage",
     [] {
       return Amendment([](charter::TestCharter& test) {
         test.Replace(charter::TestNoteKey("example.org/log", 'l'), charter::TestNoteKey("example.org/log", 'x'));
       });
     }},

    // Trees.
    {"RollbackToWhatNeverWasLive", "rollback.target",
     [] {
       Path path = Path::WithTwoReleases();
       return path.Ask(path.Make({.action = Action::kRollback, .tree = path.third}));
     }},
    {"RollbackToARevokedTree", "tree.revoked",
     [] {
       Path path = Path::WithTwoReleases();
       const std::string revoked = "trees = [\"" + path.second.Text() + "\"]\n";
       path.Go({.tree = path.third});
       path.Accept(MakeAmendment(
           path, path.PutCharter([&](charter::TestCharter& test) { test.Append("[revocation]\n" + revoked); }),
           kThree));
       path.now += 60;
       return path.Ask(path.Make({.action = Action::kRollback, .tree = path.second}));
     }},
    {"ReleaseOfARevokedTree", "tree.revoked",
     [] {
       Path path = Path::WithTwoReleases();
       const std::string revoked = "trees = [\"" + path.third.Text() + "\"]\n";
       path.Accept(MakeAmendment(
           path, path.PutCharter([&](charter::TestCharter& test) { test.Append("[revocation]\n" + revoked); }),
           kThree));
       path.now += 60;
       return path.Ask(path.Make({.tree = path.third}));
     }},
    {"TreeNotInTheStore", "tree.bytes", [] { return ThirdTree([](Path&) { return crypto::Sha256("another"); }); }},
    {"FileFlippedInTheStore", "tree.bytes",
     [] {
       Path path = Path::OfItsOwn();
       const MadeWarrant made = path.Make({.tree = path.third});
       Damage(path, crypto::Sha256(TinyNetwork(2)));
       return path.Ask(made);
     }},
    {"FileFlippedAtARestart", "tree.bytes",
     [] {
       Path path = Path::OfItsOwn();
       const MadeWarrant made = path.Make({.tree = path.third});
       path.Accept(made);
       Damage(path, crypto::Sha256(TinyNetwork(2)));
       return path.Ask(made, {}, Purpose::kRestart);
     }},
    {"FileMissingFromTheStore", "tree.bytes",
     [] {
       Path path = Path::OfItsOwn();
       const MadeWarrant made = path.Make({.tree = path.third});
       EXPECT_EQ(std::remove(path.store().BlobPath(crypto::Sha256(TinyNetwork(2))).c_str()), 0);
       return path.Ask(made);
     }},
    {"FileOffTheSurface", "surface.refused",
     [] {
       return ThirdTree([](Path& path) {
         return path.PutTree(
             {{"policy.onnx", TinyNetwork(1.5)}, {"improver/improve.py", "pass\n"}, {"run.sh", "true\n"}});
       });
     }},
    {"FileRemovedOffTheSurface", "surface.refused",
     [] { return ThirdTree([](Path& path) {
            return path.PutTree({{"policy.onnx", TinyNetwork(1.5)}});
          }); }},
    {"TextForANetwork", "surface.refused",
     [] {
       return ThirdTree([](Path& path) {
         return path.PutTree({{"policy.onnx", "none\n"}, {"improver/improve.py", "pass\n"}});
       });
     }},
    {"TooManyFiles", "surface.refused",
     [] {
       Path path = Path::OfItsOwn(
           [](charter::TestCharter& test) { test.Replace("[[surface]]", "max_files = 2\n\n[[surface]]"); });
       return path.Ask(path.Make({.tree = path.PutTree({{"policy.onnx", TinyNetwork(1.5)},
                                                        {"improver/improve.py", "pass\n"},
                                                        {"improver/more.py", "pass\n"}})}));
     }},
    {"FirstReleaseIsNotTheBaseline", "surface.refused",
     [] {
       Path path;
       return path.Ask(path.Make({.tree = path.second}));
     }},

    // Certificates.
    {"CertificateNotNamed", "property.certificate",
     [] { return Third(&Tampering::candidate, [](Candidate& candidate) { candidate.certificates.clear(); }); }},
    {"CertificateTooMany", "drift.certificate",
     [] { return Third(&Tampering::candidate, [](Candidate& c) { c.certificates.push_back(c.certificates[0]); }); }},
    {"CertificateNotInTheStore", "property.certificate",
     [] {
       return Certificates([](Path&, CertificateReference& reference) {
         reference.certificate = crypto::Sha256("another");
         return std::string();
       });
     }},
    {"CertificateOfAnotherNetwork", "property.certificate",
     [] { return Certificates([](Path& path, CertificateReference&) { return path.Certificate(TinyNetwork(1)); }); }},
    {"CertificateNamesAnotherNetwork", "property.certificate",
     [] {
       return Certificates([](Path&, CertificateReference& reference) {
         reference.network = crypto::Sha256(TinyNetwork(1));
         return std::string();
       });
     }},
    {"CertificateOfAnotherProperty", "property.certificate",
     [] {
       return Certificates([](Path& path, CertificateReference&) {
         std::string bytes = path.Certificate(TinyNetwork(2));
         const std::string digest = crypto::Sha256(Path::TestCharterOf({}).files.at("properties/calm.vnnlib")).Raw();
         return bytes.replace(bytes.find(digest), digest.size(), crypto::Sha256("another").Raw());
       });
     }},
    {"CertificateNamesAnotherProperty", "property.certificate",
     [] {
       return Certificates([](Path&, CertificateReference& reference) {
         reference.property = "quiet";
         return std::string();
       });
     }},
    {"CertificateCutShort", "property.certificate",
     [] {
       return Certificates([](Path& path, CertificateReference&) {
         std::string bytes = path.Certificate(TinyNetwork(2));
         bytes.pop_back();
         return bytes;
       });
     }},
    {"CertificateOfAnUnsafeNetwork", "property.certificate",
     [] {
       return Certificates([](Path& path, CertificateReference&) { return path.Certificate(TinyNetwork(200)); }, 200);
     }},
    {"RollbackWithoutACertificate", "property.certificate",
     [] {
       Path path = Path::WithTwoReleases();
       Tampering none;
       none.candidate = [](Candidate& candidate) { candidate.certificates.clear(); };
       return path.Ask(path.Make({.action = Action::kRollback, .tree = path.baseline}, none));
     }},

    // Envelopes.
    {"EnvelopeThatTheCharterDoesNotAllow", "property.envelope", [] { return EnvelopeUnder("", 1, 1); }},
    {"EnvelopeThatIsTooLarge", "property.envelope", [] { return Envelope(1, 1.2500001); }},
    {"EnvelopeThatIsUsedUp", "property.envelope",
     [] { return EnvelopeUnder("\n[envelope]\nmax_radius = 1.25\nmax_generations = 1\n", 1, 1); }},
    {"EnvelopeAroundWhatWasNeverLive", "property.envelope",
     [] {
       Path path = Path::WithEnvelopes();
       EXPECT_TRUE(path.store().PutBlob(TinyNetwork(1.75)).ok());
       return Envelope(1.75, 1, path);
     }},
    {"EnvelopeAroundWhatNobodyHas", "property.certificate", [] { return Envelope(1.625, 1); }},
    {"EnvelopeThatTheNetworkIsOutsideOf", "property.certificate", [] { return Envelope(1, 0.9999999); }},
    {"EnvelopeThatIsNotSafe", "property.certificate",
     [] { return EnvelopeUnder("\n[envelope]\nmax_radius = 200\nmax_generations = 3\n", 1, 150); }},
    {"EnvelopeOfBeforeAnAmendment", "property.envelope",
     [] {
       Path path = Path::WithEnvelopes();
       path.Accept(MakeAmendment(path, path.PutCharter([](charter::TestCharter& test) {
         test.Append("\n[envelope]\nmax_radius = 0.75\nmax_generations = 3\n");
       }),
                                 kThree));
       return Envelope(1, 1, path);
     }},
    {"RollbackByAnEnvelopeThatIsUsedUp", "property.envelope",
     [] {
       Path path = Path::WithEnvelopes();
       for (const Digest& tree : {path.third, path.second, path.third}) path.Go({.tree = tree});
       Tampering tampering;
       tampering.candidate = [&](Candidate& candidate) {
         candidate.certificates[0].certificate = *path.store().PutBlob(path.EnvelopeCertificate(TinyNetwork(1), 1));
       };
       return path.Ask(path.Make({.action = Action::kRollback, .tree = path.second}, tampering));
     }},

    // Drift.
    {"DriftNotNamed", "drift.certificate", [] { return OfDrift([](Candidate& c) { c.certificates.pop_back(); }); }},
    {"DriftNamedTwice", "drift.certificate",
     [] { return OfDrift([](Candidate& c) { c.certificates.push_back(c.certificates[1]); }); }},
    {"DriftOfTheBaselineNamed", "drift.certificate",
     [] { return OfDrift([](Candidate& c) { c.certificates.push_back(c.certificates[0]); }, Action::kRollback); }},
    {"DriftShownByTheProperty", "drift.certificate",
     [] { return OfDrift([](Candidate& c) { c.certificates[1] = c.certificates[0]; }); }},
    {"PropertyShownByDrift", "property.certificate",
     [] { return OfDrift([](Candidate& c) { c.certificates[0] = c.certificates[1]; }); }},
    {"DriftAndPropertySwapped", "property.certificate",
     [] { return OfDrift([](Candidate& c) { std::swap(c.certificates[0], c.certificates[1]); }); }},
    {"DriftFromAnotherBaseline", "drift.certificate", [] { return DriftOf(2, 1.5, "1.25"); }},
    {"DriftOfAnotherNetwork", "drift.certificate", [] { return DriftOf(1.5, 1, "1.25"); }},
    {"DriftWithBothNetworksSwapped", "drift.certificate",
     [] {
       return Drift([](Path& path, CertificateReference&) {
         return path.DriftCertificate(TinyNetwork(1), TinyNetwork(2), "1.25");
       });
     }},
    {"DriftWithBothNetworksSwappedAndNamedSo", "drift.certificate",
     [] {
       return Drift([](Path& path, CertificateReference& reference) {
         reference.network = crypto::Sha256(TinyNetwork(1));
         return path.DriftCertificate(TinyNetwork(1), TinyNetwork(2), "1.25");
       });
     }},
    {"DriftOfTheBaselineFromItself", "drift.certificate", [] { return DriftOf(1, 1, "1.25"); }},
    {"DriftOfTheNetworkFromItself", "drift.certificate", [] { return DriftOf(2, 2, "1.25"); }},
    {"DriftThatAllowsMoreInOneOutput", "drift.certificate",
     [] {
       return DriftChanged([](checker::Certificate& c) { c.drift->within[1] = *model::Decimal::Parse("1.5", 4); });
     }},
    {"DriftInRealArithmetic", "drift.certificate",
     [] { return DriftChanged([](checker::Certificate& c) { c.arithmetic = checker::Arithmetic::kReal; }); }},
    {"DriftWithoutABoundForOneOutput", "drift.certificate",
     [] { return DriftChanged([](checker::Certificate& c) { c.drift->within.pop_back(); }); }},
    {"DriftOfOneSideAlone", "drift.certificate",
     [] { return DriftChanged([](checker::Certificate& c) { c.cases[0].groups.pop_back(); }); }},
    {"DriftThatAllowsMore", "drift.certificate", [] { return DriftOf(2, 1, "1.2500001"); }},
    {"DriftThatIsLarger", "drift.certificate", [] { return DriftOf(2, 1, "0.75"); }},
    {"DriftBeyondWhatTheCharterAllows", "drift.certificate",
     [] { return Drift([](Path&, CertificateReference&) { return std::string(); }, 3); }},
    {"DriftOnAnotherPropertysBoxes", "drift.certificate",
     [] {
       return Drift([](Path& path, CertificateReference&) {
         std::string bytes = path.DriftCertificate(TinyNetwork(2), TinyNetwork(1), "1.25");
         const std::string digest = crypto::Sha256(Path::TestCharterOf({}).files.at("properties/calm.vnnlib")).Raw();
         return bytes.replace(bytes.find(digest), digest.size(), crypto::Sha256("another").Raw());
       });
     }},
    {"DriftNamesAnotherProperty", "drift.certificate",
     [] {
       return Drift([](Path&, CertificateReference& reference) {
         reference.property = "quiet";
         return std::string();
       });
     }},
    {"DriftNamesAnotherNetwork", "drift.certificate",
     [] {
       return Drift([](Path&, CertificateReference& reference) {
         reference.network = crypto::Sha256(TinyNetwork(1));
         return std::string();
       });
     }},
    {"DriftNotInTheStore", "drift.certificate",
     [] {
       return Drift([](Path&, CertificateReference& reference) {
         reference.certificate = crypto::Sha256("another");
         return std::string();
       });
     }},
    {"DriftCutShort", "drift.certificate",
     [] {
       return Drift([](Path& path, CertificateReference&) {
         std::string bytes = path.DriftCertificate(TinyNetwork(2), TinyNetwork(1), "1.25");
         bytes.pop_back();
         return bytes;
       });
     }},
    {"DriftOfBeforeAnAmendment", "drift.certificate",
     [] {
       Path path = Path::WithDrift();
       path.Accept(MakeAmendment(path, path.PutCharter([](charter::TestCharter& test) {
         test.Replace("falsified_by", "drift_within = 1.125\nfalsified_by");
       }),
                                 kThree));
       Tampering stale;
       stale.candidate = [&](Candidate& candidate) {
         candidate.certificates[1].certificate =
             *path.store().PutBlob(path.DriftCertificate(TinyNetwork(2), TinyNetwork(1), "1.25"));
       };
       return path.Ask(path.Make({.tree = path.third}, stale));
     }},
    {"DriftThatAnAmendmentBegan", "drift.certificate",
     [] {
       Path path = Path::WithTwoReleases();
       path.Accept(MakeAmendment(path, path.PutCharter([](charter::TestCharter& test) {
         test.Replace("falsified_by", "drift_within = 1.25\nfalsified_by");
       }),
                                 kThree));
       Tampering none;
       none.candidate = [](Candidate& candidate) { candidate.certificates.pop_back(); };
       return path.Ask(path.Make({.tree = path.third}, none));
     }},
    {"RollbackWithoutDrift", "drift.certificate",
     [] {
       Path path = Path::WithDrift();
       path.Go({.tree = path.third});
       Tampering none;
       none.candidate = [](Candidate& candidate) { candidate.certificates.pop_back(); };
       return path.Ask(path.Make({.action = Action::kRollback, .tree = path.second}, none));
     }},
    {"BaselineOfDriftNotInTheStore", "property.certificate",
     [] {
       Path path = Path::OfItsOwn(
           [](charter::TestCharter& test) { test.Replace("falsified_by", "drift_within = 1.25\nfalsified_by"); });
       EXPECT_EQ(std::remove(path.store().BlobPath(path.baseline).c_str()), 0);
       return path.Ask(path.Make({.tree = path.third}));
     }},
    {"BaselinesNetworkNotInTheStore", "property.certificate",
     [] {
       Path path = Path::OfItsOwn(
           [](charter::TestCharter& test) { test.Replace("falsified_by", "drift_within = 1.25\nfalsified_by"); });
       EXPECT_EQ(std::remove(path.store().BlobPath(crypto::Sha256(TinyNetwork(1))).c_str()), 0);
       return path.Ask(path.Make({.tree = path.third}));
     }},
};

TEST(Verify, AcceptsDriftThatIsProven) {
  const auto as_it_is = [](Path&, CertificateReference&) { return std::string(); };
  EXPECT_TRUE(Drift(as_it_is).accepted) << Drift(as_it_is).reason.message;
  EXPECT_TRUE(DriftOf(2, 1, "1.125").accepted) << "more is proven than was asked for";
  EXPECT_TRUE(OfDrift([](Candidate& c) { EXPECT_EQ(c.certificates.size(), 1u); }, Action::kRollback).accepted)
      << "the baseline has not drifted";
  Path path = Path::WithDrift();
  path.Go({.tree = path.third});
  const MadeWarrant back = path.Make({.action = Action::kRollback, .tree = path.second});
  EXPECT_TRUE(path.Ask(back).accepted) << path.Ask(back).reason.message;
}

TEST(Verify, AcceptsWhatEvaluatorsShowTogether) {
  const auto nothing = [](std::vector<Vote>&) {};
  const auto two_parts = [](std::vector<Vote>& votes) {
    VoteOf(votes, "evaluator-a").evidence["shares"] = {{"harm near_miss", kWholeShare}, {"step", kWholeShare}};
    VoteOf(votes, "evaluator-b").evidence["shares"] = {{"harm near_miss", kWholeShare}, {"step", kWholeShare}};
  };
  EXPECT_TRUE(Evidence(nothing).accepted) << Evidence(nothing).reason.message;
  EXPECT_TRUE(Evidence(two_parts).accepted);
  EXPECT_TRUE(Evidence(nothing, Action::kRollback).accepted) << "a rollback asks no evaluator";
}

class Refused : public testing::TestWithParam<Case> {};

TEST_P(Refused, ByItsRule) {
  const WarrantVerdict verdict = GetParam().ask();
  EXPECT_FALSE(verdict.accepted);
  EXPECT_EQ(verdict.reason.rule, GetParam().rule) << verdict.reason.message;
  EXPECT_FALSE(verdict.reason.message.empty());
  EXPECT_NE(verdict.reason.code, ErrorCode::kInternal);
  EXPECT_EQ(verdict.next, State{}) << "a refusal offers no state to switch to";
}

INSTANTIATE_TEST_SUITE_P(Verify, Refused, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& one) { return std::string(one.param.name); });

TEST(Verify, HasANegativeTestForEveryClause) {
  std::set<std::string_view> tested;
  for (const Case& one : kCases) tested.insert(one.rule);
  for (const std::string_view clause : ClauseNames()) EXPECT_TRUE(tested.contains(clause)) << clause;
  const std::vector<std::string_view> names = ClauseNames();
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

}  // namespace
}  // namespace pawl::warrant
