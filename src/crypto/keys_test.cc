// Digests, Ed25519, P-256, key files and verifier keys of notes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <sodium.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/libcrypto.h"
#include "crypto/note_key.h"
#include "crypto/p256.h"
#include "crypto/verified_signatures.h"
#include "encoding/base64.h"
#include "encoding/hex.h"
#include "signing/private_key.h"

namespace pawl::crypto {
namespace {

using signing::Ed25519PrivateKey;
using signing::P256PrivateKey;

std::string Hex(std::string_view digits) { return *encoding::DecodeHex(digits); }

std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class KeyFile : public ::testing::Test {
 protected:
  KeyFile() {
    std::string folder = ::testing::TempDir() + "pawl-keys-XXXXXX";
    folder_ = mkdtemp(folder.data());
  }
  ~KeyFile() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
};

TEST(Digest, FipsVectorsAndText) {
  EXPECT_EQ(Sha256("").Hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc").Text(), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(std::string(1'000'000, 'a')).Hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(*Digest::Parse(Sha256("abc").Text()), Sha256("abc"));
  const std::string good = Sha256("abc").Text();
  for (const std::string& bad :
       {std::string(), good.substr(7), good + "0", good.substr(0, 70), "SHA256:" + good.substr(7),
        "sha256:" + std::string(64, 'A'), "sha512:" + good.substr(7), good + "\n"}) {
    ASSERT_FALSE(Digest::Parse(bad).ok()) << bad;
    EXPECT_EQ(Digest::Parse(bad).error().rule, "digest.malformed");
  }
  EXPECT_FALSE(Digest::FromRaw(std::string(31, 'x')).ok());
}

TEST(Ed25519, Rfc8032Vectors) {
  struct Vector {
    const char *seed, *public_key, *message, *signature;
  };
  for (const Vector& vector : {Vector{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                                      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                                      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
                                      "c61e39701cf9b46bd25bf5f0595b"
                                      "be24655141438e7a100b"},
                               Vector{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                                      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                                      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
                                      "458f3613d0f11d8c387b2eaeb430"
                                      "2aeeb00d291612bb0c00"},
                               Vector{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                                      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                                      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
                                      "ae67f760984dc6594a7c15e9716e"
                                      "d28dc027beceea1ec40a"}}) {
    const Result<Ed25519PrivateKey> key = Ed25519PrivateKey::FromSeed(Hex(vector.seed));
    ASSERT_TRUE(key.ok());
    EXPECT_EQ(key->public_key().raw(), Hex(vector.public_key));
    EXPECT_EQ(key->Sign(Hex(vector.message)), Hex(vector.signature));
    EXPECT_TRUE(key->public_key().Verify(Hex(vector.message), Hex(vector.signature)));
    EXPECT_FALSE(key->public_key().Verify(Hex(vector.message) + "x", Hex(vector.signature)));
  }
}

TEST(Ed25519, EveryFlippedBitFails) {
  const Result<Ed25519PrivateKey> key = Ed25519PrivateKey::Generate();
  ASSERT_TRUE(key.ok());
  std::string message = "message", signature = key->Sign(message);
  for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
    std::string other = signature;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(key->public_key().Verify(message, other)) << bit;
  }
  EXPECT_FALSE(key->public_key().Verify(message, signature.substr(1)));
  EXPECT_FALSE(key->public_key().Verify(message, signature + '\0'));
  EXPECT_FALSE(key->public_key().Verify(message, ""));
}

// With few places, so that what is remembered pushes out other things all the time.
TEST(Ed25519, WhatIsRememberedIsExactlyWhatWasVerified) {
  const Ed25519PrivateKey key = *Ed25519PrivateKey::Generate(), other = *Ed25519PrivateKey::Generate();
  const std::string message = "what was signed", before = key.Sign(message + "!");
  for (const size_t places : {1, 3, 1'000}) {
    RememberVerified(places);
    const std::string signature = key.Sign(message);
    for (int again = 0; again < 3; ++again) {
      EXPECT_TRUE(key.public_key().Verify(message, signature));
      EXPECT_TRUE(key.public_key().Verify(message + "!", before)) << "made before anything was remembered";
      EXPECT_FALSE(other.public_key().Verify(message, signature));
      EXPECT_FALSE(key.public_key().Verify(message + "!", signature));
      EXPECT_FALSE(key.public_key().Verify(message, before));
      EXPECT_FALSE(key.public_key().Verify(message.substr(1), signature + message[0]));
      for (size_t bit = 0; bit < 512; ++bit) {
        std::string changed = signature;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
        ASSERT_FALSE(key.public_key().Verify(message, changed)) << bit;
      }
    }
  }
  RememberVerified(0);
  EXPECT_FALSE(key.public_key().Verify(message, before));
}

TEST(Ed25519, RefusesTheMalleableFormOfASignature) {
  // S + L in place of S, which verifies where S is not compared with the group's order L.
  constexpr uint8_t kOrder[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                  0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                  0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  const Result<Ed25519PrivateKey> key = Ed25519PrivateKey::FromSeed(std::string(32, 's'));
  std::string signature = key->Sign("m");
  unsigned carry = 0;
  for (size_t i = 0; i < 32; ++i) {
    carry += static_cast<uint8_t>(signature[32 + i]) + kOrder[i];
    signature[32 + i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  EXPECT_FALSE(key->public_key().Verify("m", signature));
}

TEST(Ed25519, RefusesPointsThatAreNobodysKey) {
  for (const char* y : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
           "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p + 1
           "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    for (const int sign : {0, 0x80}) {
      std::string raw = Hex(y);
      raw[31] = static_cast<char>(raw[31] | sign);
      const Result<Ed25519PublicKey> key = Ed25519PublicKey::FromRaw(raw);
      ASSERT_FALSE(key.ok()) << y;
      EXPECT_EQ(key.error().rule, "ed25519.key");
    }
  }
  EXPECT_FALSE(Ed25519PublicKey::FromRaw(std::string(31, 'x')).ok());
  EXPECT_FALSE(Ed25519PublicKey::FromRaw(std::string(33, 'x')).ok());
}

// What an independent implementation says, which checks without the cofactor as well.
bool LibcryptoAccepts(std::string_view key, std::string_view message, std::string_view signature) {
  const EvpKey raw(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(key), key.size()));
  const EvpDigestContext context(EVP_MD_CTX_new());
  return raw && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, raw.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message), message.size()) == 1;
}

RC_GTEST_PROP(Ed25519, SaysWhatLibcryptoSaysOfChangedSignatures, (uint64_t number, std::string message, int change)) {
  const Ed25519PrivateKey key = *Ed25519PrivateKey::FromSeed(Sha256(std::to_string(number)).Raw());
  std::string raw = key.public_key().raw(), signature = key.Sign(message);
  const auto flip = [&](std::string& bytes) {
    if (bytes.empty()) return;
    const size_t bit = *rc::gen::inRange<size_t>(0, bytes.size() * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  };
  if (change % 4 == 1) flip(signature);
  if (change % 4 == 2) flip(message);
  if (change % 4 == 3) flip(raw);
  const Result<Ed25519PublicKey> read = Ed25519PublicKey::FromRaw(raw);
  if (read.ok()) RC_ASSERT(read->Verify(message, signature) == LibcryptoAccepts(raw, message, signature));
}

// A signer who knows the key and does not want to be honest: key and R each have one of the eight points of small order
// added. Both libraries agree on what holds without the cofactor, but for an R that is nothing else, which libcrypto
// takes and we do not.
TEST(Ed25519, SaysWhatLibcryptoSaysOfSignersWhoAddPointsOfSmallOrder) {
  using Point = std::array<unsigned char, 32>;
  const std::string eighth = Hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
  Point small[8] = {};
  small[0][0] = 1;
  for (int i = 1; i < 8; ++i)
    ASSERT_EQ(crypto_core_ed25519_add(small[i].data(), small[i - 1].data(), Bytes(eighth)), 0);
  int accepted = 0, of_small_order = 0;
  for (int round = 0; round < 20; ++round) {
    for (int at = 0; at < 64; ++at) {
      const std::string message = std::to_string(round) + "/" + std::to_string(at);
      Point secret, once, key, r, hash_scalar;
      crypto_core_ed25519_scalar_random(secret.data());
      crypto_core_ed25519_scalar_random(once.data());
      ASSERT_EQ(crypto_scalarmult_ed25519_base_noclamp(key.data(), secret.data()), 0);
      ASSERT_EQ(crypto_core_ed25519_add(key.data(), key.data(), small[at % 8].data()), 0);
      const bool r_is_small = round % 4 == 0;
      if (r_is_small) {
        once.fill(0);
        r = small[at / 8];
      } else {
        ASSERT_EQ(crypto_scalarmult_ed25519_base_noclamp(r.data(), once.data()), 0);
        ASSERT_EQ(crypto_core_ed25519_add(r.data(), r.data(), small[at / 8].data()), 0);
      }
      const std::string raw(key.begin(), key.end());
      const std::string hashed = std::string(r.begin(), r.end()) + raw + message;
      std::array<unsigned char, 64> hash{};
      crypto_hash_sha512(hash.data(), Bytes(hashed), hashed.size());
      crypto_core_ed25519_scalar_reduce(hash_scalar.data(), hash.data());
      Point s;
      crypto_core_ed25519_scalar_mul(s.data(), hash_scalar.data(), secret.data());
      crypto_core_ed25519_scalar_add(s.data(), s.data(), once.data());
      const std::string signature = std::string(r.begin(), r.end()) + std::string(s.begin(), s.end());
      const bool theirs = LibcryptoAccepts(raw, message, signature);
      EXPECT_EQ(Ed25519PublicKey::FromRaw(raw)->Verify(message, signature), theirs && !r_is_small) << message;
      accepted += theirs && !r_is_small;
      of_small_order += theirs && r_is_small;
    }
  }
  EXPECT_GT(accepted, 50);  // one in eight holds without the cofactor
  EXPECT_GT(of_small_order, 10);
}

// The 64 bytes r ‖ s that vectors give, as the DER that is verified.
bool VerifyRaw(const P256PublicKey& key, std::string_view message, std::string_view signature) {
  return signature.size() == 64 &&
         key.VerifyDer(message, DerSignature(DerInteger(signature.substr(0, 32)), DerInteger(signature.substr(32))));
}

TEST(P256, SignsAndVerifiesInBothForms) {
  const Result<P256PrivateKey> key = P256PrivateKey::Generate();
  ASSERT_TRUE(key.ok());
  const P256PublicKey& public_key = key->public_key();
  for (int i = 0; i < 50; ++i) {  // so that short and high-bit numbers occur
    const std::string message = "message " + std::to_string(i);
    const std::string der = key->SignDer(message), raw = key->SignRaw(message);
    ASSERT_TRUE(public_key.VerifyDer(message, der));
    ASSERT_TRUE(VerifyRaw(public_key, message, raw));
    ASSERT_FALSE(public_key.VerifyDer(message + "x", der));
    ASSERT_FALSE(VerifyRaw(public_key, message + "x", raw));
    ASSERT_FALSE(public_key.VerifyDer(message, der + '\0'));
    ASSERT_FALSE(VerifyRaw(public_key, message, der));
  }
  EXPECT_FALSE(VerifyRaw(public_key, "m", std::string(64, '\0')));
  EXPECT_FALSE(VerifyRaw(public_key, "m", ""));
}

TEST(P256, RefusesDerThatIsNotCanonical) {
  const Result<P256PrivateKey> key = P256PrivateKey::Generate();
  const std::string raw = key->SignRaw("m");
  const std::string r = DerInteger(raw.substr(0, 32)), s = DerInteger(raw.substr(32));
  EXPECT_TRUE(key->public_key().VerifyDer("m", DerSignature(r, s)));
  EXPECT_FALSE(key->public_key().VerifyDer("m", DerSignature(std::string(1, '\0') + r, s)));
  std::string long_form = DerSignature(r, s);
  long_form.insert(1, 1, '\x81');
  EXPECT_FALSE(key->public_key().VerifyDer("m", long_form));
}

TEST(P256, Rfc6979Vector) {
  // RFC 6979 appendix A.2.5: curve P-256, SHA-256, message "sample".
  const Result<P256PublicKey> key =
      P256PublicKey::FromPoint(Hex("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                                   "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"));
  ASSERT_TRUE(key.ok());
  EXPECT_TRUE(VerifyRaw(*key, "sample",
                        Hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")));
}

TEST(P256, RefusesOtherPoints) {
  const std::string point = P256PrivateKey::Generate()->public_key().point();
  std::string off = point;
  off[64] = static_cast<char>(off[64] ^ 1);
  for (const std::string& bad : {std::string(), std::string(65, '\0'), off, point.substr(0, 64), point + "x",
                                 "\x02" + point.substr(1, 32), "\x05" + point.substr(1)}) {
    ASSERT_FALSE(P256PublicKey::FromPoint(bad).ok());
    EXPECT_EQ(P256PublicKey::FromPoint(bad).error().rule, "p256.key");
  }
}

TEST_F(KeyFile, RoundTripsWithMode0600AndNeverOverwrites) {
  const Ed25519PrivateKey ed25519 = *Ed25519PrivateKey::Generate();
  const P256PrivateKey p256 = *P256PrivateKey::Generate();
  ASSERT_TRUE(ed25519.WriteFile(Path("e")).ok());
  ASSERT_TRUE(p256.WriteFile(Path("p")).ok());
  struct stat status {};
  ASSERT_EQ(stat(Path("e").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(Ed25519PrivateKey::ReadFile(Path("e"))->public_key(), ed25519.public_key());
  EXPECT_EQ(P256PrivateKey::ReadFile(Path("p"))->public_key(), p256.public_key());
  const std::string before = FileText(Path("e"));
  EXPECT_EQ(Ed25519PrivateKey::Generate()->WriteFile(Path("e")).error().rule, "key.exists");
  EXPECT_EQ(FileText(Path("e")), before);
  EXPECT_EQ(Ed25519PrivateKey::ReadFile(Path("p")).error().rule, "key.malformed");
  EXPECT_EQ(P256PrivateKey::ReadFile(Path("e")).error().rule, "key.malformed");
  EXPECT_EQ(Ed25519PrivateKey::ReadFile(Path("none")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ed25519.WriteFile(Path("no-folder/e")).error().code, ErrorCode::kNotFound);
}

TEST_F(KeyFile, RefusesFilesThatOthersMayUse) {
  ASSERT_TRUE(Ed25519PrivateKey::Generate()->WriteFile(Path("e")).ok());
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0660, 0666}) {
    ASSERT_EQ(chmod(Path("e").c_str(), mode), 0);
    EXPECT_EQ(Ed25519PrivateKey::ReadFile(Path("e")).error().rule, "key.permissions") << mode;
  }
  ASSERT_EQ(chmod(Path("e").c_str(), 0600), 0);
  std::filesystem::create_symlink(Path("e"), Path("link"));
  EXPECT_EQ(Ed25519PrivateKey::ReadFile(Path("link")).error().rule, "key.permissions");
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(Ed25519PrivateKey::ReadFile(Path("fifo")).error().rule, "key.permissions");
  EXPECT_EQ(Ed25519PrivateKey::ReadFile(folder_).error().rule, "key.permissions");
}

TEST_F(KeyFile, RefusesEveryOtherText) {
  ASSERT_TRUE(Ed25519PrivateKey::Generate()->WriteFile(Path("e")).ok());
  const std::string good = FileText(Path("e"));
  int number = 0;
  for (const std::string& text :
       {std::string(), std::string("x"), good.substr(0, good.size() - 1), good + "x", good + good, "comment\n" + good,
        good + std::string(5'000, '\n'),
        std::string("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")}) {
    const std::string path = Path("bad" + std::to_string(number++));
    std::ofstream(path) << text;
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    EXPECT_EQ(Ed25519PrivateKey::ReadFile(path).error().rule, "key.malformed") << number;
  }
}

TEST(NoteKey, TheExampleOfGosNotePackage) {
  const char* text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  const Result<NoteKey> key = NoteKey::Parse(text);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->name, "PeterNeumann");
  EXPECT_EQ(key->type, NoteKeyType::kEd25519);
  EXPECT_EQ(key->Id(), 0xc74f20a3u);
  EXPECT_EQ(key->Text(), text);
  const NoteKey cosigner = key->As(NoteKeyType::kEd25519Cosignature);
  EXPECT_NE(cosigner.Id(), key->Id());
  EXPECT_EQ(cosigner.UnderlyingKey(), key->UnderlyingKey());
  EXPECT_EQ(*NoteKey::Parse(cosigner.Text()), cosigner);
}

TEST(NoteKey, RefusesEveryMalformedShape) {
  const NoteKey key =
      NoteKey::Of("n", NoteKeyType::kEd25519, Ed25519PrivateKey::FromSeed(std::string(32, '1'))->public_key());
  const std::string good = key.Text();
  const std::string base64 = good.substr(11);
  ASSERT_TRUE(NoteKey::Parse(good).ok());
  for (const std::string& bad :
       {std::string(), std::string("n"), std::string("n+00000000"), good.substr(1), "m" + good.substr(1), good + "\n",
        " " + good, good + "=", "n+00000000+" + base64, "n+" + good.substr(2, 8) + "+", good.substr(0, good.size() - 1),
        "n m" + good.substr(1), std::string(300, 'n') + good}) {
    ASSERT_FALSE(NoteKey::Parse(bad).ok()) << bad;
    EXPECT_EQ(NoteKey::Parse(bad).error().rule, "note-key.malformed") << bad;
  }
  const auto with_type = [&](char type) { return "n+00000000+" + encoding::EncodeBase64(type + key.key.raw()); };
  EXPECT_EQ(NoteKey::Parse(with_type(2)).error().rule, "note-key.type");
  EXPECT_EQ(NoteKey::Parse(with_type(6)).error().rule, "note-key.type");
  EXPECT_EQ(NoteKey::Parse("n+00000000+" + encoding::EncodeBase64("\x01" + std::string(32, '\0'))).error().rule,
            "ed25519.key");
}

}  // namespace
}  // namespace pawl::crypto
