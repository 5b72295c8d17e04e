// A witness (C2SP tlog-witness v1.0.0): remembers the last checkpoint of each log that it follows, and cosigns only
// what is consistent with it.
//
//   Result<void> followed = Follow(folder, log_key);            // once for each log
//   Result<Witness> witness = Witness::Open(folder, name, key);
//   Cosigned answer = witness->AddCheckpoint(body, now_s);      // answer.status is what HTTP says
//
// What it remembers is one file a log in `folder`, `<SHA-256 of the origin>.json`, replaced as a whole and flushed
// before a cosignature leaves: a cosignature that anybody has seen is one that the witness remembers, whenever it was
// killed. The files are also the list of logs: where one is lost, the log is unknown (404) until somebody follows it
// again, and a file that cannot be read keeps the witness from starting. A copy of the folder must never be brought
// back: that would make the witness forget, and sign another root for a size that it has signed.
//
// Thread safety: a Witness belongs to one thread; a lock on the folder keeps a second process away.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/note_key.h"
#include "merkle/tree.h"
#include "result/result.h"
#include "signing/private_key.h"
#include "subject/file_descriptor.h"

namespace pawl::witness {

struct FollowedLog {
  crypto::NoteKey key;  // its name is the origin
  uint64_t size = 0;    // of the last checkpoint cosigned, 0 before the first
  merkle::Digest root = merkle::EmptyRoot();
  int64_t time_s = 0;  // of the last cosignature
  bool operator==(const FollowedLog&) const = default;
};

// From now on the log of this key is known. Requires a key of type 01. Refused "witness.followed" where its origin is
// known already: what is remembered is never begun anew by this. kSystem for what the disk refuses.
Result<void> Follow(const std::string& folder, const crypto::NoteKey& log);
// By origin. "witness.state" (kMalformed) for a file that is not what a witness has written.
Result<std::map<std::string, FollowedLog>> ReadFollowed(const std::string& folder);

struct Cosigned {
  unsigned status = 500;     // of HTTP
  std::string content_type;  // of the body
  std::string body;          // 200: signature lines; 409: the size that is remembered; else why not
};

class Witness {
 public:
  // `name` is the key's name in cosignatures. kPending "witness.busy" where another process has the folder; kNotFound
  // "witness.no-logs" where it follows none.
  static Result<Witness> Open(const std::string& folder, const std::string& name, signing::Ed25519PrivateKey key);

  // Statuses, in the order in which they are asked: 400 malformed; 404 a log that is not followed; 403 not signed by
  // it; 400 an old size beyond the checkpoint's; 409 an old size that is not the remembered one; 422 another root for
  // the remembered size, or no proof that the tree only grew; 500 where it could not be remembered; 200. The time in a
  // cosignature is `now_s`, and never before the last one for the same log.
  Cosigned AddCheckpoint(std::string_view body, int64_t now_s);

  const std::map<std::string, FollowedLog>& logs() const { return logs_; }

 private:
  Witness(std::string folder, std::string name, signing::Ed25519PrivateKey key, subject::FileDescriptor lock)
      : folder_(std::move(folder)), name_(std::move(name)), key_(std::move(key)), lock_(std::move(lock)) {}

  std::string folder_;
  std::string name_;
  signing::Ed25519PrivateKey key_;
  subject::FileDescriptor lock_;
  std::map<std::string, FollowedLog> logs_;
};

}  // namespace pawl::witness
