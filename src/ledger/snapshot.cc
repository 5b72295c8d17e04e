#include "ledger/snapshot.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "subject/store.h"

namespace pawl::ledger {
namespace {

constexpr std::string_view kMagic = "pawl-snapshot/v4\n";
constexpr size_t kKeySize = 32, kSignatureSize = 64;
constexpr size_t kFixedSize = kMagic.size() + kKeySize + kSignatureSize + 8 + 32 + 8 + 32;

// ---- values to bytes and back. One list of fields serves both directions, by structured bindings: a field that is
// added to any of these types does not compile until it is added here.

class Writer {
 public:
  static constexpr bool kWrites = true;
  std::string bytes;

  void Number(uint64_t value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof raw);
  }
  void Text(std::string_view text) {
    Number(text.size());
    bytes.append(text);
  }
};

// After a failure everything reads as 0 or empty.
class Reader {
 public:
  static constexpr bool kWrites = false;
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Number() {
    uint64_t value = 0;
    const std::string_view raw = Take(sizeof value);
    if (raw.size() == sizeof value) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  std::string_view Text() { return Take(Number()); }
  std::string_view Take(uint64_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  // Of a list; each item takes at least a byte.
  uint64_t Count() {
    const uint64_t count = Number();
    if (count <= rest_.size()) return count;
    failed_ = true;
    return 0;
  }
  std::string_view Rest() const { return rest_; }
  bool AtEnd() const { return !failed_ && rest_.empty(); }
  bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

template <typename T, template <typename...> class Of>
constexpr bool kIsA = false;
template <template <typename...> class Of, typename... Arguments>
constexpr bool kIsA<Of<Arguments...>, Of> = true;

template <typename Archive, typename... Fields>
void Each(Archive& archive, Fields&... fields);

// `value` is const where Archive writes.
template <typename Archive, typename Qualified>
void Field(Archive& archive, Qualified& value) {
  using T = std::remove_const_t<Qualified>;
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    if constexpr (Archive::kWrites) {
      archive.Number(static_cast<uint64_t>(value));
    } else {
      value = static_cast<T>(archive.Number());
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    if constexpr (Archive::kWrites) {
      archive.Text(value);
    } else {
      value = archive.Text();
    }
  } else if constexpr (std::is_same_v<T, crypto::Digest>) {
    if constexpr (Archive::kWrites) {
      archive.bytes.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
    } else if (const std::string_view raw = archive.Take(value.bytes.size()); raw.size() == value.bytes.size()) {
      std::memcpy(value.bytes.data(), raw.data(), raw.size());
    }
  } else if constexpr (std::is_same_v<T, double>) {
    if constexpr (Archive::kWrites) {
      archive.Number(std::bit_cast<uint64_t>(value));
    } else {
      value = std::bit_cast<double>(archive.Number());
    }
  } else if constexpr (kIsA<T, std::optional>) {
    bool there = value.has_value();
    Field(archive, there);
    if constexpr (!Archive::kWrites) {
      if (there) value.emplace();
    }
    if (there) Field(archive, *value);
  } else if constexpr (kIsA<T, std::vector>) {
    if constexpr (Archive::kWrites) {
      archive.Number(value.size());
    } else {
      value.resize(archive.Count());
    }
    for (auto& item : value) Field(archive, item);
  } else if constexpr (kIsA<T, std::set>) {
    if constexpr (Archive::kWrites) {
      archive.Number(value.size());
      for (const auto& item : value) Field(archive, item);
    } else {
      for (uint64_t left = archive.Count(); left > 0; --left) {
        typename T::value_type item;
        Field(archive, item);
        value.insert(value.end(), std::move(item));
      }
    }
  } else if constexpr (kIsA<T, std::map>) {
    if constexpr (Archive::kWrites) {
      archive.Number(value.size());
      for (const auto& [name, item] : value) Each(archive, name, item);
    } else {
      for (uint64_t left = archive.Count(); left > 0; --left) {
        typename T::key_type name;
        typename T::mapped_type item;
        Each(archive, name, item);
        value.emplace_hint(value.end(), std::move(name), std::move(item));
      }
    }
  } else {
    Fields(archive, value);
  }
}

template <typename Archive, typename... Parts>
void Each(Archive& archive, Parts&... parts) {
  (Field(archive, parts), ...);
}

// Aggregates, by the number of their fields.
template <typename Archive, typename Qualified>
void Fields(Archive& archive, Qualified& value) {
  using T = std::remove_const_t<Qualified>;
  if constexpr (std::is_same_v<T, encoding::Signature> || std::is_same_v<T, warrant::About> ||
                std::is_same_v<T, audit::LastStep>) {
    auto& [a, b] = value;
    Each(archive, a, b);
  } else if constexpr (std::is_same_v<T, encoding::Envelope> || std::is_same_v<T, warrant::CertificateReference>) {
    auto& [a, b, c] = value;
    Each(archive, a, b, c);
  } else if constexpr (std::is_same_v<T, audit::LoggedComplaint>) {
    auto& [a, b, c] = value;
    Each(archive, a, b, c);
  } else if constexpr (std::is_same_v<T, warrant::Approver>) {
    auto& [a, b, c, d] = value;
    Each(archive, a, b, c, d);
  } else if constexpr (std::is_same_v<T, audit::Refusal> || std::is_same_v<T, audit::LoggedVote>) {
    auto& [a, b, c, d, e] = value;
    Each(archive, a, b, c, d, e);
  } else if constexpr (std::is_same_v<T, crypto::SshsigFacts> || std::is_same_v<T, audit::ReleaseRecord>) {
    auto& [a, b, c, d, e, f] = value;
    Each(archive, a, b, c, d, e, f);
  } else if constexpr (std::is_same_v<T, audit::OutcomeRecord> || std::is_same_v<T, warrant::Closing> ||
                       std::is_same_v<T, audit::LoggedHalt>) {
    auto& [a, b, c, d, e, f, g] = value;
    Each(archive, a, b, c, d, e, f, g);
  } else if constexpr (std::is_same_v<T, audit::Finding>) {
    auto& [a, b, c, d, e, f, g, h] = value;
    Each(archive, a, b, c, d, e, f, g, h);
  } else if constexpr (std::is_same_v<T, audit::Proposal> || std::is_same_v<T, audit::Complaint>) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    Each(archive, a, b, c, d, e, f, g, h, i);
  } else if constexpr (std::is_same_v<T, warrant::Vote>) {
    auto& [a, b, c, d, e, f, evidence, h, i, j] = value;
    static_cast<void>(evidence);  // a logged vote has none
    Each(archive, a, b, c, d, e, f, h, i, j);
  } else if constexpr (std::is_same_v<T, warrant::Candidate> || std::is_same_v<T, warrant::Decision>) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    Each(archive, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  } else {
    static_assert(std::is_same_v<T, audit::ProposalHistory>);
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u] = value;
    Each(archive, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u);
  }
}

// Whether a snapshot of this history may be signed with this key.
bool IsKeyFor(const audit::History& history, const crypto::Ed25519PublicKey& key, SnapshotKey whose) {
  switch (whose) {
    case SnapshotKey::kOfTheGate:
      return history.charter().gate.log.key == key;
    case SnapshotKey::kOfThisHome:
      return true;
  }
  return false;
}

// Of the machine's cores those that this process may run on: a second reader on one core costs more than it reads.
size_t CoresAllowed() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? static_cast<size_t>(CPU_COUNT(&allowed)) : 1;
}

}  // namespace
}  // namespace pawl::ledger

