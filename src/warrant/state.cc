#include "warrant/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "encoding/json.h"
#include "encoding/time.h"
#include "merkle/tree.h"
#include "warrant/approval.h"

namespace pawl::warrant {
namespace {

using encoding::Json;
using encoding::JsonObject;

constexpr std::string_view kFormat = "pawl-state/v1";
constexpr size_t kStateBytesMax = size_t{4} << 20;
constexpr size_t kHaltFilesMax = 1'024;

Error Failure(const std::string& what, const std::string& path) {
  return SystemFailure("state.input-output", what + " '" + path + "': " + std::strerror(errno),
                       "check disk space and permissions, then run the command again");
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<std::string> ReadSmallFile(const std::string& path, size_t bytes_max) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) return Failure("cannot open", path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return Failure("cannot inspect", path);
  if (!S_ISREG(status.st_mode)) return Malformed("state.not-a-file", "'" + path + "' is not a regular file");
  if (static_cast<uint64_t>(status.st_size) > bytes_max) {
    return LimitReached("state.too-large", "'" + path + "' has more than " + std::to_string(bytes_max) + " bytes");
  }
  std::string bytes;
  char buffer[65'536];
  for (;;) {
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure("cannot read", path);
    if (count == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(count));
    if (bytes.size() > bytes_max) return LimitReached("state.too-large", "'" + path + "' grew while it was read");
  }
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::optional<Digest> OptionalDigest(JsonObject& object, const char* name, const Json& json) {
  if (json.contains(name) && json[name].is_null()) {
    object.Any(name);
    return std::nullopt;
  }
  Result<Digest> digest = Digest::Parse(object.DigestText(name));
  return digest.ok() ? *digest : Digest{};
}

Digest RequiredDigest(JsonObject& object, const char* name) {
  Result<Digest> digest = Digest::Parse(object.DigestText(name));
  return digest.ok() ? *digest : Digest{};
}

Json OrNull(const std::optional<Digest>& digest) { return digest ? Json(digest->Text()) : Json(nullptr); }

}  // namespace

std::string WriteState(const State& state) {
  Json releases = Json::array();
  for (const PastRelease& release : state.releases) {
    releases.push_back({{"epoch", release.epoch},
                        {"tree", release.tree.Text()},
                        {"time", encoding::TimeText(release.time)},
                        {"switched", encoding::TimeText(release.switched)},
                        {"warrant", release.warrant.Text()},
                        {"action", ActionName(release.action)}});
  }
  Json lifted = Json::array();
  for (const Digest& digest : state.lifted) lifted.push_back(digest.Text());
  return encoding::CanonicalJson({{"format", kFormat},
                                  {"subject", state.subject},
                                  {"resource", state.resource},
                                  {"genesis", state.genesis.Text()},
                                  {"charter", state.charter.Text()},
                                  {"charter_epoch", state.charter_epoch},
                                  {"log", state.log},
                                  {"epoch", state.epoch},
                                  {"warrant", OrNull(state.warrant)},
                                  {"tree", OrNull(state.tree)},
                                  {"checkpoint_size", state.checkpoint_size},
                                  {"checkpoint_root", state.checkpoint_root.Hex()},
                                  {"time", encoding::TimeText(state.time)},
                                  {"releases", releases},
                                  {"lifted", lifted}});
}

Result<State> ReadState(std::string_view bytes) {
  Result<Json> json = encoding::ParseCanonicalJson(bytes, {.bytes_max = kStateBytesMax, .elements_max = 100'000});
  if (!json.ok()) return json.error();
  JsonObject object(*json, "state");
  object.Expect("format", kFormat);
  State state;
  state.subject = object.String("subject", 64);
  state.resource = object.String("resource", 4'096);
  state.genesis = RequiredDigest(object, "genesis");
  state.charter = RequiredDigest(object, "charter");
  state.charter_epoch = object.Integer("charter_epoch", 0);
  state.log = object.String("log", 1'024);
  state.epoch = object.Integer("epoch", 0);
  state.warrant = OptionalDigest(object, "warrant", *json);
  state.tree = OptionalDigest(object, "tree", *json);
  state.checkpoint_size = static_cast<uint64_t>(object.Integer("checkpoint_size", 0));
  if (Result<Digest> root = Digest::FromHex(object.String("checkpoint_root", 64)); root.ok()) {
    state.checkpoint_root = *root;
  } else {
    object.Fail("state.root", "checkpoint_root", "is not 64 hexadecimal digits");
  }
  state.time = object.Time("time");
  for (JsonObject& item : object.Objects("releases", kPastReleasesMax)) {
    PastRelease release;
    release.epoch = item.Integer("epoch", 1);
    release.tree = RequiredDigest(item, "tree");
    release.time = item.Time("time");
    release.switched = item.Time("switched");
    release.warrant = RequiredDigest(item, "warrant");
    release.action = item.Choice<Action>("action", {{"release", Action::kRelease}, {"rollback", Action::kRollback}});
    state.releases.push_back(release);
  }
  for (const std::string& text : object.DigestTexts("lifted", kLiftedMax)) {
    if (Result<Digest> digest = Digest::Parse(text); digest.ok()) state.lifted.push_back(*digest);
  }
  if (!std::is_sorted(state.lifted.begin(), state.lifted.end())) object.Fail("state.order", "lifted", "is not sorted");
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return state;
}

Result<State> ReadStateFile(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return Refused("state.missing", "there is no loader state at '" + path + "'",
                   "state that was lost is made again by people: pawl-check state init");
  }
  Result<std::string> bytes = ReadSmallFile(path, kStateBytesMax);
  if (!bytes.ok()) return bytes.error();
  return ReadState(*bytes);
}

Result<void> WriteStateFile(const std::string& path, const State& state) {
  const std::string bytes = WriteState(state);
  const std::string temporary = path + ".new";
  Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return Failure("cannot create", temporary);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Failure("cannot write", temporary);
    done += static_cast<size_t>(count);
  }
  if (fsync(file.get()) != 0) return Failure("cannot flush", temporary);
  if (rename(temporary.c_str(), path.c_str()) != 0) return Failure("cannot replace", path);
  const std::string folder = FolderOf(path);
  Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || fsync(directory.get()) != 0) return Failure("cannot flush", folder);
  return {};
}

Result<State> InitialState(const charter::Charter& charter, const encoding::Envelope& genesis) {
  Result<Decision> decision = ReadDecision(genesis.payload);
  if (!decision.ok()) return decision.error();
  if (genesis.payload_type != kPayloadType || decision->action != Action::kGenesis ||
      decision->charter != charter.digest || decision->about.subject != charter.subject.name ||
      decision->resource != charter.subject.resource_uri) {
    return Refused("genesis.mismatch", "the genesis decision is not about this charter",
                   "sign the charter again: pawl charter sign");
  }
  Result<std::vector<Approver>> approvers = VerifyApprovals(genesis, charter, decision->issued);
  if (!approvers.ok()) return approvers.error();
  if (static_cast<int64_t>(approvers->size()) < charter.amendment.threshold) {
    return Refused("genesis.threshold",
                   std::to_string(approvers->size()) + " of " + std::to_string(charter.amendment.threshold) +
                       " people have signed the charter",
                   "pawl charter sign, by each of them");
  }
  State state;
  state.subject = charter.subject.name;
  state.resource = charter.subject.resource_uri;
  state.genesis = charter.digest;
  state.charter = charter.digest;
  state.log = charter.gate.log.Text();
  state.checkpoint_root = merkle::EmptyRoot();
  state.time = decision->issued;
  return state;
}

Result<StateLock> StateLock::Take(const std::string& state_path) {
  const std::string path = state_path + ".lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Failure("cannot open", path);
  StateLock lock(fd);
  while (flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return Failure("cannot lock", path);
  }
  return lock;
}

StateLock::~StateLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string HaltFolder(const std::string& state_path) { return state_path + ".halts"; }

Result<LocalHalts> ReadLocalHalts(const std::string& state_path, const charter::Charter& charter, const State& state) {
  const std::string folder = HaltFolder(state_path);
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) {
    if (errno == ENOENT) return LocalHalts{};
    return Failure("cannot read", folder);
  }
  std::vector<std::string> names;
  errno = 0;  // readdir tells its end from a failure by this alone
  while (const dirent* entry = readdir(directory)) {
    if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..") {
      names.emplace_back(entry->d_name);
    }
    errno = 0;
  }
  const int failure = errno;
  closedir(directory);
  if (failure != 0) {
    errno = failure;
    return Failure("cannot read", folder);
  }
  if (names.size() > kHaltFilesMax) return LimitReached("halt.too-many", "too many files in '" + folder + "'");

  const auto unreadable = [&](const std::string& name, const std::string& why) {
    return Refused("halt.unreadable",
                   "'" + folder + "/" + name + "' is neither a valid halt nor a valid resume: " + why,
                   "look at it; until it is removed or mended nothing is loaded");
  };
  struct Order {
    std::string name;
    encoding::Envelope envelope;
    Decision decision;
  };
  std::vector<Order> resumes, halts;
  for (const std::string& name : names) {
    Result<std::string> bytes = ReadSmallFile(folder + "/" + name, size_t{1} << 18);
    if (!bytes.ok()) return unreadable(name, bytes.error().message);
    Result<encoding::Envelope> envelope = encoding::ParseEnvelope(*bytes);
    if (!envelope.ok()) return unreadable(name, envelope.error().message);
    Result<Decision> decision = ReadDecision(envelope->payload);
    if (!decision.ok()) return unreadable(name, decision.error().message);
    if (envelope->payload_type != kPayloadType ||
        (decision->action != Action::kHalt && decision->action != Action::kResume)) {
      return unreadable(name, "it is a decision about something else");
    }
    (decision->action == Action::kHalt ? halts : resumes).push_back({name, std::move(*envelope), std::move(*decision)});
  }
  const auto check = [&](const Order& order, int64_t needed) -> Result<std::vector<Approver>> {
    if (order.decision.about.subject != state.subject || order.decision.resource != state.resource) {
      return unreadable(order.name, "it is about another subject");
    }
    Result<std::vector<Approver>> approvers = VerifyApprovals(order.envelope, charter, order.decision.issued);
    if (!approvers.ok()) return unreadable(order.name, approvers.error().message);
    if (static_cast<int64_t>(approvers->size()) < needed)
      return unreadable(order.name, "too few people have signed it");
    return approvers;
  };
  // Resumes first, whatever the order in the folder. What has been dealt with is not judged again: those who signed it
  // may have left since.
  std::set<Digest> lifted(state.lifted.begin(), state.lifted.end());
  for (const Order& order : resumes) {
    const std::vector<Digest>& lifts = order.decision.lifts;
    if (std::includes(state.lifted.begin(), state.lifted.end(), lifts.begin(), lifts.end())) continue;
    if (Result<std::vector<Approver>> signed_by = check(order, charter.resume_threshold); !signed_by.ok()) {
      return signed_by.error();
    }
    lifted.insert(lifts.begin(), lifts.end());
  }
  LocalHalts result;
  std::set<Digest> in_force;
  for (const Order& order : halts) {
    const Digest digest = StatementDigest(order.envelope.payload);
    if (lifted.contains(digest)) continue;
    Result<std::vector<Approver>> signed_by = check(order, 1);
    if (!signed_by.ok()) return signed_by.error();
    if (in_force.insert(digest).second) {
      result.reasons.push_back(signed_by->front().principal + ": " + order.decision.reason);
    }
  }
  result.lifted.assign(lifted.begin(), lifted.end());
  result.in_force.assign(in_force.begin(), in_force.end());
  return result;
}

}  // namespace pawl::warrant
