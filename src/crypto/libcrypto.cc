#include "crypto/libcrypto.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace pawl::crypto {
namespace {

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

}  // namespace

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

bool VerifyWith(EVP_PKEY* key, const EVP_MD* digest, std::string_view message, std::string_view signature) {
  const EvpDigestContext context(EVP_MD_CTX_new());
  return key != nullptr && context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message), message.size()) == 1;
}

Result<EvpKey> ReadKeyFile(const std::string& path, int key_type) {
  const File file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.descriptor < 0 || fstat(file.descriptor, &status) != 0) return FileError("cannot open", path);
  if (!S_ISREG(status.st_mode)) return Refused("key.permissions", path + " is not a regular file");
  if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return Refused("key.permissions", path + " is not this user's alone", "chown it to yourself and chmod it to 600");
  }
  std::string text(kKeyFileBytesMax, '\0');
  const ssize_t size = read(file.descriptor, text.data(), text.size());
  if (size < 0) return FileError("cannot read", path);
  const std::unique_ptr<BIO, Free<BIO_free_all>> memory(BIO_new_mem_buf(text.data(), static_cast<int>(size)));
  EvpKey key(PEM_read_bio_PrivateKey(memory.get(), nullptr, NoPassPhrase, nullptr));
  std::string again = key && EVP_PKEY_get_base_id(key.get()) == key_type ? KeyText(key.get()) : std::string();
  const bool same = !again.empty() && std::string_view(text).substr(0, static_cast<size_t>(size)) == again;
  OPENSSL_cleanse(text.data(), text.size());
  OPENSSL_cleanse(again.data(), again.size());
  if (!same) {
    return Malformed("key.malformed", path + " does not hold exactly one private key of the expected kind",
                     "it must be PKCS#8 in PEM, without pass phrase and text around it");
  }
  return key;
}

Result<void> WriteKeyFile(const std::string& path, EVP_PKEY* key) {
  const File file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.descriptor < 0) return FileError("cannot create", path);
  std::string text = KeyText(key);
  const ssize_t written = write(file.descriptor, text.data(), text.size());
  OPENSSL_cleanse(text.data(), text.size());
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const File folder(open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Durable: the bytes, and the name in its folder.
  if (written != static_cast<ssize_t>(text.size()) || fsync(file.descriptor) != 0 || folder.descriptor < 0 ||
      fsync(folder.descriptor) != 0) {
    const Error failure = FileError("cannot write", path);
    unlink(path.c_str());  // ours, and of no use
    return failure;
  }
  return {};
}

}  // namespace pawl::crypto
