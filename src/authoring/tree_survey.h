// What a tree consists of, as surface rules: one for each network, one for each kind of file in a folder.
//
//   Result<TreeSurvey> survey = SurveyTree("subject");
//
// Thread safety: reads files; no shared state.
#pragma once

#include <string>
#include <vector>

#include "crypto/digest.h"
#include "result/result.h"
#include "subject/content_kind.h"

namespace pawl::authoring {

struct SurveyedFile {
  std::string path;
  subject::FileFacts facts;
  std::string bytes;  // of networks alone
};

struct TreeSurvey {
  crypto::Digest digest;
  std::vector<SurveyedFile> files;  // sorted by path
};
Result<TreeSurvey> SurveyTree(const std::string& directory);

struct SurfaceText {
  std::string toml;                // [[surface]] tables
  std::vector<std::string> notes;  // what was left out, and why
};
SurfaceText WriteSurface(const TreeSurvey& survey);

// A TOML string.
std::string TomlQuoted(const std::string& text);

}  // namespace pawl::authoring
