// pawl key revoke: takes a key out of the draft of an amendment, which holds from the log's index of its release on.
#include "cli/key_revoke.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "authoring/charter_check.h"
#include "cli/ssh_sign.h"
#include "oversight/key_rotation.h"
#include "oversight/reviewers_files.h"
#include "oversight/subject_values.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

struct RevokeOptions {
  std::string name;
  std::string from, to;  // directories: the charter in force, and the draft
  std::string key_file;  // a person's, where there are several
};

Error NotRevocable(std::string rule, std::string message, std::string advice) {
  return Error{ErrorCode::kUsage, std::move(rule), std::move(message), std::move(advice)};
}

// ---- whose key

Result<oversight::HeldCharterKey> KeyThatGoes(const RevokeOptions& options, const charter::Charter& charter) {
  for (const auto& [key, what] : {std::pair(&charter.gate.clock, "clock"), std::pair(&charter.gate.log, "log")}) {
    if (key->name != options.name) continue;
    return Refused("key.gate", "'" + options.name + "' is the gate's " + what + ", without which there is no charter",
                   key == &charter.gate.clock ? "put another in its place: pawl key rotate --old-key-is-lost"
                                              : "it is the log's identity: docs/recovery.md says what to do");
  }
  std::vector<oversight::HeldCharterKey> found;
  for (oversight::HeldCharterKey& one : oversight::KeysOf(charter)) {
    const bool is_it = one.holder == "reviewer " + options.name || one.holder == "witness " + options.name ||
                       one.holder == "person " + options.name;
    if (is_it) found.push_back(std::move(one));
  }
  if (found.empty()) {
    return NotRevocable("key.holder", options.from + " has no reviewer, witness or person '" + options.name + "'",
                        "pawl charter check says whom it lists");
  }
  if (!options.key_file.empty()) {
    const Result<crypto::SshPublicKey> half = PublicHalf(options.key_file);
    if (!half.ok()) return half.error();
    for (const crypto::AllowedSigner& signer : charter.approval.signers) {
      if (signer.principal == options.name && signer.key.UnderlyingKey() == half->UnderlyingKey()) {
        return oversight::HeldCharterKey{"person " + signer.principal, signer.key.Line()};
      }
    }
    return NotRevocable("key.which", "the charter in force does not list that key for a person '" + options.name + "'",
                        "--key FILE is one of the keys that it lists for this person");
  }
  if (found.size() == 1) return found.front();
  return NotRevocable("key.which", "'" + options.name + "' has " + std::to_string(found.size()) + " keys: which goes?",
                      "--key FILE names one of a person's; FILE.pub is enough. Once for each that goes");
}

// ---- the draft's files

struct FileChange {
  std::string path, was, now;  // empty now: the file goes, since nothing is left in it
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

std::string TextWithout(const std::vector<std::string>& lines, size_t begin, size_t end) {
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i < begin || i >= end) text += lines[i];
  }
  return text;
}

char FirstLetter(const std::string& line) {
  const size_t at = line.find_first_not_of(" \t\r\n");
  return at == line.npos ? '\0' : line[at];
}

// A table `[[…]]` that names somebody.
struct NamingTable {
  std::vector<std::string> keys;  // to the array of tables, from the root
  std::string member, value;      // as the table has it
};

// The values without that table; nothing where none or several have it.
std::optional<encoding::Json> ValuesWithout(encoding::Json values, const NamingTable& table) {
  encoding::Json* parent = nullptr;
  encoding::Json* at = &values;
  for (const std::string& key : table.keys) {
    if (!at->is_object() || !at->contains(key)) return std::nullopt;
    parent = at;
    at = &(*at)[key];
  }
  if (!at->is_array()) return std::nullopt;
  const auto names_it = [&](const encoding::Json& one) {
    return one.is_object() && one.contains(table.member) && one[table.member] == encoding::Json(table.value);
  };
  if (std::count_if(at->begin(), at->end(), names_it) != 1) return std::nullopt;
  at->erase(std::find_if(at->begin(), at->end(), names_it));
  if (at->empty()) parent->erase(table.keys.back());
  return values;
}

