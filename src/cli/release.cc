// pawl release: the loader checks the warrant and switches.
#include "cli/command.h"

namespace pawl::cli {

void AddRelease(CLI::App& app, Globals& globals) {
  auto proposal = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("release", "let the loader check a proposal's warrant, and switch");
  command->add_option("PROPOSAL", *proposal, "its name, like p3")->required();
  command->footer(
      "Runs exactly the check of `pawl-check warrant`, then one atomic rename of the loader's state.\nexample:\n  pawl "
      "release p3");
  command->callback([=, &globals] {
    Result<Place> place = FindPlace(globals);
    if (!place.ok()) {
      globals.exit = Fail(globals, place.error());
      return;
    }
    Result<gate::Gate> gate = OpenGate(globals, *place);
    if (!gate.ok()) {
      globals.exit = Fail(globals, gate.error());
      return;
    }
    Result<gate::Position> position = gate::Decide(*gate, *proposal, gate::Until::kReleased);
    globals.exit = position.ok() ? ShowPosition(globals, place->subject, *position) : Fail(globals, position.error());
  });
}

}  // namespace pawl::cli
