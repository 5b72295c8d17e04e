// Against ssh-keygen: what it signs we verify, what we sign it verifies, and allowed_signers files mean the same to
// both.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "crypto/allowed_signers.h"
#include "crypto/sshsig.h"
#include "encoding/time.h"
#include "signing/armor.h"
#include "signing/signer_for_tests.h"

namespace pawl::crypto {
namespace {

using signing::SignerForTests;

constexpr char kNamespace[] = "approve@pawl";
constexpr char kMessage[] = "the decision statement\n";

class SshKeygen : public ::testing::Test {
 protected:
  SshKeygen() {
    std::string folder = ::testing::TempDir() + "pawl-ssh-XXXXXX";
    folder_ = mkdtemp(folder.data());
    Write("message", kMessage);
  }
  ~SshKeygen() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The exit status of a command run in the folder, in UTC.
  int Run(const std::string& command) const {
    const int status = std::system(("cd '" + folder_ + "' && TZ=UTC " + command + " >out 2>err").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // Whether ssh-keygen accepts the signature under these signers, as `principal`, at the time.
  bool Accepts(const std::string& signers, const Sshsig& signature, const std::string& principal = "alice@example.org",
               const std::string& time = "20260601000000Z") const {
    Write("signers", signers);
    Write("signature", signing::Armored(signature));
    return Run("ssh-keygen -Y verify -f signers -I '" + principal + "' -n " + kNamespace + " -O verify-time=" + time +
               " -s signature < message") == 0;
  }
  std::string folder_;
};

TEST_F(SshKeygen, WhatItSignsWeVerify) {
  for (const std::string type : {"ed25519", "ecdsa"}) {
    ASSERT_EQ(Run("ssh-keygen -q -t " + type + " -N '' -C someone -f " + type), 0) << Read("err");
    std::string line = Read(type + ".pub");
    line.pop_back();
    const Result<SshPublicKey> key = SshPublicKey::ParseLine(line);
    ASSERT_TRUE(key.ok()) << key.error().message;
    EXPECT_EQ(key->Line() + " someone", line);
    ASSERT_EQ(Run("ssh-keygen -l -f " + type + ".pub"), 0);
    EXPECT_NE(Read("out").find(key->Fingerprint() + " "), std::string::npos);
    for (const std::string hash : {"sha256", "sha512"}) {
      ASSERT_EQ(Run("ssh-keygen -Y sign -f " + type + " -n approve@pawl -O hashalg=" + hash + " message"), 0)
          << Read("err");
      const Result<Sshsig> signature = signing::ParseArmored(Read("message.sig"));
      ASSERT_TRUE(signature.ok()) << signature.error().message;
      EXPECT_TRUE(VerifySshsig(*signature, kMessage, kNamespace, *key).ok());
      EXPECT_FALSE(VerifySshsig(*signature, std::string(kMessage) + "x", kNamespace, *key).ok());
      EXPECT_EQ(signing::Armored(*signature), Read("message.sig"));
      std::filesystem::remove(folder_ + "/message.sig");
    }
  }
}

TEST_F(SshKeygen, WhatWeSignItVerifies) {
  for (const SshKeyType type : {SshKeyType::kEd25519, SshKeyType::kEcdsaP256, SshKeyType::kSkEd25519,
                                SshKeyType::kSkEcdsaP256, SshKeyType::kWebauthnSkEcdsaP256}) {
    const SignerForTests signer(type), other(type);
    const std::string line = "alice@example.org " + signer.public_key.Line() + "\n";
    for (const SshsigHash hash : {SshsigHash::kSha256, SshsigHash::kSha512}) {
      EXPECT_TRUE(Accepts(line, signer.Sign(kMessage, kNamespace, 5, 7, hash))) << SshKeyTypeName(type) << Read("err");
    }
    EXPECT_FALSE(Accepts(line, signer.Sign("another message", kNamespace)));
    EXPECT_FALSE(Accepts(line, other.Sign(kMessage, kNamespace)));
    // Why the facts have to be looked at: ssh-keygen does not ask for a person.
    EXPECT_TRUE(!IsSecurityKey(type) || Accepts(line, signer.Sign(kMessage, kNamespace, 0)));
  }
}

TEST_F(SshKeygen, APasskeyMayStandUnderTheSecurityKeyType) {
  const SignerForTests signer(SshKeyType::kSkEcdsaP256, "review.example.org");
  const SignerForTests::Browser browser;
  const Sshsig made = signer.Sign(kMessage, kNamespace, 5, 0, SshsigHash::kSha512, &browser);
  EXPECT_TRUE(Accepts("alice@example.org " + signer.public_key.Line() + "\n", made)) << Read("err");
}

// One file, and whether each of the two accepts alice's signature under it.
struct Case {
  const char* name;
  std::string file;  // KEY and OTHER stand for two public keys
  enum Verdict { kBothAccept, kBothRefuse, kWeRefuse } verdict;
  const char* rule = "";  // ours, if the file is refused
};

TEST_F(SshKeygen, AllowedSignersMeanTheSameToBoth) {
  const SignerForTests signer(SshKeyType::kEd25519), other(SshKeyType::kEcdsaP256);
  const Sshsig made = signer.Sign(kMessage, kNamespace);
  const int64_t now_s = *encoding::ParseTime("2026-06-01T00:00:00Z");
  const std::vector<Case> cases = {
      {"plain", "alice@example.org KEY\n", Case::kBothAccept},
      {"no final line feed", "alice@example.org KEY", Case::kBothAccept},
      {"comment, blanks and tabs", "# people\n\n  \talice@example.org \t KEY  Alice's key\n", Case::kBothAccept},
      {"second line", "bob@example.org OTHER\nalice@example.org KEY\n", Case::kBothAccept},
      {"two keys of one person", "alice@example.org OTHER\nalice@example.org KEY\n", Case::kBothAccept},
      {"namespace", "alice@example.org namespaces=\"approve@pawl\" KEY\n", Case::kBothAccept},
      {"namespaces", "alice@example.org namespaces=\"git,approve@pawl\" KEY\n", Case::kBothAccept},
      {"other namespace", "alice@example.org namespaces=\"git\" KEY\n", Case::kBothRefuse},
      {"valid since", "alice@example.org valid-after=\"20260601Z\" KEY\n", Case::kBothAccept},
      {"not yet valid", "alice@example.org valid-after=\"20260601000001Z\" KEY\n", Case::kBothRefuse},
      {"valid until", "alice@example.org valid-before=\"202606010000Z\" KEY\n", Case::kBothAccept},
      {"no longer valid", "alice@example.org valid-before=\"20260531235959Z\" KEY\n", Case::kBothRefuse},
      {"all options",
       "alice@example.org namespaces=\"approve@pawl\",valid-after=\"20250101Z\",valid-before=\"20270101Z\" KEY\n",
       Case::kBothAccept},
      {"another principal", "bob@example.org KEY\n", Case::kBothRefuse},
      {"another key", "alice@example.org OTHER\n", Case::kBothRefuse},
      {"empty", "", Case::kBothRefuse},
      {"empty interval", "alice@example.org valid-after=\"20270101Z\",valid-before=\"20250101Z\" KEY\n",
       Case::kBothRefuse, "allowed-signers.option"},
      {"unknown option", "alice@example.org no-touch KEY\n", Case::kBothRefuse, "allowed-signers.option"},
      {"option twice", "alice@example.org namespaces=\"approve@pawl\",namespaces=\"git\" KEY\n", Case::kBothRefuse,
       "allowed-signers.option"},
      {"no such day", "alice@example.org valid-after=\"20260230Z\" KEY\n", Case::kWeRefuse, "allowed-signers.option"},
      {"unquoted value", "alice@example.org valid-after=20250101Z KEY\n", Case::kBothRefuse, "allowed-signers.option"},
      {"no key", "alice@example.org\n", Case::kBothRefuse, "allowed-signers.option"},
      {"pattern", "*@example.org KEY\n", Case::kWeRefuse, "allowed-signers.principal"},
      {"question mark", "alic?@example.org KEY\n", Case::kWeRefuse, "allowed-signers.principal"},
      {"several principals", "alice@example.org,bob@example.org KEY\n", Case::kWeRefuse, "allowed-signers.principal"},
      {"negation", "!bob@example.org,*@example.org KEY\n", Case::kWeRefuse, "allowed-signers.principal"},
      {"quoted principal", "\"alice@example.org\" KEY\n", Case::kWeRefuse, "allowed-signers.principal"},
      {"certificate authority", "alice@example.org cert-authority KEY\n", Case::kBothRefuse, "allowed-signers.option"},
      {"authority for another", "bob@example.org cert-authority OTHER\nalice@example.org KEY\n", Case::kWeRefuse,
       "allowed-signers.option"},
      {"namespace pattern", "alice@example.org namespaces=\"approve@*\" KEY\n", Case::kWeRefuse,
       "allowed-signers.option"},
      {"local time", "alice@example.org valid-after=\"20250101\" KEY\n", Case::kWeRefuse, "allowed-signers.option"},
      {"upper-case option", "alice@example.org NAMESPACES=\"approve@pawl\" KEY\n", Case::kWeRefuse,
       "allowed-signers.option"},
      {"key twice", "bob@example.org KEY\nalice@example.org KEY\n", Case::kWeRefuse, "allowed-signers.duplicate"},
      {"bad line elsewhere", "alice@example.org KEY\nbob@example.org ssh-rsa AAAA\n", Case::kWeRefuse,
       "allowed-signers.option"},
      {"carriage return", "# people\r\nalice@example.org KEY\n", Case::kWeRefuse, "allowed-signers.syntax"},
  };
  for (Case one : cases) {
    for (const auto& [word, key] : {std::pair("KEY", &signer.public_key), std::pair("OTHER", &other.public_key)}) {
      for (size_t at = one.file.find(word); at != std::string::npos; at = one.file.find(word)) {
        one.file.replace(at, std::string(word).size(), key->Line());
      }
    }
    const Result<std::vector<AllowedSigner>> signers = ParseAllowedSigners(one.file);
    EXPECT_EQ(signers.ok() ? "" : signers.error().rule, one.rule) << one.name;
    bool accepted = false;
    if (signers.ok()) {
      for (const AllowedSigner& allowed : *signers) {
        accepted = accepted || (allowed.principal == "alice@example.org" && allowed.Allows(kNamespace, now_s) &&
                                VerifySshsig(made, kMessage, kNamespace, allowed.key).ok());
      }
    }
    EXPECT_EQ(accepted, one.verdict == Case::kBothAccept) << one.name;
    EXPECT_EQ(Accepts(one.file, made), one.verdict != Case::kBothRefuse) << one.name << ": " << Read("err");
  }
}

}  // namespace
}  // namespace pawl::crypto
