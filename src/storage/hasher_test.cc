#include "storage/hasher.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace pawl::storage {
namespace {

RC_GTEST_PROP(Sha256Hasher, PiecesHashLikeTheWhole, (const std::vector<std::string>& pieces)) {
  Sha256Hasher hasher;
  for (int round = 0; round < 2; ++round) {  // Finish starts anew
    std::string whole;
    for (const std::string& piece : pieces) {
      whole += piece;
      hasher.Update(piece);
    }
    RC_ASSERT(hasher.Finish() == crypto::Sha256(whole));
  }
}

}  // namespace
}  // namespace pawl::storage
