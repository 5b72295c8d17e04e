// Builds a Network from decoded ONNX messages: names become indices, shapes are inferred and checked, constants are
// relabelled, and whatever is not exactly understood is refused by name.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "model/network.h"
#include "model/onnx_message.h"
#include "model/protobuf.h"

namespace pawl::model {
namespace {

constexpr int64_t kIrVersionMin = 3, kIrVersionMax = 10;
constexpr int64_t kOpsetMin = 7, kOpsetMax = 21;

std::string ShapeText(const Shape& shape) {
  std::string text = "[";
  for (const uint64_t axis : shape) text += (text.size() > 1 ? "," : "") + std::to_string(axis);
  return text + "]";
}

std::string Quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

// The first failure sticks: later steps see it and do nothing more, and Build returns it.
class GraphBuilder {
 public:
  GraphBuilder(const ModelMessage& model, const NetworkLimits& limits)
      : model_(model), opset_(model.default_opset.value_or(0)), limits_(limits) {}

  Result<Network> Build() {
    CheckVersions();
    for (const TensorMessage& tensor : model_.initializers) AddConstant(tensor.name, tensor);
    AddInput();
    for (const NodeMessage& node : model_.nodes) AddNode(node);
    SetOutput();
    if (error_) return *error_;
    network_.operators.assign(operators_.begin(), operators_.end());
    return std::move(network_);
  }

 private:
  // Both return false, so that a step can end with them.
  bool Fail(const char* rule, std::string message) {
    if (!error_) error_ = Malformed(rule, std::move(message));
    return false;
  }
  bool FailLimit(std::string message) {
    if (!error_) error_ = LimitReached("onnx.limit", std::move(message));
    return false;
  }

  void CheckVersions() {
    if (model_.ir_version < kIrVersionMin || model_.ir_version > kIrVersionMax) {
      Fail("onnx.ir-version",
           "the file has IR version " + std::to_string(model_.ir_version) + "; 3 to 10 are supported");
    }
    if (opset_ < kOpsetMin || opset_ > kOpsetMax) {
      Fail("onnx.opset", "the file imports version " + std::to_string(opset_) +
                             " of the default operator set; 7 to 21 are supported");
    }
  }

  // ---- tensors ----

  // The product of the axes; fails and returns 1 where it is 0 or above the limit.
  uint64_t Count(const Shape& shape) {
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

  // Reserves a name among all values of the graph.
  bool CheckNewName(std::string_view name) {
    if (name.empty()) return Fail("onnx.name", "a value of the graph has no name");
    if (index_.contains(name) || integers_.contains(name)) {
      return Fail("onnx.duplicate-name", "two values of the graph are named " + Quoted(name));
    }
    if (index_.size() + integers_.size() >= limits_.tensors_max) return FailLimit("the graph has too many tensors");
    return !error_;
  }

  // Sets `index` to the new tensor's.
  bool AddTensor(Tensor tensor, size_t& index) {
    elements_ += Count(tensor.shape);
    if (elements_ > limits_.elements_max) FailLimit("the graph has too many elements, at " + Quoted(tensor.name));
    if (!CheckNewName(tensor.name)) return false;
    index = network_.tensors.size();
    index_.emplace(tensor.name, index);
    network_.tensors.push_back(std::move(tensor));
    return true;
  }

  // An initialiser or the value of a Constant node.
  bool AddConstant(std::string_view name, const TensorMessage& message) {
    Shape shape;
    if (message.dimensions.size() > limits_.rank_max) return FailLimit("tensor " + Quoted(name) + " has too many axes");
    for (const int64_t axis : message.dimensions) {
      if (axis < 0) return Fail("onnx.shape", "tensor " + Quoted(name) + " has a negative axis");
      shape.push_back(static_cast<uint64_t>(axis));
    }
    const bool is_float32 = message.data_type == kOnnxFloat, is_float64 = message.data_type == kOnnxDouble;
    const bool is_int64 = message.data_type == kOnnxInt64;
    if (!is_float32 && !is_float64 && !is_int64) {
      return Fail("onnx.element-type", "tensor " + Quoted(name) + " has element type " +
                                           std::to_string(message.data_type) +
                                           "; float32 (1), float64 (11) and, for shapes, int64 (7) are supported");
    }
    const size_t places = size_t{message.raw.has_value()} + !message.floats.empty() + !message.doubles.empty() +
                          !message.integers.empty();
    if (places > 1 || (!message.floats.empty() && !is_float32) || (!message.doubles.empty() && !is_float64) ||
        (!message.integers.empty() && !is_int64)) {
      return Fail("onnx.tensor-data", "tensor " + Quoted(name) + " has data in two places or of another type");
    }
    const uint64_t count = Count(shape);
    if (error_) return false;
    return is_int64 ? AddIntegers(name, message, std::move(shape), count)
                    : AddFloats(name, message, std::move(shape), count);
  }

  bool FailDataSize(std::string_view name, const Shape& shape) {
    return Fail("onnx.tensor-data", "tensor " + Quoted(name) + " of shape " + ShapeText(shape) +
                                        " has another number of values than its shape says");
  }

  bool AddFloats(std::string_view name, const TensorMessage& message, Shape shape, uint64_t count) {
    const bool is_float32 = message.data_type == kOnnxFloat;
    std::vector<double> values = is_float32 ? message.floats : message.doubles;
    if (message.raw) {
      if (message.raw->size() != count * (is_float32 ? 4 : 8)) return FailDataSize(name, shape);
      const Field packed{0, WireType::kBytes, 0, *message.raw};
      if (Result<bool> read = is_float32 ? AppendFloats(packed, values) : AppendDoubles(packed, values); !read.ok()) {
        return Fail("onnx.tensor-data", read.error().message);
      }
    }
    if (values.size() != count) return FailDataSize(name, shape);
    if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
      return Fail("onnx.non-finite", "tensor " + Quoted(name) + " contains an infinity or NaN");
    }
    network_.parameter_count += count;
    size_t index = 0;
    return AddTensor({std::string(name), is_float32 ? ElementType::kFloat32 : ElementType::kFloat64, std::move(shape),
                      true, std::move(values), std::string(name)},
                     index);
  }

