/* Preloaded into a program under test: before it renames the file whose path ends with $ACT_AT, $ACT_COMMAND is started
   in the background and given a second. Shows what an action does that comes at the worst moment. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int rename(const char *from, const char *to);

int rename(const char *from, const char *to) {
  int (*honest)(const char *, const char *) = NULL;
  void *symbol = dlsym(RTLD_NEXT, "rename");
  memcpy(&honest, &symbol, sizeof honest);
  const char *at = getenv("ACT_AT");
  const char *command = getenv("ACT_COMMAND");
  if (at != NULL && command != NULL) {
    const size_t length = strlen(from), wanted = strlen(at);
    if (length >= wanted && strcmp(from + length - wanted, at) == 0) {
      unsetenv("LD_PRELOAD");
      if (system(command) != 0) _exit(99);
      sleep(1);
    }
  }
  return honest(from, to);
}
