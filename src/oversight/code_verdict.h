// What a checker of others, or the SMT solvers, came to. Thread safety: a value.
#pragma once

#include <string>

#include "weakening/weakening.h"

namespace pawl::oversight {

struct CodeVerdict {
  bool holds = false;
  std::string words;  // one line: what was run, and what it came to; a counterexample where there is one
  weakening::Weakenings weaker_guarantees;  // what this machine's sandbox could not promise, and the charter accepts
};

}  // namespace pawl::oversight
