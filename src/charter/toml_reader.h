// Reads a TOML table key by key, with a place for every complaint.
//
//   Result<TomlFile> file = TomlFile::Parse(text, "charter.toml");
//   TomlTable pace = file->Root().Table("pace", Need::kRequired);
//   charter.pace.max_releases = pace.Integer("max_releases", {1, 1'000});
//   charter.pace.window_s = pace.Duration("window", {1, kYear_s}, "7d");
//   if (Result<void> done = file->Finish(); !done.ok()) return done.error();
//
// Getters return an empty value where something is wrong, and the first complaint is kept: nothing that was read may be
// used before Finish() has succeeded. Finish() also refuses every key that no getter asked for. A file made by
// Describe() has no text: its getters record what they were asked, which is how the list of keys is made.
//
// Thread safety: one file belongs to one thread. Tables may not outlive their file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"

namespace pawl::charter {

// One key that the reader knows, as the reader itself reports it; spec/charter.md is tested against this list.
struct KeyDescription {
  std::string key;            // "pace.min_interval", "surface[].path"
  std::string type;           // "string", "integer", "number", "boolean", "duration", "digest", "array of strings", …
  std::string default_value;  // "required" where there is none
};
std::vector<KeyDescription> CharterKeys();

// The first line that toml++ must not be given, from 1; 0 where all can be read. Every text goes through this first.
uint32_t FindUnreadableLine(std::string_view text);

// The text with letters of ASCII in the place of all others, byte for byte. toml++ 3.3 runs into undefined behaviour on
// letters beyond ASCII where it looks for white space, as in `5["ä"]`, so it gets this first: where it is TOML, the
// others are in strings and comments, which are not searched for white space.
std::string AsciiShape(std::string_view text);

enum class Need { kRequired, kOptional };

struct IntegerRange {
  int64_t min, max;  // inclusive
};
struct NumberRange {
  double min, max;  // inclusive
};

class TomlFile;

class TomlTable {
 public:
  // Whether the key is there. Does not count as reading it.
  bool Has(const char* key) const;
  bool IsArray(const char* key) const;
  // Whether there is no text, and getters only record what they are asked.
  bool describing() const;
  // Of the key, else of the table.
  Position PositionOf(const char* key) const;
  Position position() const;

  // Where no fallback is given, the key is required.
  std::string String(const char* key);
  std::optional<std::string> OptionalString(const char* key);
  int64_t Integer(const char* key, IntegerRange range, std::optional<int64_t> fallback = {},
                  std::string fallback_text = {});
  std::optional<uint64_t> OptionalInteger(const char* key, IntegerRange range);
  double Number(const char* key, NumberRange range, std::optional<double> fallback = {},
                std::string fallback_text = {});
  bool Boolean(const char* key, bool fallback);
  int64_t Duration(const char* key, IntegerRange range_s, std::optional<std::string> fallback = {});  // seconds
  crypto::Digest Digest(const char* key);
  std::vector<std::string> Strings(const char* key, size_t count_max, Need need);
  size_t Word(const char* key, const std::vector<std::string_view>& words, std::optional<size_t> fallback = {});

  // A missing optional table reads as an empty one; ask Has() first.
  TomlTable Table(const char* key, Need need);
  std::vector<TomlTable> Tables(const char* key, size_t count_max, Need need);

  void Fail(const char* key, std::string rule, std::string message, std::string advice = {});

 private:
  friend class TomlFile;
  TomlTable(TomlFile* file, const void* table, std::string path) : file_(file), table_(table), path_(std::move(path)) {}
  template <typename T>
  std::optional<T> Value(const char* key, Need need, const std::string& type, const std::string& fallback,
                         const char* must, const char* advice);
  const void* Take(const char* key, Need need, const std::string& type, const std::string& fallback);
  std::string FullKey(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

  TomlFile* file_;
  const void* table_;  // toml::table; null in a description and for a missing table
  std::string path_;
};

class TomlFile {
 public:
  static Result<std::unique_ptr<TomlFile>> Parse(std::string_view text, std::string name);
  static std::unique_ptr<TomlFile> Describe();
  ~TomlFile();

  TomlTable Root();
  Result<void> Finish();
  // "charter.toml:12:7: …"
  std::string Place(Position position) const;
  const std::vector<KeyDescription>& keys() const { return keys_; }

 private:
  friend class TomlTable;
  struct Document;
  explicit TomlFile(std::string name);

  std::string name_;
  std::unique_ptr<Document> document_;
  bool describing_ = false;
  std::optional<Error> error_;
  std::vector<KeyDescription> keys_;
};

}  // namespace pawl::charter
