#include <algorithm>
#include <cmath>
#include <limits>

#include "model/onnx_graph.h"
#include "model/protobuf.h"

namespace pawl::model {
namespace {

constexpr int64_t kIrVersionMin = 3, kIrVersionMax = 10;
constexpr int64_t kOpsetMin = 7, kOpsetMax = 21;
constexpr size_t kMany = std::numeric_limits<size_t>::max();

}  // namespace

// Operands at least and at most, outputs at most (those beyond the first may be named but not used, but for Split).
const GraphBuilder::Rule GraphBuilder::kRules[] = {
    {"Add", 2, 2, 1, &GraphBuilder::AddElementwise},
    {"AveragePool", 1, 1, 1, &GraphBuilder::AddAveragePool},
    {"BatchNormalization", 5, 5, 5, &GraphBuilder::AddBatchNormalization},
    {"Cast", 1, 1, 1, &GraphBuilder::AddCast},
    {"Clip", 1, 3, 1, &GraphBuilder::AddClip},
    {"Concat", 1, kMany, 1, &GraphBuilder::AddConcat},
    {"Constant", 0, 0, 1, &GraphBuilder::AddConstantNode},
    {"ConstantOfShape", 1, 1, 1, &GraphBuilder::AddConstantOfShape},
    {"Conv", 2, 3, 1, &GraphBuilder::AddConvolution},
    {"Div", 2, 2, 1, &GraphBuilder::AddElementwise},
    {"Dropout", 1, 2, 2, &GraphBuilder::AddDropout},
    {"Expand", 2, 2, 1, &GraphBuilder::AddExpand},
    {"Flatten", 1, 1, 1, &GraphBuilder::AddFlatten},
    {"Gather", 2, 2, 1, &GraphBuilder::AddGather},
    {"Gemm", 2, 3, 1, &GraphBuilder::AddGemm},
    {"GlobalAveragePool", 1, 1, 1, &GraphBuilder::AddGlobalAveragePool},
    {"Identity", 1, 1, 1, &GraphBuilder::AddIdentity},
    {"LeakyRelu", 1, 1, 1, &GraphBuilder::AddActivation},
    {"MatMul", 2, 2, 1, &GraphBuilder::AddMatMul},
    {"MaxPool", 1, 1, 1, &GraphBuilder::AddMaxPool},
    {"Mul", 2, 2, 1, &GraphBuilder::AddElementwise},
    {"Neg", 1, 1, 1, &GraphBuilder::AddNegation},
    {"Pad", 1, 4, 1, &GraphBuilder::AddPad},
    {"ReduceMean", 1, 2, 1, &GraphBuilder::AddReduction},
    {"ReduceSum", 1, 2, 1, &GraphBuilder::AddReduction},
    {"Relu", 1, 1, 1, &GraphBuilder::AddActivation},
    {"Reshape", 2, 2, 1, &GraphBuilder::AddReshape},
    {"Shape", 1, 1, 1, &GraphBuilder::AddShape},
    {"Sigmoid", 1, 1, 1, &GraphBuilder::AddActivation},
    {"Slice", 1, 5, 1, &GraphBuilder::AddSlice},
    {"Split", 1, 2, kMany, &GraphBuilder::AddSplit},
    {"Squeeze", 1, 2, 1, &GraphBuilder::AddSqueeze},
    {"Sub", 2, 2, 1, &GraphBuilder::AddElementwise},
    {"Tanh", 1, 1, 1, &GraphBuilder::AddActivation},
    {"Transpose", 1, 1, 1, &GraphBuilder::AddTranspose},
    {"Unsqueeze", 1, 2, 1, &GraphBuilder::AddUnsqueeze},
};

std::string ShapeText(const Shape& shape) {
  std::string text = "[";
  for (const uint64_t axis : shape) text += (text.size() > 1 ? "," : "") + std::to_string(axis);
  return text + "]";
}

std::string Quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

Result<Network> GraphBuilder::Build() {
  CheckVersions();
  for (const NodeMessage& node : model_.nodes) {
    for (const std::string_view name : node.inputs) ++uses_[name];
  }
  for (const ValueMessage& output : model_.outputs) ++uses_[output.name];
  for (const TensorMessage& tensor : model_.initializers) {
    if (std::optional<Operand> constant = ReadConstant(tensor.name, tensor)) Define(tensor.name, *std::move(constant));
  }
  AddInput();
  for (const NodeMessage& node : model_.nodes) AddNode(node);
  SetOutput();
  if (error_) return *error_;
  DropUnusedNodes();
  network_.operators.assign(operators_.begin(), operators_.end());
  return std::move(network_);
}

bool GraphBuilder::Fail(const char* rule, std::string message) {
  if (!error_) error_ = Malformed(rule, std::move(message));
  return false;
}

bool GraphBuilder::Fail(const NodeContext& context, const char* rule, const std::string& what) {
  return Fail(rule, context.message.Description() + " " + what);
}

bool GraphBuilder::FailLimit(const std::string& message) {
  if (!error_) error_ = LimitReached("onnx.limit", message);
  return false;
}

void GraphBuilder::CheckVersions() {
  if (model_.ir_version < kIrVersionMin || model_.ir_version > kIrVersionMax) {
    Fail("onnx.ir-version", "the file has IR version " + std::to_string(model_.ir_version) + "; 3 to 10 are supported");
  }
  if (opset_ < kOpsetMin || opset_ > kOpsetMax) {
    Fail("onnx.opset",
         "the file imports version " + std::to_string(opset_) + " of the default operator set; 7 to 21 are supported");
  }
}

// ---- sizes and names ----

uint64_t GraphBuilder::Count(const Shape& shape) {
  if (shape.size() > limits_.rank_max) FailLimit("a tensor has " + std::to_string(shape.size()) + " axes");
  uint64_t count = 1;
  for (const uint64_t axis : shape) {
    if (axis == 0) Fail("onnx.shape", "a tensor has an axis of no elements");
    if (axis > limits_.elements_max / count) FailLimit("a tensor of shape " + ShapeText(shape) + " is too large");
    if (error_) return 1;
    count *= axis;
  }
  return count;
}

bool GraphBuilder::Reserve(uint64_t count) {
  if (count > limits_.elements_max - elements_) return FailLimit("the graph has too many elements");
  elements_ += count;
  return !error_;
}

bool GraphBuilder::Define(std::string_view name, Operand operand) {
  if (!Reserve(Count(operand.shape))) return false;
  if (name.empty()) return Fail("onnx.name", "a value of the graph has no name");
  if (operands_.size() >= limits_.tensors_max) return FailLimit("the graph has too many tensors");
  if (operands_.try_emplace(std::string(name), std::move(operand)).second) return true;
  return Fail("onnx.duplicate-name", "two values of the graph are named " + Quoted(name));
}

size_t GraphBuilder::AddTensor(std::string_view name, Shape shape, std::vector<double> values,
                               std::string_view origin) {
  network_.tensors.push_back(
      {std::string(name), network_.type, std::move(shape), std::move(values), std::string(origin), Tensor::kNotStored});
  return network_.tensors.size() - 1;
}

// ---- constants, input, output ----

// An initialiser or the value of a Constant node.
std::optional<Operand> GraphBuilder::ReadConstant(std::string_view name, const TensorMessage& message) {
  Shape shape;
  if (message.dimensions.size() > limits_.rank_max) FailLimit("tensor " + Quoted(name) + " has too many axes");
  for (const int64_t axis : message.dimensions) {
    if (axis < 0) Fail("onnx.shape", "tensor " + Quoted(name) + " has a negative axis");
    if (error_) return std::nullopt;
    shape.push_back(static_cast<uint64_t>(axis));
  }
  const bool is_float32 = message.data_type == kOnnxFloat, is_float64 = message.data_type == kOnnxDouble;
  const bool is_int64 = message.data_type == kOnnxInt64;
  if (!is_float32 && !is_float64 && !is_int64) {
    Fail("onnx.element-type", "tensor " + Quoted(name) + " has element type " + std::to_string(message.data_type) +
                                  "; float32 (1), float64 (11) and, for shapes, int64 (7) are supported");
  }
  const size_t places =
      size_t{message.raw.has_value()} + !message.floats.empty() + !message.doubles.empty() + !message.integers.empty();
  if (places > 1 || (!message.floats.empty() && !is_float32) || (!message.doubles.empty() && !is_float64) ||
      (!message.integers.empty() && !is_int64)) {
    Fail("onnx.tensor-data", "tensor " + Quoted(name) + " has data in two places or of another type");
  }
  const uint64_t count = Count(shape), width = is_float32 ? 4 : 8;
  const size_t stated = message.raw ? message.raw->size() / width
                                    : message.floats.size() + message.doubles.size() + message.integers.size();
  if (stated != count || (message.raw && message.raw->size() % width != 0)) {
    Fail("onnx.tensor-data", "tensor " + Quoted(name) + " of shape " + ShapeText(shape) +
                                 " has another number of values than its shape says");
  }
  if (error_) return std::nullopt;
  if (is_int64) {
    std::vector<int64_t> integers = message.integers;
    for (size_t i = 0; message.raw && i < count; ++i) {
      integers.push_back(static_cast<int64_t>(LittleEndian(message.raw->subspan(8 * i, 8))));
    }
    return Operand{Operand::Kind::kIntegers, std::move(shape), 0, std::move(integers)};
  }
  std::optional<std::vector<double>> values = ReadFloats(name, message, count);
  if (!values) return std::nullopt;
  network_.parameter_count += count;
  const size_t index = AddTensor(name, shape, *std::move(values), name);
  network_.tensors[index].type = is_float32 ? ElementType::kFloat32 : ElementType::kFloat64;
  if (message.raw) network_.tensors[index].stored_at = static_cast<uint64_t>(message.raw->data() - file_.data());
  return Operand{Operand::Kind::kConstant, std::move(shape), index, {}};
}

std::optional<std::vector<double>> GraphBuilder::ReadFloats(std::string_view name, const TensorMessage& message,
                                                            uint64_t count) {
  const bool is_float32 = message.data_type == kOnnxFloat;
  std::vector<double> values = is_float32 ? message.floats : message.doubles;
  if (message.raw) {
    values.reserve(count);
    const Field packed{0, WireType::kBytes, 0, *message.raw};
    const Result<bool> read = is_float32 ? AppendFloats(packed, values) : AppendDoubles(packed, values);
    if (!read.ok()) Fail("onnx.tensor-data", read.error().message);
  }
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    Fail("onnx.non-finite", "tensor " + Quoted(name) + " contains an infinity or NaN");
  }
  if (error_) return std::nullopt;
  return values;
}

