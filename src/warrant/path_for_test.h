// A whole accepted path without a gate: charter, keys, people, store, log and loader, made in a temporary directory,
// for tests that change exactly one thing about it.
//
//   Path path = Path::WithTwoReleases();          // a copy is cheap and shares the store
//   Tampering tampering;
//   tampering.votes = [](std::vector<Vote>& votes) { votes.pop_back(); };
//   MadeWarrant made = path.Make({.action = Action::kRelease, .tree = path.tree("third")}, tampering);
//   WarrantVerdict verdict = path.Ask(made);       // quorum.not-met
//
// Everything after a change follows from it: a vote that is changed before it is signed is listed as changed by the
// closing statement, so that nothing but the vote is wrong. Keys come from fixed seeds; security keys are software.
//
// With `Path::WithWitnesses` the charter asks for three of four witnesses, one of which may lie, and all four cosign.
//
// Who there is: reviewers prover-a, prover-a2 and prover-b, evaluator-a and evaluator-b, integrity-c, auditor-a and
// auditor-c (principals lab-a, lab-b, lab-c; prover-a2 does not vote unless a test makes it); people ann (with a second
// key, "ann-two"), bob, cy, dee and eve (whose key expired in 2020). Two approve, one takes back, three amend.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "charter/testing.h"
#include "merkle/checkpoint.h"
#include "merkle/tlog_proof.h"
#include "signing/private_key.h"
#include "storage/tree_store.h"
#include "subject/store.h"
#include "subject/testing.h"
#include "tlog/growing_tree.h"
#include "warrant/state.h"
#include "warrant/verify.h"

namespace pawl::warrant {

// The time of the genesis decision, POSIX seconds.
inline constexpr int64_t kGenesisTime = 1'780'000'000;
inline constexpr int64_t kDay = 86'400;

// Changes to the parts in the order in which they are made; each is optional. `x` is called before x is signed,
// `x_envelope` after it.
struct Tampering {
  std::function<void(Candidate&)> candidate;
  std::function<void(encoding::Envelope&)> candidate_envelope;
  std::function<void(std::vector<Vote>&)> votes;
  std::function<void(std::vector<encoding::Envelope>&)> vote_envelopes;
  std::function<void(Closing&)> closing;
  std::function<void(encoding::Envelope&)> closing_envelope;
  std::function<void(Decision&)> decision;
  std::function<void(encoding::Envelope&)> decision_envelope;  // approvals
  std::function<void(merkle::Checkpoint&)> checkpoint;
  std::function<void(int64_t&)> cosignature_time;
  std::function<void(merkle::SignedNote&)> note;
  std::function<void(merkle::TlogProof&)> proof;
  std::function<void(Warrant&)> warrant;
  std::function<void(std::string&)> bytes;
  std::function<void(WarrantQuestion&)> question;  // used by Ask
};

struct Change {
  Action action = Action::kRelease;
  Digest tree;  // or the new charter's
  std::vector<std::string> signers = {"ann", "bob"};
};

struct MadeWarrant {
  std::string bytes;
  Warrant parts;
  Candidate candidate;
  uint64_t checkpoint_size = 0;
};

class Path {
 public:
  // Charter, store, genesis and an empty loader; nothing is live. `edit` changes the charter before it is read.
  explicit Path(const std::function<void(charter::TestCharter&)>& edit = {});
  // Baseline and one more release are live; a day later. Copies share store and directory.
  static Path WithTwoReleases();
  // The same with files and store of its own, for tests that damage them.
  static Path OfItsOwn(const std::function<void(charter::TestCharter&)>& edit = {});
  // The same under a charter with witnesses: witness-a to witness-d.
  static Path WithWitnesses();
  // The same under a charter that wants it proven that drift is within 1.25; third drifts by 1, second by 0.5. Make
  // names the certificate.
  static Path WithDrift();
  // The same under a charter that allows envelopes: radii up to 1.25, up to 3 releases from their centre.
  static Path WithEnvelopes();
  static void AddWitnesses(charter::TestCharter& charter);

  // A complete warrant for the loader's present state, with its events appended to the log.
  MadeWarrant Make(const Change& change, const Tampering& tampering = {});
  WarrantVerdict Ask(const MadeWarrant& made, const Tampering& tampering = {},
                     Purpose purpose = Purpose::kSwitch) const;
  // The loader switches, and the log says so. Expects an accepted verdict.
  void Accept(const MadeWarrant& made);
  // Make, Ask, Accept; then a day and a bit go by.
  MadeWarrant Go(const Change& change, const Tampering& tampering = {});

