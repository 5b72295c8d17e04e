#include "storage/garbage.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <ctime>
#include <filesystem>

#include "encoding/dsse.h"
#include "subject/testing.h"

namespace pawl::storage {
namespace {

namespace fs = std::filesystem;
using crypto::Digest;
using subject::RuleOf;
using subject::TemporaryDirectory;

class GarbageTest : public ::testing::Test {
 protected:
  Digest Put(std::string_view bytes) { return *store_.PutBlob(bytes); }
  bool Has(const Digest& digest) const { return fs::exists(store_.BlobPath(digest)); }
  SweepReport SweepAll(const std::set<Digest>& roots, SweepMode mode = SweepMode::kDelete, int64_t older_than_s = -60) {
    const Result<std::set<Digest>> kept = FindKept(store_, roots);
    EXPECT_TRUE(kept.ok());
    Result<SweepReport> report =
        Sweep(store_, *kept, {.mode = mode, .older_than_s = older_than_s, .now_s = std::time(nullptr)});
    EXPECT_TRUE(report.ok());
    return *report;
  }

  TemporaryDirectory directory_;
  TreeStore store_ = *TreeStore::Open(directory_ / "store", StoreAccess::kReadWrite);
};

TEST_F(GarbageTest, DigestsAreRunsOfSixtyFourDigits) {
  const std::string digit(64, 'a');
  std::set<Digest> found;
  AddDigestsIn("x" + digit + "a" + " " + digit.substr(1) + " " + std::string(64, 'A'), found);
  EXPECT_TRUE(found.empty());
  AddDigestsIn("sha256:" + digit + "\"" + std::string(64, 'b'), found);
  EXPECT_EQ(found.size(), 2u);
}

TEST_F(GarbageTest, AStatementInsideAWarrantKeepsWhatItNames) {
  const Digest certificate = Put("a certificate");
  const encoding::Envelope envelope{
      .payload_type = "t", .payload = R"({"certificate":")" + certificate.Text() + "\"}", .signatures = {}};
  const Digest warrant = Put(R"({"votes":[)" + encoding::SerializeEnvelope(envelope) + "]}");
  SweepAll({warrant});
  EXPECT_TRUE(Has(certificate));
  SweepAll({});
  EXPECT_FALSE(Has(certificate));
  EXPECT_FALSE(Has(warrant));
}

TEST_F(GarbageTest, YoungBlobsStayAndPuttingMakesYoung) {
  const Digest digest = Put("x");
  EXPECT_EQ(SweepAll({}, SweepMode::kDelete, 60).young, 1u);
  EXPECT_TRUE(Has(digest));
  fs::last_write_time(store_.BlobPath(digest), fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(SweepAll({}, SweepMode::kReport, 60).gone, 1u);
  EXPECT_TRUE(Has(digest));
  Put("x");
  EXPECT_EQ(SweepAll({}, SweepMode::kDelete, 60).gone, 0u);
}

TEST_F(GarbageTest, ViewsGoWithTheirTreesAndTemporariesWithTime) {
  directory_.Write("tree/a/b", "bytes");
  const StoredTree tree = *store_.PutTree(directory_ / "tree", {});
  const std::string view = *store_.Materialise(tree.digest);
  directory_.Write("store/temporary/left/behind", "x");
  EXPECT_EQ(SweepAll({tree.digest}).views_gone, 0u);
  EXPECT_TRUE(fs::exists(view + "/a/b"));
  EXPECT_FALSE(fs::exists(directory_ / "store/temporary/left"));
  EXPECT_EQ(SweepAll({}).views_gone, 1u);
  EXPECT_FALSE(fs::exists(view));
  EXPECT_TRUE(fs::is_empty(directory_ / "store/temporary"));
}

TEST_F(GarbageTest, ADamagedBlobEndsTheSearch) {
  const Digest digest = Put("x");
  fs::permissions(store_.BlobPath(digest), fs::perms::owner_all);
  directory_.Write("store/blobs/" + digest.Hex().substr(0, 2) + "/" + digest.Hex(), "y");
  EXPECT_EQ(RuleOf(FindKept(store_, {digest})), "store.damaged");
}

// Over random stores: everything that can be reached from the roots is there afterwards, and reads; nothing else is.
TEST(GarbageLaws, NothingThatIsNamedGoesAndNothingElseStays) {
  size_t cases = 0;
  const bool held = rc::check([&] {
    const TemporaryDirectory directory(fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp");  // flushing costs nothing
    TreeStore store = *TreeStore::Open(directory / "store", StoreAccess::kReadWrite);
    // Blob i names some of the blobs before it, so that names go backwards only, as digests have to.
    const size_t count = *rc::gen::inRange<size_t>(1, 24);
    std::vector<Digest> blobs;
    std::vector<std::vector<size_t>> names(count);
    for (size_t i = 0; i < count; ++i) {
      std::string text = "blob " + std::to_string(i);
      if (i > 0) names[i] = *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, i));
      for (const size_t named : names[i]) text += "\n" + blobs[named].Text();
      if (*rc::gen::arbitrary<bool>()) {
        text = encoding::SerializeEnvelope({.payload_type = "t", .payload = text, .signatures = {}});
      }
      blobs.push_back(*store.PutBlob(text));
    }
    std::set<Digest> roots;
    std::set<size_t> reached;
    for (const size_t root : *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, count))) {
      roots.insert(blobs[root]);
      reached.insert(root);
    }
    for (size_t i = count; i-- > 0;) {
      if (reached.contains(i)) reached.insert(names[i].begin(), names[i].end());
    }
    const Result<std::set<Digest>> kept = FindKept(store, roots);
    RC_ASSERT(kept.ok());
    const Result<SweepReport> swept =
        Sweep(store, *kept, {.mode = SweepMode::kDelete, .older_than_s = -60, .now_s = std::time(nullptr)});
    RC_ASSERT(swept.ok());
    for (size_t i = 0; i < count; ++i) {
      RC_ASSERT(store.ReadBlob(blobs[i], 1 << 20).ok() == reached.contains(i));
    }
    RC_ASSERT(swept->gone + swept->kept == count);
    ++cases;
  });
  EXPECT_TRUE(held);
  EXPECT_GE(cases, 50u);
}

}  // namespace
}  // namespace pawl::storage
