#include "ledger/keys.h"

#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "encoding/utf8.h"
#include "signing/pkcs11_token.h"
#include "signing/private_key.h"
#include "signing/secret_file.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {
namespace {

namespace fs = std::filesystem;

bool IsFolderName(const std::string& name) {
  return encoding::IsKeyName(name) && name.find('/') == std::string::npos && name[0] != '.' && name.size() <= 64;
}

// A key belongs where nobody else can look, put a name or take one away.
Result<void> RequirePrivateFolder(const std::string& folder) {
  struct stat status;
  if (lstat(folder.c_str(), &status) != 0) {
    return SystemFailure("key.folder", "cannot look at '" + folder + "': " + std::strerror(errno));
  }
  if (!S_ISDIR(status.st_mode))
    return Refused("key.folder", "'" + folder + "' is no folder", "put the folder itself there");
  if ((status.st_mode & 077) == 0) return {};
  return Refused("key.folder-open", "others than its owner may enter '" + folder + "', where private keys are kept",
                 "chmod 700 '" + folder + "', then make the key");
}

}  // namespace

namespace {

constexpr size_t kVerifierKeyBytesMax = 1'024;

std::string VerifierKeyPath(const Home& home, const std::string& folder_name) {
  return home.KeyFolder(folder_name) + "/verifier-key";
}

// Where a key is that is in a PKCS#11 token: an RFC 7512 URI.
std::string TokenPath(const Home& home, const std::string& folder_name) {
  return home.KeyFolder(folder_name) + "/pkcs11-uri";
}

// As it was printed when it was made; of a key that an earlier Pawl made, or that came alone, by its folder's name.
crypto::NoteKey VerifierKeyOf(const Home& home, const std::string& folder_name, const crypto::Ed25519PublicKey& key) {
  const Result<std::string> text = subject::ReadRegularFile(VerifierKeyPath(home, folder_name), kVerifierKeyBytesMax,
                                                            "key.verifier", subject::Links::kRefuse);
  const Result<crypto::NoteKey> kept = text.ok() ? crypto::NoteKey::Parse(*text) : text.error();
  if (kept.ok() && kept->key == key) return *kept;
  return crypto::NoteKey::Of(folder_name, crypto::NoteKeyType::kEd25519, key);
}

// keys/<folder_name>, for its owner alone, and on the disk: whoever is told the key may have it in a charter before the
// power fails.
Result<void> MakeKeyFolder(const Home& home, const std::string& folder_name, const std::string& name) {
  if (!IsFolderName(folder_name)) {
    return Error{ErrorCode::kUsage, "key.name", "'" + name + "' cannot name a key",
                 "use letters, digits, '-', '_' and '.'"};
  }
  if (mkdir(home.KeyFolder(folder_name).c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemFailure("key.folder", "cannot make '" + home.KeyFolder(folder_name) + "': " + std::strerror(errno));
  }
  for (const std::string& folder : {home.root() + "/keys", home.KeyFolder(folder_name)}) {
    if (Result<void> is_private = RequirePrivateFolder(folder); !is_private.ok()) return is_private;
  }
  return storage::FlushDirectory(home.root() + "/keys");
}

Result<crypto::NoteKey> MakeKeyIn(const Home& home, const std::string& folder_name, const std::string& name,
                                  crypto::NoteKeyType type) {
  if (Result<void> made = MakeKeyFolder(home, folder_name, name); !made.ok()) return made.error();
  if (struct stat status; lstat(TokenPath(home, folder_name).c_str(), &status) == 0) {
    return Refused("key.exists", "the key '" + folder_name + "' is in a PKCS#11 token",
                   "choose another name; keys are never overwritten");
  }
  Result<signing::Ed25519PrivateKey> key = signing::Ed25519PrivateKey::Generate();
  if (!key.ok()) return key.error();
  if (Result<void> written = key->WriteFile(home.KeyPath(folder_name)); !written.ok()) return written.error();
  const crypto::NoteKey made = crypto::NoteKey::Of(name, type, key->public_key());
  // Only what ListKeys says hangs on it.
  static_cast<void>(storage::ReplaceFile(VerifierKeyPath(home, folder_name), made.Text()));
  return made;
}

}  // namespace

Result<crypto::NoteKey> MakeKey(const Home& home, const std::string& name, crypto::NoteKeyType type) {
  return MakeKeyIn(home, name, name, type);
}

namespace {

constexpr size_t kUriBytesMax = 8'192;

// The key of a folder whose private half is in a token; nothing where it is not, or not for this user alone.
std::optional<HeldKey> ReadTokenKey(const Home& home, const std::string& folder_name) {
  std::string uri(kUriBytesMax, '\0');
  if (!signing::ReadSecret(TokenPath(home, folder_name), uri).ok()) return std::nullopt;
  while (uri.ends_with('\n') || uri.ends_with('\r')) uri.pop_back();
  const Result<std::string> text = subject::ReadRegularFile(VerifierKeyPath(home, folder_name), kVerifierKeyBytesMax,
                                                            "key.verifier", subject::Links::kRefuse);
  const Result<crypto::NoteKey> key = text.ok() ? crypto::NoteKey::Parse(*text) : text.error();
  if (!key.ok()) return std::nullopt;
  return HeldKey{folder_name, *key, std::move(uri)};
}

Result<crypto::NoteKey> EnrolTokenIn(const Home& home, const std::string& folder_name, const std::string& name,
                                     const signing::Pkcs11Token& token) {
  const Result<crypto::Ed25519PublicKey> key = token.PublicKey();
  if (!key.ok()) return key.error();
  // That the two halves in the token belong together is its word until then.
  const Result<std::string> signature = token.Sign(*key, "pawl key enrol\n" + name + "\n");
  if (!signature.ok()) return signature.error();
  if (Result<void> made = MakeKeyFolder(home, folder_name, name); !made.ok()) return made.error();
  const crypto::NoteKey enrolled = crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, *key);
  const std::optional<HeldKey> before = ReadTokenKey(home, folder_name);
  const auto exists = [](const std::string& path) {
    struct stat status;
    return lstat(path.c_str(), &status) == 0;
  };
  if (exists(home.KeyPath(folder_name)) ||
      (exists(TokenPath(home, folder_name)) && !(before && before->key.key == *key))) {
    return Refused("key.exists", "there is another key '" + folder_name + "' already",
                   "choose another name, or pawl key rotate; keys are never overwritten");
  }
  if (Result<void> written = storage::ReplaceFile(VerifierKeyPath(home, folder_name), enrolled.Text()); !written.ok()) {
    return written.error();
  }
  if (Result<void> written = storage::ReplaceFile(TokenPath(home, folder_name), token.uri() + "\n"); !written.ok()) {
    return written.error();
  }
  return enrolled;
}

// The first of keys/<name>-2, keys/<name>-3, … that is free.
Result<std::string> NextFolder(const Home& home, const std::string& name) {
  constexpr int kKeysMax = 1'000;
  for (int number = 2; number < kKeysMax; ++number) {
    const std::string folder = name + "-" + std::to_string(number);
    std::error_code failure;
    if (!fs::exists(fs::symlink_status(home.KeyFolder(folder), failure))) return folder;
  }
  return Refused("key.many", "there are a thousand keys of '" + name + "' below " + home.root() + "/keys",
                 "remove those that no charter names any more");
}

}  // namespace

