// One way to say that a system call failed.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include "result/result.h"

namespace pawl::sandbox {

// "Permission denied", without strerror's shared buffer.
inline std::string ErrorText(int error_number) { return std::generic_category().message(error_number); }

// kSystem, rule `rule`, message "<what>: <text of errno>".
inline Error SystemCallFailed(std::string rule, const std::string& what, std::string advice = {},
                              int error_number = errno) {
  return SystemFailure(std::move(rule), what + ": " + ErrorText(error_number), std::move(advice));
}

}  // namespace pawl::sandbox