namespace pawl::audit {

// The one that sees a history's parts. Proposals are most of it and stand in blocks of their own.
class FoldSnapshot {
 public:
  static void Write(ledger::Writer& writer, const History& history) {
    const auto& [reader, charter, charter_epoch, genesis, genesis_envelope, proposals, by_name, by_candidate,
                 by_decision, releases, last_warrant, epoch, budget_index, halts, lifted, time, size, refused] =
        history;
    static_cast<void>(reader);
    static_cast<void>(refused);
    ledger::Each(writer, charter->digest, charter_epoch, genesis, genesis_envelope, by_name, by_candidate, by_decision,
                 releases, last_warrant, epoch, budget_index, halts, lifted, time, size);
  }

  // Ends early where there are more than so many bytes.
  static std::vector<std::string> WriteBlocks(const History& history, uint64_t bytes_max) {
    std::vector<std::string> blocks;
    uint64_t written = 0;
    for (size_t begin = 0; begin < history.proposals_.size() && written <= bytes_max; begin += kBlock) {
      ledger::Writer block;
      const size_t end = std::min(begin + kBlock, history.proposals_.size());
      block.Number(end - begin);
      for (size_t i = begin; i < end; ++i) ledger::Field(block, history.proposals_[i]);
      written += block.bytes.size();
      blocks.push_back(std::move(block.bytes));
    }
    return blocks;
  }

