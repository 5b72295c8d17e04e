// Writes a first charter for a tree: `pawl charter new`.
//
//   Result<NewCharter> made = WriteNewCharter({.directory = "charter", .tree = "subject", …});
//   for (const std::string& what : made->to_fill_in) …       // keys that nobody gave
//
// Thread safety: reads and writes files; no shared state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "result/result.h"

namespace pawl::authoring {

struct NewCharterOptions {
  std::string directory;  // to be made; must not exist or be empty
  std::string tree;       // the first release
  std::string name;       // empty: the tree's folder name
  std::string resource;   // empty: urn:pawl:subject:NAME
  std::string log_key;    // verifier keys; empty: to be filled in by hand
  std::string clock_key;
  std::vector<std::string> reviewers;  // name:principal:role:key
  std::string signers;                 // an allowed_signers file; empty: to be filled in by hand
  bool single_operator = false;        // keys of gate and reviewers are made in the home
  std::string operator_key;            // single operator: the OpenSSH public key that approves
  std::string principal = "operator";  // single operator: who that is
  std::string home;                    // --home
  std::string evaluator;               // a file that becomes evaluate.py; empty: the placeholder
  // Without trials only networks may change, each proven to keep a sample property and to stay within `drift_within` of
  // the first release's; what is said below of harm, step, ceiling, drift, episodes and probes is not written.
  bool trials = true;
  std::string drift_within = "0.1";  // in the networks' own units
  // Numbers and durations as charter.toml takes them.
  std::string harm_limit = "0.01";
  std::string max_step = "0.02";
  std::string ceiling = "0.95";
  std::string drift_limit = "0.10";
  std::string min_interval = "24h";
  std::string waiting_period = "24h";
  int64_t episodes = 4'000;
  int64_t probes = 2'000;
  int64_t max_releases = 3;
  std::string window = "7d";
};

struct NewCharter {
  std::string name;
  std::vector<std::string> notes;       // what was chosen or left out, sentences
  std::vector<std::string> to_fill_in;  // keys of charter.toml without which it cannot be read
};

// A folder's name as a subject's name.
std::string SubjectNameFrom(const std::string& text);

// kUsage "new.…" for options that do not fit together or a directory that is in use; errors of reading the tree.
Result<NewCharter> WriteNewCharter(const NewCharterOptions& options);

}  // namespace pawl::authoring
