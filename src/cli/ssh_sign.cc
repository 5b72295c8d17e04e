#include "cli/ssh_sign.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "crypto/ssh_key.h"
#include "crypto/sshsig.h"
#include "signing/armor.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "warrant/statements.h"

extern char** environ;

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

}  // namespace

Result<crypto::SshPublicKey> PublicHalf(const std::string& key) {
  const fs::path file = key.size() > 4 && key.ends_with(".pub") ? fs::path(key) : fs::path(key + ".pub");
  constexpr size_t kLineBytesMax = 16'384;
  Result<std::string> read =
      subject::ReadRegularFile(file.string(), kLineBytesMax, "sign.key", subject::Links::kFollow);
  if (!read.ok() || read->empty()) {
    const std::string why = read.ok() || read.error().code == ErrorCode::kNotFound ? "" : ": " + read.error().message;
    return Error{ErrorCode::kUsage, "sign.no-key", "there is no public key at '" + file.string() + "'" + why,
                 "ssh-keygen -y makes it from the private key"};
  }
  std::string line = std::move(*read);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return crypto::SshPublicKey::ParseLine(line);
}

namespace {

const crypto::AllowedSigner* FindSigner(const charter::Charter& charter, const crypto::SshPublicKey& key,
                                        const std::string& principal) {
  for (const crypto::AllowedSigner& signer : charter.approval.signers) {
    if (signer.key.UnderlyingKey() == key.UnderlyingKey() && (principal.empty() || signer.principal == principal)) {
      return &signer;
    }
  }
  return nullptr;
}

// A file in memory, so that no disk has to have room for a signature: people halt on full ones.
Result<subject::FileDescriptor> FileInMemory(std::string_view bytes) {
  subject::FileDescriptor file(memfd_create("pawl-sign", MFD_CLOEXEC));
  if (file.valid() && storage::WriteAll(file.get(), bytes) && lseek(file.get(), 0, SEEK_SET) == 0) return file;
  return SystemFailure("sign.memory", std::string("cannot hold what is signed in memory: ") + std::strerror(errno));
}

// What the message comes from is no terminal; the person's is still there to type a PIN at, which ssh-keygen believes
// only where it is told to ask no graphical program.
std::vector<char*> EnvironmentForSigning() {
  static char never[] = "SSH_ASKPASS_REQUIRE=never";
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
  if (isatty(STDIN_FILENO) != 0 && std::getenv("SSH_ASKPASS_REQUIRE") == nullptr) environment.push_back(never);
  environment.push_back(nullptr);
  return environment;
}

// Signs a message with the terminal of the person, who may have to touch a key or type a PIN; the armoured signature.
Result<std::string> RunSshKeygen(const std::vector<std::string>& arguments, std::string_view message) {
  constexpr uint64_t kSignatureBytesMax = 65'536;
  Result<subject::FileDescriptor> input = FileInMemory(message);
  if (!input.ok()) return input.error();
  Result<subject::FileDescriptor> output = FileInMemory("");
  if (!output.ok()) return output.error();
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input->get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output->get(), STDOUT_FILENO);
  const int failure =
      posix_spawnp(&child, "ssh-keygen", &actions, nullptr, argv.data(), EnvironmentForSigning().data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return SystemFailure("sign.ssh-keygen", "cannot run ssh-keygen", "install openssh-client");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return SystemFailure("sign.ssh-keygen", "ssh-keygen did not sign", "its message is above");
  }
  std::string signature;
  lseek(output->get(), 0, SEEK_SET);
  if (Result<void> read = subject::ReadUpTo(output->get(), kSignatureBytesMax, signature); !read.ok()) {
    return read.error();
  }
  return signature;
}

}  // namespace

Result<SignerChoice> ResolveSigner(const charter::Charter& charter, const SignerChoice& choice) {
  std::vector<std::string> candidates;
  if (!choice.key.empty()) {
    candidates.push_back(choice.key);
  } else if (const char* home = std::getenv("HOME")) {
    for (const char* name : {"id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa"}) {
      const std::string path = std::string(home) + "/.ssh/" + name;
      if (fs::exists(path + ".pub")) candidates.push_back(path);
    }
  }
  for (const std::string& key : candidates) {
    Result<crypto::SshPublicKey> half = PublicHalf(key);
    if (!half.ok()) return half.error();
    if (const crypto::AllowedSigner* signer = FindSigner(charter, *half, choice.principal)) {
      return SignerChoice{key, signer->principal};
    }
  }
  if (candidates.empty()) {
    return Error{ErrorCode::kUsage, "sign.no-key", "no key to sign with was found", "--key FILE names one"};
  }
  return Refused("sign.not-a-signer",
                 "the charter lists no such key" + (choice.principal.empty() ? "" : " for '" + choice.principal + "'"),
                 "sign with a key of " + charter.approval.signers_file + ": --key FILE");
}

Result<encoding::Signature> SignWithKey(const std::string& payload, const std::string& key,
                                        const crypto::SshPublicKey& expected, const std::string& keyid) {
  const std::string message = encoding::PreAuthenticationEncoding(warrant::kPayloadType, payload);
  Result<std::string> armoured = RunSshKeygen(
      {"ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", std::string(warrant::kApprovalNamespace)}, message);
  if (!armoured.ok()) return armoured.error();
  Result<crypto::Sshsig> signature = signing::ParseArmored(*armoured);
  if (!signature.ok()) return signature.error();
  if (signature->key.UnderlyingKey() != expected.UnderlyingKey()) {
    return Refused("sign.not-a-signer", "ssh-keygen signed with another key than was asked for");
  }
  Result<crypto::SshsigFacts> facts = crypto::VerifySshsig(*signature, message, warrant::kApprovalNamespace, expected);
  if (!facts.ok()) return facts.error();
  return encoding::Signature{.keyid = keyid, .sig = signature->Raw()};
}

Result<encoding::Signature> SignAsPerson(const std::string& payload, const charter::Charter& charter,
                                         const SignerChoice& choice) {
  Result<SignerChoice> signer = ResolveSigner(charter, choice);
  if (!signer.ok()) return signer.error();
  Result<crypto::SshPublicKey> half = PublicHalf(signer->key);
  if (!half.ok()) return half.error();
  const crypto::AllowedSigner* listed = FindSigner(charter, *half, signer->principal);
  if (listed == nullptr) return Refused("sign.not-a-signer", "'" + signer->key + "' has changed while it was read");
  return SignWithKey(payload, signer->key, listed->key, signer->principal);
}

}  // namespace pawl::cli
