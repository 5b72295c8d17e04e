// What is wrong with a command line, and what was perhaps meant.
//
//   app.parse(argc, argv);                                                        // "pawl statsu"
//   catch (const CLI::ParseError& error) { Fail(globals, UsageErrorOf(app, error)); }  // did you mean 'status'?
//
// Thread safety: pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::cli {

// The deepest command that was named; the program itself where none was.
const CLI::App& NamedCommand(const CLI::App& app);

// kUsage "usage": an unknown word or option with those that are spelt like it, a group without one of its commands, or
// what CLI11 says. `app` is as the failed parse left it.
Error UsageErrorOf(const CLI::App& app, const CLI::ParseError& error);

// Of `known`, what `word` was perhaps meant to be, the nearest first and at most three: begins with it, or one or two
// slips of the finger away (a letter too many, missing, wrong, or two that changed places).
std::vector<std::string> MeantBy(std::string_view word, std::span<const std::string> known);

}  // namespace pawl::cli
