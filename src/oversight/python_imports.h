// The imports of a Python text, read from its words alone and never run.
//
//   for (const PythonImport& import : ReadPythonImports("import a.b as c\nfrom .d import (e,\n  f)\n")) …
//     → a.b, .d, .d.e, .d.f
//
// Read is whatever could begin a statement: at the start of a line, after ';' and after ':'. Strings and comments are
// not told apart from code, so words in them may be taken for imports; no import is overlooked for it, because every
// line is looked at on its own, whatever an earlier one seemed to open. Method: the grammar of the import statement in
// the Python Language Reference, section 7.11, with a byte-order mark, form feeds, and each of the three line ends.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::oversight {

struct PythonImport {
  std::string module;  // dotted, as imported: "a.b"; "a", then "a.b", of "from a import b"; "a.*"
  std::string alias;   // of "import a.b as c"; empty without one, and of "from"
  size_t line = 0;     // from 1
};

std::vector<PythonImport> ReadPythonImports(std::string_view text);

// Without a byte-order mark, and with '\n' for every line end, as Python reads it.
std::string WithPlainLines(std::string_view text);

}  // namespace pawl::oversight
