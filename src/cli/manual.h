// Manual pages and the whole help text, made from the command line's own description: what `pawl COMMAND --help` prints
// and what `man pawl-COMMAND` shows cannot differ.
//
//   for (const ManualPage& page : ManualPages(app)) Write(page.file, page.roff);    // pawl.1, pawl-charter-new.1, …
//
// Thread safety: pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace pawl::cli {

struct ManualPage {
  std::string file;  // "pawl-charter-new.1"
  std::string roff;  // for man(7)
};

// One page for the program and one for each command, outermost first.
std::vector<ManualPage> ManualPages(const CLI::App& app);

// The help text of the program and of every command, one after the other.
std::string WholeHelp(const CLI::App& app);

}  // namespace pawl::cli
