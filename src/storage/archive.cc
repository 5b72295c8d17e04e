// The ustar format is that of POSIX.1-2017, pax: "ustar Interchange Format".
#include "storage/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "storage/replace_file.h"
#include "subject/path.h"
#include "subject/store.h"

namespace pawl::storage {
namespace {

namespace fs = std::filesystem;
using subject::DiskError;
using subject::FileDescriptor;

constexpr size_t kBlock = 512;
constexpr size_t kChunk = size_t{1} << 20;
constexpr size_t kIndexBytesMax = 65'536;
constexpr char kIndexName[] = "index.json";
using Header = std::array<char, kBlock>;

// Where the fields of a header lie.
struct Field {
  size_t offset, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUser{108, 8}, kGroup{116, 8}, kSize{124, 12}, kTime{136, 12},
    kChecksum{148, 8}, kType{156, 1}, kMagic{257, 8}, kPrefix{345, 155};

void PutOctal(Header& header, Field field, uint64_t value) {
  for (size_t i = field.size - 1; i-- > 0; value >>= 3) header[field.offset + i] = static_cast<char>('0' + (value & 7));
}

void PutText(Header& header, Field field, std::string_view text) {
  text.copy(header.data() + field.offset, field.size);
}

uint64_t Checksum(Header header) {
  std::memset(header.data() + kChecksum.offset, ' ', kChecksum.size);
  uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  return sum;
}

// A name of more than 100 bytes is cut at a slash; nothing where no slash fits.
Result<Header> MakeHeader(const std::string& name, uint64_t size) {
  size_t cut = 0;
  if (name.size() > kName.size) {
    cut = name.find('/', name.size() - kName.size - 1);
    if (cut == std::string::npos || cut > kPrefix.size || cut == 0) {
      return LimitReached("archive.name", "'" + name + "' is too long for an archive");
    }
  }
  Header header{};
  PutText(header, kName, std::string_view(name).substr(cut == 0 ? 0 : cut + 1));
  PutText(header, kPrefix, std::string_view(name).substr(0, cut));
  PutOctal(header, kMode, 0600);
  PutOctal(header, kUser, 0);
  PutOctal(header, kGroup, 0);
  PutOctal(header, kSize, size);
  PutOctal(header, kTime, 0);
  header[kType.offset] = '0';
  PutText(header, kMagic, std::string_view("ustar\00000", 8));
  PutOctal(header, {kChecksum.offset, 7}, Checksum(header));
  header[kChecksum.offset + 7] = ' ';
  return header;
}

std::string TextOf(const Header& header, Field field) {
  const char* begin = header.data() + field.offset;
  return std::string(begin, strnlen(begin, field.size));
}

struct Member {
  std::string name;
  uint64_t size = 0;
};

// Accepts exactly what MakeHeader makes.
Result<Member> ReadHeader(const Header& header) {
  Member member;
  for (size_t i = 0; i + 1 < kSize.size; ++i) {
    const char digit = header[kSize.offset + i];
    if (digit < '0' || digit > '7') return Malformed("archive.malformed", "a header holds no size");
    member.size = member.size << 3 | static_cast<uint64_t>(digit - '0');
  }
  const std::string prefix = TextOf(header, kPrefix);
  member.name = prefix.empty() ? TextOf(header, kName) : prefix + "/" + TextOf(header, kName);
  Result<Header> again = MakeHeader(member.name, member.size);
  if (!again.ok() || *again != header) {
    return Malformed("archive.malformed", "a header is not one that pawl backup writes");
  }
  return member;
}

std::string ContentsLine(const std::string& name, uint64_t size, const crypto::Digest& digest) {
  return digest.Hex() + " " + std::to_string(size) + " " + name + "\n";
}

Error Truncated(const std::string& path) {
  return Malformed("archive.truncated", "'" + path + "' ends before its index", "it was cut short: take another copy");
}

class Reader {
 public:
  Reader(std::string path, FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  // Exactly `size` bytes.
  Result<void> Fill(char* bytes, size_t size) {
    while (size > 0) {
      const ssize_t got = read(fd_.get(), bytes, size);
      if (got == 0) return Truncated(path_);
      if (got < 0 && errno != EINTR) return DiskError("read", path_, errno);
      if (got < 0) continue;
      bytes += got;
      size -= static_cast<size_t>(got);
    }
    return {};
  }
  Result<Header> NextBlock() {
    Header header;
    if (Result<void> filled = Fill(header.data(), header.size()); !filled.ok()) return filled.error();
    return header;
  }
  Result<void> SkipPadding(uint64_t size) {
    Header rest;
    const size_t count = (kBlock - size % kBlock) % kBlock;
    if (Result<void> filled = Fill(rest.data(), count); !filled.ok()) return filled;
    if (std::all_of(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(count), [](char c) { return c == 0; })) {
      return {};
    }
    return Malformed("archive.malformed", "there are bytes between two members");
  }
  bool AtEnd() {
    char byte = 0;
    return read(fd_.get(), &byte, 1) == 0;
  }

 private:
  std::string path_;
  FileDescriptor fd_;
};

Result<void> MakeFolders(const std::string& directory, const std::string& name) {
  for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    const std::string folder = directory + "/" + name.substr(0, slash);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return DiskError("make", folder, errno);
  }
  return {};
}

Result<crypto::Digest> ExtractMember(Reader& reader, const Member& member, const std::string& directory) {
  if (Result<void> made = MakeFolders(directory, member.name); !made.ok()) return made.error();
  const std::string path = directory + "/" + member.name;
  const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return DiskError("make", path, errno);
  Sha256Hasher hasher;
  std::string chunk;
  for (uint64_t left = member.size; left > 0; left -= chunk.size()) {
    chunk.resize(static_cast<size_t>(std::min<uint64_t>(left, kChunk)));
    if (Result<void> filled = reader.Fill(chunk.data(), chunk.size()); !filled.ok()) return filled.error();
    hasher.Update(chunk);
    if (!WriteAll(fd.get(), chunk)) return DiskError("write", path, errno);
  }
  if (fsync(fd.get()) != 0) return DiskError("flush", path, errno);
  if (Result<void> skipped = reader.SkipPadding(member.size); !skipped.ok()) return skipped.error();
  return hasher.Finish();
}

// A name below the directory, in its one spelling.
bool IsPlainName(const std::string& name) {
  if (name.empty() || name.front() == '/' || name.back() == '/') return false;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<Archive> ReadIndex(Reader& reader, const Member& member, Sha256Hasher& contents, uint64_t files,
                          uint64_t bytes) {
  if (member.size > kIndexBytesMax) return LimitReached("archive.malformed", "the index is too large");
  std::string text(static_cast<size_t>(member.size), '\0');
  if (Result<void> filled = reader.Fill(text.data(), text.size()); !filled.ok()) return filled.error();
  if (Result<void> skipped = reader.SkipPadding(member.size); !skipped.ok()) return skipped.error();
  for (int i = 0; i < 2; ++i) {
    Result<Header> end = reader.NextBlock();
    if (!end.ok()) return end.error();
    if (*end != Header{}) return Malformed("archive.malformed", "something follows the index");
  }
  if (!reader.AtEnd()) return Malformed("archive.malformed", "something follows the archive's end");
  Result<encoding::Json> json = encoding::ParseCanonicalJson(text, {.bytes_max = kIndexBytesMax});
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "index");
  Archive archive;
  object.Integer("format", 1, 1);
  archive.about = object.Any("about");
  archive.files = static_cast<uint64_t>(object.Integer("files", 0));
  archive.bytes = static_cast<uint64_t>(object.Integer("bytes", 0));
  const std::string digest = object.DigestText("contents");
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  const crypto::Digest found = contents.Update(encoding::CanonicalJson(archive.about)).Finish();
  if (digest != found.Text() || archive.files != files || archive.bytes != bytes) {
    return Refused("archive.contents", "the archive's files are not those that its index is about",
                   "it was altered or damaged: take another copy");
  }
  return archive;
}

}  // namespace

Result<ArchiveWriter> ArchiveWriter::Create(const std::string& path) {
  FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd.valid()) return ArchiveWriter(path, std::move(fd));
  if (errno == EEXIST) {
    return Refused("archive.exists", "'" + path + "' exists, and nothing is overwritten", "name another file");
  }
  return DiskError("make", path, errno);
}

ArchiveWriter::~ArchiveWriter() {
  if (fd_.valid() && !path_.empty()) unlink(path_.c_str());
}

Result<void> ArchiveWriter::Write(std::string_view bytes) {
  return WriteAll(fd_.get(), bytes) ? Result<void>() : DiskError("write", path_, errno);
}

Result<void> ArchiveWriter::WriteHeader(const std::string& name, uint64_t size) {
  if (size >= kArchivedFileBytesMax || files_ >= kArchivedFilesMax) {
    return LimitReached("archive.too-large", "'" + name + "' is too large, or there are too many files");
  }
  Result<Header> header = MakeHeader(name, size);
  if (!header.ok()) return header.error();
  return Write({header->data(), header->size()});
}

Result<void> ArchiveWriter::Pad(uint64_t size) { return Write(std::string((kBlock - size % kBlock) % kBlock, '\0')); }

void ArchiveWriter::Count(const std::string& name, uint64_t size, const crypto::Digest& digest) {
  contents_.Update(ContentsLine(name, size, digest));
  ++files_;
  bytes_ += size;
}

Result<crypto::Digest> ArchiveWriter::AddFile(const std::string& name, const std::string& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return DiskError("read", path, errno);
  struct stat status;
  if (fstat(fd.get(), &status) != 0) return DiskError("read", path, errno);
  if (!S_ISREG(status.st_mode)) return Refused("archive.file", "'" + path + "' is no regular file");
  const auto size = static_cast<uint64_t>(status.st_size);
  if (Result<void> written = WriteHeader(name, size); !written.ok()) return written.error();
  Sha256Hasher hasher;
  std::string chunk;
  for (uint64_t left = size; left > 0; left -= chunk.size()) {
    if (Result<void> read = subject::ReadUpTo(fd.get(), std::min<uint64_t>(left, kChunk), chunk); !read.ok()) {
      return read.error();
    }
    if (chunk.empty()) return SystemFailure("archive.file", "'" + path + "' changed while it was read", "try again");
    hasher.Update(chunk);
    if (Result<void> written = Write(chunk); !written.ok()) return written.error();
  }
  if (Result<void> padded = Pad(size); !padded.ok()) return padded.error();
  const crypto::Digest digest = hasher.Finish();
  Count(name, size, digest);
  return digest;
}

Result<crypto::Digest> ArchiveWriter::AddBytes(const std::string& name, std::string_view bytes) {
  if (Result<void> written = WriteHeader(name, bytes.size()); !written.ok()) return written.error();
  if (Result<void> written = Write(bytes); !written.ok()) return written.error();
  if (Result<void> padded = Pad(bytes.size()); !padded.ok()) return padded.error();
  const crypto::Digest digest = crypto::Sha256(bytes);
  Count(name, bytes.size(), digest);
  return digest;
}

Result<void> ArchiveWriter::Finish(const encoding::Json& about) {
  contents_.Update(encoding::CanonicalJson(about));
  const std::string index = encoding::CanonicalJson(
      {{"format", 1}, {"about", about}, {"files", files_}, {"bytes", bytes_}, {"contents", contents_.Finish().Text()}});
  if (index.size() > kIndexBytesMax) return LimitReached("archive.too-large", "there is too much to say in the index");
  if (Result<void> written = WriteHeader(kIndexName, index.size()); !written.ok()) return written;
  if (Result<void> written = Write(index); !written.ok()) return written;
  if (Result<void> padded = Pad(index.size()); !padded.ok()) return padded;
  if (Result<void> written = Write(std::string(2 * kBlock, '\0')); !written.ok()) return written;
  if (fsync(fd_.get()) != 0) return DiskError("flush", path_, errno);
  const std::string folder = fs::path(path_).parent_path().string();
  const FileDescriptor parent(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid() || fsync(parent.get()) != 0) return DiskError("flush", folder, errno);
  path_.clear();  // from here on it stays
  return {};
}

Result<Archive> ExtractArchive(const std::string& path, const std::string& directory,
                               const std::function<bool(std::string_view name)>& fits) {
  // A pipe that a shell has opened is read like a file; one that nobody may ever write to is none.
  const bool is_open = path == "/dev/stdin" || path.starts_with("/dev/fd/");
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | (is_open ? 0 : O_NONBLOCK)));
  struct stat status {};
  const bool is_socket = !fd.valid() && errno == ENXIO;
  if (is_socket || (fd.valid() && fstat(fd.get(), &status) == 0 && !S_ISREG(status.st_mode) && !is_open)) {
    return Malformed("archive.not-a-file", "'" + path + "' is not a regular file");
  }
  if (!fd.valid()) {
    return Error{ErrorCode::kNotFound, "archive.open", "cannot open '" + path + "': " + std::strerror(errno),
                 "check the name and permissions"};
  }
  Reader reader(path, std::move(fd));
  Sha256Hasher contents;
  uint64_t files = 0, bytes = 0;
  for (;;) {
    Result<Header> header = reader.NextBlock();
    if (!header.ok()) return header.error();
    if (*header == Header{}) return Truncated(path);
    Result<Member> member = ReadHeader(*header);
    if (!member.ok()) return member.error();
    if (member->name == kIndexName) return ReadIndex(reader, *member, contents, files, bytes);
    if (!IsPlainName(member->name) || !fits(member->name)) {
      return Refused("archive.name", "'" + subject::Printable(member->name) + "' does not belong into this archive");
    }
    if (++files > kArchivedFilesMax) return LimitReached("archive.too-large", "there are too many files");
    Result<crypto::Digest> digest = ExtractMember(reader, *member, directory);
    if (!digest.ok()) return digest.error();
    contents.Update(ContentsLine(member->name, member->size, *digest));
    bytes += member->size;
  }
}

}  // namespace pawl::storage
