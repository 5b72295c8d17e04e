// The digest of what an evaluation runs on: interpreter, libraries, declared files, processor features.
//
//   Result<EvaluationEnvironment> environment = DescribeEnvironment({.command = {"python3", "evaluate.py"},
//                                                                    .charter_directory = charter_dir,
//                                                                    .closure =
//                                                                    {"/usr/lib/python3/dist-packages/numpy"}});
//   statement.environment = environment->digest;        // where it differs from the baseline's, the baseline is re-run
//
// Numbers differ between numpy builds and between processors, so two trials may be compared only where this digest is
// the same. It consists of
// - "program": the first words of command and subject_command, looked up as the sandbox does (in the charter directory
//   where it is a relative path, else in /usr/bin and /bin), symbolic links resolved, and a script's "#!" interpreter
//   (through env as well). A program inside the charter is left out, since the charter's own digest covers it, but not
//   its interpreter;
// - "library": the shared libraries that these programs, and every ELF file below the declared closure, need, in turn:
//   DT_NEEDED is read from the files (nothing is run, so no ldd), looked up in the file's RUNPATH/RPATH with $ORIGIN,
//   then in the loader's directories (/etc/ld.so.conf and its includes, /lib, /usr/lib and their multiarch
//   directories);
//   A library that is found nowhere is recorded as "missing" with the digest of its name;
// - "closure": every regular file below the paths that the charter declares, for what is loaded at run time and cannot
//   be seen from outside (an interpreter's modules and plug-ins); symbolic links inside are recorded by their text and
//   not followed;
// - "processor": architecture and the features that /proc/cpuinfo lists, sorted; numerical libraries choose their code
//   by these.
// Not covered, on purpose: the kernel, the amount of memory, the clock.
//
// Failure: kSystem ("environment.<reason>") where something is missing or unreadable; kLimit above 100,000 files or
// 8 GiB. Thread safety: reads the file system; no shared state.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::trial {

struct EnvironmentQuestion {
  std::vector<std::string> command;               // as in the charter
  std::filesystem::path charter_directory;        // where the command's relative paths start
  std::vector<std::filesystem::path> closure;     // absolute files and directories
  std::vector<std::string> subject_command = {};  // as in the charter; empty where the subject is no program
};

struct EnvironmentComponent {
  std::string kind;    // "program", "library", "closure", "processor"
  std::string name;    // resolved path; "cpu" for the processor
  std::string digest;  // "sha256:…" of the file's bytes, of the link's text, or of the processor's description
};

struct EvaluationEnvironment {
  std::string digest;       // "sha256:…" of `description`
  std::string description;  // canonical JSON: {"components":[{"digest","kind","name"}…],"version":1}
  std::vector<EnvironmentComponent> components;  // sorted by kind, then name
};

// The processor's description from the text of /proc/cpuinfo and the architecture's name: one "key=value" line each for
// architecture, vendor, family and model where listed, and the sorted features. kSystem ("environment.processor") where
// no features are listed.
Result<std::string> DescribeProcessor(std::string_view cpuinfo, std::string_view architecture);

Result<EvaluationEnvironment> DescribeEnvironment(const EnvironmentQuestion& question);

}  // namespace pawl::trial
