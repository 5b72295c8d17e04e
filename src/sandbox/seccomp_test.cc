// The filter alone, in a child of the test that has every right it had before and no other layer: what this layer holds
// where the others would let it pass. Each call goes through before the filter is in force.
#include "sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace pawl::sandbox {
namespace {

bool Restrict(std::string program) {
  sock_fprog filter{static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                    reinterpret_cast<sock_filter*>(program.data())};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

// The call's error without the filter and with it; 0 where it succeeds, -1 where the child came to no end of its own.
struct Errors {
  int without, with;
};
Errors Try(const std::function<bool()>& call) {
  const std::string program = *SystemCallFilter();
  const auto error_of = [&](bool is_restricted) {
    const pid_t child = fork();
    if (child == 0) {
      if (is_restricted && !Restrict(program)) _exit(254);
      errno = 0;
      _exit(call() ? 0 : errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  return {error_of(false), error_of(true)};
}

void ExpectRefused(const char* what, int error, const std::function<bool()>& call) {
  const Errors errors = Try(call);
  EXPECT_EQ(errors.without, 0) << what << " shows nothing";
  EXPECT_EQ(errors.with, error) << what;
}

TEST(SystemCallFilter, TerminalsTakeNoCommands) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  winsize size{};
  const auto ask = [&](unsigned long request) {
    return [&, request] { return syscall(SYS_ioctl, terminal, request, &size) == 0; };
  };
  ExpectRefused("TIOCGWINSZ", ENOSYS, ask(TIOCGWINSZ));
  ExpectRefused("TIOCGWINSZ with high bits", ENOSYS, ask(TIOCGWINSZ | (1UL << 32)));
  if (geteuid() == 0) ExpectRefused("TIOCSTI", ENOSYS, ask(TIOCSTI));
  // There is no virtual console to try TIOCLINUX on, nor TIOCSTI as a user where the kernel has switched it off: the
  // filter has one rule for all that are not listed.
  for (const unsigned long request : {TIOCSTI + 0UL, TIOCLINUX + 0UL, TIOCSTI | (1UL << 32), TIOCLINUX | (1UL << 63)}) {
    EXPECT_EQ(Try(ask(request)).with, ENOSYS) << request;
  }
  close(terminal);
}

// What is listed goes on: without these no program can wait for a pipe or keep a descriptor from its children.
TEST(SystemCallFilter, ListedCommandsOfDescriptorsWork) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "abc", 3), 3);
  for (const unsigned long request : {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX}) {
    const Errors errors = Try([&] {
      int value = 1;
      return syscall(SYS_ioctl, ends[0], request, &value) == 0 && (request != FIONREAD || value == 3);
    });
    EXPECT_EQ(errors.without, 0) << request;
    EXPECT_EQ(errors.with, 0) << request;
  }
  // On a terminal this one succeeds, elsewhere the kernel says that there is none.
  char settings[128];
  EXPECT_EQ(Try([&] { return syscall(SYS_ioctl, ends[0], TCGETS, settings) == 0; }).with, ENOTTY);
}

TEST(SystemCallFilter, NoSocketButThoseOfThisMachineAlone) {
  for (const int family : {AF_INET, AF_INET6, AF_NETLINK}) {
    const auto open_one = [family] { return socket(family, SOCK_DGRAM, 0) >= 0; };
    if (Try(open_one).without == EAFNOSUPPORT) continue;  // a machine without IPv6
    ExpectRefused("a socket", EAFNOSUPPORT, open_one);
  }
  EXPECT_EQ(Try([] { return socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0; }).with, EAFNOSUPPORT);
  EXPECT_EQ(Try([] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }).with, 0);
}

TEST(SystemCallFilter, NoNamespaces) {
  ExpectRefused("unshare", EPERM, [] { return unshare(geteuid() == 0 ? CLONE_NEWUTS : CLONE_NEWUSER) == 0; });
  const auto clone_with = [](unsigned long flags) {
    return [flags] {
      const long child = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
      if (child == 0) _exit(0);
      return child > 0 && waitpid(static_cast<pid_t>(child), nullptr, 0) == child;
    };
  };
  EXPECT_EQ(Try(clone_with(0)).with, 0);
  for (const int flags : {CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWPID}) {
    EXPECT_NE(Try(clone_with(static_cast<unsigned long>(flags))).with, 0) << flags;
  }
}

TEST(SystemCallFilter, WhatOnlyPrivilegedProgramsNeedIsForbidden) {
  ExpectRefused("notification", EPERM, [] { return syscall(SYS_inotify_init1, 0) >= 0; });
}

}  // namespace
}  // namespace pawl::sandbox
