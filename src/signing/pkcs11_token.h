// Ed25519 keys that stay in a PKCS#11 token (a hardware module, a smart card, SoftHSM), addressed by an RFC 7512 URI.
//
//   Result<Pkcs11Token> token = Pkcs11Token::Parse(
//       "pkcs11:token=pawl;object=prover-a?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/pawl/pin");
//   Result<crypto::Ed25519PublicKey> key = token->PublicKey();
//   Result<std::string> signature = token->Sign(*key, message);   // 64 bytes
//
// p11-kit reads the URI and loads the module that it names, which is code that runs in this process: whoever writes the
// URI decides that. The token is not trusted: what it says is limited in size, and a signature is checked with the
// public key before anybody gets it. Each call loads the module, logs in and leaves it again, so a token may come and
// go; how long one takes is up to its module.
//
// A token locks itself after a few wrong PINs, and programs try again by themselves. So none is tried where the token
// says that its last one was wrong (but by PublicKey, behind which a person is), and never the same wrong one twice in
// one process.
//
// Thread safety: const calls may run at the same time; they wait for each other.
#pragma once

#include <string>
#include <string_view>

#include "crypto/ed25519.h"
#include "result/result.h"

namespace pawl::signing {

class Pkcs11Token {
 public:
  // Where a URI has no pin-source, the PIN is this variable's value. In no case is it an argument or a part of the URI.
  static constexpr const char* kPinVariable = "PAWL_PKCS11_PIN";

  // kUsage "token.uri" for what is no URI of a private key in a token, names no module by its path, or has a PIN in it;
  // kSystem "token.library".
  static Result<Pkcs11Token> Parse(std::string_view uri);
  const std::string& uri() const { return uri_; }

  // Whether the one token is there and takes a PIN, without giving it one: what can be known before work is done that
  // its key has to sign. kSystem "token.module" where the module cannot be loaded, "token.absent", "token.failed";
  // kRefused "token.several" where the URI names more than one, "token.pin-locked", "token.pin-count" where the PIN
  // before was wrong.
  Result<void> Check() const;

  // The public half of the key, which has to be Ed25519 and such that it cannot leave the token. Beside the errors of
  // Check: kRefused "token.no-pin", "token.wrong-pin", "token.several", "token.exportable", "key.kind"; kNotFound
  // "token.no-key"; those of ReadSecret about the PIN's file; kMalformed "token.answer".
  Result<crypto::Ed25519PublicKey> PublicKey() const;

  // Errors are those of PublicKey, and kRefused "token.signature" where what it gave is no signature of the message by
  // this key.
  Result<std::string> Sign(const crypto::Ed25519PublicKey& key, std::string_view message) const;

 private:
  explicit Pkcs11Token(std::string uri) : uri_(std::move(uri)) {}
  std::string uri_;
};

}  // namespace pawl::signing
