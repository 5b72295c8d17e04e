// What a scorer in Python is made of: the files of the charter that its command reaches by import, and what these
// import from elsewhere. A module that a change of the subject supplies may not be among them, or one change could move
// the score and what is scored.
//
//   Result<ScorerImports> imports = ReadScorerImports(charter, charter.charter.evaluation.command);
//   for (const ScorerImport& import : imports->outside) if (SuppliesModule("lib/metrics.py", import.module)) …
//
// Imports are read from the text (import a.b, from a import b, relative ones; after ';' and ':' as well), without
// running it. What a program computes at run time cannot be seen that way: lines that may bring in code by other means
// (sys.path, importlib, exec, pickle, subprocess …) are listed for a person, and stand in no verdict.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::oversight {

struct ScorerImport {
  std::string module;  // dotted, as imported
  std::string file;    // of the charter
  size_t line = 0;     // from 1
};

// A line that may bring in code from elsewhere.
struct ScorerReach {
  std::string word;  // "sys.path"
  std::string file;
  size_t line = 0;
};

struct ScorerImports {
  std::vector<std::string> files;     // of the charter, in the order in which they were reached
  std::vector<ScorerImport> outside;  // that no file of the charter answers: of the system, it is hoped
  std::vector<ScorerReach> reaches;
};

// Begins at the words of the command that are files of the charter, and at its -m modules. Files that are no Python are
// listed and not looked into. Errors are those of reading.
Result<ScorerImports> ReadScorerImports(const charter::CharterFiles& charter, const std::vector<std::string>& command);

// Whether a file at that path could answer `import module`, wherever in the tree a search path begins.
bool SuppliesModule(std::string_view path, std::string_view module);

}  // namespace pawl::oversight
