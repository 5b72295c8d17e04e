// Debian's libhwy measures the resolution of the processor's tick counter whenever it is loaded, for its benchmarking
// tool, which Pawl does not use: 4 of the 8 milliseconds that every start of `pawl` took. The library calls this
// function through its dynamic symbol, and a program's own definition goes before a library's. Were that to change,
// starts would be slower and nothing else.
#include <hwy/nanobenchmark.h>

namespace hwy::platform {

uint64_t TimerResolution() { return 1; }

}  // namespace hwy::platform
