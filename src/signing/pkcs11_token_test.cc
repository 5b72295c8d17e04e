// With SoftHSM, in a folder of this test's own. That it is not installed is a failure: tools/packages.txt has it.
#include "signing/pkcs11_token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "signing/p11_kit.h"
#include "signing/private_key.h"
#include "signing/signer.h"

// SoftHSM 2.6.1 loses two small objects of libcrypto's with each key that it reads. The module is unloaded by the time
// that a sanitizer looks, so they can only be named by who allocated them.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:CRYPTO_zalloc\nleak:ASN1_STRING_set\n"; }

namespace pawl::signing {
namespace pkcs11_token_test {

constexpr char kModule[] = "/usr/lib/softhsm/libsofthsm2.so";
const std::string kEd25519(
    "\x13\x0c"
    "edwards25519");
const std::string kP256("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");

std::string RuleOf(const auto& result) { return result.ok() ? "ok" : result.error().rule; }

CK_BYTE_PTR Raw(const std::string& text) { return reinterpret_cast<CK_BYTE_PTR>(const_cast<char*>(text.data())); }

// What a key may be without, in the token.
struct Kind {
  CK_MECHANISM_TYPE mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN;
  std::string curve = kEd25519;
  CK_BBOOL is_private = CK_TRUE, is_sensitive = CK_TRUE, is_extractable = CK_FALSE, asks_again = CK_FALSE;
  std::string id = "\x01";
};

class Pkcs11TokenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pawl-token-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    std::filesystem::create_directory(folder_ + "/tokens");
    std::ofstream(folder_ + "/conf") << "directories.tokendir = " << folder_ << "/tokens\nlog.level = ERROR\n";
    setenv("SOFTHSM2_CONF", (folder_ + "/conf").c_str(), 1);
    unsetenv(Pkcs11Token::kPinVariable);
    SetPin("1234");
    ASSERT_TRUE(std::filesystem::exists(kModule)) << "softhsm2 is not installed (tools/packages.txt)";
    MakeToken("pawl");
  }
  void TearDown() override {
    unsetenv("SOFTHSM2_CONF");
    std::filesystem::remove_all(folder_);
  }

  std::string pin_file() const { return folder_ + "/pin"; }
  void SetPin(const std::string& pin) {
    std::ofstream(pin_file()) << pin << "\n";
    chmod(pin_file().c_str(), 0600);
  }
  std::string UriOf(const std::string& object, const std::string& token = "pawl") const {
    return "pkcs11:token=" + token + ";object=" + object + "?module-path=" + kModule + "&pin-source=file:" + pin_file();
  }
  Pkcs11Token TokenOf(const std::string& object) const { return *Pkcs11Token::Parse(UriOf(object)); }

