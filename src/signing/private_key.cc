#include "signing/private_key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <sodium/core.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "crypto/libcrypto.h"
#include "crypto/verified_signatures.h"
#include "encoding/base64.h"
#include "signing/secret_file.h"

namespace pawl::signing {
namespace {

using crypto::Bytes;
using crypto::Ed25519PublicKey;
using crypto::EvpDigestContext;
using crypto::EvpKey;
using crypto::Free;
using crypto::P256PublicKey;

constexpr size_t kKeyFileBytesMax = 4'096;

struct File {
  int descriptor;
  explicit File(int opened) : descriptor(opened) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
};

Error FileError(const char* what, const std::string& path) {
  const int reason = errno;
  if (reason == EEXIST)
    return Refused("key.exists", path + " exists already", "choose another name; keys are never overwritten");
  if (reason == ENOENT) return {ErrorCode::kNotFound, "key.not-found", path + " does not exist", ""};
  if (reason == ELOOP) return Refused("key.permissions", path + " is a symbolic link", "name the key file itself");
  return SystemFailure("key.file", std::string(what) + " " + path + ": " + std::strerror(reason));
}

// PKCS#8 in PEM, without a pass phrase. The text is a secret.
std::string KeyText(EVP_PKEY* key) {
  const std::unique_ptr<BIO, Free<BIO_free_all>> memory(BIO_new(BIO_s_secmem()));
  const bool good =
      memory && PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  assert(good);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

int NoPassPhrase(char*, int, int, void*) { return -1; }

// One-shot signing. It fails only if memory does.
std::string SignWith(EVP_PKEY* key, const EVP_MD* digest, std::string_view message) {
  const EvpDigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  bool good = context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, Bytes(message), message.size()) == 1;
  std::string signature(size, '\0');
  good = good && EVP_DigestSign(context.get(), Bytes(signature), &size, Bytes(message), message.size()) == 1;
  assert(good);
  signature.resize(size);
  return signature;
}

}  // namespace

Result<void> ReadSecret(const std::string& path, std::string& text) {
  const File file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.descriptor < 0 || fstat(file.descriptor, &status) != 0) return FileError("cannot open", path);
  if (!S_ISREG(status.st_mode)) return Refused("key.permissions", path + " is not a regular file");
  if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return Refused("key.permissions", path + " is not this user's alone", "chown it to yourself and chmod it to 600");
  }
  const ssize_t size = read(file.descriptor, text.data(), text.size());
  if (size < 0) return FileError("cannot read", path);
  text.resize(static_cast<size_t>(size));
  return {};
}