  // All but the proposals. Null where the bytes are none or the charter is not to be had.
  static std::unique_ptr<History> Read(ledger::Reader& bytes, History::CharterReader read_charter) {
    auto history = std::make_unique<History>(std::move(read_charter));
    auto& [reader, charter, charter_epoch, genesis, genesis_envelope, proposals, by_name, by_candidate, by_decision,
           releases, last_warrant, epoch, budget_index, halts, lifted, time, size, refused] = *history;
    static_cast<void>(proposals);
    static_cast<void>(refused);
    Digest charter_digest;
    ledger::Each(bytes, charter_digest, charter_epoch, genesis, genesis_envelope, by_name, by_candidate, by_decision,
                 releases, last_warrant, epoch, budget_index, halts, lifted, time, size);
    if (bytes.failed()) return nullptr;
    Result<charter::Charter> read = reader(charter_digest);
    if (!read.ok()) return nullptr;
    charter = std::make_shared<const charter::Charter>(std::move(*read));
    return history;
  }

  // `load` gives the bytes of the block with a number, verified, in the buffer that it is given; it is called by
  // several threads. False where any block is none.
  static bool ReadBlocks(size_t count, const std::function<bool(size_t, std::string&)>& load, History& history) {
    std::vector<std::vector<ProposalList::Shared>> read(count);
    std::atomic<size_t> next{0};
    const auto work = [&] {
      std::string buffer;
      for (size_t at = next++; at < count; at = next++) {
        if (!load(at, buffer)) continue;
        ledger::Reader bytes(buffer);
        std::vector<ProposalList::Shared> block(bytes.Count());
        for (ProposalList::Shared& proposal : block) {
          proposal = std::make_shared<ProposalHistory>();
          ledger::Field(bytes, *proposal);
        }
        if (bytes.AtEnd()) read[at] = std::move(block);
      }
    };
    std::vector<std::thread> helpers;
    try {
      for (size_t i = 1; i < std::min({ledger::CoresAllowed(), count, kReadersMax}); ++i) helpers.emplace_back(work);
    } catch (const std::system_error&) {
      // The system gives no more threads: those that there are, this one at least, read everything.
    }
    work();
    for (std::thread& helper : helpers) helper.join();
    for (std::vector<ProposalList::Shared>& block : read) {
      if (block.empty()) return false;
      for (ProposalList::Shared& proposal : block) history.proposals_.Add(std::move(proposal));
    }
    return true;
  }

 private:
  static constexpr size_t kBlock = 32;      // proposals: what a core's cache holds
  static constexpr size_t kReadersMax = 8;  // threads
};

}  // namespace pawl::audit

