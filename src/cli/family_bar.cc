#include "cli/family_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace pawl::cli {

std::string BarText(const prover::FamilyProgress& progress) {
  constexpr size_t kCells = 20;
  const double share = std::clamp(progress.share, 0.0, 1.0);
  const auto full = static_cast<size_t>(share * kCells);
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, "] %3.0f %%, %zu of %zu done", 100 * share, progress.done, progress.count);
  char now[48];
  std::snprintf(now, sizeof now, ": %.0f %% after %.0f s", 100 * progress.search.volume_proven, progress.seconds);
  return "[" + std::string(full, '#') + std::string(kCells - full, '.') + numbers + "; " + Shown(progress.name) + now;
}

FamilyBar::FamilyBar(const Globals& globals)
    : shown_(!globals.quiet && !globals.json && !globals.verbose && isatty(STDERR_FILENO) != 0) {}

void FamilyBar::Show(const prover::FamilyProgress& progress) const {
  if (!shown_) return;
  std::fprintf(stderr, "\r\x1b[K%s", progress.name.empty() ? "" : BarText(progress).c_str());
  std::fflush(stderr);
}

}  // namespace pawl::cli
