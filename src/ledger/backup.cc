#include "ledger/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "encoding/hex.h"
#include "ledger/home_migration.h"
#include "ledger/loader_memory.h"
#include "ledger/log_upload.h"
#include "ledger/store_lock.h"
#include "ledger/subject_log.h"
#include "merkle/checkpoint.h"
#include "storage/archive.h"
#include "storage/replace_file.h"
#include "storage/temporary_folder.h"
#include "warrant/state.h"

namespace pawl::ledger {
namespace {

namespace fs = std::filesystem;
using storage::ArchiveWriter;
using storage::HeldFolder;

// ---- which files a back-up has

std::vector<std::string_view> Split(std::string_view name) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool IsHex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The order is that in which they are written. A name that is none of these is in no back-up.
enum class Part { kSchema, kState, kWarrant, kReviewer, kLedger, kHalt, kBlob, kKey };

std::optional<Part> PartOf(std::string_view name) {
  const std::vector<std::string_view> parts = Split(name);
  const size_t depth = parts.size();
  const std::string_view last = parts.back();
  if (name == "schema.json") return Part::kSchema;
  if (parts[0] == "ledger" && depth == 2 && last.ends_with(".sqlite")) return Part::kLedger;
  if (parts[0] == "loader" && depth == 3 && last == "state.json") return Part::kState;
  if (parts[0] == "loader" && depth == 4 && last.ends_with(".json")) {
    if (parts[2] == "warrants") return Part::kWarrant;
    if (parts[2] == "state.json.halts") return Part::kHalt;
  }
  if (parts[0] == "reviewers" && depth == 3 && last.ends_with(".json")) return Part::kReviewer;
  if (parts[0] == "store" && depth == 4 && parts[1] == "blobs" && IsHex(last, 64) && last.substr(0, 2) == parts[2]) {
    return Part::kBlob;
  }
  if (parts[0] == "keys" && depth == 3 && last == "key.pem") return Part::kKey;
  return std::nullopt;
}

// Names of a part's files as they are now, sorted.
Result<std::vector<std::string>> NamesOf(const std::string& root, Part part) {
  static constexpr const char* kFolders[] = {"",       "loader", "loader",      "reviewers",
                                             "ledger", "loader", "store/blobs", "keys"};
  if (part == Part::kSchema) return std::vector<std::string>{"schema.json"};
  const std::string folder = root + "/" + kFolders[static_cast<size_t>(part)];
  std::vector<std::string> names;
  std::error_code failure;
  if (!fs::exists(folder, failure)) return names;
  for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
    std::string name = at->path().lexically_relative(root).generic_string();
    if (part == Part::kLedger && at->path().extension() == ".url") name = name.substr(0, name.size() - 4) + ".sqlite";
    if (PartOf(name) == part) names.push_back(name);
  }
  if (failure) return SystemFailure("backup.list", "cannot list '" + folder + "': " + failure.message());
  std::sort(names.begin(), names.end());
  return names;
}

// Top-level entries that hold something and that no back-up has, for the report.
std::vector<std::string> LeftOut(const std::string& root, const std::vector<std::string>& keys) {
  static const std::set<std::string> kKnown = {"schema.json", "schema.lock", "store", "ledger", "reviewers", "loader"};
  std::vector<std::string> left_out;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, failure)) {
    const std::string name = entry.path().filename().string();
    if (kKnown.contains(name) || (entry.is_directory(failure) && fs::is_empty(entry.path(), failure))) continue;
    left_out.push_back(name == "keys" && !keys.empty() ? "keys (all but those named)" : name);
  }
  std::sort(left_out.begin(), left_out.end());
  return left_out;
}

// ---- writing

constexpr char kRestoring[] = ".restoring", kCopying[] = "/backups/copying";

struct TemporaryPlace {
  HeldFolder folder;
  std::vector<std::string> cleared;
};

// What earlier ones left that were killed may hold private keys, and goes first.
Result<TemporaryPlace> MakeTemporaryPlace(const std::string& name) {
  const Result<std::string> prefix = storage::TemporaryPrefix(name);
  if (!prefix.ok()) return prefix.error();
  std::vector<std::string> cleared = storage::RemoveLeftFolders(*prefix);
  Result<HeldFolder> folder = HeldFolder::Make(*prefix);
  if (!folder.ok()) return folder.error();
  return TemporaryPlace{*std::move(folder), std::move(cleared)};
}

