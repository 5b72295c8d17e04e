// What the ledger exports, verified by verify_export.go, which shares no code with it; and the same with one thing
// wrong.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ledger/ledger.h"
#include "signing/private_key.h"
#include "source_directory.h"
#include "subject/testing.h"
#include "tlog/tile.h"

namespace pawl::ledger {
namespace {

class ExportByGo : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string build = GoCommand("build -o '" PAWL_GO_CACHE "/verify_export' '" + SourceDirectory() +
                                        "/tests/go_interop/verify_export.go'");
    ASSERT_EQ(std::system(build.c_str()), 0);
  }

  static std::string GoCommand(const std::string& words) {
    return "GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOCACHE='" PAWL_GO_CACHE "' '" PAWL_GO "' " + words;
  }

  // What it prints, or "refused: …".
  std::string Verify(const std::string& key) const {
    const std::string out = directory_ / "out";
    const int status =
        std::system(("'" PAWL_GO_CACHE "/verify_export' '" + key + "' '" + folder_ + "' >'" + out + "' 2>&1").c_str());
    EXPECT_TRUE(WIFEXITED(status));
    const std::string printed = subject::ReadWholeFile(out);
    return WEXITSTATUS(status) == 0 ? printed : "refused: " + printed;
  }
  bool Accepts() const { return !Verify(key_.Text()).starts_with("refused"); }

  // Appends up to `size` entries of many lengths and exports.
  void GrowAndExport(uint64_t size) {
    std::vector<std::string> entries;
    const uint64_t first = *ledger_.Size();
    for (uint64_t i = first; i < size; ++i) {
      entries.push_back(std::to_string(i) + std::string(i % 257 == 0 ? 60'000 : i % 50, '.'));
    }
    ASSERT_TRUE(ledger_.Append(first, entries).ok());
    ASSERT_TRUE(ledger_.SignCheckpoint(keys_, 1'780'000'000, *ledger_.StatedHead()).ok());
    const Result<void> exported = ledger_.Export(folder_);
    ASSERT_TRUE(exported.ok()) << exported.error().message;
  }

  // One byte of a file, changed for a moment.
  void ExpectRefusedWithout(const std::string& name, size_t position) {
    const std::string good = subject::ReadWholeFile(folder_ + "/" + name);
    ASSERT_LT(position, good.size()) << name;
    std::string bad = good;
    bad[position] ^= 1;
    Write(name, bad);
    EXPECT_FALSE(Accepts()) << name << " with byte " << position << " changed";
    Write(name, good);
  }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
  }

  subject::TemporaryDirectory directory_;
  std::string folder_ = directory_ / "export";
  Ledger ledger_ = std::move(*Ledger::Open(directory_ / "log.sqlite", LedgerAccess::kReadWrite));
  LogKeys keys_{.origin = "example.org/log",
                .log = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'l')),
                .clock_name = "example.org/clock",
                .clock = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'c'))};
  crypto::NoteKey key_ = crypto::NoteKey::Of(keys_.origin, crypto::NoteKeyType::kEd25519, keys_.log.public_key());
};

TEST_F(ExportByGo, IsAcceptedAtEverySize) {
  // Empty, a single entry, around one and two tiles, and one of the second level that is more than a tile wide.
  for (const uint64_t size : {0u, 1u, 2u, 255u, 256u, 257u, 511u, 513u, 1'000u, 66'000u}) {
    GrowAndExport(size);
    const std::string said = Verify(key_.Text());
    const std::string entries = "entries " + std::to_string(size) + "\n";
    EXPECT_TRUE(said.starts_with("size " + std::to_string(size) + " root ") && said.ends_with(entries)) << said;
  }
}

TEST_F(ExportByGo, IsRefusedWithAnythingChanged) {
  GrowAndExport(600);
  ASSERT_TRUE(Accepts());
  for (const tlog::Tile& tile : tlog::TilesOf(600)) {
    ExpectRefusedWithout(tile.Path(), 0);
    ExpectRefusedWithout(tile.Path(), tile.width * 32 - 1);
    if (tile.level == 0) {
      ExpectRefusedWithout(tile.EntriesPath(), 1);
      ExpectRefusedWithout(tile.EntriesPath(), 2);
      ExpectRefusedWithout(tile.EntriesPath(), subject::ReadWholeFile(folder_ + "/" + tile.EntriesPath()).size() - 1);
    }
  }
  const std::string checkpoint = subject::ReadWholeFile(folder_ + "/checkpoint");
  ExpectRefusedWithout("checkpoint", 0);                                          // origin
  ExpectRefusedWithout("checkpoint", checkpoint.find("\n600\n") + 3);             // size
  ExpectRefusedWithout("checkpoint", checkpoint.find("\n600\n") + 8);             // root
  ExpectRefusedWithout("checkpoint", checkpoint.find("— example.org/log") + 26);  // signature
  ASSERT_TRUE(std::filesystem::remove(folder_ + "/" + tlog::TilesOf(600).back().Path()));
  EXPECT_FALSE(Accepts());
}

TEST_F(ExportByGo, IsRefusedUnderAnotherKey) {
  GrowAndExport(3);
  const crypto::NoteKey other =
      crypto::NoteKey::Of(keys_.origin, crypto::NoteKeyType::kEd25519, keys_.clock.public_key());
  EXPECT_TRUE(Verify(other.Text()).starts_with("refused"));
  const crypto::NoteKey renamed =
      crypto::NoteKey::Of("example.org/other", crypto::NoteKeyType::kEd25519, keys_.log.public_key());
  EXPECT_TRUE(Verify(renamed.Text()).starts_with("refused"));
  EXPECT_TRUE(Accepts());
}

}  // namespace
}  // namespace pawl::ledger
