// The C header and its test program, compiled as C++.
#include "open_file.c"
