#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include "probe.h"

extern char** environ;

namespace probes {
namespace {

// argument 0: kind; 1: directory. Leaves something there that is not a plain file.
int Leave(const Arguments& arguments) {
  const std::string& kind = arguments.at(0);
  const std::string path = arguments.at(1) + "/left";
  if (kind == "symlink") return Judge(symlink("/etc/shadow", path.c_str()) == 0);
  if (kind == "directory-symlink") return Judge(symlink("/etc", path.c_str()) == 0);
  if (kind == "fifo") return Judge(mkfifo(path.c_str(), 0644) == 0);
  if (kind == "unreadable") return Judge(close(open(path.c_str(), O_WRONLY | O_CREAT, 0)) == 0);
  if (kind == "device") return Judge(mknod(path.c_str(), S_IFCHR | 0666, 0x103) == 0);
  if (kind == "newline") return Judge(close(creat((path + "\nof").c_str(), 0644)) == 0);
  if (kind == "bad-utf8") return Judge(close(creat((path + "\xff").c_str(), 0644)) == 0);
  if (kind == "escape") return Judge(close(creat((path + "\x1b[2J").c_str(), 0644)) == 0);
  if (kind == "hard-link") {
    return Judge(close(creat(path.c_str(), 0644)) == 0 && link(path.c_str(), (path + "2").c_str()) == 0);
  }
  if (kind == "socket") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    return Judge(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  return kUsage;
}

int OpenForWriting(const Arguments& arguments) { return Judge(open(arguments.at(0).c_str(), O_WRONLY) >= 0); }

int OpenForReading(const Arguments& arguments) {
  return Judge(open(arguments.at(0).c_str(), O_RDONLY | O_NONBLOCK) >= 0);
}

int ReopenForWriting(const Arguments& arguments) {
  const int reader = open(arguments.at(0).c_str(), O_RDONLY);
  const std::string again = "/proc/self/fd/" + std::to_string(reader);
  return Judge(open(again.c_str(), O_WRONLY) >= 0);
}

int ChangeMode(const Arguments& arguments) { return Judge(chmod(arguments.at(0).c_str(), 0777) == 0); }

int Remove(const Arguments& arguments) { return Judge(rename(arguments.at(0).c_str(), "/tmp/moved") == 0); }

// Any directory among the inherited descriptors from which the host's files can be reached?
int LeakedDirectory(const Arguments&) {
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    if (openat(descriptor, "etc/passwd", O_RDONLY) >= 0) return kSucceeded;
  }
  return Judge(false);
}

// Any descriptor beyond the standard streams that can be written to?
int WriteToInherited(const Arguments&) {
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    if (write(descriptor, "{\"accepted\":true}", 17) > 0) return kSucceeded;
  }
  return Judge(false);
}

int Secret(const Arguments& arguments) {
  std::puts("looking");
  return std::getenv(arguments.at(0).c_str()) != nullptr ? kSucceeded : kPrevented;
}

int Lock(const Arguments& arguments) {
  const int file = open(arguments.at(0).c_str(), O_RDONLY);
  return Judge(file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0);
}

// Everything about a run that must not differ between two runs.
int Describe(const Arguments&) {
  int on_stack = 0;
  std::printf("%p %p %p\n", static_cast<void*>(&on_stack), reinterpret_cast<void*>(&Describe), std::malloc(100));
  std::printf("%d %d %d %d\n", getpid(), getppid(), getuid(), getgid());
  char host_name[64] = {}, directory[256] = {};
  gethostname(host_name, sizeof host_name);
  std::printf("%s %s\n", host_name, getcwd(directory, sizeof directory));
  for (char** entry = environ; *entry != nullptr; ++entry) std::puts(*entry);
  return 0;
}

}  // namespace

std::vector<Probe> FileProbes() {
  return {{"leave", Leave},
          {"open-write", OpenForWriting},
          {"open-read", OpenForReading},
          {"reopen", ReopenForWriting},
          {"chmod", ChangeMode},
          {"move", Remove},
          {"leaked-directory", LeakedDirectory},
          {"write-inherited", WriteToInherited},
          {"secret", Secret},
          {"lock", Lock},
          {"describe", Describe}};
}

}  // namespace probes
