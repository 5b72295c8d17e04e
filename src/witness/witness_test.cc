#include "witness/witness.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "encoding/base64.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "signing/sign.h"
#include "subject/testing.h"
#include "tlog/growing_tree.h"
#include "witness/add_checkpoint.h"
#include "witness/gathering.h"

namespace pawl::witness {
namespace {

using merkle::Checkpoint;
using merkle::Digest;

constexpr int64_t kNow = 1'780'000'000;

signing::Ed25519PrivateKey Key(char seed) { return *signing::Ed25519PrivateKey::FromSeed(std::string(32, seed)); }

crypto::NoteKey LogKey(const std::string& origin = "example.org/log", char seed = 'l') {
  return crypto::NoteKey::Of(origin, crypto::NoteKeyType::kEd25519, Key(seed).public_key());
}

// A log of numbered entries; `branch` makes another log that differs from some entry on.
class Log {
 public:
  explicit Log(std::string branch = "", uint64_t from = 0) : branch_(std::move(branch)), from_(from) {}

  Digest Leaf(uint64_t index) const {
    return merkle::LeafHash(std::to_string(index) + (index >= from_ ? branch_ : std::string()));
  }
  tlog::HashReader Hashes() const {
    return [this](unsigned level, uint64_t index) -> Result<Digest> {
      std::vector<Digest> leaves;
      for (uint64_t i = index << level; i < (index + 1) << level; ++i) leaves.push_back(Leaf(i));
      return tlog::RootOf(leaves);
    };
  }
  merkle::SignedNote Note(uint64_t size, char seed = 'l', const std::string& origin = "example.org/log") const {
    return signing::SignCheckpoint({.origin = origin, .size = size, .root = *tlog::RootAt(size, Hashes())}, Key(seed));
  }
  AddCheckpoint Request(uint64_t old_size, uint64_t size) const {
    const Result<std::vector<Digest>> proof = tlog::ConsistencyProof(std::min(old_size, size), size, Hashes());
    return {.old_size = old_size, .consistency = *proof, .checkpoint = Note(size).Serialize()};
  }

 private:
  std::string branch_;
  uint64_t from_;
};

class WitnessTest : public ::testing::Test {
 protected:
  WitnessTest() { EXPECT_TRUE(Follow(folder_, LogKey()).ok()); }

  Witness Open() const {
    Result<Witness> witness = Witness::Open(folder_, "w", Key('w'));
    EXPECT_TRUE(witness.ok()) << (witness.ok() ? "" : witness.error().message);
    return std::move(*witness);
  }
  unsigned Status(Witness& witness, const AddCheckpoint& request) const {
    return witness.AddCheckpoint(request.Serialize(), kNow).status;
  }
  // The time in an answer, if it is a good cosignature of the note.
  static int64_t CosignedTime(const merkle::SignedNote& note, const Cosigned& answer) {
    const auto lines = merkle::ParseNoteSignatures(answer.body);
    EXPECT_TRUE(answer.status == 200 && lines.ok() && lines->size() == 1) << answer.body;
    const crypto::NoteKey key =
        crypto::NoteKey::Of("w", crypto::NoteKeyType::kEd25519Cosignature, Key('w').public_key());
    const auto seen = merkle::VerifyCosignatures({.text = note.text, .signatures = *lines}, {&key, 1});
    EXPECT_TRUE(seen.ok() && seen->size() == 1);
    return seen->front().time_s;
  }

