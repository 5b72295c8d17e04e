// The loader's memory: its file, its lock, its beginning, and the folder of halts.
#include "warrant/state.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "encoding/json.h"
#include "warrant/path_for_test.h"

namespace pawl::warrant {
namespace {

using encoding::Json;
using subject::RuleOf;

State Example() { return Path::WithTwoReleases().state; }

std::string RuleWith(const std::function<void(Json&)>& change) {
  Json json = Json::parse(WriteState(Example()));
  change(json);
  return RuleOf(ReadState(encoding::CanonicalJson(json)));
}

// ---- the file

TEST(State, IsReadAsItIsWritten) {
  State state = Example();
  ASSERT_EQ(state.releases.size(), 2u);
  state.lifted = {crypto::Sha256("b"), crypto::Sha256("a")};
  std::sort(state.lifted.begin(), state.lifted.end());
  const Result<State> read = ReadState(WriteState(state));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, state);
  const Path fresh;
  ASSERT_TRUE(ReadState(WriteState(fresh.state)).ok());
  EXPECT_EQ(*ReadState(WriteState(fresh.state)), fresh.state);
}

TEST(State, RemembersAsManyReleasesAsACharterCanCount) {
  State state = Example();
  state.releases.assign(kPastReleasesMax, state.releases[0]);
  for (PastRelease& release : state.releases) {
    release.epoch = encoding::kJsonIntegerMax;
    release.action = Action::kRollback;
  }
  const Result<State> read = ReadState(WriteState(state));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, state);
  state.releases.push_back(state.releases[0]);
  EXPECT_EQ(RuleOf(ReadState(WriteState(state))), "json.member-range");
}

TEST(State, HasEveryMemberAndNoOther) {
  const Json whole = Json::parse(WriteState(Example()));
  for (const auto& [name, value] : whole.items()) {
    const std::string key = name;
    EXPECT_EQ(RuleWith([&](Json& json) { json.erase(key); }), "json.member-missing") << key;
    EXPECT_EQ(RuleWith([&](Json& json) { json[key] = true; }), "json.member-type") << key;
  }
  EXPECT_EQ(RuleWith([](Json& json) { json["more"] = 1; }), "json.member-unknown");
  EXPECT_EQ(RuleWith([](Json& json) { json["releases"][0]["more"] = 1; }), "json.member-unknown");
  EXPECT_EQ(RuleWith([](Json& json) { json["releases"][0].erase("tree"); }), "json.member-missing");
  EXPECT_EQ(RuleWith([](Json& json) { json["releases"][0]["action"] = "amendment"; }), "json.member-range");
  EXPECT_EQ(RuleWith([](Json& json) { json["releases"][0]["epoch"] = 0; }), "json.member-range");
  EXPECT_NE(RuleWith([](Json& json) { json["format"] = "pawl-state/v2"; }), "ok");
  EXPECT_EQ(RuleWith([](Json& json) { json["epoch"] = -1; }), "json.member-range");
  EXPECT_EQ(RuleWith([](Json& json) { json["checkpoint_root"] = std::string(64, 'G'); }), "state.root");
  EXPECT_EQ(RuleWith([](Json& json) {
              json["lifted"] = {crypto::Digest::FromHex(std::string(64, 'b'))->Text(),
                                crypto::Digest::FromHex(std::string(64, 'a'))->Text()};
            }),
            "state.order");
}

TEST(State, IsCanonicalAndBounded) {
  const std::string bytes = WriteState(Example());
  EXPECT_EQ(RuleOf(ReadState(bytes + "\n")), "json.not-canonical");
  EXPECT_EQ(RuleOf(ReadState(bytes + "x")), "json.syntax");
  EXPECT_EQ(RuleOf(ReadState(bytes.substr(0, bytes.size() - 1))), "json.syntax");
  EXPECT_EQ(RuleOf(ReadState("")), "json.syntax");
  EXPECT_EQ(RuleOf(ReadState(std::string(1'000'000, '['))), "json.too-deep");
  EXPECT_EQ(RuleOf(ReadState(std::string(size_t{5} << 20, ' '))), "json.too-large");
}

TEST(StateFile, IsReplacedAsAWhole) {
  const subject::TemporaryDirectory directory;
  const std::string path = directory / "state";
  State state = Example();
  ASSERT_TRUE(WriteStateFile(path, state).ok());
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(*ReadStateFile(path), state);
  state.epoch += 1;
  ASSERT_TRUE(WriteStateFile(path, state).ok());
  EXPECT_EQ(*ReadStateFile(path), state);
  EXPECT_NE(access((path + ".new").c_str(), F_OK), 0) << "nothing is left beside it";
}