// `name` ends in .sqlite, also where the log is in PostgreSQL: a back-up holds the log itself.
Error ArchiveExists(const std::string& file) {
  return Refused("archive.exists", "'" + file + "' exists, and nothing is overwritten", "name another file");
}

// Moves a finished file to a name that nothing has.
Result<void> GiveName(const std::string& from, const std::string& to) {
  bool moved = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0;
  std::error_code failure;
  // Some file systems cannot promise that.
  if (!moved && errno == EINVAL && !fs::exists(fs::symlink_status(to, failure))) {
    moved = std::rename(from.c_str(), to.c_str()) == 0;
  }
  const int error = errno;
  if (moved) return storage::FlushDirectory(fs::path(to).parent_path());
  unlink(from.c_str());
  if (error == EEXIST || error == EINVAL) return ArchiveExists(to);
  return SystemFailure("backup.write", "cannot make '" + to + "': " + std::strerror(error));
}

Result<void> AddLedger(ArchiveWriter& archive, const std::string& root, const std::string& name,
                       const std::string& scratch) {
  const std::string copy = scratch + "/" + fs::path(name).filename().string();
  {
    Result<LedgerPlace> place = FindLedgerPlace(root + "/ledger", fs::path(name).stem().string());
    if (!place.ok()) return place.error();
    Result<Ledger> ledger = Ledger::Open(*place, LedgerAccess::kReadOnly);
    if (!ledger.ok()) return ledger.error();
    if (Result<void> copied = ledger->CopyTo(copy); !copied.ok()) return copied;
  }
  Result<crypto::Digest> added = archive.AddFile(name, copy);
  std::error_code ignored;
  fs::remove(copy, ignored);
  if (!added.ok()) return added.error();
  return {};
}

// A blob goes in only with the digest that its name says.
Result<void> AddBlob(ArchiveWriter& archive, const std::string& root, const std::string& name) {
  Result<crypto::Digest> digest = archive.AddFile(name, root + "/" + name);
  if (!digest.ok()) return digest.error();
  if (digest->Hex() == fs::path(name).filename().string()) return {};
  return Refused("store.damaged", "the blob '" + root + "/" + name + "' does not have the digest that its name says",
                 "pawl doctor tells more; nothing was written");
}

Result<uint64_t> AddPart(ArchiveWriter& archive, const std::string& root, Part part, const std::string& scratch) {
  Result<std::vector<std::string>> names = NamesOf(root, part);
  if (!names.ok()) return names.error();
  for (const std::string& name : *names) {
    Result<void> added;
    if (part == Part::kLedger) {
      added = AddLedger(archive, root, name, scratch);
    } else if (part == Part::kBlob) {
      added = AddBlob(archive, root, name);
    } else if (Result<crypto::Digest> digest = archive.AddFile(name, root + "/" + name); !digest.ok()) {
      added = digest.error();
    }
    if (!added.ok()) return added.error();
  }
  return names->size();
}

Result<void> AddKeys(ArchiveWriter& archive, const Home& home, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::string name = "keys/" + key + "/key.pem";
    if (PartOf(name) != Part::kKey || access(home.KeyPath(key).c_str(), R_OK) != 0) {
      return Error{ErrorCode::kNotFound, "backup.key", "this home has no readable private key '" + key + "'",
                   "pawl key list"};
    }
    if (Result<crypto::Digest> added = archive.AddFile(name, home.KeyPath(key)); !added.ok()) return added.error();
  }
  return {};
}

// ---- verifying

