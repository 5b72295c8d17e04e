// What makes a charter that parses unfit to protect anything. Private to this module; spec/charter.md lists the rules.
//
// Thread safety: pure functions.
#pragma once

#include "charter/program_rules.h"

namespace pawl::charter {

// Reads the files that the charter names: they are there, and they are what they are said to be. Fills
// approval.signers.
Result<void> ReadNamedFiles(const subject::Manifest& manifest, const subject::BlobReader& read, Charter& charter);

// Refuses a charter that defeats itself. Requires ReadNamedFiles.
Result<void> CheckProtects(const subject::Manifest& manifest, const Charter& charter,
                           const std::vector<CodeProperty>& code);

}  // namespace pawl::charter
