/* Preloaded into a program under test: acts at the worst moment. Before the program's ACT_NTH-th call (default: first)
   of ACT_CALL, "rename" or "open", on a path that ends with ACT_AT, the shell command ACT_COMMAND runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void act(const char *call, const char *path) {
  static int count = 0;
  const char *wanted_call = getenv("ACT_CALL"), *at = getenv("ACT_AT"), *command = getenv("ACT_COMMAND");
  const char *nth = getenv("ACT_NTH");
  if (wanted_call == NULL || at == NULL || command == NULL || strcmp(wanted_call, call) != 0) return;
  const size_t length = strlen(path), wanted = strlen(at);
  if (length < wanted || strcmp(path + length - wanted, at) != 0) return;
  if (++count != (nth == NULL ? 1 : atoi(nth))) return;
  unsetenv("LD_PRELOAD");
  if (system(command) != 0) _exit(99);
}

int rename(const char *from, const char *to) {
  int (*honest)(const char *, const char *) = NULL;
  void *symbol = dlsym(RTLD_NEXT, "rename");
  memcpy(&honest, &symbol, sizeof honest);
  act("rename", from);
  return honest(from, to);
}

int open(const char *path, int flags, ...) {
  int (*honest)(const char *, int, ...) = NULL;
  void *symbol = dlsym(RTLD_NEXT, "open");
  memcpy(&honest, &symbol, sizeof honest);
  act("open", path);
  if ((flags & O_CREAT) == 0) return honest(path, flags);
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return honest(path, flags, mode);
}