  // An int64 tensor means axes or a shape: a list of at most as many numbers as a tensor may have axes.
  bool AddIntegers(std::string_view name, const TensorMessage& message, const Shape& shape, uint64_t count) {
    if (count > limits_.rank_max) return FailLimit("int64 tensor " + Quoted(name) + " is larger than any shape");
    std::vector<int64_t> values = message.integers;
    if (message.raw) {
      if (message.raw->size() != 8 * count) return FailDataSize(name, shape);
      for (size_t i = 0; i < count; ++i) {
        values.push_back(static_cast<int64_t>(LittleEndian(message.raw->subspan(8 * i, 8))));
      }
    }
    if (values.size() != count) return FailDataSize(name, shape);
    if (!CheckNewName(name)) return false;
    integers_.emplace(std::string(name), std::move(values));
    return true;
  }

  // The declared element type; fails where it is neither float32 nor float64.
  ElementType FloatType(const ValueMessage& value) {
    if (value.element_type != kOnnxFloat && value.element_type != kOnnxDouble) {
      Fail("onnx.element-type", Quoted(value.name) + " is declared with element type " +
                                    std::to_string(value.element_type) +
                                    "; float32 (1) and float64 (11) are supported");
    }
    return value.element_type == kOnnxDouble ? ElementType::kFloat64 : ElementType::kFloat32;
  }

  // A declared shape's numbers must be the tensor's axes; dynamic axes allow anything.
  bool CheckDeclaration(const ValueMessage& value, const Tensor& tensor) {
    const auto allows = [](const DeclaredAxis& declared, uint64_t axis) {
      return !declared || (*declared >= 0 && static_cast<uint64_t>(*declared) == axis);
    };
    if (FloatType(value) == tensor.type &&
        (!value.shape ||
         std::equal(value.shape->begin(), value.shape->end(), tensor.shape.begin(), tensor.shape.end(), allows))) {
      return !error_;
    }
    return Fail("onnx.shape", Quoted(value.name) + " is declared with another shape or type than it has, which is " +
                                  std::string(ElementTypeName(tensor.type)) + ShapeText(tensor.shape));
  }

