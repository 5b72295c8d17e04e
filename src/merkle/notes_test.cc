// Signed notes, checkpoints, cosignatures and tlog proofs.
#include <gtest/gtest.h>

#include "encoding/base64.h"
#include "encoding/time.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/signed_note.h"
#include "merkle/tlog_proof_for_test.h"
#include "signing/private_key.h"
#include "signing/sign.h"
#include "tlog/growing_tree.h"

namespace pawl::merkle {
namespace {

using namespace tlog;  // NOLINT: what the proofs come from

using crypto::NoteKey;
using crypto::NoteKeyType;
using signing::Ed25519PrivateKey;

constexpr char kOrigin[] = "example.com/log";

Ed25519PrivateKey KeyOf(char seed) { return *Ed25519PrivateKey::FromSeed(std::string(32, seed)); }
NoteKey Verifier(const std::string& name, const Ed25519PrivateKey& key, NoteKeyType type = NoteKeyType::kEd25519) {
  return NoteKey::Of(name, type, key.public_key());
}

Checkpoint Example() {
  const std::vector<Digest> leaves = {LeafHash("a"), LeafHash("b"), LeafHash("c")};
  return {.origin = kOrigin, .size = 3, .root = RootOf(leaves)};
}

TEST(SignedNote, TheExampleOfGosNotePackage) {
  const NoteKey key = *NoteKey::Parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  const std::string bytes =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n"
      "\n"
      "\xe2\x80\x94 PeterNeumann "
      "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  const Result<SignedNote> note = SignedNote::Parse(bytes);
  ASSERT_TRUE(note.ok()) << note.error().message;
  EXPECT_EQ(note->Serialize(), bytes);
  EXPECT_EQ(*VerifyNote(*note, {&key, 1}), std::vector<size_t>{0});
}

TEST(SignedNote, SplitsAtTheLastEmptyLine) {
  const Ed25519PrivateKey key = KeyOf('k');
  SignedNote note{.text = "one\n\ntwo\n\n\xe2\x80\x94 not a signature\n", .signatures = {}};
  note.signatures.push_back(SignNote(note.text, "k", key));
  const Result<SignedNote> again = SignedNote::Parse(note.Serialize());
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, note);
  const NoteKey verifier = Verifier("k", key);
  EXPECT_EQ(VerifyNote(*again, {&verifier, 1})->size(), 1u);
}

TEST(SignedNote, RefusesEveryMalformedShape) {
  const std::string dash = "\xe2\x80\x94 ";
  const std::string base64 = encoding::EncodeBase64(std::string(68, 's'));
  const std::string line = dash + "k " + base64 + "\n";
  ASSERT_TRUE(SignedNote::Parse("text\n\n" + line).ok());
  for (const std::string& bad : {
           std::string(),
           std::string("\n"),
           std::string("\n\n"),
           std::string("text\n"),
           std::string("text\n\n"),
           "text\n" + line,                                     // no empty line
           "\n" + line,                                         // no text
           "text\n\n" + line.substr(0, line.size() - 1),        // no last line feed
           "text\n\n" + line + "\n",                            // a line after it
           "text\n\n" + line + "x\n",                           //
           "text\n\n- k " + base64 + "\n",                      // a hyphen
           "text\n\n" + dash + base64 + "\n",                   // no name
           "text\n\n" + dash + " " + base64 + "\n",             // an empty name
           "text\n\n" + dash + "k  " + base64 + "\n",           // two spaces
           "text\n\n" + dash + "k " + base64 + " \n",           // a space after it
           "text\n\n" + dash + "k+l " + base64 + "\n",          // a plus sign
           "text\n\n" + dash + "k\xc2\xa0l " + base64 + "\n",   // a no-break space
           "text\n\n" + dash + "k\n",                           // no signature
           "text\n\n" + dash + "k \n",                          //
           "text\n\n" + dash + "k AAAA\n",                      // shorter than a key id
           "text\n\n" + dash + "k AAAAAA==\n",                  // a key id alone
           "text\n\n" + dash + "k " + base64.substr(1) + "\n",  // not base64
           "te\txt\n\n" + line,                                 // control characters
           "te\rxt\n\n" + line,                                 //
           "te\x7fxt\n\n" + line,                               //
           "te\xc2\x85xt\n\n" + line,                           //
           std::string("te\0xt\n\n", 7) + line,                 //
           "te\xffxt\n\n" + line,                               // not UTF-8
           "text\r\n\r\n" + line,                               //
       }) {
    const Result<SignedNote> note = SignedNote::Parse(bad);
    ASSERT_FALSE(note.ok()) << bad;
    EXPECT_EQ(note.error().rule, "note.malformed") << bad;
  }
}

TEST(SignedNote, LimitsAreExact) {
  const auto with = [](size_t count, size_t bytes) {
    SignedNote note{.text = "t\n", .signatures = {}};
    note.signatures.assign(count, {.name = "k", .key_id = 1, .signature = std::string(bytes, 's')});
    const Result<SignedNote> parsed = SignedNote::Parse(note.Serialize());
    return parsed.ok() ? "ok" : parsed.error().rule;
  };
  EXPECT_EQ(with(64, 64), "ok");
  EXPECT_EQ(with(65, 64), "note.too-large");
  EXPECT_EQ(with(16, 8'192), "ok");  // C2SP: at least 16, and post-quantum signatures are large
  EXPECT_EQ(with(1, 8'193), "note.malformed");
  EXPECT_EQ(with(64, 8'192), "note.too-large");
  EXPECT_EQ(SignedNote::Parse(std::string(1'000'000, '\n')).error().rule, "note.too-large");
}

TEST(SignedNote, UnknownKeysAreIgnoredAndKnownOnesMustVerify) {
  const Ed25519PrivateKey a = KeyOf('a'), b = KeyOf('b');
  const std::vector<NoteKey> keys = {Verifier("a", a), Verifier("b", b), Verifier("c", KeyOf('c')),
                                     Verifier("a", a, NoteKeyType::kEd25519Cosignature)};
  SignedNote note{.text = "text\n", .signatures = {}};
  EXPECT_TRUE(VerifyNote(note, keys)->empty());
  note.signatures = {SignNote(note.text, "b", b), SignNote(note.text, "stranger", a), SignNote(note.text, "a", a)};
  EXPECT_EQ(*VerifyNote(note, keys), (std::vector<size_t>{0, 1}));
  // The right name with another id, and the right id with another name, are unknown keys.
  SignedNote other = note;
  other.signatures[0].key_id ^= 1;
  other.signatures[2].name = "A";
  EXPECT_TRUE(VerifyNote(other, keys)->empty());
  // A known key whose signature is of another text.
  other = note;
  other.text = "other\n";
  EXPECT_EQ(VerifyNote(other, keys).error().rule, "note.signature");
  for (size_t bit = 0; bit < 64 * 8; ++bit) {
    other = note;
    char& byte = other.signatures[0].signature[bit / 8];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    ASSERT_EQ(VerifyNote(other, keys).error().rule, "note.signature") << bit;
  }
  // Twice by the same key.
  other = note;
  other.signatures.push_back(other.signatures[0]);
  EXPECT_EQ(VerifyNote(other, keys).error().rule, "note.signature");
}

TEST(SignedNote, NoSignatureFitsTwoProtocols) {
  const Ed25519PrivateKey key = KeyOf('k');
  const NoteKey verifier = Verifier("k", key);
  for (const char* text :
       {"cosignature/v1\ntime 5\nexample.com/log\n3\nAA\n", "DSSEv1 1 t 2 x\n\n", "subtree/v1\nx\n", "SSHSIG\n"}) {
    const SignedNote note{.text = text,
                          .signatures = {{.name = "k", .key_id = verifier.Id(), .signature = key.Sign(text)}}};
    EXPECT_EQ(VerifyNote(note, {&verifier, 1}).error().rule, "note.signature") << text;
  }
}

TEST(Checkpoint, RoundTripsAndRefusesEveryMalformedShape) {
  const Checkpoint checkpoint = Example();
  EXPECT_EQ(*Checkpoint::Parse(checkpoint.Text()), checkpoint);
  const std::string root = encoding::EncodeBase64(checkpoint.root.Raw());
  const std::string empty_root = encoding::EncodeBase64(EmptyRoot().Raw());
  EXPECT_TRUE(Checkpoint::Parse("o\n0\n" + empty_root + "\n").ok());
  EXPECT_TRUE(Checkpoint::Parse("o\n4611686018427387904\n" + root + "\n").ok());
  for (const std::string& bad : {std::string(),
                                 std::string("o\n"),
                                 std::string("o\n3\n"),
                                 "o\n3\n" + root,
                                 "\n3\n" + root + "\n",
                                 "o p\n3\n" + root + "\n",
                                 "o+p\n3\n" + root + "\n",
                                 "o\n03\n" + root + "\n",
                                 "o\n-3\n" + root + "\n",
                                 "o\n+3\n" + root + "\n",
                                 "o\n 3\n" + root + "\n",
                                 "o\n3 \n" + root + "\n",
                                 "o\n\n" + root + "\n",
                                 "o\n0x3\n" + root + "\n",
                                 "o\n4611686018427387905\n" + root + "\n",
                                 "o\n18446744073709551619\n" + root + "\n",
                                 "o\n3\n" + root.substr(1) + "\n",
                                 "o\n3\n" + root + "\nextension\n",
                                 "o\n3\n" + root + "\n\n",
                                 "o\n3\n" + root + root + "\n",
                                 std::string("o\n3\nAAAA\n"),
                                 "o\n0\n" + root + "\n",
                                 "o\r\n3\r\n" + root + "\r\n"}) {
    ASSERT_FALSE(Checkpoint::Parse(bad).ok()) << bad;
    EXPECT_EQ(Checkpoint::Parse(bad).error().rule, "checkpoint.malformed") << bad;
  }
}

TEST(Checkpoint, OpensOnlyWithTheLogsSignature) {
  const Ed25519PrivateKey log = KeyOf('l'), other = KeyOf('o');
  const NoteKey key = Verifier(kOrigin, log);
  const SignedNote note = SignCheckpoint(Example(), log);
  const Result<SignedCheckpoint> opened = OpenCheckpoint(note.Serialize(), key);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened->checkpoint, Example());
  EXPECT_EQ(opened->note, note);
  const auto rule = [&](const SignedNote& changed, const NoteKey& by) {
    const Result<SignedCheckpoint> result = OpenCheckpoint(changed.Serialize(), by);
    return result.ok() ? "ok" : result.error().rule;
  };
  EXPECT_EQ(rule(note, Verifier(kOrigin, other)), "checkpoint.signature");
  EXPECT_EQ(rule(note, Verifier("example.com/other", log)), "checkpoint.signature");
  // Another origin, signed with this log's key under this log's name.
  Checkpoint foreign = Example();
  foreign.origin = "example.com/other";
  EXPECT_EQ(rule({.text = foreign.Text(), .signatures = {SignNote(foreign.Text(), kOrigin, log)}}, key),
            "checkpoint.origin");
  SignedNote grown = note;
  grown.text.replace(grown.text.find("\n3\n"), 3, "\n4\n");
  EXPECT_EQ(rule(grown, key), "note.signature");
  const std::string text = Example().Text() + "extension\n";
  EXPECT_EQ(rule({.text = text, .signatures = {SignNote(text, kOrigin, log)}}, key), "checkpoint.malformed");
}

TEST(Cosignature, VerifiesWithItsTime) {
  const Ed25519PrivateKey log = KeyOf('l'), w = KeyOf('w'), v = KeyOf('v');
  SignedNote note = SignCheckpoint(Example(), log);
  note.signatures.push_back(Cosign(note.text, "w.example", w, 1679315147));
  note.signatures.push_back(Cosign(note.text, "v.example", v, 1679315140));
  EXPECT_EQ(note.signatures[1].signature.size(), 72u);
  // Listed by the plain key or by the cosigner's: the same.
  const std::vector<NoteKey> witnesses = {Verifier("v.example", v),
                                          Verifier("w.example", w, NoteKeyType::kEd25519Cosignature),
                                          Verifier("absent.example", KeyOf('x'))};
  const auto again = SignedNote::Parse(note.Serialize());
  ASSERT_TRUE(again.ok());
  const auto seen = VerifyCosignatures(*again, witnesses);
  ASSERT_TRUE(seen.ok()) << seen.error().message;
  EXPECT_EQ(*seen,
            (std::vector<Cosignature>{{.witness = 0, .time_s = 1679315140}, {.witness = 1, .time_s = 1679315147}}));
  EXPECT_TRUE(OpenCheckpoint(note.Serialize(), Verifier(kOrigin, log)).ok());
}

TEST(Cosignature, TheSignedBytesAreThoseOfTheSpecification) {
  const Ed25519PrivateKey w = KeyOf('w');
  const NoteSignature line = Cosign("o\n3\nroot\n", "w", w, 5);
  EXPECT_EQ(line.key_id, Verifier("w", w, NoteKeyType::kEd25519Cosignature).Id());
  EXPECT_EQ(line.signature.substr(0, 8), std::string("\0\0\0\0\0\0\0\x05", 8));
  EXPECT_TRUE(w.public_key().Verify("cosignature/v1\ntime 5\no\n3\nroot\n", line.signature.substr(8)));
}

TEST(Cosignature, RefusesEveryFlippedBitAndOtherRoles) {
  const Ed25519PrivateKey w = KeyOf('w');
  const std::vector<NoteKey> witnesses = {Verifier("w", w)};
  const SignedNote note{.text = Example().Text(), .signatures = {Cosign(Example().Text(), "w", w, 1000)}};
  ASSERT_TRUE(VerifyCosignatures(note, witnesses).ok());
  SignedNote other = note;
  for (size_t bit = 0; bit < 72 * 8; ++bit) {
    other = note;
    char& byte = other.signatures[0].signature[bit / 8];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    ASSERT_EQ(VerifyCosignatures(other, witnesses).error().rule, "cosignature.signature") << bit;
  }
  for (size_t size = 1; size < 72; ++size) {
    other = note;
    other.signatures[0].signature.resize(size);
    ASSERT_FALSE(VerifyCosignatures(other, witnesses).ok()) << size;
  }
  other = note;
  other.signatures.push_back(Cosign(note.text, "w", w, 2000));  // two words of one witness
  EXPECT_EQ(VerifyCosignatures(other, witnesses).error().rule, "cosignature.signature");
  // One witness that is listed under two names.
  const std::vector<NoteKey> twice = {Verifier("w", w), Verifier("x", w, NoteKeyType::kEd25519Cosignature)};
  other = note;
  other.signatures.push_back(Cosign(note.text, "x", w, 1000));
  EXPECT_EQ(VerifyCosignatures(other, twice).error().rule, "cosignature.witness");
  // A plain signature of the same key is not a cosignature, and the other way round.
  other.signatures = {SignNote(note.text, "w", w)};
  EXPECT_TRUE(VerifyCosignatures(other, witnesses)->empty());
  other.signatures[0].key_id = note.signatures[0].key_id;
  EXPECT_FALSE(VerifyCosignatures(other, witnesses).ok());
  EXPECT_TRUE(VerifyNote(note, witnesses)->empty());
}

TEST(Cosignature, RefusesTimesOutsideTheCalendar) {
  const Ed25519PrivateKey w = KeyOf('w');
  const std::vector<NoteKey> witnesses = {Verifier("w", w)};
  for (const uint64_t time : {static_cast<uint64_t>(encoding::kTimeMax_s) + 1, uint64_t{1} << 63, UINT64_MAX}) {
    SignedNote note{.text = Example().Text(), .signatures = {Cosign(Example().Text(), "w", w, 1)}};
    std::string blob;
    for (int shift = 56; shift >= 0; shift -= 8) blob += static_cast<char>(time >> shift & 0xff);
    note.signatures[0].signature = blob + w.Sign("cosignature/v1\ntime " + std::to_string(time) + "\n" + note.text);
    EXPECT_EQ(VerifyCosignatures(note, witnesses).error().rule, "cosignature.time");
  }
}

TEST(Cosignature, Median) {
  const auto median = [](std::vector<int64_t> times_s) {
    std::vector<Cosignature> seen;
    for (const int64_t time_s : times_s) seen.push_back({.witness = seen.size(), .time_s = time_s});
    return MedianTime(seen);
  };
  EXPECT_EQ(median({5}), 5);
  EXPECT_EQ(median({9, 1}), 1);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({9, 1, 4, 5}), 4);
}

struct ProvenLog {
  Ed25519PrivateKey key = KeyOf('l');
  std::vector<std::string> entries;
  std::vector<Digest> leaves;
  explicit ProvenLog(size_t size) {
    for (size_t i = 0; i < size; ++i) {
      entries.push_back("entry " + std::to_string(i));
      leaves.push_back(LeafHash(entries.back()));
    }
  }
  TlogProof Prove(uint64_t index) const {
    const HashReader read = [this](unsigned level, uint64_t node) -> Result<Digest> {
      return RootOf(std::span(leaves).subspan(node << level, size_t{1} << level));
    };
    const Checkpoint checkpoint{.origin = kOrigin, .size = leaves.size(), .root = RootOf(leaves)};
    return {.index = index,
            .hashes = *InclusionProof(index, leaves.size(), read),
            .checkpoint = SignCheckpoint(checkpoint, key).Serialize()};
  }
};

TEST(TlogProof, RoundTripsAndVerifies) {
  for (const size_t size : {size_t{1}, size_t{2}, size_t{7}, size_t{64}}) {
    const ProvenLog log(size);
    for (uint64_t index = 0; index < size; ++index) {
      const TlogProof proof = log.Prove(index);
      const Result<TlogProof> again = TlogProof::Parse(proof.Serialize());
      ASSERT_TRUE(again.ok()) << again.error().message;
      ASSERT_EQ(*again, proof);
      const NoteKey key = Verifier(kOrigin, log.key);
      ASSERT_TRUE(VerifyTlogProof(*again, log.entries[index], key).ok());
      ASSERT_EQ(VerifyTlogProof(*again, log.entries[index] + "x", key).error().rule, "merkle.inclusion");
      ASSERT_EQ(VerifyTlogProof(*again, log.entries[index], Verifier(kOrigin, KeyOf('o'))).error().rule,
                "checkpoint.signature");
    }
  }
}

TEST(TlogProof, RefusesEveryMalformedShape) {
  const TlogProof proof = ProvenLog(5).Prove(2);
  const std::string good = proof.Serialize();
  ASSERT_TRUE(TlogProof::Parse(good).ok());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  TlogProof many = proof;
  many.hashes.assign(64, EmptyRoot());
  for (const std::string& bad :
       {std::string(), good.substr(1), replaced("@v1", "@v2"), replaced("index 2", "index 02"),
        replaced("index 2", "index -2"), replaced("index 2", "index"), replaced("index 2", "index 2 "),
        replaced("index 2", "extra AAAA\nindex 2"), replaced("index 2", "index 4611686018427387904"),
        replaced("\n\n", "\n"), replaced("=\n", "\n"), replaced("=\n", "=\r\n"), replaced("=\n", "= \n"),
        std::string("c2sp.org/tlog-proof@v1\nindex 2\n"), std::string("c2sp.org/tlog-proof@v1\nindex 2\n\n"),
        std::string("c2sp.org/tlog-proof@v1\nindex 2"), many.Serialize(), std::string(1'000'000, 'c'),
        "c2sp.org/tlog-proof@v1\nindex 2\n" + std::string(600'000, 'A')}) {
    ASSERT_FALSE(TlogProof::Parse(bad).ok()) << bad.substr(0, 200);
    EXPECT_EQ(TlogProof::Parse(bad).error().rule, "tlog-proof.malformed");
  }
}

TEST(TlogProof, EveryFlippedBitFails) {
  const ProvenLog log(5);
  const NoteKey key = Verifier(kOrigin, log.key);
  const std::string good = log.Prove(2).Serialize();
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string other = good;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    const Result<TlogProof> proof = TlogProof::Parse(other);
    ASSERT_FALSE(proof.ok() && VerifyTlogProof(*proof, log.entries[2], key).ok()) << bit;
  }
}

}  // namespace
}  // namespace pawl::merkle
