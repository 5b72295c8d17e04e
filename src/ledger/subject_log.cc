#include "ledger/subject_log.h"

#include <utility>

#include "ledger/keys.h"
#include "ledger/own_snapshots.h"
#include "ledger/past_root.h"
#include "ledger/shared_store.h"
#include "ledger/snapshot.h"

namespace pawl::ledger {
namespace {

// What this log had told others about itself before it was folded still holds: it has not been cut, and not been
// replaced.
Result<void> RequireCheckpointHolds(SubjectLog& log, const Result<std::optional<std::string>>& told) {
  if (!told.ok()) return told.error();
  if (!told->has_value()) return {};
  Result<merkle::SignedNote> note = merkle::SignedNote::Parse(**told);
  if (!note.ok()) return note.error();
  Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(note->text);
  if (!checkpoint.ok()) return checkpoint.error();
  if (checkpoint->size <= log.history().size()) {
    Result<crypto::Digest> root = PastRoot(log, checkpoint->size);
    if (!root.ok()) return root.error();
    if (*root == checkpoint->root) return {};
  }
  return Refused("ledger.checkpoint", "the log's last checkpoint is about other or more entries than there are",
                 "restore the ledger from a back-up");
}

// So many entries, or all that there are, are read and hashed again below a snapshot's size.
constexpr uint64_t kEventsReadAgain = 256;

// Whether the last entries below a snapshot's size are those that were folded then: with the database's tree of what is
// before them they have to give the snapshot's root. A hash costs a hundredth of a signature, so that a start reads at
// least as many entries as it did when it folded them.
bool EntriesAreThoseFolded(const Ledger& ledger, const tlog::Frontier& folded) {
  const uint64_t size = folded.size();
  const uint64_t begin = size < kEventsReadAgain ? 0 : (size - kEventsReadAgain) / kEventsReadAgain * kEventsReadAgain;
  std::vector<crypto::Digest> nodes;
  uint64_t at = 0;
  for (unsigned level = 63; level-- > 0;) {
    if ((begin >> level & 1) == 0) continue;
    Result<crypto::Digest> node = ledger.Hashes()(level, at >> level);
    if (!node.ok()) return false;
    nodes.push_back(*node);
    at += uint64_t{1} << level;
  }
  Result<tlog::Frontier> again = tlog::Frontier::From(begin, std::move(nodes));
  const Result<std::vector<std::string>> entries = ledger.Entries(begin, size - begin);
  if (!again.ok() || !entries.ok()) return false;
  for (const std::string& entry : *entries) again->Append(merkle::LeafHash(entry));
  return again->size() == size && again->Root() == folded.Root();
}

}  // namespace

Result<SubjectLog> SubjectLog::Open(const Home& home, std::string_view subject, LedgerAccess access, FoldFrom from) {
  SubjectLog log(home, std::string(subject));
  Result<LedgerPlace> place = home.PlaceOfLedger(subject);
  if (!place.ok()) return place.error();
  Result<Ledger> ledger = Ledger::Open(*place, access);
  if (!ledger.ok()) return ledger.error();
  log.ledger_ = std::make_unique<Ledger>(std::move(*ledger));
  // Whoever reads a log that nodes share keeps a copy of what its entries name.
  const bool writes = access == LedgerAccess::kReadWrite || log.ledger_->shared_store() != nullptr;
  Result<storage::TreeStore> store = storage::TreeStore::Open(
      home.StorePath(), writes ? storage::StoreAccess::kReadWrite : storage::StoreAccess::kReadOnly);
  if (!store.ok()) return store.error();
  log.store_ = std::make_unique<storage::TreeStore>(std::move(*store));
  log.history_ = std::make_unique<audit::History>([store_ptr = log.store_.get()](const crypto::Digest& digest) {
    return charter::ReadCharterFromStore(*store_ptr, digest);
  });
  // Read first: a checkpoint that others sign while this one folds may be about more entries than it sees.
  const Result<std::optional<std::string>> told = log.ledger_->LatestCheckpoint();
  if (from == FoldFrom::kSnapshot) log.TakeUpSnapshot();
  const uint64_t begun = log.history_->size();
  if (Result<void> folded = log.Refresh(); !folded.ok()) return folded.error();
  log.folded_ = log.history_->size() - begun;
  if (Result<void> holds = RequireCheckpointHolds(log, told); !holds.ok()) return holds.error();
  if (from == FoldFrom::kSnapshot) log.KeepOwnSnapshot();
  return log;
}

Result<void> SubjectLog::SaveSnapshot(const signing::Ed25519PrivateKey& log_key) const {
  return WriteSnapshot(home_.SnapshotPath(subject_), {.subject = subject_, .frontier = frontier_, .history = *history_},
                       log_key);
}

// Whatever is wrong with the snapshots, the events themselves say what is true.
void SubjectLog::TakeUpSnapshot() {
  const auto holds = [this](const crypto::Ed25519PublicKey& key) { return FindPrivateKey(home_, key).ok(); };
  if (TakeUp(ReadSnapshot(home_.SnapshotPath(subject_), subject_, history_->charter_reader(), holds))) return;
  const Result<OwnSnapshots> own = OwnSnapshots::Find(home_);
  if (own.ok()) TakeUp(own->Read(subject_, history_->charter_reader()));
}

bool SubjectLog::TakeUp(Result<Snapshot> snapshot) {
  if (!snapshot.ok()) return false;
  Result<crypto::Digest> stored = ledger_->Root(snapshot->history.size());
  if (!stored.ok() || *stored != snapshot->frontier.Root()) return false;
  if (!EntriesAreThoseFolded(*ledger_, snapshot->frontier)) return false;
  auto history = std::make_unique<audit::History>(std::move(snapshot->history));
  std::swap(history, history_);
  if (!LoadCharter().ok()) {
    std::swap(history, history_);
    return false;
  }
  frontier_ = std::move(snapshot->frontier);
  return true;
}

// Where the gate's key is, the gate keeps one. Only the next start's time hangs on it, so that a home that cannot be
// written to is no reason to stop.
void SubjectLog::KeepOwnSnapshot() const {
  if (folded_ < kEventsPerSnapshot || !history_->has_genesis()) return;
  if (FindPrivateKey(home_, history_->charter().gate.log).ok()) return;
  const Result<OwnSnapshots> own = OwnSnapshots::Make(home_);
  if (own.ok()) static_cast<void>(own->Write({.subject = subject_, .frontier = frontier_, .history = *history_}));
}

Result<void> SubjectLog::Fold(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (Result<void> applied = history_->Apply(history_->size(), entry); !applied.ok()) return applied;
    frontier_.Append(merkle::LeafHash(entry));
  }
  return LoadCharter();
}