  // Something done in the token past our code, by the module's functions.
  template <typename Do>
  void WithModule(Do work) {
    const P11Kit& p11_kit = **LoadP11Kit();
    CK_FUNCTION_LIST* module = p11_kit.module_load(kModule, P11_KIT_MODULE_CRITICAL);
    ASSERT_NE(module, nullptr);
    ASSERT_EQ(p11_kit.module_initialize(module), CKR_OK);
    work(*module);
    p11_kit.module_finalize(module);
    p11_kit.module_release(module);
  }
  CK_SLOT_ID SlotOf(CK_FUNCTION_LIST& module, const std::string& label) {
    std::string padded = label;
    padded.resize(32, ' ');
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    EXPECT_EQ(module.C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      EXPECT_EQ(module.C_GetTokenInfo(slots[i], &info), CKR_OK);
      const bool is_new = label.empty() && (info.flags & CKF_TOKEN_INITIALIZED) == 0;
      if (is_new || std::memcmp(info.label, padded.data(), padded.size()) == 0) return slots[i];
    }
    ADD_FAILURE() << "no slot of " << label;
    return 0;
  }
  void MakeToken(const std::string& label) {
    WithModule([&](CK_FUNCTION_LIST& module) {
      std::string padded = label, officer = "5678", pin = "1234";
      padded.resize(32, ' ');
      const CK_SLOT_ID slot = SlotOf(module, "");
      ASSERT_EQ(module.C_InitToken(slot, Raw(officer), officer.size(), Raw(padded)), CKR_OK);
      CK_SESSION_HANDLE session = 0;
      ASSERT_EQ(module.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session), CKR_OK);
      ASSERT_EQ(module.C_Login(session, CKU_SO, Raw(officer), officer.size()), CKR_OK);
      ASSERT_EQ(module.C_InitPIN(session, Raw(pin), pin.size()), CKR_OK);
      module.C_CloseSession(session);
    });
  }
  void MakeKey(const std::string& label, Kind kind = {}) {
    WithModule([&](CK_FUNCTION_LIST& module) {
      const std::string pin = "1234";
      CK_SESSION_HANDLE session = 0;
      ASSERT_EQ(
          module.C_OpenSession(SlotOf(module, "pawl"), CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
          CKR_OK);
      ASSERT_EQ(module.C_Login(session, CKU_USER, Raw(pin), pin.size()), CKR_OK);
      CK_BBOOL yes = CK_TRUE;
      CK_MECHANISM mechanism{kind.mechanism, nullptr, 0};
      CK_ATTRIBUTE public_half[] = {{CKA_TOKEN, &yes, 1},
                                    {CKA_VERIFY, &yes, 1},
                                    {CKA_LABEL, Raw(label), label.size()},
                                    {CKA_ID, Raw(kind.id), kind.id.size()},
                                    {CKA_EC_PARAMS, Raw(kind.curve), kind.curve.size()}};
      CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &yes, 1},
                                     {CKA_SIGN, &yes, 1},
                                     {CKA_PRIVATE, &kind.is_private, 1},
                                     {CKA_SENSITIVE, &kind.is_sensitive, 1},
                                     {CKA_EXTRACTABLE, &kind.is_extractable, 1},
                                     {CKA_ALWAYS_AUTHENTICATE, &kind.asks_again, 1},
                                     {CKA_LABEL, Raw(label), label.size()},
                                     {CKA_ID, Raw(kind.id), kind.id.size()}};
      CK_OBJECT_HANDLE a = 0, b = 0;
      ASSERT_EQ(module.C_GenerateKeyPair(session, &mechanism, public_half, 5, private_half, 8, &a, &b), CKR_OK);
      module.C_CloseSession(session);
    });
  }

  std::string folder_;
};

TEST_F(Pkcs11TokenTest, SignsWithAKeyThatStaysInIt) {
  MakeKey("alice");
  const Pkcs11Token token = TokenOf("alice");
  EXPECT_EQ(RuleOf(token.Check()), "ok");
  const Result<crypto::Ed25519PublicKey> key = token.PublicKey();
  ASSERT_TRUE(key.ok()) << key.error().message;
  const Result<std::string> signature = token.Sign(*key, "message");
  ASSERT_TRUE(signature.ok()) << signature.error().message;
  EXPECT_TRUE(key->Verify("message", *signature));
  EXPECT_EQ(*token.Sign(*key, "message"), *signature);  // seeds are drawn from signatures
  EXPECT_EQ(RuleOf(token.Sign(*key, std::string(1'000'000, 'm'))), "ok");
  EXPECT_EQ(RuleOf(token.Sign(*key, "")), "ok");

  const Signer signer(*key, token);
  EXPECT_TRUE(signer.IsInToken());
  EXPECT_FALSE(signer.IsInAgent());
  EXPECT_EQ(*signer.Sign("message"), *signature);
  EXPECT_EQ(signer.SignPayload("{}", "a")->keyid, "a");
  // By its id, and with the PIN from the environment.
  setenv(Pkcs11Token::kPinVariable, "1234", 1);
  const Pkcs11Token by_id = *Pkcs11Token::Parse(std::string("pkcs11:token=pawl;id=%01?module-path=") + kModule);
  EXPECT_EQ(*by_id.PublicKey(), *key);
}

TEST_F(Pkcs11TokenTest, AsksForThePinAgainWhereTheKeyDoes) {
  MakeKey("alice", {.asks_again = CK_TRUE});
  const Pkcs11Token token = TokenOf("alice");
  EXPECT_EQ(RuleOf(token.Sign(*token.PublicKey(), "message")), "ok");
}