namespace pawl::ledger {
namespace {

Error Unusable(const std::string& why) {
  return Refused("snapshot.unusable", why, "the log is folded from its events");
}

struct Block {
  uint64_t size = 0;
  crypto::Digest digest;
};

// What stands between signature and state, and is signed with the subject.
struct Head {
  uint64_t size = 0;  // of the log
  crypto::Digest root;
  uint64_t state_size = 0;  // in bytes
  crypto::Digest state_digest;
};

std::string ToBeSigned(const std::string& subject, const Head& head) {
  std::string text(kMagic);
  for (const std::string& line : {subject, std::string(kFoldVersion), std::to_string(head.size), head.root.Hex(),
                                  std::to_string(head.state_size), head.state_digest.Hex()}) {
    text += line + "\n";
  }
  return text;
}

Error TooLarge(uint64_t bytes_max) {
  return LimitReached("snapshot.size",
                      "the log needs a snapshot of more than " + std::to_string(bytes_max >> 20) +
                          " MiB, which no start reads; none is written",
                      "starts fold every event since the last snapshot that was written, or since the first event");
}

// `size` bytes from `offset` on; false where they are not there.
bool ReadAt(int file, uint64_t offset, uint64_t size, std::string& bytes) {
  bytes.resize(size);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

}  // namespace

Result<void> WriteSnapshot(const std::string& path, const Snapshot& snapshot, const signing::Ed25519PrivateKey& key,
                           uint64_t bytes_max, SnapshotKey whose) {
  if (!snapshot.history.has_genesis() || !IsKeyFor(snapshot.history, key.public_key(), whose)) {
    return Refused("snapshot.key", "a snapshot is signed with the charter's log key");
  }
  const std::vector<std::string> blocks = audit::FoldSnapshot::WriteBlocks(snapshot.history, bytes_max);
  uint64_t bytes_total = 0;
  Writer state;
  state.Number(blocks.size());
  for (const std::string& bytes : blocks) {
    bytes_total += bytes.size();
    if (bytes_total > bytes_max) return TooLarge(bytes_max);
    const Block block{bytes.size(), crypto::Sha256(bytes)};
    Each(state, block.size, block.digest);
  }
  Field(state, snapshot.frontier.nodes());
  audit::FoldSnapshot::Write(state, snapshot.history);
  if (bytes_total + kFixedSize + state.bytes.size() > bytes_max) return TooLarge(bytes_max);
  const Head head{snapshot.frontier.size(), snapshot.frontier.Root(), state.bytes.size(), crypto::Sha256(state.bytes)};
  Writer numbers;
  Each(numbers, head.size, head.root, head.state_size, head.state_digest);
  const std::string begin = std::string(kMagic) + key.public_key().raw() +
                            key.Sign(ToBeSigned(snapshot.subject, head)) + numbers.bytes + state.bytes;
  // Renamed so that nobody reads half of one, but not flushed: after a power cut a torn one fails its digests.
  const std::string temporary = path + ".new";
  const subject::FileDescriptor file(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  bool written = file.valid() && storage::WriteAll(file.get(), begin);
  for (const std::string& block : blocks) written = written && storage::WriteAll(file.get(), block);
  if (written && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  unlink(temporary.c_str());
  return subject::DiskError("write", path, error);
}

Result<Snapshot> ReadSnapshot(const std::string& path, const std::string& subject,
                              audit::History::CharterReader read_charter,
                              const std::function<bool(const crypto::Ed25519PublicKey&)>& holds_key, uint64_t bytes_max,
                              SnapshotKey whose) {
  const subject::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return Error{ErrorCode::kNotFound, "snapshot.missing", "there is no snapshot", ""};
  struct stat status {};
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<uint64_t>(status.st_size) > bytes_max) {
    return Unusable("is no file of a snapshot's size");
  }
  const auto file_size = static_cast<uint64_t>(status.st_size);
  std::string fixed, state;
  if (file_size < kFixedSize || !ReadAt(file.get(), 0, kFixedSize, fixed)) return Unusable("cannot be read whole");
  Reader fields(fixed);
  const std::string_view magic = fields.Take(kMagic.size());
  Result<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::FromRaw(std::string(fields.Take(kKeySize)));
  const std::string_view signature = fields.Take(kSignatureSize);
  Head head;
  Each(fields, head.size, head.root, head.state_size, head.state_digest);
  if (!fields.AtEnd() || magic != kMagic || !key.ok()) return Unusable("is no snapshot");
  if (!holds_key(*key)) return Unusable("was signed by somebody else");
  // Before this no length is believed, and nothing is interpreted whose digest was not compared.
  if (!key->Verify(ToBeSigned(subject, head), signature)) return Unusable("its signature does not verify");
  if (head.state_size > file_size - kFixedSize || !ReadAt(file.get(), kFixedSize, head.state_size, state)) {
    return Unusable("cannot be read whole");
  }
  if (crypto::Sha256(state) != head.state_digest) return Unusable("its state is not what was signed");

  Reader bytes(state);
  std::vector<Block> blocks(bytes.Count());
  std::vector<uint64_t> offsets;
  uint64_t end = kFixedSize + head.state_size;
  for (Block& block : blocks) {
    Each(bytes, block.size, block.digest);
    if (block.size > file_size - end) return Unusable("is cut off");
    offsets.push_back(end);
    end += block.size;
  }
  std::vector<crypto::Digest> nodes;
  Field(bytes, nodes);
  const std::unique_ptr<audit::History> history = audit::FoldSnapshot::Read(bytes, std::move(read_charter));
  if (history == nullptr || !bytes.AtEnd() || history->size() != head.size || end != file_size) {
    return Unusable("cannot be read");
  }
  const auto load = [&](size_t number, std::string& block) {
    return ReadAt(file.get(), offsets[number], blocks[number].size, block) &&
           crypto::Sha256(block) == blocks[number].digest;
  };
  if (!audit::FoldSnapshot::ReadBlocks(blocks.size(), load, *history))
    return Unusable("a block is not what was signed");
  Result<tlog::Frontier> frontier = tlog::Frontier::From(head.size, std::move(nodes));
  if (!frontier.ok() || frontier->Root() != head.root) return Unusable("its nodes do not lead to its root");
  if (!IsKeyFor(*history, *key, whose)) return Unusable("was signed with a key that is not the log's");
  return Snapshot{subject, std::move(*frontier), std::move(*history)};
}

}  // namespace pawl::ledger
