#include "storage/kept_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>

#include "crypto/digest.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "subject/store.h"

namespace pawl::storage {
namespace {

// What a file system writes at once, so that no write of one place touches the other.
constexpr size_t kPlaceBytes = 4'096;

struct KeptPlace {
  uint64_t number = 0;  // 0: cannot be read
  std::string text;
};

struct KeptFile {
  std::array<KeptPlace, 2> places;
  std::optional<std::string> whole;  // of a file without places

  const KeptPlace& newest() const { return places[places[0].number < places[1].number ? 1 : 0]; }
  size_t oldest_index() const { return places[0].number < places[1].number ? 0 : 1; }
};

std::string PlaceBytes(uint64_t number, std::string_view text) {
  const std::string said = std::to_string(number) + " " + std::string(text);
  std::string bytes = crypto::Sha256(said).Hex() + " " + said;
  bytes.resize(kPlaceBytes - 1, ' ');
  return bytes + "\n";
}

KeptPlace ParsePlace(std::string_view bytes) {
  const size_t after_number = bytes.find(' ', 65);
  const size_t end = bytes.find_last_not_of(" \n");
  if (after_number == std::string_view::npos || end == std::string_view::npos) return {};
  KeptPlace place;
  const std::string_view number = bytes.substr(65, after_number - 65);
  if (std::from_chars(number.begin(), number.end(), place.number).ec != std::errc()) return {};
  if (end > after_number) place.text = bytes.substr(after_number + 1, end - after_number);
  // Whatever else it could be read as, it is what would be written for that number and text, or nothing.
  if (place.text.size() > kKeptTextBytesMax || PlaceBytes(place.number, place.text) != bytes) return {};
  return place;
}

Result<KeptFile> ReadKeptFile(const std::string& path, const std::string& area) {
  Result<std::string> bytes = subject::ReadRegularFile(path, 2 * kPlaceBytes, area, subject::Links::kRefuse);
  if (!bytes.ok()) return bytes.error();
  KeptFile file;
  if (bytes->size() != 2 * kPlaceBytes) {
    file.whole = *std::move(bytes);
    return file;
  }
  for (size_t i = 0; i < 2; ++i) {
    file.places[i] = ParsePlace(std::string_view(*bytes).substr(i * kPlaceBytes, kPlaceBytes));
  }
  if (file.newest().number > 0) return file;
  return Malformed(area + ".damaged", "neither place of '" + path + "' can be read");
}

Result<void> Overwrite(const std::string& path, size_t place, std::string_view bytes) {
  const subject::FileDescriptor fd(open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return subject::DiskError("open", path, errno);
  while (!bytes.empty()) {
    const off_t at = static_cast<off_t>((place + 1) * kPlaceBytes - bytes.size());
    const ssize_t written = pwrite(fd.get(), bytes.data(), bytes.size(), at);
    if (written < 0 && errno != EINTR) return subject::DiskError("write", path, errno);
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fdatasync(fd.get()) != 0) return subject::DiskError("flush", path, errno);
  return {};
}

}  // namespace

Result<std::string> ReadKeptText(const std::string& path, const std::string& area) {
  Result<KeptFile> file = ReadKeptFile(path, area);
  if (!file.ok()) return file.error();
  return file->whole ? *file->whole : file->newest().text;
}

Result<void> WriteKeptText(const std::string& path, std::string_view text) {
  assert(text.size() <= kKeptTextBytesMax && text.find('\n') == std::string_view::npos && !text.ends_with(' '));
  const Result<KeptFile> file = ReadKeptFile(path, "store");
  const bool is_new = file.ok() ? file->whole.has_value() : file.error().code == ErrorCode::kNotFound;
  if (is_new) return ReplaceFile(path, PlaceBytes(1, text) + PlaceBytes(0, ""));
  if (!file.ok()) return file.error();
  return Overwrite(path, file->oldest_index(), PlaceBytes(file->newest().number + 1, text));
}

}  // namespace pawl::storage
