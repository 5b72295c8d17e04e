/* Opens verified files of the live release, from C99 or C++, on Linux.
 *
 *   #include <pawl/load.h>
 *
 *   struct pawl_error error;
 *   int fd = pawl_open("collision-avoidance", "policy.onnx", &error);
 *   if (fd < 0) {
 *     fprintf(stderr, "%s (%s)\n%s\n", error.message, error.rule, error.advice);
 *     return 1;
 *   }
 *   struct stat facts;
 *   fstat(fd, &facts);
 *   void *bytes = mmap(NULL, facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
 *
 * What you get: a descriptor of memory that holds exactly the bytes whose digest the live warrant covers, and that is
 * sealed, so that neither you nor anybody else can change, shorten or extend them afterwards. There is no path that
 * could be swapped between the check and the use. Nothing is loaded where Pawl says no: no live release, a warrant that
 * does not verify, a changed file, a lost or altered state, a halt.
 *
 * How: the program `pawl` is started (`pawl --json --subject=SUBJECT current --file=PATH`) with the memory as its
 * standard output; the descriptor is handed over only if the program ended by itself with status 0 and every seal
 * holds. The check is the program's; this header decides nothing.
 *
 * What you have to trust: the file system's `pawl` (the first one on PATH, or pawl_options.binary), the loader's state
 * in its home, and your own environment (PATH, PAWL_HOME). Give absolute paths in pawl_options where others may set it.
 *
 * Needs memfd_create, which <sys/mman.h> declares under _GNU_SOURCE: include this header first, or define _GNU_SOURCE
 * (g++ and clang++ do so by themselves). Header-only, no library to link.
 *
 * Thread safety: every call may run at the same time as any other; no state is kept. The descriptors are close-on-exec.
 * The calls wait for a child, so SIGCHLD must not be ignored and no other thread may reap children it did not start:
 * where the child's end cannot be learnt, the answer is no ("loader.wait").
 */
#ifndef PAWL_LOAD_H
#define PAWL_LOAD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(MFD_ALLOW_SEALING) || !defined(F_ADD_SEALS)
#error "include pawl/load.h before other headers, or define _GNU_SOURCE"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Why there is no descriptor. Every text ends in a zero byte and may be cut to its field. */
struct pawl_error {
  /* The program's exit status: 1 no, 2 usage, 3 malformed input, 4 limit, 5 internal or set-up error, 6 nothing is live
   * yet; -1 where there is none ("loader." rules: the program could not be started or did not end by itself). */
  int exit_status;
  /* Stable and dotted, for programs: "state.missing", "halt.in-force", "store.damaged"; "loader.start",
   * "loader.wait", "loader.memory", "loader.arguments" and "loader.answer" are this header's own. */
  char rule[96];
  char message[1024]; /* what happened */
  char advice[512];   /* what to do about it; may be empty */
};

/* Where to look. A null pointer, for the whole or for a member, is the default. */
struct pawl_options {
  const char* binary; /* the program; default: "pawl", looked up on PATH */
  const char* home;   /* Pawl's home; default: the program's own ($PAWL_HOME, else ~/.local/state/pawl) */
  const char* state;  /* the loader's state file; default: the one in the home */
};

/* A sealed descriptor with the verified bytes of `path` in the live release of `subject`, positioned at the start, or
 * -1 with *error filled. `path` is relative to the tree ("policy.onnx", "prompts/system.txt"). `error` may be null. The
 * caller closes the descriptor. At most 256 MiB a file. */
static inline int pawl_open_with(const struct pawl_options* options, const char* subject, const char* path,
                                 struct pawl_error* error);

/* The same with every default. */
static inline int pawl_open(const char* subject, const char* path, struct pawl_error* error) {
  return pawl_open_with(NULL, subject, path, error);
}

/* ---- how it is done; nothing below is to be called ---- */

extern char** environ;

static inline int pawl_load_fail_(struct pawl_error* error, int status, const char* rule, const char* message,
                                  const char* advice) {
  if (error == NULL) return -1;
  error->exit_status = status;
  snprintf(error->rule, sizeof error->rule, "%s", rule);
  snprintf(error->message, sizeof error->message, "%s", message);
  snprintf(error->advice, sizeof error->advice, "%s", advice);
  return -1;
}

/* One Unicode escape, \uXXXX, as UTF-8. Pawl writes characters as they are and escapes only control characters, so
 * everything from U+0080 on becomes '?'. */
static inline int pawl_load_escape_(const char* digits, char* out) {
  unsigned value = 0;
  int i;
  for (i = 0; i < 4; ++i) {
    const char* const hex = "0123456789abcdef";
    const char* const at = digits[i] ? strchr(hex, digits[i] | 0x20) : NULL;
    if (at == NULL) return 0;
    value = value * 16 + (unsigned)(at - hex);
  }
  *out = value == 0 || value > 0x7f ? '?' : (char)value;
  return 1;
}

/* Reads a JSON string at `at` (its opening quote) into `out`, cutting it to `size`; returns what follows it, or null.
 */
static inline const char* pawl_load_string_(const char* at, char* out, size_t size) {
  size_t used = 0;
  if (*at++ != '"') return NULL;
  while (*at != '"') {
    char c = *at++;
    if (c == '\0') return NULL;
    if (c == '\\') {
      c = *at++;
      if (c == 'u') {
        if (!pawl_load_escape_(at, &c)) return NULL;
        at += 4;
      } else if (c == 'n' || c == 'r' || c == 't' || c == 'b' || c == 'f') {
        c = ' ';
      } else if (c != '"' && c != '\\' && c != '/') {
        return NULL;
      }
    }
    if (used + 1 < size) out[used++] = c;
  }
  out[used] = '\0';
  return at + 1;
}

