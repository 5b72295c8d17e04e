// Line charts as SVG, for reports: a few series with bands, horizontal limits, and a link behind every point.
//
//   Picture picture{.title = "Score", .description = "…", .x_label = "trial", .y_label = "score"};
//   picture.series.push_back({"score", {{.x = 1, .y = 0.90, .lower = 0.89, .upper = 0.91, .entry = 12}}});
//   picture.limits.push_back({"ceiling", 0.965});
//   const std::string svg = WriteSvg(picture);                 // inside the page that lists the entries
//   const std::string alone = WriteSvg(picture, "report.html");  // in a file of its own, beside that page
//
// What a reader gets without eyes or colours: every picture has a title and a description, every point a title with its
// numbers and a bar from bound to bound, series differ by dash and mark as well as by colour. Colours follow the
// reader's light or dark setting.
//
// More than kPointsMax points of a series with the same mark are drawn in that many groups of neighbours: the mean in
// the middle, the band from the smallest lower to the largest upper bound; mark and description say so. So a picture of
// any length is readable, and below 100 KB a series. Numbers that are not finite are left out, and what lies beyond
// +-1e300 is drawn there.
//
// Thread safety: pure function. Time: about a microsecond a point.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace pawl::report {

inline constexpr std::size_t kPointsMax = 200;

enum class Mark {
  kFull,     // became a release
  kHollow,   // did not
  kCrossed,  // the gate alone has measured it
};

struct Point {
  double x = 0;
  double y = 0;
  double lower = std::numeric_limits<double>::quiet_NaN();  // of the band; NaN: none
  double upper = std::numeric_limits<double>::quiet_NaN();
  std::string label{};                   // begins the mark's title
  std::optional<std::uint64_t> entry{};  // of the ledger; the mark links to #entry-N of the page
  Mark mark = Mark::kFull;
};

// What lines and bands go through.
enum class Joined {
  kFull,  // what became a release; the rest never was live, and has its marks
  kAll,
};

struct Series {
  std::string name;
  std::vector<Point> points;  // ascending in x
  Joined joined = Joined::kFull;
};

// A limit that was another before: a line with steps.
struct EarlierLimit {
  double until_x = 0;
  double y = 0;
};

struct Limit {
  std::string name;  // stands beside what it is now
  double y = 0;
  std::vector<EarlierLimit> earlier{};  // ascending
};

struct Picture {
  std::string title;
  std::string description;
  std::string marks;  // what marks mean beyond the key in the picture: read out after the description, shown by no page
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;  // at most 4
  std::vector<Limit> limits;
};

// Requires at most 4 series. A picture without any point says that there is nothing to show yet. `page` is the name of
// the file in which entries are listed, where the picture does not stand in it.
std::string WriteSvg(const Picture& picture, const std::string& page = {});

// The entries that marks link to; a mark that stands for a group links to that of the first.
std::vector<std::uint64_t> LinkedEntries(const Picture& picture);

// Text as it may stand between tags and in attributes.
std::string EscapeMarkup(const std::string& text);

// A number for people: whole ones below 10^9 with all their digits, others with at most four significant ones.
std::string ShortNumber(double value);

}  // namespace pawl::report
