// Tiny hostile programs. Each tries one thing; the tests run it outside the sandbox, where it has to succeed, and then
// inside, where it must not.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace probes {

using Arguments = std::vector<std::string>;

// The exit statuses of a probe.
constexpr int kSucceeded = 0;  // it did what it should not be able to do
constexpr int kPrevented = 1;  // it was refused
constexpr int kNotThere = 3;   // this kernel does not have what it needs
constexpr int kUsage = 2;

struct Probe {
  const char* name;
  int (*run)(const Arguments&);
};

// kSucceeded, or kPrevented with the reason on standard output; a kernel without the feature is kNotThere.
inline int Judge(bool succeeded) {
  if (succeeded) return kSucceeded;
  const int error_number = errno;
  std::printf("%s\n", std::strerror(error_number));
  const bool not_there = error_number == EAFNOSUPPORT || error_number == ENOSYS || error_number == ENODEV ||
                         error_number == EPROTONOSUPPORT || error_number == ENXIO;
  return not_there ? kNotThere : kPrevented;
}

// For calls that the kernel answers with one of these only after it has let the caller pass.
inline bool Passed(long result, std::initializer_list<int> errors) {
  if (result >= 0) return true;
  for (const int error_number : errors) {
    if (errno == error_number) return true;
  }
  return false;
}

std::vector<Probe> NetworkProbes();
std::vector<Probe> ProcessProbes();
std::vector<Probe> MemoryProbes();
std::vector<Probe> FileProbes();
std::vector<Probe> PrivilegeProbes();

}  // namespace probes
