// How `pawl backup` and `pawl restore` show what is in a back-up. Thread safety: pure, but for standard output.
#pragma once

#include <string>

#include "encoding/json.h"
#include "ledger/backup.h"

namespace pawl::cli {

encoding::Json BackupJson(const std::string& file, const ledger::BackupReport& report);
void ShowBackup(const ledger::BackupReport& report);

}  // namespace pawl::cli
