// What a home has folded of logs whose gate works elsewhere, so that people who look, approve and halt there need not
// fold a long log for every command.
//
//   Result<OwnSnapshots> own = OwnSnapshots::Find(home);
//   if (own.ok()) Result<Snapshot> snapshot = own->Read("engine", read_charter);
//
// They lie in a folder of the home that nobody but its user may enter, with the key that signs them, which signs
// nothing else: who could forge one could do anything in this home. No back-up has them. May be deleted at any time.
//
// Thread safety: values; they read and write files.
#pragma once

#include <string>

#include "ledger/home.h"
#include "ledger/snapshot.h"
#include "result/result.h"
#include "signing/private_key.h"

namespace pawl::ledger {

class OwnSnapshots {
 public:
  // kNotFound where there are none yet; Refused "snapshot.folder" for a folder that is another user's or that others
  // may enter; the key's rules (signing/private_key.h).
  static Result<OwnSnapshots> Find(const Home& home);
  // As Find, and makes the folder, or a key where there is none that can be read. kPending "snapshot.busy" where
  // another process does so.
  static Result<OwnSnapshots> Make(const Home& home);

  // As ReadSnapshot. Nothing that another key has signed.
  Result<Snapshot> Read(const std::string& subject, audit::History::CharterReader read_charter) const;
  // As WriteSnapshot. kPending "snapshot.busy" where another process writes one.
  Result<void> Write(const Snapshot& snapshot) const;

  std::string Path(const std::string& subject) const { return folder_ + "/" + subject + ".snapshot"; }

 private:
  OwnSnapshots(std::string folder, signing::Ed25519PrivateKey key) : folder_(std::move(folder)), key_(std::move(key)) {}

  std::string folder_;
  signing::Ed25519PrivateKey key_;
};

}  // namespace pawl::ledger
