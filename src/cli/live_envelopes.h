// What an improver has to know to stay inside the envelopes that prove the live release.
//
//   Result<bool> written = WriteLiveEnvelopes(gate, folder);     // false: a step from here needs a search
//
// The folder then has envelopes.json, a list with an object for each property of a network,
//   {"property": NAME, "network": PATH, "centre": FILE, "radii": {TENSOR: RADIUS}}
// and the centres' files. A candidate whose network differs from every centre by its radii at most, in these tensors
// alone and byte for byte nowhere else, is proven by the certificates that there are.
//
// Thread safety: one thread.
#pragma once

#include <string>

#include "gate/gate.h"
#include "result/result.h"

namespace pawl::cli {

// False, and nothing is written, where the charter has no [envelope], a property's certificate has no radius, or the
// charter lets it prove no further release. Errors are those of the store and of writing files.
Result<bool> WriteLiveEnvelopes(gate::Gate& gate, const std::string& folder);

}  // namespace pawl::cli