  subject::TemporaryDirectory directory_;
  std::string folder_ = directory_ / "witness";
  Log log_;
};

TEST(AddCheckpointBody, IsTheOneOfTheSpecification) {
  const AddCheckpoint request = Log().Request(3, 5);
  const std::string body = request.Serialize();
  EXPECT_TRUE(body.starts_with("old 3\n" + encoding::EncodeBase64(request.consistency[0].Raw()) + "\n"));
  EXPECT_TRUE(body.ends_with("\n\n" + request.checkpoint));
  EXPECT_EQ(*AddCheckpoint::Parse(body), request);
}

TEST(AddCheckpointBody, IsRefusedInEveryOtherShape) {
  const std::string good = Log().Request(3, 5).Serialize();
  const std::string hash = encoding::EncodeBase64(std::string(32, 'h')) + "\n";
  std::string many = "old 3\n";
  for (int i = 0; i < 64; ++i) many += hash;
  for (const std::string& bad : {
           std::string(),
           std::string("old 3\n"),
           std::string("old 3\n\n"),
           "ol" + good,
           "old 03\n" + good.substr(6),
           "old -3\n" + good.substr(6),
           "old  3\n" + good.substr(6),
           "old 3\r\n" + good.substr(6),
           "old 4611686018427387905\n" + good.substr(6),  // one more than a tree can have
           "old 3\nAAAA\n" + good.substr(6),
           many + "\nx\n",
           "old 3\n" + hash + std::string(kAddCheckpointBytesMax, 'x'),
       }) {
    EXPECT_EQ(AddCheckpoint::Parse(bad).error().rule, "add-checkpoint.malformed") << bad.substr(0, 40);
  }
}

TEST_F(WitnessTest, CosignsALogThatOnlyGrows) {
  Witness witness = Open();
  uint64_t size = 0;
  for (const uint64_t next : {uint64_t{0}, uint64_t{1}, uint64_t{1}, uint64_t{7}, uint64_t{8}, uint64_t{300}}) {
    const AddCheckpoint request = log_.Request(size, next);
    EXPECT_EQ(CosignedTime(log_.Note(next), witness.AddCheckpoint(request.Serialize(), kNow)), kNow);
    size = next;
  }
  EXPECT_EQ(witness.logs().at("example.org/log").size, 300u);
}

TEST_F(WitnessTest, AnswersWithTheStatusesOfTheSpecification) {
  Witness witness = Open();
  ASSERT_EQ(Status(witness, log_.Request(0, 5)), 200u);
  EXPECT_EQ(witness.AddCheckpoint("old five\n", kNow).status, 400u);
  AddCheckpoint request = log_.Request(5, 9);
  request.checkpoint = "no note\n";
  EXPECT_EQ(Status(witness, request), 400u);
  request.checkpoint = log_.Note(9, 'l', "example.org/other").Serialize();
  EXPECT_EQ(Status(witness, request), 404u);
  request.checkpoint = log_.Note(9, 'x').Serialize();  // signed by somebody else
  EXPECT_EQ(Status(witness, request), 403u);
  merkle::SignedNote forged = log_.Note(9);
  forged.signatures[0].signature[0] ^= 1;
  request.checkpoint = forged.Serialize();
  EXPECT_EQ(Status(witness, request), 403u);
  EXPECT_EQ(Status(witness, log_.Request(9, 5)), 400u);
  const Cosigned conflict = witness.AddCheckpoint(log_.Request(3, 9).Serialize(), kNow);
  EXPECT_EQ(conflict.status, 409u);
  EXPECT_EQ(conflict.content_type, "text/x.tlog.size");
  EXPECT_EQ(conflict.body, "5\n");
  EXPECT_EQ(witness.AddCheckpoint(log_.Request(3, 4).Serialize(), kNow).body, "5\n");  // never back
  request = log_.Request(5, 9);
  request.consistency[0].bytes[0] ^= 1;
  EXPECT_EQ(Status(witness, request), 422u);
  request.consistency.clear();
  EXPECT_EQ(Status(witness, request), 422u);
  EXPECT_EQ(Status(witness, log_.Request(5, 9)), 200u);
}

TEST_F(WitnessTest, SignsNoSecondRootForASize) {
  Witness witness = Open();
  ASSERT_EQ(Status(witness, log_.Request(0, 5)), 200u);
  const Log fork("another", 4);
  EXPECT_EQ(Status(witness, fork.Request(5, 5)), 422u);
  EXPECT_EQ(Status(witness, fork.Request(5, 9)), 422u);
  EXPECT_EQ(Status(witness, fork.Request(0, 5)), 409u);
  EXPECT_EQ(witness.logs().at("example.org/log").root, *tlog::RootAt(5, log_.Hashes()));
  AddCheckpoint needless = log_.Request(5, 5);
  needless.consistency.push_back(merkle::EmptyRoot());
  EXPECT_EQ(Status(witness, needless), 422u);
}

TEST_F(WitnessTest, CosignsNothingWithAnythingChanged) {
  Witness witness = Open();
  ASSERT_EQ(Status(witness, log_.Request(0, 5)), 200u);
  const std::string good = log_.Request(5, 7).Serialize();
  const std::set<unsigned> refusals = {400, 403, 404, 409, 422};
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char bit : {'\x01', '\x10', '\x80'}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ bit);
      ASSERT_TRUE(refusals.contains(witness.AddCheckpoint(bad, kNow).status)) << bad;
    }
    ASSERT_TRUE(refusals.contains(witness.AddCheckpoint(good.substr(0, i), kNow).status)) << i;
  }
  EXPECT_EQ(witness.AddCheckpoint(good, kNow).status, 200u);
}

