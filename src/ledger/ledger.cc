#include "ledger/ledger.h"

#include <filesystem>
#include <utility>

#include "ledger/database.h"
#include "ledger/place.h"
#include "ledger/postgresql_database.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "signing/sign.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "tlog/tile.h"

namespace pawl::ledger {
namespace {

using crypto::Digest;

// Rolls back unless committed.
class Writing {
 public:
  explicit Writing(Database& database) : database_(database) {}
  ~Writing() { database_.Rollback(); }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  Database& database_;
};

// The roots of the complete subtrees that a tree of `size` leaves falls into.
std::vector<NodeAddress> FrontierAddresses(uint64_t size) {
  std::vector<NodeAddress> addresses;
  uint64_t begin = 0;
  for (int level = 62; level >= 0; --level) {
    if ((size >> level & 1) == 0) continue;
    addresses.push_back({static_cast<unsigned>(level), begin >> level});
    begin += uint64_t{1} << level;
  }
  return addresses;
}

Result<tlog::Frontier> ReadFrontier(Database& database, uint64_t size) {
  if (size > tlog::kTreeSizeMax) return Damaged("the log cannot have " + std::to_string(size) + " entries");
  Result<std::vector<Digest>> nodes = database.ReadNodes(FrontierAddresses(size));
  if (!nodes.ok()) return nodes.error();
  return tlog::Frontier::From(size, std::move(*nodes));
}

Error Conflict(uint64_t size, uint64_t expected_size) {
  return Error{ErrorCode::kPending, "ledger.conflict",
               "the log has " + std::to_string(size) + " entries, not " + std::to_string(expected_size),
               "read what is new and decide again"};
}

// In order and without a gap.
Result<std::vector<std::string>> ReadEntries(Database& database, uint64_t first, uint64_t count) {
  Result<std::vector<StoredEvent>> events = database.ReadEvents(first, count);
  if (!events.ok()) return events.error();
  std::vector<std::string> entries;
  entries.reserve(events->size());
  for (StoredEvent& event : *events) {
    if (event.seq != first + entries.size()) {
      return Damaged("event " + std::to_string(first + entries.size()) + " is missing");
    }
    entries.push_back(std::move(event.entry));
  }
  return entries;
}

constexpr char kDuplicate[] = "ledger.duplicate";

// Where exactly these entries stand in a row, if the first of them is found somewhere; nothing where it is nowhere.
Result<std::optional<uint64_t>> RowAt(Database& database, std::optional<uint64_t> first,
                                      const std::vector<std::string>& entries) {
  if (!first) return first;
  Result<std::vector<std::string>> there = ReadEntries(database, *first, entries.size());
  if (!there.ok()) return there.error();
  if (*there == entries) return first;
  return Refused(kDuplicate, "an entry is in the log already, but not in this company");
}

// Requires Begin. What was found was acknowledged to nobody, perhaps, so that it may not yet be durable.
Result<uint64_t> AcknowledgeFound(Database& database, uint64_t index) {
  if (Result<void> durable = database.RequireDurableReads(); !durable.ok()) return durable.error();
  if (Result<void> committed = database.Commit(); !committed.ok()) return committed.error();
  return index;
}

// A checkpoint that is signed over what an append makes of the log, and stored with it or not at all.
struct CheckpointToSign {
  const LogKeys& keys;
  int64_t time_s;
  const LogHead& verified;
};

Error OtherTree() {
  return Refused("ledger.root", "the database's tree is not that of the entries that were read",
                 "restore the ledger from a back-up");
}

// Requires Begin, and that the database states `sign.verified`.
Result<std::string> StoreSigned(Database& database, const CheckpointToSign& sign) {
  merkle::SignedNote note = signing::SignCheckpoint(
      {.origin = sign.keys.origin, .size = sign.verified.size, .root = sign.verified.root}, sign.keys.log);
  note.signatures.push_back(signing::Cosign(note.text, sign.keys.clock_name, sign.keys.clock, sign.time_s));
  std::string bytes = note.Serialize();
  if (Result<void> stored = database.StoreCheckpoint(sign.verified.size, bytes); !stored.ok()) return stored.error();
  return bytes;
}

// `note` gets the checkpoint, where one is to be signed: not where the entries were found to be in the log already.
Result<uint64_t> AppendOnce(Database& database, uint64_t expected_size, const std::vector<std::string>& entries,
                            const CheckpointToSign* sign, std::string* note) {
  const Writing writing(database);
  if (Result<void> begun = database.Begin(); !begun.ok()) return begun.error();
  // Where there is nothing to append, only the size is compared.
  Result<AppendPoint> point = database.FindAppendPoint(crypto::Sha256(entries.empty() ? "" : entries.front()),
                                                       FrontierAddresses(std::min(expected_size, tlog::kTreeSizeMax)));
  if (!point.ok()) return point.error();
  Result<std::optional<uint64_t>> found = RowAt(database, entries.empty() ? std::nullopt : point->found, entries);
  // What others have appended since, some of these entries perhaps, is read before anything is said about it.
  const bool behind = point->size != expected_size;
  if (!found.ok() && !(behind && found.error().rule == kDuplicate)) return found.error();
  if (found.ok() && found->has_value()) return AcknowledgeFound(database, **found);
  if (behind) return Conflict(point->size, expected_size);
  Result<tlog::Frontier> frontier =
      point->nodes ? tlog::Frontier::From(point->size, *std::move(point->nodes)) : ReadFrontier(database, point->size);
  if (!frontier.ok()) return frontier.error();
  std::vector<StoredNode> nodes;
  for (const std::string& entry : entries) {
    frontier->Append(merkle::LeafHash(entry), [&](unsigned level, uint64_t position, const Digest& hash) {
      nodes.push_back({{level, position}, hash});
    });
  }
  if (Result<void> inserted = database.InsertEventsAndNodes(point->size, entries, nodes); !inserted.ok()) {
    return inserted.error();
  }
  if (sign != nullptr) {
    if (frontier->size() != sign->verified.size || frontier->Root() != sign->verified.root) return OtherTree();
    Result<std::string> stored = StoreSigned(database, *sign);
    if (!stored.ok()) return stored.error();
    *note = *std::move(stored);
  }
  if (Result<void> committed = database.Commit(); !committed.ok()) return committed.error();
  return point->size;
}

Result<void> RequireEntriesFit(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (entry.size() <= tlog::kEntryBytesMax) continue;
    return LimitReached("ledger.entry-too-large", "an entry has at most 65,535 bytes",
                        "put what is large into the store and log its digest");
  }
  return {};
}

// After an answer to Commit was lost: what became of it. Nothing is written; Begin waits for the lost transaction's
// end, where it still runs.
Result<uint64_t> LearnOutcome(Database& database, const std::vector<std::string>& entries, const Error& lost) {
  const Writing writing(database);
  if (entries.empty() || !database.Begin().ok()) return lost;
  Result<std::optional<uint64_t>> first = database.FindEvent(crypto::Sha256(entries.front()));
  if (!first.ok()) return lost;
  Result<std::optional<uint64_t>> found = RowAt(database, *first, entries);
  if (!found.ok() || !found->has_value()) return lost;
  return AcknowledgeFound(database, **found);
}

// Whole or not at all: readers of an export see no half file.
Result<void> WriteWhole(const std::filesystem::path& path, std::string_view bytes) {
  Result<void> written = storage::ReplaceFile(path.string(), bytes);
  if (written.ok()) return {};
  return SystemFailure("ledger.export", written.error().message, written.error().advice);
}

Result<merkle::Checkpoint> ReadCheckpoint(std::string_view bytes) {
  Result<merkle::SignedNote> note = merkle::SignedNote::Parse(bytes);
  if (!note.ok()) return note.error();
  return merkle::Checkpoint::Parse(note->text);
}

}  // namespace

