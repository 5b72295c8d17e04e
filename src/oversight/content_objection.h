// What stands against a change within the surface: the surface knows paths and kinds, not the charter's files. The gate
// and every integrity reviewer ask this; no loader does.
//
//   Result<std::optional<ContentObjection>> objection = FindContentObjection(report, charter_files, store.Reader());
//   if (objection.ok() && *objection) Reject((*objection)->rule, (*objection)->reason);
//
// Thread safety: as the readers'.
#pragma once

#include <optional>
#include <string>

#include "charter/charter.h"
#include "result/result.h"
#include "subject/surface.h"

namespace pawl::oversight {

struct ContentObjection {
  std::string rule;
  std::string reason;  // begins with the path
};

// The first of:
// - "surface.charter-copy": a change makes a file of the subject equal, byte for byte, to one of the charter's: a
//   scorer, a reference or a key list that was copied. Nothing for the empty file, nor for a network that violates a
//   property: whoever copies that fails by the property.
// - "surface.keys": a value of a JSON file differs that the rule's file of keys does not let change so (json_keys.h),
//   or one of the two sides, or the file of keys, cannot be read.
// - "surface.json-twins": an object in a new or changed file under a rule of kind `json` has a name twice: which value
//   counts would depend on who reads it.
// - "surface.beside-graph": the charter asks for no trial, and a changed network's file says other things beside its
//   graph than before (metadata, descriptions, producer, unknown fields of model or graph), or cannot be read so far.
// - "surface.scorer-import": a new or changed file answers to the name of a module that the evaluator imports and that
//   the charter does not surely have, or is code of any name where the evaluator may look for modules elsewhere
//   (scorer_imports.h). Not asked where the subject runs in a sandbox of its own (evaluation.subject_command): the
//   evaluator does not see its files then.
// Errors are those of reading.
Result<std::optional<ContentObjection>> FindContentObjection(const subject::SurfaceReport& report,
                                                             const charter::CharterFiles& charter,
                                                             const subject::BlobReader& read);

}  // namespace pawl::oversight
