#include "crypto/libcrypto.h"

namespace pawl::crypto {

bool VerifyWith(EVP_PKEY* key, const EVP_MD* digest, std::string_view message, std::string_view signature) {
  const EvpDigestContext context(EVP_MD_CTX_new());
  return key != nullptr && context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message), message.size()) == 1;
}

}  // namespace pawl::crypto
