// Who holds which key, and how an amendment changes that: a key that hands over to its successor signs for it.
//
//   const std::string payload = WriteKeyRotation({.about = {subject, charter_in_force}, .holder = "reviewer prover-a",
//                                                 .old_key = before, .new_key = after});
//   // signed by both as "old" and "new", in the new charter's directory as RotationPath(after)
//   Result<std::vector<KeyChange>> changes = FindKeyChanges(before_files, after_files);
//
// A key of the charter changes by an amendment, at its threshold, in one of two ways. Rotated: the charter holds a
// statement that both keys have signed; the old one agrees, and somebody has the new one. Replaced: it holds none, as
// where the old key is lost or stolen; people are told so. Loaders do not ask: what counts is the charter in force.
//
// Thread safety: pure functions of the bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"
#include "warrant/statements.h"

namespace pawl::oversight {

// spec/statements.md, "rotation". A key is a verifier key, or a person's "<type> <base64>".
struct KeyRotation {
  warrant::About about;  // the subject, and the charter in force, from which this amendment starts
  std::string holder;
  std::string old_key;
  std::string new_key;
};
std::string WriteKeyRotation(const KeyRotation& statement);
Result<KeyRotation> ReadKeyRotation(std::string_view payload);

inline constexpr std::string_view kOldKeyId = "old", kNewKeyId = "new";  // of the envelope's two signatures

// Where in a charter the statement for a new key lies.
std::string RotationPath(std::string_view new_key);

// Every key that a charter names but for the log's, which no amendment changes. Holders are "gate clock",
// "reviewer NAME", "witness NAME" and "person PRINCIPAL"; a person may have several keys.
struct HeldCharterKey {
  std::string holder;
  std::string key;
  auto operator<=>(const HeldCharterKey&) const = default;
};
std::vector<HeldCharterKey> KeysOf(const charter::Charter& charter);  // sorted

enum class KeyChangeKind { kRotated, kReplaced, kEnrolled, kRevoked };
struct KeyChange {
  KeyChangeKind kind = KeyChangeKind::kEnrolled;
  std::string holder;
  std::string old_key;  // empty: enrolled
  std::string new_key;  // empty: revoked
  // One line for people: "reviewer prover-a: another key, and the old one has agreed".
  std::string Words() const;
};

// What the amendment from `before` to `after` does to keys: first those that are replaced, then by holder. Where one
// key of a holder goes and one comes, without a statement, it is replaced; otherwise they are revoked and enrolled.
// Statements that `before` holds as well are of the past and are not read. Refused ("charter.rotation"): a statement of
// this amendment that is malformed, is about another subject, starting charter or change than this, or is not signed by
// both keys; by a person's under `presence = "required"` with presence.
Result<std::vector<KeyChange>> FindKeyChanges(const charter::CharterFiles& before, const charter::CharterFiles& after);

}  // namespace pawl::oversight