// Entry by entry: an entry's blobs are fetched after the entries before it have been believed.
Result<void> SubjectLog::FetchAndFold(SharedStore& shared, const std::vector<std::string>& entries) {
  Result<bool> needed = IsFetchNeeded(shared, *store_, entries);
  if (!needed.ok()) return needed.error();
  if (!*needed) return Fold(entries);
  for (const std::string& entry : entries) {
    if (Result<void> fetched = Fetch(shared, *store_, entry); !fetched.ok()) return fetched;
    if (Result<void> folded = Fold({entry}); !folded.ok()) return folded;
  }
  return {};
}

Result<void> SubjectLog::LoadCharter() {
  if (!history_->has_genesis()) return {};
  if (charter_ && charter_->charter.digest == history_->charter().digest) return {};
  // The history has read and checked the charter from this store.
  Result<subject::Manifest> manifest = store_->ReadManifest(history_->charter().digest);
  if (!manifest.ok()) return manifest.error();
  charter_ = std::make_unique<warrant::CharterFiles>(
      warrant::CharterFiles{history_->charter(), std::move(*manifest), store_->Reader()});
  programs_.reset();
  return {};
}

Result<charter::ProgramRules> SubjectLog::programs() const {
  if (programs_) return *programs_;
  Result<charter::ProgramRules> read = charter::ReadProgramRules(*charter_);
  if (read.ok()) programs_ = *read;
  return read;
}