// The declared element type; fails where it is neither float32 nor float64.
ElementType GraphBuilder::FloatType(const ValueMessage& value) {
  if (value.element_type != kOnnxFloat && value.element_type != kOnnxDouble) {
    Fail("onnx.element-type", Quoted(value.name) + " is declared with element type " +
                                  std::to_string(value.element_type) + "; float32 (1) and float64 (11) are supported");
  }
  return value.element_type == kOnnxDouble ? ElementType::kFloat64 : ElementType::kFloat32;
}

// A declared shape's numbers must be the operand's axes; dynamic axes allow anything.
bool GraphBuilder::CheckDeclaration(const ValueMessage& value, ElementType type, const Shape& shape) {
  const auto allows = [](const DeclaredAxis& declared, uint64_t axis) {
    return !declared || (*declared >= 0 && static_cast<uint64_t>(*declared) == axis);
  };
  if (FloatType(value) == type &&
      (!value.shape || std::equal(value.shape->begin(), value.shape->end(), shape.begin(), shape.end(), allows))) {
    return !error_;
  }
  return Fail("onnx.shape", Quoted(value.name) + " is declared with another shape or type than it has, which is " +
                                std::string(ElementTypeName(type)) + ShapeText(shape));
}

bool GraphBuilder::AddInput() {
  const ValueMessage* input = nullptr;
  std::set<std::string_view> names;
  for (const ValueMessage& value : model_.inputs) {
    if (!names.insert(value.name).second) {
      return Fail("onnx.duplicate-name", "two inputs are named " + Quoted(value.name));
    }
    const auto found = operands_.find(value.name);
    if (found == operands_.end()) {
      if (input) return Fail("onnx.inputs", "the graph has two inputs, " + Quoted(value.name) + " is the second");
      input = &value;
    } else if (found->second.kind == Operand::Kind::kConstant) {  // an initialiser as input: IR 3
      CheckDeclaration(value, network_.tensors[found->second.index].type, found->second.shape);
    }
  }
  if (!input) return Fail("onnx.inputs", "the graph has no input");
  if (!input->shape) return Fail("onnx.shape", "input " + Quoted(input->name) + " has no shape");
  for (const DeclaredAxis& axis : *input->shape) {
    if (!axis && !network_.input_shape.empty()) {
      return Fail("onnx.dynamic-axis", "input " + Quoted(input->name) + " has a dynamic axis other than the first");
    }
    if (axis && *axis <= 0) return Fail("onnx.shape", "input " + Quoted(input->name) + " has an axis below 1");
    network_.input_shape.push_back(axis ? static_cast<uint64_t>(*axis) : 1);
  }
  network_.type = FloatType(*input);
  network_.graph.input_size = Count(network_.input_shape);
  return Define(input->name, {Operand::Kind::kActivation, network_.input_shape, 0, {}});
}

