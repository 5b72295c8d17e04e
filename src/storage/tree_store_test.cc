#include "storage/tree_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "subject/testing.h"

namespace pawl::storage {
namespace {

using subject::Manifest;
using subject::MemoryBlobs;
using subject::ReadWholeFile;
using subject::RuleOf;
using subject::Store;
using subject::TemporaryDirectory;
using subject::TreeLimits;

void Overwrite(const std::string& path, const std::string& bytes) {
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  std::ofstream(path, std::ios::binary) << bytes;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() : store_(*TreeStore::Open(home_ / "store", StoreAccess::kReadWrite)) {
    tree_.Write("policy.bin", "weights");
    tree_.Write("code/train.py", "print(1)\n");
    tree_.Write("code/empty", "");
  }
  crypto::Digest Put() {
    const Result<StoredTree> stored = store_.PutTree(tree_.path(), TreeLimits{});
    EXPECT_TRUE(stored.ok()) << (stored.ok() ? "" : stored.error().message);
    return stored->digest;
  }
  TemporaryDirectory home_, tree_;
  TreeStore store_;
};

TEST_F(StoreTest, GivesBackWhatWasPut) {
  const Result<crypto::Digest> digest = store_.PutBlob("abc");
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(*digest, crypto::Sha256(std::string_view("abc")));
  EXPECT_EQ(*store_.ReadBlob(*digest, 3), "abc");
  EXPECT_EQ(RuleOf(store_.ReadBlob(*digest, 2)), "store.blob-size");
  EXPECT_EQ(RuleOf(store_.ReadBlob(crypto::Sha256(std::string_view("other")), 9)), "store.missing");
  struct stat status;
  ASSERT_EQ(stat(store_.BlobPath(*digest).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0444u);
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "store/temporary"));
}

TEST_F(StoreTest, ADamagedBlobIsNoticedAndMended) {
  const crypto::Digest digest = *store_.PutBlob("abc");
  for (const char* damage : {"abd", "ab", "", "abcd"}) {
    Overwrite(store_.BlobPath(digest), damage);
    EXPECT_EQ(RuleOf(store_.ReadBlob(digest, 100)), "store.damaged") << damage;
    ASSERT_TRUE(store_.PutBlob("abc").ok());
    EXPECT_EQ(*store_.ReadBlob(digest, 100), "abc");
  }
  ASSERT_EQ(unlink(store_.BlobPath(digest).c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", store_.BlobPath(digest).c_str()), 0);
  EXPECT_FALSE(store_.ReadBlob(digest, 1 << 20).ok());
}

TEST_F(StoreTest, ATreeComesBackAsItWas) {
  const crypto::Digest digest = Put();
  const Result<Manifest> manifest = store_.ReadManifest(digest);
  ASSERT_TRUE(manifest.ok());
  ASSERT_EQ(manifest->files.size(), 3u);
  EXPECT_EQ(manifest->Find("policy.bin")->size, 7u);
  EXPECT_EQ(ManifestDigest(*manifest), digest);
  EXPECT_EQ(Put(), digest);
  const Result<std::string> view = store_.Materialise(digest);
  ASSERT_TRUE(view.ok()) << view.error().message;
  EXPECT_EQ(ReadWholeFile(*view + "/code/train.py"), "print(1)\n");
  struct stat status;
  ASSERT_EQ(stat((*view + "/code").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0555u);
  ASSERT_EQ(stat(view->c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0555u);
  EXPECT_EQ(RuleOf(store_.VerifyMaterialised(digest)), "ok");
  EXPECT_EQ(*store_.Materialise(digest), *view);
  // An empty folder in its place, as a mount leaves one, is not taken for the tree.
  chmod(view->c_str(), 0755);
  chmod((*view + "/code").c_str(), 0755);
  std::filesystem::remove_all(*view);
  std::filesystem::create_directory(*view);
  EXPECT_EQ(RuleOf(store_.VerifyMaterialised(digest)), "store.view-altered");
  EXPECT_EQ(*store_.Materialise(digest), *view);
  EXPECT_EQ(RuleOf(store_.VerifyMaterialised(digest)), "ok");
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "store/temporary"));
}

TEST_F(StoreTest, AnyChangeOfAViewIsSeen) {
  const crypto::Digest digest = Put();
  const auto altered = [&](const auto& change) {
    const std::string view = *store_.Materialise(digest);
    chmod(view.c_str(), 0755);
    chmod((view + "/code").c_str(), 0755);
    change(view);
    const std::string rule = RuleOf(store_.VerifyMaterialised(digest));
    std::filesystem::remove_all(view);
    return rule;
  };
  EXPECT_EQ(altered([](const std::string&) {}), "ok");
  EXPECT_EQ(altered([](const std::string& view) { Overwrite(view + "/policy.bin", "weightz"); }), "store.view-altered");
  EXPECT_EQ(altered([](const std::string& view) { Overwrite(view + "/policy.bin", "weights+"); }),
            "store.view-altered");
  EXPECT_EQ(altered([](const std::string& view) { std::ofstream(view + "/extra.py") << "x"; }), "store.view-altered");
  EXPECT_EQ(altered([](const std::string& view) { unlink((view + "/code/empty").c_str()); }), "store.view-altered");
  EXPECT_EQ(altered([](const std::string& view) {
              unlink((view + "/policy.bin").c_str());
              EXPECT_EQ(symlink("code/train.py", (view + "/policy.bin").c_str()), 0);
            }),
            "store.view-altered");
  EXPECT_EQ(RuleOf(store_.VerifyMaterialised(digest)), "tree.missing");
}

TEST_F(StoreTest, AViewIsNeverMadeFromDamagedBlobs) {
  const crypto::Digest digest = Put();
  Overwrite(store_.BlobPath(crypto::Sha256(std::string_view("weights"))), "weightz");
  EXPECT_EQ(RuleOf(store_.Materialise(digest)), "store.damaged");
  EXPECT_FALSE(std::filesystem::exists(store_.ViewPath(digest)));
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "store/temporary"));
  ASSERT_EQ(unlink(store_.BlobPath(crypto::Sha256(std::string_view("weights"))).c_str()), 0);
  EXPECT_EQ(RuleOf(store_.ReadManifest(digest)), "store.missing");
}

TEST_F(StoreTest, AManifestNeedsItsBlobs) {
  MemoryBlobs blobs;
  EXPECT_EQ(RuleOf(store_.PutManifest(blobs.Tree({{"a", "not in the store"}}))), "store.missing");
}

TEST_F(StoreTest, ReadingAloneWritesNothing) {
  const crypto::Digest digest = Put();
  EXPECT_EQ(RuleOf(TreeStore::Open(home_ / "absent", StoreAccess::kReadOnly)), "store.missing");
  EXPECT_FALSE(std::filesystem::exists(home_ / "absent"));
  EXPECT_EQ(RuleOf(Store::Open(home_ / "absent")), "store.missing");
  Result<TreeStore> reader = TreeStore::Open(home_ / "store", StoreAccess::kReadOnly);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(RuleOf(reader->PutBlob("new")), "store.read-only");
  EXPECT_EQ(RuleOf(reader->PutTree(tree_.path(), TreeLimits{})), "store.read-only");
  EXPECT_EQ(RuleOf(reader->Materialise(digest)), "store.read-only");
  EXPECT_EQ(RuleOf(reader->ReadManifest(digest)), "ok");
  ASSERT_TRUE(store_.Materialise(digest).ok());
  EXPECT_EQ(RuleOf(reader->Materialise(digest)), "ok");
}

TEST_F(StoreTest, ManyWritersOfTheSameTreeAgree) {
  std::vector<std::thread> threads;
  std::vector<std::string> views(4);
  crypto::Digest digests[4];
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      TreeStore own = *TreeStore::Open(home_ / "store", StoreAccess::kReadWrite);
      digests[i] = own.PutTree(tree_.path(), TreeLimits{})->digest;
      views[i] = *own.Materialise(digests[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(digests[i], digests[0]);
    EXPECT_EQ(views[i], views[0]);
  }
  EXPECT_EQ(RuleOf(store_.VerifyMaterialised(digests[0])), "ok");
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "store/temporary"));
}

