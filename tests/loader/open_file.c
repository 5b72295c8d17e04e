/* Opens a file of the live release through the C header, prints it, and tries to change it afterwards.
 *
 *   open_file [--binary PROGRAM] SUBJECT PATH
 *
 * Status 0: the bytes are on standard output and nothing could change them. 1: refused; "status rule", message and
 * advice are on standard error, a line each. 3: the descriptor could be changed, or is not as promised. Compiled as C99
 * and as C++.
 */
#include <pawl/load.h>

#include <sys/stat.h>

static int changeable(int fd, off_t size) {
  char byte = 'x';
  if (pwrite(fd, &byte, 1, 0) >= 0 || errno != EPERM) return 1;
  if (ftruncate(fd, 0) == 0 && size != 0) return 1;
  if (ftruncate(fd, size + 1) == 0) return 1;
  if (size != 0 && mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) return 1;
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0) return 1;
  return (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

static int print(int fd) {
  char bytes[4096];
  ssize_t count;
  while ((count = read(fd, bytes, sizeof bytes)) > 0) {
    if (fwrite(bytes, 1, (size_t)count, stdout) != (size_t)count) return 3;
  }
  return count < 0 || fflush(stdout) != 0 ? 3 : 0;
}

int main(int argc, char **argv) {
  struct pawl_options options = {NULL, NULL, NULL};
  struct pawl_error error;
  struct stat facts;
  int fd;
  if (argc == 5 && strcmp(argv[1], "--binary") == 0) {
    options.binary = argv[2];
    argv += 2;
    argc -= 2;
  }
  if (argc != 3) return 2;
  fd = options.binary != NULL ? pawl_open_with(&options, argv[1], argv[2], &error) : pawl_open(argv[1], argv[2], &error);
  if (fd < 0) {
    fprintf(stderr, "%d %s\n%s\n%s\n", error.exit_status, error.rule, error.message, error.advice);
    return pawl_open_with(&options, argv[1], argv[2], NULL) == -1 ? 1 : 3; /* and nobody has to ask why */
  }
  if (fstat(fd, &facts) != 0 || lseek(fd, 0, SEEK_CUR) != 0 || changeable(fd, facts.st_size)) {
    fprintf(stderr, "the descriptor can be changed\n");
    return 3;
  }
  return print(fd);
}
