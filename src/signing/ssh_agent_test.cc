// An agent of this test's own, which answers what it likes. OpenSSH's: tests/end_to_end/agent_test.py.
#include "signing/ssh_agent.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "crypto/ssh_key.h"
#include "crypto/ssh_wire.h"
#include "signing/private_key.h"
#include "signing/signer.h"

namespace pawl::signing {
namespace {

using crypto::SshString;
using crypto::SshWord;

std::string RuleOf(const auto& result) { return result.ok() ? "ok" : result.error().rule; }

class SshAgentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pawl-agent-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/agent"; }

  // Answers one connection with these bytes, whatever was asked, and closes it.
  std::thread AnswerWith(std::string bytes) {
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    std::filesystem::remove(path());
    EXPECT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener, 1), 0);
    return std::thread([listener, bytes = std::move(bytes)] {
      const int connection = accept(listener, nullptr, nullptr);
      char request[4096];
      (void)!recv(connection, request, sizeof request, 0);
      (void)!send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      close(connection);
      close(listener);
    });
  }
  std::string ListRule(const std::string& bytes) {
    std::thread agent = AnswerWith(bytes);
    const std::string rule = RuleOf(SshAgent(path()).List());
    agent.join();
    return rule;
  }
  std::string SignRule(const std::string& bytes) {
    std::thread agent = AnswerWith(bytes);
    const std::string rule = RuleOf(SshAgent(path()).Sign(key_.public_key(), "message"));
    agent.join();
    return rule;
  }
  std::string Blob() const {
    return crypto::SshPublicKey{.type = crypto::SshKeyType::kEd25519, .key = key_.public_key().raw(), .application = ""}
        .Blob();
  }

  std::string folder_;
  Ed25519PrivateKey key_ = *Ed25519PrivateKey::FromSeed(std::string(32, 'k'));
};

TEST_F(SshAgentTest, ListsEd25519KeysAndPassesOverOthers) {
  std::thread agent =
      AnswerWith(SshString("\x0c" + SshWord(3) + SshString("no key") + SshString("a") + SshString(Blob()) +
                           SshString("b") + SshString(SshString("ssh-rsa") + "…") + SshString("c")));
  const Result<std::vector<AgentKey>> keys = SshAgent(path()).List();
  agent.join();
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->front().key, key_.public_key());
  EXPECT_EQ(keys->front().comment, "b");
}

TEST_F(SshAgentTest, RefusesListsOfAnyOtherShape) {
  const std::string one = SshString(Blob()) + SshString("b");
  EXPECT_EQ(ListRule(SshString("\x0c" + SshWord(1) + one)), "ok");
  EXPECT_EQ(ListRule(""), "agent.answer");                                        // closed
  EXPECT_EQ(ListRule(std::string(2, '\0')), "agent.answer");                      // half a length
  EXPECT_EQ(ListRule(SshWord(0)), "agent.answer");                                // empty
  EXPECT_EQ(ListRule(SshWord(256 * 1024 + 1)), "agent.answer");                   // too long
  EXPECT_EQ(ListRule(SshWord(100) + "\x0c"), "agent.answer");                     // shorter than it says
  EXPECT_EQ(ListRule(SshString("\x05")), "agent.answer");                         // a failure
  EXPECT_EQ(ListRule(SshString("\x0e" + SshWord(1) + one)), "agent.answer");      // another message
  EXPECT_EQ(ListRule(SshString("\x0c" + SshWord(2) + one)), "agent.answer");      // fewer keys
  EXPECT_EQ(ListRule(SshString("\x0c" + SshWord(0) + one)), "agent.answer");      // more keys
  EXPECT_EQ(ListRule(SshString("\x0c" + SshWord(2'049) + one)), "agent.answer");  // too many keys
  EXPECT_EQ(ListRule(SshString("\x0c" + SshWord(~0u) + one)), "agent.answer");
  EXPECT_EQ(ListRule(SshString("\x0c" + SshWord(1) + SshWord(~0u) + Blob())), "agent.answer");  // a blob beyond its end
}

TEST_F(SshAgentTest, TakesNothingForASignatureThatIsNone) {
  const auto answer = [](const std::string& type, const std::string& signature) {
    return SshString("\x0e" + SshString(SshString(type) + SshString(signature)));
  };
  const std::string good = key_.Sign("message");
  EXPECT_EQ(SignRule(answer("ssh-ed25519", good)), "ok");
  EXPECT_EQ(SignRule(SshString("\x05")), "agent.refused");
  EXPECT_EQ(SignRule(answer("ssh-ed25519", key_.Sign("another"))), "agent.signature");
  EXPECT_EQ(SignRule(answer("ssh-rsa", good)), "agent.answer");
  EXPECT_EQ(SignRule(answer("ssh-ed25519", good.substr(1))), "agent.answer");
  EXPECT_EQ(SignRule(answer("ssh-ed25519", "")), "agent.answer");
  EXPECT_EQ(SignRule(SshString("\x0e" + SshString(SshString("ssh-ed25519") + SshString(good) + "x"))), "agent.answer");
  EXPECT_EQ(SignRule(SshString("\x0e" + SshString(SshString("ssh-ed25519") + SshString(good)) + "x")), "agent.answer");
  EXPECT_EQ(SignRule(SshString("\x0e" + SshWord(~0u) + good)), "agent.answer");
  EXPECT_EQ(SignRule(SshString("\x0c" + SshWord(0))), "agent.answer");
  EXPECT_EQ(SignRule(SshString("\x05\x05")), "agent.answer");
}

TEST_F(SshAgentTest, IsNotThereOrTooFarOrTooLong) {
  EXPECT_EQ(RuleOf(SshAgent("").List()), "ok");
  EXPECT_EQ(RuleOf(SshAgent("").Sign(key_.public_key(), "m")), "agent.unreachable");
  EXPECT_EQ(RuleOf(SshAgent(path()).List()), "agent.unreachable");
  EXPECT_EQ(RuleOf(SshAgent(path()).Sign(key_.public_key(), "m")), "agent.unreachable");
  EXPECT_EQ(RuleOf(SshAgent("/tmp/" + std::string(200, 'a')).List()), "agent.unreachable");
  EXPECT_EQ(RuleOf(SshAgent(path()).Sign(key_.public_key(), std::string(256 * 1024, 'm'))), "agent.too-long");
}

TEST_F(SshAgentTest, AReviewersSignerIsAFileOrAnAgent) {
  const Signer file(key_);
  EXPECT_FALSE(file.IsInAgent());
  EXPECT_EQ(*file.Sign("message"), key_.Sign("message"));
  const Signer held(key_.public_key(), SshAgent(path()));
  EXPECT_TRUE(held.IsInAgent());
  EXPECT_EQ(held.public_key(), file.public_key());
  std::thread agent =
      AnswerWith(SshString("\x0e" + SshString(SshString("ssh-ed25519") + SshString(key_.Sign("message")))));
  EXPECT_EQ(*held.Sign("message"), key_.Sign("message"));
  agent.join();
  EXPECT_EQ(RuleOf(held.SignPayload("{}", "a")), "agent.unreachable");
  EXPECT_EQ(file.SignPayload("{}", "a")->keyid, "a");
}

}  // namespace
}  // namespace pawl::signing
