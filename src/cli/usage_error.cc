#include "cli/usage_error.h"

#include <algorithm>
#include <utility>

namespace pawl::cli {
namespace {

constexpr size_t kWordMax = 64;  // longer ones are no slip of the finger

// Letters to add, take away, replace or swap with the next one (optimal string alignment).
size_t Slips(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(last, row);
  }
  return last[b.size()];
}

std::string FullName(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : FullName(*parent) + " " + command.get_name();
}

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

// Those of the commands above it are taken as well.
std::vector<std::string> OptionsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options([](const CLI::Option*) { return true; })) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::string WordsBetween(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

Error Misused(std::string message, std::string advice) {
  return {ErrorCode::kUsage, "usage", std::move(message), std::move(advice)};
}

// What is said of a word that was not understood.
Error NotKnown(const CLI::App& command, const std::string& word, std::string_view what,
               std::span<const std::string> known) {
  const std::string name = FullName(command);
  const std::vector<std::string> meant = MeantBy(word, known);
  std::string message = "'" + name + "' has no ";
  message.append(what).append(" '").append(word).append("'");
  return Misused(message, meant.empty() ? name + " --help lists what it has"
                                        : "did you mean " + WordsBetween(meant, " or ") + "?");
}

}  // namespace

const CLI::App& NamedCommand(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

Error UsageErrorOf(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = NamedCommand(app);
  const std::string name = FullName(command);
  const std::vector<std::string> commands = CommandsOf(command), left = app.remaining(true);
  const bool is_unread = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
  const bool lacks_command =
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && !commands.empty();
  if ((is_unread || lacks_command) && !left.empty()) {
    const std::string& word = left.front();
    const std::string option = word.substr(0, word.find('='));
    if (word.size() > 1 && word.front() == '-') return NotKnown(command, option, "option", OptionsOf(command));
    if (!commands.empty()) return NotKnown(command, word, "command", commands);
    return Misused("'" + word + "' is one word too many for '" + name + "'", name + " --help");
  }
  if (lacks_command)
    return Misused("'" + name + "' needs one of its commands: " + WordsBetween(commands, ", "), name + " --help");
  return Misused(error.what(), name + " --help");
}

std::vector<std::string> MeantBy(std::string_view word, std::span<const std::string> known) {
  constexpr size_t kShown = 3, kPrefixMin = 3;
  std::vector<std::pair<size_t, std::string>> near;
  if (word.size() > kWordMax) return {};
  const size_t slips_max = word.size() < 4 ? 1 : 2;
  for (const std::string& candidate : known) {
    const size_t slips = Slips(word, candidate);
    const bool begins = word.size() >= kPrefixMin && candidate.starts_with(word);
    if (begins || (slips <= slips_max && slips < word.size())) near.emplace_back(begins ? 0 : slips, candidate);
  }
  std::sort(near.begin(), near.end());
  near.erase(std::unique(near.begin(), near.end()), near.end());
  std::vector<std::string> meant;
  for (auto& [slips, candidate] : near) {
    if (slips == near.front().first && meant.size() < kShown) meant.push_back(std::move(candidate));
  }
  return meant;
}

}  // namespace pawl::cli
