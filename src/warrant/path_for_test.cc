#include "warrant/path_for_test.h"

#include <algorithm>
#include <utility>

#include "audit/records.h"
#include "checker/certificate.h"
#include "encoding/base64.h"
#include "encoding/number.h"
#include "merkle/cosignature.h"
#include "model/onnx_writer_for_test.h"
#include "signing/private_key.h"
#include "signing/sign.h"
#include "signing/signer_for_tests.h"
#include "warrant/evidence.h"

namespace pawl::warrant {

using namespace audit;  // NOLINT: what stands in the log beside the parts of a warrant

namespace {

struct TestReviewer {
  const char* name;
  const char* principal;
  const char* role;
  char seed;
};
constexpr TestReviewer kReviewers[] = {
    {"prover-a", "lab-a", "prover", '1'},       {"prover-a2", "lab-a", "prover", '2'},
    {"prover-b", "lab-b", "prover", '3'},       {"evaluator-a", "lab-a", "evaluator", '4'},
    {"evaluator-b", "lab-b", "evaluator", '5'}, {"integrity-c", "lab-c", "integrity", '6'},
    {"auditor-a", "lab-a", "auditor", '7'},     {"auditor-c", "lab-c", "auditor", '8'}};
constexpr std::string_view kWitnesses[] = {"witness-a", "witness-b", "witness-c", "witness-d"};
constexpr char kLogName[] = "example.org/log", kClockName[] = "example.org/clock";

char PersonSeed(const std::string& person) { return person == "ann-two" ? 'Z' : static_cast<char>(person[0] - 32); }

signing::SignerForTests Signer(const std::string& person) {
  signing::SignerForTests signer(crypto::SshKeyType::kSkEd25519);
  signer.ed25519 = *signing::Ed25519PrivateKey::FromSeed(std::string(32, PersonSeed(person)));
  signer.public_key.key = signer.ed25519.public_key().raw();
  return signer;
}

void Cut(std::string& text, const std::string& from, const std::string& to) {
  const size_t begin = text.find(from), end = text.find(to);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end);
  text.erase(begin, end - begin);
}

template <typename Part>
void Tamper(const std::function<void(Part&)>& change, Part& part) {
  if (change) change(part);
}

std::string KeyId(const std::string& name) { return name == "log" ? kLogName : name == "clock" ? kClockName : name; }

}  // namespace

std::string TinyNetwork(float factor) {
  namespace onnx = model::onnx;
  return onnx::Model(
      onnx::Graph({onnx::Node("Gemm", {"x", "W", "B"}, {"y"})},
                  {onnx::Tensor<float>("W", {2, 2}, {factor, 0, 0, factor}), onnx::Tensor<float>("B", {2}, {0, 0})},
                  {onnx::Value("x", {1, 2})}, {onnx::Value("y", {1, 2})}));
}

signing::Ed25519PrivateKey Path::Key(const std::string& name) {
  char seed = '?';
  for (const TestReviewer& reviewer : kReviewers) {
    if (name == reviewer.name) seed = reviewer.seed;
  }
  if (name.starts_with("witness-")) seed = static_cast<char>(name.back() - 'a' + '!');
  if (name == "log") seed = 'l';
  if (name == "clock") seed = 'c';
  return *signing::Ed25519PrivateKey::FromSeed(std::string(32, seed));
}

std::string Path::Principal(const std::string& person) {
  return (person == "ann-two" ? "ann" : person) + "@example.org";
}

std::string Path::SignerLine(const std::string& person, const std::string& options) {
  return Principal(person) + " namespaces=\"approve@pawl\"" + options + " " + Signer(person).public_key.Line() + "\n";
}

encoding::Signature Path::Approve(std::string_view payload, const std::string& person, uint8_t flags,
                                  std::string_view name_space) {
  const std::string message = encoding::PreAuthenticationEncoding(std::string(kPayloadType), payload);
  return {.keyid = Principal(person), .sig = Signer(person).Sign(message, name_space, flags).Raw()};
}

