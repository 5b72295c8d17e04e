#include "witness/witness.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "crypto/digest.h"
#include "encoding/base64.h"
#include "encoding/json.h"
#include "encoding/time.h"
#include "merkle/checkpoint.h"
#include "signing/sign.h"
#include "storage/replace_file.h"
#include "subject/store.h"
#include "witness/add_checkpoint.h"

namespace pawl::witness {
namespace {

constexpr char kFormat[] = "pawl-witness-state/v1";
constexpr char kText[] = "text/plain; charset=utf-8";
constexpr uint64_t kStateBytesMax = 4'096;
constexpr size_t kLogsMax = 10'000;

std::string FileOf(const std::string& folder, const std::string& origin) {
  return folder + "/" + crypto::Sha256(origin).Hex() + ".json";
}

Result<void> Write(const std::string& folder, const FollowedLog& log) {
  const encoding::Json json = {{"format", kFormat},
                               {"log", log.key.Text()},
                               {"size", log.size},
                               {"root", encoding::EncodeBase64(log.root.Raw())},
                               {"time", encoding::TimeText(log.time_s)}};
  return storage::ReplaceFile(FileOf(folder, log.key.name), encoding::CanonicalJson(json));
}

Result<FollowedLog> Read(const std::string& path) {
  Result<std::string> bytes = subject::ReadRegularFile(path, kStateBytesMax, "witness", subject::Links::kRefuse);
  if (!bytes.ok()) return bytes.error();
  Result<encoding::Json> json = encoding::ParseCanonicalJson(*bytes);
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "state");
  object.Expect("format", kFormat);
  Result<crypto::NoteKey> key = crypto::NoteKey::Parse(object.String("log"));
  const auto size = static_cast<uint64_t>(object.Integer("size", 0));
  const Result<merkle::Digest> root = merkle::Digest::FromRaw(object.Base64("root"));
  const int64_t time_s = object.Time("time");
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (!key.ok()) return key.error();
  if (!root.ok()) return root.error();
  return FollowedLog{.key = *key, .size = size, .root = *root, .time_s = time_s};
}

Cosigned Refusal(unsigned status, const Error& why) {
  return {.status = status, .content_type = kText, .body = why.message + " (" + why.rule + ")\n"};
}

// What the specification asks of an empty tree, and this reader of checkpoints refuses as malformed.
bool IsEmptyWithAnotherRoot(const std::string& text, const std::string& origin) {
  return text.starts_with(origin + "\n0\n");
}

// Whether the tree only grew since what is remembered.
Result<void> OnlyGrew(const FollowedLog& known, const AddCheckpoint& request, const merkle::Checkpoint& checkpoint) {
  if (checkpoint.size == known.size) {
    if (checkpoint.root != known.root) return Refused("witness.fork", "another root was cosigned for this size");
    if (!request.consistency.empty()) return Refused("merkle.consistency", "a proof where nothing has grown");
    return {};
  }
  return merkle::VerifyConsistency(known.size, known.root, checkpoint.size, checkpoint.root, request.consistency);
}

}  // namespace

Result<void> Follow(const std::string& folder, const crypto::NoteKey& log) {
  struct stat status {};
  if (lstat(FileOf(folder, log.name).c_str(), &status) == 0) {
    return Refused("witness.followed", "the log '" + log.name + "' is followed already",
                   "what a witness remembers of a log is never begun anew");
  }
  return Write(folder, {.key = log});
}

Result<std::map<std::string, FollowedLog>> ReadFollowed(const std::string& folder) {
  std::map<std::string, FollowedLog> logs;
  std::error_code failure;
  for (std::filesystem::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    if (entry->path().extension() != ".json") continue;
    Result<FollowedLog> log = Read(entry->path());
    if (!log.ok() || logs.size() == kLogsMax || entry->path() != FileOf(folder, log->key.name)) {
      return Malformed("witness.state",
                       "'" + entry->path().string() + "' is not what a witness remembers of a log" +
                           (log.ok() ? "" : ": " + log.error().message),
                       "it cosigns nothing until this is mended; never bring back an older copy");
    }
    logs.emplace(log->key.name, *std::move(log));
  }
  return logs;
}

Result<Witness> Witness::Open(const std::string& folder, const std::string& name, signing::Ed25519PrivateKey key) {
  const Error none{ErrorCode::kNotFound, "witness.no-logs", "'" + name + "' follows no log",
                   "pawl witness follow " + name + " LOG-KEY"};
  const std::string path = folder + "/lock";
  subject::FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid() && errno == ENOENT) return none;
  if (!fd.valid()) return subject::DiskError("open", path, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{ErrorCode::kPending, "witness.busy", "the witness '" + name + "' is running already", "stop it first"};
  }
  Result<std::map<std::string, FollowedLog>> logs = ReadFollowed(folder);
  if (!logs.ok()) return logs.error();
  if (logs->empty()) return none;
  Witness witness(folder, name, std::move(key), std::move(fd));
  witness.logs_ = *std::move(logs);
  return witness;
}

Cosigned Witness::AddCheckpoint(std::string_view body, int64_t now_s) {
  const Result<witness::AddCheckpoint> request = witness::AddCheckpoint::Parse(body);
  if (!request.ok()) return Refusal(400, request.error());
  const Result<merkle::SignedNote> note = merkle::SignedNote::Parse(request->checkpoint);
  if (!note.ok()) return Refusal(400, note.error());
  const auto known = logs_.find(note->text.substr(0, note->text.find('\n')));
  if (known == logs_.end()) return Refusal(404, Refused("witness.unknown-log", "a log that is not followed here"));
  FollowedLog log = known->second;
  const Result<std::vector<size_t>> good = merkle::VerifyNote(*note, {&log.key, 1});
  if (!good.ok()) return Refusal(403, good.error());
  if (good->empty()) return Refusal(403, Refused("checkpoint.signature", "the log has not signed this checkpoint"));
  const Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(note->text);
  if (!checkpoint.ok()) {
    return Refusal(IsEmptyWithAnotherRoot(note->text, log.key.name) ? 422 : 400, checkpoint.error());
  }
  if (request->old_size > checkpoint->size) {
    return Refusal(400, Refused("witness.old-size", "the old size is beyond the checkpoint's"));
  }
  if (request->old_size != log.size) {
    return {.status = 409, .content_type = "text/x.tlog.size", .body = std::to_string(log.size) + "\n"};
  }
  if (const Result<void> grew = OnlyGrew(log, *request, *checkpoint); !grew.ok()) return Refusal(422, grew.error());

  log.size = checkpoint->size;
  log.root = checkpoint->root;
  log.time_s = std::clamp(now_s, log.time_s, encoding::kTimeMax_s);
  // Nothing is signed before it is remembered. Where that fails, the file may hold the new state all the same; the one
  // in memory is behind it then, and the worst that comes of it is that a restart remembers more than was cosigned.
  if (const Result<void> kept = Write(folder_, log); !kept.ok()) return Refusal(500, kept.error());
  known->second = log;
  const merkle::NoteSignature line = signing::Cosign(note->text, name_, key_, log.time_s);
  return {.status = 200, .content_type = kText, .body = merkle::SerializeNoteSignatures({&line, 1})};
}

}  // namespace pawl::witness