Result<crypto::NoteKey> MakeNextKey(const Home& home, const std::string& name, crypto::NoteKeyType type) {
  const Result<std::string> folder = NextFolder(home, name);
  return folder.ok() ? MakeKeyIn(home, *folder, name, type) : folder.error();
}

Result<crypto::NoteKey> EnrolToken(const Home& home, const std::string& name, const signing::Pkcs11Token& token) {
  return EnrolTokenIn(home, name, name, token);
}

Result<crypto::NoteKey> EnrolNextToken(const Home& home, const std::string& name, const signing::Pkcs11Token& token) {
  const Result<std::string> folder = NextFolder(home, name);
  return folder.ok() ? EnrolTokenIn(home, *folder, name, token) : folder.error();
}

namespace {

// Folders below keys/, in no order.
std::vector<std::string> KeyFolders(const Home& home) {
  std::vector<std::string> folders;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(home.root() + "/keys", failure)) {
    if (std::string name = entry.path().filename().string(); IsFolderName(name)) folders.push_back(std::move(name));
  }
  return folders;
}

struct HeldPrivateKey {
  std::string name;
  signing::Ed25519PrivateKey key;
};

std::vector<HeldPrivateKey> ReadKeys(const Home& home) {
  std::vector<HeldPrivateKey> keys;
  for (const std::string& name : KeyFolders(home)) {
    Result<signing::Ed25519PrivateKey> key = signing::Ed25519PrivateKey::ReadFile(home.KeyPath(name));
    if (key.ok()) keys.push_back({name, std::move(*key)});
  }
  return keys;
}

}  // namespace

