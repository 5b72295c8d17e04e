#include "ledger/log_upload.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "ledger/database.h"
#include "ledger/place.h"
#include "ledger/postgresql_database.h"
#include "ledger/shared_store.h"
#include "merkle/checkpoint.h"
#include "merkle/tree.h"
#include "tlog/growing_tree.h"

namespace pawl::ledger {
namespace {

constexpr uint64_t kEntriesPerTurn = 256;  // 16 MiB at most

Error LogExists(const std::string& subject, uint64_t size) {
  return Refused("restore.ledger-exists",
                 "the database has a log of '" + subject + "' already, of " + std::to_string(size) +
                     " entries, which is not the one of this back-up",
                 "name an empty database; a home of a log that lives there is made by pawl node join");
}

// Nothing where the database has no log of this name.
Result<std::optional<LogHead>> HeadThere(const Ledger& ledger) {
  const Result<LogHead> head = ledger.StatedHead();
  if (!head.ok()) return head.error();
  return head->size == 0 ? std::optional<LogHead>() : std::optional(*head);
}

bool IsSame(const LogHead& a, const LogHead& b) { return a.size == b.size && a.root == b.root; }

Result<void> PublishAll(const Ledger& from, const subject::Store& store, uint64_t size, SharedStore& shared) {
  std::set<crypto::Digest> verified;
  for (uint64_t first = 0; first < size; first += kEntriesPerTurn) {
    const Result<std::vector<std::string>> entries = from.Entries(first, std::min(kEntriesPerTurn, size - first));
    if (!entries.ok()) return entries.error();
    if (Result<void> put = Publish(shared, store, *entries); !put.ok()) return put;
    // What lay there before, under the name of one of these, is not replaced.
    if (Result<void> whole = VerifyPublished(shared, store, *entries, verified); !whole.ok()) return whole;
  }
  return {};
}

// Requires Begin on `to`, in which nobody else writes this log.
Result<void> InsertAll(const Ledger& from, const LogHead& verified, Database& to) {
  tlog::Frontier frontier;
  while (frontier.size() < verified.size) {
    const uint64_t first = frontier.size();
    const Result<std::vector<std::string>> entries =
        from.Entries(first, std::min(kEntriesPerTurn, verified.size - first));
    if (!entries.ok()) return entries.error();
    if (entries->empty()) return Damaged("event " + std::to_string(first) + " is missing");
    std::vector<StoredNode> nodes;
    for (const std::string& entry : *entries) {
      frontier.Append(merkle::LeafHash(entry), [&](unsigned level, uint64_t position, const crypto::Digest& hash) {
        nodes.push_back({{level, position}, hash});
      });
    }
    if (Result<void> put = to.InsertEventsAndNodes(first, *entries, nodes); !put.ok()) return put;
    // Sends them, so that no more than these are kept here.
    const Result<uint64_t> count = to.CountEvents();
    if (!count.ok()) return count.error();
    if (*count != frontier.size()) return Damaged("the database does not keep what it is given");
  }
  if (frontier.Root() == verified.root) return {};
  return Refused("ledger.root", "the ledger's file is not the one that was verified",
                 "nothing was restored: try again");
}

Result<void> StoreLatestCheckpoint(const Ledger& from, Database& to) {
  const Result<std::optional<std::string>> note = from.LatestCheckpoint();
  if (!note.ok()) return note.error();
  if (!note->has_value()) return {};
  const Result<merkle::SignedNote> parsed = merkle::SignedNote::Parse(**note);
  if (!parsed.ok()) return parsed.error();
  const Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(parsed->text);
  if (!checkpoint.ok()) return checkpoint.error();
  return to.StoreCheckpoint(checkpoint->size, **note);
}

Result<void> CopyInOneTransaction(const Ledger& from, const std::string& subject, const LogHead& verified,
                                  Database& to) {
  if (Result<void> begun = to.Begin(); !begun.ok()) return begun;
  const Result<uint64_t> there = to.CountEvents();
  if (!there.ok()) return there.error();
  if (*there != 0) return LogExists(subject, *there);  // since it was asked before
  if (Result<void> inserted = InsertAll(from, verified, to); !inserted.ok()) return inserted;
  if (Result<void> stored = StoreLatestCheckpoint(from, to); !stored.ok()) return stored;
  return to.Commit();
}

Result<void> Upload(const Ledger& from, const subject::Store& store, const LogHead& verified,
                    const LedgerPlace& place) {
  Result<Ledger> ledger = Ledger::Open(place, LedgerAccess::kReadWrite);
  if (!ledger.ok()) return ledger.error();
  SharedStore* const shared = ledger->shared_store();
  if (shared == nullptr) {
    return Error{ErrorCode::kUsage, "ledger.url", "a log is restored into a database", "--ledger postgresql://…"};
  }
  const Result<std::optional<LogHead>> there = HeadThere(*ledger);
  if (!there.ok()) return there.error();
  if (there->has_value() && !IsSame(**there, verified)) return LogExists(place.log, (*there)->size);
  // Also beside a log that is there: whoever put it there may have had fewer.
  if (Result<void> published = PublishAll(from, store, verified.size, *shared); !published.ok()) return published;
  if (there->has_value()) return {};
  Result<std::unique_ptr<Database>> database = OpenPostgresql(place.url, place.log, LedgerAccess::kReadWrite, {});
  if (!database.ok()) return database.error();
  Result<void> copied = CopyInOneTransaction(from, place.log, verified, **database);
  if (!copied.ok()) (*database)->Rollback();
  return copied;
}

}  // namespace

Result<void> RequireRoomForLog(const std::string& url, const std::string& subject, const LogHead& verified) {
  Result<Ledger> ledger = Ledger::Open(LedgerPlace{url, subject}, LedgerAccess::kReadWrite);
  if (!ledger.ok()) return ledger.error();
  const Result<std::optional<LogHead>> there = HeadThere(*ledger);
  if (!there.ok()) return there.error();
  if (!there->has_value() || IsSame(**there, verified)) return {};
  return LogExists(subject, (*there)->size);
}

Result<void> UploadLog(const Home& home, const std::string& subject, const LogHead& verified, const std::string& url) {
  const std::string path = home.LedgerPath(subject);
  const LedgerPlace place{url, subject};
  {
    const Result<Ledger> from = Ledger::Open(path, LedgerAccess::kReadOnly);
    if (!from.ok()) return from.error();
    const Result<subject::Store> store = subject::Store::Open(home.StorePath());
    if (!store.ok()) return store.error();
    if (Result<void> done = Upload(*from, *store, verified, place); !done.ok()) return done;
  }
  std::error_code failure;
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix, failure);
  return KeepLedgerPlace(std::filesystem::path(path).parent_path().string(), place);
}

}  // namespace pawl::ledger