charter::TestCharter Path::TestCharterOf(const Digest& baseline) {
  charter::TestCharter charter;
  std::string& text = charter.files["charter.toml"];
  charter.Replace("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", baseline.Text());
  Cut(text, "[[reviewer]]\nname = \"prover-a\"", "[quorum]");
  Cut(text, "[gate]", text.substr(text.find("clock = ")));
  text.erase(text.find("clock = "));
  for (const TestReviewer& reviewer : kReviewers) {
    charter.Append("[[reviewer]]\nname = \"" + std::string(reviewer.name) + "\"\nprincipal = \"" + reviewer.principal +
                   "\"\nrole = \"" + reviewer.role + "\"\nkey = \"" +
                   charter::TestNoteKey(reviewer.name, reviewer.seed) + "\"\n\n");
  }
  charter.Replace("{ role = \"prover\", at_least = 1 }", "{ role = \"prover\", at_least = 2 }")
      .Replace("{ role = \"evaluator\", at_least = 1 }",
               "{ role = \"evaluator\", at_least = 2 },\n  { role = \"integrity\", at_least = 1 }")
      .Replace("{ role = \"auditor\", at_least = 1 }", "{ role = \"auditor\", at_least = 2 }");
  charter.Append("[rollback]\nthreshold = 1\n\n[gate]\nlog = \"" + charter::TestNoteKey(kLogName, 'l') +
                 "\"\nclock = \"" + charter::TestNoteKey(kClockName, 'c', crypto::NoteKeyType::kEd25519Cosignature) +
                 "\"\n");
  charter.files["approvers"] = SignerLine("ann") + SignerLine("ann-two") + SignerLine("bob") + SignerLine("cy") +
                               SignerLine("dee") + SignerLine("eve", ",valid-before=\"20200101Z\"");
  return charter;
}

Digest Path::PutTree(const std::map<std::string, std::string>& files) {
  std::vector<subject::FileEntry> entries;
  for (const auto& [path, bytes] : files) entries.push_back({path, *store_->PutBlob(bytes), bytes.size()});
  Result<Digest> tree = store_->PutManifest(*subject::MakeManifest(std::move(entries)));
  EXPECT_TRUE(tree.ok());
  return *tree;
}

std::string Path::Certificate(const std::string& network) const {
  checker::Certificate certificate;
  certificate.arithmetic = checker::Arithmetic::kFloat32;
  certificate.network = crypto::Sha256(network).bytes;
  certificate.property = crypto::Sha256(TestCharterOf({}).files.at("properties/calm.vnnlib")).bytes;
  checker::CaseProof& case_proof = certificate.cases.emplace_back();
  checker::GroupProof& proof = case_proof.groups.emplace_back();
  case_proof.conjunctions = 1;
  proof.members = {0};
  proof.arguments.push_back({checker::Recipe::kForward, {{{.row = 0, .multiplier = checker::kUnitMultiplier}}}});
  proof.nodes.push_back(checker::Node::Leaf(0));
  return checker::WriteCertificate(certificate);
}

std::string Path::EnvelopeCertificate(const std::string& centre, double radius) const {
  const std::string alone = Certificate(centre);
  checker::Certificate certificate = *checker::ReadCertificate(
      {reinterpret_cast<const uint8_t*>(alone.data()), alone.size()}, checker::CertificateLimits{});
  certificate.radii = {{"W", radius}};
  return checker::WriteCertificate(certificate);
}

std::string Path::DriftCertificate(const std::string& network, const std::string& from,
                                   const std::string& within) const {
  const std::string of_property = Certificate(network);
  checker::Certificate certificate = *checker::ReadCertificate(
      {reinterpret_cast<const uint8_t*>(of_property.data()), of_property.size()}, checker::CertificateLimits{});
  const model::Decimal bound = *model::Decimal::Parse(within, 20);
  certificate.drift = {.baseline = crypto::Sha256(from).bytes, .within = {bound, bound}};
  checker::CaseProof& case_proof = certificate.cases[0];
  case_proof.conjunctions = 4;  // above and below, of each output
  case_proof.groups.resize(4, case_proof.groups[0]);
  for (uint32_t i = 0; i < 4; ++i) case_proof.groups[i].members = {i};
  return checker::WriteCertificate(certificate);
}

