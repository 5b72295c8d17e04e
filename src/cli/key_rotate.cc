// pawl key rotate: puts a new key into the draft of an amendment, with the statement that both keys have signed.
#include "cli/key_rotate.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cli/ssh_sign.h"
#include "encoding/dsse.h"
#include "encoding/time.h"
#include "ledger/keys.h"
#include "oversight/key_rotation.h"
#include "oversight/key_terms.h"
#include "signing/pkcs11_token.h"
#include "storage/named_file.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

struct RotateOptions {
  std::string name;
  std::string from, to;  // directories: the charter in force, and the draft
  std::string old_file;  // a person's
  std::string new_file;  // likewise
  std::string agent_file, token_uri;
  bool is_lost = false;
};

// The two keys in the charter's words, and what signs with each.
struct Handover {
  std::string holder;
  std::string old_key, new_key;
  std::function<Result<encoding::Signature>(const std::string&payload)> sign_old, sign_new;
};

Error NotThere(const std::string& what, const std::string& where) {
  return Error{ErrorCode::kUsage, "key.holder", where + " has no " + what, "pawl charter check says whom it lists"};
}

// The file of the draft that lists the key.
std::string FileOf(const RotateOptions& options, const charter::Charter& draft) {
  const bool is_person = !options.new_file.empty();
  return options.to + "/" + (is_person ? draft.approval.signers_file : std::string(charter::kCharterFile));
}

// A file of the draft around the key that goes. Between a person's type of key and key may stand any number of blanks.
struct DraftFile {
  std::string was, before, after;
  std::string With(const std::string& key) const { return before + key + after; }
};
Result<DraftFile> FindInFile(const std::string& path, const std::string& key) {
  constexpr size_t kFileBytesMax = size_t{1} << 20;
  const Result<std::string> text = storage::ReadNamedFile(path, kFileBytesMax);
  if (!text.ok()) return text.error();
  const size_t blank = key.find(' ');
  const std::string material = blank == key.npos ? key : key.substr(blank + 1), type = key.substr(0, blank);
  const size_t at = text->find(material);
  if (at == text->npos || text->find(material, at + 1) != text->npos) {
    return Refused("key.place", "'" + path + "' does not have the old key exactly once",
                   "begin from a fresh copy of the charter in force, or edit the file by hand");
  }
  DraftFile file{*text, text->substr(0, at), text->substr(at + material.size())};
  if (blank == key.npos) return file;
  file.before.erase(file.before.find_last_not_of(" \t") + 1);
  if (file.before.ends_with(type)) file.before.resize(file.before.size() - type.size());
  return file;
}

// Asked before a key is made or anything signed: the draft still has the key that goes, where it can be replaced.
Result<void> IsInDraft(const RotateOptions& options, const charter::Charter& draft, const std::string& holder,
                       const std::string& key) {
  const std::vector<oversight::HeldCharterKey> keys = oversight::KeysOf(draft);
  if (!std::binary_search(keys.begin(), keys.end(), oversight::HeldCharterKey{holder, key})) {
    return Refused("key.place", "the draft does not have this key of " + holder + " any more",
                   "it is rotated there already; or begin from a fresh copy of the charter in force");
  }
  const Result<DraftFile> file = FindInFile(FileOf(options, draft), key);
  return file.ok() ? Result<void>() : file.error();
}

// ---- a person

Result<Handover> OfPerson(const RotateOptions& options, const charter::Charter& before, const charter::Charter& draft) {
  const std::string holder = "person " + options.name;
  std::vector<crypto::SshPublicKey> listed;
  for (const crypto::AllowedSigner& signer : before.approval.signers) {
    if (signer.principal == options.name) listed.push_back(signer.key);
  }
  if (listed.empty()) return NotThere("person '" + options.name + "'", options.from);
  std::optional<crypto::SshPublicKey> old_key;
  if (!options.old_file.empty()) {
    const Result<crypto::SshPublicKey> half = PublicHalf(options.old_file);
    if (!half.ok()) return half.error();
    const auto found = std::find_if(listed.begin(), listed.end(), [&](const crypto::SshPublicKey& one) {
      return one.UnderlyingKey() == half->UnderlyingKey();
    });
    if (found != listed.end()) old_key = *found;
  } else if (options.is_lost && listed.size() == 1) {
    old_key = listed.front();
  }
  if (!old_key) {
    return Error{ErrorCode::kUsage, "key.which",
                 "which of the " + std::to_string(listed.size()) + " keys of '" + options.name + "' goes?",
                 "--old FILE names it; FILE.pub is enough where the key is lost"};
  }
  if (Result<void> there = IsInDraft(options, draft, holder, old_key->Line()); !there.ok()) return there.error();
  const Result<crypto::SshPublicKey> new_key = PublicHalf(options.new_file);
  if (!new_key.ok()) return new_key.error();
  const auto by = [](const std::string& file, const crypto::SshPublicKey& key, std::string_view keyid) {
    return [=](const std::string& payload) { return SignWithKey(payload, file, key, std::string(keyid)); };
  };
  return Handover{holder, old_key->Line(), new_key->Line(), by(options.old_file, *old_key, oversight::kOldKeyId),
                  by(options.new_file, *new_key, oversight::kNewKeyId)};
}

