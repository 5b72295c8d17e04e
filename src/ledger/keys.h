// Private keys in a home: one folder a key holder (0700), with one key file in it (0600), or with the URI of a key in a
// PKCS#11 token.
//
//   Result<signing::Ed25519PrivateKey> key = FindPrivateKey(home, charter.gate.log);
//
// Thread safety: reads the file system; no shared state.
#pragma once

#include <string>
#include <vector>

#include "crypto/note_key.h"
#include "ledger/home.h"
#include "result/result.h"
#include "signing/private_key.h"
#include "signing/signer.h"

namespace pawl::ledger {

// Makes keys/<name>/key.pem; never overwrites. `name` also becomes the key's name in signatures. The verifier key is
// kept beside it for ListKeys.
Result<crypto::NoteKey> MakeKey(const Home& home, const std::string& name, crypto::NoteKeyType type);

// One more for the same name, in the first free of keys/<name>-2, keys/<name>-3, …: the old one signs until an
// amendment names this one, and whoever signs takes the key that the charter names, from whatever folder.
Result<crypto::NoteKey> MakeNextKey(const Home& home, const std::string& name, crypto::NoteKeyType type);

// The private half of a public key, wherever in keys/ it is; kNotFound "key.missing" where this user has none.
Result<signing::Ed25519PrivateKey> FindPrivateKey(const Home& home, const crypto::NoteKey& key);
Result<signing::Ed25519PrivateKey> FindPrivateKey(const Home& home, const crypto::Ed25519PublicKey& key);

// Remembers in keys/<name>/ that the key of this URI is in a PKCS#11 token: the URI as a file of its user's alone (who
// writes it has a module loaded), and the verifier key beside it. The token has to sign with it first. Once more with
// the same key replaces the URI; "key.exists" where the folder has another key.
Result<crypto::NoteKey> EnrolToken(const Home& home, const std::string& name, const signing::Pkcs11Token& token);
// The same as one more key of that name, in the folder that MakeNextKey would take.
Result<crypto::NoteKey> EnrolNextToken(const Home& home, const std::string& name, const signing::Pkcs11Token& token);

// What signs for a reviewer's key: its file below keys/, or else the PKCS#11 token that a folder there names for it, or
// else the ssh-agent of SSH_AUTH_SOCK, if that lists the key. kNotFound "key.missing" where none has it; an agent that
// cannot be asked is named in the message. Errors of Pkcs11Token::Check where the key's token takes no PIN now.
Result<signing::Signer> FindSigner(const Home& home, const crypto::NoteKey& key);

// Every key of this home that this user can read, or have a token sign with: the folder's name, and the verifier key as
// it was when it was made. Where that is not kept beside it (an earlier Pawl made it), one of the folder's name that
// cosigns nothing.
struct HeldKey {
  std::string name;
  crypto::NoteKey key;
  std::string token;  // the URI; empty where the key is a file
};
std::vector<HeldKey> ListKeys(const Home& home);

// Folders below keys/ whose key file this user could read though it is a link or not kept for this user alone: nothing
// signs with it, and whoever can read it could. Likewise of a token's URI. Sorted.
std::vector<std::string> ListExposedKeys(const Home& home);

}  // namespace pawl::ledger
