#include "ledger/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "signing/private_key.h"
#include "subject/testing.h"

namespace pawl::ledger {
namespace keys_test {

using crypto::NoteKey;
using crypto::NoteKeyType;

template <typename T>
std::string RuleOf(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().rule;
}

class KeysTest : public ::testing::Test {
 protected:
  subject::TemporaryDirectory directory_;
  Home home_ = *Home::Open(directory_ / "home", HomeAccess::kCreate);
};

TEST_F(KeysTest, EachKeyHasAFolderOfItsOwnThatNobodyElseReads) {
  const Result<NoteKey> key = MakeKey(home_, "prover-a", NoteKeyType::kEd25519);
  ASSERT_TRUE(key.ok()) << key.error().message;
  EXPECT_EQ(key->name, "prover-a");
  struct stat facts {};
  ASSERT_EQ(stat(home_.KeyFolder("prover-a").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(home_.KeyPath("prover-a").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  const Result<signing::Ed25519PrivateKey> found = FindPrivateKey(home_, *key);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_TRUE(key->key.Verify("message", found->Sign("message")));
}

TEST_F(KeysTest, NeverOverwrites) {
  const NoteKey key = *MakeKey(home_, "a", NoteKeyType::kEd25519);
  const std::string before = subject::ReadWholeFile(home_.KeyPath("a"));
  EXPECT_EQ(RuleOf(MakeKey(home_, "a", NoteKeyType::kEd25519Cosignature)), "key.exists");
  EXPECT_EQ(subject::ReadWholeFile(home_.KeyPath("a")), before);
  EXPECT_TRUE(FindPrivateKey(home_, key).ok());
}

TEST_F(KeysTest, RefusesNamesThatAreNoFolderOrNoKeyName) {
  for (const std::string& name :
       std::vector<std::string>{"", ".", "..", ".hidden", "a/b", "../a", "a+b", "a b", "a\nb", std::string(65, 'a')}) {
    EXPECT_EQ(RuleOf(MakeKey(home_, name, NoteKeyType::kEd25519)), "key.name") << name;
  }
  EXPECT_TRUE(ListKeys(home_).empty());
  EXPECT_EQ(RuleOf(MakeKey(home_, std::string(64, 'a'), NoteKeyType::kEd25519)), "ok");
}

TEST_F(KeysTest, FindsAKeyByItsPublicHalfWhateverItsRoleAndFolder) {
  const NoteKey clock = *MakeKey(home_, "clock", NoteKeyType::kEd25519Cosignature);
  const NoteKey other = *MakeKey(home_, "other", NoteKeyType::kEd25519);
  ASSERT_EQ(rename(home_.KeyFolder("clock").c_str(), home_.KeyFolder("renamed").c_str()), 0);
  EXPECT_EQ(FindPrivateKey(home_, clock)->public_key(), clock.key);
  EXPECT_EQ(FindPrivateKey(home_, clock.As(NoteKeyType::kEd25519))->public_key(), clock.key);
  EXPECT_EQ(FindPrivateKey(home_, other)->public_key(), other.key);
  const NoteKey foreign = NoteKey::Of("other", NoteKeyType::kEd25519,
                                      signing::Ed25519PrivateKey::FromSeed(std::string(32, 'x'))->public_key());
  const Result<signing::Ed25519PrivateKey> missing = FindPrivateKey(home_, foreign);
  ASSERT_EQ(RuleOf(missing), "key.missing");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST_F(KeysTest, ListsOnlyKeysThatAreKeptAsTheyShouldBe) {
  const NoteKey good = *MakeKey(home_, "good", NoteKeyType::kEd25519);
  const NoteKey open = *MakeKey(home_, "open", NoteKeyType::kEd25519);
  ASSERT_EQ(chmod(home_.KeyPath("open").c_str(), 0640), 0);
  ASSERT_TRUE(MakeKey(home_, "linked", NoteKeyType::kEd25519).ok());
  ASSERT_EQ(unlink(home_.KeyPath("linked").c_str()), 0);
  ASSERT_EQ(symlink(home_.KeyPath("good").c_str(), home_.KeyPath("linked").c_str()), 0);
  directory_.Write("home/keys/broken/key.pem", "no key");
  ASSERT_EQ(chmod(home_.KeyPath("broken").c_str(), 0600), 0);
  directory_.Write("home/keys/a file", "");
  const std::vector<HeldKey> held = ListKeys(home_);
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].name, "good");
  EXPECT_EQ(held[0].key, good);
  EXPECT_EQ(RuleOf(FindPrivateKey(home_, open)), "key.missing");
  EXPECT_EQ(ListExposedKeys(home_), (std::vector<std::string>{"linked", "open"}));
}

// A key that hands over has the name of the one before, and not its folder's; a witness's cosigns.
TEST_F(KeysTest, ListsVerifierKeysAsTheyWereMade) {
  const NoteKey first = *MakeKey(home_, "prover-a", NoteKeyType::kEd25519);
  const NoteKey next = *MakeNextKey(home_, "prover-a", NoteKeyType::kEd25519);
  const NoteKey witness = *MakeKey(home_, "w", NoteKeyType::kEd25519Cosignature);
  const auto listed = [&] {
    std::map<std::string, std::string> keys;
    for (const HeldKey& held : ListKeys(home_)) keys[held.name] = held.key.Text();
    return keys;
  };
  EXPECT_EQ(listed(), (std::map<std::string, std::string>{
                          {"prover-a", first.Text()}, {"prover-a-2", next.Text()}, {"w", witness.Text()}}));
  // What stands there is believed of this key alone; without it there is the folder's name.
  for (const std::string& kept : {first.Text(), std::string("nonsense"), std::string()}) {
    directory_.Write("home/keys/prover-a-2/verifier-key", kept);
    EXPECT_EQ(listed()["prover-a-2"], NoteKey::Of("prover-a-2", NoteKeyType::kEd25519, next.key).Text()) << kept;
  }
}

// The key itself would be 0600; whoever may enter can still see that it is there, and put another in its place.
TEST_F(KeysTest, NoKeyIsMadeWhereOthersMayEnter) {
  const std::string all = home_.root() + "/keys", own = home_.KeyFolder("b");
  ASSERT_EQ(mkdir(own.c_str(), 0755), 0);
  EXPECT_EQ(RuleOf(MakeKey(home_, "b", NoteKeyType::kEd25519)), "key.folder-open");
  ASSERT_EQ(chmod(own.c_str(), 0700), 0);
  ASSERT_EQ(chmod(all.c_str(), 0755), 0);
  EXPECT_EQ(RuleOf(MakeKey(home_, "b", NoteKeyType::kEd25519)), "key.folder-open");
  EXPECT_TRUE(ListKeys(home_).empty()) << "nothing was written";
  ASSERT_EQ(chmod(all.c_str(), 0700), 0);
  EXPECT_EQ(RuleOf(MakeKey(home_, "b", NoteKeyType::kEd25519)), "ok");
  ASSERT_EQ(symlink("b", home_.KeyFolder("c").c_str()), 0);
  EXPECT_EQ(RuleOf(MakeKey(home_, "c", NoteKeyType::kEd25519)), "key.folder");
}

}  // namespace keys_test
}  // namespace pawl::ledger
