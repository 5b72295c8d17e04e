// A ledger's files, copied to where SQLite may write, for a reader whom it lets open them in place no more: on a full
// disk there is no room for the index that it shares between processes (-shm), on a disk that is mounted for reading
// alone, or to a user who may only read, it can make none and bring in no write-ahead log.
// https://www.sqlite.org/wal.html#read_only_databases says what it asks for; immutable=1 would leave the log out.
//
//   const LedgerFiles seen = LookAtLedger(path);
//   Result<std::string> folder = CopyLedger(path);        // <folder>/ledger.sqlite; the caller removes the folder
//
// Thread safety: reads and writes files; no shared state.
#pragma once

#include <cstdint>
#include <string>

#include "result/result.h"

namespace pawl::ledger {

// As which files the ledger was found: whoever writes to it changes one of these.
struct FileMark {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t bytes = -1;  // -1: there is no such file
  int64_t changed_s = 0;
  int64_t changed_ns = 0;
  bool operator==(const FileMark&) const = default;
};
struct LedgerFiles {
  FileMark database;
  FileMark log;  // -wal
  bool operator==(const LedgerFiles&) const = default;
};
LedgerFiles LookAtLedger(const std::string& path);

inline constexpr char kCopiedLedger[] = "ledger.sqlite";

// Database and write-ahead log as they were while nobody wrote, in a new folder of mode 0700: in memory (/dev/shm), or
// in $TMPDIR where that has no room. kSystem "ledger.read-only" for a file that this user may not read, "ledger.busy"
// where it does not hold still, "ledger.full" where nowhere is room.
Result<std::string> CopyLedger(const std::string& path);

}  // namespace pawl::ledger
