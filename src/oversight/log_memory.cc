#include "oversight/log_memory.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "encoding/json.h"
#include "merkle/tree.h"
#include "storage/kept_text.h"
#include "tlog/growing_tree.h"

namespace pawl::oversight {
namespace {

struct Memory {
  uint64_t size = 0;
  crypto::Digest root = merkle::EmptyRoot();
};

std::string MemoryPath(const Reviewer& reviewer, const std::string& subject) {
  return reviewer.memory_folder + "/seen-" + subject + ".json";
}

Result<Memory> ReadMemory(const std::string& path) {
  Result<std::string> text = storage::ReadKeptText(path, "audit.memory");
  // Only where there is none has this reviewer seen nothing; one that cannot be read is not forgotten.
  if (!text.ok() && text.error().code == ErrorCode::kNotFound) return Memory{};
  if (!text.ok()) return text.error();
  Result<encoding::Json> json = encoding::ParseCanonicalJson(*text, {.bytes_max = storage::kKeptTextBytesMax});
  if (!json.ok()) return Malformed("audit.memory", "'" + path + "': " + json.error().message);
  encoding::JsonObject object(*json, "memory");
  Memory memory;
  memory.size = static_cast<uint64_t>(object.Integer("size", 0));
  Result<crypto::Digest> root = crypto::Digest::FromHex(object.String("root", 64));
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (!root.ok()) return root.error();
  memory.root = *root;
  return memory;
}

Result<void> WriteMemory(const std::string& path, const Memory& memory) {
  const std::string bytes = encoding::CanonicalJson({{"size", memory.size}, {"root", memory.root.Hex()}});
  Result<void> written = storage::WriteKeptText(path, bytes);
  return written.ok() ? written : SystemFailure("audit.memory", written.error().message, written.error().advice);
}

// Of two programs that are one reviewer, the one that writes last would forget what the other has seen.
Error Busy(const Reviewer& reviewer, std::string_view subject) {
  return {ErrorCode::kPending, "audit.busy",
          "another process is at work as '" + reviewer.record.name + "' on '" + std::string(subject) + "'",
          "one process for each reviewer; this one is right again when the other is done"};
}

}  // namespace

Result<subject::FileDescriptor> LockMemory(const Reviewer& reviewer, const std::string& subject) {
  const std::string path = MemoryPath(reviewer, subject) + ".lock";
  subject::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return SystemFailure("audit.memory", "cannot open '" + path + "': " + std::strerror(errno));
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno == EWOULDBLOCK) return Busy(reviewer, subject);
  return SystemFailure("audit.memory", "cannot lock '" + path + "': " + std::strerror(errno));
}

Result<void> RememberLog(ledger::SubjectLog& log, const Reviewer& reviewer) {
  const std::string path = MemoryPath(reviewer, log.subject());
  Result<Memory> seen = ReadMemory(path);
  if (!seen.ok()) return seen.error();
  if (seen->size > log.history().size()) {
    // Not shorter: read before the other process of this reviewer read it. What follows would judge an old log.
    if (Result<void> refreshed = log.Refresh(); !refreshed.ok()) return refreshed.error();
    if (seen->size <= log.history().size()) return Busy(reviewer, log.subject());
  }
  const uint64_t size = log.history().size();
  const crypto::Digest root = log.root();
  if (seen->size > size) {
    return Refused(
        "audit.log-shrank",
        "this reviewer has seen " + std::to_string(seen->size) + " events, now there are " + std::to_string(size),
        "the log was truncated: stop, and compare with other copies");
  }
  if (seen->size == size && seen->root == root) return {};
  Result<std::vector<crypto::Digest>> proof = tlog::ConsistencyProof(seen->size, size, log.ledger().Hashes());
  if (!proof.ok()) return proof.error();
  if (Result<void> grew = merkle::VerifyConsistency(seen->size, seen->root, size, root, *proof); !grew.ok()) {
    return Refused("audit.log-rewritten",
                   "the log is not an extension of what this reviewer has seen: " + grew.error().message,
                   "the log was rewritten: stop, and compare with other copies");
  }
  return WriteMemory(path, {size, root});
}

}  // namespace pawl::oversight
