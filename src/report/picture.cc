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

constexpr double kWidth = 760, kHeight = 320;
constexpr double kLeft = 64, kRight = 16, kTop = 54, kBottom = 46;
constexpr int kTicks = 5;

// Light and dark; the colours keep a contrast of at least 4.5 to their background (WCAG 2.1, 1.4.3).
constexpr char kStyle[] =
    "<style>.pawl{--back:#fff;--ink:#222;--soft:#d5d5d5;--limit:#b00020;--s0:#0b5cad;--s1:#8a4b00;--s2:#11662f;"
    "--s3:#7a1fa2}@media (prefers-color-scheme:dark){.pawl{--back:#161616;--ink:#e8e8e8;--soft:#444;--limit:#ff8a80;"
    "--s0:#7db8ff;--s1:#ffb35c;--s2:#7fd69a;--s3:#d7a4f5}}.pawl text{font:12px sans-serif;fill:var(--ink)}"
    ".pawl .t{font-size:15px;font-weight:600}</style>";

constexpr std::array<const char*, 4> kDashes = {"", "7 4", "2 3", "10 3 2 3"};

std::string Format(const char* format, double a, double b) {
  char text[96];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void Include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
  // Room around the values, and some width where there is none.
  void Widen(double share) {
    const double room = high > low ? (high - low) * share : std::max(std::abs(high) * share, 1e-6);
    low -= room;
    high += room;
  }
};

// At most kPointsMax points that stand for all.
std::vector<Point> Drawn(const std::vector<Point>& points) {
  std::vector<Point> finite;
  for (const Point& point : points) {
    if (std::isfinite(point.x) && std::isfinite(point.y)) finite.push_back(point);
  }
  if (finite.size() <= kPointsMax) return finite;
  std::vector<Point> drawn;
  for (std::size_t group = 0; group < kPointsMax; ++group) {
    const std::size_t from = group * finite.size() / kPointsMax;
    const std::size_t to = (group + 1) * finite.size() / kPointsMax;
    Point point = finite[from];
    point.x = point.y = 0;
    for (std::size_t i = from; i < to; ++i) {
      point.x += finite[i].x / static_cast<double>(to - from);
      point.y += finite[i].y / static_cast<double>(to - from);
      point.lower = std::fmin(point.lower, finite[i].lower);
      point.upper = std::fmax(point.upper, finite[i].upper);
    }
    drawn.push_back(std::move(point));
  }
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
  Canvas(const Picture& picture, const Range& x, const Range& y) : picture_(picture), x_(x), y_(y) {
    for (const Series& series : picture.series) {
      for (const Point& point : series.points) whole_y_ = whole_y_ && point.y == std::floor(point.y);
    }
  }

  double X(double x) const { return kLeft + (x - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight); }
  double Y(double y) const {
    return kHeight - kBottom - (y - y_.low) / (y_.high - y_.low) * (kHeight - kTop - kBottom);
  }

  void Axes(std::string& out) const {
    for (double step = TickStep(y_.high - y_.low, whole_y_ ? 1 : 0), y = std::ceil(y_.low / step) * step; y <= y_.high;
         y += step) {
      const double shown = std::abs(y) < step / 1e6 ? 0 : y;
      out += Format("<path d=\"M%.1f %.1fH", kLeft, Y(y)) +
             Format("%.1f\" stroke=\"var(--soft)\"/>", kWidth - kRight, 0) +
             Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", kLeft - 6, Y(y) + 4) + ShortNumber(shown) +
             "</text>";
    }
    for (double step = TickStep(x_.high - x_.low, 1), x = std::ceil(x_.low / step) * step; x <= x_.high; x += step) {
      out += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", X(x), kHeight - kBottom + 18) +
             ShortNumber(std::abs(x) < step / 1e6 ? 0 : x) + "</text>";
    }
    out += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", kWidth - kRight, kHeight - 8) +
           EscapeMarkup(picture_.x_label) + "</text>";
    out += Format("<text x=\"%.1f\" y=\"%.1f\">", kLeft, kTop - 6) + EscapeMarkup(picture_.y_label) + "</text>";
  }

  void Limits(std::string& out) const {
    for (const Limit& limit : picture_.limits) {
      if (!std::isfinite(limit.y)) continue;
      out +=
          Format("<path d=\"M%.1f %.1fH", kLeft, Y(limit.y)) +
          Format("%.1f\" stroke=\"var(--limit)\" stroke-width=\"1.5\" stroke-dasharray=\"6 3\"/>", kWidth - kRight, 0) +
          Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" style=\"fill:var(--limit)\">", kWidth - kRight - 2,
                 Y(limit.y) - 6) +
          EscapeMarkup(limit.name) + " " + ShortNumber(limit.y) + "</text>";
    }
  }

  void Line(const std::vector<Point>& points, Joined joined, std::size_t number, std::string& out) const {
    const std::string colour = "var(--s" + std::to_string(number) + ")";
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
    if (!band.empty()) out += "<path d=\"" + band + back + "Z\" fill=\"" + colour + "\" fill-opacity=\".16\"/>";
    if (line.empty()) return;
    out += "<path d=\"" + line + "\" fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"1.8\"";
    if (kDashes[number][0] != '\0') out += std::string(" stroke-dasharray=\"") + kDashes[number] + "\"";
    out += "/>";
  }

  void Marks(const std::vector<Point>& points, std::size_t number, std::string& out) const {
    const std::string colour = "var(--s" + std::to_string(number) + ")";
    for (std::size_t i = points.size() - std::min(points.size(), kMarksMax); i < points.size(); ++i) {
      const Point& point = points[i];
      std::string title = point.label + (point.label.empty() ? "" : ": ") + ShortNumber(point.y);
      if (std::isfinite(point.lower) && std::isfinite(point.upper)) {
        title += " in [" + ShortNumber(point.lower) + ", " + ShortNumber(point.upper) + "]";
      }
      if (point.entry) title += ", ledger entry " + std::to_string(*point.entry);
      if (std::isfinite(point.lower) && std::isfinite(point.upper)) {
        out += Format("<path d=\"M%.1f %.1fV", X(point.x), Y(point.lower)) +
               Format("%.1f\" stroke=\"", Y(point.upper), 0) + colour + "\" stroke-opacity=\".55\"/>";
      }
      if (point.entry) out += "<a href=\"#entry-" + std::to_string(*point.entry) + "\">";
      out += Format(number % 2 == 0 ? "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\""
                                    : "<rect x=\"%.1f\" y=\"%.1f\" width=\"6\" height=\"6\"",
                    X(point.x) - (number % 2 == 0 ? 0 : 3), Y(point.y) - (number % 2 == 0 ? 0 : 3));
      out += " stroke=\"" + colour + "\" fill=\"" + (point.mark == Mark::kFull ? colour : "var(--back)") +
             "\"><title>" + EscapeMarkup(title) + (number % 2 == 0 ? "</title></circle>" : "</title></rect>");
      if (point.entry) out += "</a>";
    }
  }

  void Legend(std::string& out) const {
    double x = kWidth - kRight;
    for (std::size_t i = picture_.series.size(); i-- > 0;) {
      out += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" style=\"fill:", x, kTop - 6) + "var(--s" +
             std::to_string(i) + ")\">" + EscapeMarkup((i % 2 == 0 ? "● " : "■ ") + picture_.series[i].name) +
             "</text>";
      x -= 26 + 7 * static_cast<double>(picture_.series[i].name.size());
    }
  }

 private:
  const Picture& picture_;
  Range x_;
  Range y_;
  bool whole_y_ = true;  // nothing but whole numbers, which have no ticks in between
};

