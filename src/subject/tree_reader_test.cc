#include "subject/tree_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "subject/path.h"
#include "subject/testing.h"

namespace pawl::subject {
namespace {

Result<crypto::Digest> Hash(const std::string&, std::string_view bytes) { return crypto::Sha256(bytes); }

Result<Manifest> Read(const TemporaryDirectory& directory, const TreeLimits& limits = {}) {
  return ReadTree(directory.path(), limits, Hash);
}

TEST(TreeReader, ReadsRegularFilesWithoutModesOrEmptyDirectories) {
  const TemporaryDirectory directory;
  directory.Write("b.txt", "hello");
  directory.Write("a/deep/er.txt", "");
  std::filesystem::create_directories(directory / "empty/within");
  chmod((directory / "b.txt").c_str(), 0700);
  const Result<Manifest> manifest = Read(directory);
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  ASSERT_EQ(manifest->files.size(), 2u);
  EXPECT_EQ(manifest->files[0].path, "a/deep/er.txt");
  EXPECT_EQ(manifest->files[1].path, "b.txt");
  EXPECT_EQ(manifest->files[1].size, 5u);
  EXPECT_EQ(manifest->files[1].digest, crypto::Sha256(std::string_view("hello")));
}

TEST(TreeReader, WhatIsNoRegularFileIsRefusedByName) {
  const auto expect = [](const char* rule, const char* named, const auto& make) {
    const TemporaryDirectory directory;
    directory.Write("ok.txt", "x");
    make(directory);
    const Result<Manifest> manifest = Read(directory);
    ASSERT_EQ(RuleOf(manifest), rule);
    EXPECT_NE(manifest.error().message.find(named), std::string::npos) << manifest.error().message;
  };
  expect("tree.file-type", "link", [](const auto& d) { ASSERT_EQ(symlink("ok.txt", (d / "link").c_str()), 0); });
  expect("tree.file-type", "link", [](const auto& d) { ASSERT_EQ(symlink("/etc", (d / "link").c_str()), 0); });
  expect("tree.file-type", "dangling",
         [](const auto& d) { ASSERT_EQ(symlink("nowhere", (d / "dangling").c_str()), 0); });
  expect("tree.file-type", "pipe", [](const auto& d) { ASSERT_EQ(mkfifo((d / "pipe").c_str(), 0600), 0); });
  expect("tree.hard-link", "twin",
         [](const auto& d) { ASSERT_EQ(link((d / "ok.txt").c_str(), (d / "ok.twin").c_str()), 0); });
  expect("tree.special-bits", "program", [](const auto& d) {
    d.Write("program", "x");
    ASSERT_EQ(chmod((d / "program").c_str(), 04755), 0);
  });
  expect("tree.special-bits", "sticky", [](const auto& d) {
    d.Write("sticky/x", "x");
    ASSERT_EQ(chmod((d / "sticky").c_str(), 01755), 0);
  });
  expect("tree.file-type", "socket", [](const auto& d) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (d / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
  });
  if (geteuid() == 0) {
    expect("tree.file-type", "null", [](const auto& d) {
      if (mknod((d / "null").c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) {
        ASSERT_EQ(symlink("x", (d / "null").c_str()), 0);  // no CAP_MKNOD in this container
      }
    });
  }
}

TEST(TreeReader, NamesThatPathsMayNotHaveAreRefused) {
  const auto rule = [](const std::string& name) {
    const TemporaryDirectory directory;
    directory.Write(name, "x");
    return RuleOf(Read(directory));
  };
  EXPECT_EQ(rule("a\nb"), "path.character");
  EXPECT_EQ(rule("a\xff"), "path.utf8");
  EXPECT_EQ(rule("a\\b"), "path.backslash");
  EXPECT_EQ(rule(".git/objects/ab/cdef"), "path.version-control");
  EXPECT_EQ(rule("sub/.git"), "path.version-control");  // a submodule's file
  const TemporaryDirectory twins;
  twins.Write("Readme", "1");
  twins.Write("README", "2");
  EXPECT_EQ(RuleOf(Read(twins)), "path.twins");
}

TEST(TreeReader, ALinkAsTheTreeItselfIsRefused) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "real");
  ASSERT_EQ(symlink("real", (directory / "link").c_str()), 0);
  EXPECT_EQ(RuleOf(ReadTree(directory / "link", TreeLimits{}, Hash)), "tree.not-a-directory");
  EXPECT_EQ(RuleOf(ReadTree(directory / "absent", TreeLimits{}, Hash)), "tree.missing");
  EXPECT_EQ(RuleOf(ReadTree(directory / "real", TreeLimits{}, Hash)), "ok");
}

TEST(TreeReader, LimitsHoldBeforeAnythingIsRead) {
  const TemporaryDirectory directory;
  // A sparse terabyte: reading or allocating it would take the machine down.
  const int fd = open((directory / "sparse").c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_EQ(ftruncate(fd, off_t{1} << 40), 0);
  close(fd);
  EXPECT_EQ(RuleOf(Read(directory)), "tree.limit");

  const TemporaryDirectory small;
  small.Write("a", "12345");
  small.Write("d/b", "12345");
  EXPECT_EQ(RuleOf(Read(small, {.files_max = 2, .directories_max = 2, .bytes_max = 10, .file_bytes_max = 5})), "ok");
  EXPECT_EQ(RuleOf(Read(small, {.files_max = 1})), "tree.limit");
  EXPECT_EQ(RuleOf(Read(small, {.directories_max = 1})), "tree.limit");
  EXPECT_EQ(RuleOf(Read(small, {.bytes_max = 9})), "tree.limit");
  EXPECT_EQ(RuleOf(Read(small, {.file_bytes_max = 4})), "tree.limit");
}

TEST(TreeReader, TenThousandDirectoriesDeepEndsAtTheLimit) {
  const TemporaryDirectory directory(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp");  // faster in memory
  int fd = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(mkdirat(fd, "d", 0700), 0);
    const int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
    close(fd);
    fd = next;
  }
  close(fd);
  EXPECT_EQ(RuleOf(Read(directory)), "path.too-deep");
  EXPECT_EQ(std::system(("rm -rf " + directory.path()).c_str()), 0);  // deeper than std::filesystem can remove
}

TEST(TreeReader, AFileThatChangesWhileItIsReadIsRefused) {
  const TemporaryDirectory directory;
  directory.Write("a", "first");
  directory.Write("b", "second");
  // The sink runs between the directory's first and last status, and after the file's: it changes what is to come.
  const Result<Manifest> added =
      ReadTree(directory.path(), TreeLimits{}, [&](const std::string& path, std::string_view bytes) {
        if (path == "a") directory.Write("late", "x");
        return Hash(path, bytes);
      });
  EXPECT_EQ(RuleOf(added), "tree.changed");
}

TEST(TreeReader, AWriterInFullSwingNeverYieldsAMixture) {
  const TemporaryDirectory directory;
  const std::string one(1 << 20, '1'), two(1 << 20, '2');
  directory.Write("f", one);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (bool flip = true; !stop; flip = !flip) {
      const int fd = open((directory / "f").c_str(), O_WRONLY);
      for (size_t at = 0; at < one.size(); at += 4'096) {
        const std::string& from = flip ? two : one;
        if (pwrite(fd, from.data() + at, 4'096, static_cast<off_t>(at)) < 0) break;
      }
      close(fd);
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  });
  int refused = 0, read = 0;
  for (int i = 0; i < 60; ++i) {
    std::string seen;
    const Result<Manifest> manifest =
        ReadTree(directory.path(), TreeLimits{}, [&](const std::string& path, std::string_view bytes) {
          seen = bytes;
          return Hash(path, bytes);
        });
    if (!manifest.ok()) {
      EXPECT_EQ(RuleOf(manifest), "tree.changed");
      ++refused;
      continue;
    }
    ++read;
    // What was accepted is what the manifest says, whatever the writer did.
    EXPECT_EQ(manifest->files[0].digest, crypto::Sha256(seen));
  }
  stop = true;
  writer.join();
  EXPECT_GT(refused, 0) << "the writer was never noticed in " << read << " reads";
}

TEST(TreeReader, AnUnreadableFileIsAnErrorOfTheMachine) {
  const TemporaryDirectory directory;
  directory.Write("secret", "x");
  chmod((directory / "secret").c_str(), 0);
  chmod(directory.path().c_str(), 0755);
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65'534) != 0) _exit(2);  // root reads everything
    const Result<Manifest> manifest = Read(directory);
    _exit(!manifest.ok() && manifest.error().rule == "tree.unreadable" && manifest.error().code == ErrorCode::kSystem
              ? 0
              : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace pawl::subject
