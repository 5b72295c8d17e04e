#include "authoring/tree_survey.h"

#include <algorithm>
#include <map>

#include "encoding/json.h"
#include "subject/path.h"
#include "subject/surface.h"
#include "subject/tree_reader.h"

namespace pawl::authoring {
namespace {

using subject::ContentKind;

std::string Table(const std::string& path, const char* kind, const std::string& limits) {
  return "[[surface]]\npath = " + TomlQuoted(path) + "\nkind = \"" + kind + "\"\n" + limits + "\n";
}

std::string NetworkTable(const SurveyedFile& file) {
  std::string operators;
  for (const std::string& name : file.facts.operators) {
    operators += (operators.empty() ? "" : ", ") + TomlQuoted(name);
  }
  const uint64_t parameters = std::max<uint64_t>(2 * file.facts.parameter_count.value_or(0), 1);
  std::string limits = operators.empty() ? "" : "operators = [" + operators + "]\n";
  limits += "max_parameters = " + std::to_string(parameters) + "  # twice what it has now\n";
  limits += "max_bytes = " + std::to_string(2 * file.facts.size + 4096) + "\n";
  return Table(file.path, "network", limits);
}

// "folder/*.py"; the path itself where it has no extension.
std::string GlobFor(const std::string& path) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  const size_t dot = path.rfind('.');
  if (dot == std::string::npos || dot <= name) return path;
  return path.substr(0, name) + "*" + path.substr(dot);
}

// The files that one rule would speak about.
struct Group {
  std::vector<const SurveyedFile*> files;
  uint64_t largest = 0;
  bool all_json = true, all_text = true, all_data = true;
  void Add(const SurveyedFile& file) {
    files.push_back(&file);
    largest = std::max(largest, file.facts.size);
    all_json = all_json && file.facts.kind == ContentKind::kJson;
    all_text = all_text && (file.facts.kind == ContentKind::kJson || file.facts.kind == ContentKind::kText);
    all_data = all_data && file.facts.kind == ContentKind::kData;
  }
  const char* Kind() const { return all_json ? "json" : all_text ? "text" : all_data ? "data" : nullptr; }
};

std::string GroupTable(const std::string& path, const Group& group) {
  const char* kind = group.Kind();
  const bool has_lines = group.all_text;
  const std::string bytes = "max_bytes = " + std::to_string(2 * group.largest + 4096) + "\n";
  return Table(path, kind, has_lines ? "max_changed_lines = 200\n" + bytes : bytes);
}

}  // namespace

std::string TomlQuoted(const std::string& text) {
  return encoding::Json(text).dump(-1, ' ', false, encoding::Json::error_handler_t::replace);
}

Result<TreeSurvey> SurveyTree(const std::string& directory) {
  TreeSurvey survey;
  Result<subject::Manifest> manifest = subject::ReadTree(
      directory, subject::TreeLimits{}, [&](const std::string& path, std::string_view bytes) -> Result<crypto::Digest> {
        SurveyedFile file{path, subject::InspectContent(bytes), {}};
        if (file.facts.kind == ContentKind::kNetwork) file.bytes = std::string(bytes);
        survey.files.push_back(std::move(file));
        return crypto::Sha256(bytes);
      });
  if (!manifest.ok()) return manifest.error();
  survey.digest = subject::ManifestDigest(*manifest);
  std::sort(survey.files.begin(), survey.files.end(),
            [](const SurveyedFile& a, const SurveyedFile& b) { return a.path < b.path; });
  return survey;
}

namespace {

bool HasUnaskedName(const std::string& path) {
  const std::vector<std::string_view> components = subject::SplitPath(path);
  return std::any_of(components.begin(), components.end(), subject::IsUnasked);
}

}  // namespace

SurfaceText WriteSurface(const TreeSurvey& survey) {
  SurfaceText text;
  std::map<std::string, Group> groups;
  for (const SurveyedFile& file : survey.files) {
    if (file.path.find_first_of("*?") != std::string::npos) {
      text.notes.push_back("'" + file.path + "' cannot be named by a rule and may not change");
    } else if (HasUnaskedName(file.path)) {
      text.notes.push_back("'" + file.path + "' is loaded by programs unasked and may not change");
    } else if (file.facts.kind == ContentKind::kPickle || file.facts.kind == ContentKind::kContainer) {
      text.notes.push_back("'" + file.path + "' is no content that can be accepted (" + file.facts.detail +
                           ") and may not change");
    } else if (file.facts.kind == ContentKind::kNetwork) {
      text.toml += NetworkTable(file);
    } else {
      groups[GlobFor(file.path)].Add(file);
    }
  }
  for (const auto& [glob, group] : groups) {
    if (group.files.size() > 1 && group.Kind() != nullptr) {
      text.toml += GroupTable(glob, group);
      continue;
    }
    for (const SurveyedFile* file : group.files) {
      Group alone;
      alone.Add(*file);
      text.toml += GroupTable(file->path, alone);
    }
  }
  return text;
}

}  // namespace pawl::authoring
