// A small charter that is accepted, for tests that change one thing about it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "charter/charter.h"
#include "crypto/ed25519.h"
#include "crypto/note_key.h"
#include "crypto/ssh_key.h"
#include "signing/private_key.h"
#include "subject/testing.h"

namespace pawl::charter {

inline crypto::Ed25519PublicKey TestKey(char seed) {
  return signing::Ed25519PrivateKey::FromSeed(std::string(32, seed))->public_key();
}

inline std::string TestNoteKey(const std::string& name, char seed,
                               crypto::NoteKeyType type = crypto::NoteKeyType::kEd25519) {
  return crypto::NoteKey::Of(name, type, TestKey(seed)).Text();
}

inline std::string TestSigner(const std::string& principal, char seed,
                              crypto::SshKeyType type = crypto::SshKeyType::kSkEd25519) {
  crypto::SshPublicKey key;
  key.type = type;
  key.key = TestKey(seed).raw();
  if (crypto::IsSecurityKey(type)) key.application = "ssh:";
  return principal + " namespaces=\"approve@pawl\" " + key.Line() + "\n";
}

// So many fixed probes, all different.
inline std::string TestProbes(size_t number) {
  std::string probes;
  for (size_t i = 0; i < number; ++i) {
    std::string probe = std::to_string(i);
    probes += probe.append(32 - probe.size(), 'p');
  }
  return probes;
}

// The files of a charter; change them, then Read().
struct TestCharter {
  std::map<std::string, std::string> files;

  TestCharter() {
    files["properties/calm.vnnlib"] =
        "(declare-const X_0 Real)\n(declare-const X_1 Real)\n(declare-const Y_0 Real)\n(declare-const Y_1 Real)\n"
        "(assert (>= X_0 0))\n(assert (<= X_0 1))\n(assert (>= X_1 0))\n(assert (<= X_1 1))\n(assert (>= Y_0 100))\n";
    files["mutants/loud.onnx"] = subject::Testdata("policy.onnx");
    files["evaluate.py"] = "print('{}')\n";
    files["probes.bin"] = TestProbes(1000);
    files["approvers"] =
        TestSigner("ann@example.org", 'A') + TestSigner("bob@example.org", 'B') + TestSigner("cy@example.org", 'C');
    files["charter.toml"] = R"(
[subject]
name = "controller"
resource = "https://example.org/controller"
baseline = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

[[surface]]
path = "policy.onnx"
kind = "network"
operators = ["Gemm", "Relu"]
max_parameters = 20_000

[[surface]]
path = "improver/**"
kind = "text"
may_add = true
max_changed_lines = 200

[[property]]
name = "calm"
network = "policy.onnx"
spec = "properties/calm.vnnlib"
falsified_by = "mutants/loud.onnx"

[improver]
command = ["python3", "improver/improve.py"]
limits = { wall_seconds = 60, memory_mib = 1024, processes = 16 }

[evaluation]
command = ["python3", "evaluate.py"]
limits = { wall_seconds = 120, memory_mib = 1024, processes = 16 }
episodes = 4000
probes = 2000
probes_file = "probes.bin"
closure = ["/usr/bin/python3"]

[[evaluation.metric]]
name = "near_miss"
better = "lower"

[[evaluation.metric]]
name = "score"
better = "higher"

# Tests run as ordinary users and in containers too, where there are no control groups.
[sandbox]
accept = ["memory-per-process", "forks-uncounted", "cpu-per-process"]

[bounds.harm]
metric = "near_miss"
limit = 0.01

[bounds.improvement]
metric = "score"

[bounds.capability]
metric = "score"
max_step = 0.02
ceiling = 0.95

[bounds.drift]
limit = 0.10

[bounds.acceleration]
expected_step = 0.005

[pace]
min_interval = "24h"
max_releases = 3
window = "7d"

[[reviewer]]
name = "prover-a"
principal = "ann@example.org"
role = "prover"
key = "{prover-a}"

[[reviewer]]
name = "evaluator-a"
principal = "ann@example.org"
role = "evaluator"
key = "{evaluator-a}"

[[reviewer]]
name = "auditor-b"
principal = "bob@example.org"
role = "auditor"
key = "{auditor-b}"

[quorum]
all = [
  { role = "prover", at_least = 1 },
  { role = "evaluator", at_least = 1 },
  { role = "auditor", at_least = 1 },
]

[approval]
threshold = 2
signers = "approvers"

[amendment]
threshold = 3
waiting_period = "24h"

[gate]
log = "{log}"
clock = "{clock}"
)";
    Replace("{prover-a}", TestNoteKey("prover-a", '1'));
    Replace("{evaluator-a}", TestNoteKey("evaluator-a", '2'));
    Replace("{auditor-b}", TestNoteKey("auditor-b", '3'));
    Replace("{log}", TestNoteKey("example.org/log", '4'));
    Replace("{clock}", TestNoteKey("example.org/clock", '5', crypto::NoteKeyType::kEd25519Cosignature));
  }

  // In charter.toml, the first occurrence; it has to be there.
  TestCharter& Replace(const std::string& from, const std::string& to) {
    std::string& text = files["charter.toml"];
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    return *this;
  }
  TestCharter& Append(const std::string& text) {
    files["charter.toml"] += text;
    return *this;
  }

  Result<Charter> Read() const {
    subject::MemoryBlobs blobs;
    const subject::Manifest manifest = blobs.Tree(files);
    return ReadCharter(manifest, blobs.Reader());
  }
  // The blobs live as long as the reader of what is returned.
  Result<CharterFiles> ReadFiles() const {
    const auto blobs = std::make_shared<subject::MemoryBlobs>();
    const subject::Manifest manifest = blobs->Tree(files);
    const subject::BlobReader read = [blobs](const crypto::Digest& digest, uint64_t size_max) {
      return blobs->Reader()(digest, size_max);
    };
    Result<Charter> charter = ReadCharter(manifest, read);
    if (!charter.ok()) return charter.error();
    return CharterFiles{std::move(*charter), manifest, read};
  }
};

}  // namespace pawl::charter
