// The helper's end of the control socket.
#pragma once

#include <errno.h>

#include "sandbox/helper_plan.h"

namespace pawl::sandbox::helper {

// Sends one report; `descriptor` goes with it unless it is -1. False if the other end is gone.
bool Send(const Report& report, int descriptor = -1);

// Waits for the parent's one byte. False if the other end is gone.
bool AwaitStart();

// Reports that `step` failed and ends the process with status 125.
[[noreturn]] void Fail(const char* step, int error_number = errno);

}  // namespace pawl::sandbox::helper