/* Fills `error` from {"error":{"advice":…,"message":…,"rule":…}}; 0 where the text is something else. */
static inline int pawl_load_parse_(const char* text, struct pawl_error* error) {
  static const char begin[] = "{\"error\":{";
  char key[16];
  int seen_rule = 0;
  if (strncmp(text, begin, sizeof begin - 1) != 0) return 0;
  text += sizeof begin - 1;
  for (;;) {
    text = pawl_load_string_(text, key, sizeof key);
    if (text == NULL || *text++ != ':') return 0;
    if (strcmp(key, "rule") == 0) {
      text = pawl_load_string_(text, error->rule, sizeof error->rule);
      seen_rule = 1;
    } else if (strcmp(key, "message") == 0) {
      text = pawl_load_string_(text, error->message, sizeof error->message);
    } else if (strcmp(key, "advice") == 0) {
      text = pawl_load_string_(text, error->advice, sizeof error->advice);
    } else {
      return 0;
    }
    if (text == NULL) return 0;
    if (*text == '}') return seen_rule;
    if (*text++ != ',') return 0;
  }
}

/* The program said no: its answer stands in the memory that was to hold the file. */
static inline int pawl_load_refused_(int fd, int status, struct pawl_error* error) {
  char answer[8192];
  struct pawl_error said;
  const ssize_t count = pread(fd, answer, sizeof answer - 1, 0);
  answer[count > 0 ? count : 0] = '\0';
  memset(&said, 0, sizeof said);
  if (!pawl_load_parse_(answer, &said)) {
    return pawl_load_fail_(error, status, "loader.answer", "pawl did not say why it gives no file",
                           "run pawl current by hand");
  }
  return pawl_load_fail_(error, status, said.rule, said.message, said.advice);
}

/* Starts the program with `fd` as its standard output and waits for its end. */
static inline int pawl_load_run_(const char* binary, char** words, int fd, int* status, struct pawl_error* error) {
  posix_spawn_file_actions_t actions;
  pid_t child = 0;
  int failure = posix_spawn_file_actions_init(&actions);
  if (failure == 0) {
    failure = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
    if (failure == 0) failure = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failure == 0) failure = posix_spawnp(&child, binary, &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
  }
  if (failure != 0) {
    return pawl_load_fail_(error, -1, "loader.start", strerror(failure),
                           "put pawl on the PATH, or name it in pawl_options");
  }
  while (waitpid(child, status, 0) != child) {
    if (errno == EINTR) continue;
    return pawl_load_fail_(error, -1, "loader.wait",
                           "cannot learn how pawl ended: SIGCHLD is ignored, or somebody "
                           "else reaped it",
                           "leave SIGCHLD alone, and wait for your own children only");
  }
  if (!WIFEXITED(*status)) {
    return pawl_load_fail_(error, -1, "loader.wait", "pawl was ended by a signal", "try again");
  }
  return 0;
}

/* "--name=value" in memory of its own, or null. */
static inline char* pawl_load_word_(const char* name, const char* value) {
  const size_t size = strlen(name) + strlen(value) + 1;
  char* const word = (char*)malloc(size);
  if (word != NULL) snprintf(word, size, "%s%s", name, value);
  return word;
}

static inline int pawl_open_with(const struct pawl_options* options, const char* subject, const char* path,
                                 struct pawl_error* error) {
  const struct pawl_options none = {NULL, NULL, NULL};
  const struct pawl_options* const where = options != NULL ? options : &none;
  const char* const binary = where->binary != NULL ? where->binary : "pawl";
  char* words[8] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
  int fd, status = 0, opened = -1;
  size_t i, count = 0;
  if (subject == NULL || *subject == '\0' || path == NULL || *path == '\0') {
    return pawl_load_fail_(error, -1, "loader.arguments", "a subject and a path are needed", "");
  }
  fd = memfd_create("pawl", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return pawl_load_fail_(error, -1, "loader.memory", strerror(errno), "close descriptors, or free memory");
  words[count++] = pawl_load_word_(binary, "");
  words[count++] = pawl_load_word_("--json", "");
  words[count++] = pawl_load_word_("--subject=", subject);
  if (where->home != NULL) words[count++] = pawl_load_word_("--home=", where->home);
  if (where->state != NULL) words[count++] = pawl_load_word_("--state=", where->state);
  words[count++] = pawl_load_word_("current", "");
  words[count++] = pawl_load_word_("--file=", path);
  for (i = 0; i < count && words[i] != NULL; ++i) {
  }
  if (i < count) {
    pawl_load_fail_(error, -1, "loader.memory", "out of memory", "free memory");
  } else if (pawl_load_run_(binary, words, fd, &status, error) == 0) {
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (WEXITSTATUS(status) != 0) {
      pawl_load_refused_(fd, WEXITSTATUS(status), error);
    } else if (fcntl(fd, F_ADD_SEALS, seals) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
      pawl_load_fail_(error, -1, "loader.memory", strerror(errno), "the memory cannot be sealed");
    } else {
      opened = fd;
    }
  }
  for (i = 0; i < count; ++i) free(words[i]);
  if (opened < 0) close(fd);
  return opened;
}

#ifdef __cplusplus
}
#endif

#endif
