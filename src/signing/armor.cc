#include "signing/armor.h"

#include "encoding/base64.h"

namespace pawl::signing {
namespace {

using crypto::Sshsig;

constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----\n";
constexpr std::string_view kEnd = "-----END SSH SIGNATURE-----\n";
constexpr size_t kArmorColumns = 70;

Error NoArmor(std::string message) { return Malformed("sshsig.malformed", std::move(message)); }

}  // namespace

std::string Armored(const Sshsig& signature) {
  const std::string base64 = encoding::EncodeBase64(signature.Raw());
  std::string text(kBegin);
  for (size_t i = 0; i < base64.size(); i += kArmorColumns) text += base64.substr(i, kArmorColumns) + "\n";
  return text += kEnd;
}

Result<Sshsig> ParseArmored(std::string_view text) {
  if (text.size() > 2 * crypto::kSshsigBytesMax) return NoArmor("the signature is too large");
  std::string whole(text);
  if (!whole.ends_with('\n')) whole += '\n';
  if (!whole.starts_with(kBegin) || !whole.ends_with(kEnd) || whole.size() < kBegin.size() + kEnd.size()) {
    return NoArmor("not between the lines BEGIN and END SSH SIGNATURE");
  }
  std::string base64 = whole.substr(kBegin.size(), whole.size() - kBegin.size() - kEnd.size());
  std::erase(base64, '\n');
  const Result<std::string> bytes = encoding::DecodeBase64(base64);
  if (!bytes.ok()) return NoArmor(bytes.error().message);
  Result<Sshsig> parsed = Sshsig::ParseRaw(*bytes);
  if (parsed.ok() && Armored(*parsed) != whole) return NoArmor("not in lines of 70 characters");
  return parsed;
}

}  // namespace pawl::signing