// The last checkpoint was signed by a log key that some charter of this log has named.
Result<std::optional<uint64_t>> VerifyCheckpoint(SubjectLog& log) {
  Result<std::optional<std::string>> bytes = log.ledger().LatestCheckpoint();
  if (!bytes.ok()) return bytes.error();
  if (!bytes->has_value()) return std::optional<uint64_t>();
  const audit::History& history = log.history();
  std::vector<crypto::Digest> charters = {log.charter().charter.digest};
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    const bool amended = proposal.proposal.action == warrant::Action::kAmendment && proposal.release;
    if (amended) charters.push_back(proposal.proposal.tree);
  }
  if (history.genesis().target) charters.push_back(*history.genesis().target);
  std::optional<Error> failure;
  for (const crypto::Digest& digest : charters) {
    Result<charter::Charter> charter = charter::ReadCharterFromStore(log.store(), digest);
    if (!charter.ok()) return charter.error();
    Result<merkle::SignedCheckpoint> opened = merkle::OpenCheckpoint(**bytes, charter->gate.log);
    if (opened.ok()) return std::optional<uint64_t>(opened->checkpoint.size);
    if (!failure) failure = opened.error();
  }
  return *failure;
}

Result<uint64_t> VerifyBlobs(const Home& home) {
  Result<subject::Store> store = subject::Store::Open(home.StorePath());
  if (!store.ok()) return store.error();
  Result<std::vector<std::string>> names = NamesOf(home.root(), Part::kBlob);
  if (!names.ok()) return names.error();
  for (const std::string& name : *names) {
    Result<crypto::Digest> digest = crypto::Digest::FromHex(fs::path(name).filename().string());
    if (!digest.ok()) return digest.error();
    Result<std::string> bytes = store->ReadBlob(*digest, storage::kArchivedFileBytesMax);
    if (!bytes.ok()) return bytes.error();
  }
  return names->size();
}

// ---- unpacking

// Folders and modes as Home and TreeStore make them.
Result<void> MakeLayout(const std::string& root) {
  for (const char* part :
       {"store", "store/blobs", "store/trees", "store/temporary", "ledger", "keys", "reviewers", "loader"}) {
    if (mkdir((root + "/" + part).c_str(), 0755) != 0 && errno != EEXIST) {
      return SystemFailure("restore.write", "cannot make '" + root + "/" + part + "': " + std::strerror(errno));
    }
  }
  for (const char* part : {"", "/keys", "/reviewers"}) chmod((root + part).c_str(), 0700);
  constexpr std::pair<Part, mode_t> kModes[] = {{Part::kBlob, 0444}, {Part::kLedger, 0644}, {Part::kSchema, 0644}};
  for (const auto& [part, mode] : kModes) {
    Result<std::vector<std::string>> names = NamesOf(root, part);
    if (!names.ok()) return names.error();
    for (const std::string& name : *names) chmod((root + "/" + name).c_str(), mode);
  }
  return {};
}

