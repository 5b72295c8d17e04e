// Runs every case of every file here; schema.json describes them. A member, a format or a flag that is not known fails.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "crypto/sshsig.h"
#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/hex.h"
#include "encoding/number.h"
#include "encoding/statement.h"
#include "encoding/time.h"
#include "merkle/cosignature.h"
#include "merkle/signed_note.h"
#include "merkle/tlog_proof_for_test.h"
#include "signing/armor.h"
#include "source_directory.h"
#include "tlog/tile.h"

namespace pawl {
namespace {

using namespace encoding;  // NOLINT

struct Case {
  std::string input, key, message, name_space, presence;
  int64_t time = -1;
};

bool AcceptsEd25519(const Case& one) {
  const Result<std::string> raw = DecodeHex(one.key);
  const Result<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::FromRaw(raw.ok() ? *raw : std::string());
  return key.ok() && key->Verify(one.message, one.input);
}

bool AcceptsSshsig(const Case& one) {
  const Result<crypto::Sshsig> signature = signing::ParseArmored(one.input);
  const Result<crypto::SshPublicKey> key = crypto::SshPublicKey::ParseLine(one.key);
  if (!signature.ok() || !key.ok()) return false;
  const Result<crypto::SshsigFacts> facts = crypto::VerifySshsig(*signature, one.message, one.name_space, *key);
  if (!facts.ok()) return false;
  const char* presence = facts->user_verified ? "verified" : facts->user_present ? "present" : "none";
  EXPECT_EQ(presence, one.presence);
  return true;
}

bool AcceptsNote(const Case& one) {
  const Result<merkle::SignedNote> note = merkle::SignedNote::Parse(one.input);
  const Result<crypto::NoteKey> key = crypto::NoteKey::Parse(one.key);
  if (!note.ok() || !key.ok()) return false;
  const Result<std::vector<size_t>> good = merkle::VerifyNote(*note, {&*key, 1});
  return good.ok() && good->size() == 1;
}

bool AcceptsCosignature(const Case& one) {
  const Result<merkle::SignedNote> note = merkle::SignedNote::Parse(one.input);
  const Result<crypto::NoteKey> key = crypto::NoteKey::Parse(one.key);
  if (!note.ok() || !key.ok()) return false;
  const Result<std::vector<merkle::Cosignature>> seen = merkle::VerifyCosignatures(*note, {&*key, 1});
  if (!seen.ok() || seen->empty()) return false;
  EXPECT_EQ(seen->front().time_s, one.time);
  return true;
}

bool AcceptsTlogProof(const Case& one) {
  const Result<merkle::TlogProof> proof = merkle::TlogProof::Parse(one.input);
  const Result<crypto::NoteKey> key = crypto::NoteKey::Parse(one.key);
  return proof.ok() && key.ok() && merkle::VerifyTlogProof(*proof, one.message, *key).ok();
}

// "old SIZE ROOT", "new SIZE ROOT", then a hash a line.
bool AcceptsConsistency(const Case& one) {
  std::istringstream lines(one.input);
  std::string word, text;
  uint64_t sizes[2] = {};
  crypto::Digest roots[2];
  std::vector<crypto::Digest> hashes;
  const auto hash_of = [](const std::string& base64) {
    return crypto::Digest::FromRaw(DecodeBase64(base64).value()).value();
  };
  for (int i = 0; i < 2; ++i) {
    lines >> word >> sizes[i] >> text;
    EXPECT_EQ(word, i == 0 ? "old" : "new");
    roots[i] = hash_of(text);
  }
  while (lines >> text) hashes.push_back(hash_of(text));
  return merkle::VerifyConsistency(sizes[0], roots[0], sizes[1], roots[1], hashes).ok();
}

std::optional<bool> Accepts(const std::string& format, const Case& one) {
  if (format == "json") return ParseJson(one.input).ok();
  if (format == "canonical-json") return ParseCanonicalJson(one.input).ok();
  if (format == "base64") return DecodeBase64(one.input).ok();
  if (format == "number") return ParseNumber(one.input).ok();
  if (format == "time") return ParseTime(one.input).ok();
  if (format == "duration") return ParseDuration(one.input).ok();
  if (format == "digest") return crypto::Digest::Parse(one.input).ok();
  if (format == "tile-path") return tlog::ParseTilePath(one.input).ok();
  if (format == "envelope") return ParseEnvelope(one.input).ok();
  if (format == "statement") return ParseStatement(one.input).ok();
  if (format == "ed25519") return AcceptsEd25519(one);
  if (format == "sshsig") return AcceptsSshsig(one);
  if (format == "note") return AcceptsNote(one);
  if (format == "cosignature") return AcceptsCosignature(one);
  if (format == "tlog-proof") return AcceptsTlogProof(one);
  if (format == "consistency") return AcceptsConsistency(one);
  return std::nullopt;
}

void RunFile(const std::filesystem::path& path, int& cases_run) {
  SCOPED_TRACE(path.filename().string());
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const Result<Json> json = ParseJson(bytes);
  ASSERT_TRUE(json.ok()) << json.error().message;
  JsonObject root(*json, path.filename().string());
  const std::string format = root.String("format");
  EXPECT_FALSE(root.String("source").empty());
  JsonObject notes = root.Object("notes");
  std::set<std::string> known_flags, used_flags;
  for (const std::string& flag : notes.Names()) {
    notes.String(flag.c_str());
    known_flags.insert(flag);
  }
  int64_t next_id = 1;
  for (JsonObject& item : root.Objects("cases", 10'000)) {
    const int64_t id = item.Integer("id", 1);
    EXPECT_EQ(id, next_id++);
    SCOPED_TRACE("case " + std::to_string(id) + ": " + item.String("comment"));
    for (const std::string& flag : item.Strings("flags", 8)) used_flags.insert(flag);
    const bool expected = item.Choice<bool>("result", {{"accept", true}, {"refuse", false}});
    Case one;
    one.input = item.Has("base64") ? item.Base64("base64") : item.String("text");
    if (item.Has("key")) one.key = item.String("key");
    if (item.Has("message")) one.message = item.Base64("message");
    if (item.Has("namespace")) one.name_space = item.String("namespace");
    if (item.Has("presence")) one.presence = item.String("presence");
    if (item.Has("time")) one.time = item.Integer("time", 0);
    const std::optional<bool> accepted = Accepts(format, one);
    ASSERT_TRUE(accepted.has_value()) << "unknown format " << format;
    EXPECT_EQ(*accepted, expected);
    ++cases_run;
  }
  const Result<void> done = root.Finish();
  EXPECT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(used_flags, known_flags);
}

TEST(Vectors, EveryCaseOfEveryFile) {
  int files_run = 0, cases_run = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SourceDirectory() + "/tests/vectors")) {
    if (entry.path().extension() != ".json" || entry.path().filename() == "schema.json") continue;
    RunFile(entry.path(), cases_run);
    ++files_run;
  }
  std::cout << files_run << " files, " << cases_run << " cases\n";
  EXPECT_GE(files_run, 16);
  EXPECT_GE(cases_run, 300);
}

}  // namespace
}  // namespace pawl
