// Bringing a home of an older version up to date. Home::Open calls it; nothing else needs to.
//
// | version | what is different from the one before |
// |---|---|
// | 1 | the first |
// | 2 | what auditors remember of a log moves from keys/<name>/ to reviewers/<name>/, so that keys/ holds keys alone |
//
// Before anything is moved, `backups/version-<old>-<time>.tar` is written (storage/archive.h): everything but the
// store, which holds nothing that a migration touches, and private keys. A migration that was cut short is done again:
// each step may meet its own half-done work.
//
// Thread safety: processes exclude each other by `schema.lock`.
#pragma once

#include <cstdint>
#include <string>

#include "result/result.h"

namespace pawl::ledger {

// Up to kHomeVersion. kSystem "home.migrate" with the place that cannot be written; the home then still is of its old
// version.
Result<void> MigrateHome(const std::string& root);

// What schema.json says; "home.schema" for a newer version, and for a file that is not one.
Result<int64_t> ReadHomeVersion(const std::string& root);
Result<void> WriteHomeVersion(const std::string& root, int64_t version);

}  // namespace pawl::ledger
