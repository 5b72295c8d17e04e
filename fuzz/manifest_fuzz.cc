// Any bytes are refused or are exactly what the manifest that was read is written as; its paths are valid and distinct.
// Paths and globs are tried on the raw bytes as well.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "subject/manifest.h"
#include "subject/path.h"
#include "subject/surface.h"

using namespace pawl::subject;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string Utf8(std::u32string_view text) {
  std::string bytes;
  for (const char32_t c : text) {
    const int tail = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    const unsigned lead = tail == 0 ? c : (0xF00u >> (tail + 1) & 0xFFu) | c >> (6 * tail);
    bytes += static_cast<char>(lead);
    for (int i = tail; i-- > 0;) bytes += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
  }
  return bytes;
}

void CheckPaths(std::string_view text) {
  const size_t middle = text.find('\n');
  const std::string_view glob = text.substr(0, middle);
  const std::string_view path = middle == text.npos ? text : text.substr(middle + 1);
  Require(Printable(text).size() <= 810);
  if (!CheckTreePath(path).ok()) return;
  Require(GlobMatches("**", path));
  Require(FoldCase(Utf8(FoldCase(path))) == FoldCase(path));
  if (path.find_first_of("*?") == path.npos) Require(GlobMatches(path, path));
  if (CheckGlob(glob).ok() && glob.find_first_of("*?") == glob.npos) Require(GlobMatches(glob, path) == (glob == path));
  if (CheckGlob(glob).ok()) (void)GlobMatches(glob, path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckPaths(text);
  const pawl::Result<Manifest> manifest = ParseManifest(text);
  if (!manifest.ok()) {
    Require(!manifest.error().rule.empty() && !manifest.error().message.empty());
    return 0;
  }
  Require(SerialiseManifest(*manifest) == text);
  for (const FileEntry& entry : manifest->files) {
    Require(CheckTreePath(entry.path).ok());
    Require(manifest->Find(entry.path) == &entry);
  }
  return 0;
}
