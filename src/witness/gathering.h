// Asking witnesses for their cosignatures: the log's side of C2SP tlog-witness.
//
//   std::vector<AskedWitness> witnesses = {{.key = key, .url = "http://127.0.0.1:8441"}};
//   Gathered gathered = Gather(*note, witnesses, size_before, prove, post);
//   if (gathered.cosigned < quorum) …     // gathered.silent says who and why
//
// All witnesses are asked at the same time. One that remembers another size says so, and is asked again from there.
// What comes back is believed only as far as its signature goes.
//
// Thread safety: as thread-safe as what it is given.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "crypto/note_key.h"
#include "merkle/checkpoint.h"
#include "merkle/signed_note.h"
#include "result/result.h"

namespace pawl::witness {

struct HttpPost {
  std::string url;
  std::string body;  // of a POST
  std::string content_type = "text/plain; charset=utf-8";
  std::string authorization{};  // the header's value; empty: none
  std::string method = "POST";  // or "GET"
};
struct HttpReply {
  unsigned status = 0;
  std::string body;
};
// Sends all of them at the same time, and waits no longer than it has to; one result for each, in their order.
using Transport = std::function<std::vector<Result<HttpReply>>(const std::vector<HttpPost>&)>;

struct AskedWitness {
  crypto::NoteKey key;  // of type 04
  std::string url;      // the submission prefix
};

struct Gathered {
  merkle::SignedNote note;          // with the cosignatures that verify
  size_t cosigned = 0;              // by how many witnesses
  std::vector<std::string> silent;  // the others, each with what it said instead
};

// Proofs from a size to the checkpoint's.
using Prover = std::function<Result<std::vector<merkle::Digest>>(uint64_t old_size)>;

// `guess` is the size that witnesses probably remember. A witness that remembers a larger log than this checkpoint's is
// among the silent ones, and says that this log has lost entries.
Gathered Gather(const merkle::SignedCheckpoint& checkpoint, const std::vector<AskedWitness>& witnesses, uint64_t guess,
                const Prover& prove, const Transport& post);

}  // namespace pawl::witness