TEST(StateFile, StaysAsItWasWhenItCannotBeReplaced) {
  const subject::TemporaryDirectory directory;
  const std::string path = directory / "state";
  State state = Example();
  ASSERT_TRUE(WriteStateFile(path, state).ok());
  ASSERT_EQ(mkdir((path + ".new").c_str(), 0700), 0);  // in the way
  State next = state;
  next.epoch += 1;
  EXPECT_EQ(RuleOf(WriteStateFile(path, next)), "state.input-output");
  EXPECT_EQ(*ReadStateFile(path), state);
  ASSERT_EQ(rmdir((path + ".new").c_str()), 0);
  ASSERT_EQ(symlink("/dev/full", (path + ".new").c_str()), 0);
  EXPECT_EQ(RuleOf(WriteStateFile(path, next)), "state.input-output") << "a link is not followed";
  EXPECT_EQ(*ReadStateFile(path), state);
  EXPECT_EQ(RuleOf(WriteStateFile(directory / "none/state", next)), "state.input-output");
}

TEST(StateFile, FailsClosedWhenItIsLostOrNoFile) {
  const subject::TemporaryDirectory directory;
  EXPECT_EQ(RuleOf(ReadStateFile(directory / "state")), "state.missing");
  EXPECT_EQ(RuleOf(ReadStateFile(directory / "none/state")), "state.missing");
  ASSERT_TRUE(WriteStateFile(directory / "real", Example()).ok());
  ASSERT_EQ(symlink("real", (directory / "state").c_str()), 0);
  EXPECT_EQ(RuleOf(ReadStateFile(directory / "state")), "state.input-output");
  EXPECT_EQ(RuleOf(ReadStateFile(directory.path())), "state.not-a-file");
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(RuleOf(ReadStateFile(directory / "pipe")), "state.not-a-file");
  directory.Write("large", std::string(size_t{5} << 20, ' '));
  EXPECT_EQ(RuleOf(ReadStateFile(directory / "large")), "state.too-large");
  directory.Write("empty", "");
  EXPECT_EQ(RuleOf(ReadStateFile(directory / "empty")), "json.syntax");
}

