// A document of headings, paragraphs, lists, tables and pictures, written as Markdown or as one HTML page.
//
//   Document document{.title = "…"};
//   document.Heading(2, "Impact assessment");
//   document.Add(Table{{"release", "score"}, {{{"1"}, {"0.91", /*entry=*/12}}}});
//   WriteMarkdown(document); WriteHtml(document);
//
// A cell that names ledger entries is a link to the place in the same document where the first is listed, and has a
// number for each further one. In Markdown
// pictures are links to files beside it; in HTML they stand in the page. All text is escaped: notes and names come from
// proposers.
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

  std::string text;
  std::vector<std::uint64_t> entries;  // links to where they are listed
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
  std::vector<std::string> items;
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

std::string WriteMarkdown(const Document& document);
std::string WriteHtml(const Document& document);

}  // namespace pawl::report
