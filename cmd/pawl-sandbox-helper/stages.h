// The helper's two forms.
#pragma once

namespace pawl::sandbox::helper {

// Outside the sandbox: joins the control groups, builds the private file systems, sends /out to the parent, gives up
// root, becomes bubblewrap.
[[noreturn]] void Prepare();

// Inside, as process 1: starts the program behind the last layers, waits for it, reports its end. When this process
// ends the kernel kills everything that is left in the process namespace before its parent can see the end.
[[noreturn]] void Enter();

}  // namespace pawl::sandbox::helper