TEST(StateLock, ExcludesOthersWhileItLives) {
  const subject::TemporaryDirectory directory;
  const int other = open((directory / "state.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  {
    Result<StateLock> lock = StateLock::Take(directory / "state");
    ASSERT_TRUE(lock.ok());
    const StateLock moved = std::move(*lock);
    EXPECT_NE(flock(other, LOCK_EX | LOCK_NB), 0);
  }
  EXPECT_EQ(flock(other, LOCK_EX | LOCK_NB), 0);
  close(other);
  EXPECT_EQ(RuleOf(StateLock::Take(directory / "none/state")), "state.input-output");
}

// ---- genesis

std::string RuleOfGenesis(const std::function<void(Decision&)>& change, const std::vector<std::string>& people) {
  const Path path;
  Decision decision = *ReadDecision(path.genesis().payload);
  change(decision);
  return RuleOf(InitialState(path.charter(), path.ByPeople(WriteDecision(decision), people)));
}

TEST(Genesis, NeedsThePeopleOfAnAmendmentAndThisCharter) {
  const std::vector<std::string> three = {"ann", "bob", "cy"};
  EXPECT_EQ(RuleOfGenesis([](Decision&) {}, three), "ok");
  EXPECT_EQ(RuleOfGenesis([](Decision&) {}, {"ann", "bob"}), "genesis.threshold");
  EXPECT_EQ(RuleOfGenesis([](Decision&) {}, {}), "genesis.threshold");
  EXPECT_EQ(RuleOfGenesis([](Decision&) {}, {"ann", "ann-two", "bob"}), "approval.twice");
  EXPECT_EQ(RuleOfGenesis([](Decision&) {}, {"ann", "bob", "mallory"}), "approval.unknown-signer");
  EXPECT_EQ(RuleOfGenesis([](Decision& d) { d.action = Action::kResume; }, three), "genesis.mismatch");
  EXPECT_EQ(RuleOfGenesis([](Decision& d) { d.charter = crypto::Sha256("x"); }, three), "genesis.mismatch");
  EXPECT_EQ(RuleOfGenesis([](Decision& d) { d.resource = "https://example.org/x"; }, three), "genesis.mismatch");
  EXPECT_EQ(RuleOfGenesis([](Decision& d) { d.about.subject = "another"; }, three), "genesis.mismatch");
}

// ---- halts

struct HaltTest : testing::Test {
  Path path = Path::WithTwoReleases();
  subject::TemporaryDirectory directory;
  std::string state_path = directory / "state";

  Digest Halt(const std::string& file, const std::vector<std::string>& people = {"dee"},
              const std::string& reason = "smoke") {
    return Put(file, path.HaltDecision(reason), people);
  }
  Digest Put(const std::string& file, const Decision& decision, const std::vector<std::string>& people) {
    const std::string payload = WriteDecision(decision);
    directory.Write("state.halts/" + file, encoding::SerializeEnvelope(path.ByPeople(payload, people)));
    return StatementDigest(payload);
  }
  Result<LocalHalts> Read() { return ReadLocalHalts(state_path, path.charter(), path.state); }
  std::string Rule() { return RuleOf(Read()); }
};

TEST_F(HaltTest, NoFolderAndAnEmptyFolderHoldNone) {
  ASSERT_TRUE(Read().ok());
  EXPECT_TRUE(Read()->in_force.empty());
  ASSERT_EQ(mkdir(HaltFolder(state_path).c_str(), 0700), 0);
  ASSERT_TRUE(Read().ok());
  EXPECT_TRUE(Read()->in_force.empty());
}

TEST_F(HaltTest, OneApproverHalts) {
  const Digest halt = Halt("a");
  Halt("again");  // the same halt by another way
  const Result<LocalHalts> halts = Read();
  ASSERT_TRUE(halts.ok()) << halts.error().message;
  EXPECT_EQ(halts->in_force, std::vector<Digest>{halt});
  EXPECT_EQ(halts->reasons, std::vector<std::string>{"dee@example.org: smoke"});
}

TEST_F(HaltTest, AResumeLiftsWhatItNamesWhateverTheOrderOfFiles) {
  const Digest first = Halt("a"), second = Halt("z", {"dee"}, "fire");
  for (const char* name : {"0", "m", "zz"}) {
    Put(name, path.ResumeDecision({first}), {"ann", "bob"});
    const Result<LocalHalts> halts = Read();
    ASSERT_TRUE(halts.ok()) << halts.error().message;
    EXPECT_EQ(halts->in_force, std::vector<Digest>{second});
    EXPECT_EQ(halts->lifted, std::vector<Digest>{first});
    ASSERT_EQ(unlink((HaltFolder(state_path) + "/" + name).c_str()), 0);
  }
}

// With keys that have expired since, it could be dated back to when they had not.
TEST_F(HaltTest, AResumeThatIsOlderThanWhatItLiftsLiftsNothing) {
  Decision halt = path.HaltDecision("smoke");
  Put("b", path.ResumeDecision({StatementDigest(WriteDecision(halt))}), {"ann", "bob"});
  EXPECT_TRUE(Read()->in_force.empty());
  Decision early = path.ResumeDecision({Put("a", halt, {"dee"})});
  early.issued = std::min(halt.issued, path.state.time) - 1;
  Put("b", early, {"ann", "bob"});
  EXPECT_EQ(Read()->in_force, early.lifts);
  EXPECT_TRUE(Read()->lifted.empty());
  ASSERT_EQ(unlink((HaltFolder(state_path) + "/a").c_str()), 0);
  EXPECT_TRUE(Read()->lifted.empty()) << "nor a halt that is still on its way";
  early.issued = path.state.time;
  Put("b", early, {"ann", "bob"});
  EXPECT_EQ(Read()->lifted, early.lifts);
}

// A state remembers so many and no more: one that held more could never be read again.
TEST_F(HaltTest, WhatNoFileNamesAnyMoreIsForgottenAndWhatIsTooMuchStopsLoading) {
  path.state.lifted = {crypto::Sha256("dealt with long ago")};
  ASSERT_TRUE(Read().ok());
  EXPECT_TRUE(Read()->lifted.empty());
  for (size_t file = 0; file <= kLiftedMax / 256; ++file) {
    std::vector<Digest> halts;
    for (int i = 0; i < 256; ++i) halts.push_back(crypto::Sha256(std::to_string(file) + " " + std::to_string(i)));
    EXPECT_EQ(Rule(), "ok");
    Put(std::to_string(file), path.ResumeDecision(halts), {"ann", "bob"});
  }
  EXPECT_EQ(Rule(), "halt.too-many");
}

// Otherwise one approver's halt could outlast the keys of all the others.
TEST_F(HaltTest, AHaltThatIsDatedAheadCanBeLifted) {
  Decision halt = path.HaltDecision("smoke");
  halt.issued += 1'000'000;
  halt.expires += 1'000'000;
  Put("b", path.ResumeDecision({Put("a", halt, {"dee"})}), {"ann", "bob"});
  EXPECT_TRUE(Read()->in_force.empty());
}

TEST_F(HaltTest, AResumeNeedsItsThreshold) {
  const Digest halt = Halt("a");
  Put("b", path.ResumeDecision({halt}), {"ann"});
  EXPECT_EQ(Rule(), "halt.unreadable");
  Put("b", path.ResumeDecision({halt}), {"ann", "ann-two"});
  EXPECT_EQ(Rule(), "halt.unreadable");
}

TEST_F(HaltTest, WhatIsNeitherHaltNorResumeStopsLoading) {
  const auto rule_of_file = [&](const std::string& bytes) {
    directory.Write("state.halts/file", bytes);
    return Rule();
  };
  EXPECT_EQ(rule_of_file(""), "halt.unreadable");
  EXPECT_EQ(rule_of_file("halt!"), "halt.unreadable");
  EXPECT_EQ(rule_of_file(std::string(size_t{1} << 19, ' ')), "halt.unreadable");
  EXPECT_EQ(rule_of_file(path.entries()[0]), "halt.unreadable") << "a genesis decision";
  EXPECT_EQ(rule_of_file(path.entries()[1]), "halt.unreadable") << "a proposal";
  Halt("file", {});
  EXPECT_EQ(Rule(), "halt.unreadable") << "nobody signed";
  Halt("file", {"mallory"});
  EXPECT_EQ(Rule(), "halt.unreadable");
  Decision elsewhere = path.HaltDecision("smoke");
  elsewhere.resource = "https://example.org/another";
  Put("file", elsewhere, {"dee"});
  EXPECT_EQ(Rule(), "halt.unreadable");
  ASSERT_EQ(unlink((HaltFolder(state_path) + "/file").c_str()), 0);
  ASSERT_TRUE(Read().ok());
  ASSERT_EQ(symlink("/dev/zero", (HaltFolder(state_path) + "/link").c_str()), 0);
  EXPECT_EQ(Rule(), "halt.unreadable");
  ASSERT_EQ(unlink((HaltFolder(state_path) + "/link").c_str()), 0);
  ASSERT_EQ(mkfifo((HaltFolder(state_path) + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(Rule(), "halt.unreadable");
  ASSERT_EQ(unlink((HaltFolder(state_path) + "/pipe").c_str()), 0);
  ASSERT_EQ(mkdir((HaltFolder(state_path) + "/folder").c_str(), 0700), 0);
  EXPECT_EQ(Rule(), "halt.unreadable");
}

TEST_F(HaltTest, AFolderThatIsNoneStopsLoading) {
  directory.Write("state.halts", "");
  EXPECT_EQ(Rule(), "state.input-output");
}

TEST_F(HaltTest, TooManyFilesStopLoading) {
  ASSERT_EQ(mkdir(HaltFolder(state_path).c_str(), 0700), 0);
  for (int i = 0; i <= 1'024; ++i) directory.Write("state.halts/" + std::to_string(i), "");
  EXPECT_EQ(Rule(), "halt.too-many");
}

TEST_F(HaltTest, WhatWasLiftedStaysReadableWhenItsSignersHaveLeft) {
  const Digest halt = Halt("a", {"dee"});
  Put("b", path.ResumeDecision({halt}), {"cy", "dee"});
  const Digest tree = path.PutCharter([](charter::TestCharter& test) {
    test.files["approvers"] = Path::SignerLine("ann") + Path::SignerLine("bob") + Path::SignerLine("fay");
  });
  const Result<charter::Charter> later = charter::ReadCharterFromStore(path.store(), tree);
  ASSERT_TRUE(later.ok()) << later.error().message;
  EXPECT_EQ(RuleOf(ReadLocalHalts(state_path, *later, path.state)), "halt.unreadable") << "not yet in the state";
  path.state.lifted = {halt};
  const Result<LocalHalts> halts = ReadLocalHalts(state_path, *later, path.state);
  ASSERT_TRUE(halts.ok()) << halts.error().message;
  EXPECT_TRUE(halts->in_force.empty());
  EXPECT_EQ(halts->lifted, std::vector<Digest>{halt});
}

TEST_F(HaltTest, AHaltOfARemovedApproverIsLiftedByAResumeInTheSameFolder) {
  const Digest halt = Halt("a", {"dee"});
  const Digest tree = path.PutCharter([](charter::TestCharter& test) {
    test.files["approvers"] = Path::SignerLine("ann") + Path::SignerLine("bob") + Path::SignerLine("fay");
  });
  const Result<charter::Charter> later = charter::ReadCharterFromStore(path.store(), tree);
  ASSERT_TRUE(later.ok());
  for (const char* name : {"0", "z"}) {
    Put(name, path.ResumeDecision({halt}), {"ann", "bob"});
    EXPECT_EQ(RuleOf(ReadLocalHalts(state_path, *later, path.state)), "ok") << name;
    ASSERT_EQ(unlink((HaltFolder(state_path) + "/" + name).c_str()), 0);
  }
}

}  // namespace
}  // namespace pawl::warrant
