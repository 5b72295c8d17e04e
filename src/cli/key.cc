// pawl key new|enrol|list (rotate: key_rotate.cc, revoke: key_revoke.cc): keys of the gate, of reviewers and of
// witnesses. People approve with their own OpenSSH keys.
#include <cstdio>

#include "cli/command.h"
#include "cli/key_revoke.h"
#include "cli/key_rotate.h"
#include "crypto/ssh_key.h"
#include "encoding/utf8.h"
#include "ledger/keys.h"
#include "signing/ssh_agent.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

// The verifier key of a reviewer whose private key an ssh-agent holds: the agent has to sign with it first.
Result<crypto::NoteKey> Enrol(const std::string& name, const std::string& file) {
  if (!encoding::IsKeyName(name)) {
    return Error{ErrorCode::kUsage, "key.name", "'" + name + "' cannot name a key",
                 "use letters, digits, '-', '_' and '.'"};
  }
  constexpr size_t kLineBytesMax = 16'384;
  Result<std::string> line = subject::ReadRegularFile(file, kLineBytesMax, "key.file", subject::Links::kFollow);
  if (!line.ok()) return line.error();
  while (!line->empty() && (line->back() == '\n' || line->back() == '\r')) line->pop_back();
  const Result<crypto::SshPublicKey> listed = crypto::SshPublicKey::ParseLine(*line);
  if (!listed.ok()) return listed.error();
  if (listed->type != crypto::SshKeyType::kEd25519) {
    return Refused("key.kind", "reviewers sign with ssh-ed25519 keys, and this is another kind",
                   "ssh-keygen -t ed25519; keys of other kinds, in PKCS#11 tokens as well, are for people");
  }
  const Result<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::FromRaw(listed->key);
  if (!key.ok()) return key.error();
  const Result<std::string> signature = signing::SshAgent::OfEnvironment().Sign(*key, "pawl key enrol\n" + name + "\n");
  if (!signature.ok()) return signature.error();
  return crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, *key);
}

}  // namespace

void AddKey(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("key", "keys of the gate, of reviewers and of witnesses");
  command->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  auto clock = std::make_shared<bool>(false);

  CLI::App* make = command->add_subcommand("new", "make a key; prints its verifier key for the charter");
  make->add_option("NAME", *name, "whose key; the reviewer's name in the charter")->required();
  make->add_flag("--clock,--witness", *clock,
                 "a key that cosigns checkpoints with the time: [gate] clock, or a witness's");
  make->footer(
      "examples:\n  pawl key new gate-log\n  pawl key new gate-clock --clock\n  pawl key new prover-a\n"
      "  pawl key new witness-a --witness");
  make->callback([name, clock, &globals] {
    Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kCreate);
    if (!home.ok()) {
      globals.exit = Fail(globals, home.error());
      return;
    }
    const auto type = *clock ? crypto::NoteKeyType::kEd25519Cosignature : crypto::NoteKeyType::kEd25519;
    Result<crypto::NoteKey> key = ledger::MakeKey(*home, *name, type);
    if (!key.ok()) {
      globals.exit = Fail(globals, key.error());
      return;
    }
    if (globals.json) {
      PrintJson({{"name", *name}, {"key", key->Text()}, {"file", home->KeyPath(*name)}});
    } else {
      std::puts(key->Text().c_str());
    }
  });

  auto file = std::make_shared<std::string>();
  CLI::App* enrol = command->add_subcommand(
      "enrol", "a reviewer's key that stays in an ssh-agent: has the agent sign, prints the verifier key");
  enrol->add_option("NAME", *name, "the reviewer's name in the charter")->required();
  enrol->add_option("--ssh", *file, "FILE.pub of an Ed25519 key that the ssh-agent of SSH_AUTH_SOCK holds")->required();
  enrol->footer(
      "example:\n  ssh-keygen -t ed25519 -f prover-a && ssh-add prover-a && rm prover-a\n"
      "  pawl key enrol prover-a --ssh prover-a.pub");
  enrol->callback([name, file, &globals] {
    const Result<crypto::NoteKey> key = Enrol(*name, *file);
    if (!key.ok()) {
      globals.exit = Fail(globals, key.error());
    } else if (globals.json) {
      PrintJson({{"name", *name}, {"key", key->Text()}, {"agent", signing::SshAgent::OfEnvironment().path()}});
    } else {
      std::puts(key->Text().c_str());
    }
  });

  AddKeyRotate(*command, globals);
  AddKeyRevoke(*command, globals);

  CLI::App* list = command->add_subcommand("list", "keys of this home that this user can sign with");
  list->footer("example:\n  pawl key list        # ssh-add -l lists those that an agent holds");
  list->callback([&globals] {
    Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
    if (!home.ok()) {
      globals.exit = Fail(globals, home.error());
      return;
    }
    encoding::Json json = encoding::Json::array();
    for (const ledger::HeldKey& key : ledger::ListKeys(*home)) {
      json.push_back({{"name", key.name}, {"key", key.key.Text()}});
      if (!globals.json) std::printf("%-20s %s\n", key.name.c_str(), key.key.Text().c_str());
    }
    if (globals.json) PrintJson(json);
    for (const std::string& exposed : ledger::ListExposedKeys(*home)) {
      std::fprintf(stderr,
                   "pawl: '%s' is left out: its private key is a link, or others than its owner can read it; nothing "
                   "signs with it (%s)\n",
                   Shown(exposed).c_str(), Shown(home->KeyPath(exposed)).c_str());
    }
  });
}

}  // namespace pawl::cli
