// What a charter says to those who run programs: properties of code and text, which reviewers check by running programs
// of others, and the guarantees that their sandboxes may be without. It is read and refused with the charter, but no
// loader has a use for it: what counts there is the reviewers' votes.
//
//   Result<ProgramRules> programs = ReadProgramRules(log.charter());
//   for (const CodeProperty& property : programs->properties) ...
//
// Thread safety: a pure function of the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "weakening/weakening.h"

namespace pawl::charter {

enum class CodePropertyKind {
  kCommand,  // a program of the system with a file of the charter; it holds where that exits with status 0
  kSmt,      // an SMT-LIB template of the charter; it holds where solvers say "unsat"
};

struct CodeProperty {
  std::string name;
  CodePropertyKind kind = CodePropertyKind::kCommand;
  std::vector<std::string> command;  // kCommand
  std::string spec;                  // kSmt: path in the charter
  int64_t time_limit_s = 0;          // of one run
  Position position;
};

struct ProgramRules {
  std::vector<CodeProperty> properties;  // in the charter's order
  weakening::Weakenings accepted;        // [sandbox] accept; with any other missing nothing is run
};

// Those of a charter that ReadCharter has accepted. Errors are those of ReadCharter.
Result<ProgramRules> ReadProgramRules(const CharterFiles& files);

}  // namespace pawl::charter
