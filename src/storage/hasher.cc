#include "storage/hasher.h"

#include <cassert>

#include "crypto/libcrypto.h"

namespace pawl::storage {

struct Sha256Hasher::State {
  crypto::EvpDigestContext context{EVP_MD_CTX_new()};
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {
  const int done = EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr);
  assert(done == 1);
}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

Sha256Hasher& Sha256Hasher::Update(std::string_view bytes) {
  const int done = EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
  assert(done == 1);
  return *this;
}

crypto::Digest Sha256Hasher::Finish() {
  crypto::Digest digest;
  const int done = EVP_DigestFinal_ex(state_->context.get(), digest.bytes.data(), nullptr) &
                   EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr);
  assert(done == 1);
  return digest;
}

}  // namespace pawl::storage
