#include "tlog/tile.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "encoding/number.h"

namespace pawl::tlog {
namespace {

constexpr unsigned kLevelBits = 8;  // a tile's level spans this many levels of the tree
constexpr size_t kHashBytes = 32;

Error PathError() { return Malformed("tile.path", "not the path of a tile or of a bundle of entries"); }

// 1234067 as "x001/x234/067".
std::string IndexPath(uint64_t index) {
  const auto group = [](uint64_t number) { return std::to_string(1'000 + number % 1'000).substr(1); };
  std::string path = group(index);
  while ((index /= 1'000) != 0) path = "x" + group(index) + "/" + path;
  return path;
}

std::string PathOf(const std::string& level, const Tile& tile) {
  std::string path = "tile/" + level + "/" + IndexPath(tile.index);
  return tile.width == kTileWidth ? path : path + ".p/" + std::to_string(tile.width);
}

// The hashes that level `level` of tiles holds in a tree of this size.
uint64_t HashesAt(unsigned level, uint64_t size) { return size >> (kLevelBits * level); }

// The root of `hashes`, a power of two of them.
Digest Combine(std::string_view hashes) {
  Frontier frontier;
  for (; !hashes.empty(); hashes.remove_prefix(kHashBytes)) {
    frontier.Append(*Digest::FromRaw(hashes.substr(0, kHashBytes)));
  }
  return frontier.Root();
}

}  // namespace

std::string Tile::Path() const { return PathOf(std::to_string(level), *this); }

std::string Tile::EntriesPath() const {
  assert(level == 0);
  return PathOf("entries", *this);
}

Result<TileAddress> ParseTilePath(std::string_view path) {
  constexpr std::string_view kPrefix = "tile/";
  if (path.size() > 64 || !path.starts_with(kPrefix)) return PathError();
  std::string_view rest = path.substr(kPrefix.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view level_text = rest.substr(0, slash);
  rest.remove_prefix(slash);
  TileAddress address;
  if (level_text == "entries") address.content = TileContent::kEntries;
  const Result<uint64_t> level = encoding::ParseUnsigned(level_text == "entries" ? "0" : level_text, kTileLevelMax);
  if (!level.ok()) return PathError();
  address.tile.level = static_cast<unsigned>(*level);
  if (const size_t partial = rest.find(".p/"); partial != rest.npos) {
    const Result<uint64_t> width = encoding::ParseUnsigned(rest.substr(partial + 3), kTileWidth - 1);
    if (!width.ok() || *width == 0) return PathError();
    address.tile.width = static_cast<unsigned>(*width);
    rest = rest.substr(0, partial);
  }
  // The digits alone; where the x and the slashes were shows when the path is written again.
  for (const char c : rest) {
    if (c < '0' || c > '9') continue;
    if (address.tile.index > kTreeSizeMax / 10) return PathError();
    address.tile.index = address.tile.index * 10 + static_cast<uint64_t>(c - '0');
  }
  const bool entries = address.content == TileContent::kEntries;
  if (path != (entries ? address.tile.EntriesPath() : address.tile.Path())) return PathError();
  return address;
}

std::vector<Tile> TilesBetween(uint64_t old_size, uint64_t size) {
  assert(old_size <= size && size <= kTreeSizeMax);
  std::vector<Tile> tiles;
  for (unsigned level = 0; level <= kTileLevelMax; ++level) {
    const uint64_t old_hashes = HashesAt(level, old_size), hashes = HashesAt(level, size);
    if (old_hashes == hashes) continue;
    for (uint64_t index = old_hashes / kTileWidth; index * kTileWidth < hashes; ++index) {
      const auto width = static_cast<unsigned>(std::min<uint64_t>(hashes - index * kTileWidth, kTileWidth));
      tiles.push_back({.level = level, .index = index, .width = width});
    }
  }
  return tiles;
}

bool IsWithin(const Tile& tile, uint64_t size) {
  const uint64_t hashes = HashesAt(tile.level, size);
  return tile.index <= hashes / kTileWidth && tile.index * kTileWidth + tile.width <= hashes;
}

std::vector<Tile> TilesOf(uint64_t size) { return TilesBetween(0, size); }

TileRange TileOfNode(unsigned level, uint64_t index, uint64_t size) {
  assert(level < 64 && size <= kTreeSizeMax && index < (size >> level));
  const unsigned tile_level = level / kLevelBits;
  const unsigned count = 1u << (level % kLevelBits);
  const uint64_t first = index * count;  // the node's first hash, counted along the tile level
  const uint64_t tile_index = first / kTileWidth;
  const uint64_t width = std::min<uint64_t>(HashesAt(tile_level, size) - tile_index * kTileWidth, kTileWidth);
  return {.tile = {.level = tile_level, .index = tile_index, .width = static_cast<unsigned>(width)},
          .begin = static_cast<unsigned>(first % kTileWidth),
          .count = count};
}

HashReader HashReaderOverTiles(uint64_t size, TileReader read_tile) {
  return [size, read_tile = std::move(read_tile)](unsigned level, uint64_t index) -> Result<Digest> {
    const TileRange range = TileOfNode(level, index, size);
    const Result<std::string> bytes = read_tile(range.tile);
    if (!bytes.ok()) return bytes.error();
    if (bytes->size() != range.tile.width * kHashBytes) {
      return Malformed("tile.malformed", range.tile.Path() + " does not hold 32 bytes for each hash");
    }
    return Combine(std::string_view(*bytes).substr(range.begin * kHashBytes, range.count * kHashBytes));
  };
}

std::string SerializeEntries(std::span<const std::string> entries) {
  assert(entries.size() <= kTileWidth);
  std::string bytes;
  for (const std::string& entry : entries) {
    assert(entry.size() <= kEntryBytesMax);
    bytes += static_cast<char>(entry.size() >> 8);
    bytes += static_cast<char>(entry.size() & 0xff);
    bytes += entry;
  }
  return bytes;
}

Result<std::vector<std::string>> ParseEntries(std::string_view bytes, unsigned count) {
  std::vector<std::string> entries;
  for (unsigned i = 0; i < count && bytes.size() >= 2; ++i) {
    const size_t size = static_cast<size_t>(static_cast<uint8_t>(bytes[0])) << 8 | static_cast<uint8_t>(bytes[1]);
    if (bytes.size() - 2 < size) break;
    entries.emplace_back(bytes.substr(2, size));
    bytes.remove_prefix(2 + size);
  }
  if (entries.size() != count || !bytes.empty()) {
    return Malformed("tile.entries", "not exactly " + std::to_string(count) + " entries, each after its length");
  }
  return entries;
}

}  // namespace pawl::tlog