std::vector<HeldKey> ListKeys(const Home& home) {
  std::vector<HeldKey> keys;
  for (const HeldPrivateKey& held : ReadKeys(home)) {
    keys.push_back({held.name, VerifierKeyOf(home, held.name, held.key.public_key()), ""});
  }
  for (const std::string& name : KeyFolders(home)) {
    if (std::optional<HeldKey> held = ReadTokenKey(home, name)) keys.push_back(*std::move(held));
  }
  std::sort(keys.begin(), keys.end(), [](const HeldKey& a, const HeldKey& b) { return a.name < b.name; });
  return keys;
}

std::vector<std::string> ListExposedKeys(const Home& home) {
  std::vector<std::string> exposed;
  for (const std::string& name : KeyFolders(home)) {
    for (const std::string& path : {home.KeyPath(name), TokenPath(home, name)}) {
      std::string text(kUriBytesMax, '\0');
      if (access(path.c_str(), R_OK) != 0) continue;
      const Result<void> read = signing::ReadSecret(path, text);
      OPENSSL_cleanse(text.data(), text.size());
      if (!read.ok() && read.error().rule == "key.permissions") exposed.push_back(name);
    }
  }
  std::sort(exposed.begin(), exposed.end());
  return exposed;
}

Result<signing::Ed25519PrivateKey> FindPrivateKey(const Home& home, const crypto::Ed25519PublicKey& key) {
  for (const std::string& name : KeyFolders(home)) {
    Result<signing::Ed25519PrivateKey> held = signing::Ed25519PrivateKey::ReadFile(home.KeyPath(name));
    if (held.ok() && held->public_key() == key) return held;
  }
  return Error{ErrorCode::kNotFound, "key.missing", "no readable private key for it below " + home.root() + "/keys",
               "run this where that key is kept, or as the user who holds it"};
}

Result<signing::Ed25519PrivateKey> FindPrivateKey(const Home& home, const crypto::NoteKey& key) {
  // Mostly in the folder of its name; to read all that a home has costs a tenth of a millisecond for each.
  if (IsFolderName(key.name)) {
    Result<signing::Ed25519PrivateKey> named = signing::Ed25519PrivateKey::ReadFile(home.KeyPath(key.name));
    if (named.ok() && named->public_key() == key.key) return named;
  }
  Result<signing::Ed25519PrivateKey> found = FindPrivateKey(home, key.key);
  if (found.ok()) return found;
  Error error = found.error();
  error.message = "no readable private key for '" + key.name + "' below " + home.root() + "/keys";
  return error;
}

Result<signing::Signer> FindSigner(const Home& home, const crypto::NoteKey& key) {
  Result<signing::Ed25519PrivateKey> found = FindPrivateKey(home, key);
  if (found.ok()) return signing::Signer(*std::move(found));
  for (const std::string& name : KeyFolders(home)) {
    const std::optional<HeldKey> held = ReadTokenKey(home, name);
    if (!held || held->key.key != key.key) continue;
    Result<signing::Pkcs11Token> token = signing::Pkcs11Token::Parse(held->token);
    if (!token.ok()) return token.error();
    if (Result<void> takes_pins = token->Check(); !takes_pins.ok()) return takes_pins.error();
    return signing::Signer(key.key, *std::move(token));
  }
  Error error = found.error();
  const signing::SshAgent agent = signing::SshAgent::OfEnvironment();
  const Result<std::vector<signing::AgentKey>> held = agent.List();
  if (!held.ok()) {
    error.message += "; " + held.error().message;
    return error;
  }
  for (const signing::AgentKey& one : *held) {
    if (one.key == key.key) return signing::Signer(key.key, agent);
  }
  if (!agent.path().empty()) error.message += ", and the ssh-agent holds none";
  return error;
}

}  // namespace pawl::ledger
