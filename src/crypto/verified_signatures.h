// What a long-lived process remembers of the Ed25519 signatures that it has verified or made itself, so that the same
// key, message and signature cost a hash the second time. The gate meets each of its own signatures again when it folds
// it, and each vote and approval again in the warrant. pawl-check remembers nothing.
//
//   crypto::RememberVerified(16'384);   // half a megabyte; once, in the thread that verifies
//
// Thread safety: each thread remembers for itself.
#pragma once

#include "crypto/ed25519.h"

namespace pawl::crypto {

// From now on this thread remembers up to so many, 32 bytes each, by the SHA-256 of key, signature and message; a newer
// one takes the place of an older. 0, as at the start: none.
void RememberVerified(size_t count);

// For src/signing alone: this process has just made that signature with the private key.
void TakeAsVerified(const Ed25519PublicKey& key, std::string_view message, std::string_view signature);

}  // namespace pawl::crypto
