#include "subject/path.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>

#include "encoding/utf8.h"

namespace pawl::subject {
namespace {

struct Range {
  uint32_t first, last;
};

// Characters that make two names look alike, or one name look like another: controls, combining marks, what cannot be
// seen (Default_Ignorable_Code_Point and blank glyphs), spaces other than ' '; and those that normalisation (Unicode's
// NFC) replaces or joins to the letter before: conjoining jamo, voicing marks, compatibility ideographs, Hebrew
// presentation forms. Of canonically equivalent names that leaves one, as a rule the composed one; not so for some
// vowel signs of Indic scripts, and for marks in another order. Source: Unicode 14.0, DerivedCoreProperties.txt
// and DerivedNormalizationProps.txt.
constexpr std::array kNotInNames = std::to_array<Range>(
    {{0x00, 0x1F},       {0x7F, 0xA0},       {0xAD, 0xAD},       {0x300, 0x36F},     {0x374, 0x374},
     {0x37E, 0x37E},     {0x387, 0x387},     {0x61C, 0x61C},     {0x653, 0x655},     {0x93C, 0x93C},
     {0x115F, 0x11FF},   {0x1680, 0x1680},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x1AB0, 0x1AFF},
     {0x1DC0, 0x1DFF},   {0x1F71, 0x1F71},   {0x1F73, 0x1F73},   {0x1F75, 0x1F75},   {0x1F77, 0x1F77},
     {0x1F79, 0x1F79},   {0x1F7B, 0x1F7B},   {0x1F7D, 0x1F7D},   {0x1FBB, 0x1FBB},   {0x1FBE, 0x1FBE},
     {0x1FC9, 0x1FC9},   {0x1FCB, 0x1FCB},   {0x1FD3, 0x1FD3},   {0x1FDB, 0x1FDB},   {0x1FE3, 0x1FE3},
     {0x1FEB, 0x1FEB},   {0x1FEE, 0x1FEF},   {0x1FF9, 0x1FF9},   {0x1FFB, 0x1FFB},   {0x1FFD, 0x1FFD},
     {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},   {0x20D0, 0x20FF},   {0x2126, 0x2126},
     {0x2329, 0x232A},   {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3099, 0x309A},   {0x3164, 0x3164},
     {0xF900, 0xFAFF},   {0xFB1D, 0xFB4F},   {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},   {0xFEFF, 0xFEFF},
     {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0x13430, 0x13438}, {0x16FE4, 0x16FE4}, {0x1BCA0, 0x1BCA3},
     {0x1D159, 0x1D159}, {0x1D173, 0x1D17A}, {0x2F800, 0x2FA1F}, {0xE0000, 0xE0FFF}});

// Simple lower case of the scripts that have one and occur in file names. Source: Unicode's CaseFolding.txt.
uint32_t FoldCodePoint(uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c < 0x80) return c;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if (c == 0x130) return 'i';
  if (c == 0x131) return 'i';
  if (c == 0x178) return 0xFF;
  if (c == 0x17F) return 's';
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x1E00 && c <= 0x1E95) ||
      (c >= 0x1EA0 && c <= 0x1EFF) || (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ||
      (c >= 0x4D0 && c <= 0x52F)) {
    return c | 1;
  }
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) || (c >= 0x4C1 && c <= 0x4CE)) return c + (c & 1);
  if (c == 0xB5) return 0x3BC;
  if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) return c + 32;
  if (c == 0x3C2) return 0x3C3;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  if (c >= 0x531 && c <= 0x556) return c + 48;
  if (c == 0x1E9E) return 0xDF;
  if (c == 0x212A) return 'k';
  if (c == 0x212B) return 0xE5;
  if (c >= 0xFF21 && c <= 0xFF3A) return c + 32;
  return c;
}

Error BadName(const char* rule, std::string_view name, std::string_view what) {
  return Refused(rule, "the name \"" + Printable(name) + "\" " + std::string(what), "rename the file or leave it out");
}

}  // namespace

