// The report on a subject's life, laid out as a predetermined change control plan: what may change, how a change is
// tested and let through, and what the changes so far have done.
//
//   const Document document = ChangeControlReport(life, charter, words);
//   for (const ReportFile& file : *ReportFiles(life, charter, document, read_entry)) …     // files.h
//
// The three parts follow the final guidance of the FDA, "Marketing Submission Recommendations for a Predetermined
// Change Control Plan for Artificial Intelligence-Enabled Device Software Functions" (December 2024): description of
// modifications, modification protocol, impact assessment. A table sets the charter beside articles 12, 14 and 15 of
// Regulation (EU) 2024/1689, MANAGE 2.4 of the NIST AI RMF 1.0, and requirement 9.2.5 of the OWASP AISVS 1.0. The
// report says of itself that it is supporting evidence and no statement of conformity.
//
// Every figure in it comes from the ledger and links to the entry that holds it: to its row in the last table, and from
// there to the entry itself in a file of its own. The page does not grow with the life: it has the latest
// kTrialsShown trials, pictures of all of them (picture.h), and the entries that either of these link to; all trials
// are in a table beside it.
//
// Thread safety: pure functions. Time: well below a second for 10,000 releases.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "report/document.h"
#include "report/life.h"

namespace pawl::report {

inline constexpr std::size_t kTrialsShown = 100;
inline constexpr char kPageName[] = "report.html";
inline constexpr char kLifeTableName[] = "trials.csv";
std::string EntryFileName(std::uint64_t index);  // "entries/12.json"

// What the charter says, in sentences, by topic: surface, trial, pace and so on, from whoever words charters.
struct Topic {
  std::string name;
  std::vector<std::string> sentences;
};

Document ChangeControlReport(const Life& life, const charter::Charter& charter, const std::vector<Topic>& words);

// What a limit of the charter is about: a metric of its own, of all episodes or those of a group.
Measure MeasureOf(const charter::Charter& charter, const std::string& metric, const std::string& group = {});
// The entries that a trial's figures come from: every evaluator's vote, or the finding of the gate's own trial.
std::vector<std::uint64_t> EvidenceOf(const LifeEntry& entry);

// A condition of trials, and what columns of it are called.
struct Column {
  trial::ConditionKind kind;
  std::string name;
  Measure of;
  std::string header;
};
// Those of the charter in force, then what trials under earlier charters measured beside them.
std::vector<Column> ColumnsOf(const Life& life, const charter::Charter& charter);

// Each picture of the life by itself; those without a point are left in, and say so.
std::vector<Drawing> LifePictures(const Life& life, const charter::Charter& charter);

}  // namespace pawl::report
