// A document of headings, paragraphs, lists, tables and pictures, written as Markdown or as one HTML page.
//
//   Document document{.title = "…"};
//   document.Heading(2, "Impact assessment");
//   document.Add(Table{{"release", "score"}, {{{"1"}, {"0.91", /*entry=*/12}}}});
//   WriteMarkdown(document); WriteHtml(document);
//
// A cell that names ledger entries is a link to the place in the same document where the first is listed, and has a
// number for each further one; a cell that names a file beside the document is a link to that. In Markdown pictures are
// files beside it, shown and linked, for the marks in them are links only where a picture is opened alone; in HTML they
// stand in the page. All text is escaped: notes and names come from proposers. Names of files are ours.
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "report/picture.h"

namespace pawl::report {

struct Cell {
  Cell(std::string words) : text(std::move(words)) {}
  Cell(const char* words) : text(words) {}
  Cell(std::string words, std::uint64_t linked) : text(std::move(words)), entries{linked} {}
  Cell(std::string words, std::vector<std::uint64_t> linked) : text(std::move(words)), entries(std::move(linked)) {}

  static Cell OfFile(std::string words, std::string file) {
    Cell cell(std::move(words));
    cell.file = std::move(file);
    return cell;
  }

  std::string text;
  std::vector<std::uint64_t> entries;  // links to where they are listed
  std::string file;                    // "trials.csv"; where there are no entries
};

// A row of a table; `anchor` makes it the place to which links to that ledger entry lead.
struct Row {
  std::vector<Cell> cells;
  std::optional<std::uint64_t> anchor{};
};

struct Heading {
  int level = 2;
  std::string text;
};
struct Paragraph {
  std::string text;
};
struct List {
  std::vector<Cell> items;
};
struct Table {
  std::vector<std::string> header;
  std::vector<Row> rows;
};
struct Drawing {
  std::string file;  // "capability.svg"
  Picture picture;
};

using Block = std::variant<Heading, Paragraph, List, Table, Drawing>;

struct Document {
  std::string title;
  std::vector<Block> blocks;

  void Add(Block block) { blocks.push_back(std::move(block)); }
};

// The entries that anything in the document links to, ascending, each once.
std::vector<std::uint64_t> LinkedEntries(const Document& document);

std::string WriteMarkdown(const Document& document);
std::string WriteHtml(const Document& document);

}  // namespace pawl::report
