#include "tlog/tile.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace pawl::tlog {
namespace {

using namespace merkle;  // NOLINT

TEST(Tile, PathsOfTheSpecification) {
  EXPECT_EQ((Tile{.level = 0, .index = 1234067, .width = 256}.Path()), "tile/0/x001/x234/067");
  EXPECT_EQ((Tile{.level = 1, .index = 0, .width = 17}.Path()), "tile/1/000.p/17");
  EXPECT_EQ((Tile{.level = 0, .index = 273, .width = 112}.EntriesPath()), "tile/entries/273.p/112");
  EXPECT_EQ((Tile{.level = 7, .index = 1000, .width = 256}.Path()), "tile/7/x001/000");
}

RC_GTEST_PROP(Tile, PathsRoundTrip, ()) {
  const Tile tile{.level = *rc::gen::inRange(0u, kTileLevelMax + 1),
                  .index = *rc::gen::inRange<uint64_t>(0, uint64_t{1} << *rc::gen::inRange(1, 55)),
                  .width = *rc::gen::inRange(1u, kTileWidth + 1)};
  const Result<TileAddress> hashes = ParseTilePath(tile.Path());
  RC_ASSERT(hashes.ok() && hashes->content == TileContent::kHashes && hashes->tile == tile);
  Tile bundle = tile;
  bundle.level = 0;
  const Result<TileAddress> entries = ParseTilePath(bundle.EntriesPath());
  RC_ASSERT(entries.ok() && entries->content == TileContent::kEntries && entries->tile == bundle);
}

TEST(Tile, RefusesEveryOtherPath) {
  for (const char* path : {"",
                           "/tile/0/000",
                           "tile/0/000/",
                           "tile/0",
                           "tile/0/",
                           "tile//000",
                           "tile/00/000",
                           "tile/8/000",
                           "tile/-1/000",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/x000",
                           "tile/0/x000/000",
                           "tile/0/001/000",
                           "tile/0/x001/x000",
                           "tile/0/x001000",
                           "tile/0/X001/000",
                           "tile/0/000.p/",
                           "tile/0/000.p/0",
                           "tile/0/000.p/256",
                           "tile/0/000.p/01",
                           "tile/0/000.p/1/2",
                           "tile/0/000.p",
                           "tile/0/000.p/1.p/1",
                           "tile/0/../000",
                           "tile/entries",
                           "tile/entries/",
                           "tile/Entries/000",
                           "tile/data/000",
                           "tile/0/x999/x999/x999/x999/x999/x999/999",
                           "tile/0/00a",
                           "tile/0/ 000",
                           "checkpoint",
                           "tile/0/000\n"}) {
    ASSERT_FALSE(ParseTilePath(path).ok()) << path;
    EXPECT_EQ(ParseTilePath(path).error().rule, "tile.path");
  }
}

TEST(Tile, TilesOfSeventyThousandLeaves) {
  std::map<unsigned, std::vector<Tile>> levels;
  for (const Tile& tile : TilesOf(70'000)) levels[tile.level].push_back(tile);
  ASSERT_EQ(levels.size(), 3u);
  ASSERT_EQ(levels[0].size(), 274u);
  for (size_t i = 0; i < 273; ++i) EXPECT_EQ(levels[0][i], (Tile{.level = 0, .index = i, .width = 256}));
  EXPECT_EQ(levels[0][273], (Tile{.level = 0, .index = 273, .width = 112}));
  EXPECT_EQ(levels[1],
            (std::vector<Tile>{{.level = 1, .index = 0, .width = 256}, {.level = 1, .index = 1, .width = 17}}));
  EXPECT_EQ(levels[2], (std::vector<Tile>{{.level = 2, .index = 0, .width = 1}}));
}

TEST(Tile, NeverAnEmptyTile) {
  EXPECT_TRUE(TilesOf(0).empty());
  EXPECT_EQ(TilesOf(256),
            (std::vector<Tile>{{.level = 0, .index = 0, .width = 256}, {.level = 1, .index = 0, .width = 1}}));
  EXPECT_EQ(TilesBetween(255, 256), TilesOf(256));
  EXPECT_EQ(TilesBetween(256, 257), (std::vector<Tile>{{.level = 0, .index = 1, .width = 1}}));
  EXPECT_TRUE(TilesBetween(300, 300).empty());
}

// A log kept as nothing but tiles: what a server writes as it grows, and what a client reads back.
struct TiledLog {
  std::map<std::string, std::string> files;
  Frontier frontier;
  std::map<std::pair<unsigned, uint64_t>, Digest> nodes;

  void Grow(uint64_t size) {
    const uint64_t old_size = frontier.size();
    while (frontier.size() < size) {
      frontier.Append(LeafHash(std::to_string(frontier.size())),
                      [&](unsigned level, uint64_t index, const Digest& hash) {
                        nodes[{level, index}] = hash;
                      });
    }
    for (const Tile& tile : TilesBetween(old_size, size)) {
      std::string bytes;
      for (unsigned i = 0; i < tile.width; ++i) bytes += nodes.at({8 * tile.level, tile.index * 256 + i}).Raw();
      ASSERT_TRUE(files.emplace(tile.Path(), bytes).second);  // nothing is written twice
    }
  }
  TileReader Reader() const {
    return [this](const Tile& tile) -> Result<std::string> {
      const auto file = files.find(tile.Path());
      if (file == files.end()) return Malformed("test.missing", tile.Path());
      return file->second;
    };
  }
};

TEST(Tile, ALogKeptInTilesProvesEverything) {
  TiledLog log;
  uint64_t old_size = 0;
  Digest old_root = EmptyRoot();
  for (const uint64_t size : {1u, 5u, 256u, 257u, 1'000u, 65'536u, 70'000u}) {
    log.Grow(size);
    const HashReader read = HashReaderOverTiles(size, log.Reader());
    const Digest root = log.frontier.Root();
    ASSERT_EQ(*RootAt(size, read), root) << size;
    for (const uint64_t index : {uint64_t{0}, size / 3, size / 2, size - 1}) {
      const auto proof = InclusionProof(index, size, read);
      ASSERT_TRUE(proof.ok()) << proof.error().message;
      ASSERT_TRUE(VerifyInclusion(LeafHash(std::to_string(index)), index, size, *proof, root).ok());
    }
    const auto proof = ConsistencyProof(old_size, size, read);
    ASSERT_TRUE(proof.ok()) << proof.error().message;
    ASSERT_TRUE(VerifyConsistency(old_size, old_root, size, root, *proof).ok());
    old_size = size;
    old_root = root;
  }
}

TEST(Tile, RefusesTilesOfAnotherLength) {
  for (const size_t bytes : {0u, 31u, 33u, 95u, 97u, 8'192u}) {
    const HashReader read =
        HashReaderOverTiles(3, [&](const Tile&) -> Result<std::string> { return std::string(bytes, 'x'); });
    EXPECT_EQ(RootAt(3, read).error().rule, "tile.malformed") << bytes;
  }
}

RC_GTEST_PROP(Entries, RoundTripAndRefuseTruncation, (const std::vector<std::string>& all)) {
  const std::vector<std::string> entries(all.begin(),
                                         all.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(all.size(), 256)));
  const std::string bytes = SerializeEntries(entries);
  const auto count = static_cast<unsigned>(entries.size());
  const auto again = ParseEntries(bytes, count);
  RC_ASSERT(again.ok() && *again == entries);
  RC_ASSERT(!ParseEntries(bytes + '\0', count).ok());
  RC_ASSERT(!ParseEntries(bytes, count + 1).ok());
  if (count > 0) {
    RC_ASSERT(!ParseEntries(bytes, count - 1).ok());
    RC_ASSERT(!ParseEntries(bytes.substr(0, bytes.size() - 1), count).ok());
  }
}

TEST(Entries, TheLargestEntryFits) {
  const std::vector<std::string> entries = {std::string(kEntryBytesMax, 'e'), ""};
  EXPECT_EQ(*ParseEntries(SerializeEntries(entries), 2), entries);
  EXPECT_EQ(ParseEntries("\xff", 1).error().rule, "tile.entries");
  EXPECT_EQ(ParseEntries("\xff\xff", 1).error().rule, "tile.entries");
}

TEST(Tiles, AreWithinTheTreesThatHaveThem) {
  for (const uint64_t size : {uint64_t{1}, uint64_t{255}, uint64_t{256}, uint64_t{70'000}}) {
    for (const Tile& tile : TilesOf(size)) {
      EXPECT_TRUE(IsWithin(tile, size)) << tile.Path();
      EXPECT_FALSE(tile.level == 0 && tile.width < kTileWidth && IsWithin(tile, size - 1)) << tile.Path();
      EXPECT_FALSE(IsWithin({.level = tile.level, .index = tile.index + 1, .width = kTileWidth}, tile.index + 1));
    }
  }
  EXPECT_TRUE(IsWithin({.level = 0, .index = 0, .width = 3}, 256));  // narrower than it need be
  EXPECT_FALSE(IsWithin({.level = 7, .index = 0, .width = 1}, uint64_t{1} << 55));
  EXPECT_FALSE(IsWithin({.level = 0, .index = kTreeSizeMax, .width = 256}, kTreeSizeMax));
}

}  // namespace
}  // namespace pawl::tlog
