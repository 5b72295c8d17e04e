// Every signature in every wrong slot: the right key has signed the right bytes, in a form that is meant for something
// else. A key that signs several kinds of thing is safe only if no signature of one kind is one of another.
#include <gtest/gtest.h>

#include "audit/records.h"
#include "encoding/base64.h"
#include "merkle/cosignature.h"
#include "signing/sign.h"
#include "warrant/path_for_test.h"
#include "warrant/verify.h"

namespace pawl::warrant {
namespace {

// What is signed about some bytes, in each form that a key of ours may be asked for.
struct Form {
  const char* name;
  std::string (*message)(const std::string& bytes);
};
const Form kForms[] = {
    {"statement",
     [](const std::string& b) { return encoding::PreAuthenticationEncoding(std::string(kPayloadType), b); }},
    {"statement of another type",
     [](const std::string& b) { return encoding::PreAuthenticationEncoding("application/json", b); }},
    {"note", [](const std::string& b) { return b; }},
    {"cosignature", [](const std::string& b) { return merkle::CosignedMessage(b, uint64_t{kGenesisTime}); }},
    {"seeds", [](const std::string& b) { return SeedMessage(crypto::Sha256(b), b); }},
    {"SSHSIG",
     [](const std::string& b) {
       return crypto::SshsigToBeSigned(encoding::PreAuthenticationEncoding(std::string(kPayloadType), b),
                                       kApprovalNamespace, crypto::SshsigHash::kSha512);
     }},
    {"SSHSIG of the payload",
     [](const std::string& b) { return crypto::SshsigToBeSigned(b, kApprovalNamespace, crypto::SshsigHash::kSha512); }},
};

// A place in a warrant where a signature stands.
struct Slot {
  const char* name;
  const char* right;  // the form that belongs there
  const char* rule;   // what the others are refused by
  Tampering (*put)(const Form&);
};

void Replace(encoding::Envelope& envelope, const Form& form, const std::string& key) {
  envelope.signatures[0].sig = Path::Key(key).Sign(form.message(envelope.payload));
}

const Slot kSlots[] = {
    {"candidate", "statement", "warrant.candidate-signature",
     [](const Form& form) {
       Tampering tampering;
       tampering.candidate_envelope = [&](encoding::Envelope& e) { Replace(e, form, "log"); };
       return tampering;
     }},
    {"vote", "statement", "vote.signature",
     [](const Form& form) {
       Tampering tampering;
       tampering.vote_envelopes = [&](std::vector<encoding::Envelope>& votes) {
         Replace(votes[0], form, ReadVote(votes[0].payload)->reviewer);
       };
       return tampering;
     }},
    {"closing", "statement", "closing.signature",
     [](const Form& form) {
       Tampering tampering;
       tampering.closing_envelope = [&](encoding::Envelope& e) { Replace(e, form, "auditor-a"); };
       return tampering;
     }},
    {"seeds", "seeds", "vote.seeds",
     [](const Form& form) {
       Tampering tampering;
       tampering.votes = [&](std::vector<Vote>& votes) {
         for (Vote& vote : votes) {
           if (vote.reviewer != "evaluator-a") continue;
           const std::string body = vote.evidence["checkpoint"].get<std::string>();
           // The right form binds the seeds to the candidate statement, the others to the body alone.
           const std::string message =
               std::string(form.name) == "seeds" ? SeedMessage(vote.candidate, body) : form.message(body);
           vote.evidence["seed_signature"] = encoding::EncodeBase64(Path::Key("evaluator-a").Sign(message));
         }
       };
       return tampering;
     }},
    {"checkpoint", "note", "log.signature",
     [](const Form& form) {
       Tampering tampering;
       tampering.note = [&](merkle::SignedNote& note) {
         note.signatures[0].signature = Path::Key("log").Sign(form.message(note.text));
       };
       return tampering;
     }},
    {"time", "cosignature", "log.signature",
     [](const Form& form) {
       Tampering tampering;
       tampering.note = [&](merkle::SignedNote& note) {
         std::string& blob = note.signatures[1].signature;
         uint64_t time = 0;
         for (const char byte : blob.substr(0, 8)) time = time << 8 | static_cast<uint8_t>(byte);
         const std::string message = std::string(form.name) == "cosignature" ? merkle::CosignedMessage(note.text, time)
                                                                             : form.message(note.text);
         blob = blob.substr(0, 8) + Path::Key("clock").Sign(message);
       };
       return tampering;
     }},
};

TEST(WrongSlot, RefusesEverySignatureThatIsMeantForSomethingElse) {
  const Path made = Path::WithTwoReleases();
  size_t right = 0, wrong = 0;
  for (const Slot& slot : kSlots) {
    for (const Form& form : kForms) {
      Path path = made;
      const WarrantVerdict verdict = path.Ask(path.Make({.tree = path.third}, slot.put(form)));
      if (std::string(form.name) == slot.right) {
        EXPECT_TRUE(verdict.accepted) << slot.name << ": " << verdict.reason.message;
        ++right;
        continue;
      }
      EXPECT_FALSE(verdict.accepted) << "a " << form.name << " as a " << slot.name;
      EXPECT_EQ(verdict.reason.rule, slot.rule) << "a " << form.name << " as a " << slot.name;
      ++wrong;
    }
  }
  EXPECT_EQ(right, std::size(kSlots));
  EXPECT_EQ(wrong, std::size(kSlots) * (std::size(kForms) - 1));
}

// People sign with other keys and tools: what else the same person has signed.
TEST(WrongSlot, RefusesWhatAPersonSignedForSomethingElse) {
  const Path made = Path::WithTwoReleases();
  const auto rule = [&](const std::function<encoding::Signature(const std::string& payload)>& sign) {
    Path path = made;
    Tampering tampering;
    tampering.decision_envelope = [&](encoding::Envelope& e) { e.signatures[0] = sign(e.payload); };
    return path.Ask(path.Make({.tree = path.third}, tampering)).reason.rule;
  };
  EXPECT_EQ(rule([](const std::string& payload) { return Path::Approve(payload, "ann"); }), "");
  for (const char* name_space : {"file", "git", "approve@pawl2", "APPROVE@pawl"}) {
    EXPECT_EQ(rule([&](const std::string& payload) { return Path::Approve(payload, "ann", 5, name_space); }),
              "approval.signature");
  }
  // A halt, a resume, the genesis and a refusal, by the same people, under the same charter.
  const std::string halt = WriteDecision(made.HaltDecision("smoke"));
  const std::string resume = WriteDecision(made.ResumeDecision({crypto::Sha256("halt")}));
  for (const std::string& other : {halt, resume, made.genesis().payload}) {
    EXPECT_EQ(rule([&](const std::string&) { return Path::Approve(other, "ann"); }), "approval.signature");
  }
  EXPECT_EQ(rule([&](const std::string& payload) {
              audit::Refusal refusal;
              refusal.about = ReadDecision(payload)->about;
              refusal.decision = StatementDigest(payload);
              refusal.principal = Path::Principal("ann");
              refusal.reason = "no";
              refusal.time = made.now;
              return Path::Approve(audit::WriteRefusal(refusal), "ann");
            }),
            "approval.signature")
      << "a no is no yes";
}

// The approval of one release is none of another, whatever else is renewed around it.
TEST(WrongSlot, RefusesAnApprovalThatHasBeenUsed) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant first = path.Make({.tree = path.third});
  path.Accept(first);
  path.now += kDay + 600;
  Tampering again;
  again.decision_envelope = [&](encoding::Envelope& e) { e = first.parts.decision; };
  EXPECT_EQ(path.Ask(path.Make({.tree = path.NetworkTree(3)}, again)).reason.rule, "warrant.mismatch");
  Tampering signatures;
  signatures.decision_envelope = [&](encoding::Envelope& e) { e.signatures = first.parts.decision.signatures; };
  EXPECT_EQ(path.Ask(path.Make({.tree = path.NetworkTree(3)}, signatures)).reason.rule, "approval.signature");
}

// Back, and the same step once more: nothing that counts starts anew.
TEST(WrongSlot, ARollbackLaundersNothing) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant third = path.Go({.tree = path.third});
  path.Go({.action = Action::kRollback, .tree = path.second, .signers = {"ann"}});
  // The old warrant is about an epoch that is past, and the window of the pace is as full as it was.
  EXPECT_EQ(path.Ask(third).reason.rule, "warrant.epoch");
  EXPECT_EQ(path.Ask(path.Make({.tree = path.third})).reason.rule, "pace.window");
  EXPECT_EQ(path.state.releases.size(), 4u);
}

}  // namespace
}  // namespace pawl::warrant
