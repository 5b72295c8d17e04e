// Where Pawl's state lives on this machine.
//
//   Result<Home> home = Home::Open(flag_or_empty, HomeAccess::kReadOnly);
//   home->LedgerPath("collision-avoidance")
//
// The folder is --home, else $PAWL_HOME, else ${XDG_STATE_HOME:-~/.local/state}/pawl:
//
//   schema.json                      {"version":2}; a newer one is refused, an older one migrates (home_migration.h)
//   store/                           content-addressed blobs and trees of all subjects (subject/store.h)
//   ledger/<subject>.sqlite          one log a subject
//   ledger/<subject>.url             or the PostgreSQL database that has it (place.h)
//   ledger/<subject>.snapshot        what the gate had folded, signed by it (snapshot.h); may be deleted at any time
//   ledger/snapshots/                the same where the gate is elsewhere, and its key, 0700 (own_snapshots.h)
//   keys/<name>/key.pem              one folder a key holder, 0700; the key 0600
//   reviewers/<name>/                what a reviewer remembers, 0700: auditors the log as they have seen it
//   witnesses/<name>/                what a witness remembers of each log that it follows (witness/witness.h)
//   loader/<subject>/state.json      the loader's memory, unless --state names another place
//   loader/<subject>/warrants/       <epoch>.json
//   backups/                         what was copied before a migration
//
// Thread safety: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ledger/place.h"
#include "result/result.h"

namespace pawl::ledger {

inline constexpr int64_t kHomeVersion = 2;

enum class HomeAccess {
  kExisting,  // "home.missing" where there is none
  kCreate,    // made where it is missing, 0700
};

class Home {
 public:
  // `flag` is the value of --home, or empty. Refused "home.schema" for a newer schema. An older home is migrated first.
  static Result<Home> Open(const std::string& flag, HomeAccess access);

  // Where a home is or would be: the flag, else the environment. Absolute; looks at no file.
  static std::string Place(const std::string& flag);

  // Refuses ("home.inside-subject") a home that lies inside `directory`, and a directory that lies inside the home's
  // own parts: a subject that could write there could write its own permission.
  Result<void> RequireOutside(const std::string& directory) const;

  const std::string& root() const { return root_; }
  std::string StorePath() const { return root_ + "/store"; }
  std::string LedgerPath(std::string_view subject) const {
    return root_ + "/ledger/" + std::string(subject) + ".sqlite";
  }
  // Where its log is: LedgerPath, or the database that the home remembers.
  Result<LedgerPlace> PlaceOfLedger(std::string_view subject) const {
    return FindLedgerPlace(root_ + "/ledger", subject);
  }
  std::string SnapshotPath(std::string_view subject) const {
    return root_ + "/ledger/" + std::string(subject) + ".snapshot";
  }
  std::string OwnSnapshotFolder() const { return root_ + "/ledger/snapshots"; }
  std::string KeyFolder(std::string_view name) const { return root_ + "/keys/" + std::string(name); }
  std::string KeyPath(std::string_view name) const { return KeyFolder(name) + "/key.pem"; }
  std::string ReviewerFolder(std::string_view name) const { return root_ + "/reviewers/" + std::string(name); }
  std::string WitnessFolder(std::string_view name) const { return root_ + "/witnesses/" + std::string(name); }
  std::string LoaderFolder(std::string_view subject) const { return root_ + "/loader/" + std::string(subject); }
  std::string StatePath(std::string_view subject) const { return LoaderFolder(subject) + "/state.json"; }
  std::string WarrantPath(std::string_view subject, int64_t epoch) const {
    return LoaderFolder(subject) + "/warrants/" + std::to_string(epoch) + ".json";
  }
  // Names of the subjects that have a ledger here, sorted.
  std::vector<std::string> Subjects() const;

 private:
  explicit Home(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

}  // namespace pawl::ledger