Result<AppendPoint> Database::FindAppendPoint(const Digest& digest, std::span<const NodeAddress> /*addresses*/) {
  Result<uint64_t> size = CountEvents();
  if (!size.ok()) return size.error();
  Result<std::optional<uint64_t>> found = FindEvent(digest);
  if (!found.ok()) return found.error();
  return AppendPoint{.size = *size, .found = *found, .nodes = {}};
}

Result<void> Database::InsertEventsAndNodes(uint64_t first, std::span<const std::string> entries,
                                            std::span<const StoredNode> nodes) {
  Result<void> inserted = InsertEvents(first, entries);
  return inserted.ok() ? InsertNodes(nodes) : inserted;
}

bool OutcomeIsUnknown(const Error& error) { return error.rule == "ledger.unclear"; }

Error Damaged(const std::string& what) {
  return SystemFailure("ledger.damaged", what, "restore the ledger from a back-up");
}

Ledger::Ledger(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Ledger Ledger::Over(std::unique_ptr<Database> database) { return Ledger(std::move(database)); }
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::Open(const std::string& path, LedgerAccess access) {
  Result<std::unique_ptr<Database>> database = OpenSqlite(path, access);
  if (!database.ok()) return database.error();
  return Ledger(std::move(*database));
}

Result<Ledger> Ledger::Open(const LedgerPlace& place, LedgerAccess access) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (place.url.starts_with(kSqlite)) return Open(place.url.substr(kSqlite.size()), access);
  Result<std::unique_ptr<Database>> database = OpenPostgresql(place.url, place.log, access, {});
  if (!database.ok()) return database.error();
  return Ledger(std::move(*database));
}

