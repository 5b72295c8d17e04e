#include "subject/surface.h"

#include <algorithm>
#include <array>

#include "subject/path.h"

namespace pawl::subject {
namespace {

constexpr size_t kStarStarsMax = 16;
constexpr DiffLimits kLimits;
constexpr std::array<std::string_view, 5> kKindNames = {"network", "json", "text", "data", "any"};

// One component against one glob component: greedy, with one point of return per `*`, so linear times linear.
bool ComponentMatches(std::string_view glob, std::string_view text) {
  size_t g = 0, t = 0, star = glob.npos, resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      // `?` is one character, not one byte.
      const bool whole = glob[g++] == '?';
      ++t;
      while (whole && t < text.size() && (static_cast<unsigned char>(text[t]) & 0xC0) == 0x80) ++t;
    } else if (star != glob.npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == glob.npos;
}

bool Fails(SurfaceFinding& finding, const char* rule, std::string reason) {
  finding.rule = rule;
  finding.reason = std::move(reason);
  return false;
}

bool KindFits(SurfaceKind wanted, ContentKind found) {
  if (wanted == SurfaceKind::kAny) return true;  // pickles and containers were refused before
  if (wanted == SurfaceKind::kText && found == ContentKind::kJson) return true;
  return SurfaceKindName(wanted) == ContentKindName(found);
}

bool Exceeds(uint64_t value, const std::optional<uint64_t>& max) { return max.has_value() && value > *max; }

std::string More(uint64_t value, uint64_t max, const char* unit) {
  return std::to_string(value) + " " + unit + "; the rule allows " + std::to_string(max);
}

// By the size alone: before a file is read by what the manifest knows, and again by its bytes.
bool CheckSize(const SurfaceRule& rule, uint64_t bytes, SurfaceFinding& finding) {
  if (Exceeds(bytes, rule.max_bytes))
    return Fails(finding, "surface.max-bytes", "has " + More(bytes, *rule.max_bytes, "bytes"));
  if (rule.max_changed_lines.has_value() && bytes > kLimits.counted_bytes_max) {
    return Fails(finding, "surface.max-changed-lines",
                 "has " + std::to_string(bytes) + " bytes, and lines are counted up to " +
                     std::to_string(kLimits.counted_bytes_max));
  }
  return true;
}

bool CheckContent(const SurfaceRule& rule, const Change& change, SurfaceFinding& finding) {
  const FileFacts& facts = *change.facts_after;
  if (!CheckSize(rule, facts.size, finding)) return false;
  if (facts.kind == ContentKind::kPickle)
    return Fails(finding, "surface.pickle", "is a " + facts.detail + ", which runs code when loaded");
  if (facts.kind == ContentKind::kContainer)
    return Fails(finding, "surface.container", "is a " + facts.detail + ", whose content cannot be judged");
  if (!KindFits(rule.kind, facts.kind)) {
    std::string reason =
        "is " + std::string(ContentKindName(facts.kind)) + ", not " + std::string(SurfaceKindName(rule.kind));
    if (rule.kind == SurfaceKind::kNetwork && !facts.detail.empty()) reason += ": " + facts.detail;
    return Fails(finding, "surface.kind", std::move(reason));
  }
  if (rule.max_changed_lines.has_value()) {
    // Under `any` a binary file has no lines; it may not slip through a limit that cannot be applied to it.
    const bool has_lines = facts.lines.has_value() && (!change.facts_before || change.facts_before->lines.has_value());
    if (!has_lines) return Fails(finding, "surface.kind", "has no lines to count, on one side of the change");
    if (!change.changed_lines.has_value())
      return Fails(finding, "surface.max-changed-lines", "was too large for its changed lines to be counted");
    if (Exceeds(*change.changed_lines, rule.max_changed_lines)) {
      return Fails(finding, "surface.max-changed-lines",
                   "has " + More(*change.changed_lines, *rule.max_changed_lines, "changed lines"));
    }
    if (*facts.line_bytes_max > kLineBytesMax) {
      return Fails(finding, "surface.line-too-long",
                   "has a line of " + More(*facts.line_bytes_max, kLineBytesMax, "bytes"));
    }
  }
  for (const std::string& name : facts.operators) {
    if (!rule.operators.empty() &&
        std::find(rule.operators.begin(), rule.operators.end(), name) == rule.operators.end()) {
      return Fails(finding, "surface.operator", "uses the operator " + name + ", which the rule does not list");
    }
  }
  if (facts.parameter_count.has_value() && Exceeds(*facts.parameter_count, rule.max_parameters)) {
    return Fails(finding, "surface.max-parameters",
                 "has " + More(*facts.parameter_count, *rule.max_parameters, "parameters"));
  }
  return true;
}

// What can be said without reading the file; sets the finding's rule_index.
bool CheckPath(const std::vector<SurfaceRule>& rules, const Change& change, SurfaceFinding& finding) {
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const SurfaceRule& candidate) {
    return GlobMatches(candidate.path, change.path);
  });
  if (rule == rules.end()) return Fails(finding, "surface.unlisted", "is not listed in the surface");
  finding.rule_index = static_cast<size_t>(rule - rules.begin());
  // A file may itself be called "*.pth"; that component is then spelled out by no glob.
  const std::vector<std::string_view> spelled = SplitPath(rule->path);
  for (const std::string_view component : SplitPath(change.path)) {
    if (IsUnasked(component) && (component.find_first_of("*?") != component.npos ||
                                 std::find(spelled.begin(), spelled.end(), component) == spelled.end())) {
      return Fails(finding, "surface.unasked-name",
                   "has the name \"" + Printable(component) +
                       "\", which programs load unasked; only a rule that spells it out allows it");
    }
  }
  switch (change.type) {
    case ChangeType::kAdded:
      if (!rule->may_add) return Fails(finding, "surface.may-not-add", "is new, and the rule has no may_add = true");
      break;
    case ChangeType::kRemoved:
      if (!rule->may_remove)
        return Fails(finding, "surface.may-not-remove", "is gone, and the rule has no may_remove = true");
      return true;
    case ChangeType::kChanged:
      break;
  }
  return CheckSize(*rule, change.bytes_after, finding);
}

