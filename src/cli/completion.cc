// pawl completion bash|zsh|fish.
#include "cli/completion.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "cli/command.h"

namespace pawl::cli {
namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

// "a b c" of an option that takes one of {a,b,c}; empty where it takes anything.
std::string ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{'), end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  std::string words = type.substr(begin + 1, end - begin - 1);
  std::replace(words.begin(), words.end(), ',', ' ');
  return words;
}

bool TakesValue(const CLI::Option& option) { return option.get_expected_max() > 0 && option.get_type_size() > 0; }

void Walk(const CLI::App& app, const std::string& path, std::vector<CommandWords>& to) {
  CommandWords words{path, {}, {}, {}, {}};
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    for (const std::string& name : option->get_lnames()) {
      words.options.emplace_back("--" + name, option->get_description());
      if (TakesValue(*option)) words.values["--" + name] = ChoicesOf(*option);
    }
    if (!option->get_positional()) continue;
    std::istringstream choices(ChoicesOf(*option));
    for (std::string choice; choices >> choice;) words.choices.emplace_back(choice, option->get_description());
  }
  std::vector<const CLI::App*> children;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_name().empty() || child->get_group().empty()) continue;  // option groups, hidden commands
    words.names.emplace_back(child->get_name(), child->get_description());
    children.push_back(child);
  }
  to.push_back(std::move(words));
  for (const CLI::App* child : children) Walk(*child, path + "/" + child->get_name(), to);
}

// What may stand where a word is typed that is no option.
Words NamesOf(const CommandWords& command) {
  Words words = command.names;
  words.insert(words.end(), command.choices.begin(), command.choices.end());
  return words;
}

// Every option that takes a value, of any command: after one, a word is no command whatever it says.
std::map<std::string, std::string> OptionsWithValue(const std::vector<CommandWords>& commands) {
  std::map<std::string, std::string> all;
  for (const CommandWords& command : commands) {
    for (const auto& [name, choices] : command.values) {
      std::string& known = all[name];
      if (known.empty()) known = choices;
    }
  }
  for (const CommandWords& command : commands) {  // a flag elsewhere
    for (const auto& [name, what] : command.options) {
      if (!command.values.contains(name)) all.erase(name);
    }
  }
  return all;
}

std::string Joined(const std::map<std::string, std::string>& options, const char* between) {
  std::string text;
  for (const auto& [name, choices] : options) text += (text.empty() ? "" : between) + name;
  return text;
}

std::string Names(const Words& words) {
  std::string text;
  for (const auto& [name, what] : words) text += (text.empty() ? "" : " ") + name;
  return text;
}

// What a subcommand takes: its own options, and those of the program that it does not hide.
Words Together(Words own, const Words& global) {
  const size_t count = own.size();
  for (const auto& option : global) {
    const bool hidden = std::any_of(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(count),
                                    [&](const auto& other) { return other.first == option.first; });
    if (!hidden) own.push_back(option);
  }
  return own;
}

// Inside single quotes of the shell in question.
std::string Quoted(const std::string& text, const char* quote_within) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += quote_within;
    } else {
      quoted += c == '\n' ? ' ' : c;
    }
  }
  return quoted + "'";
}

// The paths of all commands but the outermost, as patterns of a case: "/charter|/charter/check".
std::string Paths(const std::vector<CommandWords>& commands) {
  std::string text;
  for (const CommandWords& command : commands) {
    if (!command.path.empty()) text += (text.empty() ? "" : "|") + command.path;
  }
  return text.empty() ? "/" : text;
}

std::string BashScript(const std::vector<CommandWords>& commands) {
  const std::map<std::string, std::string> values = OptionsWithValue(commands);
  std::string choices;
  for (const auto& [name, words] : values) {
    if (words.empty()) continue;
    choices += "          " + name + ") mapfile -t COMPREPLY < <(compgen -W '" + words + "' -- \"$current\") ;;\n";
  }
  std::string text =
      "# bash completion for pawl; made by: pawl completion bash\n"
      "_pawl() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} path='' names='' options='' option i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    [[ ${COMP_WORDS[i]} == -- ]] && return\n"
      "    case \"${COMP_WORDS[i]}\" in\n"
      "      " +
      Joined(values, "|") +
      ")\n"
      "        option=${COMP_WORDS[i]}\n"
      "        [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))\n"
      "        ((++i < COMP_CWORD)) && continue\n"
      "        case \"$option\" in\n" +
      choices +
      "        esac\n"
      "        return ;;\n"
      "    esac\n"
      "    case \"$path/${COMP_WORDS[i]}\" in\n"
      "      " +
      Paths(commands) +
      ") path=$path/${COMP_WORDS[i]} ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$path\" in\n";
  for (const CommandWords& command : commands) {
    text += "    " + (command.path.empty() ? "''" : command.path) + ") names='" + Names(NamesOf(command)) +
            "' options='" + Names(Together(command.options, commands.front().options)) + "' ;;\n";
  }
  return text +
         "  esac\n"
         "  if [[ $current == -* ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
         "  else\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$current\")\n"
         "  fi\n"
         "}\n"
         "complete -o default -F _pawl pawl\n";
}

