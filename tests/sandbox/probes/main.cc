#include "probe.h"

int main(int argc, char** argv) {
  if (argc < 2) return probes::kUsage;
  const probes::Arguments arguments(argv + 2, argv + argc);
  for (const auto& group : {probes::NetworkProbes(), probes::ProcessProbes(), probes::MemoryProbes(),
                            probes::FileProbes(), probes::PrivilegeProbes()}) {
    for (const probes::Probe& probe : group) {
      if (std::string(argv[1]) == probe.name) return probe.run(arguments);
    }
  }
  std::fprintf(stderr, "no such probe: %s\n", argv[1]);
  return probes::kUsage;
}
