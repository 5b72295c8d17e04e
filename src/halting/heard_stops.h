// Halts and resumes that witnesses keep, brought to a loader without gate or ledger.
//
//   const notices::Heard heard = notices::AskForStops(ground.charter, post);
//   Result<std::vector<std::string>> news = DeliverHeard(state_path, ground.charter, heard);      // lines for people
//
// Thread safety: reads and writes files; no shared state.
#pragma once

#include <string>
#include <vector>

#include "charter/charter.h"
#include "notices/heard.h"
#include "result/result.h"

namespace pawl::halting {

// Puts the halts that the loader does not know into its folder, and the resumes that lift what is in force there. A
// halt that a resume among them lifts, or that the loader knows to be lifted, is left out: a witness cannot bring it
// back. What is heard was verified under the loader's charter (heard.h), so that nothing unreadable gets there. Errors
// as the loader's state and its folder of halts are read and written.
Result<std::vector<std::string>> DeliverHeard(const std::string& state_path, const charter::Charter& charter,
                                              const notices::Heard& heard);

}  // namespace pawl::halting
