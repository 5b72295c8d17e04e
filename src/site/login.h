// Who reads, where a proxy on this machine asks people to log in.
//
//   Result<Login> login = Login::Read("/etc/pawl/login-secret");
//   std::optional<std::string> who = login->Who(request);      // nothing: 401
//
// The proxy has asked (OpenID Connect, a password, …) and says whom it passes on as HTTP Basic: the name of the person,
// and for the password a secret that it shares with this server. That counts from a loopback address alone, so that
// what is sent to a port that others can reach is worth nothing. Logging in lets people read: whoever approves signs.
//
// Thread safety: a value.
#pragma once

#include <optional>
#include <string>

#include "result/result.h"
#include "server/http_message.h"

namespace pawl::site {

class Login {
 public:
  // One line of 32 to 256 bytes in a file that only its owner and group may read (a group, because mounted secrets are
  // root's). kUsage "login.secret", kRefused
  // "login.permissions", kSystem "login.unreadable".
  static Result<Login> Read(const std::string& path);
  explicit Login(std::string secret) : secret_(std::move(secret)) {}

  std::optional<std::string> Who(const server::HttpRequest& request) const;

 private:
  std::string secret_;
};

}  // namespace pawl::site
