#include "authoring/sample_property.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "evaluation/reference.h"
#include "model/network.h"
#include "model/onnx_message.h"
#include "model/property.h"
#include "model/protobuf.h"
#include "prover/prover.h"
#include "storage/named_file.h"

namespace pawl::authoring {
namespace {

constexpr size_t kInputsMax = 1'000;
constexpr size_t kOutputsMax = 16;

struct Range {
  double low = HUGE_VAL, high = -HUGE_VAL;
};

std::vector<Range> SampleOutputs(const model::Network& network) {
  std::vector<Range> ranges(std::min(network.output_size(), kOutputsMax));
  std::mt19937_64 random(1);
  std::vector<double> point(network.input_size());
  for (int i = 0; i < 500; ++i) {
    // Multiples of 1/64 are numbers of every format; every other point is a corner.
    for (double& x : point) {
      const int64_t step = static_cast<int64_t>(random() % 129) - 64;
      x = i % 2 == 0 ? static_cast<double>(step) / 64 : (step < 0 ? -1 : 1);
    }
    const Result<std::vector<double>> output = evaluation::EvaluateReference(network, point);
    if (!output.ok()) return {};
    for (size_t j = 0; j < ranges.size(); ++j) {
      if (!std::isfinite((*output)[j])) return {};
      ranges[j].low = std::min(ranges[j].low, (*output)[j]);
      ranges[j].high = std::max(ranges[j].high, (*output)[j]);
    }
  }
  return ranges;
}

// Two significant digits: a number that a person can read, never nearer than the one given.
std::string RoundOutwards(double value, bool up) {
  if (value == 0) return "0";
  const double unit = std::pow(10, std::floor(std::log10(std::fabs(value))) - 1);
  char text[64];
  std::snprintf(text, sizeof text, "%.12g", (up ? std::ceil(value / unit) : std::floor(value / unit)) * unit);
  return text;
}

std::string Declaration(const char* letter, size_t number) {
  return "(declare-const " + std::string(letter) + std::to_string(number) + " Real)\n";
}

std::string SpecText(const model::Network& network, const std::vector<Range>& ranges, double margin) {
  std::string text =
      "; A sample to start from: on this box of inputs the outputs stay within bounds. Replace it by what must hold.\n"
      "; Comments of this form give names and units, which reports then use:\n"
      ";   ; X_0: own vertical rate [ft/s], unscaled = 50 * x + 0\n"
      "; What is asserted is what must never happen.\n\n";
  for (size_t i = 0; i < network.input_size(); ++i) text += Declaration("X_", i);
  for (size_t j = 0; j < network.output_size(); ++j) text += Declaration("Y_", j);
  text += "\n";
  for (size_t i = 0; i < network.input_size(); ++i) {
    const std::string name = "X_" + std::to_string(i);
    text += "(assert (>= " + name + " -1))\n(assert (<= " + name + " 1))\n";
  }
  text += "\n(assert (or\n";
  for (size_t j = 0; j < ranges.size(); ++j) {
    const double wide = margin * std::max({ranges[j].high - ranges[j].low, std::fabs(ranges[j].high) / 100, 1e-3});
    const std::string name = "Y_" + std::to_string(j);
    text += "  (and (<= " + name + " " + RoundOutwards(ranges[j].low - wide, false) + "))\n";
    text += "  (and (>= " + name + " " + RoundOutwards(ranges[j].high + wide, true) + "))\n";
  }
  return text + "))\n";
}

// The initialiser behind the bias of the last node; empty where it has none.
std::string LastBias(const model::Network& network) {
  if (network.graph.output == 0) return {};
  const model::Function& last = network.graph.nodes[network.graph.output - 1].function;
  size_t bias = model::kNoConstant;
  if (const auto* dense = std::get_if<model::Dense>(&last)) bias = dense->bias;
  if (const auto* convolution = std::get_if<model::Convolution>(&last)) bias = convolution->bias;
  return bias == model::kNoConstant ? std::string() : network.tensors[bias].origin;
}

std::string MakeMutant(const std::string& bytes, const model::Network& network, const model::Property& property,
                       double reach) {
  const std::string bias = LastBias(network);
  if (bias.empty()) return {};
  const std::vector<double> centre(network.input_size(), 0.0);
  for (const double delta : {reach, -reach}) {
    std::optional<std::string> mutant = WithFirstElementMoved(bytes, bias, delta);
    if (!mutant) return {};
    const Result<model::Network> read = model::ReadOnnx(storage::AsBytes(*mutant), model::NetworkLimits{});
    if (!read.ok()) return {};
    const Result<std::vector<double>> output = evaluation::EvaluateReference(*read, centre);
    if (output.ok() && model::FindViolation(property, centre, *output)) return std::move(*mutant);
  }
  return {};
}

// Where the numbers of a float initialiser lie in the file.
struct NumbersPlace {
  size_t offset = 0;
  size_t element_bytes = 0;
};

std::optional<NumbersPlace> FindNumbers(std::span<const uint8_t> tensor, std::string_view wanted, const uint8_t* file) {
  model::MessageReader reader(tensor);
  std::string_view name;
  int64_t type = 0;
  std::span<const uint8_t> numbers;
  for (;;) {
    const Result<bool> more = reader.Next();
    if (!more.ok()) return std::nullopt;
    if (!*more) break;
    const model::Field& field = reader.field();
    if (field.number == 2) type = static_cast<int64_t>(field.value);
    if (field.number == 8) name = field.text();
    const bool holds_numbers = field.number == 4 || field.number == 9 || field.number == 10;
    if (holds_numbers && field.type == model::WireType::kBytes) numbers = field.bytes;
  }
  const size_t element_bytes = type == model::kOnnxFloat ? 4 : type == model::kOnnxDouble ? 8 : 0;
  if (name != wanted || element_bytes == 0 || numbers.size() < element_bytes) return std::nullopt;
  return NumbersPlace{static_cast<size_t>(numbers.data() - file), element_bytes};
}

template <typename T>
void Move(std::string& bytes, size_t offset, double delta) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  value = static_cast<T>(static_cast<double>(value) + delta);
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace

std::optional<std::string> WithFirstElementMoved(const std::string& model, std::string_view initializer, double delta) {
  const std::span<const uint8_t> file = storage::AsBytes(model);
  model::MessageReader outer(file);
  for (Result<bool> more = outer.Next(); more.ok() && *more; more = outer.Next()) {
    if (outer.field().number != 7 || outer.field().type != model::WireType::kBytes) continue;  // ModelProto.graph
    model::MessageReader graph(outer.field().bytes);
    for (Result<bool> next = graph.Next(); next.ok() && *next; next = graph.Next()) {
      if (graph.field().number != 5 || graph.field().type != model::WireType::kBytes) continue;  // .initializer
      const std::optional<NumbersPlace> place = FindNumbers(graph.field().bytes, initializer, file.data());
      if (!place) continue;
      std::string moved = model;
      place->element_bytes == 4 ? Move<float>(moved, place->offset, delta) : Move<double>(moved, place->offset, delta);
      return moved;
    }
  }
  return std::nullopt;
}

Result<SampleProperty> MakeSampleProperty(const std::string& network_bytes) {
  const Result<model::Network> network = model::ReadOnnx(storage::AsBytes(network_bytes), model::NetworkLimits{});
  if (!network.ok()) return network.error();
  if (network->input_size() > kInputsMax) {
    return LimitReached("sample.too-large", "the network has " + std::to_string(network->input_size()) + " inputs",
                        "write a property by hand");
  }
  const bool narrow = network->element_type() == model::ElementType::kFloat32;
  const std::vector<Range> ranges = SampleOutputs(*network);
  SampleProperty sample;
  sample.arithmetic = narrow ? "float32" : "real";
  double margin = 0.5;
  for (int attempt = 0; attempt < 8 && !ranges.empty(); ++attempt, margin *= 4) {
    sample.spec = SpecText(*network, ranges, margin);
    const Result<model::Property> property = model::ReadVnnlib(sample.spec, model::PropertyLimits{});
    if (!property.ok()) return property.error();
    prover::ProofRequest request;
    request.network = &*network;
    request.property = &*property;
    request.arithmetic = narrow ? checker::Arithmetic::kFloat32 : checker::Arithmetic::kReal;
    request.timeout_ms = 3'000;
    if (prover::Prove(request).status != prover::ProofStatus::kProven) continue;
    double reach = 1;
    for (const Range& range : ranges) reach = std::max(reach, std::fabs(range.low) + std::fabs(range.high));
    sample.mutant = MakeMutant(network_bytes, *network, *property, reach * (4 + 4 * margin));
    return sample;
  }
  return Error{ErrorCode::kUnknown, "sample.not-proven", "no bounds of the outputs on [-1, 1] were proven in time",
               "write a property by hand"};
}

}  // namespace pawl::authoring