  bool AddInput() {
    const ValueMessage* input = nullptr;
    std::set<std::string_view> names;
    for (const ValueMessage& value : model_.inputs) {
      if (!names.insert(value.name).second) {
        return Fail("onnx.duplicate-name", "two inputs are named " + Quoted(value.name));
      }
      if (const auto found = index_.find(value.name); found != index_.end()) {  // an initialiser as input: IR 3
        CheckDeclaration(value, network_.tensors[found->second]);
      } else if (!integers_.contains(value.name)) {
        if (input) return Fail("onnx.inputs", "the graph has two inputs, " + Quoted(value.name) + " is the second");
        input = &value;
      }
    }
    if (!input) return Fail("onnx.inputs", "the graph has no input");
    if (!input->shape) return Fail("onnx.shape", "input " + Quoted(input->name) + " has no shape");
    Shape shape;
    for (const DeclaredAxis& axis : *input->shape) {
      if (!axis && !shape.empty()) {
        return Fail("onnx.dynamic-axis", "input " + Quoted(input->name) + " has a dynamic axis other than the first");
      }
      if (axis && *axis <= 0) return Fail("onnx.shape", "input " + Quoted(input->name) + " has an axis below 1");
      shape.push_back(axis ? static_cast<uint64_t>(*axis) : 1);
    }
    const std::string name(input->name);
    return AddTensor({name, FloatType(*input), std::move(shape), false, {}, name}, network_.input);
  }

  bool SetOutput() {
    if (model_.outputs.size() != 1) {
      return Fail("onnx.outputs", "the graph has " + std::to_string(model_.outputs.size()) + " outputs, not one");
    }
    const ValueMessage& value = model_.outputs.front();
    const auto found = index_.find(value.name);
    if (found == index_.end()) return Fail("onnx.undefined-value", "nothing computes the output " + Quoted(value.name));
    const Tensor& tensor = network_.tensors[found->second];
    if (tensor.is_constant) return Fail("onnx.constant-output", "the output " + Quoted(value.name) + " is a constant");
    network_.output = found->second;
    return CheckDeclaration(value, tensor);
  }

  // ---- nodes ----

  // What an operator's rule gets: the node, its inputs as tensors, and its attributes, all of which it must ask for.
  struct Context {
    const NodeMessage& message;
    std::vector<size_t> inputs;
    std::set<std::string_view> asked;
  };

  bool Fail(const Context& context, const char* rule, const std::string& what) {
    return Fail(rule, context.message.Description() + " " + what);
  }

  const Tensor& Input(const Context& context, size_t i) const { return network_.tensors[context.inputs[i]]; }

  // The attribute, or null where it is absent or fails to be of the type.
  const AttributeMessage* Find(Context& context, std::string_view name, AttributeType type) {
    context.asked.insert(name);
    for (const AttributeMessage& attribute : context.message.attributes) {
      if (attribute.name != name) continue;
      if (attribute.type == type) return &attribute;
      Fail(context, "onnx.attribute", "has an attribute " + Quoted(name) + " of the wrong type");
    }
    return nullptr;
  }

  int64_t IntegerAttribute(Context& context, std::string_view name, int64_t absent) {
    const AttributeMessage* found = Find(context, name, AttributeType::kInt);
    return found ? found->i : absent;
  }

  bool FlagAttribute(Context& context, std::string_view name) {
    const int64_t value = IntegerAttribute(context, name, 0);
    if (value != 0 && value != 1)
      Fail(context, "onnx.unsupported-attribute", "has " + Quoted(name) + " other than 0 or 1");
    return value == 1;
  }

  double FactorAttribute(Context& context, std::string_view name) {
    const AttributeMessage* found = Find(context, name, AttributeType::kFloat);
    const double value = found ? found->f : 1.0;
    if (!std::isfinite(value)) Fail(context, "onnx.non-finite", "has a " + Quoted(name) + " that is not finite");
    return value;
  }

  bool AddNode(const NodeMessage& message) {
    if (error_) return false;
    Context context{message, {}, {}};
    if (!message.domain.empty() && message.domain != "ai.onnx") {
      return Fail(context, "onnx.unsupported-operator", "is of the unsupported domain " + Quoted(message.domain));
    }
    if (message.outputs.size() != 1) return Fail(context, "onnx.outputs", "does not have exactly one output");
    std::set<std::string_view> names;
    for (const AttributeMessage& attribute : message.attributes) {
      if (names.insert(attribute.name).second) continue;
      return Fail(context, "onnx.duplicate-name", "has two attributes named " + Quoted(attribute.name));
    }
    operators_.insert(std::string(message.onnx_operator));
    if (!Dispatch(context)) return false;
    for (const std::string_view name : names) {
      if (!context.asked.contains(name)) {
        Fail(context, "onnx.unsupported-attribute", "has an unsupported attribute " + Quoted(name));
      }
    }
    return !error_;
  }