// Cuts the table out of a file. Which lines those are is not guessed: of all tables the one is taken whose absence
// changes nothing else in what the file says. Comments above it stay, and those that belong to what follows.
Result<FileChange> CutTable(const std::string& path, const NamingTable& table) {
  constexpr size_t kFileBytesMax = size_t{1} << 20;
  const Result<std::string> text = storage::ReadNamedFile(path, kFileBytesMax);
  if (!text.ok()) return text.error();
  const Result<encoding::Json> values = oversight::ReadSubjectValues(path, *text);
  if (!values.ok()) return values.error();
  const Error by_hand =
      Refused("key.place", "'" + path + "' does not name the key's holder once, in a table of its own",
              "begin from a fresh copy of the charter in force, or edit the file by hand");
  const std::optional<encoding::Json> wanted = ValuesWithout(*values, table);
  if (!wanted) return by_hand;
  const std::vector<std::string> lines = LinesOf(*text);
  for (size_t begin = 0; begin < lines.size(); ++begin) {
    const size_t first = lines[begin].find_first_not_of(" \t");
    if (first == std::string::npos || lines[begin].compare(first, 2, "[[") != 0) continue;
    size_t next = begin + 1;
    while (next < lines.size() && FirstLetter(lines[next]) != '[') ++next;
    size_t end = next;
    while (FirstLetter(lines[end - 1]) == '\0' || FirstLetter(lines[end - 1]) == '#') --end;
    if (end < next && FirstLetter(lines[end]) == '\0') ++end;
    const auto names_it = [&](const std::string& line) { return line.find(table.value) != std::string::npos; };
    if (std::none_of(&lines[begin], &lines[end - 1] + 1, names_it)) continue;  // spares reading the file once more
    const std::string now = TextWithout(lines, begin, end);
    const Result<encoding::Json> left = oversight::ReadSubjectValues(path, now);
    if (left.ok() && *left == *wanted) return FileChange{path, *text, wanted->empty() ? "" : now};
  }
  return by_hand;
}

// The same where the file need not be there, or name anybody.
Result<void> CutTableIfThere(const std::string& path, const NamingTable& table, std::vector<FileChange>& changes) {
  std::error_code failure;
  if (!fs::exists(path, failure)) return {};
  const Result<std::string> text = storage::ReadNamedFile(path, size_t{1} << 20);
  if (!text.ok()) return text.error();
  const Result<encoding::Json> values = oversight::ReadSubjectValues(path, *text);
  if (!values.ok()) return values.error();
  if (!ValuesWithout(*values, table)) return {};  // who stands there twice is refused when the draft is read
  Result<FileChange> change = CutTable(path, table);
  if (!change.ok()) return change.error();
  changes.push_back(*std::move(change));
  return {};
}

Result<FileChange> CutPersonsLine(const std::string& path, const std::string& name, const std::string& key) {
  const Result<std::string> text = storage::ReadNamedFile(path, crypto::kAllowedSignersBytesMax);
  if (!text.ok()) return text.error();
  const std::vector<std::string> lines = LinesOf(*text);
  for (size_t i = 0; i < lines.size(); ++i) {
    const Result<std::vector<crypto::AllowedSigner>> signer = crypto::ParseAllowedSigners(lines[i]);
    const bool is_it =
        signer.ok() && signer->size() == 1 && signer->front().principal == name && signer->front().key.Line() == key;
    if (is_it) return FileChange{path, *text, TextWithout(lines, i, i + 1)};
  }
  return Refused("key.place", "the draft does not have this key of '" + name + "' any more",
                 "it is gone already; or begin from a fresh copy of the charter in force");
}

Result<std::vector<FileChange>> FindChanges(const RevokeOptions& options, const charter::Charter& before,
                                            const oversight::HeldCharterKey& key) {
  const std::string main_file = options.to + "/" + charter::kCharterFile;
  const bool is_person = key.holder.starts_with("person "), is_reviewer = key.holder.starts_with("reviewer ");
  Result<FileChange> first =
      is_person     ? CutPersonsLine(options.to + "/" + before.approval.signers_file, options.name, key.key)
      : is_reviewer ? CutTable(main_file, {{"reviewer"}, "key", key.key})
                    : CutTable(main_file, {{"witnesses", "witness"}, "key", key.key});
  if (!first.ok()) return first.error();
  std::vector<FileChange> changes = {*std::move(first)};
  if (!is_reviewer) return changes;
  // What else a charter says of a reviewer: when its key runs out, and which system it is.
  for (const auto& [file, table] : {std::pair("/reviewers.toml", NamingTable{{"reviewer"}, "name", options.name}),
                                    std::pair("/peers.toml", NamingTable{{"peer"}, "reviewer", options.name})}) {
    const Result<void> done = CutTableIfThere(options.to + file, table, changes);
    if (!done.ok()) return done.error();
  }
  return changes;
}

// ---- what is left

