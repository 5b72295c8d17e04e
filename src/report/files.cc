#include "report/files.h"

#include <charconv>
#include <variant>

#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/json.h"
#include "encoding/time.h"
#include "merkle/tree.h"
#include "report/change_control.h"

namespace pawl::report {
namespace {

void AddNumber(double value, std::string& out) {
  char text[32];
  const std::to_chars_result written = std::to_chars(text, text + sizeof text, value);
  out.append(text, written.ptr);
}

// A field that holds text of others.
std::string Field(const std::string& text) {
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  std::string field = "\"";
  if (formula) field += '\'';
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

void AddTrial(const LifeEntry& entry, const std::vector<Column>& columns, std::string& out) {
  out += std::to_string(entry.budget_index) + "," + Field(entry.proposal) + "," + encoding::TimeText(entry.time) + "," +
         Field(entry.outcome) + "," + Field(entry.rule) + "," + (entry.epoch ? std::to_string(*entry.epoch) : "") +
         "," + std::to_string(entry.candidate_index) + ",";
  for (std::size_t i = 0; i < entry.vote_indices.size(); ++i) {
    out += (i == 0 ? "" : " ") + std::to_string(entry.vote_indices[i]);
  }
  out += "," + (entry.gate ? std::to_string(entry.gate->entry) : "");
  out += entry.conditions.empty() ? "," : entry.gate ? ",gate" : ",evaluators";
  for (const Column& column : columns) {
    const Measured* measured = entry.Find(column.kind, column.name, column.of);
    if (measured == nullptr) {
      out += ",,,,";
      continue;
    }
    for (const double value : {measured->estimate, measured->lower, measured->upper, measured->limit}) {
      out += ',';
      AddNumber(value, out);
    }
  }
  out += "\r\n";
}

Result<std::string> EntryDocument(std::uint64_t index, const std::string& entry) {
  Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  if (!envelope.ok()) return envelope.error();
  encoding::Json signatures = encoding::Json::array();
  for (const encoding::Signature& signature : envelope->signatures) {
    signatures.push_back({{"keyid", signature.keyid}, {"sig", encoding::EncodeBase64(signature.sig)}});
  }
  // The statement as it was signed, which is JSON.
  return "{\"index\":" + std::to_string(index) + ",\"leaf\":\"" + merkle::LeafHash(entry).Hex() +
         "\",\"signatures\":" + encoding::CanonicalJson(signatures) + ",\"statement\":" + envelope->payload + "}\n";
}

}  // namespace

std::string LifeTable(const Life& life, const charter::Charter& charter) {
  std::string out = "k,proposal,time,outcome,rule,epoch,candidate_entry,vote_entries,gate_entry,measured_by";
  const std::vector<Column> columns = ColumnsOf(life, charter);
  for (const Column& column : columns) {
    for (const char* figure : {"estimate", "lower", "upper", "limit"})
      out += "," + Field(column.header + ", " + figure);
  }
  out += "\r\n";
  for (const LifeEntry& entry : life.entries) AddTrial(entry, columns, out);
  return out;
}

Result<std::vector<ReportFile>> ReportFiles(const Life& life, const charter::Charter& charter, const Document& document,
                                            const EntryReader& read) {
  std::vector<ReportFile> files = {{kPageName, WriteHtml(document)},
                                   {"report.md", WriteMarkdown(document)},
                                   {kLifeTableName, LifeTable(life, charter)}};
  for (const Block& block : document.blocks) {
    const Drawing* drawing = std::get_if<Drawing>(&block);
    if (drawing != nullptr) files.push_back({drawing->file, WriteSvg(drawing->picture, kPageName)});
  }
  for (const std::uint64_t index : LinkedEntries(document)) {
    Result<std::string> entry = read(index);
    if (!entry.ok()) return entry.error();
    Result<std::string> text = EntryDocument(index, *entry);
    if (!text.ok()) return text.error();
    files.push_back({EntryFileName(index), std::move(*text)});
  }
  return files;
}

}  // namespace pawl::report