  bool Dispatch(Context& context) {
    struct Rule {
      std::string_view name;
      size_t inputs_min, inputs_max;  // float inputs
      bool may_have_axes;             // a further, int64 input
      bool (GraphBuilder::*add)(Context&);
    };
    static constexpr Rule kRules[] = {{"Add", 2, 2, false, &GraphBuilder::AddElementwise},
                                      {"Constant", 0, 0, false, &GraphBuilder::AddConstantNode},
                                      {"Flatten", 1, 1, false, &GraphBuilder::AddFlatten},
                                      {"Gemm", 2, 3, false, &GraphBuilder::AddGemm},
                                      {"Identity", 1, 1, false, &GraphBuilder::AddIdentity},
                                      {"MatMul", 2, 2, false, &GraphBuilder::AddMatMul},
                                      {"Mul", 2, 2, false, &GraphBuilder::AddElementwise},
                                      {"Relu", 1, 1, false, &GraphBuilder::AddRelu},
                                      {"Reshape", 1, 1, true, &GraphBuilder::AddReshape},
                                      {"Squeeze", 1, 1, true, &GraphBuilder::AddSqueeze},
                                      {"Sub", 2, 2, false, &GraphBuilder::AddElementwise},
                                      {"Transpose", 1, 1, false, &GraphBuilder::AddTranspose},
                                      {"Unsqueeze", 1, 1, true, &GraphBuilder::AddUnsqueeze}};
    const std::vector<std::string_view>& names = context.message.inputs;
    const auto rule = std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& candidate) {
      return candidate.name == context.message.onnx_operator;
    });
    if (rule == std::end(kRules)) {
      return Fail(context, "onnx.unsupported-operator", "has an operator that is not supported");
    }
    size_t given = names.size();
    while (given > rule->inputs_min && names[given - 1].empty()) --given;  // optional inputs left out
    if (given < rule->inputs_min || given > rule->inputs_max + (rule->may_have_axes ? 1 : 0)) {
      return Fail(context, "onnx.input-count", "has " + std::to_string(given) + " inputs");
    }
    for (size_t i = 0; i < std::min(given, rule->inputs_max); ++i) {
      if (!ResolveInput(context, names[i])) return false;
    }
    return (this->*rule->add)(context);
  }

  bool ResolveInput(Context& context, std::string_view name) {
    const auto found = index_.find(name);
    if (found != index_.end()) {
      context.inputs.push_back(found->second);
      if (Input(context, 0).type == network_.tensors[found->second].type) return true;
      return Fail(context, "onnx.element-type", "mixes float32 and float64");
    }
    if (integers_.contains(name)) return Fail(context, "onnx.element-type", "computes on int64 tensor " + Quoted(name));
    for (const NodeMessage& other : model_.nodes) {
      if (std::find(other.outputs.begin(), other.outputs.end(), name) != other.outputs.end()) {
        return Fail(context, "onnx.node-order", "uses " + Quoted(name) + ", which is computed later or from itself");
      }
    }
    return Fail(context, "onnx.undefined-value", "uses " + Quoted(name) + ", which nothing defines");
  }

  // Ends a rule: a node that computes a new activation of the given shape.
  bool Emit(const Context& context, NodeKind kind, Shape shape, GemmAttributes gemm = {}) {
    const std::string output(context.message.outputs.front());
    size_t index = 0;
    if (!AddTensor({output, Input(context, 0).type, std::move(shape), false, {}, output}, index)) return false;
    const std::string name = context.message.name.empty() ? output : std::string(context.message.name);
    network_.nodes.push_back({kind, name, std::string(context.message.onnx_operator), context.inputs, index, gemm});
    return true;
  }

  // Ends a rule: the same flat values in another shape, as a constant again or as a kRelabel node.
  bool Relabel(const Context& context, Shape shape) {
    if (!Input(context, 0).is_constant) return Emit(context, NodeKind::kRelabel, std::move(shape));
    return AddDerivedConstant(context, std::move(shape), Input(context, 0).values);
  }

