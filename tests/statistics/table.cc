#include "table.h"

#include <cmath>
#include <cstdio>

namespace pawl::statistics {
namespace {

// What chance explains. The tests have fixed seeds, so that a table that held holds again until somebody changes what
// is drawn or judged; then each of the few rows whose promise is exact fails by bad luck once in a thousand such
// changes, and the others, whose promises leave room, hardly ever. Smaller would see less: of 2,000 cases at 5 % this
// sees 6.6 %, a millionth would see 7.5 %.
constexpr double kUnexplained = 1e-3;

std::string Text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string Share(std::uint64_t events, std::uint64_t cases) {
  return Text(static_cast<double>(events) / static_cast<double>(cases)) + " (" + std::to_string(events) + "/" +
         std::to_string(cases) + ")";
}

}  // namespace

void Table::Heading(const std::string& text) { std::printf("\n%s\n", text.c_str()); }

void Table::Note(const std::string& text) { std::printf("  %s\n", text.c_str()); }

void Table::Row(const std::string& what, const std::string& nominal, const std::string& measured, bool holds) {
  std::printf("  %-66s %-18s %-22s %s\n", what.c_str(), nominal.c_str(), measured.c_str(), holds ? "holds" : "FAILS");
  std::fflush(stdout);
  ++rows_;
  failures_ += holds ? 0 : 1;
}

void Table::AtMost(const std::string& what, double nominal, std::uint64_t events, std::uint64_t cases) {
  Row(what, "<= " + Text(nominal), Share(events, cases), BinomialTail(cases, nominal, events) > kUnexplained);
}

void Table::AtLeast(const std::string& what, double nominal, std::uint64_t events, std::uint64_t cases) {
  Row(what, ">= " + Text(nominal), Share(events, cases),
      BinomialTail(cases, 1 - nominal, cases - events) > kUnexplained);
}

void Table::Within(const std::string& what, double value, double lowest, double highest) {
  std::string nominal = Text(lowest) + " to " + Text(highest);
  if (lowest == highest) nominal = "= " + Text(lowest);
  if (std::isinf(highest)) nominal = ">= " + Text(lowest);
  if (std::isinf(lowest)) nominal = "<= " + Text(highest);
  Row(what, nominal, Text(value), value >= lowest && value <= highest);
}

double BinomialTail(std::uint64_t n, double p, std::uint64_t count) {
  if (count == 0) return 1;
  const auto real = [](std::uint64_t x) { return static_cast<double>(x); };
  double tail = 0;
  for (std::uint64_t i = count; i <= n; ++i) {
    tail += std::exp(std::lgamma(real(n) + 1) - std::lgamma(real(i) + 1) - std::lgamma(real(n - i) + 1) +
                     real(i) * std::log(p) + real(n - i) * std::log1p(-p));
  }
  return tail;
}

}  // namespace pawl::statistics
