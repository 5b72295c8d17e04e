/* Preloaded into a program under test: acts at the worst moment. Before the program's ACT_NTH-th call (default: first)
   of ACT_CALL, "rename" or "open", on a path that ends with ACT_AT, the shell command ACT_COMMAND runs; at a second
   moment what ACT_2_CALL, ACT_2_AT, ACT_2_NTH and ACT_2_COMMAND say. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *said(const char *moment, const char *what) {
  char name[32];
  snprintf(name, sizeof name, "%s%s", moment, what);
  return getenv(name);
}

static void act_once(const char *moment, int *count, const char *call, const char *path) {
  const char *wanted_call = said(moment, "CALL"), *at = said(moment, "AT"), *command = said(moment, "COMMAND");
  const char *nth = said(moment, "NTH");
  if (wanted_call == NULL || at == NULL || command == NULL || strcmp(wanted_call, call) != 0) return;
  const size_t length = strlen(path), wanted = strlen(at);
  if (length < wanted || strcmp(path + length - wanted, at) != 0) return;
  if (++*count != (nth == NULL ? 1 : atoi(nth))) return;
  unsetenv("LD_PRELOAD");
  if (system(command) != 0) _exit(99);
}

static void act(const char *call, const char *path) {
  static int first = 0, second = 0;
  act_once("ACT_", &first, call, path);
  act_once("ACT_2_", &second, call, path);
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
