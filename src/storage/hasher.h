// The SHA-256 digest of bytes that arrive in pieces: archives and exports are too large to be held whole. What is
// checked by pawl-check is held whole and hashed by crypto::Sha256.
//
//   Sha256Hasher hasher;
//   hasher.Update("ab").Update("c");
//   crypto::Digest digest = hasher.Finish();   // crypto::Sha256("abc")
//
// Thread safety: a hasher belongs to one thread.
#pragma once

#include <memory>
#include <string_view>

#include "crypto/digest.h"

namespace pawl::storage {

class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  Sha256Hasher& Update(std::string_view bytes);
  // Ends the computation; the hasher then starts anew.
  crypto::Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pawl::storage
