// The rows that pawl-statistics-table prints: what is promised, what was measured, and whether that may stand.
//
//   Table table;
//   table.AtMost("e-process, uniform", /*nominal=*/0.05, missed, cases);   // fails where chance does not explain it
//   table.Heading("calibration");
//   return table.failed() ? 1 : 0;
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <string>

namespace pawl::statistics {

class Table {
 public:
  void Heading(const std::string& text);
  // Events that happen with probability at most `nominal` happened in `events` of `cases`. Fails where a binomial
  // number of trials would be as large as that less often than once in a thousand (table.cc says why).
  void AtMost(const std::string& what, double nominal, std::uint64_t events, std::uint64_t cases);
  // The same for events that happen with at least that probability.
  void AtLeast(const std::string& what, double nominal, std::uint64_t events, std::uint64_t cases);
  // A number that has to lie in [lowest, highest].
  void Within(const std::string& what, double value, double lowest, double highest);
  // A line for information.
  void Note(const std::string& text);

  bool failed() const { return failures_ > 0; }
  int failures() const { return failures_; }
  int rows() const { return rows_; }

 private:
  void Row(const std::string& what, const std::string& nominal, const std::string& measured, bool holds);
  int failures_ = 0;
  int rows_ = 0;
};

// P(Binomial(n, p) >= count).
double BinomialTail(std::uint64_t n, double p, std::uint64_t count);

// How much to simulate.
struct Effort {
  std::uint64_t seed = 1;
  std::uint64_t coverage_runs = 2'000;  // of each distribution and error
  std::uint64_t lives = 2'000;
  std::uint64_t power_trials = 200;
  std::uint64_t detector_runs = 200;
  std::uint64_t null_stride = 27;  // of 1,000 candidates without gain, each so-many-th is judged whole
  std::uint64_t drifting_lives = 20;
};

// One file each. Every check of what a header of src/trial promises.
void CheckExactly(Table& table);                           // against all sequences of a length, no chance involved
void CheckCoverage(Table& table, const Effort& effort);    // bounds and tests at their stated errors
void CheckLives(Table& table, const Effort& effort);       // lifetime budget, attackers, power
void CheckDetector(Table& table, const Effort& effort);    // run length and delay of the alarm
void CheckEfficiency(Table& table, const Effort& effort);  // numbers of episodes, beside the classical tests

}  // namespace pawl::statistics
