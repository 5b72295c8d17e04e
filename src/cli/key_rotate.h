// pawl key rotate, as `pawl key` lists it.
// Thread safety: one thread.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

inline constexpr char kTokenHelp[] =
    "RFC 7512 URI of an Ed25519 key in a PKCS#11 token: token=, object=, and behind '?' module-path= and pin-source=";

void AddKeyRotate(CLI::App& parent, Globals& globals);

}  // namespace pawl::cli
