// pawl key new|enrol|list (rotate: key_rotate.cc, revoke: key_revoke.cc): keys of the gate, of reviewers and of
// witnesses. People approve with their own OpenSSH keys.
#include <cstdio>

#include "cli/command.h"
#include "cli/key_revoke.h"
#include "cli/key_rotate.h"
#include "crypto/ssh_key.h"
#include "encoding/utf8.h"
#include "ledger/keys.h"
#include "signing/pkcs11_token.h"
#include "signing/ssh_agent.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

// The verifier key of a reviewer whose private key an ssh-agent holds: the agent has to sign with it first.
Result<crypto::NoteKey> EnrolAgentKey(const std::string& name, const std::string& file) {
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
                   "ssh-keygen -t ed25519; keys of other kinds are for people");
  }
  const Result<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::FromRaw(listed->key);
  if (!key.ok()) return key.error();
  const Result<std::string> signature = signing::SshAgent::OfEnvironment().Sign(*key, "pawl key enrol\n" + name + "\n");
  if (!signature.ok()) return signature.error();
  return crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, *key);
}

// The same of one in a PKCS#11 token; the home remembers where.
Result<crypto::NoteKey> EnrolTokenKey(const Globals& globals, const std::string& name, const std::string& uri) {
  const Result<signing::Pkcs11Token> token = signing::Pkcs11Token::Parse(uri);
  if (!token.ok()) return token.error();
  const Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kCreate);
  return home.ok() ? ledger::EnrolToken(*home, name, *token) : home.error();
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

  auto file = std::make_shared<std::string>(), uri = std::make_shared<std::string>();
  CLI::App* enrol = command->add_subcommand(
      "enrol", "a reviewer's key that stays in a PKCS#11 token or an ssh-agent: has it sign, prints the verifier key");
  enrol->add_option("NAME", *name, "the reviewer's name in the charter")->required();
  CLI::Option* token = enrol->add_option("--pkcs11", *uri, kTokenHelp);
  enrol->add_option("--ssh", *file, "FILE.pub of an Ed25519 key that the ssh-agent of SSH_AUTH_SOCK holds")
      ->excludes(token);
  enrol->footer(
      "examples:\n  pawl key enrol prover-a --pkcs11 "
      "'pkcs11:token=pawl;object=prover-a?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/pawl/pin'\n"
      "  ssh-keygen -t ed25519 -f prover-a && ssh-add prover-a && rm prover-a\n"
      "  pawl key enrol prover-a --ssh prover-a.pub\n\n"
      "Where the URI has no pin-source, the token's PIN is the value of PAWL_PKCS11_PIN.");
  enrol->callback([name, file, uri, &globals] {
    if (uri->empty() && file->empty()) {
      globals.exit = Fail(globals, {ErrorCode::kUsage, "key.where", "it is not said where the key is",
                                    "--pkcs11 URI for one in a token, --ssh FILE.pub for one in an ssh-agent"});
      return;
    }
    const Result<crypto::NoteKey> key =
        uri->empty() ? EnrolAgentKey(*name, *file) : EnrolTokenKey(globals, *name, *uri);
    if (!key.ok()) {
      globals.exit = Fail(globals, key.error());
    } else if (globals.json && uri->empty()) {
      PrintJson({{"name", *name}, {"key", key->Text()}, {"agent", signing::SshAgent::OfEnvironment().path()}});
    } else if (globals.json) {
      PrintJson({{"name", *name}, {"key", key->Text()}, {"token", *uri}});
    } else {
      std::puts(key->Text().c_str());
    }
  });

  AddKeyRotate(*command, globals);
  AddKeyRevoke(*command, globals);

  CLI::App* list = command->add_subcommand("list", "keys of this home that this user can sign with");
  list->footer("example:\n  pawl key list        # with those in tokens; ssh-add -l lists those that an agent holds");
  list->callback([&globals] {
    Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
    if (!home.ok()) {
      globals.exit = Fail(globals, home.error());
      return;
    }
    encoding::Json json = encoding::Json::array();
    for (const ledger::HeldKey& key : ledger::ListKeys(*home)) {
      encoding::Json row = {{"name", key.name}, {"key", key.key.Text()}};
      if (!key.token.empty()) row["token"] = key.token;
      json.push_back(std::move(row));
      if (!globals.json) std::printf("%-20s %s\n", key.name.c_str(), key.key.Text().c_str());
    }
    if (globals.json) PrintJson(json);
    for (const std::string& exposed : ledger::ListExposedKeys(*home)) {
      std::fprintf(stderr,
                   "pawl: '%s' is left out: its private key, or the URI of its token, is a link or not its owner's "
                   "alone; nothing "
                   "signs with it (%s)\n",
                   Shown(exposed).c_str(), Shown(home->KeyPath(exposed)).c_str());
    }
  });
}

}  // namespace pawl::cli