bool GraphBuilder::SetOutput() {
  if (model_.outputs.size() != 1) {
    return Fail("onnx.outputs", "the graph has " + std::to_string(model_.outputs.size()) + " outputs, not one");
  }
  const ValueMessage& value = model_.outputs.front();
  const auto found = operands_.find(value.name);
  if (found == operands_.end()) {
    return Fail("onnx.undefined-value", "nothing computes the output " + Quoted(value.name));
  }
  const Operand& operand = found->second;
  if (operand.kind != Operand::Kind::kActivation) {
    return Fail("onnx.constant-output", "the output " + Quoted(value.name) + " is a constant");
  }
  network_.graph.output = operand.index;
  network_.output_shape = operand.shape;
  return CheckDeclaration(value, network_.type, operand.shape);
}

// Nodes that do not lead to the output compute nothing that anybody sees.
void GraphBuilder::DropUnusedNodes() {
  VectorGraph& graph = network_.graph;
  std::vector<bool> used(graph.nodes.size() + 1, false);
  used[graph.output] = true;
  for (size_t v = graph.nodes.size(); v > 0; --v) {
    if (!used[v]) continue;
    for (const size_t input : graph.nodes[v - 1].inputs) used[input] = true;
  }
  std::vector<size_t> number(graph.nodes.size() + 1, 0);
  size_t kept = 0;
  for (size_t v = 1; v <= graph.nodes.size(); ++v) {
    if (!used[v]) continue;
    number[v] = kept + 1;
    VectorNode& node = graph.nodes[v - 1];
    for (size_t& input : node.inputs) input = number[input];
    if (kept != v - 1) graph.nodes[kept] = std::move(node);
    ++kept;
  }
  graph.nodes.resize(kept);
  graph.output = number[graph.output];
}

