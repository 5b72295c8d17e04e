// Properties of code and text, which reviewers check by running programs of others. They stand under [[property]] of
// the same charter and are read and refused with it, but no loader has a use for them: what counts is the provers'
// votes.
//
//   Result<std::vector<CodeProperty>> properties = ReadCodeProperties(log.charter());
//
// Thread safety: a pure function of the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "charter/charter.h"

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

// Those of a charter that ReadCharter has accepted, in its order. Errors are those of ReadCharter.
Result<std::vector<CodeProperty>> ReadCodeProperties(const CharterFiles& files);

}  // namespace pawl::charter
