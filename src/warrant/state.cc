#include "warrant/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "merkle/tree.h"
#include "subject/file_descriptor.h"
#include "warrant/approval.h"
#include "warrant/members.h"

namespace pawl::warrant {
namespace {

constexpr std::string_view kStateFormat = "pawl-state/v1";
constexpr size_t kStateBytesMax = size_t{4} << 20;
constexpr size_t kHaltFilesMax = 1'024;

constexpr Named<Action> kPastActions[] = {{"release", Action::kRelease}, {"rollback", Action::kRollback}};

constexpr std::tuple kPastRelease{
    Member{"epoch", &PastRelease::epoch, Count{1}},
    Member{"tree", &PastRelease::tree, DigestText{}},
    Member{"time", &PastRelease::time, Time{}},
    Member{"switched", &PastRelease::switched, Time{}},
    Member{"warrant", &PastRelease::warrant, DigestText{}},
    Member{"action", &PastRelease::action, Word{kPastActions}},
};

constexpr std::tuple kState{
    Member{"subject", &State::subject, Name{}},
    Member{"resource", &State::resource, Text{}},
    Member{"genesis", &State::genesis, DigestText{}},
    Member{"charter", &State::charter, DigestText{}},
    Member{"charter_epoch", &State::charter_epoch, Count{}},
    Member{"log", &State::log, Text{}},
    Member{"epoch", &State::epoch, Count{}},
    Member{"warrant", &State::warrant, DigestOrNull{}},
    Member{"tree", &State::tree, DigestOrNull{}},
    Member{"checkpoint_size", &State::checkpoint_size, Count{}},
    Member{"checkpoint_root", &State::checkpoint_root, RootHex{"state.root"}},
    Member{"time", &State::time, Time{}},
    Member{"releases", &State::releases, List{kPastRelease, kPastReleasesMax}},
    Member{"lifted", &State::lifted, DigestSet{"state.order", kLiftedMax}},
};

Error Failure(const std::string& what, const std::string& path) {
  return SystemFailure("state.input-output", what + " '" + path + "': " + std::strerror(errno),
                       "check disk space and permissions, then run the command again");
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

std::string WriteState(const State& state) {
  Json json = WriteMembers(kState, state);
  json["format"] = kStateFormat;
  return encoding::CanonicalJson(json);
}

Result<State> ReadState(std::string_view bytes) {
  Result<Json> json = encoding::ParseCanonicalJson(bytes, {.bytes_max = kStateBytesMax, .elements_max = 100'000});
  if (!json.ok()) return json.error();
  JsonObject object(*json, "state");
  object.Expect("format", kStateFormat);
  State state;
  ReadMembers(kState, object, state);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return state;
}

Result<State> ReadStateFile(const std::string& path) {
  const Result<std::string> bytes = subject::ReadRegularFile(path, kStateBytesMax, "state", subject::Links::kRefuse);
  if (bytes.ok()) return ReadState(*bytes);
  if (bytes.error().code != ErrorCode::kNotFound) return bytes.error();
  return Refused("state.missing", "there is no loader state at '" + path + "'",
                 "state that was lost is made again by people: pawl-check state init");
}

Result<void> WriteStateFile(const std::string& path, const State& state) {
  const std::string bytes = WriteState(state);
  const std::string temporary = path + ".new";
  subject::FileDescriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Failure("cannot create", temporary);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Failure("cannot write", temporary);
    done += static_cast<size_t>(count);
  }
  if (fsync(file.get()) != 0) return Failure("cannot flush", temporary);
  if (rename(temporary.c_str(), path.c_str()) != 0) return Failure("cannot replace", path);
  const std::string folder = FolderOf(path);
  subject::FileDescriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || fsync(directory.get()) != 0) return Failure("cannot flush", folder);
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
  StateLock lock(subject::FileDescriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)));
  if (!lock.file_.valid()) return Failure("cannot open", path);
  while (flock(lock.file_.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Failure("cannot lock", path);
  }
  return lock;
}

std::string HaltFolder(const std::string& state_path) { return state_path + ".halts"; }

Result<LocalHalts> ReadLocalHalts(const std::string& state_path, const charter::Charter& charter, const State& state) {
  const std::string folder = HaltFolder(state_path);
  std::vector<std::string> names;
  std::error_code failure;
  std::filesystem::directory_iterator entry(folder, failure);
  if (failure == std::errc::no_such_file_or_directory) return LocalHalts{};
  for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    names.push_back(entry->path().filename());
  }
  if (failure) return SystemFailure("state.input-output", "cannot read '" + folder + "': " + failure.message());
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
    Result<std::string> bytes =
        subject::ReadRegularFile(folder + "/" + name, size_t{1} << 18, "halt", subject::Links::kRefuse);
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
  const std::set<Digest> before(state.lifted.begin(), state.lifted.end());
  std::map<Digest, int64_t> lifted;  // and when; what no file names any more need not be remembered
  for (const Order& order : resumes) {
    const std::vector<Digest>& lifts = order.decision.lifts;
    const bool judged = std::includes(before.begin(), before.end(), lifts.begin(), lifts.end());
    Result<std::vector<Approver>> people = judged ? std::vector<Approver>() : check(order, charter.resume_threshold);
    if (!people.ok()) return people.error();
    for (const Digest& digest : lifts)
      lifted[digest] = std::max(lifted[digest], judged ? INT64_MAX : order.decision.issued);
  }
  LocalHalts result;
  std::set<Digest> in_force;
  for (const Order& order : halts) {
    const Digest digest = StatementDigest(order.envelope.payload);
    // Nobody lifts before there is something to lift: a key that has expired since cannot be dated back to do it.
    const auto found = lifted.find(digest);
    const int64_t since = std::min(order.decision.issued, state.time);
    if (before.contains(digest) || (found != lifted.end() && found->second >= since)) {
      lifted[digest] = INT64_MAX;
      continue;
    }
    Result<std::vector<Approver>> signed_by = check(order, 1);
    if (!signed_by.ok()) return signed_by.error();
    if (in_force.insert(digest).second) {
      result.reasons.push_back(signed_by->front().principal + ": " + order.decision.reason);
    }
  }
  for (const auto& [digest, time] : lifted)
    if (time >= state.time) result.lifted.push_back(digest);
  if (result.lifted.size() > kLiftedMax) return LimitReached("halt.too-many", "too much is lifted in '" + folder + "'");
  result.in_force.assign(in_force.begin(), in_force.end());
  return result;
}

}  // namespace pawl::warrant
