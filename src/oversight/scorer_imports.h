// What a scorer in Python is made of: the files of the charter that its command reaches by import, and what these
// import from elsewhere. A module that a change of the subject supplies may not be among them, or one change could move
// the score and what is scored.
//
//   Result<ScorerImports> imports = ReadScorerImports(charter, charter.charter.evaluation.command);
//   if (imports->widened && IsPythonCode("lib/metrics.py")) …
//   for (const ScorerImport& import : imports->outside) if (SuppliesModule("lib/metrics.py", import.module)) …
//
// Python looks for a module in the folder of the script that it was told to run ("" for -m and -c), then among the
// system's; the subject's folders are not among them. So two rules are enough:
// - As long as nothing widens the search, a module is the charter's if the script's folder has it, and the system's
//   otherwise. What the charter does not surely have is listed (`outside`), should the system not have it either.
// - Where something may widen it (sys.path and its like, a program that is not the charter's, a shell that starts
//   Python), no name is safe: a module of the system may ask for one that nobody thinks of. Then any code is an answer.
//
// Imports are read from the text (python_imports.h), without running it. What a program computes at run time cannot be
// seen that way: lines that may bring in code by other means (importlib, exec, pickle, subprocess …) are listed for a
// person, and stand in no verdict; where one starts code by name, every Python file of the charter counts as reached.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::oversight {

struct ScorerImport {
  std::string module;  // dotted, as imported
  std::string file;    // of the charter; "the command" for the text behind -c
  size_t line = 0;     // from 1
};

// A line that may bring in code from elsewhere.
struct ScorerReach {
  std::string word;  // "sys.path"
  std::string file;  // of the charter, or "the command"
  size_t line = 0;

  std::string Text() const;  // "evaluate.py:3 has sys.path"
};

struct ScorerImports {
  std::vector<std::string> files;      // of the charter, in the order in which they were reached
  std::vector<ScorerImport> outside;   // that no file of the charter surely answers: of the system, it is hoped
  std::optional<ScorerReach> widened;  // the first by which modules may be looked for in the subject's folders
  std::vector<ScorerReach> reaches;    // that one as well
  std::string unread;                  // the program, where it is not Python: what it starts is not followed
};

// The command as [evaluation] has it: an interpreter of Python with options and a file of the charter, -m or -c, or a
// program of another kind. Errors are those of reading; a file of Python that has over 4 MiB is one.
Result<ScorerImports> ReadScorerImports(const charter::CharterFiles& charter, const std::vector<std::string>& command);

// Whether Python could take code from a file at that path: *.py, *.pyc, *.so, *.pth, an archive of modules …
bool IsPythonCode(std::string_view path);

// Whether it could answer `import module`, wherever in the tree a search path begins.
bool SuppliesModule(std::string_view path, std::string_view module);

}  // namespace pawl::oversight