Digest Path::NetworkTree(float factor) {
  const std::string network = TinyNetwork(factor);
  const Digest tree = PutTree({{"policy.onnx", network}, {"improver/improve.py", "pass\n"}});
  networks_[tree] = network;
  certificates_[tree] = {
      {.property = "calm", .network = crypto::Sha256(network), .certificate = *store_->PutBlob(Certificate(network))}};
  return tree;
}

Digest Path::PutCharter(const std::function<void(charter::TestCharter&)>& edit) {
  charter::TestCharter charter = TestCharterOf(baseline);
  if (edit) edit(charter);
  return PutTree(charter.files);
}

Path::Path(const std::function<void(charter::TestCharter&)>& edit)
    : directory_(std::make_shared<subject::TemporaryDirectory>()) {
  store_ = std::make_shared<storage::TreeStore>(
      *storage::TreeStore::Open(*directory_ / "store", storage::StoreAccess::kReadWrite));
  baseline = NetworkTree(1);
  second = NetworkTree(1.5);
  third = NetworkTree(2);
  const Digest charter_tree = PutCharter(edit);
  Result<CharterFiles> files = ReadCharterFiles(*store_, charter_tree);
  EXPECT_TRUE(files.ok()) << (files.ok() ? "" : files.error().message);
  // The store moves with neither copy nor Path, so that the reader stays valid.
  charter_ = std::make_shared<const CharterFiles>(std::move(*files));
  Decision decision;
  decision.about = {charter().subject.name, charter_tree};
  decision.action = Action::kGenesis;
  decision.resource = charter().subject.resource_uri;
  decision.charter = decision.about.digest;
  decision.target = charter_tree;
  decision.reason = "begin";
  decision.issued = kGenesisTime;
  decision.expires = kGenesisTime + kDay;
  genesis_ = ByPeople(WriteDecision(decision), {"ann", "bob", "cy"});
  Append(genesis_);
  Result<State> initial = InitialState(charter(), genesis_);
  EXPECT_TRUE(initial.ok()) << (initial.ok() ? "" : initial.error().message);
  if (initial.ok()) state = std::move(*initial);
  now += 60;
}

Path Path::OfItsOwn(const std::function<void(charter::TestCharter&)>& edit) {
  Path path(edit);
  path.Go({.tree = path.baseline});
  path.Go({.tree = path.second});
  return path;
}

Path Path::WithTwoReleases() {
  static const Path kShared = OfItsOwn();
  return kShared;
}

void Path::AddWitnesses(charter::TestCharter& charter) {
  charter.Append("\n[witnesses]\nat_least = 3\nfaults_max = 1\n");
  for (const std::string_view witness : kWitnesses) {
    const std::string name(witness);
    charter.Append("[[witnesses.witness]]\nprincipal = \"org-" + name.substr(name.size() - 1) + "\"\nkey = \"" +
                   crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519Cosignature, Key(name).public_key()).Text() +
                   "\"\nurl = \"http://" + name + ".example\"\n");
  }
}

Path Path::WithDrift() {
  static const Path kShared =
      OfItsOwn([](charter::TestCharter& test) { test.Replace("falsified_by", "drift_within = 1.25\nfalsified_by"); });
  return kShared;
}

Path Path::WithEnvelopes() {
  static const Path kShared = OfItsOwn([](charter::TestCharter& test) {
    test.Replace("max_releases = 3", "max_releases = 10");
    test.Append("\n[envelope]\nmax_radius = 1.25\nmax_generations = 3\n");
  });
  return kShared;
}

Path Path::WithWitnesses() {
  static const Path kShared = OfItsOwn(AddWitnesses);
  return kShared;
}

encoding::Envelope Path::BySomeone(const std::string& payload, const std::string& name) const {
  return {.payload_type = std::string(kPayloadType),
          .payload = payload,
          .signatures = {signing::SignPayload(payload, KeyId(name), Key(name))}};
}

encoding::Envelope Path::ByPeople(const std::string& payload, const std::vector<std::string>& people) const {
  encoding::Envelope envelope{.payload_type = std::string(kPayloadType), .payload = payload, .signatures = {}};
  for (const std::string& person : people) envelope.signatures.push_back(Approve(payload, person));
  return envelope;
}

