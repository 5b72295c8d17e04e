#include "oversight/key_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "encoding/dsse.h"
#include "signing/sign.h"
#include "warrant/path_for_test.h"

namespace pawl::oversight {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using warrant::Path;

struct Asked {
  std::string rule;
  std::string message;
  std::vector<std::string> words;
};

class KeyRotationTest : public testing::Test {
 protected:
  static std::string Note(const std::string& name, const std::string& whose) {
    return crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, Path::Key(whose).public_key()).Text();
  }
  // The line of a person's key, without principal and options.
  static std::string Line(const std::string& person) {
    const std::string line = Path::SignerLine(person);
    return line.substr(line.find("sk-ssh"), line.find('\n') - line.find("sk-ssh"));
  }
  KeyRotation Rotation(const std::string& holder, const std::string& before, const std::string& after) const {
    return {.about = {path_.charter().subject.name, path_.charter().digest},
            .holder = holder,
            .old_key = before,
            .new_key = after};
  }
  // Signed by one of ours, as its "old" or "new" key.
  static encoding::Signature By(const KeyRotation& rotation, const std::string& name, std::string_view keyid) {
    return signing::SignPayload(WriteKeyRotation(rotation), std::string(keyid), Path::Key(name));
  }
  static encoding::Signature ByPerson(const KeyRotation& rotation, const std::string& person, std::string_view keyid,
                                      uint8_t flags = 0x05) {
    encoding::Signature signature = Path::Approve(WriteKeyRotation(rotation), person, flags);
    signature.keyid = keyid;
    return signature;
  }
  static std::string Signed(const KeyRotation& rotation, std::vector<encoding::Signature> signatures) {
    return encoding::SerializeEnvelope({.payload_type = std::string(warrant::kPayloadType),
                                        .payload = WriteKeyRotation(rotation),
                                        .signatures = std::move(signatures)});
  }
  // What an amendment that puts `after` for `before` in the charter or in the list of people amounts to.
  Asked Amend(const std::string& before, const std::string& after, const std::map<std::string, std::string>& files = {},
              const std::function<void(charter::TestCharter&)>& more = {}) {
    const crypto::Digest tree = path_.PutCharter([&](charter::TestCharter& test) {
      for (const char* name : {"charter.toml", "approvers"}) {
        std::string& text = test.files[name];
        if (const size_t at = text.find(before); at != std::string::npos) text.replace(at, before.size(), after);
      }
      for (const auto& [file, bytes] : files) test.files[file] = bytes;
      if (more) more(test);
    });
    const Result<charter::CharterFiles> next = charter::ReadCharterFiles(path_.store(), tree);
    if (!next.ok()) return {next.error().rule, next.error().message, {}};
    const Result<std::vector<KeyChange>> changes = FindKeyChanges(path_.charter_files(), *next);
    if (!changes.ok()) return {changes.error().rule, changes.error().message, {}};
    Asked asked;
    for (const KeyChange& one : *changes) asked.words.push_back(one.Words());
    return asked;
  }
  // The same of a rotation of evaluator-a's key to the stranger's, with whatever stands in its file.
  Asked Rotate(const std::string& bytes) { return Amend(before_, after_, {{RotationPath(after_), bytes}}); }

  Path path_;
  const std::string before_ = Note("evaluator-a", "evaluator-a"), after_ = Note("evaluator-a", "stranger");
  const KeyRotation rotation_ = Rotation("reviewer evaluator-a", before_, after_);
};

TEST_F(KeyRotationTest, IsByBothKeys) {
  const Asked asked =
      Rotate(Signed(rotation_, {By(rotation_, "stranger", kNewKeyId), By(rotation_, "evaluator-a", kOldKeyId)}));
  EXPECT_EQ(asked.rule, "") << asked.message;
  EXPECT_THAT(asked.words, ElementsAre("reviewer evaluator-a: another key, and the old one has agreed"));
}

TEST_F(KeyRotationTest, WithoutAStatementIsAReplacement) {
  EXPECT_THAT(Amend(before_, after_).words,
              ElementsAre("reviewer evaluator-a: another key, WITHOUT the old one's word"));
}

// Summaries are cut where an amendment changes many keys: what somebody might hide behind the others stands first.
TEST_F(KeyRotationTest, SaysFirstWhatNobodyHasAgreedTo) {
  const Asked asked = Amend(before_, after_, {},
                            [](charter::TestCharter& test) { test.files["approvers"] += Path::SignerLine("mallory"); });
  EXPECT_EQ(asked.rule, "") << asked.message;
  EXPECT_THAT(asked.words, ElementsAre("reviewer evaluator-a: another key, WITHOUT the old one's word",
                                       "person mallory@example.org: a key is enrolled"));
}

TEST_F(KeyRotationTest, NeedsTheOldKeysConsentAndTheNewOnesPossession) {
  const encoding::Signature old_one = By(rotation_, "evaluator-a", kOldKeyId);
  const encoding::Signature new_one = By(rotation_, "stranger", kNewKeyId);
  const encoding::Signature old_twice = By(rotation_, "evaluator-a", kNewKeyId);
  for (const auto& [signatures, words] : std::vector<std::pair<std::vector<encoding::Signature>, std::string>>{
           {{new_one}, "not signed by the old key"},
           {{old_one}, "not signed by the new key"},
           {{}, "not signed by the old key"},
           {{old_one, old_twice}, "not signed by the new key"},
           {{By(rotation_, "stranger", kOldKeyId), new_one}, "not signed by the old key"},
           {{By(rotation_, "log", kOldKeyId), new_one}, "not signed by the old key"}}) {
    const Asked asked = Rotate(Signed(rotation_, signatures));
    EXPECT_EQ(asked.rule, "charter.rotation");
    EXPECT_THAT(asked.message, HasSubstr(words));
  }
}

