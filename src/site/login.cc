#include "site/login.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encoding/base64.h"
#include "site/request.h"
#include "subject/file_descriptor.h"

namespace pawl::site {
namespace {

constexpr size_t kSecretBytesMin = 32, kSecretBytesMax = 256;
constexpr std::string_view kBasic = "Basic ";

// Takes the same time wherever they differ.
bool IsSameSecret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(secret[i % secret.size()]);
  }
  return difference == 0;
}

}  // namespace

Result<Login> Login::Read(const std::string& path) {
  const subject::FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts {};
  if (!fd.valid() || fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return SystemFailure("login.unreadable", "cannot read the file '" + path + "'",
                         "--login names a file with a secret");
  }
  if ((facts.st_mode & 027) != 0) {
    return Refused("login.permissions",
                   "others than its owner and group may read '" + path + "', or its group may change it",
                   "chmod 640 " + path);
  }
  std::string text(kSecretBytesMax + 2, '\0');
  const ssize_t got = read(fd.get(), text.data(), text.size());
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  if (text.ends_with('\n')) text.pop_back();
  const bool fits = text.size() >= kSecretBytesMin && text.size() <= kSecretBytesMax;
  if (!fits || text.find_first_of(std::string_view("\r\n\0 ", 4)) != text.npos) {
    return Error{ErrorCode::kUsage, "login.secret", "'" + path + "' does not hold one line of 32 to 256 bytes",
                 "openssl rand -hex 32 makes one"};
  }
  return Login(std::move(text));
}

std::optional<std::string> Login::Who(const server::HttpRequest& request) const {
  const std::string given = request.Field("authorization").value_or("");
  if (!IsFromHere(request) || !given.starts_with(kBasic)) return std::nullopt;
  const Result<std::string> decoded = encoding::DecodeBase64(std::string_view(given).substr(kBasic.size()));
  if (!decoded.ok()) return std::nullopt;
  const size_t colon = decoded->find(':');
  if (colon == decoded->npos || colon == 0) return std::nullopt;
  return IsSameSecret(std::string_view(*decoded).substr(colon + 1), secret_) ? std::optional(decoded->substr(0, colon))
                                                                             : std::nullopt;
}

}  // namespace pawl::site
