#include "server/log_site.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "ledger/ledger.h"
#include "signing/private_key.h"
#include "subject/testing.h"
#include "tlog/tile.h"

namespace pawl::server {
namespace {

class LogSiteTest : public ::testing::Test {
 protected:
  LogSiteTest() {
    std::vector<std::string> entries;
    for (int i = 0; i < 600; ++i) entries.push_back("entry " + std::to_string(i));
    EXPECT_TRUE(ledger_.Append(0, entries).ok());
    site_.emplace(std::move(*LogSite::Open(home_, {"engine"})));
  }
  void Sign() { ASSERT_TRUE(ledger_.SignCheckpoint(keys_, 1'780'000'000, *ledger_.StatedHead()).ok()); }
  HttpResponse Get(const std::string& target, const std::string& method = "GET") {
    return site_->Answer({.method = method, .target = target, .body = {}});
  }

  subject::TemporaryDirectory directory_;
  ledger::Home home_ = std::move(*ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kCreate));
  ledger::Ledger ledger_ =
      std::move(*ledger::Ledger::Open(home_.LedgerPath("engine"), ledger::LedgerAccess::kReadWrite));
  ledger::LogKeys keys_{.origin = "example.org/log",
                        .log = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'l')),
                        .clock_name = "example.org/clock",
                        .clock = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'c'))};
  std::optional<LogSite> site_;
};

TEST_F(LogSiteTest, ServesWhatAnExportHolds) {
  Sign();
  const std::string folder = directory_ / "export";
  ASSERT_TRUE(ledger_.Export(folder).ok());
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = std::filesystem::relative(entry.path(), folder);
    const HttpResponse answer = Get("/log/engine/" + name);
    EXPECT_EQ(answer.status, 200u) << name;
    EXPECT_TRUE(answer.body == subject::ReadWholeFile(entry.path())) << name;
    EXPECT_EQ(answer.content_type, name == "checkpoint" ? "text/plain; charset=utf-8" : "application/octet-stream");
    EXPECT_EQ(answer.cache_control == "no-cache", name == "checkpoint");
    ++files;
  }
  EXPECT_EQ(files, 1 + 3 + 3 + 1);
}

TEST_F(LogSiteTest, ServesNothingBeyondTheCheckpoint) {
  EXPECT_EQ(Get("/log/engine/checkpoint").status, 404u);
  EXPECT_EQ(Get("/log/engine/tile/0/000").status, 404u);
  Sign();
  ASSERT_TRUE(ledger_.Append(600, {"one more"}).ok());
  EXPECT_EQ(Get("/log/engine/tile/0/002.p/88").status, 200u);
  EXPECT_EQ(Get("/log/engine/tile/0/002.p/89").status, 404u);
  EXPECT_EQ(Get("/log/engine/tile/entries/002.p/89").status, 404u);
  EXPECT_EQ(Get("/log/engine/tile/0/002").status, 404u);
  Sign();
  EXPECT_EQ(Get("/log/engine/tile/0/002.p/89").status, 200u);
}

TEST_F(LogSiteTest, KnowsNoOtherPaths) {
  Sign();
  for (const char* target :
       {"/", "/log/", "/log/engine", "/log/other/checkpoint", "/log/engine/checkpoint?x", "/log/engine/checkpoint/",
        "/log/engine/../engine/checkpoint", "/log/engine/tile/0/0", "/log/engine/tile/8/000", "/log/engine/tile/00/000",
        "/log/engine/tile/0/000.p/256", "/log/engine/tile/0/000.p/0", "/log/engine/tile/0/x000/000",
        "/log/engine/tile/63/x999/x999/x999/x999/x999/x999/999", "//log/engine/checkpoint", "checkpoint"}) {
    EXPECT_EQ(Get(target).status, 404u) << target;
  }
  EXPECT_EQ(Get("/log/engine/checkpoint", "POST").status, 405u);
  EXPECT_EQ(Get("/log/engine/checkpoint", "POST").allow, "GET, HEAD");
  EXPECT_EQ(Get("/log/engine/checkpoint", "HEAD").status, 200u);
}

TEST_F(LogSiteTest, ServesACheckpointWithItsCosignatures) {
  Sign();
  merkle::SignedNote note = *merkle::SignedNote::Parse(**ledger_.LatestCheckpoint());
  note.signatures.push_back(note.signatures.back());
  note.signatures.back().name = "w";
  ASSERT_TRUE(ledger_.KeepCosigned(note).ok());
  EXPECT_EQ(Get("/log/engine/checkpoint").body, note.Serialize());
  note.text = "example.org/log\n599\n" + note.text.substr(note.text.find("600\n") + 4);
  EXPECT_EQ(ledger_.KeepCosigned(note).error().rule, "ledger.checkpoint");
  EXPECT_EQ(LogSite::Open(home_, {"missing"}).error().rule, "ledger.missing");
}

}  // namespace
}  // namespace pawl::server