Result<void> SubjectLog::Refresh() {
  if (Result<void> settled = Settle(); !settled.ok()) return settled;
  for (;;) {
    Result<std::vector<std::string>> entries = ledger_->Entries(history_->size(), kEntriesPerRead);
    if (!entries.ok()) return entries.error();
    if (entries->empty()) break;
    trial_.reset();
    SharedStore* shared = ledger_->shared_store();
    Result<void> folded = shared == nullptr ? Fold(*entries) : FetchAndFold(*shared, *entries);
    if (!folded.ok()) return folded;
    if (entries->size() < kEntriesPerRead) break;
  }
  if (history_->size() == agreed_) return {};
  Result<crypto::Digest> stored = ledger_->Root(history_->size());
  if (!stored.ok()) return stored.error();
  if (*stored == frontier_.Root()) {
    agreed_ = history_->size();
    return {};
  }
  return Refused("ledger.root", "the database's tree does not belong to its entries",
                 "restore the ledger from a back-up");
}

Result<void> SubjectLog::Append(const std::vector<encoding::Envelope>& envelopes) {
  Result<void> held = Hold(envelopes);
  return held.ok() ? Settle() : held;
}

Result<void> SubjectLog::Hold(const std::vector<encoding::Envelope>& envelopes) {
  // What would not fold is never written: otherwise one bad event would close the log for everybody. It is tried on a
  // second history, so that the first keeps what callers point to; the two go in step, because copying a long one for
  // every event would cost more than everything else (TakeOverTrial).
  if (!trial_) trial_ = std::make_unique<audit::History>(*history_);
  for (const encoding::Envelope& envelope : envelopes) {
    std::string entry = encoding::SerializeEnvelope(envelope);
    Result<void> applied = trial_->Apply(trial_->size(), entry);
    held_.push_back(std::move(entry));
    if (applied.ok()) continue;
    held_.clear();
    trial_.reset();
    return applied;
  }
  return {};
}

Result<void> SubjectLog::Settle() {
  const std::vector<std::string> entries = std::exchange(held_, {});
  if (entries.empty()) return {};
  const Result<void> published = PublishBlobs(entries);
  return TakeOver(entries, published.ok() ? ledger_->Append(history_->size(), entries) : published.error());
}

Result<std::string> SubjectLog::SettleAndSign(const LogKeys& keys, int64_t time_s) {
  if (held_.empty()) return ledger_->SignCheckpoint(keys, time_s, head());
  const std::vector<std::string> entries = std::exchange(held_, {});
  tlog::Frontier after = frontier_;
  for (const std::string& entry : entries) after.Append(merkle::LeafHash(entry));
  const LogHead verified{.size = after.size(), .root = after.Root()};
  const Result<void> published = PublishBlobs(entries);
  Result<std::string> note =
      published.ok() ? ledger_->AppendAndSign(history_->size(), entries, keys, time_s, verified) : published.error();
  Result<void> taken = TakeOver(entries, note.ok() ? history_->size() : Result<uint64_t>(note.error()));
  return taken.ok() ? note : taken.error();
}

// What comes of an append: `index` is where the ledger has the entries.
Result<void> SubjectLog::TakeOver(const std::vector<std::string>& entries, const Result<uint64_t>& index) {
  if (!index.ok()) {
    trial_.reset();
    // Only where there is more than was read does reading on help.
    const Result<uint64_t> there = index.error().code == ErrorCode::kPending ? ledger_->Size() : index;
    if (!there.ok() || *there >= history_->size()) return index.error();
    return Refused("ledger.root", "the database has fewer entries than were read from it",
                   "restore the ledger from a back-up");
  }
  if (*index == history_->size()) return TakeOverTrial(entries);
  trial_.reset();  // they were in the log already
  return Refresh();
}

// The trial has verified these entries, and a signature costs more than anything else of an event: the history takes
// over what came of it as long as copying one is cheaper than that.
Result<void> SubjectLog::TakeOverTrial(const std::vector<std::string>& entries) {
  constexpr size_t kCopiedProposalsMax = 1'000;
  if (trial_->proposals().size() > kCopiedProposalsMax) return Fold(entries);
  *history_ = *trial_;
  for (const std::string& entry : entries) frontier_.Append(merkle::LeafHash(entry));
  return LoadCharter();
}

Result<void> SubjectLog::PublishBlobs(const std::vector<std::string>& entries) {
  SharedStore* shared = ledger_->shared_store();
  return shared == nullptr ? Result<void>() : Publish(*shared, *store_, entries);
}

}  // namespace pawl::ledger
