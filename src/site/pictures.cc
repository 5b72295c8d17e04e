#include "site/pictures.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "authoring/charter_changes.h"
#include "authoring/property_words.h"
#include "encoding/number.h"
#include "evaluation/reference.h"
#include "model/network.h"
#include "model/property.h"
#include "report/change_control.h"
#include "sandbox/sandbox.h"
#include "storage/named_file.h"
#include "warrant/verify.h"

namespace pawl::site {
namespace {

using audit::ProposalHistory;
using encoding::Json;

std::string Visible(std::string_view text) { return sandbox::DisplayableOnOneLine(text); }

Json Finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

const char* MarkName(report::Mark mark) {
  switch (mark) {
    case report::Mark::kFull:
      return "released";
    case report::Mark::kHollow:
      return "not-released";
    case report::Mark::kCrossed:
      return "gate-alone";
  }
  return "not-released";
}

Json SeriesView(const report::Series& series) {
  Json points = Json::array();
  const size_t from = series.points.size() > kLifePointsMax ? series.points.size() - kLifePointsMax : 0;
  for (size_t i = from; i < series.points.size(); ++i) {
    const report::Point& point = series.points[i];
    points.push_back({{"x", Finite(point.x)},
                      {"y", Finite(point.y)},
                      {"lower", Finite(point.lower)},
                      {"upper", Finite(point.upper)},
                      {"label", Visible(point.label)},
                      {"entry", point.entry ? Json(*point.entry) : Json(nullptr)},
                      {"mark", MarkName(point.mark)}});
  }
  return {{"name", Visible(series.name)},
          {"joined", series.joined == report::Joined::kAll ? "all" : "released"},
          {"left_out", from},
          {"points", points}};
}

Json PictureView(const report::Drawing& drawing) {
  const report::Picture& picture = drawing.picture;
  Json series = Json::array(), limits = Json::array();
  for (const report::Series& one : picture.series) series.push_back(SeriesView(one));
  for (const report::Limit& one : picture.limits) {
    Json earlier = Json::array();
    for (const report::EarlierLimit& before : one.earlier) {
      earlier.push_back({{"until_x", Finite(before.until_x)}, {"y", Finite(before.y)}});
    }
    limits.push_back({{"name", Visible(one.name)}, {"y", Finite(one.y)}, {"earlier", earlier}});
  }
  return {{"name", drawing.file.substr(0, drawing.file.rfind('.'))},
          {"title", Visible(picture.title)},
          {"description", Visible(picture.description)},
          {"x_label", Visible(picture.x_label)},
          {"y_label", Visible(picture.y_label)},
          {"series", series},
          {"limits", limits}};
}

// ---- networks

struct TwoNetworks {
  std::optional<model::Network> parent, candidate;
  std::string why_not;  // where one of them cannot be shown
};

Result<std::optional<subject::FileEntry>> EntryAt(const ledger::SubjectLog& log,
                                                  const std::optional<crypto::Digest>& tree, const std::string& path) {
  if (!tree) return std::optional<subject::FileEntry>();
  Result<subject::Manifest> manifest = log.store().ReadManifest(*tree);
  if (!manifest.ok()) return manifest.error();
  const subject::FileEntry* entry = manifest->Find(path);
  return entry == nullptr ? std::nullopt : std::optional(*entry);
}

Result<std::optional<model::Network>> NetworkAt(const ledger::SubjectLog& log,
                                                const std::optional<crypto::Digest>& tree, const std::string& path,
                                                std::string& why_not) {
  Result<std::optional<subject::FileEntry>> entry = EntryAt(log, tree, path);
  if (!entry.ok()) return entry.error();
  if (!entry->has_value()) return std::optional<model::Network>();
  if ((*entry)->size > kPictureNetworkBytesMax) {
    why_not = "larger than " + std::to_string(kPictureNetworkBytesMax >> 20) + " MiB";
    return std::optional<model::Network>();
  }
  Result<std::string> bytes = log.store().ReadBlob((*entry)->digest, kPictureNetworkBytesMax);
  if (!bytes.ok()) return bytes.error();
  Result<model::Network> network = model::ReadOnnx(
      storage::AsBytes(*bytes), {.bytes_max = kPictureNetworkBytesMax, .nodes_max = 2'000, .elements_max = 8'000'000});
  if (!network.ok()) {
    why_not = network.error().message;
    return std::optional<model::Network>();
  }
  return std::optional(std::move(*network));
}

Result<TwoNetworks> NetworksAt(const ledger::SubjectLog& log, const ProposalHistory& proposal,
                               const std::string& path) {
  TwoNetworks two;
  Result<std::optional<model::Network>> parent = NetworkAt(log, proposal.proposal.parent_tree, path, two.why_not);
  if (!parent.ok()) return parent.error();
  Result<std::optional<model::Network>> candidate = NetworkAt(log, proposal.proposal.tree, path, two.why_not);
  if (!candidate.ok()) return candidate.error();
  two.parent = std::move(*parent);
  two.candidate = std::move(*candidate);
  return two;
}

const char* FunctionName(const model::Function& function) {
  constexpr const char* kNames[] = {"dense", "convolution", "elementwise", "normalization",
                                    "sum",   "select",      "maximum",     "activation"};
  static_assert(std::size(kNames) == std::variant_size_v<model::Function>);
  return kNames[function.index()];
}

// The constants that a layer's weights are.
std::vector<size_t> WeightsOf(const model::Function& function) {
  std::vector<size_t> tensors;
  const auto add = [&](size_t tensor) {
    if (tensor != model::kNoConstant) tensors.push_back(tensor);
  };
  if (const auto* dense = std::get_if<model::Dense>(&function)) {
    add(dense->weights);
    add(dense->bias);
  } else if (const auto* convolution = std::get_if<model::Convolution>(&function)) {
    if (convolution->divisors.empty()) add(convolution->weights);  // else an average: all are 1, and nobody's
    add(convolution->bias);
  } else if (const auto* elementwise = std::get_if<model::Elementwise>(&function)) {
    add(elementwise->constant);
  } else if (const auto* normalization = std::get_if<model::BatchNormalization>(&function)) {
    for (const size_t one : {normalization->scale, normalization->bias, normalization->mean, normalization->variance}) {
      add(one);
    }
  }
  return tensors;
}

// A layer's numbers as a matrix, to be drawn: of a dense layer W; of a convolution a row for each output channel, and a
// column for each input channel and place in the kernel; of a normalization the rows scale, bias, mean and variance; of
// a constant one row. None: rows is 0.
struct LayerMatrix {
  uint64_t rows = 0, columns = 0;
  std::function<double(uint64_t row, uint64_t column)> at;
};

LayerMatrix MatrixOf(const model::Network& network, const model::Function& function) {
  const auto values = [&](size_t tensor) -> const std::vector<double>& { return network.tensors[tensor].values; };
  if (const auto* dense = std::get_if<model::Dense>(&function)) {
    const std::vector<double>& w = values(dense->weights);
    return {dense->rows, dense->columns,
            [&w, dense](uint64_t i, uint64_t j) { return w[i * dense->row_step + j * dense->column_step]; }};
  }
  if (const auto* convolution = std::get_if<model::Convolution>(&function)) {
    if (!convolution->divisors.empty() || convolution->weights == model::kNoConstant) return {};
    const std::vector<double>& w = values(convolution->weights);
    const uint64_t columns =
        convolution->input_channels / std::max<uint64_t>(1, convolution->groups) * convolution->window.KernelSize();
    if (columns * convolution->output_channels != w.size()) return {};
    return {convolution->output_channels, columns,
            [&w, columns](uint64_t i, uint64_t j) { return w[i * columns + j]; }};
  }
  if (const auto* elementwise = std::get_if<model::Elementwise>(&function)) {
    const std::vector<double>& c = values(elementwise->constant);
    return {1, c.size(), [&c](uint64_t, uint64_t j) { return c[j]; }};
  }
  if (const auto* normalization = std::get_if<model::BatchNormalization>(&function)) {
    std::vector<const std::vector<double>*> rows;
    for (const size_t one : WeightsOf(*normalization)) rows.push_back(&values(one));
    const bool fits = std::ranges::all_of(rows, [&](const auto* row) { return row->size() == rows.front()->size(); });
    if (rows.empty() || !fits) return {};
    return {rows.size(), rows.front()->size(), [rows](uint64_t i, uint64_t j) { return (*rows[i])[j]; }};
  }
  return {};
}

// How far the numbers of a layer moved: largest and mean square, beside how large they were, and a coarse picture of
// where (the largest in each of up to 24 by 48 blocks of the layer's matrix).
Json MovedView(const model::Network& before, const model::Network& after, const model::Function& old_function,
               const model::Function& new_function) {
  const std::vector<size_t> old_tensors = WeightsOf(old_function), new_tensors = WeightsOf(new_function);
  if (old_tensors.size() != new_tensors.size() || old_tensors.empty()) return nullptr;
  double largest = 0, moved = 0, size = 0;
  uint64_t count = 0, changed = 0;
  for (size_t t = 0; t < old_tensors.size(); ++t) {
    const std::vector<double>&a = before.tensors[old_tensors[t]].values, &b = after.tensors[new_tensors[t]].values;
    if (a.size() != b.size()) return nullptr;
    for (size_t i = 0; i < a.size(); ++i) {
      const double difference = std::fabs(b[i] - a[i]);
      largest = std::max(largest, difference);
      moved += difference * difference;
      size += a[i] * a[i];
      changed += difference > 0 ? 1 : 0;
      ++count;
    }
  }
  Json view = {{"count", count},
               {"changed", changed},
               {"largest", Finite(largest)},
               {"relative", Finite(size > 0 ? std::sqrt(moved / size) : 0)},
               {"rows", 0},
               {"columns", 0},
               {"blocks", Json::array()}};
  const LayerMatrix a = MatrixOf(before, old_function), b = MatrixOf(after, new_function);
  if (a.rows == 0 || a.rows != b.rows || a.columns != b.columns) return view;
  const uint64_t rows = std::min<uint64_t>(24, a.rows), columns = std::min<uint64_t>(48, a.columns);
  std::vector<double> blocks(rows * columns, 0);
  for (uint64_t i = 0; i < a.rows; ++i) {
    for (uint64_t j = 0; j < a.columns; ++j) {
      const double difference = b.at(i, j) - a.at(i, j);
      double& block = blocks[(i * rows / a.rows) * columns + j * columns / a.columns];
      if (std::fabs(difference) > std::fabs(block)) block = difference;
    }
  }
  view["rows"] = rows;
  view["columns"] = columns;
  for (const double block : blocks) view["blocks"].push_back(Finite(block));
  return view;
}

// Whether two layers differ in what is no weight: strides, paddings, factors, slopes, which element goes where.
bool HasOtherSettings(model::Function a, model::Function b) {
  const auto forget = [](model::Function& function) {
    const auto one = [](size_t& tensor) { tensor = tensor == model::kNoConstant ? tensor : 0; };
    if (auto* dense = std::get_if<model::Dense>(&function)) {
      one(dense->weights);
      one(dense->bias);
    } else if (auto* convolution = std::get_if<model::Convolution>(&function)) {
      one(convolution->weights);
      one(convolution->bias);
    } else if (auto* elementwise = std::get_if<model::Elementwise>(&function)) {
      one(elementwise->constant);
    } else if (auto* normalization = std::get_if<model::BatchNormalization>(&function)) {
      for (size_t* tensor :
           {&normalization->scale, &normalization->bias, &normalization->mean, &normalization->variance}) {
        one(*tensor);
      }
    } else if (auto* select = std::get_if<model::Select>(&function)) {
      for (size_t& tensor : select->constants) one(tensor);
    }
  };
  forget(a);
  forget(b);
  return !(a == b);
}

bool SameShape(const model::Network& a, const model::Network& b) {
  return a.graph.nodes.size() == b.graph.nodes.size() && a.graph.input_size == b.graph.input_size &&
         std::equal(a.graph.nodes.begin(), a.graph.nodes.end(), b.graph.nodes.begin(),
                    [](const model::VectorNode& x, const model::VectorNode& y) {
                      return x.function.index() == y.function.index() && x.size == y.size && x.inputs == y.inputs;
                    });
}

Json LayersView(const model::Network& network, const model::Network* parent) {
  Json layers = Json::array();
  for (size_t i = 0; i < std::min(network.graph.nodes.size(), kLayersMax); ++i) {
    const model::VectorNode& node = network.graph.nodes[i];
    uint64_t weights = 0;
    for (const size_t tensor : WeightsOf(node.function)) weights += network.tensors[tensor].values.size();
    layers.push_back(
        {{"kind", FunctionName(node.function)},
         {"name", Visible(node.description)},
         {"inputs", network.graph.SizeOf(node.inputs.front())},
         {"outputs", node.size},
         {"weights", weights},
         {"other_settings", parent != nullptr && HasOtherSettings(parent->graph.nodes[i].function, node.function)},
         {"moved", parent == nullptr ? Json(nullptr)
                                     : MovedView(*parent, network, parent->graph.nodes[i].function, node.function)}});
  }
  return layers;
}

Json OneNetworkView(const std::string& path, const TwoNetworks& two) {
  const bool same = two.parent && two.candidate && SameShape(*two.parent, *two.candidate);
  const auto side = [&](const std::optional<model::Network>& network, const model::Network* parent) -> Json {
    if (!network) return nullptr;
    return {{"inputs", network->graph.input_size},
            {"outputs", network->output_size()},
            {"parameters", network->parameter_count},
            {"layers", LayersView(*network, parent)},
            {"left_out", network->graph.nodes.size() - std::min(network->graph.nodes.size(), kLayersMax)}};
  };
  return {{"path", Visible(path)},
          {"why_not", Visible(two.why_not)},
          {"same_shape", same},
          {"parent", side(two.parent, nullptr)},
          {"candidate", side(two.candidate, same ? &*two.parent : nullptr)}};
}

// ---- decision maps

struct KnownProperty {
  std::string name;
  model::Property property;
};

// The properties of a network, as the charter in force has them.
Result<std::vector<KnownProperty>> PropertiesOf(const ledger::SubjectLog& log, const std::string& network) {
  std::vector<KnownProperty> known;
  const charter::CharterFiles& files = log.charter();
  for (const charter::Property& property : files.charter.properties) {
    if (property.network != network) continue;
    const subject::FileEntry* entry = files.manifest.Find(property.spec);
    if (entry == nullptr) continue;
    Result<std::string> text = files.read(entry->digest, subject::kFileBytesMax);
    if (!text.ok()) return text.error();
    Result<model::Property> read = model::ReadVnnlib(*text, {});
    if (!read.ok()) return read.error();
    if (!read->cases.empty()) known.push_back({property.name, std::move(*read)});
  }
  return known;
}

struct Range {
  double lower = 0, upper = 0;
};

// What one property speaks of.
Range HullOf(const model::Property& property, size_t input) {
  Range hull{property.cases.front().box[input].lower.NearestFloat64(),
             property.cases.front().box[input].upper.NearestFloat64()};
  for (const model::Case& one : property.cases) {
    hull.lower = std::min(hull.lower, one.box[input].lower.NearestFloat64());
    hull.upper = std::max(hull.upper, one.box[input].upper.NearestFloat64());
  }
  return hull;
}

// The box with twice its width on each side, as far as any property of the network speaks; all of that where the box
// has no width.
Range Around(const Range& box, const std::vector<KnownProperty>& known, size_t input) {
  Range all = box;
  for (const KnownProperty& other : known) {
    if (input >= other.property.input_count) continue;
    const Range hull = HullOf(other.property, input);
    all = {std::min(all.lower, hull.lower), std::max(all.upper, hull.upper)};
  }
  const double width = box.upper - box.lower;
  if (width <= 0) return all;
  return {std::max(all.lower, box.lower - 2 * width), std::min(all.upper, box.upper + 2 * width)};
}

Error NoMap(const std::string& why) {
  return {ErrorCode::kNotFound, "site.no-map", why, "choose a network that a property of the charter is about"};
}

Json AxisView(const model::Property& property, size_t input, const Range& range, const Range& box) {
  const model::VariableNote note =
      input < property.variables.size() ? property.variables[input] : model::VariableNote{};
  const double factor = note.factor ? note.factor->NearestFloat64() : 1,
               offset = note.offset ? note.offset->NearestFloat64() : 0;
  const auto own = [&](double value) { return Finite(factor * value + offset); };
  return {{"input", input},
          {"name", Visible(authoring::VariableName(property, input))},
          {"unit", Visible(note.unit)},
          {"from", own(range.lower)},
          {"to", own(range.upper)},
          {"box_from", own(box.lower)},
          {"box_to", own(box.upper)}};
}

// The decision at each point of the grid, row by row from the smallest y; -1 where the output is no number.
Result<Json> DecisionsOf(const model::Network& network, std::vector<double> input, const MapQuery& query,
                         const Range& x, const Range& y, size_t cells) {
  Json decisions = Json::array();
  const auto at = [&](const Range& range, size_t i) {
    const double value =
        range.lower + (range.upper - range.lower) * (static_cast<double>(i) + 0.5) / static_cast<double>(cells);
    return network.type == model::ElementType::kFloat32 ? static_cast<double>(static_cast<float>(value)) : value;
  };
  for (size_t row = 0; row < cells; ++row) {
    for (size_t column = 0; column < cells; ++column) {
      input[query.x] = at(x, column);
      input[query.y] = at(y, row);
      Result<std::vector<double>> output = evaluation::EvaluateReference(network, input);
      if (!output.ok()) return output.error();
      const bool is_number = std::ranges::all_of(*output, [](double value) { return std::isfinite(value); });
      const auto best = query.pick == Pick::kSmallest ? std::min_element(output->begin(), output->end())
                                                      : std::max_element(output->begin(), output->end());
      decisions.push_back(is_number ? static_cast<int>(best - output->begin()) : -1);
    }
  }
  return decisions;
}

uint64_t ProductsOf(const model::Network& network) {
  uint64_t products = 1;
  for (const model::VectorNode& node : network.graph.nodes) {
    if (const auto* dense = std::get_if<model::Dense>(&node.function)) products += dense->rows * dense->columns;
    if (const auto* one = std::get_if<model::Convolution>(&node.function)) {
      products += node.size * one->window.KernelSize() * (one->input_channels / std::max<uint64_t>(1, one->groups));
    }
    products += node.size;
  }
  return products;
}

}  // namespace

Result<Json> LifeView(const ledger::SubjectLog& log) {
  Result<report::Life> life = report::LifeOf(log.history(), log.store().Reader());
  if (!life.ok()) return life.error();
  Json pictures = Json::array();
  for (const report::Drawing& drawing : report::LifePictures(*life, log.charter().charter)) {
    pictures.push_back(PictureView(drawing));
  }
  return Json{{"trials", life->entries.size()}, {"pictures", pictures}};
}

Result<Json> NetworksView(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  Json rows = Json::array();
  if (proposal.proposal.action == warrant::Action::kAmendment) return Json{{"networks", rows}};
  subject::Manifest before;
  if (proposal.proposal.parent_tree) {
    Result<subject::Manifest> read = log.store().ReadManifest(*proposal.proposal.parent_tree);
    if (!read.ok()) return read.error();
    before = std::move(*read);
  }
  Result<subject::Manifest> after = log.store().ReadManifest(proposal.proposal.tree);
  if (!after.ok()) return after.error();
  for (const subject::FileEntry& entry : after->files) {
    const subject::FileEntry* old_entry = before.Find(entry.path);
    if (!entry.path.ends_with(".onnx") || (old_entry != nullptr && old_entry->digest == entry.digest)) continue;
    if (rows.size() == kNetworksMax) break;
    Result<TwoNetworks> two = NetworksAt(log, proposal, entry.path);
    if (!two.ok()) return two.error();
    Json row = OneNetworkView(entry.path, *two);
    Result<std::vector<KnownProperty>> known = PropertiesOf(log, entry.path);
    if (!known.ok()) return known.error();
    row["properties"] = Json::array();
    row["inputs"] = Json::array();
    row["outputs"] = Json::array();
    for (const KnownProperty& one : *known) row["properties"].push_back(one.name);
    if (!known->empty()) {
      const model::Property& property = known->front().property;
      for (size_t i = 0; i < std::min<size_t>(property.input_count, 64); ++i) {
        row["inputs"].push_back(Visible(authoring::VariableName(property, i)));
      }
      for (size_t i = 0; i < std::min<size_t>(property.output_count, 64); ++i) {
        row["outputs"].push_back(Visible(authoring::VariableName(property, property.input_count + i)));
      }
    }
    rows.push_back(std::move(row));
  }
  return Json{{"networks", rows}};
}

Result<MapQuery> ReadMapQuery(std::string_view query) {
  const Error wrong{ErrorCode::kUsage, "site.query",
                    "the query is not network=PATH&property=NAME&x=N&y=N&pick=smallest",
                    "x and y are two different inputs, by number; pick is smallest or largest"};
  std::map<std::string, std::string, std::less<>> given;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    const size_t equals = part.find('=');
    if (equals == part.npos || given.size() > 5) return wrong;
    std::string value;
    for (size_t i = equals + 1; i < part.size(); ++i) {
      if (part[i] != '%') {
        value += part[i];
      } else if (part.substr(i, 3) == "%2F") {  // the only one that paths and names need
        value += '/';
        i += 2;
      } else {
        return wrong;
      }
    }
    if (!given.emplace(part.substr(0, equals), std::move(value)).second) return wrong;
  }
  MapQuery read;
  Result<uint64_t> x = encoding::ParseUnsigned(given["x"], 1'000'000),
                   y = encoding::ParseUnsigned(given["y"], 1'000'000);
  if (given.size() != 5 || given["network"].empty() || given["property"].empty() || !x.ok() || !y.ok() || *x == *y ||
      (given["pick"] != "smallest" && given["pick"] != "largest")) {
    return wrong;
  }
  read.network = given["network"];
  read.property = given["property"];
  read.x = *x;
  read.y = *y;
  read.pick = given["pick"] == "smallest" ? Pick::kSmallest : Pick::kLargest;
  return read;
}

Result<Json> DecisionMapView(const ledger::SubjectLog& log, const ProposalHistory& proposal, const MapQuery& query) {
  Result<std::vector<KnownProperty>> known = PropertiesOf(log, query.network);
  if (!known.ok()) return known.error();
  const auto chosen = std::ranges::find(*known, query.property, &KnownProperty::name);
  if (chosen == known->end()) return NoMap("the charter has no such property of this network");
  const model::Property& property = chosen->property;
  if (query.x >= property.input_count || query.y >= property.input_count) return NoMap("it has no such input");
  Result<TwoNetworks> two = NetworksAt(log, proposal, query.network);
  if (!two.ok()) return two.error();
  if (!two->candidate) return NoMap(two->why_not.empty() ? "the proposal has no such network" : two->why_not);
  const auto fits = [&](const model::Network& network) {
    return network.input_size() == property.input_count && network.output_size() == property.output_count;
  };
  if (!fits(*two->candidate)) return NoMap("the property is about a network of another shape");
  const bool has_parent = two->parent && fits(*two->parent);

  const Range box_x = HullOf(property, query.x), box_y = HullOf(property, query.y);
  const Range x = Around(box_x, *known, query.x), y = Around(box_y, *known, query.y);
  std::vector<double> input(property.input_count);
  Json fixed = Json::array();
  for (size_t i = 0; i < input.size(); ++i) {
    const Range hull = HullOf(property, i);
    input[i] = hull.lower + (hull.upper - hull.lower) / 2;
    if (two->candidate->type == model::ElementType::kFloat32) input[i] = static_cast<float>(input[i]);
    if (i == query.x || i == query.y || fixed.size() >= 16) continue;
    fixed.push_back({{"name", Visible(authoring::VariableName(property, i))},
                     {"value", Visible(authoring::Quantity(property, i, model::Decimal::FromDouble(input[i])))}});
  }
  const uint64_t products = ProductsOf(*two->candidate) + (has_parent ? ProductsOf(*two->parent) : 0);
  size_t cells = kMapCellsMax;
  while (cells > 8 && cells * cells * products > kMapProductsMax) cells /= 2;
  if (cells * cells * products > kMapProductsMax) {
    return Error{ErrorCode::kLimit, "site.map-too-large", "a map of this network would take too long", ""};
  }
  Result<Json> candidate = DecisionsOf(*two->candidate, input, query, x, y, cells);
  if (!candidate.ok()) return candidate.error();
  Json parent = nullptr;
  if (has_parent) {
    Result<Json> decisions = DecisionsOf(*two->parent, input, query, x, y, cells);
    if (!decisions.ok()) return decisions.error();
    parent = std::move(*decisions);
  }
  Json outputs = Json::array();
  for (size_t i = 0; i < property.output_count; ++i) {
    outputs.push_back(Visible(authoring::VariableName(property, property.input_count + i)));
  }
  return Json{{"cells", cells},
              {"x", AxisView(property, query.x, x, box_x)},
              {"y", AxisView(property, query.y, y, box_y)},
              {"fixed", fixed},
              {"outputs", outputs},
              {"parent", parent},
              {"candidate", *candidate}};
}

Result<Json> CharterChangesView(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  if (proposal.proposal.action != warrant::Action::kAmendment) {
    return Error{ErrorCode::kNotFound, "site.no-amendment", "this proposal is no amendment", "GET its diff"};
  }
  // Beside the charter that it was proposed under, also when another is in force.
  const crypto::Digest under = proposal.candidate ? proposal.candidate->charter : log.charter().charter.digest;
  Result<charter::CharterFiles> before = charter::ReadCharterFiles(log.store(), under);
  if (!before.ok()) return before.error();
  Result<charter::CharterFiles> after = charter::ReadCharterFiles(log.store(), proposal.proposal.tree);
  if (!after.ok()) return after.error();
  Result<authoring::CharterChanges> compared = authoring::CompareCharters(*before, *after);
  if (!compared.ok()) return compared.error();
  Json changes = Json::array(), words = Json::array();
  for (const authoring::CharterChange& one : compared->changes) {
    changes.push_back({{"what", Visible(one.what)},
                       {"before", Visible(one.before)},
                       {"after", Visible(one.after)},
                       {"effect", authoring::EffectName(one.effect)}});
  }
  const auto visible = [](const std::vector<std::string>& lines) {
    Json shown = Json::array();
    for (const std::string& line : lines) shown.push_back(Visible(line));
    return shown;
  };
  for (const authoring::ChangedWords& one : compared->words) {
    words.push_back({{"title", one.title}, {"gone", visible(one.gone)}, {"come", visible(one.come)}});
  }
  return Json{{"changes", changes}, {"words", words}};
}

}  // namespace pawl::site
