// A home for one run of the incidents: keys that nobody keeps, people who sign at once, and the baseline live. What is
// proposed goes along the one path, by the same commands that people type.
//
//   Result<std::unique_ptr<IncidentWorld>> world = IncidentWorld::Make({.folder = scratch, .charter = "charter",
//                                                                       .subject = "subject"});
//   Ending ending = *(*world)->Try(candidate, "a copied reference", Reviewers::kAtHand);
//
// Of the charter everything stays but keys, people, baseline and pace, which a trial run cannot have as they are.
//
// Thread safety: belongs to one thread; starts processes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::incidents {

// How a proposal, or what never became one, ended.
struct Ending {
  // "accepted", "rejected", "outside-charter", "pending"; "refused": nothing of it reached the ledger; "halt": a halt
  // that a person signed is what stopped it.
  std::string outcome;
  std::string step;  // of the path; "load" for a charter, "start" for the loader
  std::string rule;
  std::string reason;
  std::string proposal;  // its name; empty where there is none
};

// Whether the charter's reviewers vote when a proposal has come to them.
enum class Reviewers { kAtHand, kUnreachable };

// Of the built-in examples, the one whose program runs in a sandbox of its own, or the one whose evaluator reads the
// subject itself.
enum class Example { kApart, kBeside };

struct WorldPlan {
  std::string folder;   // private, and empty or made here; everything lies below it
  std::string charter;  // directory; empty: the built-in example
  std::string subject;  // directory; empty: the built-in example
  Example example = Example::kApart;
  std::function<void(const std::string&)> progress;
};

class IncidentWorld {
 public:
  static Result<std::unique_ptr<IncidentWorld>> Make(const WorldPlan& plan);

  bool is_example() const { return is_example_; }
  const charter::Charter& charter() const { return charter_; }
  const std::string& charter_directory() const { return charter_directory_; }
  const std::string& subject_directory() const { return subject_directory_; }
  // A new folder below the world's own.
  Result<std::string> NewFolder();
  // A copy of the subject that may be changed.
  Result<std::string> Candidate();

  // `pawl propose`, with the reviewers where it gets that far. Errors are the machine's.
  Result<Ending> Try(const std::string& directory, const std::string& note, Reviewers reviewers);
  // `pawl approve` by the first so many people, then `pawl release`.
  Result<Ending> ApproveAndRelease(const std::string& proposal, size_t people);
  // The same in a copy of the home: what is live here stays so.
  Result<Ending> ApproveAndReleaseInACopy(const std::string& proposal, size_t people);
  // What becomes of an attempt after one person has halted; then two people resume. Errors also where the halt or the
  // resume did not take, or where what comes after it is still stopped.
  Result<Ending> WhileHalted(const std::function<Result<Ending>()>& attempt);
  // What `pawl current --verify` says, which a start asks too.
  Result<Ending> Start();
  // The same after one byte of a live file in the store has changed; it is mended again.
  Result<Ending> StartWithAChangedByte(const std::string& path);

 private:
  explicit IncidentWorld(const WorldPlan& plan) : folder_(plan.folder), home_(plan.folder + "/home") {}
  Result<void> WriteCharter(const WorldPlan& plan);
  Result<void> Begin();
  Result<Ending> Ask(std::vector<std::string> words);

  std::string folder_, home_, charter_directory_, subject_directory_;
  bool is_example_ = false;
  charter::Charter charter_;
  size_t folders_ = 0;
};

// A charter's text in which one key of one section ("evaluation"; "[reviewer" for the first of an array) stands on the
// line given instead, or is not there where the line is empty. An empty key takes the whole section out.
std::string EditCharter(const std::string& text, const std::string& section, const std::string& key,
                        const std::string& new_line);

}  // namespace pawl::incidents
