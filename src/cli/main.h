// The whole program `pawl`. By itself, so that those who only start it read no header of its commands.
#pragma once

namespace pawl::cli {

// Does what the arguments ask and gives the exit status (result/exit_code.h). Once in a process.
int Main(int argc, char** argv);

}  // namespace pawl::cli