  bool AddDerivedConstant(const Context& context, Shape shape, std::vector<double> values) {
    const Tensor& input = Input(context, 0);
    size_t index = 0;
    return AddTensor({std::string(context.message.outputs.front()), input.type, std::move(shape), true,
                      std::move(values), input.origin},
                     index);
  }

  // Of two inputs, which one is the constant (0 or 1); nothing where both are activations, failure where both are not.
  std::optional<size_t> ConstantSide(const Context& context) {
    const bool first = Input(context, 0).is_constant, second = Input(context, 1).is_constant;
    if (first && second) {
      Fail(context, "onnx.constant-computation",
           "computes on constants alone, which would have to be rounded: fold it before exporting");
    }
    if (!first && !second) return std::nullopt;
    return first ? 0 : 1;
  }

  bool AddRelu(Context& context) {
    if (Input(context, 0).is_constant) return Fail(context, "onnx.constant-computation", "computes on a constant");
    return Emit(context, NodeKind::kRelu, Input(context, 0).shape);
  }

  bool AddElementwise(Context& context) {
    const std::optional<size_t> side = ConstantSide(context);
    const std::string_view name = context.message.onnx_operator;
    const NodeKind kind = name == "Add" ? NodeKind::kAdd : name == "Sub" ? NodeKind::kSub : NodeKind::kMul;
    const Shape a = Input(context, 0).shape, b = Input(context, 1).shape;
    const std::string shapes = ShapeText(a) + " and " + ShapeText(b);
    if (!side) {
      if (kind == NodeKind::kMul) return Fail(context, "onnx.unsupported-operator", "multiplies two activations");
      if (a != b) return Fail(context, "onnx.shape", "combines activations of shapes " + shapes);
      return Emit(context, kind, a);
    }
    Shape shape(std::max(a.size(), b.size()), 1);
    for (size_t i = 1; i <= shape.size(); ++i) {
      const uint64_t axis_a = i <= a.size() ? a[a.size() - i] : 1, axis_b = i <= b.size() ? b[b.size() - i] : 1;
      if (axis_a != axis_b && axis_a != 1 && axis_b != 1) return Fail(context, "onnx.shape", "combines " + shapes);
      shape[shape.size() - i] = std::max(axis_a, axis_b);
    }
    if (Count(shape) != ElementCount(*side == 0 ? b : a)) {
      return Fail(context, "onnx.shape", "broadcasts an activation to more elements: " + shapes);
    }
    return Emit(context, kind, std::move(shape));
  }

  bool AddMatMul(Context& context) {
    const std::optional<size_t> side = ConstantSide(context);
    if (!side) return Fail(context, "onnx.unsupported-operator", "multiplies two activations");
    const bool constant_left = *side == 0;
    const Shape& matrix = Input(context, *side).shape;
    Shape shape = Input(context, 1 - *side).shape;
    const std::string shapes = ShapeText(Input(context, 0).shape) + " by " + ShapeText(Input(context, 1).shape);
    if (matrix.size() != 2 || shape.empty()) {
      return Fail(context, "onnx.shape", "multiplies " + shapes + "; the constant must have two axes");
    }
    // The axis that is summed over; it must hold all elements, so that the product is a matrix times one vector.
    const size_t axis = constant_left && shape.size() > 1 ? shape.size() - 2 : shape.size() - 1;
    if (shape[axis] != ElementCount(shape) || shape[axis] != matrix[constant_left ? 1 : 0]) {
      return Fail(context, "onnx.shape", "multiplies " + shapes + "; the activation must be a single matching vector");
    }
    shape[axis] = matrix[constant_left ? 0 : 1];
    return Emit(context, NodeKind::kMatMul, std::move(shape));
  }