// ---- nodes ----

bool GraphBuilder::AddNode(const NodeMessage& message) {
  if (error_) return false;
  NodeContext context{message, {}, {}};
  if (!message.domain.empty() && message.domain != "ai.onnx") {
    return FailOperator(context, "is of the unsupported domain " + Quoted(message.domain));
  }
  const auto rule = std::find_if(std::begin(kRules), std::end(kRules),
                                 [&](const Rule& candidate) { return candidate.name == message.onnx_operator; });
  if (rule == std::end(kRules)) return FailOperator(context, "has an operator that is not supported");
  if (message.outputs.empty() || message.outputs.size() > rule->outputs_max) {
    return Fail(context, "onnx.outputs", "has " + std::to_string(message.outputs.size()) + " outputs");
  }
  std::set<std::string_view> names;
  for (const AttributeMessage& attribute : message.attributes) {
    if (names.insert(attribute.name).second) continue;
    return Fail(context, "onnx.duplicate-name", "has two attributes named " + Quoted(attribute.name));
  }
  operators_.insert(std::string(message.onnx_operator));
  size_t given = message.inputs.size();
  while (given > rule->operands_min && message.inputs[given - 1].empty()) --given;  // optional ones left out
  if (given < rule->operands_min || given > rule->operands_max) {
    return Fail(context, "onnx.input-count", "has " + std::to_string(given) + " inputs");
  }
  for (size_t i = 0; i < given; ++i) {
    if (i >= rule->operands_min && message.inputs[i].empty()) {
      context.operands.push_back(nullptr);
    } else if (!Resolve(context, message.inputs[i])) {
      return false;
    }
  }
  if (!(this->*rule->add)(context)) return false;
  for (const std::string_view name : names) {
    if (!context.asked.contains(name)) FailAttribute(context, "has an unsupported attribute " + Quoted(name));
  }
  return !error_;
}