Result<void> Ledger::RenewCopy() { return database_->Renew(); }

Result<uint64_t> Ledger::Size() const { return database_->CountEvents(); }

Result<uint64_t> Ledger::Append(uint64_t expected_size, const std::vector<std::string>& entries) {
  if (Result<void> fit = RequireEntriesFit(entries); !fit.ok()) return fit.error();
  Result<uint64_t> index = AppendOnce(*database_, expected_size, entries, nullptr, nullptr);
  if (index.ok() || !OutcomeIsUnknown(index.error())) return index;
  return LearnOutcome(*database_, entries, index.error());
}

Result<std::string> Ledger::AppendAndSign(uint64_t expected_size, const std::vector<std::string>& entries,
                                          const LogKeys& keys, int64_t time_s, const LogHead& verified) {
  if (Result<void> fit = RequireEntriesFit(entries); !fit.ok()) return fit.error();
  const CheckpointToSign sign{.keys = keys, .time_s = time_s, .verified = verified};
  std::string note;
  Result<uint64_t> index = AppendOnce(*database_, expected_size, entries, &sign, &note);
  if (!index.ok() && OutcomeIsUnknown(index.error())) index = LearnOutcome(*database_, entries, index.error());
  if (!index.ok()) return index.error();
  // An entry that was there already may have anything after it: who signs has to have folded that.
  if (*index != expected_size || note.empty()) return SignCheckpoint(keys, time_s, verified);
  return note;
}

Result<std::vector<std::string>> Ledger::Entries(uint64_t first, uint64_t count) const {
  return ReadEntries(*database_, first, count);
}

tlog::HashReader Ledger::Hashes() const {
  return [database = database_.get()](unsigned level, uint64_t index) -> Result<Digest> {
    Result<std::vector<Digest>> hashes = database->ReadNodes(std::vector<NodeAddress>{{level, index}});
    if (!hashes.ok()) return hashes.error();
    return hashes->front();
  };
}

Result<Digest> Ledger::Root(uint64_t size) const {
  Result<tlog::Frontier> frontier = ReadFrontier(*database_, size);
  if (!frontier.ok()) return frontier.error();
  return frontier->Root();
}

Result<LogHead> Ledger::StatedHead() const {
  Result<uint64_t> size = Size();
  if (!size.ok()) return size.error();
  Result<Digest> root = Root(*size);
  if (!root.ok()) return root.error();
  return LogHead{.size = *size, .root = *root};
}

Result<std::string> Ledger::SignCheckpoint(const LogKeys& keys, int64_t time_s, const LogHead& verified) {
  const Writing writing(*database_);
  if (Result<void> begun = database_->Begin(); !begun.ok()) return begun.error();
  Result<LogHead> stated = StatedHead();
  if (!stated.ok()) return stated.error();
  if (stated->size > verified.size) return Conflict(stated->size, verified.size);
  if (stated->size != verified.size || stated->root != verified.root) return OtherTree();
  Result<std::string> bytes = StoreSigned(*database_, {.keys = keys, .time_s = time_s, .verified = verified});
  if (!bytes.ok()) return bytes;
  if (Result<void> committed = database_->Commit(); !committed.ok()) return committed.error();
  return bytes;
}