  bool AddGemm(Context& context) {
    const GemmAttributes gemm = {FactorAttribute(context, "alpha"), FactorAttribute(context, "beta"),
                                 FlagAttribute(context, "transA"), FlagAttribute(context, "transB")};
    const std::optional<size_t> side = ConstantSide(context);
    if (!side) return Fail(context, "onnx.unsupported-operator", "multiplies two activations");
    Shape a = Input(context, 0).shape, b = Input(context, 1).shape;
    const std::string shapes = ShapeText(a) + " by " + ShapeText(b);
    if (a.size() != 2 || b.size() != 2) return Fail(context, "onnx.shape", "multiplies " + shapes + ", not matrices");
    if (gemm.transpose_a) std::swap(a[0], a[1]);
    if (gemm.transpose_b) std::swap(b[0], b[1]);
    if (a[1] != b[0] || (*side == 0 ? b[1] : a[0]) != 1) {
      return Fail(context, "onnx.shape", "multiplies " + shapes + "; the activation must be a single matching vector");
    }
    const Shape shape = {a[0], b[1]};
    if (context.inputs.size() == 3) {
      const Tensor& c = Input(context, 2);
      if (!c.is_constant) return Fail(context, "onnx.unsupported-operator", "adds an activation");
      bool fits = c.shape.size() <= 2;
      for (size_t i = 1; fits && i <= c.shape.size(); ++i) {
        const uint64_t axis = c.shape[c.shape.size() - i];
        fits = axis == 1 || axis == shape[2 - i];
      }
      if (!fits) return Fail(context, "onnx.shape", "adds " + ShapeText(c.shape) + " to " + ShapeText(shape));
    }
    return Emit(context, NodeKind::kGemm, shape, gemm);
  }

  bool AddIdentity(Context& context) { return Relabel(context, Input(context, 0).shape); }

  bool AddFlatten(Context& context) {
    const Shape& shape = Input(context, 0).shape;
    const auto rank = static_cast<int64_t>(shape.size());
    const int64_t axis = IntegerAttribute(context, "axis", 1);
    if (axis < -rank || axis > rank) {
      return Fail(context, "onnx.shape", "has an 'axis' that " + ShapeText(shape) + " does not have");
    }
    const uint64_t rows = ElementCount(Shape(shape.begin(), shape.begin() + (axis < 0 ? axis + rank : axis)));
    return Relabel(context, {rows, ElementCount(shape) / rows});
  }

  // The int64 list that an operator takes as its second input or, before `input_since`, as an attribute. Nothing where
  // it is left out.
  std::optional<std::vector<int64_t>> List(Context& context, std::string_view attribute, int64_t input_since) {
    const auto& inputs = context.message.inputs;
    const bool as_input = inputs.size() > 1 && !inputs[1].empty();
    if (opset_ < input_since) {
      if (as_input) Fail(context, "onnx.input-count", "has an input that its operator set version does not know");
      const AttributeMessage* found = Find(context, attribute, AttributeType::kInts);
      return found ? std::optional(found->integers) : std::nullopt;
    }
    if (!as_input) return std::nullopt;
    if (const auto found = integers_.find(inputs[1]); found != integers_.end()) return found->second;
    Fail(context, "onnx.dynamic-shape", "takes " + Quoted(inputs[1]) + " as a shape, which is no int64 constant");
    return std::nullopt;
  }

  bool AddReshape(Context& context) {
    const Shape& from = Input(context, 0).shape;
    const bool zero_is_zero = opset_ >= 14 && FlagAttribute(context, "allowzero");
    const auto list = List(context, "", 0);
    if (!list) return Fail(context, "onnx.input-count", "has no shape");
    Shape to;
    std::optional<size_t> inferred;
    for (const int64_t axis : *list) {
      const size_t i = to.size();
      if (axis == -1 && !inferred) {
        inferred = i;
        to.push_back(1);
      } else if (axis == 0 && !zero_is_zero && i < from.size()) {
        to.push_back(from[i]);
      } else if (axis > 0) {
        to.push_back(static_cast<uint64_t>(axis));
      } else {
        return Fail(context, "onnx.shape", "has a shape with the impossible axis " + std::to_string(axis));
      }
    }
    const uint64_t elements = ElementCount(from), count = Count(to);
    if (inferred && elements % count == 0) to[*inferred] = elements / count;
    if (!error_ && ElementCount(to) == elements) return Relabel(context, std::move(to));
    return Fail(context, "onnx.shape", "reshapes " + ShapeText(from) + " to another number of elements");
  }

