#include "report/picture.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>

namespace pawl::report {
namespace {

constexpr double kWidth = 760, kHeight = 336;
constexpr double kLeft = 64, kRight = 24, kTop = 70, kBottom = 46;
constexpr int kTicks = 7;
// From so many points on marks are small, and a band stands for the bars.
constexpr std::size_t kDensePoints = 60;

// Light and dark; the colours keep a contrast of at least 4.5 to their background (WCAG 2.1, 1.4.3). Plain properties
// and no variables: whoever turns SVG into PDF or paper knows the former alone.
constexpr char kStyle[] =
    "<style>.pawl text{font:12px sans-serif;fill:#222}.pawl .t{font-size:15px;font-weight:600}.pawl .back{fill:#fff}"
    ".pawl .grid{stroke:#d5d5d5}.pawl path{fill:none}.pawl .limit{stroke:#b00020}"
    ".pawl .named{fill:#b00020;stroke:#fff;stroke-width:3px;paint-order:stroke}"
    ".pawl .s0{stroke:#0b5cad}.pawl .f0{fill:#0b5cad}.pawl .s1{stroke:#8a4b00}.pawl .f1{fill:#8a4b00}"
    ".pawl .s2{stroke:#11662f}.pawl .f2{fill:#11662f}.pawl .s3{stroke:#7a1fa2}.pawl .f3{fill:#7a1fa2}"
    "@media (prefers-color-scheme:dark){.pawl text{fill:#e8e8e8}.pawl .back{fill:#161616}.pawl .grid{stroke:#444}"
    ".pawl .limit{stroke:#ff8a80}.pawl .named{fill:#ff8a80;stroke:#161616}"
    ".pawl .s0{stroke:#7db8ff}.pawl .f0{fill:#7db8ff}.pawl .s1{stroke:#ffb35c}.pawl .f1{fill:#ffb35c}"
    ".pawl .s2{stroke:#7fd69a}.pawl .f2{fill:#7fd69a}.pawl .s3{stroke:#d7a4f5}.pawl .f3{fill:#d7a4f5}}</style>";

constexpr std::array<const char*, 4> kDashes = {"", "7 4", "2 3", "10 3 2 3"};

std::string Format(const char* format, double a, double b) {
  char text[96];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}

// Differences of numbers up to here are finite.
constexpr double kLargest = 1e300;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void Include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, std::clamp(value, -kLargest, kLargest));
    high = std::max(high, std::clamp(value, -kLargest, kLargest));
  }
  bool empty() const { return low > high; }
  // In [0, 1] from end to end.
  double Place(double value) const { return (std::clamp(value, low, high) - low) / (high - low); }
  // Room around the values, and some width where there is none, or one that ticks could not be told apart in.
  void Widen(double share) {
    const double largest = std::max(std::abs(low), std::abs(high));
    const double room =
        high > low ? std::max({(high - low) * share, largest * 1e-12, 1e-100}) : std::max(largest * share, 1e-6);
    low -= room;
    high += room;
  }
};

// At most kPointsMax points that stand for all of one mark.
void AddDrawn(const std::vector<Point>& points, std::vector<Point>& drawn) {
  const std::size_t groups = std::min(points.size(), kPointsMax);
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t from = group * points.size() / groups;
    const std::size_t to = (group + 1) * points.size() / groups;
    Point point = points[from];
    if (to - from > 1) {
      point.label += " to " + points[to - 1].label + ", mean";
      point.x = point.y = 0;
    }
    for (std::size_t i = from; to - from > 1 && i < to; ++i) {
      point.x += points[i].x / static_cast<double>(to - from);
      point.y += points[i].y / static_cast<double>(to - from);
      point.lower = std::fmin(point.lower, points[i].lower);
      point.upper = std::fmax(point.upper, points[i].upper);
    }
    drawn.push_back(std::move(point));
  }
}