Result<void> CheckComponent(std::string_view component) {
  if (component.empty()) return BadName("path.empty-component", component, "is empty");
  if (component == "." || component == "..") return BadName("path.dots", component, "leads elsewhere");
  if (component.size() > kComponentBytesMax) return BadName("path.too-long", component, "has more than 255 bytes");
  if (component.find('\\') != component.npos) return BadName("path.backslash", component, "contains a backslash");
  if (component.find('/') != component.npos) return BadName("path.separator", component, "contains a '/'");
  if (!encoding::IsUtf8(component)) return BadName("path.utf8", component, "is not UTF-8");
  for (size_t at = 0; at < component.size();) {
    const uint32_t c = encoding::NextCharacter(component, at);
    for (const Range& range : kNotInNames) {
      if (c >= range.first && c <= range.last) {
        return BadName("path.character", component, "contains a control, invisible or combining character");
      }
    }
  }
  const std::u32string folded = FoldCase(component);
  for (const std::u32string_view name : {U".git", U".hg", U".svn", U".bzr", U"cvs"}) {
    if (folded == name) return BadName("path.version-control", component, "belongs to version control");
  }
  return {};
}

Result<void> CheckTreePath(std::string_view path) {
  if (path.size() > kPathBytesMax) return BadName("path.too-long", path, "has more than 1,024 bytes");
  const std::vector<std::string_view> components = SplitPath(path);
  if (components.size() > kPathDepthMax) return BadName("path.too-deep", path, "has more than 32 components");
  for (const std::string_view component : components) {
    if (Result<void> checked = CheckComponent(component); !checked.ok()) return checked;
  }
  return {};
}

Result<void> CheckDistinct(const std::vector<std::string>& sorted_paths) {
  // Every file and directory by its folded name; each folded name may stand for one spelling of one type.
  struct Spelling {
    std::string_view path;
    bool is_file;
  };
  std::map<std::u32string, Spelling> seen;
  for (const std::string& path : sorted_paths) {
    const std::u32string folded = FoldCase(path);
    // Folding keeps every '/', so the n-th one of both ends the same prefix.
    for (size_t at = 0, folded_at = 0; at != std::string::npos;) {
      const size_t end = path.find('/', at), folded_end = folded.find(U'/', folded_at);
      const bool is_file = end == std::string::npos;
      const std::string_view prefix = std::string_view(path).substr(0, end);
      const auto [known, is_new] = seen.try_emplace(folded.substr(0, folded_end), Spelling{prefix, is_file});
      if (!is_new) {
        const Spelling& other = known->second;
        if (other.path != prefix) {
          return Refused(
              "path.twins",
              "\"" + Printable(other.path) + "\" and \"" + Printable(prefix) + "\" differ by letter case alone",
              "rename one of them");
        }
        if (is_file && other.is_file) return Refused("path.twice", "\"" + Printable(path) + "\" is listed twice");
        if (is_file != other.is_file) {
          return Refused("path.file-and-directory", "\"" + Printable(prefix) + "\" is both a file and a directory");
        }
      }
      at = is_file ? end : end + 1;
      folded_at = folded_end + 1;
    }
  }
  return {};
}

std::u32string FoldCase(std::string_view path) {
  std::u32string folded;
  for (size_t at = 0; at < path.size();) folded += FoldCodePoint(encoding::NextCharacter(path, at));
  return folded;
}

std::vector<std::string_view> SplitPath(std::string_view path) {
  std::vector<std::string_view> components;
  for (size_t at = 0;;) {
    const size_t end = path.find('/', at);
    components.push_back(path.substr(at, end == path.npos ? end : end - at));
    if (end == path.npos) return components;
    at = end + 1;
  }
}

std::string Printable(std::string_view path) {
  std::string text;
  for (const char c : path.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      text.push_back(c);
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(byte));
      text += escaped;
    }
  }
  return path.size() > 200 ? text + "..." : text;
}

}  // namespace pawl::subject
