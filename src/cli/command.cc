#include "cli/command.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "sandbox/sandbox.h"

namespace pawl::cli {

ExitCode Fail(const Globals& globals, const Error& error) {
  if (globals.json) {
    const encoding::Json json = {
        {"error", {{"rule", error.rule}, {"message", error.message}, {"advice", error.advice}}}};
    std::puts(json.dump(-1, ' ', false, encoding::Json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "pawl: %s (%s)\n", Shown(error.message).c_str(), error.rule.c_str());
    if (!error.advice.empty()) std::fprintf(stderr, "  %s\n", Shown(error.advice).c_str());
  }
  return ExitCodeFor(error.code);
}

Result<Place> FindPlace(const Globals& globals) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  std::string subject = globals.subject;
  if (subject.empty()) {
    const std::vector<std::string> subjects = home->Subjects();
    if (subjects.size() != 1) {
      std::string names;
      for (const std::string& name : subjects) names += " " + name;
      return Error{ErrorCode::kUsage, "cli.which-subject",
                   subjects.empty() ? "this home has no subject yet" : "which subject? there are:" + names,
                   subjects.empty() ? "pawl init" : "--subject NAME"};
    }
    subject = subjects.front();
  }
  const std::string state = globals.state.empty() ? home->StatePath(subject) : globals.state;
  return Place{std::move(*home), subject, state};
}

Result<ledger::SubjectLog> OpenLog(const Place& place, ledger::LedgerAccess access) {
  return ledger::SubjectLog::Open(place.home, place.subject, access);
}

std::function<void(const std::string&)> ProgressTo(const Globals& globals) {
  if (globals.quiet || globals.json) return {};
  return [](const std::string& line) { std::fprintf(stderr, "  %s\n", Shown(line).c_str()); };
}

Result<gate::Gate> OpenGate(const Globals& globals, const Place& place) {
  gate::GateOptions options;
  options.state_path = place.state_path;
  options.progress = ProgressTo(globals);
  return gate::Gate::Open(place.home, place.subject, std::move(options));
}

encoding::Json PositionJson(const gate::Position& position) {
  return {{"proposal", position.proposal},
          {"outcome", position.outcome ? std::string(warrant::ProposalOutcomeName(*position.outcome)) : "pending"},
          {"step", warrant::StepName(position.step)},
          {"rule", position.rule},
          {"reason", position.reason},
          {"waits_for", position.waits_for}};
}

ExitCode ShowPosition(const Globals& globals, const gate::Position& position) {
  ExitCode exit = ExitCode::kPending;
  if (position.outcome) {
    exit = *position.outcome == warrant::ProposalOutcome::kAccepted ? ExitCode::kYes : ExitCode::kNo;
  }
  if (globals.json) {
    std::puts(PositionJson(position).dump().c_str());
    return exit;
  }
  const std::string word = position.outcome ? std::string(warrant::ProposalOutcomeName(*position.outcome)) : "pending";
  std::printf("%s: %s at %s: %s", position.proposal.c_str(), word.c_str(),
              std::string(warrant::StepName(position.step)).c_str(), Shown(position.reason).c_str());
  if (!position.rule.empty()) std::printf(" (%s)", position.rule.c_str());
  std::printf("\n");
  for (const std::string& command : position.waits_for) std::printf("  next: %s\n", command.c_str());
  return exit;
}

std::string Shown(std::string_view text) { return sandbox::Displayable(text); }

Result<std::string> ReadWholeFile(const std::string& path, size_t bytes_max) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) {
      return Error{ErrorCode::kNotFound, "file.open", "cannot open '" + path + "'", "check the name and permissions"};
    }
  }
  std::istream& stream = path == "-" ? std::cin : file;
  std::string bytes;
  char buffer[65'536];
  while (stream.read(buffer, sizeof buffer) || stream.gcount() > 0) {
    bytes.append(buffer, static_cast<size_t>(stream.gcount()));
    if (bytes.size() > bytes_max) {
      return LimitReached("file.too-large", "'" + path + "' has more than " + std::to_string(bytes_max) + " bytes");
    }
  }
  return bytes;
}

Result<void> WriteWholeFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".new";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file.fail() || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return SystemFailure("file.write", "cannot write '" + path + "'", "check disk space and permissions");
  }
  return {};
}

}  // namespace pawl::cli
