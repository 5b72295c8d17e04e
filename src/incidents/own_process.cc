#include "incidents/own_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

extern char** environ;

namespace pawl::incidents {
namespace {

constexpr size_t kStreamBytesMax = size_t{16} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Stream = std::unique_ptr<std::FILE, CloseFile>;  // a nameless file: no reader has to keep up with the writer

Result<std::string> Content(std::FILE* file) {
  const long size = std::fseek(file, 0, SEEK_END) == 0 ? std::ftell(file) : -1;
  if (size < 0) return SystemFailure("program.output", "cannot read what a program wrote");
  if (static_cast<size_t>(size) > kStreamBytesMax) return LimitReached("program.output", "a program wrote too much");
  std::string text(static_cast<size_t>(size), '\0');
  std::rewind(file);
  if (std::fread(text.data(), 1, text.size(), file) != text.size()) {
    return SystemFailure("program.output", "cannot read what a program wrote");
  }
  return text;
}

}  // namespace

Result<ProgramAnswer> RunProgram(const std::vector<std::string>& words) {
  const Stream output(std::tmpfile()), messages(std::tmpfile());
  if (!output || !messages) return SystemFailure("program.start", "no temporary file", "check that /tmp has room");
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, fileno(output.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(messages.get()), STDERR_FILENO);
  posix_spawnattr_t attributes;  // signals that this process waits for on a thread of its own still end the program
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int failure = posix_spawnp(&child, argv.front(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return SystemFailure("program.start", "cannot start " + words.front(), "install it");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ProgramAnswer answer;
  answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  for (auto [file, text] : std::array{std::pair{output.get(), &answer.standard_output},
                                      std::pair{messages.get(), &answer.standard_error}}) {
    Result<std::string> content = Content(file);
    if (!content.ok()) return content.error();
    *text = std::move(*content);
  }
  return answer;
}

}  // namespace pawl::incidents
