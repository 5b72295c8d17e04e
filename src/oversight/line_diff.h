// The difference of two texts as people read it: lines taken away, lines put in, and a few lines around them.
//
//   std::string text = UnifiedDiff(before, after, LineDiffLimits{});
//   // "@@ -3,4 +3,4 @@\n same\n-old\n+new\n same\n"
//
// Nothing is made safe for a terminal: that is for whoever shows it. The line script is a shortest one (E. W. Myers,
// "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1, 1986) up to `edits_max` changed lines between the
// first and the last that differ; beyond that everything between those is taken away and put in.
//
// Thread safety: a pure function.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pawl::oversight {

struct LineDiffLimits {
  size_t context = 3;
  size_t edits_max = 1'000;  // memory grows with its square
};

// Empty for equal texts. A last line without line feed is marked as by diff(1).
std::string UnifiedDiff(std::string_view before, std::string_view after, const LineDiffLimits& limits);

}  // namespace pawl::oversight
