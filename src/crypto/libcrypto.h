// Owners for libcrypto's objects, and private keys in files. For the sources of this module alone.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::crypto {

// std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>
template <auto function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    function(object);
  }
};
using EvpKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using EvpKeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using EvpDigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

inline const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
inline unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// One-shot signing and verifying; `digest` is null for Ed25519. Signing asserts: it fails only if memory does.
std::string SignWith(EVP_PKEY* key, const EVP_MD* digest, std::string_view message);
bool VerifyWith(EVP_PKEY* key, const EVP_MD* digest, std::string_view message, std::string_view signature);

// The rules for both are those of Ed25519PrivateKey::ReadFile and WriteFile.
Result<EvpKey> ReadKeyFile(const std::string& path, int key_type);
Result<void> WriteKeyFile(const std::string& path, EVP_PKEY* key);

}  // namespace pawl::crypto
