// Both ways between this code and golang.org/x/mod/sumdb: what we sign and prove, peer.go checks; what it signs and
// proves, we check. The two meet in the files of one folder, named below.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "encoding/base64.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/tlog_proof_for_test.h"
#include "signing/private_key.h"
#include "signing/sign.h"
#include "source_directory.h"
#include "tlog/tile.h"

namespace pawl::merkle {
namespace {

using namespace tlog;  // NOLINT

using crypto::NoteKey;
using crypto::NoteKeyType;
using signing::Ed25519PrivateKey;

constexpr char kOrigin[] = "example.com/log";
constexpr uint64_t kSizes[] = {1, 2, 3, 7, 8, 100, 257, 1'000};

std::string EntryOf(uint64_t index) { return "entry " + std::to_string(index); }

class GoInterop : public ::testing::Test {
 protected:
  GoInterop() {
    std::string folder = ::testing::TempDir() + "pawl-go-XXXXXX";
    folder_ = mkdtemp(folder.data());
    for (uint64_t i = 0; i < 1'000; ++i) leaves_.push_back(LeafHash(EntryOf(i)));
  }
  ~GoInterop() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    EXPECT_TRUE(file.is_open()) << name;
    return {std::istreambuf_iterator<char>(file), {}};
  }
  int RunPeer(const std::string& command) const {
    const std::string go =
        "GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOCACHE='" PAWL_GO_CACHE "' '" PAWL_GO "' run '";
    const int status =
        std::system((go + SourceDirectory() + "/tests/go_interop/peer.go' " + command + " '" + folder_ + "'").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  HashReader Reader() const {
    return [this](unsigned level, uint64_t index) -> Result<Digest> {
      return RootOf(std::span(leaves_).subspan(index << level, size_t{1} << level));
    };
  }
  Digest Root(uint64_t size) const { return RootOf(std::span(leaves_).first(size)); }

  // Writes log.vkey, witness.vkey, <size>.checkpoint, <size>-<index>.proof and <old>-<new>.consistency.
  void WriteOurs() const {
    const Ed25519PrivateKey log = *Ed25519PrivateKey::Generate(), witness = *Ed25519PrivateKey::Generate();
    Write("log.vkey", NoteKey::Of(kOrigin, NoteKeyType::kEd25519, log.public_key()).Text());
    Write("witness.vkey", NoteKey::Of("w.example", NoteKeyType::kEd25519Cosignature, witness.public_key()).Text());
    for (const uint64_t size : kSizes) {
      SignedNote note = SignCheckpoint({.origin = kOrigin, .size = size, .root = Root(size)}, log);
      note.signatures.push_back(Cosign(note.text, "w.example", witness, 1'700'000'000));
      Write(std::to_string(size) + ".checkpoint", note.Serialize());
      for (uint64_t index = 0; index < size; index += 1 + size / 10) {
        const TlogProof proof{
            .index = index, .hashes = *InclusionProof(index, size, Reader()), .checkpoint = note.Serialize()};
        Write(std::to_string(size) + "-" + std::to_string(index) + ".proof", proof.Serialize());
      }
      for (const uint64_t old_size : kSizes) {
        if (old_size >= size) continue;
        const std::vector<Digest> proof = *ConsistencyProof(old_size, size, Reader());
        std::string lines;
        for (const Digest& hash : proof) {
          lines += encoding::EncodeBase64(hash.Raw()) + "\n";
        }
        Write(std::to_string(old_size) + "-" + std::to_string(size) + ".consistency", lines);
      }
    }
  }

  std::string folder_;
  std::vector<Digest> leaves_;
};

TEST_F(GoInterop, GoAcceptsWhatWeSignAndProve) {
  WriteOurs();
  EXPECT_EQ(RunPeer("check"), 0);
}

TEST_F(GoInterop, GoRefusesOursWithOneByteChanged) {
  WriteOurs();
  std::string checkpoint = Read("100.checkpoint");
  checkpoint.replace(checkpoint.find("\n100\n"), 5, "\n101\n");
  Write("100.checkpoint", checkpoint);
  EXPECT_NE(RunPeer("check 2>/dev/null"), 0);  // so the acceptance above means something
}

TEST_F(GoInterop, WeAcceptWhatGoSignsAndProves) {
  ASSERT_EQ(RunPeer("write"), 0);
  const Result<NoteKey> key = NoteKey::Parse(Read("log.vkey"));
  ASSERT_TRUE(key.ok()) << key.error().message;
  for (const uint64_t size : kSizes) {
    const Result<SignedCheckpoint> opened = OpenCheckpoint(Read(std::to_string(size) + ".checkpoint"), *key);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(opened->checkpoint.root, Root(size));
    for (uint64_t index = 0; index < size; index += 1 + size / 10) {
      const Result<TlogProof> proof =
          TlogProof::Parse(Read(std::to_string(size) + "-" + std::to_string(index) + ".proof"));
      ASSERT_TRUE(proof.ok()) << proof.error().message;
      EXPECT_EQ(proof->hashes, *InclusionProof(index, size, Reader()));
      EXPECT_TRUE(VerifyTlogProof(*proof, EntryOf(index), *key).ok());
      EXPECT_FALSE(VerifyTlogProof(*proof, EntryOf(index + 1), *key).ok());
    }
    for (const uint64_t old_size : kSizes) {
      if (old_size >= size) continue;
      std::vector<Digest> proof;
      std::ifstream lines(folder_ + "/" + std::to_string(old_size) + "-" + std::to_string(size) + ".consistency");
      for (std::string line; std::getline(lines, line);)
        proof.push_back(*Digest::FromRaw(*encoding::DecodeBase64(line)));
      EXPECT_EQ(proof, *ConsistencyProof(old_size, size, Reader()));
      EXPECT_TRUE(VerifyConsistency(old_size, Root(old_size), size, Root(size), proof).ok());
    }
  }
}

}  // namespace
}  // namespace pawl::merkle