// _describe takes "word:meaning"; a colon in the word itself would need an escape, and no name of ours has one.
std::string ZshList(const char* variable, const Words& words) {
  std::string text = std::string("      ") + variable + "=(";
  for (const auto& [name, what] : words) text += "\n        " + Quoted(name + ":" + what, "'\\''");
  return text + ")\n";
}

std::string ZshScript(const std::vector<CommandWords>& commands) {
  const std::map<std::string, std::string> values = OptionsWithValue(commands);
  std::string choices;
  for (const auto& [name, words] : values) {
    if (!words.empty()) choices += "    (" + name + ") compadd " + words + "; return ;;\n";
  }
  std::string text =
      "#compdef pawl\n"
      "# zsh completion for pawl; made by: pawl completion zsh\n"
      "_pawl() {\n"
      "  local place='' word option=''\n"
      "  local -a names options\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    [[ -n $option ]] && { option=''; continue }\n"
      "    [[ $word == -- ]] && { _files; return }\n"
      "    case \"$word\" in\n"
      "      (" +
      Joined(values, "|") +
      ") option=$word; continue ;;\n"
      "    esac\n"
      "    case \"$place/$word\" in\n"
      "      (" +
      Paths(commands) +
      ") place=$place/$word ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$option\" in\n" +
      choices +
      "    (?*) _files; return ;;\n"
      "  esac\n"
      "  case \"$place\" in\n";
  for (const CommandWords& command : commands) {
    text += "    (" + (command.path.empty() ? "''" : command.path) + ")\n" + ZshList("names", NamesOf(command)) +
            ZshList("options", Together(command.options, commands.front().options)) + "      ;;\n";
  }
  return text +
         "  esac\n"
         "  if [[ $PREFIX == -* ]]; then\n"
         "    _describe option options\n"
         "  elif (( $#names )); then\n"
         "    _describe command names\n"
         "  else\n"
         "    _files\n"
         "  fi\n"
         "}\n"
         "compdef _pawl pawl\n";
}

std::string FishScript(const std::vector<CommandWords>& commands) {
  std::string text =
      "# fish completion for pawl; made by: pawl completion fish\n"
      "function __pawl_at\n"
      "  set -l place ''\n"
      "  set -l value 0\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if test $value = 1\n"
      "      set value 0\n"
      "      continue\n"
      "    end\n"
      "    if contains -- $word " +
      Joined(OptionsWithValue(commands), " ") +
      "\n"
      "      set value 1\n"
      "      continue\n"
      "    end\n"
      "    switch $place/$word\n"
      "      case";
  for (const CommandWords& command : commands) {
    if (!command.path.empty()) text += " " + command.path;
  }
  text +=
      "\n"
      "        set place $place/$word\n"
      "    end\n"
      "  end\n"
      "  test \"$place\" = \"$argv[1]\"\n"
      "end\n";
  for (const CommandWords& command : commands) {
    const std::string condition = "complete -c pawl -n \"__pawl_at '" + command.path + "'\" ";
    for (const auto& [name, what] : NamesOf(command)) {
      text += condition + "-f -a " + name + " -d " + Quoted(what, "\\'") + "\n";
    }
    for (const auto& [name, what] : command.options) {
      const auto value = command.values.find(name);
      std::string takes;
      if (value != command.values.end()) takes = value->second.empty() ? " -r" : " -x -a '" + value->second + "'";
      text += (command.path.empty() ? std::string("complete -c pawl ") : condition) + "-l " + name.substr(2) + takes +
              " -d " + Quoted(what, "\\'") + "\n";
    }
  }
  return text;
}

}  // namespace

std::vector<CommandWords> WalkCommands(const CLI::App& app) {
  std::vector<CommandWords> commands;
  Walk(app, "", commands);
  return commands;
}

std::string CompletionScript(const CLI::App& app, Shell shell) {
  const std::vector<CommandWords> commands = WalkCommands(app);
  switch (shell) {
    case Shell::kBash:
      return BashScript(commands);
    case Shell::kZsh:
      return ZshScript(commands);
    case Shell::kFish:
      return FishScript(commands);
  }
  return {};
}

void AddCompletion(CLI::App& app, Globals&) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "print a completion script for a shell");
  command->add_option("SHELL", *name, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "examples:\n  pawl completion bash > ~/.local/share/bash-completion/completions/pawl\n"
      "  pawl completion fish > ~/.config/fish/completions/pawl.fish");
  command->callback([name, &app] {
    const Shell shell = *name == "bash" ? Shell::kBash : *name == "zsh" ? Shell::kZsh : Shell::kFish;
    std::fputs(CompletionScript(app, shell).c_str(), stdout);
  });
}

}  // namespace pawl::cli