bool GraphBuilder::Resolve(NodeContext& context, std::string_view name) {
  if (const auto found = operands_.find(name); found != operands_.end()) {
    const Operand& operand = found->second;
    context.operands.push_back(&operand);
    if (operand.kind != Operand::Kind::kConstant || network_.tensors[operand.index].type == network_.type) return true;
    return Fail(context, "onnx.element-type", "mixes float32 and float64");
  }
  for (const NodeMessage& other : model_.nodes) {
    if (std::find(other.outputs.begin(), other.outputs.end(), name) != other.outputs.end()) {
      return Fail(context, "onnx.node-order", "uses " + Quoted(name) + ", which is not computed before");
    }
  }
  return Fail(context, "onnx.undefined-value", "uses " + Quoted(name) + ", which nothing defines");
}

const Operand* GraphBuilder::ActivationAt(const NodeContext& context, size_t i) {
  switch (context.operands[i]->kind) {
    case Operand::Kind::kActivation:
      return context.operands[i];
    case Operand::Kind::kConstant:
      Fail(context, "onnx.constant-computation",
           "computes on constants alone, which would have to be rounded: fold it before exporting");
      return nullptr;
    case Operand::Kind::kIntegers:
      Fail(context, "onnx.element-type", "computes on int64 numbers");
      return nullptr;
  }
  return nullptr;
}

const Tensor* GraphBuilder::ConstantAt(const NodeContext& context, size_t i, uint64_t count) {
  const Operand& operand = *context.operands[i];
  if (operand.kind != Operand::Kind::kConstant) {
    FailOperator(context, "takes " + Quoted(context.message.inputs[i]) + ", which is no float constant");
  } else if (ElementCount(operand.shape) != count) {
    FailShape(context, "takes a constant of shape " + ShapeText(operand.shape) + " where " + std::to_string(count) +
                           " numbers are needed");
  } else {
    return &network_.tensors[operand.index];
  }
  return nullptr;
}

const std::vector<int64_t>* GraphBuilder::IntegersAt(const NodeContext& context, size_t i) {
  const Operand& operand = *context.operands[i];
  if (operand.kind == Operand::Kind::kIntegers && operand.shape.size() <= 1) return &operand.integers;
  Fail(context, "onnx.dynamic-shape",
       "takes " + Quoted(context.message.inputs[i]) + " as a list, which is no int64 constant of one axis");
  return nullptr;
}

const std::vector<int64_t>* GraphBuilder::ListAt(NodeContext& context, size_t i, std::string_view attribute,
                                                 int64_t since) {
  if (opset_ >= since) return Has(context, i) ? IntegersAt(context, i) : nullptr;
  if (Has(context, i)) Fail(context, "onnx.input-count", "has an input that its operator set version does not know");
  const AttributeMessage* found = Find(context, attribute, AttributeType::kInts);
  return found ? &found->integers : nullptr;
}

