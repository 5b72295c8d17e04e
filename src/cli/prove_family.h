// pawl prove --charter: all properties of a charter's networks, of one candidate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"

namespace pawl::cli {

struct FamilyOptions {
  std::string charter, candidate;            // folders
  std::string baseline;                      // folder of the first release, for proofs of drift; empty: none
  std::string certificates, parents;         // folders of files NAME.cert; empty: none
  std::optional<std::string> weight_radius;  // as of pawl prove
  std::optional<double> timeout_s;           // for each property; none: the charter's
  unsigned threads = 2;
  uint64_t memory_mib = 4096;
};

// One line a property, or with --json one object in all. The exit status is the worst of them.
ExitCode ProveFamily(const Globals& globals, const FamilyOptions& options);

}  // namespace pawl::cli
