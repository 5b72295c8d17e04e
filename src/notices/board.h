// A notice board: where people and reviewers say what a gate could keep back. Each witness of a charter can keep one
// for each log that it follows: halts and resumes of people, votes of reviewers, whole signed statements.
//
//   Result<void> followed = FollowCharter(witness_folder, log_key.name, "charter");      // once, and after amendments
//   Result<Boards> boards = Boards::Open(witness_folder);
//   Taken taken = boards->Add(BoardName(log_key.name), body, now_s);                     // taken.status is what HTTP
//   says std::optional<std::string> stops = boards->Stops(BoardName(log_key.name));
//
// What is taken is a statement about this subject that is signed by who may make it under the charter: a halt by one
// approver, a resume by as many as it asks for, a vote by its reviewer. Nobody else can fill a board, and nobody can
// push out what another has said: of each person's halts the 8 youngest stay, of each reviewer's votes the 16 youngest,
// two of them on one candidate (which shows that it has contradicted itself). A resume takes the place of the halts
// that it lifts; 256 of them are kept, and none makes room for another.
//
// A board only keeps and shows. Whoever reads one verifies each statement under the charter that it believes itself
// (heard.h), so that a board that lies can leave something out, which is why every witness is told and asked.
//
// Each statement is a file of its own, flushed before "taken" is said. Thread safety: one thread; the witness's lock
// keeps a second process away.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "charter/charter.h"
#include "crypto/digest.h"
#include "notices/notice.h"
#include "result/result.h"

namespace pawl::notices {

inline constexpr size_t kHaltsOfEachMax = 8, kVotesOfEachMax = 16, kVotesOnEachMax = 2, kResumesMax = 256;

// From the next start on notices under this charter are taken for the log. The charter is copied. Refused
// "notices.other-log" where the charter's log is not this one; errors of ReadCharterFiles, and of the disk.
Result<void> FollowCharter(const std::string& witness_folder, const std::string& origin,
                           const std::string& charter_directory);

struct Taken {
  unsigned status = 500;
  std::string words;
};

class Board {
 public:
  static Result<Board> Open(const std::string& folder);

  // Statuses: 400 for what is no statement of these kinds, 403 for one that its signers may not make here, 507 where
  // the board is full, 500 where it could not be kept, 200 where it is kept, was already, or is lifted.
  Taken Add(std::string_view body, int64_t now_s);
  std::string Stops() const;                                   // halts and resumes
  std::string VotesOn(const crypto::Digest& candidate) const;  // of that candidate statement
  const charter::Charter& charter() const { return charter_; }
  size_t size() const { return posted_.size(); }

 private:
  Board(std::string folder, charter::Charter charter) : folder_(std::move(folder)), charter_(std::move(charter)) {}
  struct Posted {
    Notice notice;
    int64_t received_s = 0;
  };
  bool IsLifted(const Notice& halt) const;
  bool Has(const crypto::Digest& digest) const;
  std::string FileOf(const Notice& notice) const;
  template <typename Wanted>
  std::string List(Wanted wanted) const;
  // What has to go so that nobody has more than is kept of each.
  void MakeRoom();

  std::string folder_;
  charter::Charter charter_;
  std::vector<Posted> posted_;
};

class Boards {
 public:
  // None where nobody has called FollowCharter. "notices.board" (kMalformed) for a file that no board has written.
  static Result<Boards> Open(const std::string& witness_folder);

  // 404 where no notices are taken for the log.
  Taken Add(const std::string& board, std::string_view body, int64_t now_s);
  std::optional<std::string> Stops(const std::string& board) const;
  std::optional<std::string> VotesOn(const std::string& board, const crypto::Digest& candidate) const;
  size_t size() const { return boards_.size(); }

 private:
  std::map<std::string, Board> boards_;
};

}  // namespace pawl::notices
