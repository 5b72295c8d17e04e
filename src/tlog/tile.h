// Tiles (C2SP tlog-tiles v0.1.0): the files a log is served as.
//
//   Tile{.level = 0, .index = 273, .width = 112}.Path() == "tile/0/273.p/112"
//   for (const Tile& tile : TilesBetween(old_size, new_size)) Write(tile.Path(), …);
//
// A tile of level L holds `width` (1 to 256) hashes of 32 bytes; hash number i is the root of the complete subtree of
// 256^L leaves that begins at leaf (index * 256 + i) * 256^L. Entries are served in bundles of the same indices and
// widths. Paths have no leading slash. Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"
#include "tlog/growing_tree.h"

namespace pawl::tlog {

inline constexpr unsigned kTileWidth = 256;
inline constexpr unsigned kTileLevelMax = 7;  // 256^8 leaves are more than kTreeSizeMax
inline constexpr size_t kEntryBytesMax = 65'535;

struct Tile {
  unsigned level = 0;
  uint64_t index = 0;
  unsigned width = kTileWidth;  // 1 to kTileWidth; below it, the tile is partial

  std::string Path() const;         // "tile/<level>/<index>[.p/<width>]"
  std::string EntriesPath() const;  // "tile/entries/<index>[.p/<width>]"; requires level 0

  bool operator==(const Tile&) const = default;
};

// What a path names: hashes or entries.
enum class TileContent { kHashes, kEntries };
struct TileAddress {
  TileContent content = TileContent::kHashes;
  Tile tile;
};
// Accepts exactly the paths that Path() and EntriesPath() print; fails with "tile.path".
Result<TileAddress> ParseTilePath(std::string_view path);

// Every tile of a tree of this size: level by level, left to right, the partial one last on its level. TilesBetween
// leaves out those that a tree of old_size has too: what has to be written when the log grows. Requires old_size <=
// size <= kTreeSizeMax.
std::vector<Tile> TilesOf(uint64_t size);
std::vector<Tile> TilesBetween(uint64_t old_size, uint64_t size);

// Whether a tree of this size has all the hashes of the tile.
bool IsWithin(const Tile& tile, uint64_t size);

// Where the root of the complete subtree (level, index) of tree.h is found: in which tile of a tree of `size` leaves,
// and which of its hashes have to be combined (a run of 2^(level mod 8)). Requires that the subtree lies within the
// tree.
struct TileRange {
  Tile tile;
  unsigned begin = 0;
  unsigned count = 1;
};
TileRange TileOfNode(unsigned level, uint64_t index, uint64_t size);

// A HashReader over tiles. `read_tile` returns the bytes of a tile, 32 for each hash; a wrong number of bytes is
// "tile.malformed". Nothing is cached.
using TileReader = std::function<Result<std::string>(const Tile&)>;
HashReader HashReaderOverTiles(uint64_t size, TileReader read_tile);

// Entry bundles: for each entry a big-endian 16-bit length and its bytes. Requires at most kTileWidth entries of at
// most kEntryBytesMax bytes.
std::string SerializeEntries(std::span<const std::string> entries);
// Fails with "tile.entries" unless there are exactly `count` entries and no trailing bytes.
Result<std::vector<std::string>> ParseEntries(std::string_view bytes, unsigned count);

}  // namespace pawl::tlog
