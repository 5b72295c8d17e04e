#include "oversight/line_diff.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace pawl::oversight {
namespace {

using Lines = std::vector<std::string_view>;

// With their line feeds, so that a missing one at the end is a difference.
Lines SplitLines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

enum class Edit { kKeep, kRemove, kAdd };

// Myers' greedy search over diagonals k = x - y; furthest[d] is what was reached with d edits. Nothing where more than
// `edits_max` would be needed.
std::optional<std::vector<Edit>> ShortestScript(const Lines& a, const Lines& b, size_t edits_max) {
  const auto a_size = static_cast<ptrdiff_t>(a.size()), b_size = static_cast<ptrdiff_t>(b.size());
  const auto d_max = static_cast<ptrdiff_t>(std::min(edits_max, a.size() + b.size()));
  std::vector<std::vector<ptrdiff_t>> furthest;
  const auto at = [&](ptrdiff_t d, ptrdiff_t k) -> ptrdiff_t& {
    return furthest[static_cast<size_t>(d)][static_cast<size_t>(k + d + 1)];
  };
  const auto is_down = [&](ptrdiff_t d, ptrdiff_t k) {  // whether the d-th edit on diagonal k puts a line in
    return k == -d || (k != d && at(d - 1, k - 1) < at(d - 1, k + 1));
  };
  ptrdiff_t d = 0;
  for (bool is_done = false; !is_done; ++d) {
    if (d > d_max) return std::nullopt;
    furthest.emplace_back(static_cast<size_t>(2 * d + 3), -1);
    for (ptrdiff_t k = -d; k <= d && !is_done; k += 2) {
      ptrdiff_t x = d == 0 ? 0 : is_down(d, k) ? at(d - 1, k + 1) : at(d - 1, k - 1) + 1;
      while (x < a_size && x - k < b_size && a[static_cast<size_t>(x)] == b[static_cast<size_t>(x - k)]) ++x;
      at(d, k) = x;
      is_done = x >= a_size && x - k >= b_size;
    }
  }
  std::vector<Edit> script;  // from the end
  ptrdiff_t x = a_size, y = b_size;
  for (--d; d > 0; --d) {
    const ptrdiff_t k = x - y;
    const bool down = is_down(d, k);
    const ptrdiff_t x_before = at(d - 1, down ? k + 1 : k - 1), y_before = x_before - (down ? k + 1 : k - 1);
    for (; x > x_before && y > y_before; --x, --y) script.push_back(Edit::kKeep);
    script.push_back(down ? Edit::kAdd : Edit::kRemove);
    x = x_before;
    y = y_before;
  }
  for (; x > 0; --x) script.push_back(Edit::kKeep);
  std::reverse(script.begin(), script.end());
  return script;
}

std::vector<Edit> Script(const Lines& before, const Lines& after, size_t edits_max) {
  size_t head = 0, tail = 0;
  const size_t shorter = std::min(before.size(), after.size());
  while (head < shorter && before[head] == after[head]) ++head;
  while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<ptrdiff_t>(head), lines.end() - static_cast<ptrdiff_t>(tail));
  };
  const Lines a = middle(before), b = middle(after);
  std::vector<Edit> script(head, Edit::kKeep);
  if (const auto shortest = ShortestScript(a, b, edits_max)) {
    script.insert(script.end(), shortest->begin(), shortest->end());
  } else {
    script.insert(script.end(), a.size(), Edit::kRemove);
    script.insert(script.end(), b.size(), Edit::kAdd);
  }
  script.insert(script.end(), tail, Edit::kKeep);
  return script;
}

void AppendLine(std::string& text, char sign, std::string_view line) {
  text.push_back(sign);
  text.append(line);
  if (!line.ends_with('\n')) text.append("\n\\ No newline at end of file\n");
}

std::string HunkRange(size_t first, size_t count) {
  return std::to_string(count == 0 ? first : first + 1) + "," + std::to_string(count);
}

}  // namespace

std::string UnifiedDiff(std::string_view before, std::string_view after, const LineDiffLimits& limits) {
  const Lines a = SplitLines(before), b = SplitLines(after);
  const std::vector<Edit> script = Script(a, b, limits.edits_max);
  std::string text;
  size_t x = 0, y = 0;  // lines of each side before script[at]
  for (size_t at = 0; at < script.size();) {
    const auto change = std::find_if(script.begin() + static_cast<ptrdiff_t>(at), script.end(),
                                     [](Edit edit) { return edit != Edit::kKeep; });
    if (change == script.end()) break;
    const auto first = static_cast<size_t>(change - script.begin());
    const size_t begin = first - std::min(limits.context, first - at);
    // The hunk ends where more than twice the context follows unchanged.
    size_t end = first, kept = 0;
    for (; end < script.size() && kept <= 2 * limits.context; ++end) kept = script[end] == Edit::kKeep ? kept + 1 : 0;
    if (kept > limits.context) end -= kept - limits.context;
    x += begin - at;
    y += begin - at;
    const size_t x_first = x, y_first = y;
    std::string lines;
    for (size_t i = begin; i < end; ++i) {
      if (script[i] == Edit::kAdd) {
        AppendLine(lines, '+', b[y++]);
      } else {
        AppendLine(lines, script[i] == Edit::kKeep ? ' ' : '-', a[x++]);
        if (script[i] == Edit::kKeep) ++y;
      }
    }
    text += "@@ -" + HunkRange(x_first, x - x_first) + " +" + HunkRange(y_first, y - y_first) + " @@\n" + lines;
    at = end;
  }
  return text;
}

}  // namespace pawl::oversight