TEST_F(Pkcs11TokenTest, SeveralThreadsTakeTurns) {
  MakeKey("alice");
  const Pkcs11Token token = TokenOf("alice");
  const crypto::Ed25519PublicKey key = *token.PublicKey();
  std::vector<std::string> rules(4);
  std::vector<std::thread> threads;
  for (std::string& rule : rules) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) rule = RuleOf(token.Sign(key, "message"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(rules, std::vector<std::string>(4, "ok"));
}

TEST_F(Pkcs11TokenTest, RefusesUrisThatDoNotSayWhichKey) {
  const auto rule = [](const std::string& uri) { return RuleOf(Pkcs11Token::Parse(uri)); };
  const std::string module = std::string("?module-path=") + kModule;
  EXPECT_EQ(rule("pkcs11:token=pawl;object=alice" + module), "ok");
  EXPECT_EQ(rule("pkcs11:token=pawl;object=alice;type=private" + module), "ok");
  for (const std::string& uri : std::vector<std::string>{
           "", "alice", "file:/key", "pkcs11:token=%zz;object=a" + module, "pkcs11:token=pawl" + module,
           "pkcs11:token=pawl;object=alice",                                         // no module
           "pkcs11:token=pawl;object=alice;module-path=/x.so",                       // in the wrong place
           "pkcs11:token=pawl;object=alice?module-name=softhsm2",                    // by p11-kit's settings
           "pkcs11:token=pawl;object=alice?module-path=softhsm2.so",                 // from wherever
           "pkcs11:token=pawl;object=alice;type=public" + module,                    // signs nothing
           "pkcs11:token=pawl;object=alice;colour=red" + module,                     // unknown
           "pkcs11:token=pawl;object=alice" + module + "&pin-value=1234",            // for all to read
           "pkcs11:token=pawl;object=" + std::string(5'000, 'a') + module,           // too long
           "pkcs11:token=pawl;object=alice" + module + std::string("\0&x=1", 5)}) {  // two readings
    EXPECT_EQ(rule(uri), "token.uri") << uri.substr(0, 100);
  }
}

TEST_F(Pkcs11TokenTest, SaysWhatIsNotThere) {
  MakeKey("alice");
  const crypto::Ed25519PublicKey key = *TokenOf("alice").PublicKey();
  EXPECT_EQ(RuleOf(TokenOf("bob").PublicKey()), "token.no-key");
  EXPECT_EQ(RuleOf(TokenOf("bob").Sign(key, "m")), "token.no-key");
  const Result<Pkcs11Token> away = Pkcs11Token::Parse(UriOf("alice", "other"));
  EXPECT_EQ(RuleOf(away->Check()), "token.absent");
  EXPECT_EQ(away->Check().error().code, ErrorCode::kSystem);  // may come back
  EXPECT_EQ(RuleOf(away->Sign(key, "m")), "token.absent");
  for (const std::string& module :
       {std::string("/nowhere.so"), pin_file(), std::string("/usr/lib/x86_64-linux-gnu/libm.so.6")}) {
    EXPECT_EQ(RuleOf(Pkcs11Token::Parse("pkcs11:token=pawl;object=a?module-path=" + module)->Check()), "token.module");
  }
  // One that is pulled out and put back while somebody signs.
  const Pkcs11Token token = TokenOf("alice");
  std::filesystem::rename(folder_ + "/tokens", folder_ + "/away");
  std::filesystem::create_directory(folder_ + "/tokens");
  EXPECT_EQ(RuleOf(token.Sign(key, "m")), "token.absent");
  std::filesystem::remove_all(folder_ + "/tokens");
  std::filesystem::rename(folder_ + "/away", folder_ + "/tokens");
  EXPECT_EQ(RuleOf(token.Sign(key, "m")), "ok");
}

TEST_F(Pkcs11TokenTest, RefusesWhatIsNotOne) {
  MakeKey("alice");
  MakeKey("alice", {.id = "\x02"});
  EXPECT_EQ(RuleOf(TokenOf("alice").PublicKey()), "token.several");
  EXPECT_EQ(RuleOf(Pkcs11Token::Parse(UriOf("alice;id=%02"))->PublicKey()), "ok");
  MakeToken("second");
  const std::string any = "pkcs11:object=alice?module-path=" + std::string(kModule) + "&pin-source=" + pin_file();
  EXPECT_EQ(RuleOf(Pkcs11Token::Parse(any)->Check()), "token.several");
}

TEST_F(Pkcs11TokenTest, RefusesKeysThatCouldLeaveItOrAreOfAnotherKind) {
  MakeKey("open", {.is_sensitive = CK_FALSE});
  MakeKey("wrapped", {.is_extractable = CK_TRUE});
  MakeKey("public", {.is_private = CK_FALSE});
  MakeKey("p256", {.mechanism = CKM_EC_KEY_PAIR_GEN, .curve = kP256});
  const crypto::Ed25519PublicKey key = Ed25519PrivateKey::FromSeed(std::string(32, 'k'))->public_key();
  for (const char* name : {"open", "wrapped", "public"}) {
    EXPECT_EQ(RuleOf(TokenOf(name).PublicKey()), "token.exportable") << name;
    EXPECT_EQ(RuleOf(TokenOf(name).Sign(key, "m")), "token.exportable") << name;
  }
  EXPECT_EQ(RuleOf(TokenOf("p256").PublicKey()), "key.kind");
  EXPECT_EQ(RuleOf(TokenOf("p256").Sign(key, "m")), "key.kind");
  // Whatever the token signs with, it is the reviewer's key or nothing.
  MakeKey("alice");
  EXPECT_EQ(RuleOf(TokenOf("alice").Sign(key, "m")), "token.signature");
}

TEST_F(Pkcs11TokenTest, TriesNoWrongPinTwice) {
  MakeKey("alice");
  const Pkcs11Token token = TokenOf("alice");
  const crypto::Ed25519PublicKey key = *token.PublicKey();
  SetPin("4321");
  EXPECT_EQ(RuleOf(token.Sign(key, "m")), "token.wrong-pin");
  EXPECT_EQ(token.Sign(key, "m").error().code, ErrorCode::kRefused);  // nobody tries again by itself
  // The token remembers it beyond this process, and then gets no PIN from a program, not even the right one.
  EXPECT_EQ(RuleOf(token.Check()), "token.pin-count");
  SetPin("1234");
  EXPECT_EQ(RuleOf(token.Sign(key, "m")), "token.pin-count");
  EXPECT_EQ(RuleOf(token.PublicKey()), "ok");  // a person asks
  EXPECT_EQ(RuleOf(token.Sign(key, "m")), "ok");
  // The same wrong one goes to the token once, whoever asks.
  SetPin("4321");
  EXPECT_EQ(RuleOf(token.PublicKey()), "token.wrong-pin");
  EXPECT_EQ(RuleOf(token.Check()), "ok");  // it did not go there again
}

TEST_F(Pkcs11TokenTest, TakesThePinFromAFileOfItsOwnersAlone) {
  MakeKey("alice");
  const Pkcs11Token token = TokenOf("alice");
  chmod(pin_file().c_str(), 0640);
  EXPECT_EQ(RuleOf(token.PublicKey()), "key.permissions");
  std::filesystem::rename(pin_file(), folder_ + "/real");
  EXPECT_EQ(RuleOf(token.PublicKey()), "key.not-found");
  chmod((folder_ + "/real").c_str(), 0600);
  std::filesystem::create_symlink(folder_ + "/real", pin_file());
  EXPECT_EQ(RuleOf(token.PublicKey()), "key.permissions");
  std::filesystem::remove(pin_file());
  SetPin("");
  EXPECT_EQ(RuleOf(token.PublicKey()), "token.no-pin");
  SetPin(std::string(300, '1'));
  EXPECT_EQ(RuleOf(token.PublicKey()), "token.no-pin");
  const std::string start = "pkcs11:token=pawl;object=alice?module-path=" + std::string(kModule);
  EXPECT_EQ(RuleOf(Pkcs11Token::Parse(start)->PublicKey()), "token.no-pin");
  for (const char* source : {"%7Ccat%20/etc/passwd", "pin", "https://here/pin"}) {
    EXPECT_EQ(RuleOf(Pkcs11Token::Parse(start + "&pin-source=" + source)->PublicKey()), "token.uri") << source;
  }
  SetPin("1234");
  EXPECT_EQ(RuleOf(Pkcs11Token::Parse(start + "&pin-source=file://" + pin_file())->PublicKey()), "ok");
}

}  // namespace pkcs11_token_test
}  // namespace pawl::signing