TEST_F(WitnessTest, KnowsOneRootOfAnEmptyTree) {
  Witness witness = Open();
  const std::string text = "example.org/log\n0\n" + encoding::EncodeBase64(std::string(32, 'r')) + "\n";
  merkle::SignedNote note{.text = text, .signatures = {signing::SignNote(text, "example.org/log", Key('l'))}};
  EXPECT_EQ(Status(witness, {.old_size = 0, .consistency = {}, .checkpoint = note.Serialize()}), 422u);
}

TEST_F(WitnessTest, TakesItsTimeNeverBack) {
  {
    Witness witness = Open();
    EXPECT_EQ(CosignedTime(log_.Note(5), witness.AddCheckpoint(log_.Request(0, 5).Serialize(), kNow)), kNow);
    EXPECT_EQ(CosignedTime(log_.Note(5), witness.AddCheckpoint(log_.Request(5, 5).Serialize(), kNow - 9)), kNow);
  }
  Witness again = Open();
  EXPECT_EQ(CosignedTime(log_.Note(5), again.AddCheckpoint(log_.Request(5, 5).Serialize(), kNow - 9)), kNow);
  EXPECT_EQ(CosignedTime(log_.Note(5), again.AddCheckpoint(log_.Request(5, 5).Serialize(), kNow + 9)), kNow + 9);
}

TEST_F(WitnessTest, RemembersAfterARestart) {
  { ASSERT_EQ(Status(*std::make_unique<Witness>(Open()), log_.Request(0, 5)), 200u); }
  Witness again = Open();
  EXPECT_EQ(Status(again, log_.Request(0, 5)), 409u);
  EXPECT_EQ(Status(again, Log("another", 4).Request(5, 6)), 422u);
  EXPECT_EQ(Status(again, log_.Request(5, 6)), 200u);
}

// Children are killed at a random moment while they cosign; what a child has printed is what somebody holds.
TEST_F(WitnessTest, RemembersWhateverItHasCosignedWhenItIsKilled) {
  uint64_t size = 0;
  int cosigned_in_all = 0;
  for (int round = 0; round < 12; ++round) {
    int out[2];
    ASSERT_EQ(pipe(out), 0);
    const pid_t child = fork();
    if (child == 0) {
      Witness witness = Open();
      uint64_t at = witness.logs().at("example.org/log").size;
      for (;; ++at) {
        if (Status(witness, log_.Request(at, at + 1)) != 200) _exit(1);
        const uint64_t cosigned = at + 1;
        if (write(out[1], &cosigned, sizeof cosigned) != sizeof cosigned) _exit(1);
      }
    }
    close(out[1]);
    uint64_t seen = 0;
    for (int i = 0; i <= round % 4; ++i) ASSERT_EQ(read(out[0], &seen, sizeof seen), ssize_t{sizeof seen});
    usleep(static_cast<useconds_t>(round * 137));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(out[0], &seen, sizeof seen) == ssize_t{sizeof seen}) {
    }
    close(out[0]);
    const FollowedLog remembered = ReadFollowed(folder_)->at("example.org/log");
    EXPECT_GE(remembered.size, seen);
    EXPECT_EQ(remembered.root, *tlog::RootAt(remembered.size, log_.Hashes()));
    cosigned_in_all += static_cast<int>(seen - size);
    size = seen;
  }
  EXPECT_GE(cosigned_in_all, 12);
}