Decision Path::HaltDecision(const std::string& reason) const {
  Decision decision;
  decision.about = AboutTree(charter().digest);
  decision.action = Action::kHalt;
  decision.resource = state.resource;
  decision.charter = charter().digest;
  decision.charter_epoch = state.charter_epoch;
  decision.reason = reason;
  decision.issued = now;
  decision.expires = now + kDay;
  return decision;
}

Decision Path::ResumeDecision(const std::vector<Digest>& halts_lifted) const {
  Decision decision = HaltDecision("mended");
  decision.action = Action::kResume;
  decision.lifts = halts_lifted;
  std::sort(decision.lifts.begin(), decision.lifts.end());
  return decision;
}

About Path::AboutTree(const Digest& tree) const { return {charter().subject.name, tree}; }

void Path::Append(const encoding::Envelope& envelope) {
  entries_.push_back(encoding::SerializeEnvelope(envelope));
  leaves_.push_back(merkle::LeafHash(entries_.back()));
}

tlog::HashReader Path::Reader() const {
  return [this](unsigned level, uint64_t index) -> Result<Digest> {
    const uint64_t width = uint64_t{1} << level;
    return tlog::RootOf(std::span(leaves_).subspan(index * width, width));
  };
}

std::vector<Digest> Path::Consistency(uint64_t from, uint64_t to) const {
  Result<std::vector<Digest>> proof = tlog::ConsistencyProof(from, to, Reader());
  return proof.ok() ? *proof : std::vector<Digest>{};
}

merkle::Checkpoint Path::CheckpointNow() const {
  return {.origin = kLogName, .size = leaves_.size(), .root = tlog::RootOf(leaves_)};
}

std::function<Result<charter::Charter>(const Digest&)> Path::CharterReader() const {
  return [store = store_](const Digest& digest) { return charter::ReadCharterFromStore(*store, digest); };
}

