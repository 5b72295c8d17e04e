// in-toto Statements, version 1: "this predicate holds of these digests".
//
//   Statement statement{.subjects = {{.name = "candidate", .digest = tree.Text()}},
//                       .predicate_type = "urn:pawl:vote:v1",
//                       .predicate = {{"verdict", "accept"}}};
//   std::string payload = SerializeStatement(statement);
//
// Names are labels for people; subjects are matched by digest alone.
// Source: github.com/in-toto/attestation, spec/v1/statement.md. Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "encoding/json.h"
#include "result/result.h"

namespace pawl::encoding {

struct ResourceDigest {
  std::string name;    // may be empty; then it is left out
  std::string digest;  // "sha256:" and 64 lower-case hexadecimal digits (crypto::Digest::Text)
  bool operator==(const ResourceDigest&) const = default;
};

struct Statement {
  std::vector<ResourceDigest> subjects;  // at least one
  std::string predicate_type;
  Json predicate = Json::object();
  bool operator==(const Statement&) const = default;
};

// Of the DSSE envelope around a statement.
inline constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";

inline constexpr size_t kStatementSubjectsMax = 64;

// Canonical JSON. Requires 1 to kStatementSubjectsMax subjects with well-formed digests, and an object as predicate.
std::string SerializeStatement(const Statement& statement);

// Accepts exactly what SerializeStatement prints. Rules: those of json.h, and "statement.subject" for none, too many or
// a digest that is not SHA-256. The predicate is not looked into: read it with JsonObject.
Result<Statement> ParseStatement(std::string_view bytes, const JsonLimits& limits = {});

}  // namespace pawl::encoding
