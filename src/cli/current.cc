// pawl current: what is live, checked again.
#include <unistd.h>

#include <cstdio>

#include "cli/live_release.h"
#include "encoding/time.h"

namespace pawl::cli {
namespace {

struct CurrentOptions {
  bool verify = false;
  std::string file;
};

ExitCode Current(const Globals& globals, const CurrentOptions& options) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<LiveRelease> live = VerifyLiveRelease(*place);
  if (!live.ok()) return Fail(globals, live.error());
  if (!options.file.empty()) {
    Result<std::string> bytes = ReadLiveFile(*live, options.file);
    if (!bytes.ok()) return Fail(globals, bytes.error());
    if (std::fwrite(bytes->data(), 1, bytes->size(), stdout) != bytes->size() || std::fflush(stdout) != 0) {
      return Fail(globals, SystemFailure("current.write", "cannot write to standard output"));
    }
    return ExitCode::kYes;
  }
  if (globals.json) {
    encoding::Json files = encoding::Json::array();
    for (const subject::FileEntry& file : live->manifest.files) {
      files.push_back({{"path", file.path}, {"digest", file.digest.Text()}});
    }
    const encoding::Json json = {{"subject", live->state.subject},
                                 {"epoch", live->state.releases.back().epoch},
                                 {"tree", live->state.tree->Text()},
                                 {"warrant", live->state.releases.back().warrant.Text()},
                                 {"verified", true},
                                 {"files", files},
                                 {"warnings", live->warnings}};
    PrintJson(json);
    return ExitCode::kYes;
  }
  std::printf("%s: epoch %lld, live since %s, verified\n  tree    %s\n  warrant %s\n", live->state.subject.c_str(),
              static_cast<long long>(live->state.releases.back().epoch),
              encoding::TimeText(live->state.releases.back().time).c_str(), live->state.tree->Text().c_str(),
              live->state.releases.back().warrant.Text().c_str());
  for (const subject::FileEntry& file : live->manifest.files) std::printf("  %s\n", Shown(file.path).c_str());
  for (const std::string& warning : live->warnings) std::printf("note: %s\n", Shown(warning).c_str());
  return ExitCode::kYes;
}

}  // namespace

void AddCurrent(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<CurrentOptions>();
  CLI::App* command = app.add_subcommand("current", "what is live, with its warrant and every byte checked again");
  command->add_flag("--verify", options->verify,
                    "check warrant and files again; without it they are as well, this says it in a script");
  command->add_option("--file", options->file, "write one file's verified bytes to standard output");
  command->footer("examples:\n  pawl current --verify\n  pawl current --file policy.onnx > policy.onnx");
  command->callback([options, &globals] { globals.exit = Current(globals, *options); });
}

}  // namespace pawl::cli
