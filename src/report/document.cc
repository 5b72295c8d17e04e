#include "report/document.h"

#include <set>

namespace pawl::report {
namespace {

// ---- Markdown

// What Markdown, or HTML within it, would take for itself.
std::string EscapeMarkdown(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      escaped += ' ';
    } else {
      if (std::string_view("\\`*_[]|#!~").find(c) != std::string_view::npos) escaped += '\\';
      escaped += c;
    }
  }
  return escaped;
}

std::string Number(std::uint64_t entry) { return std::to_string(entry); }

struct MarkdownWriter {
  std::string out;

  void Write(const Cell& cell) {
    const std::string text = EscapeMarkdown(cell.text);
    if (cell.entries.empty()) out += cell.file.empty() ? text : "[" + text + "](" + cell.file + ")";
    for (std::size_t i = 0; i < cell.entries.size(); ++i) {
      out += (i == 0 ? "[" + text : " [" + Number(i + 1)) + "](#entry-" + Number(cell.entries[i]) + ")";
    }
  }

  void operator()(const Heading& heading) {
    out += std::string(static_cast<std::size_t>(heading.level), '#') + " " + EscapeMarkdown(heading.text) + "\n\n";
  }
  void operator()(const Paragraph& paragraph) { out += EscapeMarkdown(paragraph.text) + "\n\n"; }
  void operator()(const List& list) {
    for (const Cell& item : list.items) {
      out += "- ";
      Write(item);
      out += "\n";
    }
    out += "\n";
  }
  void operator()(const Table& table) {
    for (const std::string& name : table.header) out += "| " + EscapeMarkdown(name) + " ";
    out += "|\n";
    for (std::size_t i = 0; i < table.header.size(); ++i) out += "|---";
    out += "|\n";
    for (const Row& row : table.rows) {
      bool first = true;
      for (const Cell& cell : row.cells) {
        out += "| ";
        if (first && row.anchor) out += "<a id=\"entry-" + Number(*row.anchor) + "\"></a>";
        first = false;
        Write(cell);
        out += ' ';
      }
      out += "|\n";
    }
    out += "\n";
  }
  void operator()(const Drawing& drawing) {
    out += "[![" + EscapeMarkdown(drawing.picture.title) + "](" + drawing.file + ")](" + drawing.file + ")\n\n" +
           EscapeMarkdown(drawing.picture.description) + "\n\n";
  }
};

// ---- HTML

// A figure is not broken into lines, which a hyphen of "1.2e-05" would allow; what somebody wrote is.
constexpr std::size_t kFigureBytesMax = 32;

constexpr char kPageStyle[] =
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
    "1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto;margin:1rem 0}td,th{border:1px solid #8886;"
    "padding:.25rem .6rem;text-align:left;vertical-align:top;font-variant-numeric:tabular-nums}"
    "p,li,td:first-child{overflow-wrap:anywhere}.f{white-space:nowrap}figure{margin:1.5rem "
    "0;overflow-x:auto}figcaption{font-size:.85rem;"
    "position:sticky;left:0}svg{width:100%;min-width:34rem;height:auto;margin:.5rem 0}:target{outline:2px solid "
    "#b80}</style>";

struct HtmlWriter {
  std::string out;

  void Write(const Cell& cell) {
    const std::string text = EscapeMarkup(cell.text);
    if (cell.entries.empty()) out += cell.file.empty() ? text : "<a href=\"" + cell.file + "\">" + text + "</a>";
    for (std::size_t i = 0; i < cell.entries.size(); ++i) {
      const std::string link = "<a href=\"#entry-" + Number(cell.entries[i]) + "\">";
      out += i == 0 ? link + text + "</a>" : "&nbsp;<sup>" + link + Number(i + 1) + "</a></sup>";
    }
  }
  void operator()(const Heading& heading) {
    const std::string tag = "h" + std::to_string(heading.level);
    out += "<" + tag + ">" + EscapeMarkup(heading.text) + "</" + tag + ">\n";
  }
  void operator()(const Paragraph& paragraph) { out += "<p>" + EscapeMarkup(paragraph.text) + "</p>\n"; }
  void operator()(const List& list) {
    out += "<ul>\n";
    for (const Cell& item : list.items) {
      out += "<li>";
      Write(item);
      out += "</li>\n";
    }
    out += "</ul>\n";
  }
  void operator()(const Table& table) {
    out += "<table><thead><tr>";
    for (const std::string& name : table.header) out += "<th scope=\"col\">" + EscapeMarkup(name) + "</th>";
    out += "</tr></thead><tbody>\n";
    for (const Row& row : table.rows) {
      out += row.anchor ? "<tr id=\"entry-" + Number(*row.anchor) + "\">" : "<tr>";
      for (const Cell& cell : row.cells) {
        const bool figure = !cell.entries.empty() && cell.text.size() <= kFigureBytesMax;
        out += figure ? "<td class=\"f\">" : "<td>";
        Write(cell);
        out += "</td>";
      }
      out += "</tr>\n";
    }
    out += "</tbody></table>\n";
  }
  void operator()(const Drawing& drawing) {
    out += "<figure>" + WriteSvg(drawing.picture) + "<figcaption>" + EscapeMarkup(drawing.picture.description) +
           "</figcaption></figure>\n";
  }
};

}  // namespace

std::vector<std::uint64_t> LinkedEntries(const Document& document) {
  std::set<std::uint64_t> entries;
  const auto add = [&](const std::vector<std::uint64_t>& more) { entries.insert(more.begin(), more.end()); };
  for (const Block& block : document.blocks) {
    if (const List* list = std::get_if<List>(&block)) {
      for (const Cell& item : list->items) add(item.entries);
    } else if (const Table* table = std::get_if<Table>(&block)) {
      for (const Row& row : table->rows) {
        for (const Cell& cell : row.cells) add(cell.entries);
      }
    } else if (const Drawing* drawing = std::get_if<Drawing>(&block)) {
      add(LinkedEntries(drawing->picture));
    }
  }
  return {entries.begin(), entries.end()};
}

std::string WriteMarkdown(const Document& document) {
  MarkdownWriter writer;
  writer(Heading{1, document.title});
  for (const Block& block : document.blocks) std::visit(writer, block);
  while (writer.out.ends_with("\n\n")) writer.out.pop_back();
  return std::move(writer.out);
}

std::string WriteHtml(const Document& document) {
  HtmlWriter writer;
  writer.out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>" +
      EscapeMarkup(document.title) + "</title>" + kPageStyle + "</head><body>\n";
  writer(Heading{1, document.title});
  for (const Block& block : document.blocks) std::visit(writer, block);
  return std::move(writer.out) + "</body></html>\n";
}

}  // namespace pawl::report