// ---- the gate, a reviewer, a witness

Result<crypto::NoteKey> KeyOfAgent(const std::string& name, const std::string& file) {
  const Result<crypto::SshPublicKey> half = PublicHalf(file);
  if (!half.ok()) return half.error();
  if (half->type != crypto::SshKeyType::kEd25519) {
    return Refused("key.kind", "reviewers sign with ssh-ed25519 keys, and this is another kind",
                   "ssh-keygen -t ed25519");
  }
  const Result<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::FromRaw(half->key);
  if (!key.ok()) return key.error();
  return crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, *key);
}

Result<crypto::NoteKey> KeyOfToken(const RotateOptions& options, const std::string& holder, const ledger::Home& home) {
  if (!holder.starts_with("reviewer ")) {
    return Refused("key.kind",
                   "the key of " + holder + " is a file: it cosigns with the time, which no token is asked for",
                   "leave --pkcs11 out");
  }
  const Result<signing::Pkcs11Token> token = signing::Pkcs11Token::Parse(options.token_uri);
  return token.ok() ? ledger::EnrolNextToken(home, options.name, *token) : token.error();
}

Result<std::pair<std::string, crypto::NoteKey>> FindNoteKey(const RotateOptions& options,
                                                            const charter::Charter& before) {
  std::vector<std::pair<std::string, crypto::NoteKey>> found;
  if (before.gate.clock.name == options.name) found.emplace_back("gate clock", before.gate.clock);
  for (const charter::Reviewer& one : before.reviewers) {
    if (one.name == options.name) found.emplace_back("reviewer " + one.name, one.key);
  }
  for (const charter::Witness& one : before.witnesses.all) {
    if (one.key.name == options.name) found.emplace_back("witness " + one.key.name, one.key);
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    return Error{ErrorCode::kUsage, "key.which", "'" + options.name + "' names more than one key of the charter",
                 "rename one of them by an amendment"};
  }
  if (before.gate.log.name == options.name) {
    return Refused("key.log", "the gate's log key is the log's identity, and no amendment changes it",
                   "keep it safe; with it lost, a new ledger begins (docs/keys.md)");
  }
  const bool is_person = std::any_of(before.approval.signers.begin(), before.approval.signers.end(),
                                     [&](const crypto::AllowedSigner& one) { return one.principal == options.name; });
  if (is_person) {
    return Error{ErrorCode::kUsage, "key.which", "'" + options.name + "' is a person, whose keys are files",
                 "--new FILE is the new key, --old FILE the one that goes"};
  }
  return NotThere("reviewer, witness or clock '" + options.name + "'", options.from);
}

Result<Handover> OfNoteKey(const RotateOptions& options, const charter::Charter& before, const charter::Charter& draft,
                           const ledger::Home& home) {
  const auto found = FindNoteKey(options, before);
  if (!found.ok()) return found.error();
  const auto& [holder, old_key] = *found;
  if (Result<void> there = IsInDraft(options, draft, holder, old_key.Text()); !there.ok()) return there.error();
  std::optional<signing::Signer> old_signer;
  if (!options.is_lost) {
    Result<signing::Signer> signer = ledger::FindSigner(home, old_key);
    if (!signer.ok()) return signer.error();
    old_signer = *std::move(signer);
  }
  const Result<crypto::NoteKey> new_key = !options.token_uri.empty() ? KeyOfToken(options, holder, home)
                                          : !options.agent_file.empty()
                                              ? KeyOfAgent(options.name, options.agent_file)
                                              : ledger::MakeNextKey(home, options.name, old_key.type);
  if (!new_key.ok()) return new_key.error();
  Result<signing::Signer> new_signer = ledger::FindSigner(home, *new_key);
  if (!new_signer.ok()) return new_signer.error();
  return Handover{holder, old_key.Text(), new_key->Text(),
                  [old_signer](const std::string& payload) {
                    return old_signer->SignPayload(payload, std::string(oversight::kOldKeyId));
                  },
                  [signer = *new_signer](const std::string& payload) {
                    return signer.SignPayload(payload, std::string(oversight::kNewKeyId));
                  }};
}