namespace {

Error MalformedKey(const std::string& path) {
  return Malformed("key.malformed", path + " does not hold exactly one private key of the expected kind",
                   "it must be PKCS#8 in PEM, without pass phrase and text around it");
}

Result<EvpKey> ReadP256File(const std::string& path) {
  std::string text(kKeyFileBytesMax, '\0');
  if (Result<void> read = ReadSecret(path, text); !read.ok()) return read.error();
  const std::unique_ptr<BIO, Free<BIO_free_all>> memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  EvpKey key(PEM_read_bio_PrivateKey(memory.get(), nullptr, NoPassPhrase, nullptr));
  std::string again = key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC ? KeyText(key.get()) : std::string();
  const bool same = !again.empty() && text == again;
  OPENSSL_cleanse(text.data(), text.size());
  OPENSSL_cleanse(again.data(), again.size());
  if (!same) return MalformedKey(path);
  return key;
}

// RFC 8410 section 7 in PEM has one form: a fixed head and the seed. Written out, because every start of the gate reads
// each of its key files, and libcrypto's decoders take over a millisecond for one.
constexpr std::string_view kPemBegin = "-----BEGIN PRIVATE KEY-----\n", kPemEnd = "\n-----END PRIVATE KEY-----\n";
constexpr std::string_view kEd25519Head("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
constexpr size_t kSeedTextSize = 64;  // of head and seed in base64

std::string Ed25519KeyText(std::string_view seed) {
  std::string bytes(kEd25519Head);
  bytes += seed;
  std::string base64 = encoding::EncodeBase64(bytes);
  std::string text = std::string(kPemBegin).append(base64).append(kPemEnd);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  OPENSSL_cleanse(base64.data(), base64.size());
  return text;
}

// The seed, or nothing.
std::string SeedOf(std::string_view text) {
  if (text.size() != kPemBegin.size() + kSeedTextSize + kPemEnd.size() ||
      text.substr(0, kPemBegin.size()) != kPemBegin || text.substr(kPemBegin.size() + kSeedTextSize) != kPemEnd) {
    return {};
  }
  Result<std::string> bytes = encoding::DecodeBase64(text.substr(kPemBegin.size(), kSeedTextSize));
  if (!bytes.ok()) return {};
  const bool good = bytes->size() == kEd25519Head.size() + 32 && bytes->compare(0, 16, kEd25519Head) == 0;
  std::string seed = good ? bytes->substr(kEd25519Head.size()) : std::string();
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return seed;
}

// Under its own name a key is whole or not there: it is written beside it, and nothing that has the name is replaced.
bool GiveName(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  struct stat status;
  // Some file systems cannot promise that.
  const bool free_name = errno == EINVAL && lstat(to.c_str(), &status) != 0 && errno == ENOENT;
  return free_name && std::rename(from.c_str(), to.c_str()) == 0;
}

// Takes the secret text with it.
Result<void> WriteKeyFile(const std::string& path, std::string text) {
  const std::string fresh = path + ".new";
  struct stat status;
  if (lstat(path.c_str(), &status) == 0) {
    errno = EEXIST;
    return FileError("cannot create", path);
  }
  unlink(fresh.c_str());  // of one that was killed
  const File file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.descriptor < 0) return FileError("cannot create", path);
  const ssize_t written = write(file.descriptor, text.data(), text.size());
  OPENSSL_cleanse(text.data(), text.size());
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const File folder(open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Durable: the bytes, and the name in its folder.
  if (written != static_cast<ssize_t>(text.size()) || fsync(file.descriptor) != 0 || folder.descriptor < 0 ||
      !GiveName(fresh, path)) {
    const Error failure = FileError("cannot write", path);
    unlink(fresh.c_str());  // ours, and of no use
    return failure;
  }
  if (fsync(folder.descriptor) == 0) return {};
  const Error failure = FileError("cannot write", path);
  unlink(path.c_str());
  return failure;
}

}  // namespace

Ed25519PrivateKey::~Ed25519PrivateKey() { OPENSSL_cleanse(secret_.data(), secret_.size()); }

Result<Ed25519PrivateKey> Ed25519PrivateKey::Generate() {
  std::string seed(32, '\0');
  if (RAND_priv_bytes(Bytes(seed), static_cast<int>(seed.size())) != 1) {
    return SystemFailure("ed25519.random", "the machine has no random numbers to give");
  }
  Result<Ed25519PrivateKey> key = FromSeed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

Result<Ed25519PrivateKey> Ed25519PrivateKey::FromSeed(std::string_view seed) {
  if (seed.size() != 32) return Malformed("ed25519.key", "an Ed25519 seed has 32 bytes");
  std::string raw(32, '\0');
  std::array<uint8_t, 64> secret{};
  const bool good = sodium_init() >= 0 && crypto_sign_ed25519_seed_keypair(Bytes(raw), secret.data(), Bytes(seed)) == 0;
  assert(good);
  const Result<Ed25519PublicKey> public_key = Ed25519PublicKey::FromRaw(raw);
  if (!public_key.ok()) return public_key.error();
  const Ed25519PrivateKey made(secret, *public_key);
  OPENSSL_cleanse(secret.data(), secret.size());
  return made;
}

Result<Ed25519PrivateKey> Ed25519PrivateKey::ReadFile(const std::string& path) {
  std::string text(kKeyFileBytesMax, '\0');
  if (Result<void> read = ReadSecret(path, text); !read.ok()) return read.error();
  std::string seed = SeedOf(text);
  OPENSSL_cleanse(text.data(), text.size());
  if (seed.empty()) return MalformedKey(path);
  Result<Ed25519PrivateKey> made = FromSeed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return made;
}

Result<void> Ed25519PrivateKey::WriteFile(const std::string& path) const {
  return WriteKeyFile(path, Ed25519KeyText({reinterpret_cast<const char*>(secret_.data()), 32}));
}

std::string Ed25519PrivateKey::Sign(std::string_view message) const {
  std::string signature(64, '\0');
  crypto_sign_ed25519_detached(Bytes(signature), nullptr, Bytes(message), message.size(), secret_.data());
  crypto::TakeAsVerified(public_key_, message, signature);
  return signature;
}

Result<P256PrivateKey> P256PrivateKey::From(std::shared_ptr<evp_pkey_st> key) {
  std::string point(65, '\0');
  size_t size = 0;
  const bool read = EVP_PKEY_get_octet_string_param(key.get(), "pub", Bytes(point), point.size(), &size) == 1;
  const Result<P256PublicKey> public_key = P256PublicKey::FromPoint(read && size == point.size() ? point : "");
  if (!public_key.ok()) return public_key.error();
  return P256PrivateKey(std::move(key), *public_key);
}

Result<P256PrivateKey> P256PrivateKey::Generate() {
  std::shared_ptr<evp_pkey_st> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  if (!key) return SystemFailure("p256.random", "the machine has no random numbers to give");
  return From(std::move(key));
}

Result<P256PrivateKey> P256PrivateKey::ReadFile(const std::string& path) {
  Result<EvpKey> key = ReadP256File(path);
  if (!key.ok()) return key.error();
  return From(std::shared_ptr<evp_pkey_st>(key->release(), EVP_PKEY_free));
}

Result<void> P256PrivateKey::WriteFile(const std::string& path) const {
  return WriteKeyFile(path, KeyText(key_.get()));
}

std::string P256PrivateKey::SignDer(std::string_view message) const {
  return SignWith(key_.get(), EVP_sha256(), message);
}

std::string P256PrivateKey::SignRaw(std::string_view message) const {
  const std::string der = SignDer(message);
  const unsigned char* begin = Bytes(der);
  const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(
      d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())));
  assert(signature);
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), Bytes(raw), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), Bytes(raw) + 32, 32);
  return raw;
}

}  // namespace pawl::signing