// What the draft does to this key now, where it can still be met by who is left.
Result<oversight::KeyChange> OutcomeOf(const RevokeOptions& options, const charter::CharterFiles& before,
                                       const oversight::HeldCharterKey& key) {
  const auto without = [&](const Error& error) {
    return Error{error.code, error.rule, "without this key of " + key.holder + ": " + error.message,
                 error.advice + (error.advice.empty() ? "" : "; ") +
                     "the draft is as it was: enrol others in it first, or have it ask for fewer"};
  };
  const Result<charter::CharterFiles> after = charter::ReadCharterFiles(options.to);
  if (!after.ok()) return without(after.error());
  if (const Result<void> whole = oversight::CheckReviewersFiles(*after); !whole.ok()) return without(whole.error());
  // Keys that have run out help nobody; where that is so already, this amendment is not what does it.
  std::vector<std::string> unused;
  const int64_t now_s = std::time(nullptr);
  const Result<void> able = authoring::CheckKeysNow(*after, now_s, unused);
  if (!able.ok() && authoring::CheckKeysNow(before, now_s, unused).ok()) return without(able.error());
  Result<std::vector<oversight::KeyChange>> changes = oversight::FindKeyChanges(before, *after);
  if (!changes.ok()) return without(changes.error());
  for (oversight::KeyChange& one : *changes) {
    if (one.holder == key.holder && one.old_key == key.key) return one;
  }
  return Refused("key.place", "the draft still has this key of " + key.holder,
                 "begin from a fresh copy of the charter in force, or edit it by hand");
}

Result<void> Put(const std::string& path, const std::string& text) {
  if (!text.empty()) return storage::WriteNamedFile(path, text);
  std::error_code failure;
  if (fs::remove(path, failure)) return {};
  return SystemFailure("key.place", "cannot remove '" + path + "': " + failure.message());
}

struct Revoked {
  oversight::KeyChange change;
  std::vector<std::string> files;
};

Result<Revoked> Revoke(const RevokeOptions& options) {
  std::error_code failure;
  if (fs::equivalent(options.from, options.to, failure)) {
    return NotRevocable("key.draft", "--from and --to are one directory: the charter in force is no draft",
                        "cp -r it, and name the copy as --to");
  }
  const Result<charter::CharterFiles> before = charter::ReadCharterFiles(options.from);
  if (!before.ok()) return before.error();
  const Result<oversight::HeldCharterKey> key = KeyThatGoes(options, before->charter);
  if (!key.ok()) return key.error();
  // The draft is not read before: one whose `at_least` fits those who will be left may only be whole without this key.
  const Result<std::vector<FileChange>> changes = FindChanges(options, before->charter, *key);
  if (!changes.ok()) return changes.error();
  Result<void> written;
  for (const FileChange& one : *changes) {
    if (written.ok()) written = Put(one.path, one.now);
  }
  Result<oversight::KeyChange> outcome =
      written.ok() ? OutcomeOf(options, *before, *key) : Result<oversight::KeyChange>(written.error());
  if (!outcome.ok()) {
    Error error = outcome.error();
    for (const FileChange& one : *changes) {
      if (!storage::WriteNamedFile(one.path, one.was).ok()) error.message += "; '" + one.path + "' was not put back";
    }
    return error;
  }
  Revoked revoked{*std::move(outcome), {}};
  for (const FileChange& one : *changes) revoked.files.push_back(one.path);
  return revoked;
}

}  // namespace

void AddKeyRevoke(CLI::App& parent, Globals& globals) {
  auto options = std::make_shared<RevokeOptions>();
  CLI::App* command = parent.add_subcommand("revoke", "takes a key out of the draft of an amendment");
  command->add_option("NAME", options->name, "reviewer, witness, or a person, as the charter has it")->required();
  command->add_option("--from", options->from, "directory of the charter in force")->required();
  command->add_option("--to", options->to, "directory of the draft: a copy of it")->required();
  command->add_option("--key", options->key_file, "which of a person's keys: FILE, or FILE.pub");
  command->footer(
      "Holds from the log's index of the amendment's release on: what the key has signed before stands.\n"
      "Refused where those who are left could not meet a quorum or a threshold: enrol others first.\n\n"
      "examples:\n  cp -r charter charter-2\n  pawl key revoke prover-b --from charter --to charter-2\n"
      "  pawl key revoke ann@example.org --from charter --to charter-2 --key ann/old.pub\n"
      "  pawl charter amend charter-2 -m 'a stolen key revoked'");
  command->callback([options, &globals] {
    while (options->to.size() > 1 && options->to.back() == '/') options->to.pop_back();
    const Result<Revoked> revoked = Revoke(*options);
    if (!revoked.ok()) {
      globals.exit = Fail(globals, revoked.error());
    } else if (globals.json) {
      PrintJson({{"holder", revoked->change.holder},
                 {"old", revoked->change.old_key},
                 {"new", revoked->change.new_key.empty() ? encoding::Json() : encoding::Json(revoked->change.new_key)},
                 {"files", revoked->files}});
    } else {
      std::printf("%s\n  key  %s\n", Shown(revoked->change.Words()).c_str(), Shown(revoked->change.old_key).c_str());
      for (const std::string& file : revoked->files) std::printf("  out of  %s\n", Shown(file).c_str());
      std::printf(
          "holds from the log's index of the amendment's release on; what it has signed: pawl log list "
          "--signed-by %s\nnext: pawl charter amend %s\n",
          Shown(options->name).c_str(), Shown(options->to).c_str());
    }
  });
}

}  // namespace pawl::cli