// ---- the draft

Result<void> WriteStatement(const RotateOptions& options, const charter::Charter& before, const Handover& keys) {
  const std::string payload =
      oversight::WriteKeyRotation({.about = {.subject = before.subject.name, .digest = before.digest},
                                   .holder = keys.holder,
                                   .old_key = keys.old_key,
                                   .new_key = keys.new_key});
  encoding::Envelope envelope{.payload_type = std::string(warrant::kPayloadType), .payload = payload, .signatures = {}};
  for (const auto& sign : {keys.sign_new, keys.sign_old}) {
    Result<encoding::Signature> signature = sign(payload);
    if (!signature.ok()) return signature.error();
    envelope.signatures.push_back(*std::move(signature));
  }
  const std::string path = options.to + "/" + oversight::RotationPath(keys.new_key);
  std::error_code failure;
  fs::create_directories(fs::path(path).parent_path(), failure);
  if (failure) return SystemFailure("key.place", "cannot make a folder for '" + path + "': " + failure.message());
  return storage::WriteNamedFile(path, encoding::SerializeEnvelope(envelope));
}

// What the draft does to this key now, as the gate and integrity reviewers will see it.
Result<oversight::KeyChange> Outcome(const RotateOptions& options, const charter::CharterFiles& before,
                                     const Handover& keys) {
  const Result<charter::CharterFiles> after = charter::ReadCharterFiles(options.to);
  if (!after.ok()) return after.error();
  Result<std::vector<oversight::KeyChange>> changes = oversight::FindKeyChanges(before, *after);
  if (!changes.ok()) return changes.error();
  for (oversight::KeyChange& one : *changes) {
    if (one.holder == keys.holder && (one.new_key == keys.new_key || one.old_key == keys.old_key)) return one;
  }
  return Refused("key.place", "the draft does not change this key", "begin from a fresh copy of the charter in force");
}

// The statement and the key, or neither: a draft with the statement alone is refused wherever it is read.
Result<oversight::KeyChange> WriteDraft(const RotateOptions& options, const charter::CharterFiles& before,
                                        const Handover& keys, const std::string& path) {
  const Result<DraftFile> file = FindInFile(path, keys.old_key);
  if (!file.ok()) return file.error();
  Result<void> written = options.is_lost ? Result<void>() : WriteStatement(options, before.charter, keys);
  if (written.ok()) written = storage::WriteNamedFile(path, file->With(keys.new_key));
  Result<oversight::KeyChange> outcome =
      written.ok() ? Outcome(options, before, keys) : Result<oversight::KeyChange>(written.error());
  if (outcome.ok()) return outcome;
  const std::string statement = options.to + "/" + oversight::RotationPath(keys.new_key);
  std::error_code failure;
  if (!options.is_lost) fs::remove(statement, failure);
  const bool is_left = !options.is_lost && fs::exists(statement, failure);
  if (storage::WriteNamedFile(path, file->was).ok() && !is_left) return outcome;
  Error error = outcome.error();
  error.message += "; and '" + path + "' or '" + statement + "' could not be put back";
  return error;
}