TEST_F(WitnessTest, IsAloneInItsFolder) {
  const Witness witness = Open();
  EXPECT_EQ(Witness::Open(folder_, "w", Key('w')).error().rule, "witness.busy");
}

TEST_F(WitnessTest, FollowsALogOnce) {
  EXPECT_EQ(Follow(folder_, LogKey()).error().rule, "witness.followed");
  EXPECT_EQ(Follow(folder_, LogKey("example.org/log", 'x')).error().rule, "witness.followed");  // one key an origin
  EXPECT_TRUE(Follow(folder_, LogKey("example.org/second")).ok());
  EXPECT_EQ(Open().logs().size(), 2u);
}

TEST_F(WitnessTest, DoesNotStartWithAStateThatItCannotRead) {
  { ASSERT_EQ(Status(*std::make_unique<Witness>(Open()), log_.Request(0, 5)), 200u); }
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().extension() == ".json") file = entry.path();
  }
  const std::string good = subject::ReadWholeFile(file);
  for (const std::string& bad : {std::string(), good + "\n", good.substr(0, good.size() - 1),
                                 "{\"format\":\"pawl-witness-state/v2\"" + good.substr(good.find(',', 30))}) {
    std::ofstream(file, std::ios::trunc) << bad;
    EXPECT_EQ(Witness::Open(folder_, "w", Key('w')).error().rule, "witness.state") << bad;
  }
  std::ofstream(file, std::ios::trunc) << good;
  std::filesystem::copy_file(file, folder_ + "/copy.json");  // the state of a log under another name
  EXPECT_EQ(Witness::Open(folder_, "w", Key('w')).error().rule, "witness.state");
}

TEST_F(WitnessTest, CosignsNothingThatItCannotRemember) {
  Witness witness = Open();
  std::filesystem::rename(folder_, folder_ + "-away");
  std::ofstream(folder_) << "in the way";
  EXPECT_EQ(Status(witness, log_.Request(0, 5)), 500u);
  std::filesystem::remove(folder_);
  std::filesystem::rename(folder_ + "-away", folder_);
  EXPECT_EQ(Status(witness, log_.Request(0, 5)), 200u);
}

TEST_F(WitnessTest, SaysThatItFollowsNothing) {
  EXPECT_EQ(Witness::Open(directory_ / "nowhere", "w", Key('w')).error().rule, "witness.no-logs");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "nowhere"));
}

// ---- the log's side

class GatheringTest : public ::testing::Test {
 protected:
  static crypto::NoteKey Cosigner(const std::string& name, char seed) {
    return crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519Cosignature, Key(seed).public_key());
  }
  void Add(const std::string& name, char seed) {
    ASSERT_TRUE(Follow(directory_ / name, LogKey()).ok());
    running_.emplace("http://" + name, std::move(*Witness::Open(directory_ / name, name, Key(seed))));
    witnesses_.push_back({.key = Cosigner(name, seed), .url = "http://" + name});
  }
  Gathered Ask(const Log& log, uint64_t size, uint64_t guess) {
    const merkle::SignedCheckpoint checkpoint{.checkpoint = *Checkpoint::Parse(log.Note(size).text),
                                              .note = log.Note(size)};
    return Gather(
        checkpoint, witnesses_, guess,
        [&](uint64_t old_size) { return tlog::ConsistencyProof(old_size, size, log.Hashes()); },
        [&](const std::vector<HttpPost>& posts) {
          ++rounds_;
          std::vector<Result<HttpReply>> replies;
          for (const HttpPost& post : posts) replies.push_back(Reply(post));
          return replies;
        });
  }
  Result<HttpReply> Reply(const HttpPost& post) {
    const std::string url = post.url.substr(0, post.url.rfind('/'));
    EXPECT_TRUE(post.url.ends_with("/add-checkpoint"));
    if (instead_.contains(url)) return instead_.at(url);
    const Cosigned answer = running_.at(url).AddCheckpoint(post.body, kNow);
    return HttpReply{.status = answer.status, .body = answer.body};
  }

  subject::TemporaryDirectory directory_;
  std::map<std::string, Witness> running_;
  std::map<std::string, Result<HttpReply>> instead_;
  std::vector<AskedWitness> witnesses_;
  int rounds_ = 0;
};

