#include "incidents/edits.h"

#include <fstream>

namespace pawl::incidents {

namespace fs = std::filesystem;

Result<void> WriteText(const fs::path& path, std::string_view bytes) {
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) return SystemFailure("incidents.write", "cannot write '" + path.string() + "'", "check the disk");
  return {};
}

std::string Skill(const std::string& head, const std::string& answer, const std::string& flag) {
  return "\"\"\"What is passed on of a signal, and which signals cannot be.\"\"\"\n" + head +
         "\n\ndef answer(signal):\n    return " + answer + "\n\n\ndef flag(signal):\n    return " + flag + "\n";
}

Result<void> WriteShare(const fs::path& tree, const std::string& path, std::string_view bytes) {
  if (Result<void> better = WriteText(tree / "share.json", "{\"share\": 0.75}\n"); !better.ok()) return better;
  return WriteText(tree / path, bytes);
}

}  // namespace pawl::incidents
