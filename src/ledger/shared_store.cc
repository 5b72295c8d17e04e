#include "ledger/shared_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "storage/garbage.h"
#include "subject/manifest.h"

namespace pawl::ledger {
namespace {

using crypto::Digest;
using Digests = std::set<Digest>;

bool IsHere(const subject::Store& store, const Digest& digest) {
  struct stat status;
  return lstat(store.BlobPath(digest).c_str(), &status) == 0;
}

Digests NamedInEntries(const std::vector<std::string>& entries) {
  Digests named;
  for (const std::string& entry : entries) storage::AddDigestsInStatements(entry, named);
  return named;
}

// What a blob brings along: a tree its files, whose bytes bring nothing; anything else what stands in it.
struct Named {
  bool is_tree = false;
  Digests digests;
};

Named NamedInBlob(std::string_view bytes) {
  Named named;
  if (Result<subject::Manifest> manifest = subject::ParseManifest(bytes); manifest.ok()) {
    named.is_tree = true;
    for (const subject::FileEntry& file : manifest->files) named.digests.insert(file.digest);
  } else {
    storage::AddDigestsInStatements(bytes, named.digests);
  }
  return named;
}

Digests Absent(const subject::Store& store, Digests digests) {
  std::erase_if(digests, [&](const Digest& digest) { return IsHere(store, digest); });
  return digests;
}

// A blob waits on the stack until what it names has been moved. A stack of our own: how deep it becomes is up to
// whoever wrote the blobs.
struct Waiting {
  Digest digest;
  std::string bytes;
  Digests names;  // still to be moved
  bool is_tree = false;
};

// Moves blobs from one side to the other, each after what it names.
class Mover {
 public:
  virtual ~Mover() = default;
  Result<void> Move(const Digests& roots) {
    if (Result<void> begun = Push({{}, {}, roots, false}); !begun.ok()) return begun;
    while (!stack_.empty()) {
      Waiting& top = stack_.back();
      if (!top.names.empty()) {
        const Digest digest = *top.names.begin();
        top.names.erase(top.names.begin());
        if (Result<void> begun = Begin(digest, top.is_tree); !begun.ok()) return begun;
        continue;
      }
      const Waiting done = std::move(top);
      stack_.pop_back();
      if (stack_.empty()) break;  // the roots' own place
      if (Result<void> put = Put(done.digest, done.bytes); !put.ok()) return put;
    }
    return {};
  }

 protected:
  // Of these, what one side has and the other lacks.
  virtual Result<Digests> ToMove(const Digests& digests) = 0;
  virtual Result<std::string> Read(const Digest& digest) = 0;
  virtual Result<void> Put(const Digest& digest, const std::string& bytes) = 0;

 private:
  Result<void> Push(Waiting waiting) {
    Result<Digests> wanted = ToMove(waiting.names);
    if (!wanted.ok()) return wanted.error();
    waiting.names = std::move(*wanted);
    stack_.push_back(std::move(waiting));
    return {};
  }
  Result<void> Begin(const Digest& digest, bool is_file) {
    if (!begun_.insert(digest).second) return {};
    Result<std::string> bytes = Read(digest);
    if (!bytes.ok()) return bytes.error();
    if (is_file) return Put(digest, *bytes);
    Named named = NamedInBlob(*bytes);
    return Push({digest, std::move(*bytes), std::move(named.digests), named.is_tree});
  }

  std::vector<Waiting> stack_;
  Digests begun_;
};

class Publisher final : public Mover {
 public:
  Publisher(SharedStore& shared, const subject::Store& store) : shared_(shared), store_(store) {}

 protected:
  Result<Digests> ToMove(const Digests& digests) override {
    Digests here = digests;
    std::erase_if(here, [&](const Digest& digest) { return !IsHere(store_, digest); });
    if (here.empty()) return here;
    Result<Digests> there = shared_.Find(here);
    if (!there.ok()) return there.error();
    std::erase_if(here, [&](const Digest& digest) { return there->contains(digest); });
    return here;
  }
  Result<std::string> Read(const Digest& digest) override { return store_.ReadBlob(digest, subject::kFileBytesMax); }
  Result<void> Put(const Digest& digest, const std::string& bytes) override { return shared_.Put(digest, bytes); }

 private:
  SharedStore& shared_;
  const subject::Store& store_;
};

// Goes through what a publisher has moved, with the bytes from there, and keeps them nowhere.
class Verifier final : public Mover {
 public:
  Verifier(SharedStore& shared, const subject::Store& store, Digests& verified)
      : shared_(shared), store_(store), verified_(verified) {}

 protected:
  Result<Digests> ToMove(const Digests& digests) override {
    Digests here = digests;
    std::erase_if(here, [&](const Digest& digest) { return verified_.contains(digest) || !IsHere(store_, digest); });
    if (here.empty()) return here;
    const Result<Digests> there = shared_.Find(here);
    if (!there.ok()) return there.error();
    for (const Digest& digest : here) {
      if (there->contains(digest)) continue;
      return Error{ErrorCode::kNotFound, "store.missing", "the database does not have the blob " + digest.Text(),
                   "do the same again"};
    }
    return here;
  }
  Result<std::string> Read(const Digest& digest) override { return shared_.Get(digest, subject::kFileBytesMax); }
  Result<void> Put(const Digest& digest, const std::string& /*bytes*/) override {
    verified_.insert(digest);
    return {};
  }

 private:
  SharedStore& shared_;
  const subject::Store& store_;
  Digests& verified_;
};

class Fetcher final : public Mover {
 public:
  Fetcher(SharedStore& shared, storage::TreeStore& store) : shared_(shared), store_(store) {}

 protected:
  Result<Digests> ToMove(const Digests& digests) override {
    const Digests absent = Absent(store_, digests);
    if (absent.empty()) return absent;
    return shared_.Find(absent);
  }
  Result<std::string> Read(const Digest& digest) override {
    Result<std::string> bytes = shared_.Get(digest, std::min(subject::kFileBytesMax, left_));
    if (bytes.ok()) left_ -= bytes->size();
    return bytes;
  }
  Result<void> Put(const Digest&, const std::string& bytes) override {
    Result<Digest> put = store_.PutBlob(bytes);
    if (!put.ok()) return put.error();
    return {};
  }

 private:
  SharedStore& shared_;
  storage::TreeStore& store_;
  uint64_t left_ = kFetchedBytesMax;
};

}  // namespace

Result<void> Publish(SharedStore& shared, const subject::Store& store, const std::vector<std::string>& entries) {
  return Publisher(shared, store).Move(NamedInEntries(entries));
}

Result<void> VerifyPublished(SharedStore& shared, const subject::Store& store, const std::vector<std::string>& entries,
                             std::set<crypto::Digest>& verified) {
  return Verifier(shared, store, verified).Move(NamedInEntries(entries));
}

Result<bool> IsFetchNeeded(SharedStore& shared, const subject::Store& store, const std::vector<std::string>& entries) {
  const Digests absent = Absent(store, NamedInEntries(entries));
  if (absent.empty()) return false;
  Result<Digests> there = shared.Find(absent);
  if (!there.ok()) return there.error();
  return !there->empty();
}

Result<void> Fetch(SharedStore& shared, storage::TreeStore& store, const std::string& entry) {
  return Fetcher(shared, store).Move(NamedInEntries({entry}));
}

}  // namespace pawl::ledger