std::vector<Vote> Path::Votes(const Candidate& candidate, const Digest& digest) const {
  std::vector<Vote> votes;
  const std::string body = CheckpointNow().Text();
  for (const TestReviewer& reviewer : kReviewers) {
    const std::string name = reviewer.name, role = reviewer.role;
    if (role == "auditor" || name == "prover-a2") continue;
    if (role == "evaluator" && charter().evaluation.command.empty()) continue;
    Vote vote;
    vote.about = candidate.about;
    vote.candidate = digest;
    vote.reviewer = name;
    vote.role = role;
    vote.verdict = VoteVerdict::kFor;
    if (role == "evaluator" && candidate.action == Action::kRelease) {
      vote.evidence = {{"checkpoint", body},
                       {"seed_signature", encoding::EncodeBase64(Key(name).Sign(SeedMessage(digest, body)))},
                       {"report", {{"episodes", 4'000}}},
                       {"shares", {{"harm near_miss", kWholeShare}}}};
    }
    vote.host = "host";
    vote.user = "user";
    vote.time = now;
    votes.push_back(std::move(vote));
  }
  return votes;
}

MadeWarrant Path::Make(const Change& change, const Tampering& tampering) {
  MadeWarrant made;
  Warrant& warrant = made.parts;
  const About about = AboutTree(change.tree);
  Proposal proposal{.about = about,
                    .proposal = std::string("p").append(std::to_string(++proposals_)),
                    .action = change.action,
                    .tree = change.tree,
                    .parent_tree = state.tree,
                    .parent_warrant = state.warrant,
                    .diff = crypto::Sha256("diff"),
                    .note = "better",
                    .time = now};
  Append(BySomeone(WriteProposal(proposal), "log"));

  Candidate& candidate = made.candidate;
  candidate.about = about;
  candidate.proposal = proposal.proposal;
  candidate.action = change.action;
  candidate.resource = state.resource;
  candidate.epoch = state.epoch + 1;
  candidate.tree = change.tree;
  candidate.parent_tree = state.tree;
  candidate.parent_warrant = state.warrant;
  candidate.baseline = charter().subject.baseline;
  candidate.charter = charter().digest;
  candidate.charter_epoch = state.charter_epoch;
  candidate.budget_index = change.action == Action::kRelease ? ++budget_index_ : budget_index_;
  candidate.diff = proposal.diff;
  if (!charter().evaluation.command.empty()) candidate.environment = crypto::Sha256("environment");
  if (certificates_.contains(change.tree)) candidate.certificates = certificates_.at(change.tree);
  const double drift_within = charter().properties[0].drift_within;
  if (drift_within > 0 && networks_.contains(change.tree) && change.tree != baseline) {
    const std::string certificate =
        DriftCertificate(networks_.at(change.tree), networks_.at(baseline), encoding::NumberText(drift_within));
    candidate.certificates.push_back({.property = "calm",
                                      .network = crypto::Sha256(networks_.at(change.tree)),
                                      .certificate = *store_->PutBlob(certificate)});
  }
  candidate.time = now;
  Tamper(tampering.candidate, candidate);
  const std::string candidate_payload = WriteCandidate(candidate);
  const Digest candidate_digest = StatementDigest(candidate_payload);
  warrant.candidate = BySomeone(candidate_payload, "log");
  Tamper(tampering.candidate_envelope, warrant.candidate);
  Append(warrant.candidate);
  const uint64_t committed = leaves_.size();

  std::vector<Vote> votes = Votes(candidate, candidate_digest);
  Tamper(tampering.votes, votes);
  for (const Vote& vote : votes) warrant.votes.push_back(BySomeone(WriteVote(vote), vote.reviewer));
  Tamper(tampering.vote_envelopes, warrant.votes);
  for (const encoding::Envelope& vote : warrant.votes) Append(vote);
  std::sort(warrant.votes.begin(), warrant.votes.end(),
            [](const auto& a, const auto& b) { return StatementDigest(a.payload) < StatementDigest(b.payload); });

  Closing closing;
  closing.about = about;
  closing.candidate = candidate_digest;
  closing.size = static_cast<int64_t>(leaves_.size());
  closing.root = CheckpointNow().root;
  for (const encoding::Envelope& vote : warrant.votes) closing.votes.push_back(StatementDigest(vote.payload));
  closing.time = now;
  Tamper(tampering.closing, closing);
  const std::string closing_payload = WriteClosing(closing);
  warrant.closing = BySomeone(closing_payload, "auditor-a");
  warrant.closing.signatures.push_back(signing::SignPayload(closing_payload, "auditor-c", Key("auditor-c")));
  Tamper(tampering.closing_envelope, warrant.closing);
  Append(warrant.closing);

  Decision decision;
  decision.about = about;
  decision.action = change.action;
  decision.resource = state.resource;
  decision.epoch = candidate.epoch;
  decision.charter = candidate.charter;
  decision.charter_epoch = candidate.charter_epoch;
  decision.target = change.tree;
  decision.previous = candidate.parent_warrant;
  decision.candidate = candidate_digest;
  decision.closing = StatementDigest(warrant.closing.payload);
  decision.votes = closing.votes;
  decision.results = {{"surface", "one file"}};
  decision.reason = "better";
  decision.issued = now;
  decision.expires = now + 7 * kDay;
  Tamper(tampering.decision, decision);
  const std::string decision_payload = WriteDecision(decision);
  Append(BySomeone(decision_payload, "log"));
  warrant.decision = ByPeople(decision_payload, change.signers);
  Tamper(tampering.decision_envelope, warrant.decision);
  const uint64_t index = leaves_.size();
  Append(warrant.decision);

  merkle::Checkpoint checkpoint = CheckpointNow();
  Tamper(tampering.checkpoint, checkpoint);
  made.checkpoint_size = checkpoint.size;
  merkle::SignedNote note = signing::SignCheckpoint(checkpoint, Key("log"));
  int64_t cosigned = now;
  Tamper(tampering.cosignature_time, cosigned);
  note.signatures.push_back(signing::Cosign(note.text, kClockName, Key("clock"), cosigned));
  for (const charter::Witness& witness : charter().witnesses.all) {
    note.signatures.push_back(signing::Cosign(note.text, witness.key.name, Key(witness.key.name), cosigned));
  }
  Tamper(tampering.note, note);
  merkle::TlogProof proof{
      .index = index, .hashes = *tlog::InclusionProof(index, leaves_.size(), Reader()), .checkpoint = note.Serialize()};
  Tamper(tampering.proof, proof);
  warrant.proof = proof.Serialize();
  const auto closing_size = static_cast<uint64_t>(closing.size);
  warrant.closing_consistency = Consistency(closing_size, leaves_.size());
  warrant.commit_inclusion = *tlog::InclusionProof(committed - 1, committed, Reader());
  warrant.commit_consistency = Consistency(committed, leaves_.size());
  warrant.previous_size = state.checkpoint_size;
  warrant.previous_consistency = Consistency(state.checkpoint_size, leaves_.size());
  Tamper(tampering.warrant, warrant);
  made.bytes = WriteWarrant(warrant);
  Tamper(tampering.bytes, made.bytes);
  return made;
}

WarrantVerdict Path::Ask(const MadeWarrant& made, const Tampering& tampering, Purpose purpose) const {
  WarrantQuestion question{.warrant = made.bytes,
                           .charter = charter_.get(),
                           .store = store_.get(),
                           .state = &state,
                           .halts = halts,
                           .now_s = now,
                           .purpose = purpose,
                           .threads = 1};
  Tamper(tampering.question, question);
  return VerifyWarrant(question);
}

void Path::Accept(const MadeWarrant& made) {
  const WarrantVerdict verdict = Ask(made);
  ASSERT_TRUE(verdict.accepted) << verdict.reason.rule << ": " << verdict.reason.message;
  state = verdict.next;
  const About about = AboutTree(verdict.tree);
  Append(BySomeone(
      WriteWarrantRecord(
          {.about = about, .proposal = made.candidate.proposal, .epoch = verdict.epoch, .warrant = verdict.warrant}),
      "log"));
  Append(BySomeone(WriteReleaseRecord({.about = about,
                                       .proposal = made.candidate.proposal,
                                       .epoch = verdict.epoch,
                                       .warrant = verdict.warrant,
                                       .tree = verdict.tree,
                                       .time = now}),
                   "log"));
  Append(BySomeone(WriteOutcomeRecord({.about = about,
                                       .proposal = made.candidate.proposal,
                                       .outcome = ProposalOutcome::kAccepted,
                                       .step = Step::kRelease,
                                       .rule = "",
                                       .reason = "live",
                                       .time = now}),
                   "log"));
  if (verdict.action == Action::kAmendment) {
    Result<CharterFiles> files = ReadCharterFiles(*store_, verdict.tree);
    ASSERT_TRUE(files.ok());
    charter_ = std::make_shared<const CharterFiles>(std::move(*files));
  }
}

MadeWarrant Path::Go(const Change& change, const Tampering& tampering) {
  MadeWarrant made = Make(change, tampering);
  Accept(made);
  now += kDay + 600;
  return made;
}

WarrantVerdict Witnessed(const std::function<void(merkle::SignedNote&)>& change, const Tampering& more) {
  Path path = Path::WithWitnesses();
  Tampering tampering = more;
  tampering.note = change;
  return path.Ask(path.Make({.tree = path.third}, tampering), tampering);
}

void CosignAt(merkle::SignedNote& note, const std::vector<std::pair<std::string, int64_t>>& times) {
  note.signatures.resize(2);
  for (const auto& [name, time_s] : times) {
    note.signatures.push_back(signing::Cosign(note.text, name, Path::Key(name), time_s));
  }
}

MadeWarrant MakeAmendment(Path& path, const Digest& charter, const std::vector<std::string>& signers,
                          Tampering tampering, int64_t wait_s) {
  if (!tampering.cosignature_time) tampering.cosignature_time = [wait_s](int64_t& time) { time += wait_s; };
  MadeWarrant made = path.Make({.action = Action::kAmendment, .tree = charter, .signers = signers}, tampering);
  path.now += wait_s;
  return made;
}

void AppendWithoutClosing(Path& path, const Change& change, Tampering tampering) {
  Path complete = path;
  int64_t size = 0;
  tampering.closing = [&](const Closing& closing) { size = closing.size; };
  (void)complete.Make(change, tampering);
  for (size_t at = path.entries().size(); at < static_cast<size_t>(size); ++at) {
    path.Append(*encoding::ParseEnvelope(complete.entries()[at]));
  }
}

}  // namespace pawl::warrant
