#include "warrant/state.h"

#include <unistd.h>

#include <cstdio>

#include "encoding/time.h"
#include "pawl-check/arguments.h"
#include "pawl-check/commands.h"
#include "pawl-check/report.h"
#include "warrant/verify.h"

namespace pawl::check {
namespace {

ExitCode Init(const Arguments& arguments, Output output) {
  const std::string path = arguments.Value("--state");
  Result<warrant::CharterFiles> charter = warrant::ReadCharterFiles(arguments.Value("--charter"));
  if (!charter.ok()) return Report(charter.error(), output);
  Result<std::string> bytes = ReadFile(arguments.Value("--genesis"), size_t{1} << 20);
  if (!bytes.ok()) return Report(bytes.error(), output);
  Result<encoding::Envelope> genesis = encoding::ParseEnvelope(*bytes);
  if (!genesis.ok()) return Report(genesis.error(), output);
  Result<warrant::State> state = warrant::InitialState(charter->charter, *genesis);
  if (!state.ok()) return Report(state.error(), output);
  if (access(path.c_str(), F_OK) == 0) {
    return Report(Refused("state.exists", "there is a state at '" + path + "' already",
                          "a state is not made anew over another: move it away first, and know why"),
                  output);
  }
  if (Result<void> written = warrant::WriteStateFile(path, *state); !written.ok())
    return Report(written.error(), output);
  if (output == Output::kJson) {
    PrintJson({{"accepted", true}, {"subject", state->subject}, {"charter", state->charter.Text()}, {"state", path}});
  } else {
    std::printf("state of '%s' pinned to charter %s\n", Shown(state->subject).c_str(), state->charter.Text().c_str());
  }
  return ExitCode::kYes;
}

ExitCode Show(const Arguments& arguments, Output output) {
  Result<warrant::State> state = warrant::ReadStateFile(arguments.Value("--state"));
  if (!state.ok()) return Report(state.error(), output);
  if (output == Output::kJson) {
    std::puts(warrant::WriteState(*state).c_str());
    return ExitCode::kYes;
  }
  std::printf("subject   %s (%s)\ncharter   %s, epoch %lld\nlog       %s\nlive      %s, epoch %lld\nwarrant   %s\n",
              Shown(state->subject).c_str(), Shown(state->resource).c_str(), state->charter.Text().c_str(),
              static_cast<long long>(state->charter_epoch), Shown(state->log).c_str(),
              state->tree ? state->tree->Text().c_str() : "nothing", static_cast<long long>(state->epoch),
              state->warrant ? state->warrant->Text().c_str() : "none");
  std::printf("seen      log size %llu, time %s\n", static_cast<unsigned long long>(state->checkpoint_size),
              encoding::TimeText(state->time).c_str());
  return ExitCode::kYes;
}

}  // namespace

ExitCode StateCommand(int count, const char* const* words) {
  Arguments arguments({"--charter", "--genesis", "--state"}, {"--json"});
  const Result<void> parsed = arguments.Parse(count, words);
  const Output output = arguments.Has("--json") ? Output::kJson : Output::kText;
  if (!parsed.ok()) return Report(parsed.error(), output);
  const std::string command = arguments.words().size() == 1 ? arguments.words()[0] : "";
  if (command == "init" && arguments.Has("--charter") && arguments.Has("--genesis") && arguments.Has("--state")) {
    return Init(arguments, output);
  }
  const bool has_others = arguments.Has("--charter") || arguments.Has("--genesis");
  if (command == "show" && arguments.Has("--state") && !has_others) return Show(arguments, output);
  return Report(Usage("state takes init, with --charter, --genesis and --state, or show, with --state alone"), output);
}

}  // namespace pawl::check
