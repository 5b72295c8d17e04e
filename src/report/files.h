// The files of a report, beside each other in one folder: the page, the same in Markdown, each picture, every trial as
// a table, and each ledger entry that something links to.
//
//   Result<std::vector<ReportFile>> files = ReportFiles(life, charter, document, [&](std::uint64_t index) { … });
//   for (const ReportFile& file : *files) …       // "report.html", "capability.svg", "trials.csv", "entries/12.json"
//
// Every link in one of them leads to a place in another, or in itself; nothing links out of the folder. An entry's file
// has its number, the hash of its leaf (RFC 6962), who signed it and the statement: what `pawl log show` prints, and
// the signatures.
//
// trials.csv (RFC 4180) has a row a trial: k, proposal, time, outcome, rule, epoch; the entries of candidate statement
// and votes; who measured; and for each condition estimate, lower, upper and limit, in their shortest exact form. Text
// that a spreadsheet would take for a formula begins with an apostrophe.
//
// Thread safety: pure functions, but for what `read` does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "report/document.h"
#include "report/life.h"
#include "result/result.h"

namespace pawl::report {

struct ReportFile {
  std::string name;  // relative to the folder
  std::string bytes;
};

// Gives the bytes of a ledger entry.
using EntryReader = std::function<Result<std::string>(std::uint64_t index)>;

// Errors are those of `read`, and of an entry that is no envelope.
Result<std::vector<ReportFile>> ReportFiles(const Life& life, const charter::Charter& charter, const Document& document,
                                            const EntryReader& read);

// Of trials.csv alone.
std::string LifeTable(const Life& life, const charter::Charter& charter);

}  // namespace pawl::report
