#include "signing/ssh_agent.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "crypto/ssh_key.h"
#include "crypto/ssh_wire.h"

namespace pawl::signing {
namespace {

constexpr size_t kMessageBytesMax = 256 * 1024;  // OpenSSH's own limit, for requests and answers
constexpr uint32_t kKeysMax = 2'048;             // likewise
constexpr std::chrono::seconds kPatience{120};   // a person may be asked
enum : uint8_t { kFailure = 5, kListRequest = 11, kListAnswer = 12, kSignRequest = 13, kSignAnswer = 14 };
constexpr std::string_view kType = "ssh-ed25519";

Error Unreachable(const std::string& path, const std::string& why) {
  return SystemFailure("agent.unreachable", "the ssh-agent at '" + path + "' cannot be asked: " + why,
                       "start one, or correct SSH_AUTH_SOCK; ssh-add -l shows what it holds");
}

Error WrongAnswer(const std::string& why) {
  return Malformed("agent.answer", "the ssh-agent's answer " + why, "is SSH_AUTH_SOCK an ssh-agent's?");
}

class Socket {
 public:
  explicit Socket(const std::string& path) : path_(path) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  Result<void> Connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return Unreachable(path_, "the path is too long");
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    descriptor_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor_ < 0 || connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return Unreachable(path_, std::strerror(errno));
    return {};
  }

  Result<void> Send(std::string_view bytes) {
    while (!bytes.empty()) {
      if (Result<void> ready = Await(POLLOUT); !ready.ok()) return ready;
      const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (sent < 0) return Unreachable(path_, std::strerror(errno));
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return {};
  }

  Result<std::string> Receive(size_t count) {
    std::string bytes(count, '\0');
    size_t have = 0;
    while (have < count) {
      if (Result<void> ready = Await(POLLIN); !ready.ok()) return ready.error();
      const ssize_t got = recv(descriptor_, bytes.data() + have, count - have, 0);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) return Unreachable(path_, std::strerror(errno));
      if (got == 0) return WrongAnswer("ends early");
      have += static_cast<size_t>(got);
    }
    return bytes;
  }

 private:
  Result<void> Await(short what) {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      pollfd waits{descriptor_, what, 0};
      const int ready = left <= 0 ? 0 : poll(&waits, 1, static_cast<int>(left));
      if (ready > 0) return {};
      if (ready == 0) return Unreachable(path_, "it does not answer");
      if (errno != EINTR) return Unreachable(path_, std::strerror(errno));
    }
  }

  using Clock = std::chrono::steady_clock;
  std::string path_;
  int descriptor_ = -1;
  const Clock::time_point deadline_ = Clock::now() + kPatience;
};

// One request and its answer, each without the length in front.
Result<std::string> Ask(const std::string& path, const std::string& request) {
  Socket socket(path);
  if (Result<void> connected = socket.Connect(); !connected.ok()) return connected.error();
  if (Result<void> sent = socket.Send(crypto::SshString(request)); !sent.ok()) return sent.error();
  Result<std::string> length = socket.Receive(4);
  if (!length.ok()) return length.error();
  const uint32_t size = crypto::SshReader(*length).Word();
  if (size == 0) return WrongAnswer("is empty");
  if (size > kMessageBytesMax) return WrongAnswer("is longer than " + std::to_string(kMessageBytesMax) + " bytes");
  return socket.Receive(size);
}

}  // namespace

SshAgent SshAgent::OfEnvironment() {
  const char* path = std::getenv("SSH_AUTH_SOCK");
  return SshAgent(path == nullptr ? "" : path);
}

Result<std::vector<AgentKey>> SshAgent::List() const {
  std::vector<AgentKey> keys;
  if (path_.empty()) return keys;
  const Result<std::string> answer = Ask(path_, std::string(1, static_cast<char>(kListRequest)));
  if (!answer.ok()) return answer.error();
  crypto::SshReader reader(*answer);
  if (reader.Byte() != kListAnswer) return WrongAnswer("is no list of keys");
  const uint32_t count = reader.Word();
  if (count > kKeysMax) return WrongAnswer("has more than " + std::to_string(kKeysMax) + " keys");
  for (uint32_t i = 0; i < count; ++i) {
    const Result<crypto::SshPublicKey> listed = crypto::SshPublicKey::ParseBlob(reader.String());
    const std::string comment(reader.String());
    if (!listed.ok() || listed->type != crypto::SshKeyType::kEd25519) continue;
    const Result<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::FromRaw(listed->key);
    if (key.ok()) keys.push_back({*key, comment});
  }
  if (!reader.Complete()) return WrongAnswer("is no list of so many keys");
  return keys;
}

Result<std::string> SshAgent::Sign(const crypto::Ed25519PublicKey& key, std::string_view message) const {
  if (path_.empty()) return Unreachable(path_, "SSH_AUTH_SOCK is not set");
  const crypto::SshPublicKey named{.type = crypto::SshKeyType::kEd25519, .key = key.raw(), .application = ""};
  const std::string request = static_cast<char>(kSignRequest) + crypto::SshString(named.Blob()) +
                              crypto::SshString(message) + crypto::SshWord(0);
  if (request.size() > kMessageBytesMax) {
    return Refused("agent.too-long", "an ssh-agent signs at most " + std::to_string(kMessageBytesMax) + " bytes",
                   "keep this key in a file: pawl key new");
  }
  const Result<std::string> answer = Ask(path_, request);
  if (!answer.ok()) return answer.error();
  if (*answer == std::string(1, static_cast<char>(kFailure))) {
    return Refused("agent.refused", "the ssh-agent does not sign with the key " + named.Fingerprint(),
                   "ssh-add -l shows what it holds; it may be locked, or somebody was asked and said no");
  }
  crypto::SshReader reader(*answer);
  if (reader.Byte() != kSignAnswer) return WrongAnswer("is no signature");
  const std::string_view blob = reader.String();
  if (!reader.Complete()) return WrongAnswer("is no signature");
  crypto::SshReader parts(blob);
  const bool is_ours = parts.String() == kType;
  std::string signature(parts.String());
  if (!parts.Complete() || !is_ours || signature.size() != 64) return WrongAnswer("is no Ed25519 signature");
  if (!key.Verify(message, signature)) {
    return Refused("agent.signature", "what the ssh-agent gave is no signature by the key " + named.Fingerprint(), "");
  }
  return signature;
}

}  // namespace pawl::signing