// A limit on file size stands in for a full disk: write() fails half-way with EFBIG as it would with ENOSPC.
TEST_F(StoreTest, AFullDiskIsAClearErrorAndLeavesNothing) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1'000, 1'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Result<crypto::Digest> put = store_.PutBlob(std::string(5'000, 'x'));
    _exit(!put.ok() && put.error().rule == "store.full" && put.error().code == ErrorCode::kSystem &&
                  !put.error().advice.empty()
              ? 0
              : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "store/temporary"));
  EXPECT_EQ(RuleOf(store_.ReadBlob(crypto::Sha256(std::string(5'000, 'x')), 9'000)), "store.missing");
}

TEST_F(StoreTest, AReadOnlyDirectoryIsAClearError) {
  const pid_t child = fork();
  if (child == 0) {
    chmod((home_ / "store/temporary").c_str(), 0555);
    chmod(home_.path().c_str(), 0755);
    if (geteuid() == 0 && setuid(65'534) != 0) _exit(2);  // root is not bound by permissions
    const Result<crypto::Digest> put = store_.PutBlob("fresh");
    _exit(!put.ok() && put.error().rule == "store.read-only" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// Killed at any moment: what is in the store afterwards is whole.
TEST_F(StoreTest, AKilledWriterLeavesWholeBlobsOnly) {
  for (int round = 0; round < 8; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0;; ++i) (void)store_.PutBlob(std::to_string(round) + std::string(20'000, 'y') + std::to_string(i));
    }
    usleep(static_cast<useconds_t>(4'000 * (round + 1)));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
  }
  int blobs = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home_ / "store/blobs")) {
    if (!entry.is_regular_file()) continue;
    ++blobs;
    EXPECT_EQ(crypto::Sha256(ReadWholeFile(entry.path())).Hex(), entry.path().filename().string());
  }
  EXPECT_GT(blobs, 0);
}

}  // namespace
}  // namespace pawl::storage