double GraphBuilder::NumberAt(NodeContext& context, size_t i, std::string_view attribute, int64_t since,
                              double absent) {
  if (opset_ < since) {
    if (Has(context, i)) Fail(context, "onnx.input-count", "has an input that its operator set version does not know");
    return FloatAttribute(context, attribute, absent);
  }
  const Tensor* tensor = Has(context, i) ? ConstantAt(context, i, 1) : nullptr;
  if (!tensor) return absent;
  // The graph depends on its value from here on.
  for (Tensor& other : network_.tensors)
    if (other.origin == tensor->origin) other.stored_at = Tensor::kNotStored;
  return tensor->values.front();
}

// ---- attributes ----

// The attribute, or null where it is absent or fails to be of the type.
const AttributeMessage* GraphBuilder::Find(NodeContext& context, std::string_view name, AttributeType type) {
  context.asked.insert(name);
  for (const AttributeMessage& attribute : context.message.attributes) {
    if (attribute.name != name) continue;
    if (attribute.type == type) return &attribute;
    Fail(context, "onnx.attribute", "has an attribute " + Quoted(name) + " of the wrong type");
  }
  return nullptr;
}

int64_t GraphBuilder::IntegerAttribute(NodeContext& context, std::string_view name, int64_t absent) {
  const AttributeMessage* found = Find(context, name, AttributeType::kInt);
  return found ? found->i : absent;
}

bool GraphBuilder::FlagAttribute(NodeContext& context, std::string_view name) {
  const int64_t value = IntegerAttribute(context, name, 0);
  if (value != 0 && value != 1) FailAttribute(context, "has " + Quoted(name) + " other than 0 or 1");
  return value == 1;
}

double GraphBuilder::FloatAttribute(NodeContext& context, std::string_view name, double absent) {
  const AttributeMessage* found = Find(context, name, AttributeType::kFloat);
  if (found && !std::isfinite(found->f)) {
    Fail(context, "onnx.non-finite", "has a " + Quoted(name) + " that is not finite");
  }
  return found ? found->f : absent;
}

std::string_view GraphBuilder::TextAttribute(NodeContext& context, std::string_view name, std::string_view absent) {
  const AttributeMessage* found = Find(context, name, AttributeType::kString);
  return found ? found->text : absent;
}

size_t GraphBuilder::ResolveAxis(const NodeContext& context, int64_t axis, size_t rank) {
  const auto count = static_cast<int64_t>(rank);
  if (axis >= -count && axis < count) return static_cast<size_t>(axis < 0 ? axis + count : axis);
  FailShape(context, "names axis " + std::to_string(axis) + " of " + std::to_string(rank));
  return rank;
}

std::optional<std::vector<size_t>> GraphBuilder::ResolveAxes(const NodeContext& context,
                                                             const std::vector<int64_t>& list, size_t rank) {
  std::vector<size_t> axes;
  for (const int64_t axis : list) {
    const size_t index = ResolveAxis(context, axis, rank);
    if (std::find(axes.begin(), axes.end(), index) != axes.end()) FailShape(context, "lists an axis twice");
    if (error_) return std::nullopt;
    axes.push_back(index);
  }
  return axes;
}

// ---- results ----

size_t GraphBuilder::Append(const NodeContext& context, Function function, std::vector<size_t> inputs, uint64_t size) {
  network_.graph.nodes.push_back({std::move(function), std::move(inputs), size, context.message.Description()});
  return network_.graph.nodes.size();
}

bool GraphBuilder::Emit(const NodeContext& context, Function function, std::vector<size_t> inputs, Shape shape) {
  const uint64_t size = Count(shape);
  const size_t value = Append(context, std::move(function), std::move(inputs), size);
  return Define(context.message.outputs.front(), {Operand::Kind::kActivation, std::move(shape), value, {}});
}

Result<Network> ReadOnnx(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  if (bytes.size() > limits.bytes_max) {
    return LimitReached("onnx.limit", "the file has " + std::to_string(bytes.size()) + " bytes");
  }
  Result<ModelMessage> model = DecodeModel(bytes, limits);
  if (!model.ok()) return model.error();
  return GraphBuilder(*model, bytes, limits).Build();
}

}  // namespace pawl::model
