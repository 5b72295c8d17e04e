// Any allowed_signers file is refused with a rule, or names literal principals, each key once.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "crypto/allowed_signers.h"

using namespace pawl;          // NOLINT
using namespace pawl::crypto;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto signers = ParseAllowedSigners({reinterpret_cast<const char*>(data), size});
  if (!signers.ok()) {
    Require(signers.error().rule.starts_with("allowed-signers."));
    return 0;
  }
  std::set<std::string> keys;
  for (const AllowedSigner& signer : *signers) {
    Require(keys.insert(signer.key.UnderlyingKey()).second && signer.line > 0);
    Require(!signer.principal.empty() && signer.principal.find_first_of("*?!,\" \t") == std::string::npos);
    for (const std::string& name : signer.namespaces) {
      Require(!name.empty() && name.find_first_of("*?!,\" \t") == std::string::npos);
    }
    (void)signer.Allows("approve@pawl", 0);
  }
  return 0;
}