// What became a release and what did not stay apart, or a group would be neither.
std::vector<Point> Drawn(const std::vector<Point>& points) {
  std::vector<Point> drawn;
  for (const Mark mark : {Mark::kHollow, Mark::kCrossed, Mark::kFull}) {
    std::vector<Point> same;
    std::copy_if(points.begin(), points.end(), std::back_inserter(same), [&](const Point& point) {
      return point.mark == mark && std::isfinite(point.x) && std::isfinite(point.y);
    });
    AddDrawn(same, drawn);
  }
  std::stable_sort(drawn.begin(), drawn.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
  return drawn;
}

// Steps of 1, 2 or 5 times a power of ten, at least `least`.
double TickStep(double span, double least) {
  const double rough = std::max(span / kTicks, least);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

class Canvas {
 public:
  Canvas(const Picture& picture, const std::string& page, const Range& x, const Range& y)
      : picture_(picture), page_(page), x_(x), y_(y) {
    for (const Series& series : picture.series) {
      for (const Point& point : series.points) whole_y_ = whole_y_ && point.y == std::floor(point.y);
    }
  }

  double X(double x) const { return kLeft + x_.Place(x) * (kWidth - kLeft - kRight); }
  double Y(double y) const { return kHeight - kBottom - y_.Place(y) * (kHeight - kTop - kBottom); }

  void Axes(std::string& out) const {
    for (double step = TickStep(y_.high - y_.low, whole_y_ ? 1 : 0), y = std::ceil(y_.low / step) * step; y <= y_.high;
         y += step) {
      const double shown = std::abs(y) < step / 1e6 ? 0 : y;
      out += Format("<path d=\"M%.1f %.1fH", kLeft, Y(y)) + Format("%.1f\" class=\"grid\"/>", kWidth - kRight, 0) +
             Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", kLeft - 6, Y(y) + 4) + ShortNumber(shown) +
             "</text>";
    }
    for (double step = TickStep(x_.high - x_.low, 1), x = std::ceil(x_.low / step) * step; x <= x_.high; x += step) {
      out += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", X(x), kHeight - kBottom + 18) +
             ShortNumber(std::abs(x) < step / 1e6 ? 0 : x) + "</text>";
    }
    out += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", kWidth - kRight, kHeight - 8) +
           EscapeMarkup(picture_.x_label) + "</text>";
    out += Format("<text x=\"%.1f\" y=\"%.1f\">", kLeft, kTop - 24) + EscapeMarkup(picture_.y_label) + "</text>";
  }

  void Limits(std::string& out) const {
    for (const Limit& limit : picture_.limits) {
      if (!std::isfinite(limit.y)) continue;
      const std::vector<EarlierLimit>& earlier = limit.earlier;
      std::string line = Format("M%.1f %.1f", kLeft, Y(earlier.empty() ? limit.y : earlier.front().y));
      for (std::size_t i = 0; i < earlier.size(); ++i) {
        line += Format("H%.1fV%.1f", X(earlier[i].until_x), Y(i + 1 < earlier.size() ? earlier[i + 1].y : limit.y));
      }
      out += "<path d=\"" + line +
             Format("H%.1f\" class=\"limit\" stroke-width=\"1.5\" stroke-dasharray=\"6 3\"/>", kWidth - kRight, 0) +
             Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" class=\"named\">", kWidth - kRight - 2,
                    Y(limit.y) - 6) +
             EscapeMarkup(limit.name) + " " + ShortNumber(limit.y) + "</text>";
    }
  }

  void Line(const std::vector<Point>& points, Joined joined, std::size_t number, std::string& out) const {
    const std::string colour = std::to_string(number);
    std::vector<Point> live;
    std::copy_if(points.begin(), points.end(), std::back_inserter(live),
                 [&](const Point& point) { return joined == Joined::kAll || point.mark == Mark::kFull; });
    std::string band, back, line;
    for (const Point& point : live) {
      if (std::isfinite(point.upper))
        band += Format(band.empty() ? "M%.1f %.1f" : "L%.1f %.1f", X(point.x), Y(point.upper));
      line += Format(line.empty() ? "M%.1f %.1f" : "L%.1f %.1f", X(point.x), Y(point.y));
    }
    std::reverse(live.begin(), live.end());
    for (const Point& point : live) {
      if (std::isfinite(point.lower)) back += Format("L%.1f %.1f", X(point.x), Y(point.lower));
    }
    if (!band.empty()) out += "<path d=\"" + band + back + "Z\" style=\"fill-opacity:.16\" class=\"f" + colour + "\"/>";
    if (line.empty()) return;
    out += "<path d=\"" + line + "\" class=\"s" + colour + "\" stroke-width=\"1.8\"";
    if (kDashes[number][0] != '\0') out += std::string(" stroke-dasharray=\"") + kDashes[number] + "\"";
    out += "/>";
  }

  void Marks(const std::vector<Point>& points, std::size_t number, std::string& out) const {
    const std::string colour = std::to_string(number);
    const bool dense = points.size() > kDensePoints;
    const double radius = dense ? 1.7 : 3.2;
    for (const Point& point : points) {
      const bool full = point.mark == Mark::kFull;
      const bool bounded = std::isfinite(point.lower) && std::isfinite(point.upper);
      std::string title = point.label + (point.label.empty() ? "" : ": ") + ShortNumber(point.y);
      if (bounded) title += " in [" + ShortNumber(point.lower) + ", " + ShortNumber(point.upper) + "]";
      if (point.entry) title += ", ledger entry " + std::to_string(*point.entry);
      if (bounded && !(dense && full)) {
        out += Format("<path d=\"M%.1f %.1fV", X(point.x), Y(point.lower)) +
               Format("%.1f\" stroke-opacity=\".55\" class=\"s", Y(point.upper), 0) + colour + "\"/>";
      }
      if (point.entry) out += "<a href=\"" + page_ + "#entry-" + std::to_string(*point.entry) + "\">";
      const bool round = number % 2 == 0;
      out += Format(round ? "<circle cx=\"%.1f\" cy=\"%.1f\"" : "<rect x=\"%.1f\" y=\"%.1f\"",
                    X(point.x) - (round ? 0 : radius), Y(point.y) - (round ? 0 : radius));
      out += Format(round ? " r=\"%.1f\"" : " width=\"%.1f\" height=\"%.1f\"", round ? radius : 2 * radius, 2 * radius);
      out += " class=\"s" + colour + (full ? " f" + colour : std::string(" back")) + "\"><title>" +
             EscapeMarkup(title) + (round ? "</title></circle>" : "</title></rect>");
      if (point.mark == Mark::kCrossed) {
        out += Format("<path d=\"M%.1f %.1f", X(point.x) - radius, Y(point.y) - radius) +
               Format("l%.1f %.1f", 2 * radius, 2 * radius) + Format("m0 %.1fl%.1f ", -2 * radius, -2 * radius) +
               Format("%.1f\" class=\"s", 2 * radius, 0) + colour + "\"/>";
      }
      if (point.entry) out += "</a>";
    }
  }

  // What marks mean, below; names of series above, where there are several. The title has its line to itself.
  void Legend(std::string& out) const {
    bool hollow = false, crossed = false, band = false;
    for (const Series& series : picture_.series) {
      for (const Point& point : series.points) {
        hollow = hollow || point.mark == Mark::kHollow;
        crossed = crossed || point.mark == Mark::kCrossed;
        band = band || std::isfinite(point.upper);
      }
    }
    std::string key = hollow || crossed ? "filled: became a release, hollow: did not" : "";
    if (crossed) key += ", crossed: gate alone";
    if (band) key += std::string(key.empty() ? "" : "; ") + "band and bars: bounds";
    if (!key.empty()) {
      out += Format("<text x=\"%.1f\" y=\"%.1f\">", kLeft, kHeight - 8) + key + "</text>";
    }
    if (picture_.series.size() < 2) return;
    double x = kWidth - kRight;
    for (std::size_t i = picture_.series.size(); i-- > 0;) {
      out += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" class=\"f", x, kTop - 24) + std::to_string(i) +
             "\">" + EscapeMarkup((i % 2 == 0 ? "● " : "■ ") + picture_.series[i].name) + "</text>";
      x -= 26 + 7 * static_cast<double>(picture_.series[i].name.size());
    }
  }

 private:
  const Picture& picture_;
  const std::string& page_;
  Range x_;
  Range y_;
  bool whole_y_ = true;  // nothing but whole numbers, which have no ticks in between
};

