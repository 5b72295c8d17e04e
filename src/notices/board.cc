#include "notices/board.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "encoding/base64.h"
#include "encoding/json.h"
#include "encoding/time.h"
#include "storage/replace_file.h"
#include "storage/tree_store.h"
#include "subject/file_descriptor.h"
#include "subject/store.h"

namespace pawl::notices {
namespace {

namespace fs = std::filesystem;

constexpr char kFormat[] = "pawl-notice/v1", kCharterFormat[] = "pawl-notice-charter/v1";
// A statement within the JSON of its file: base64, and what stands around it.
constexpr uint64_t kFileBytesMax = 100'000;

std::string BoardsFolder(const std::string& witness_folder) { return witness_folder + "/notices"; }
std::string CharterFile(const std::string& folder) { return folder + "/charter.json"; }

Error NotOurs(const std::string& path, const std::string& why) {
  return Malformed("notices.board", "'" + path + "' is nothing that a notice board has written: " + why,
                   "the witness starts without it: move the file away");
}

}  // namespace

Result<void> FollowCharter(const std::string& witness_folder, const std::string& origin,
                           const std::string& charter_directory) {
  Result<charter::CharterFiles> files = charter::ReadCharterFiles(charter_directory);
  if (!files.ok()) return files.error();
  if (files->charter.gate.log.name != origin) {
    return Refused("notices.other-log",
                   "the charter's log is '" + files->charter.gate.log.name + "', and not '" + origin + "'",
                   "name the log of this charter: its [gate] log");
  }
  const std::string folder = BoardsFolder(witness_folder) + "/" + BoardName(origin);
  std::error_code failure;
  if (fs::create_directories(folder, failure); failure) {
    return SystemFailure("notices.input-output", "cannot make '" + folder + "': " + failure.message());
  }
  Result<storage::TreeStore> store = storage::TreeStore::Open(folder + "/store", storage::StoreAccess::kReadWrite);
  if (!store.ok()) return store.error();
  Result<storage::StoredTree> tree = store->PutTree(charter_directory, subject::TreeLimits{});
  if (!tree.ok()) return tree.error();
  if (tree->digest != files->charter.digest) {
    return Refused("notices.changed", "the charter directory changed while it was read", "try again");
  }
  return storage::ReplaceFile(
      CharterFile(folder),
      encoding::CanonicalJson({{"format", kCharterFormat}, {"charter", tree->digest.Text()}, {"log", origin}}));
}

// ---- one board

Result<Board> Board::Open(const std::string& folder) {
  Result<std::string> bytes =
      subject::ReadRegularFile(CharterFile(folder), kFileBytesMax, "notices", subject::Links::kRefuse);
  if (!bytes.ok()) return NotOurs(CharterFile(folder), bytes.error().message);
  Result<encoding::Json> json = encoding::ParseCanonicalJson(*bytes);
  if (!json.ok()) return NotOurs(CharterFile(folder), json.error().message);
  encoding::JsonObject object(*json, "charter");
  object.Expect("format", kCharterFormat);
  const std::string digest_text = object.DigestText("charter");
  const std::string origin = object.String("log");
  if (Result<void> done = object.Finish(); !done.ok()) return NotOurs(CharterFile(folder), done.error().message);
  const Result<crypto::Digest> digest = crypto::Digest::Parse(digest_text);
  if (!digest.ok() || fs::path(folder).filename() != BoardName(origin)) return NotOurs(CharterFile(folder), "its log");
  Result<subject::Store> store = subject::Store::Open(folder + "/store");
  if (!store.ok()) return store.error();
  Result<charter::Charter> charter = charter::ReadCharterFromStore(*store, *digest);
  if (!charter.ok()) return charter.error();
  Board board(folder, *std::move(charter));
  std::error_code failure;
  for (fs::directory_iterator entry(folder + "/posted", failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const std::string path = entry->path();
    if (entry->path().extension() != ".json") continue;  // one that was being written
    Result<std::string> text = subject::ReadRegularFile(path, kFileBytesMax, "notices", subject::Links::kRefuse);
    if (!text.ok()) return NotOurs(path, text.error().message);
    Result<encoding::Json> kept = encoding::ParseCanonicalJson(*text);
    if (!kept.ok()) return NotOurs(path, kept.error().message);
    encoding::JsonObject one(*kept, "notice");
    one.Expect("format", kFormat);
    const std::string statement = one.Base64("statement");
    const int64_t received_s = one.Time("received");
    if (Result<void> done = one.Finish(); !done.ok()) return NotOurs(path, done.error().message);
    // Under a charter that was amended since, one may be nothing that could be posted now.
    Result<Notice> notice = ReadNotice(statement, board.charter_);
    if (notice.ok()) board.posted_.push_back({*std::move(notice), received_s});
  }
  if (failure && failure != std::errc::no_such_file_or_directory) {
    return SystemFailure("notices.input-output", "cannot list '" + folder + "/posted': " + failure.message());
  }
  board.MakeRoom();
  return board;
}

bool Board::IsLifted(const Notice& halt) const {
  return std::ranges::any_of(posted_, [&](const Posted& one) { return Lifts(one.notice, halt); });
}

bool Board::Has(const crypto::Digest& digest) const {
  return std::ranges::any_of(posted_, [&](const Posted& one) { return one.notice.digest == digest; });
}

std::string Board::FileOf(const Notice& notice) const { return folder_ + "/posted/" + notice.digest.Hex() + ".json"; }

void Board::MakeRoom() {
  const auto time_of = [](const Posted& one) {
    return one.notice.vote ? one.notice.vote->time : one.notice.decision->issued;
  };
  std::ranges::stable_sort(posted_, std::greater<>(), time_of);
  std::map<std::string, size_t> halts, votes;
  std::map<std::pair<std::string, crypto::Digest>, size_t> votes_on;
  std::vector<Posted> kept;
  for (Posted& one : posted_) {
    const Notice& notice = one.notice;
    const bool stays = notice.IsHalt() ? !IsLifted(notice) && ++halts[notice.by] <= kHaltsOfEachMax
                       : notice.vote   ? ++votes_on[{notice.by, notice.vote->candidate}] <= kVotesOnEachMax &&
                                           ++votes[notice.by] <= kVotesOfEachMax
                                     : true;
    // A file that cannot be removed is judged again at the next start.
    std::error_code failure;
    if (!stays) fs::remove(FileOf(notice), failure);
    if (stays) kept.push_back(one);
  }
  posted_ = std::move(kept);
}

Taken Board::Add(std::string_view body, int64_t now_s) {
  Result<Notice> notice = ReadNotice(body, charter_);
  if (!notice.ok()) {
    const Error& error = notice.error();
    return {error.code == ErrorCode::kRefused ? 403u : 400u, error.message + " (" + error.rule + ")"};
  }
  if (notice->vote && body.size() > kVoteBytesMax) return {400, "a vote has at most 45056 bytes here"};
  if (Has(notice->digest)) return {200, "kept already"};
  if (notice->IsHalt() && IsLifted(*notice)) return {200, "lifted already"};
  const auto resumes = std::ranges::count_if(posted_, [](const Posted& other) { return other.notice.IsResume(); });
  if (notice->IsResume() && static_cast<size_t>(resumes) >= kResumesMax) {
    return {507,
            "this board keeps no further resume; its keeper moves old ones away, and starts it again (notices.full)"};
  }
  const int64_t received_s = std::clamp<int64_t>(now_s, 0, encoding::kTimeMax_s);
  const Result<void> kept = storage::ReplaceFile(
      FileOf(*notice), encoding::CanonicalJson({{"format", kFormat},
                                                {"received", encoding::TimeText(received_s)},
                                                {"statement", encoding::EncodeBase64(notice->text)}}));
  if (!kept.ok()) return {500, kept.error().message + " (" + kept.error().rule + ")"};
  const crypto::Digest digest = notice->digest;
  posted_.push_back({*std::move(notice), received_s});
  MakeRoom();
  if (!Has(digest)) return {403, "younger ones of the same signer are kept (notices.older)"};
  return {200, "kept"};
}

template <typename Wanted>
std::string Board::List(Wanted wanted) const {
  encoding::Json list = encoding::Json::array();
  for (const Posted& one : posted_) {
    if (!wanted(one.notice)) continue;
    list.push_back(
        {{"received", encoding::TimeText(one.received_s)}, {"statement", encoding::EncodeBase64(one.notice.text)}});
  }
  return encoding::CanonicalJson({{"format", kListFormat}, {"notices", list}});
}

std::string Board::Stops() const {
  return List([](const Notice& notice) { return notice.decision.has_value(); });
}

std::string Board::VotesOn(const crypto::Digest& candidate) const {
  return List([&](const Notice& notice) { return notice.vote && notice.vote->candidate == candidate; });
}

// ---- all of a witness's

Result<Boards> Boards::Open(const std::string& witness_folder) {
  Boards boards;
  std::error_code failure;
  for (fs::directory_iterator entry(BoardsFolder(witness_folder), failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const std::string folder = entry->path();
    if (std::error_code none; !fs::exists(CharterFile(folder), none)) continue;  // a FollowCharter that was cut short
    Result<Board> board = Board::Open(folder);
    if (!board.ok()) return board.error();
    boards.boards_.emplace(entry->path().filename(), *std::move(board));
  }
  return boards;
}

Taken Boards::Add(const std::string& board, std::string_view body, int64_t now_s) {
  const auto at = boards_.find(board);
  if (at == boards_.end()) return {404, "no notices are taken here for this log"};
  return at->second.Add(body, now_s);
}

std::optional<std::string> Boards::Stops(const std::string& board) const {
  const auto at = boards_.find(board);
  return at == boards_.end() ? std::nullopt : std::optional(at->second.Stops());
}

std::optional<std::string> Boards::VotesOn(const std::string& board, const crypto::Digest& candidate) const {
  const auto at = boards_.find(board);
  return at == boards_.end() ? std::nullopt : std::optional(at->second.VotesOn(candidate));
}

}  // namespace pawl::notices