Result<BackupReport> UnpackAndVerify(const std::string& file, const std::string& folder) {
  Result<storage::Archive> archive =
      storage::ExtractArchive(file, folder, [](std::string_view name) { return PartOf(name).has_value(); });
  if (!archive.ok()) return archive.error();
  if (Result<void> made = MakeLayout(folder); !made.ok()) return made.error();
  Result<Home> home = Home::Open(folder, HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  Result<HomeSummary> summary = VerifyHome(*home);
  if (!summary.ok()) return summary.error();
  BackupReport report{.subjects = std::move(summary->subjects),
                      .files = archive->files,
                      .bytes = archive->bytes,
                      .blobs = summary->blobs,
                      .keys = {},
                      .left_out = {},
                      .cleared = {}};
  Result<std::vector<std::string>> keys = NamesOf(folder, Part::kKey);
  if (!keys.ok()) return keys.error();
  for (const std::string& key : *keys) report.keys.push_back(fs::path(key).parent_path().filename().string());
  return report;
}

// All logs into the database, and each as it was when it is read from there. Nothing is put there before it is clear
// that every one of them may be.
Result<void> MoveLogs(const std::string& folder, const std::vector<SubjectSummary>& subjects, const std::string& url) {
  const Result<Home> home = Home::Open(folder, HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  const auto head = [](const SubjectSummary& one) { return LogHead{.size = one.events, .root = one.root}; };
  for (const SubjectSummary& one : subjects) {
    if (Result<void> room = RequireRoomForLog(url, one.subject, head(one)); !room.ok()) return room;
  }
  for (const SubjectSummary& one : subjects) {
    if (Result<void> moved = UploadLog(*home, one.subject, head(one), url); !moved.ok()) return moved;
    const Result<SubjectSummary> there = VerifySubject(*home, one.subject);
    if (!there.ok()) return there.error();
    if (there->events == one.events && there->root == one.root && there->checkpoint_size >= one.checkpoint_size)
      continue;
    return Refused("ledger.root", "the database gives another log of '" + one.subject + "' than it was given",
                   "do not use it: see who else writes there");
  }
  return {};
}

}  // namespace

std::vector<std::string> LeftByBackups(const std::string& root) {
  std::vector<std::string> prefixes = {root + kRestoring, root + kCopying}, left;
  for (const char* name : {"pawl-backup", "pawl-check-backup"}) {
    if (Result<std::string> prefix = storage::TemporaryPrefix(name); prefix.ok()) prefixes.push_back(*prefix);
  }
  for (const std::string& prefix : prefixes) {
    for (std::string& folder : storage::FindLeftFolders(prefix)) left.push_back(std::move(folder));
  }
  return left;
}

Result<SubjectSummary> VerifySubject(const Home& home, const std::string& subject) {
  Result<SubjectLog> log = SubjectLog::Open(home, subject, LedgerAccess::kReadOnly);
  if (!log.ok()) return log.error();
  SubjectSummary summary{.subject = subject,
                         .events = log->history().size(),
                         .root = log->root(),
                         .checkpoint_size = {},
                         .live_epoch = {},
                         .has_state = false};
  if (log->history().has_genesis()) {
    Result<std::optional<uint64_t>> checkpoint = VerifyCheckpoint(*log);
    if (!checkpoint.ok()) return checkpoint.error();
    summary.checkpoint_size = *checkpoint;
  }
  if (access(home.StatePath(subject).c_str(), F_OK) != 0) return summary;
  Result<warrant::State> state = warrant::ReadStateFile(home.StatePath(subject));
  if (!state.ok()) return state.error();
  if (Result<void> verified = VerifyState(*log, *state); !verified.ok()) return verified.error();
  summary.has_state = true;
  if (!state->releases.empty()) summary.live_epoch = state->releases.back().epoch;
  return summary;
}

Result<HomeSummary> VerifyHome(const Home& home) {
  Result<uint64_t> blobs = VerifyBlobs(home);
  if (!blobs.ok()) return blobs.error();
  HomeSummary summary{.subjects = {}, .blobs = *blobs};
  for (const std::string& subject : home.Subjects()) {
    Result<SubjectSummary> verified = VerifySubject(home, subject);
    if (!verified.ok()) return verified.error();
    summary.subjects.push_back(std::move(*verified));
  }
  return summary;
}

Result<BackupReport> WriteBackup(const Home& home, const std::string& file, const BackupOptions& options) {
  std::error_code failure;
  const fs::path target = fs::weakly_canonical(fs::absolute(file), failure);
  const fs::path inside = target.lexically_relative(fs::weakly_canonical(home.root(), failure));
  if (!inside.empty() && *inside.begin() != "..") {
    return Refused("backup.inside", "'" + file + "' would lie inside the home, and go with it", "name another place");
  }
  Result<StoreLock> lock = StoreLock::Take(home, StoreUse::kRead);  // no blob is removed meanwhile
  if (!lock.ok()) return lock.error();
  Result<HomeSummary> summary = VerifyHome(home);
  if (!summary.ok()) return summary.error();
  Result<TemporaryPlace> place = MakeTemporaryPlace("pawl-backup");
  if (!place.ok()) return place.error();
  // Whole or not at all under its own name: one that was killed leaves a part, which the next one replaces.
  const std::string part_file = file + ".part";
  if (fs::exists(fs::symlink_status(file, failure))) return ArchiveExists(file);
  unlink(part_file.c_str());
  Result<ArchiveWriter> archive = ArchiveWriter::Create(part_file);
  if (!archive.ok()) return archive.error();
  BackupReport report{.subjects = std::move(summary->subjects),
                      .files = 0,
                      .bytes = 0,
                      .blobs = 0,
                      .keys = options.keys,
                      .left_out = LeftOut(home.root(), options.keys),
                      .cleared = std::move(place->cleared)};
  for (const Part part :
       {Part::kSchema, Part::kState, Part::kWarrant, Part::kReviewer, Part::kLedger, Part::kHalt, Part::kBlob}) {
    Result<uint64_t> added = AddPart(*archive, home.root(), part, place->folder.path());
    if (!added.ok()) return added.error();
    if (part == Part::kBlob) report.blobs = *added;
  }
  if (Result<void> added = AddKeys(*archive, home, options.keys); !added.ok()) return added.error();
  encoding::Json subjects = encoding::Json::array();
  for (const SubjectSummary& subject : report.subjects) subjects.push_back(subject.subject);
  if (Result<void> done = archive->Finish({{"home_version", kHomeVersion}, {"subjects", subjects}}); !done.ok()) {
    return done.error();
  }
  if (Result<void> named = GiveName(part_file, file); !named.ok()) return named.error();
  report.files = archive->files();
  report.bytes = archive->bytes();
  return report;
}

Result<BackupReport> CheckBackup(const std::string& file) {
  Result<TemporaryPlace> place = MakeTemporaryPlace("pawl-check-backup");
  if (!place.ok()) return place.error();
  Result<BackupReport> report = UnpackAndVerify(file, place->folder.path());
  if (report.ok()) report->cleared = std::move(place->cleared);
  return report;
}

Result<BackupReport> RestoreBackup(const std::string& file, const std::string& named, const RestoreOptions& options) {
  std::error_code failure;
  std::string root = fs::absolute(named, failure).lexically_normal().string();
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  const auto occupied = [&] {
    return fs::exists(fs::symlink_status(root, failure)) &&
           !(fs::is_directory(fs::symlink_status(root, failure)) && fs::is_empty(root, failure));
  };
  const Error exists = Refused("restore.exists", "'" + root + "' exists and is not empty, and nothing is overwritten",
                               "move it away first, or name another place with --home");
  std::vector<std::string> cleared = storage::RemoveLeftFolders(root + kRestoring);
  if (occupied()) return exists;
  fs::create_directories(fs::path(root).parent_path(), failure);
  Result<HeldFolder> scratch = HeldFolder::Make(root + kRestoring);
  if (!scratch.ok()) return scratch.error();
  Result<BackupReport> report = UnpackAndVerify(file, scratch->path());
  if (!report.ok()) return report;
  report->cleared = std::move(cleared);
  if (!options.ledger_url.empty()) {
    if (Result<void> moved = MoveLogs(scratch->path(), report->subjects, options.ledger_url); !moved.ok()) {
      return moved.error();
    }
  }
  if (std::rename(scratch->path().c_str(), root.c_str()) != 0) {
    if (occupied()) return exists;
    return SystemFailure("restore.write", "cannot move the home to '" + root + "': " + std::strerror(errno));
  }
  scratch->Keep();
  if (Result<void> flushed = storage::FlushDirectory(fs::path(root).parent_path()); !flushed.ok())
    return flushed.error();
  return report;
}

Result<void> WriteMigrationBackup(const std::string& root, const std::string& file) {
  storage::RemoveLeftFolders(root + kCopying);
  Result<HeldFolder> scratch = HeldFolder::Make(root + kCopying);
  if (!scratch.ok()) return scratch.error();
  Result<ArchiveWriter> archive = ArchiveWriter::Create(file);
  if (!archive.ok()) return archive.error();
  for (const Part part : {Part::kSchema, Part::kState, Part::kWarrant, Part::kReviewer, Part::kLedger, Part::kHalt}) {
    Result<uint64_t> added = AddPart(*archive, root, part, scratch->path());
    if (!added.ok()) return added.error();
  }
  std::error_code failure;
  for (fs::recursive_directory_iterator at(root + "/keys", failure), end; !failure && at != end;
       at.increment(failure)) {
    // Version 1 kept what auditors remember beside their keys.
    const std::string name = at->path().lexically_relative(root).generic_string();
    if (!at->is_regular_file(failure) || at->path().extension() != ".json") continue;
    if (Result<crypto::Digest> added = archive->AddFile(name, at->path().string()); !added.ok()) return added.error();
  }
  return archive->Finish({{"home_version", *ReadHomeVersion(root)}});
}

}  // namespace pawl::ledger