// Identifiers of title and description, so that several pictures may stand in one page.
std::string Identifier(const std::string& title) {
  std::string id = "picture-";
  for (const char c : title) id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
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
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string WriteSvg(const Picture& picture) {
  assert(picture.series.size() <= kDashes.size());
  Range x, y;
  std::vector<std::vector<Point>> drawn;
  bool grouped = false;
  for (const Series& series : picture.series) {
    drawn.push_back(Drawn(series.points));
    grouped = grouped || series.points.size() > kPointsMax;
    for (const Point& point : drawn.back()) {
      x.Include(point.x);
      for (const double value : {point.y, point.lower, point.upper}) y.Include(value);
    }
  }
  const bool nothing = x.empty();
  for (const Limit& limit : picture.limits) y.Include(limit.y);
  if (y.empty()) y = {0, 1};
  if (nothing) x = {0, 1};
  x.Widen(0.02);
  y.Widen(0.08);
  const std::string id = Identifier(picture.title);
  std::string description = picture.description;
  if (grouped) description += " Drawn in " + std::to_string(kPointsMax) + " groups of neighbouring points.";
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pawl\" viewBox=\"0 0 760 320\" role=\"img\"" +
                    (" aria-labelledby=\"" + id + " " + id) + "-text\">" + "<title id=\"" + id + "\">" +
                    EscapeMarkup(picture.title) + "</title><desc id=\"" + id + "-text\">" + EscapeMarkup(description) +
                    "</desc>" + kStyle + "<rect width=\"760\" height=\"320\" fill=\"var(--back)\"/>" +
                    "<text class=\"t\" x=\"16\" y=\"20\">" + EscapeMarkup(picture.title) + "</text>";
  const Canvas canvas(picture, x, y);
  canvas.Axes(out);
  canvas.Limits(out);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    if (drawn[i].empty()) continue;
    canvas.Line(drawn[i], picture.series[i].joined, i, out);
    canvas.Marks(drawn[i], i, out);
  }
  if (picture.series.size() > 1) canvas.Legend(out);
  if (nothing) out += "<text x=\"380\" y=\"170\" text-anchor=\"middle\">nothing to show yet</text>";
  return out + "</svg>\n";
}

}  // namespace pawl::report