// A file that its path or size refuses is not read: a huge one costs nothing.
Detail DetailOf(const std::vector<SurfaceRule>& rules, const Change& change) {
  SurfaceFinding finding;
  if (!CheckPath(rules, change, finding) || change.type == ChangeType::kRemoved) return Detail::kDigests;
  return rules[*finding.rule_index].max_changed_lines.has_value() ? Detail::kLines : Detail::kAfter;
}

bool CheckChange(const std::vector<SurfaceRule>& rules, SurfaceFinding& finding) {
  if (!CheckPath(rules, finding.change, finding)) return false;
  return finding.change.type == ChangeType::kRemoved ||
         CheckContent(rules[*finding.rule_index], finding.change, finding);
}

}  // namespace

std::string_view SurfaceKindName(SurfaceKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

Result<void> CheckGlob(std::string_view glob) {
  if (Result<void> checked = CheckTreePath(glob); !checked.ok()) return checked;
  size_t star_stars = 0;
  for (const std::string_view component : SplitPath(glob)) {
    if (component.find("**") == component.npos) continue;
    if (component != "**") {
      return Refused("glob.star-star", "in the glob \"" + Printable(glob) + "\", ** is not a component of its own",
                     "write a/**/b, or a single * for part of a name");
    }
    ++star_stars;
  }
  if (star_stars > kStarStarsMax) return LimitReached("glob.limit", "the glob has more than 16 ** components");
  return {};
}

bool GlobMatches(std::string_view glob, std::string_view path) {
  const std::vector<std::string_view> pattern = SplitPath(glob), components = SplitPath(path);
  // matches[i]: the glob's components read so far match the first i components of the path.
  std::vector<bool> matches(components.size() + 1, false);
  matches[0] = true;
  for (const std::string_view part : pattern) {
    if (part == "**") {
      for (size_t i = 1; i < matches.size(); ++i) matches[i] = matches[i] || matches[i - 1];
    } else {
      for (size_t i = matches.size() - 1; i > 0; --i)
        matches[i] = matches[i - 1] && ComponentMatches(part, components[i - 1]);
      matches[0] = false;
    }
  }
  return matches.back();
}

bool IsUnasked(std::string_view component) {
  const std::u32string name = FoldCase(component);
  const auto ends = [&](std::u32string_view suffix) { return name.ends_with(suffix); };
  return name == U"conftest.py" || name == U"sitecustomize.py" || name == U"usercustomize.py" ||
         name == U"pyvenv.cfg" || name == U"hooks" || name.starts_with(U".git") || ends(U".pth") || ends(U"._pth") ||
         ends(U".pyc");
}

Result<SurfaceReport> CheckSurface(const std::vector<SurfaceRule>& rules, const Manifest& parent,
                                   const Manifest& candidate, const BlobReader& read) {
  for (const SurfaceRule& rule : rules) {
    if (Result<void> checked = CheckGlob(rule.path); !checked.ok()) return checked.error();
  }
  Result<std::vector<Change>> changes =
      DiffTrees(parent, candidate, read, kLimits, [&](const Change& change) { return DetailOf(rules, change); });
  if (!changes.ok()) return changes.error();
  SurfaceReport report;
  report.allowed = true;
  for (Change& change : *changes) {
    SurfaceFinding finding;
    finding.change = std::move(change);
    finding.allowed = CheckChange(rules, finding);
    report.allowed = report.allowed && finding.allowed;
    report.findings.push_back(std::move(finding));
  }
  return report;
}

}  // namespace pawl::subject
