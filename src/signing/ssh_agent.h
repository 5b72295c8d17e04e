// Ed25519 keys that stay in an ssh-agent: asking it what it holds, and to sign.
//
//   SshAgent agent(path);                                    // $SSH_AUTH_SOCK
//   Result<std::vector<AgentKey>> keys = agent.List();
//   Result<std::string> signature = agent.Sign(keys->front().key, message);   // 64 bytes
//
// The agent decides whether it signs, and may ask a person first (`ssh-add -c`), so a request waits up to two minutes.
// It is not trusted: answers are limited in size before they are read, and a signature is checked with the public key
// before anybody gets it. Of the agent protocol (draft-ietf-sshm-ssh-agent) two requests are made: 11, list, and 13,
// sign. Each call opens a connection of its own. Thread safety: const calls may run at the same time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.h"
#include "result/result.h"

namespace pawl::signing {

struct AgentKey {
  crypto::Ed25519PublicKey key;
  std::string comment;  // whoever added the key wrote it: for display, after escaping
};

class SshAgent {
 public:
  explicit SshAgent(std::string socket_path) : path_(std::move(socket_path)) {}
  // The agent of the environment; its path is empty where SSH_AUTH_SOCK is not set.
  static SshAgent OfEnvironment();
  const std::string& path() const { return path_; }

  // The Ed25519 keys that it holds; keys of other kinds are passed over. None where no path is set.
  // kSystem "agent.unreachable"; kMalformed "agent.answer" for anything that the protocol does not have.
  Result<std::vector<AgentKey>> List() const;

  // kSystem "agent.unreachable"; kRefused "agent.refused" where the agent does not sign (locked, the key is gone, a
  // person said no), "agent.signature" where what it gave is no signature of the message by this key; kMalformed
  // "agent.answer"; kRefused "agent.too-long" for more than an agent takes.
  Result<std::string> Sign(const crypto::Ed25519PublicKey& key, std::string_view message) const;

 private:
  std::string path_;
};

}  // namespace pawl::signing
