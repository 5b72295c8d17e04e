// Where the source tree stands, for tests that read specifications, documents and committed corpora.
//
//   ReadWholeFile(SourceDirectory() + "/spec/charter.md")
//
// A function and not a definition on the command line: objects of tests are then the same wherever the tree stands, and
// a compiler cache serves all of them.
#pragma once

#include <string>

namespace pawl {

std::string SourceDirectory();  // absolute, without a slash at its end

}  // namespace pawl
