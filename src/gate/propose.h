// How a proposal begins: something is frozen and put on the ledger. Everything after that is Decide's (decide.h).
//
// Thread safety: the gate's.
#pragma once

#include <string>

#include "gate/gate.h"

namespace pawl::gate {

// Copies the directory into the store, computes manifest and diff, and logs the proposal. Returns its name. Refused
// (rules "tree.…", "path.…", "home.inside-subject") for a directory that cannot be a tree: then there is no proposal.
Result<std::string> ProposeTree(Gate& gate, const std::string& directory, const std::string& note);

// Back to a tree that was live before.
Result<std::string> ProposeRollback(Gate& gate, const crypto::Digest& tree, const std::string& note);

// A new charter directory in the place of the present one.
Result<std::string> ProposeAmendment(Gate& gate, const std::string& directory, const std::string& note);

}  // namespace pawl::gate