TEST_F(KeyRotationTest, IsForThisSubjectCharterAndChange) {
  const auto rule = [&](const KeyRotation& rotation) {
    return Rotate(Signed(rotation, {By(rotation, "stranger", kNewKeyId), By(rotation, "evaluator-a", kOldKeyId)}));
  };
  KeyRotation other = rotation_;
  other.about.subject = "another";
  EXPECT_THAT(rule(other).message, HasSubstr("another subject or charter"));
  other = rotation_;
  other.about.digest = crypto::Sha256("an earlier charter");
  EXPECT_THAT(rule(other).message, HasSubstr("another subject or charter"));
  other = rotation_;
  other.holder = "reviewer evaluator-b";
  EXPECT_THAT(rule(other).message, HasSubstr("that this charter does not make"));
  // A change that the amendment does not make, under its own name.
  const std::string signed_both =
      Signed(rotation_, {By(rotation_, "stranger", kNewKeyId), By(rotation_, "evaluator-a", kOldKeyId)});
  EXPECT_EQ(Amend("nothing", "", {{RotationPath(after_), signed_both}}).rule, "charter.rotation");
  EXPECT_THAT(Amend(before_, after_, {{"rotations/mine.json", signed_both}}).message, HasSubstr("another name"));
}

// One that agrees to a successor agrees to one.
TEST_F(KeyRotationTest, OneOldKeySpeaksForOneNewOne) {
  const std::string second = Line("mallory");
  const KeyRotation first_of_two = Rotation("person ann@example.org", Line("ann"), second);
  const KeyRotation second_of_two = Rotation("person ann@example.org", Line("ann"), Line("nina"));
  const auto bytes = [&](const KeyRotation& rotation, const std::string& person) {
    return Signed(rotation, {ByPerson(rotation, person, kNewKeyId), ByPerson(rotation, "ann", kOldKeyId)});
  };
  const Asked one = Amend(Line("ann") + "\n", second + "\n", {{RotationPath(second), bytes(first_of_two, "mallory")}});
  EXPECT_THAT(one.words, ElementsAre("person ann@example.org: another key, and the old one has agreed")) << one.message;
  const Asked two =
      Amend(Line("ann") + "\n", second + "\nann@example.org namespaces=\"approve@pawl\" " + Line("nina") + "\n",
            {{RotationPath(second), bytes(first_of_two, "mallory")},
             {RotationPath(Line("nina")), bytes(second_of_two, "nina")}});
  EXPECT_EQ(two.rule, "charter.rotation");
}

TEST_F(KeyRotationTest, OfAPersonNeedsPresenceWhereTheCharterDoes) {
  const std::string after = Line("mallory");
  const KeyRotation rotation = Rotation("person bob@example.org", Line("bob"), after);
  const auto asked = [&](uint8_t flags, std::string_view name_space) {
    encoding::Signature old_one = Path::Approve(WriteKeyRotation(rotation), "bob", flags, name_space);
    old_one.keyid = kOldKeyId;
    return Amend(Line("bob"), after,
                 {{RotationPath(after), Signed(rotation, {ByPerson(rotation, "mallory", kNewKeyId), old_one})}});
  };
  EXPECT_EQ(asked(0x05, warrant::kApprovalNamespace).rule, "");
  EXPECT_THAT(asked(0x04, warrant::kApprovalNamespace).message, HasSubstr("not signed by the old key"));
  EXPECT_THAT(asked(0x05, "file").message, HasSubstr("not signed by the old key"));
}

TEST_F(KeyRotationTest, EnrolsAndRevokes) {
  EXPECT_THAT(Amend(Path::SignerLine("ann-two"), "").words, ElementsAre("person ann@example.org: a key is revoked"));
  EXPECT_THAT(Amend(Path::SignerLine("dee"), Path::SignerLine("dee") + Path::SignerLine("mallory")).words,
              ElementsAre("person mallory@example.org: a key is enrolled"));
  EXPECT_THAT(Amend("max_releases = 3", "max_releases = 4").words, ElementsAre());
}

// What an earlier amendment brought is not asked again; the same file under another charter would be refused.
TEST_F(KeyRotationTest, StatementsOfThePastAreNotRead) {
  Path before([](charter::TestCharter& test) { test.files["rotations/0123456789abcdef.json"] = "long ago"; });
  path_ = before;
  EXPECT_EQ(Amend("max_releases = 3", "max_releases = 4", {{"rotations/0123456789abcdef.json", "long ago"}}).rule, "");
  EXPECT_EQ(Amend("max_releases = 3", "max_releases = 4", {{"rotations/0123456789abcdef.json", "today"}}).rule,
            "charter.rotation");
}

TEST_F(KeyRotationTest, RefusesEveryMalformedShape) {
  const std::string whole =
      Signed(rotation_, {By(rotation_, "stranger", kNewKeyId), By(rotation_, "evaluator-a", kOldKeyId)});
  ASSERT_EQ(Rotate(whole).rule, "");
  for (const std::string& bytes : {std::string(), std::string("{}"), whole + "\n", whole.substr(0, whole.size() / 2),
                                   std::string(70'000, ' '), std::string("[") + whole + "]"}) {
    EXPECT_EQ(Rotate(bytes).rule, "charter.rotation") << bytes.substr(0, 40);
  }
  for (size_t at = 0; at < whole.size(); at += 131) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    EXPECT_EQ(Rotate(flipped).rule, "charter.rotation") << at;
  }
  std::string vote = WriteKeyRotation(rotation_);
  vote.replace(vote.find("rotation:v1"), 11, "rotation:v2");
  EXPECT_FALSE(ReadKeyRotation(vote).ok());
}

}  // namespace
}  // namespace pawl::oversight