Result<oversight::KeyChange> Rotate(const Globals& globals, const RotateOptions& options) {
  std::error_code failure;
  if (fs::equivalent(options.from, options.to, failure)) {
    return Error{ErrorCode::kUsage, "key.draft", "--from and --to are one directory: the charter in force is no draft",
                 "cp -r it, and name the copy as --to"};
  }
  const Result<charter::CharterFiles> before = charter::ReadCharterFiles(options.from);
  if (!before.ok()) return before.error();
  const Result<charter::CharterFiles> draft = charter::ReadCharterFiles(options.to);
  if (!draft.ok()) return draft.error();
  // Refuses before a key is made what would be refused after it.
  if (const auto so_far = oversight::FindKeyChanges(*before, *draft); !so_far.ok()) return so_far.error();
  const bool is_person = !options.new_file.empty();
  Result<Handover> keys = Error{ErrorCode::kUsage, "key.which", "", ""};
  if (is_person) {
    keys = OfPerson(options, before->charter, draft->charter);
  } else {
    const Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
    if (!home.ok()) return home.error();
    keys = OfNoteKey(options, before->charter, draft->charter, *home);
  }
  if (!keys.ok()) return keys.error();
  return WriteDraft(options, *before, *keys, FileOf(options, draft->charter));
}

// The new key takes over what the draft says of its holder's end.
std::string EndOfNewKey(const RotateOptions& options, const oversight::KeyChange& change) {
  const Result<charter::CharterFiles> after = charter::ReadCharterFiles(options.to);
  if (!after.ok()) return "";
  for (const crypto::AllowedSigner& signer : after->charter.approval.signers) {
    if (signer.key.Line() == change.new_key && signer.valid_before_s) {
      return encoding::TimeText(*signer.valid_before_s) + ", as the line in " + after->charter.approval.signers_file;
    }
  }
  const Result<oversight::KeyTerms> terms = oversight::ReadKeyTerms(*after);
  if (!terms.ok() || change.holder != "reviewer " + options.name) return "";
  const auto term = terms->find(options.name);
  return term == terms->end() ? "" : encoding::TimeText(term->second) + ", as reviewers.toml";
}

}  // namespace

void AddKeyRotate(CLI::App& parent, Globals& globals) {
  auto options = std::make_shared<RotateOptions>();
  CLI::App* command =
      parent.add_subcommand("rotate", "another key in the draft of an amendment, with the word of both keys");
  command
      ->add_option("NAME", options->name, "reviewer, witness or the gate's clock; or a person, as the charter has it")
      ->required();
  command->add_option("--from", options->from, "directory of the charter in force")->required();
  command->add_option("--to", options->to, "directory of the draft: a copy of it")->required();
  auto* new_file = command->add_option("--new", options->new_file, "a person's new key: FILE, or FILE.pub in an agent");
  command->add_option("--old", options->old_file, "a person's key that goes")->needs(new_file);
  auto* agent_file =
      command
          ->add_option(
              "--ssh", options->agent_file,
              "FILE.pub of the new Ed25519 key, which the ssh-agent of SSH_AUTH_SOCK holds; else one is made here")
          ->excludes(new_file);
  command->add_option("--pkcs11", options->token_uri, kTokenHelp)->excludes(new_file)->excludes(agent_file);
  command->add_flag("--old-key-is-lost", options->is_lost,
                    "the old key cannot sign: it is revoked and another enrolled, and everybody is told so");
  command->footer(
      "examples:\n  cp -r charter charter-2\n  pawl key rotate prover-a --from charter --to charter-2\n"
      "  pawl key rotate ann@example.org --from charter --to charter-2 --old ann/key --new ann/next\n"
      "  pawl charter amend charter-2 -m 'two keys rotated'");
  command->callback([options, &globals] {
    while (options->to.size() > 1 && options->to.back() == '/') options->to.pop_back();
    const Result<oversight::KeyChange> change = Rotate(globals, *options);
    if (!change.ok()) {
      globals.exit = Fail(globals, change.error());
    } else if (globals.json) {
      const bool is_rotated = change->kind == oversight::KeyChangeKind::kRotated;
      PrintJson({{"holder", change->holder},
                 {"old", change->old_key},
                 {"new", change->new_key},
                 {"statement", is_rotated ? encoding::Json(oversight::RotationPath(change->new_key)) : nullptr}});
    } else {
      std::printf("%s\n  old  %s\n  new  %s\nnext: pawl charter amend %s\n", Shown(change->Words()).c_str(),
                  Shown(change->old_key).c_str(), Shown(change->new_key).c_str(), Shown(options->to).c_str());
      if (const std::string end = EndOfNewKey(*options, *change); !end.empty()) {
        std::printf("note: the new key runs out at %s has it: give it an end of its own\n", Shown(end).c_str());
      }
    }
  });
}

}  // namespace pawl::cli
