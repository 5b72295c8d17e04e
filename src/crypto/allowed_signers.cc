#include "crypto/allowed_signers.h"

#include <algorithm>
#include <map>

#include "encoding/time.h"

namespace pawl::crypto {
namespace {

constexpr std::string_view kBlank = " \t";

// The next word of the line, which is cut off with the blanks around it. Blanks between double quotes do not end it.
std::string_view TakeWord(std::string_view& line) {
  size_t end = 0;
  for (bool quoted = false; end < line.size() && (quoted || kBlank.find(line[end]) == kBlank.npos); ++end) {
    if (line[end] == '"') quoted = !quoted;
  }
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(line.find_first_not_of(kBlank, end), line.size()));
  return word;
}

// Printable ASCII without what ssh-keygen gives a meaning to: patterns, negation, lists, quotes and escapes.
bool IsLiteral(std::string_view word) {
  return !word.empty() && word.size() <= 255 && std::ranges::all_of(word, [](char c) {
    return c > ' ' && c <= '~' && std::string_view("*?!,\"'\\#").find(c) == std::string_view::npos;
  });
}

// YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ, after 1970 began.
Result<int64_t> ParseValidity(std::string_view text) {
  std::string digits(text.substr(0, text.empty() ? 0 : text.size() - 1));
  const bool form = text.ends_with('Z') && (digits.size() == 8 || digits.size() == 12 || digits.size() == 14);
  digits.resize(14, '0');
  const auto part = [&](size_t begin, size_t length) { return digits.substr(begin, length); };
  const Result<int64_t> time_s = encoding::ParseTime(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" +
                                                     part(8, 2) + ":" + part(10, 2) + ":" + part(12, 2) + "Z");
  if (form && time_s.ok() && *time_s > 0) return time_s;
  return Malformed("allowed-signers.option", "a time must be YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS and a Z");
}

// One option, `name="value"`. False if it is not one of ours or was set before.
bool ReadOption(std::string_view name, std::string_view value, AllowedSigner& signer) {
  if (name == "namespaces" && signer.namespaces.empty()) {
    for (size_t begin = 0; begin <= value.size();) {
      const size_t end = std::min(value.find(',', begin), value.size());
      signer.namespaces.emplace_back(value.substr(begin, end - begin));
      begin = end + 1;
    }
    return std::ranges::all_of(signer.namespaces, IsLiteral);
  }
  std::optional<int64_t>* const time_s = name == "valid-after"    ? &signer.valid_after_s
                                         : name == "valid-before" ? &signer.valid_before_s
                                                                  : nullptr;
  const Result<int64_t> parsed = ParseValidity(value);
  if (time_s == nullptr || time_s->has_value() || !parsed.ok()) return false;
  *time_s = *parsed;
  return true;
}

bool ReadOptions(std::string_view options, AllowedSigner& signer) {
  while (true) {
    const size_t open = options.find("=\"");
    const size_t close = open == options.npos ? options.npos : options.find('"', open + 2);
    if (close == options.npos) return false;
    if (!ReadOption(options.substr(0, open), options.substr(open + 2, close - open - 2), signer)) return false;
    options.remove_prefix(close + 1);
    if (options.empty()) break;
    if (!options.starts_with(',')) return false;
    options.remove_prefix(1);
  }
  return !signer.valid_after_s || !signer.valid_before_s || *signer.valid_after_s < *signer.valid_before_s;
}

Result<AllowedSigner> ParseSigner(std::string_view line) {
  AllowedSigner signer;
  signer.principal = TakeWord(line);
  if (!IsLiteral(signer.principal)) {
    return Malformed("allowed-signers.principal", "a line must begin with one literal principal",
                     "write one line for each person, without patterns, negations and quotes");
  }
  std::string_view word = TakeWord(line);
  if (!SshKeyTypeNamed(word)) {
    if (!ReadOptions(word, signer)) {
      return Malformed("allowed-signers.option",
                       "neither a kind of key that may approve nor namespaces, valid-after or valid-before, each once",
                       "times end in Z; cert-authority and patterns are not supported");
    }
    word = TakeWord(line);
  }
  const Result<SshPublicKey> key = SshPublicKey::ParseLine(std::string(word) + " " + std::string(TakeWord(line)));
  if (!key.ok()) return Malformed("allowed-signers.key", key.error().message, key.error().advice);
  signer.key = *key;
  return signer;
}

}  // namespace

bool AllowedSigner::Allows(std::string_view name_space, int64_t time_s) const {
  const bool named = namespaces.empty() || std::ranges::find(namespaces, name_space) != namespaces.end();
  return named && time_s >= valid_after_s.value_or(time_s) && time_s <= valid_before_s.value_or(time_s);
}

Result<std::vector<AllowedSigner>> ParseAllowedSigners(std::string_view text) {
  if (text.size() > kAllowedSignersBytesMax) return LimitReached("allowed-signers.too-large", "the file is too large");
  std::vector<AllowedSigner> signers;
  std::map<std::string, size_t> line_of_key;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto at_line = [&](Error error) {
      error.message = "line " + std::to_string(number) + ": " + error.message;
      return error;
    };
    if (std::ranges::any_of(line, [](char c) { return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7f'; })) {
      return at_line(Malformed("allowed-signers.syntax", "a control character", "end lines with a line feed alone"));
    }
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (line.empty() || line.starts_with('#')) continue;
    Result<AllowedSigner> signer = ParseSigner(line);
    if (!signer.ok()) return at_line(signer.error());
    const auto [first, fresh] = line_of_key.emplace(signer->key.UnderlyingKey(), number);
    if (!fresh) {
      return at_line(Malformed("allowed-signers.duplicate",
                               "the key of line " + std::to_string(first->second) + " again", "one line for each key"));
    }
    if (signers.size() == kAllowedSignersMax)
      return at_line(LimitReached("allowed-signers.too-large", "too many lines"));
    signer->line = number;
    signers.push_back(*std::move(signer));
  }
  return signers;
}

}  // namespace pawl::crypto
