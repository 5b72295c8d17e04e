// Which build this is: for --version, logs and reports of faults. Programs that use it link pawl_build.
#pragma once

namespace pawl {

extern const char kVersion[];  // "0.1.0"
extern const char kCommit[];   // as git describes it when the program is built, "-dirty" where files were changed since

// Of what the trusted programs read.
inline constexpr char kFormats[] = "charter, warrant, state and ledger formats 1, certificate format 2";

}  // namespace pawl
