// pawl-sandbox-helper: the part of the sandbox that has to run between Pawl and a hostile program. Started by
// src/sandbox/run.cc alone; of no use by hand. See sandbox/helper_plan.h for the two forms.
#include <string.h>
#include <unistd.h>

#include "stages.h"

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "prepare") == 0) pawl::sandbox::helper::Prepare();
  if (argc == 2 && strcmp(argv[1], "enter") == 0) pawl::sandbox::helper::Enter();
  constexpr char kMessage[] = "pawl-sandbox-helper is started by pawl; it cannot be used by hand\n";
  return write(2, kMessage, sizeof kMessage - 1) < 0 ? 2 : 2;
}
