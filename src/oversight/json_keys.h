// Which values of a JSON file of the subject may change, and to what. A surface rule of kind `json` names a file of the
// charter that lists them; what it does not list stays as it was, whatever else the file's lines may do.
//
//   # limits.keys.toml, for a rule with path = "limits.json", kind = "json", keys = "limits.keys.toml"
//   [[key]]
//   pointer = "/retries"         # RFC 6901; a token * stands for any one member or element
//   type = "integer"             # integer, number, boolean, string, any
//   min = 0
//   max = 5
//   [[key]]
//   pointer = "/tools/*/mode"
//   type = "string"
//   words = ["read", "ask"]      # the only strings
//   may_add = true               # a value may appear there; may_remove: may be missing
//
// At each place the first key whose pointer matches decides. `any` lets a value become anything, and everything below
// it change, but for what an earlier key matches: as part of a larger structure a value comes and goes by its own key,
// too. Layout and the order of members are free; 1 and 1.0 differ, and so do 0.0 and -0.0; fractions are compared as
// the doubles that programs read.
//
// Gate and integrity reviewers enforce this; a loader does not (decision 0019).
//
// Thread safety: values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "encoding/json.h"
#include "result/result.h"

namespace pawl::oversight {

enum class KeyType { kInteger, kNumber, kBoolean, kString, kAny };

struct KeyRule {
  std::string pointer;              // as written
  std::vector<std::string> tokens;  // of it; "*" is any
  KeyType type = KeyType::kAny;
  std::optional<double> min, max;  // inclusive; of numbers
  std::vector<std::string> words;  // the only strings; empty: any
  bool may_add = false;
  bool may_remove = false;
};

// kMalformed "charter.…", with file, line and column: as the charter itself is refused; also a range or words that the
// type cannot have, an empty range, a pointer that is none, and one that stands there twice.
Result<std::vector<KeyRule>> ReadKeyRules(std::string_view toml, const std::string& name);

// The first value that differs and may not, with its pointer and why; nothing where all is allowed.
std::optional<std::string> FindRefusedKey(const std::vector<KeyRule>& rules, const encoding::Json& before,
                                          const encoding::Json& after);

// Reads every file of keys that the charter's surface names. Refused as well ("charter.keys"): keys under a rule of
// another kind than `json`, or with may_add: a new file has no values to stay as they were.
Result<void> CheckKeyFiles(const charter::CharterFiles& charter);

// The rules of one surface entry, which has to name a file of keys.
Result<std::vector<KeyRule>> ReadKeyRules(const charter::CharterFiles& charter, const charter::SurfaceEntry& entry);

}  // namespace pawl::oversight