TEST_F(GatheringTest, CollectsWhatVerifies) {
  for (const char seed : {'a', 'b', 'c'}) Add(std::string("w-") + seed, seed);
  const Log log;
  Gathered gathered = Ask(log, 5, 0);
  EXPECT_EQ(gathered.cosigned, 3u);
  EXPECT_EQ(rounds_, 1);
  std::vector<crypto::NoteKey> keys;
  for (const AskedWitness& witness : witnesses_) keys.push_back(witness.key);
  EXPECT_EQ(merkle::VerifyCosignatures(gathered.note, keys)->size(), 3u);
  EXPECT_TRUE(merkle::OpenCheckpoint(gathered.note.Serialize(), LogKey()).ok());
  // One that was away remembers less, and is asked again from there.
  EXPECT_EQ(running_.at("http://w-b").AddCheckpoint(log.Request(5, 7).Serialize(), kNow).status, 200u);
  rounds_ = 0;
  EXPECT_EQ(Ask(log, 9, 5).cosigned, 3u);
  EXPECT_EQ(rounds_, 2);
}

TEST_F(GatheringTest, SaysWhoIsSilentAndWhy) {
  for (const char seed : {'a', 'b', 'c', 'd', 'e', 'f'}) Add(std::string("w-") + seed, seed);
  const Log log;
  instead_.emplace("http://w-b", SystemFailure("http.unreachable", "no whole answer"));
  instead_.emplace("http://w-c", HttpReply{.status = 503, .body = "busy\nsecond line"});
  instead_.emplace("http://w-d", HttpReply{.status = 200, .body = "nonsense\n"});
  instead_.emplace("http://w-e", HttpReply{.status = 409, .body = "9\n"});
  // A cosignature of another checkpoint, by the right key.
  const merkle::NoteSignature other = signing::Cosign(log.Note(4).text, "w-f", Key('f'), kNow);
  instead_.emplace("http://w-f", HttpReply{.status = 200, .body = merkle::SerializeNoteSignatures({&other, 1})});
  const Gathered gathered = Ask(log, 5, 0);
  EXPECT_EQ(gathered.cosigned, 1u);
  EXPECT_EQ(gathered.note.signatures.size(), 2u);
  ASSERT_EQ(gathered.silent.size(), 5u);
  EXPECT_EQ(gathered.silent[0], "w-b: no whole answer");
  EXPECT_EQ(gathered.silent[1], "w-c: it answers 503: busy");
  EXPECT_TRUE(gathered.silent[3].find("entries were lost") != std::string::npos) << gathered.silent[3];
  EXPECT_TRUE(gathered.silent[4].starts_with("w-f: ")) << gathered.silent[4];
}

TEST_F(GatheringTest, IsNotKeptBusyByOneThatChangesItsMind) {
  Add("w-a", 'a');
  instead_.emplace("http://w-a", HttpReply{.status = 409, .body = "3\n"});
  EXPECT_EQ(Ask(Log(), 5, 0).cosigned, 0u);
  EXPECT_EQ(rounds_, 3);
}

TEST_F(GatheringTest, GetsNothingForAFork) {
  Add("w-a", 'a');
  EXPECT_EQ(Ask(Log(), 5, 0).cosigned, 1u);
  const Gathered forked = Ask(Log("another", 4), 5, 5);
  EXPECT_EQ(forked.cosigned, 0u);
  EXPECT_TRUE(forked.silent.at(0).find("422") != std::string::npos) << forked.silent.at(0);
}

}  // namespace
}  // namespace pawl::witness