  Digest PutTree(const std::map<std::string, std::string>& files);
  // A tree with one network y = factor * x, with its certificate in the store.
  Digest NetworkTree(float factor);
  // The certificate for a network in a tree; its reference is what Make puts into the candidate statement.
  std::string Certificate(const std::string& network) const;
  // For every network whose weights are within `radius` of a network's.
  std::string EnvelopeCertificate(const std::string& centre, double radius) const;
  // Of its drift from `from`, for two networks of NetworkTree.
  std::string DriftCertificate(const std::string& network, const std::string& from, const std::string& within) const;
  // A charter in the store that differs from the first by `edit`.
  Digest PutCharter(const std::function<void(charter::TestCharter&)>& edit);
  static charter::TestCharter TestCharterOf(const Digest& baseline);

  Digest baseline, second, third;

  // ---- keys
  // By reviewer or witness name, "log", "clock", or "stranger".
  static signing::Ed25519PrivateKey Key(const std::string& name);
  // A person's signature over a decision or refusal. Names as above; "mallory" is in no charter.
  static encoding::Signature Approve(std::string_view payload, const std::string& person, uint8_t flags = 0x05,
                                     std::string_view name_space = kApprovalNamespace);
  static std::string Principal(const std::string& person);  // "ann@example.org"
  static std::string SignerLine(const std::string& person, const std::string& options = {});
  encoding::Envelope BySomeone(const std::string& payload, const std::string& name) const;  // one of ours
  encoding::Envelope ByPeople(const std::string& payload, const std::vector<std::string>& people) const;
  Decision HaltDecision(const std::string& reason) const;
  Decision ResumeDecision(const std::vector<Digest>& halts) const;

  // ---- the log
  void Append(const encoding::Envelope& envelope);
  merkle::Checkpoint CheckpointNow() const;
  const std::vector<std::string>& entries() const { return entries_; }
  std::function<Result<charter::Charter>(const Digest&)> CharterReader() const;
  encoding::Envelope genesis() const { return genesis_; }

  const subject::Store& store() const { return *store_; }
  storage::TreeStore& store() { return *store_; }
  const std::string& directory() const { return directory_->path(); }
  const charter::Charter& charter() const { return charter_->charter; }
  const CharterFiles& charter_files() const { return *charter_; }

  State state;
  LocalHalts halts;
  int64_t now = kGenesisTime;

 private:
  std::vector<Vote> Votes(const Candidate& candidate, const Digest& digest) const;
  std::vector<Digest> Consistency(uint64_t from, uint64_t to) const;
  tlog::HashReader Reader() const;
  About AboutTree(const Digest& tree) const;

  std::shared_ptr<subject::TemporaryDirectory> directory_;
  std::shared_ptr<storage::TreeStore> store_;
  std::shared_ptr<const CharterFiles> charter_;
  encoding::Envelope genesis_;
  std::vector<std::string> entries_;
  std::vector<Digest> leaves_;
  std::map<Digest, std::vector<CertificateReference>> certificates_;  // by tree
  std::map<Digest, std::string> networks_;                            // likewise
  int64_t budget_index_ = 0;
  int64_t proposals_ = 0;
};

// The network that NetworkTree uses.
std::string TinyNetwork(float factor);

// The verdict on the third release under a charter with witnesses, its checkpoint's signatures changed: those of the
// log, the clock, and the witnesses a to d.
WarrantVerdict Witnessed(const std::function<void(merkle::SignedNote&)>& change, const Tampering& more = {});
// Cosigned again, by these at times of their own.
void CosignAt(merkle::SignedNote& note, const std::vector<std::pair<std::string, int64_t>>& times);

// An amendment, made now and asked about when the waiting period is over.
MadeWarrant MakeAmendment(Path& path, const Digest& charter, const std::vector<std::string>& signers,
                          Tampering tampering = {}, int64_t wait_s = kDay);
// A proposal that has been voted on and not closed.
void AppendWithoutClosing(Path& path, const Change& change, Tampering tampering = {});
// Enough to change the charter of this path.
inline const std::vector<std::string> kThree = {"ann", "bob", "cy"};

}  // namespace pawl::warrant
