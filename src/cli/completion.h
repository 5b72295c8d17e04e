// Shell completion, made from the command line's own description so that it cannot go stale.
//
//   std::fputs(CompletionScript(app, Shell::kBash).c_str(), stdout);
//
// Thread safety: pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace pawl::cli {

enum class Shell { kBash, kZsh, kFish };

// One command as a shell has to know it.
struct CommandWords {
  std::string path;                                          // "", "/charter", "/charter/check"
  std::vector<std::pair<std::string, std::string>> names;    // subcommands, with what they do
  std::vector<std::pair<std::string, std::string>> options;  // "--key", with what it means
  std::vector<std::pair<std::string, std::string>> choices;  // of its arguments that take one of a few words
  std::map<std::string, std::string> values;                 // of options that take one: "real float32", or empty
};

// Every command below and with `app`, outermost first.
std::vector<CommandWords> WalkCommands(const CLI::App& app);

std::string CompletionScript(const CLI::App& app, Shell shell);

}  // namespace pawl::cli
