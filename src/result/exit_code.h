// The process exit status of every command: the one place that maps outcomes to numbers.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <iterator>

#include "result/result.h"

namespace pawl {

enum class ExitCode : int {
  kYes = 0,        // accepted, proven, valid
  kNo = 1,         // violated, rejected, refused, outside-charter: the word is in the output
  kUsage = 2,      // the command line makes no sense
  kMalformed = 3,  // an input file is not what it claims to be
  kLimit = 4,      // limit, time-out or unknown
  kInternal = 5,   // internal or set-up error
  kPending = 6,    // waits for somebody
};

inline ExitCode ExitCodeFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
    case ErrorCode::kNotFound:
      return ExitCode::kUsage;
    case ErrorCode::kMalformed:
      return ExitCode::kMalformed;
    case ErrorCode::kLimit:
    case ErrorCode::kUnknown:
      return ExitCode::kLimit;
    case ErrorCode::kRefused:
      return ExitCode::kNo;
    case ErrorCode::kPending:
      return ExitCode::kPending;
    case ErrorCode::kSystem:
    case ErrorCode::kInternal:
      return ExitCode::kInternal;
  }
  return ExitCode::kInternal;
}

// The status of a batch: the worst of its parts in the order 5, 3, 1, 4, 6, 0. A usage error ends a batch before it
// starts, so it ranks above all.
inline ExitCode Worst(ExitCode a, ExitCode b) {
  constexpr ExitCode kOrder[] = {ExitCode::kUsage, ExitCode::kInternal, ExitCode::kMalformed, ExitCode::kNo,
                                 ExitCode::kLimit, ExitCode::kPending,  ExitCode::kYes};
  const auto rank = [&](ExitCode code) { return std::find(std::begin(kOrder), std::end(kOrder), code); };
  return rank(a) < rank(b) ? a : b;
}

}  // namespace pawl