  // Listed axes, each counted from the end where negative, as indices below `count`; each at most once.
  bool ResolveAxes(Context& context, const std::vector<int64_t>& list, size_t count, std::vector<size_t>& axes) {
    const auto rank = static_cast<int64_t>(count);
    for (const int64_t axis : list) {
      const auto index = static_cast<size_t>(axis < 0 ? axis + rank : axis);
      if (axis < -rank || axis >= rank || Contains(axes, index)) {
        return Fail(context, "onnx.shape", "lists an axis that does not exist or stands twice");
      }
      axes.push_back(index);
    }
    return true;
  }
  static bool Contains(const std::vector<size_t>& axes, size_t axis) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  }

  bool AddSqueeze(Context& context) {
    const Shape& from = Input(context, 0).shape;
    const auto list = List(context, "axes", 13);
    std::vector<size_t> axes;
    if (list && !ResolveAxes(context, *list, from.size(), axes)) return false;
    Shape to;
    for (size_t i = 0; i < from.size(); ++i) {
      const bool drop = list ? Contains(axes, i) : from[i] == 1;
      if (drop && from[i] != 1)
        return Fail(context, "onnx.shape", "squeezes an axis of " + ShapeText(from) + " that is not 1");
      if (!drop) to.push_back(from[i]);
    }
    return Relabel(context, std::move(to));
  }

  bool AddUnsqueeze(Context& context) {
    const Shape& from = Input(context, 0).shape;
    const auto list = List(context, "axes", 13);
    if (!list) return Fail(context, "onnx.input-count", "has no axes");
    if (list->size() > limits_.rank_max) return FailLimit("a tensor has too many axes");
    const size_t rank = from.size() + list->size();
    std::vector<size_t> axes;
    if (!ResolveAxes(context, *list, rank, axes)) return false;
    Shape to;
    for (size_t i = 0, taken = 0; i < rank; ++i) to.push_back(Contains(axes, i) ? 1 : from[taken++]);
    return Relabel(context, std::move(to));
  }

  bool AddTranspose(Context& context) {
    const Shape& from = Input(context, 0).shape;
    const AttributeMessage* order = Find(context, "perm", AttributeType::kInts);
    std::vector<size_t> axes;  // the source axis of each new axis
    for (size_t i = from.size(); !order && i > 0; --i) axes.push_back(i - 1);
    if (order && !ResolveAxes(context, order->integers, from.size(), axes)) return false;
    if (axes.size() != from.size()) return Fail(context, "onnx.shape", "has a 'perm' that is no order of all axes");
    Shape to;
    bool moves_elements = false;  // whether axes longer than 1 change their order
    size_t last = 0;
    for (const size_t axis : axes) {
      to.push_back(from[axis]);
      if (from[axis] == 1) continue;
      moves_elements = moves_elements || axis < last;
      last = axis;
    }
    if (!moves_elements) return Relabel(context, std::move(to));
    if (Input(context, 0).is_constant) return AddDerivedConstant(context, to, Transposed(Input(context, 0), axes, to));
    return Fail(context, "onnx.unsupported-operator", "reorders the elements of an activation");
  }

  static std::vector<double> Transposed(const Tensor& input, const std::vector<size_t>& axes, const Shape& to) {
    std::vector<uint64_t> stride(input.shape.size(), 1);
    for (size_t i = stride.size(); i > 1; --i) stride[i - 2] = stride[i - 1] * input.shape[i - 1];
    std::vector<uint64_t> step;
    for (const size_t axis : axes) step.push_back(stride[axis]);
    return Strided(input.values, to, step);
  }

  bool AddConstantNode(Context& context) {
    const AttributeMessage* value = Find(context, "value", AttributeType::kTensor);
    if (value) return AddConstant(context.message.outputs.front(), value->tensor);
    return Fail(context, "onnx.unsupported-attribute", "has no attribute 'value'");
  }

  const ModelMessage& model_;
  const int64_t opset_;
  const NetworkLimits& limits_;
  std::optional<Error> error_;
  Network network_;
  std::map<std::string, size_t, std::less<>> index_;                   // name -> tensor
  std::map<std::string, std::vector<int64_t>, std::less<>> integers_;  // name -> int64 constant
  std::set<std::string> operators_;
  uint64_t elements_ = 0;
};

}  // namespace

Result<Network> ReadOnnx(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  if (bytes.size() > limits.bytes_max) {
    return LimitReached("onnx.limit", "the file has " + std::to_string(bytes.size()) + " bytes");
  }
  Result<ModelMessage> model = DecodeModel(bytes, limits);
  if (!model.ok()) return model.error();
  return GraphBuilder(*model, limits).Build();
}

}  // namespace pawl::model
