// pawl key new|list: keys of the gate, of reviewers and of witnesses. People approve with their own OpenSSH keys.
#include <cstdio>

#include "cli/command.h"
#include "ledger/keys.h"

namespace pawl::cli {

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

  CLI::App* list = command->add_subcommand("list", "keys of this home that this user can sign with");
  list->footer("example:\n  pawl key list");
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
