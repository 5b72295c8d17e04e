#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

namespace probes {
namespace {

constexpr std::size_t kMebibyte = 1 << 20;

bool TouchMebibytes(std::size_t count) {
  const std::size_t size = count * kMebibyte;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  for (std::size_t i = 0; i < size; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
  return true;
}

int Touch(const Arguments& arguments) { return Judge(TouchMebibytes(std::stoul(arguments.at(0)))); }

// argument 0: children; 1: mebibytes for each. They hold the memory until all have it.
int TouchInChildren(const Arguments& arguments) {
  const int children = std::stoi(arguments.at(0));
  int ready[2];
  setpgid(0, 0);  // what it kills at the end is its own; it may be the leader of a session already
  if (pipe(ready) != 0) return kUsage;
  for (int i = 0; i < children; ++i) {
    if (fork() == 0) {
      if (TouchMebibytes(std::stoul(arguments.at(1))) && write(ready[1], "y", 1) == 1) pause();
      _exit(1);
    }
  }
  close(ready[1]);
  char byte;
  int have = 0;
  while (have < children && read(ready[0], &byte, 1) == 1) ++have;
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  errno = ENOMEM;
  return Judge(have == children);
}

int MemoryFiles(const Arguments& arguments) {
  static const std::vector<char> mebibyte(kMebibyte, 'x');
  const int file = memfd_create("hoard", 0);
  for (unsigned long i = std::stoul(arguments.at(0)); i > 0; --i) {
    if (write(file, mebibyte.data(), mebibyte.size()) != static_cast<ssize_t>(mebibyte.size())) return Judge(false);
  }
  return kSucceeded;
}

// Fills as many socket pairs as it may open; argument 0: mebibytes that make a success.
int SocketBuffers(const Arguments& arguments) {
  static const std::vector<char> block(64 << 10, 'x');
  std::size_t total = 0;
  const std::size_t wanted = std::stoul(arguments.at(0)) * kMebibyte;
  int ends[2];
  while (total < wanted && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0) {
    for (ssize_t sent; total < wanted && (sent = send(ends[0], block.data(), block.size(), 0)) > 0;) {
      total += static_cast<std::size_t>(sent);
    }
  }
  return Judge(total >= wanted);
}

// Likewise pipes.
int PipeBuffers(const Arguments& arguments) {
  static const std::vector<char> block(64 << 10, 'x');
  std::size_t total = 0;
  const std::size_t wanted = std::stoul(arguments.at(0)) * kMebibyte;
  int ends[2];
  while (total < wanted && pipe2(ends, O_NONBLOCK) == 0) {
    const ssize_t sent = write(ends[1], block.data(), block.size());
    if (sent > 0) total += static_cast<std::size_t>(sent);
  }
  return Judge(total >= wanted);
}

int LockMemory(const Arguments&) {
  void* memory = mmap(nullptr, kMebibyte, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return Judge(memory != MAP_FAILED && mlock(memory, kMebibyte) == 0);
}

int HugePages(const Arguments&) { return Judge(memfd_create("huge", MFD_HUGETLB) >= 0); }

// argument 0: path; 1: mebibytes.
int FillFile(const Arguments& arguments) {
  static const std::vector<char> mebibyte(kMebibyte, 'x');
  const int file = open(arguments.at(0).c_str(), O_WRONLY | O_CREAT, 0644);
  if (file < 0) return Judge(false);
  for (unsigned long i = std::stoul(arguments.at(1)); i > 0; --i) {
    if (write(file, mebibyte.data(), mebibyte.size()) != static_cast<ssize_t>(mebibyte.size())) return Judge(false);
  }
  return kSucceeded;
}

int ManyFiles(const Arguments& arguments) {
  for (int i = std::stoi(arguments.at(1)); i > 0; --i) {
    const std::string path = arguments.at(0) + "/" + std::to_string(i);
    const int file = open(path.c_str(), O_WRONLY | O_CREAT, 0644);
    if (file < 0) return Judge(false);
    close(file);
  }
  return kSucceeded;
}

int DeepDirectories(const Arguments& arguments) {
  if (chdir(arguments.at(0).c_str()) != 0) return kUsage;
  for (int i = std::stoi(arguments.at(1)); i > 0; --i) {
    if (mkdir("d", 0755) != 0 || chdir("d") != 0) return Judge(false);
  }
  return kSucceeded;
}

int SparseFile(const Arguments& arguments) {
  signal(SIGXFSZ, SIG_IGN);
  const int file = open(arguments.at(0).c_str(), O_WRONLY | O_CREAT, 0644);
  return Judge(file >= 0 && ftruncate(file, off_t{1} << 40) == 0);
}

int Flood(const Arguments& arguments) {
  static const std::vector<char> block(64 << 10, '\0');
  for (unsigned long i = std::stoul(arguments.at(0)) * 16; i > 0; --i) {
    if (write(std::stoi(arguments.at(1)), block.data(), block.size()) <= 0) return kPrevented;
  }
  return kSucceeded;
}

}  // namespace

std::vector<Probe> MemoryProbes() {
  return {{"touch", Touch},
          {"touch-children", TouchInChildren},
          {"memory-files", MemoryFiles},
          {"socket-buffers", SocketBuffers},
          {"pipe-buffers", PipeBuffers},
          {"mlock", LockMemory},
          {"huge-pages", HugePages},
          {"fill", FillFile},
          {"many-files", ManyFiles},
          {"deep", DeepDirectories},
          {"sparse", SparseFile},
          {"flood", Flood}};
}

}  // namespace probes