// Of title and description: several pictures may stand in one page, and no two titles have the same.
std::string Identifier(const std::string& title) {
  std::string id = "picture-";
  for (const char c : title) {
    char code[4];
    std::snprintf(code, sizeof code, "-%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? std::string(1, c) : code;
  }
  return id;
}

}  // namespace

std::string EscapeMarkup(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

std::string ShortNumber(double value) {
  char text[32];
  const bool whole = value == std::floor(value) && std::abs(value) < 1e9;
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.4g", value);
  return text;
}

std::vector<std::uint64_t> LinkedEntries(const Picture& picture) {
  std::vector<std::uint64_t> entries;
  for (const Series& series : picture.series) {
    for (const Point& point : Drawn(series.points)) {
      if (point.entry) entries.push_back(*point.entry);
    }
  }
  return entries;
}

std::string WriteSvg(const Picture& picture, const std::string& page) {
  assert(picture.series.size() <= kDashes.size());
  Range x, y;
  std::vector<std::vector<Point>> drawn;
  bool grouped = false;
  for (const Series& series : picture.series) {
    drawn.push_back(Drawn(series.points));
    const auto finite = std::count_if(series.points.begin(), series.points.end(), [](const Point& point) {
      return std::isfinite(point.x) && std::isfinite(point.y);
    });
    grouped = grouped || drawn.back().size() < static_cast<std::size_t>(finite);
    for (const Point& point : drawn.back()) {
      x.Include(point.x);
      for (const double value : {point.y, point.lower, point.upper}) y.Include(value);
    }
  }
  const bool nothing = x.empty();
  for (const Limit& limit : picture.limits) {
    y.Include(limit.y);
    for (const EarlierLimit& earlier : limit.earlier) {
      y.Include(earlier.y);
      if (!nothing) x.Include(earlier.until_x);
    }
  }
  if (y.empty()) y = {0, 1};
  if (nothing) x = {0, 1};
  x.Widen(0.02);
  y.Widen(0.08);
  const std::string id = Identifier(picture.title);
  std::string description = picture.description + picture.marks;
  if (grouped) description += " So many are drawn in " + std::to_string(kPointsMax) + " groups of neighbours.";
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pawl\" viewBox=\"0 0 760 336\" role=\"img\"" +
                    (" aria-labelledby=\"" + id + " " + id) + "-text\">" + "<title id=\"" + id + "\">" +
                    EscapeMarkup(picture.title) + "</title><desc id=\"" + id + "-text\">" + EscapeMarkup(description) +
                    "</desc>" + kStyle + "<rect width=\"760\" height=\"336\" class=\"back\"/>" +
                    "<text class=\"t\" x=\"16\" y=\"20\">" + EscapeMarkup(picture.title) + "</text>";
  const Canvas canvas(picture, page, x, y);
  canvas.Axes(out);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    if (drawn[i].empty()) continue;
    canvas.Line(drawn[i], picture.series[i].joined, i, out);
    canvas.Marks(drawn[i], i, out);
  }
  canvas.Limits(out);  // over the marks, which would hide the name
  canvas.Legend(out);
  if (nothing) out += "<text x=\"380\" y=\"210\" text-anchor=\"middle\">nothing to show yet</text>";
  return out + "</svg>\n";
}

}  // namespace pawl::report
