// pawl help-all, pawl manual: everything that --help says, at once, and as manual pages.
#include "cli/manual.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "cli/command.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

std::vector<const CLI::App*> VisibleCommands(const CLI::App& app) {
  std::vector<const CLI::App*> visible;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!child->get_name().empty() && !child->get_group().empty()) visible.push_back(child);
  }
  return visible;
}

// Text as roff shows it unchanged.
std::string Escaped(const std::string& text) {
  std::string escaped;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) escaped += "\\&";
    line_begins = c == '\n';
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// A macro's argument: one line, quoted.
std::string Argument(const std::string& text) {
  std::string argument = "\"";
  for (const char c : Escaped(text)) argument += c == '"' ? std::string("\\(dq") : std::string(1, c == '\n' ? ' ' : c);
  return argument + "\"";
}

std::vector<const CLI::Option*> VisibleOptions(const CLI::App& app, bool positional) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_positional() == positional) options.push_back(option);
  }
  return options;
}

std::string OptionNames(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
  return names;
}

std::string Synopsis(const CLI::App& app, const std::string& command) {
  std::string text = ".B " + Escaped(command) + "\n[OPTIONS]";
  for (const CLI::Option* option : VisibleOptions(app, true)) {
    const std::string name = Escaped(option->get_name(true));
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  if (!VisibleCommands(app).empty()) text += " COMMAND";
  return text + "\n";
}

std::string OptionEntry(const CLI::Option& option, bool positional) {
  std::string head = positional ? option.get_name(true) : OptionNames(option);
  if (!positional && option.get_expected_max() > 0 && option.get_type_size() > 0) head += " " + option.get_type_name();
  std::string text = ".TP\n.B " + Argument(head) + "\n" + Escaped(option.get_description());
  if (!option.get_default_str().empty()) text += " (default: " + Escaped(option.get_default_str()) + ")";
  if (option.get_required()) text += " (required)";
  return text + "\n";
}

std::string Section(const char* title, const std::string& body) {
  return body.empty() ? std::string() : std::string(".SH ") + title + "\n" + body;
}

void AddPages(const CLI::App& app, const std::string& command, std::vector<ManualPage>& pages) {
  std::string name = command;
  std::replace(name.begin(), name.end(), ' ', '-');
  const bool is_program = command.find(' ') == std::string::npos;
  const std::string what = is_program ? "the catch on self-improvement" : app.get_description();
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string text = ".TH " + Escaped(upper) + " 1 \"\" Pawl Pawl\n";
  text += Section("NAME", Escaped(name) + " \\- " + Escaped(what) + "\n");
  text += Section("SYNOPSIS", Synopsis(app, command));
  text += Section("DESCRIPTION", is_program ? Escaped(app.get_description()) + "\n" : "");
  std::string positionals, options, commands;
  for (const CLI::Option* option : VisibleOptions(app, true)) positionals += OptionEntry(*option, true);
  for (const CLI::Option* option : VisibleOptions(app, false)) options += OptionEntry(*option, false);
  for (const CLI::App* child : VisibleCommands(app)) {
    commands +=
        ".TP\n.B " + Argument(command + " " + child->get_name()) + "\n" + Escaped(child->get_description()) + "\n";
  }
  text += Section("ARGUMENTS", positionals) + Section("COMMANDS", commands) + Section("OPTIONS", options);
  if (!app.get_footer().empty()) text += Section("NOTES", ".nf\n" + Escaped(app.get_footer()) + "\n.fi\n");
  text += Section("SEE ALSO", is_program ? "" : ".BR pawl (1),\nwhich lists the options of every command\n");
  pages.push_back({name + ".1", text});
  for (const CLI::App* child : VisibleCommands(app)) AddPages(*child, command + " " + child->get_name(), pages);
}

void AddHelp(const CLI::App& app, const std::string& command, std::string& text) {
  // Not app.help(), which would speak of the command that is being run.
  text += "== " + command + "\n" + app.get_formatter()->make_help(&app, command, CLI::AppFormatMode::Normal) + "\n";
  for (const CLI::App* child : VisibleCommands(app)) AddHelp(*child, command + " " + child->get_name(), text);
}

ExitCode WritePages(const Globals& globals, const CLI::App& app, const std::string& directory) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  encoding::Json files = encoding::Json::array();
  for (const ManualPage& page : ManualPages(app)) {
    const std::string path = directory + "/" + page.file;
    if (Result<void> written = storage::WriteNamedFile(path, page.roff); !written.ok())
      return Fail(globals, written.error());
    files.push_back(path);
  }
  if (globals.json) {
    PrintJson({{"files", files}});
  } else {
    std::printf("%zu pages in %s\n", files.size(), Shown(directory).c_str());
  }
  return ExitCode::kYes;
}

}  // namespace

std::vector<ManualPage> ManualPages(const CLI::App& app) {
  std::vector<ManualPage> pages;
  AddPages(app, "pawl", pages);
  return pages;
}

std::string WholeHelp(const CLI::App& app) {
  std::string text;
  AddHelp(app, "pawl", text);
  return text;
}

void AddManual(CLI::App& app, Globals& globals) {
  CLI::App* help = app.add_subcommand("help-all", "the help of every command, one after the other");
  help->footer("example:\n  pawl help-all | less");
  help->callback([&app, &globals] {
    const std::string text = WholeHelp(app);
    if (globals.json) {
      PrintJson({{"help", text}});
    } else {
      std::fputs(text.c_str(), stdout);
    }
  });
  auto directory = std::make_shared<std::string>();
  CLI::App* manual = app.add_subcommand("manual", "write manual pages: what --help says, for man");
  manual->add_option("DIRECTORY", *directory, "where they go")->required();
  manual->footer("example:\n  pawl manual ~/.local/share/man/man1 && man pawl-charter-new");
  manual->callback([directory, &app, &globals] { globals.exit = WritePages(globals, app, *directory); });
}

}  // namespace pawl::cli