Result<void> Ledger::KeepCosigned(const merkle::SignedNote& note) {
  const Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(note.text);
  if (!checkpoint.ok()) return checkpoint.error();
  const Writing writing(*database_);
  if (Result<void> begun = database_->Begin(); !begun.ok()) return begun;
  const Result<std::optional<std::string>> bytes = database_->ReadCheckpoint(checkpoint->size);
  if (!bytes.ok()) return bytes.error();
  const Result<merkle::SignedNote> stored = merkle::SignedNote::Parse(bytes->value_or(""));
  if (!stored.ok() || stored->text != note.text) {
    return Refused("ledger.checkpoint", "another checkpoint is stored for this size", "sign one first");
  }
  if (Result<void> kept = database_->StoreCheckpoint(checkpoint->size, note.Serialize()); !kept.ok()) return kept;
  return database_->Commit();
}

Result<std::string> Ledger::ReadTile(const tlog::TileAddress& address) const {
  const tlog::Tile& tile = address.tile;
  const uint64_t first = tile.index * tlog::kTileWidth;
  switch (address.content) {
    case tlog::TileContent::kEntries: {
      Result<std::vector<std::string>> entries = Entries(first, tile.width);
      if (!entries.ok()) return entries.error();
      return tlog::SerializeEntries(*entries);
    }
    case tlog::TileContent::kHashes: {
      std::vector<NodeAddress> addresses;
      for (unsigned i = 0; i < tile.width; ++i) addresses.push_back({tile.level * 8, first + i});
      Result<std::vector<Digest>> read = database_->ReadNodes(addresses);
      if (!read.ok()) return read.error();
      std::string hashes;
      for (const Digest& hash : *read) hashes += hash.Raw();
      return hashes;
    }
  }
  return std::string();
}

Result<std::optional<std::string>> Ledger::LatestCheckpoint() const { return database_->ReadLatestCheckpoint(); }

SharedStore* Ledger::shared_store() const { return database_->shared_store(); }

Result<void> Ledger::CopyTo(const std::string& path) const {
  std::error_code failure;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, failure))) {
    return Refused("ledger.copy-exists", "'" + path + "' exists, and nothing is overwritten", "name another file");
  }
  return database_->CopyTo(path);
}

Result<void> Ledger::RequireOlderExport(const std::string& path, const merkle::Checkpoint& checkpoint) const {
  Result<std::string> bytes = subject::ReadRegularFile(path, kNoteBytesMax, "ledger", subject::Links::kRefuse);
  if (!bytes.ok() && bytes.error().code == ErrorCode::kNotFound) return {};
  if (!bytes.ok() && bytes.error().code == ErrorCode::kSystem) {
    return SystemFailure("ledger.export", bytes.error().message, "export into an empty directory");
  }
  Result<merkle::Checkpoint> older = bytes.ok() ? ReadCheckpoint(*bytes) : bytes.error();
  if (older.ok() && older->origin == checkpoint.origin && older->size <= checkpoint.size) {
    Result<Digest> root = Root(older->size);
    if (!root.ok()) return root.error();
    if (*root == older->root) return {};
  }
  return Refused("ledger.export-other", "'" + path + "' is not the checkpoint of an older export of this log",
                 "export into an empty directory");
}

Result<void> Ledger::Export(const std::string& directory) const {
  Result<std::optional<std::string>> note = LatestCheckpoint();
  if (!note.ok()) return note.error();
  Result<uint64_t> size = Size();
  if (!size.ok()) return size.error();
  if (!note->has_value()) return Refused("ledger.no-checkpoint", "the log has no checkpoint yet", "sign one first");
  Result<merkle::Checkpoint> checkpoint = ReadCheckpoint(**note);
  if (!checkpoint.ok()) return checkpoint.error();
  if (checkpoint->size != *size) {
    return Refused("ledger.no-checkpoint", "the log has grown since its last checkpoint", "sign one first");
  }
  const std::filesystem::path root(directory);
  if (Result<void> ours = RequireOlderExport(root / "checkpoint", *checkpoint); !ours.ok()) return ours;
  for (const tlog::Tile& tile : tlog::TilesOf(*size)) {
    for (const tlog::TileContent content : {tlog::TileContent::kHashes, tlog::TileContent::kEntries}) {
      const bool entries = content == tlog::TileContent::kEntries;
      if (entries && tile.level != 0) continue;
      Result<std::string> bytes = ReadTile({.content = content, .tile = tile});
      if (!bytes.ok()) return bytes.error();
      const std::string path = entries ? tile.EntriesPath() : tile.Path();
      if (Result<void> written = WriteWhole(root / path, *bytes); !written.ok()) return written;
    }
  }
  return WriteWhole(root / "checkpoint", **note);
}

}  // namespace pawl::ledger
