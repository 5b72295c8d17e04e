// The surface: which paths may change, to what, and by how much. What no rule lists may not change.
//
//   Result<SurfaceReport> report = CheckSurface(charter.surface, parent, candidate, store.Reader());
//   if (!report->allowed) ... // outside the charter: a verdict, with a finding per path; not an Error
//
// Rules are tried in order and the first whose glob matches the path decides alone. In a glob `*` matches within a
// component, `?` one character, and a component `**` any number of components, none included; everything else stands
// for itself. Letter case counts.
//
// Thread safety: as the reader's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "subject/diff.h"

namespace pawl::subject {

// What a changed file has to be, in the order of the charter's words. Pickles and containers are refused under every
// rule.
enum class SurfaceKind {
  kNetwork,
  kJson,
  kText,  // text or JSON
  kData,  // neither network nor text
  kAny,
};

std::string_view SurfaceKindName(SurfaceKind kind);

struct SurfaceRule {
  std::string path;  // the glob
  SurfaceKind kind = SurfaceKind::kText;
  bool may_add = false;
  bool may_remove = false;
  std::optional<uint64_t> max_bytes = std::nullopt;          // of the file after the change
  std::optional<uint64_t> max_changed_lines = std::nullopt;  // of text and JSON, per file of at most 8 MiB
  std::optional<uint64_t> max_parameters = std::nullopt;     // of networks
  std::vector<std::string> operators = {};                   // of networks; empty: any that the reader knows
};

// Where a rule limits changed lines, no line may be longer than this, or one line could hold everything.
inline constexpr uint64_t kLineBytesMax = 4'096;

struct SurfaceFinding {
  Change change;
  bool allowed = false;
  std::optional<size_t> rule_index;  // into the rules; none: no rule matches
  std::string rule;                  // "surface.unlisted", ...; empty where allowed
  std::string reason;                // a sentence; empty where allowed
};

struct SurfaceReport {
  bool allowed = false;                  // every finding is; true for no change at all
  std::vector<SurfaceFinding> findings;  // one for each changed path, sorted by path
};

// Checks a glob: a valid path but for its wildcards, `**` only as a whole component, at most 16 of them.
Result<void> CheckGlob(std::string_view glob);

// Requires a glob that CheckGlob accepts. Time is O(components of the glob · components of the path).
bool GlobMatches(std::string_view glob, std::string_view path);

// Whether a component of a path is a name that programs load unasked: conftest.py, sitecustomize.py, usercustomize.py,
// *.pth, *._pth, *.pyc, pyvenv.cfg, .git*, hooks (without regard to letter case). A path with such a component may
// change only under a rule whose glob spells it out.
bool IsUnasked(std::string_view component);

// A path that its name, type or size refuses is not read, and lines are counted only where a rule limits them; the
// facts of such a change are missing. Errors are those of reading; that a change is not allowed is a finding. Rules of
// findings: surface.unlisted, surface.unasked-name, surface.pickle, surface.container, surface.may-not-add,
// surface.may-not-remove, surface.kind, surface.max-bytes, surface.max-changed-lines, surface.line-too-long,
// surface.operator, surface.max-parameters.
Result<SurfaceReport> CheckSurface(const std::vector<SurfaceRule>& rules, const Manifest& parent,
                                   const Manifest& candidate, const BlobReader& read);

}  // namespace pawl::subject
