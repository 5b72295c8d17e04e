// The live release, checked again: what `pawl current`, `pawl exec` and the loaders for C and Python stand on.
//
//   Result<LiveRelease> live = VerifyLiveRelease(place);
//   Result<std::string> bytes = ReadLiveFile(*live, "policy.onnx");      // hashed as it is handed over
//
// Thread safety: reads files; no shared state.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "subject/store.h"
#include "warrant/state.h"

namespace pawl::cli {

struct LiveRelease {
  subject::Store store;
  warrant::State state;
  subject::Manifest manifest;
  std::vector<std::string> warnings;
};

// Checks the live release's warrant again (Purpose::kRestart) against the loader's state, the halts that were delivered
// here, and the bytes in the store. Needs no ledger and no network. Rules are those of spec/warrant.md;
// "current.nothing" where nothing is live yet.
Result<LiveRelease> VerifyLiveRelease(const Place& place);

// For the moment before a start, under a StartLock: an error where a halt is in force now, and kPending
// "exec.overtaken" where another release than `live` is.
Result<void> LookAgain(const Place& place, const LiveRelease& live);

// The verified bytes of one file of it.
Result<std::string> ReadLiveFile(const LiveRelease& live, const std::string& path);

}  // namespace pawl::cli
