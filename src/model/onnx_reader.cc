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

// An int64 tensor: axes and shapes, never data.
struct Integers {
  Shape shape;
  std::vector<int64_t> values;
};

class GraphBuilder {
 public:
  GraphBuilder(const ModelMessage& model, const NetworkLimits& limits)
      : model_(model), opset_(model.default_opset.value_or(0)), limits_(limits) {}

  Result<Network> Build() {
    if (auto done = CheckVersions(); !done.ok()) return done.error();
    for (const TensorMessage& tensor : model_.initializers) {
      if (auto done = AddConstant(tensor.name, tensor); !done.ok()) return done.error();
    }
    if (auto done = AddInput(); !done.ok()) return done.error();
    for (const NodeMessage& node : model_.nodes) {
      if (auto done = AddNode(node); !done.ok()) return done.error();
    }
    if (auto done = SetOutput(); !done.ok()) return done.error();
    network_.operators.assign(operators_.begin(), operators_.end());
    return std::move(network_);
  }

 private:
  using Done = Result<void>;

  Done CheckVersions() const {
    if (model_.ir_version < kIrVersionMin || model_.ir_version > kIrVersionMax) {
      return Malformed("onnx.ir-version",
                       "the file has IR version " + std::to_string(model_.ir_version) + "; 3 to 10 are supported");
    }
    if (opset_ < kOpsetMin || opset_ > kOpsetMax) {
      return Malformed("onnx.opset",
                       "the file imports version " + std::to_string(opset_) + " of the default operator set",
                       "export it with a version from 7 to 21");
    }
    return {};
  }

  // ---- tensors ----

  // The product of the axes; an error where it is 0 or the network's elements together pass the limit.
  Result<uint64_t> Count(const Shape& shape) const {
    if (shape.size() > limits_.rank_max)
      return LimitReached("onnx.limit", "a tensor has " + std::to_string(shape.size()) + " axes");
    uint64_t count = 1;
    for (const uint64_t axis : shape) {
      if (axis == 0) return Malformed("onnx.shape", "a tensor has an axis of no elements");
      if (axis > limits_.elements_max / count) {
        return LimitReached("onnx.limit", "a tensor of shape " + ShapeText(shape) + " has too many elements");
      }
      count *= axis;
    }
    return count;
  }

  Result<size_t> AddTensor(Tensor tensor) {
    if (tensor.name.empty()) return Malformed("onnx.name", "a value of the graph has no name");
    if (index_.contains(tensor.name) || integers_.contains(tensor.name)) {
      return Malformed("onnx.duplicate-name", "two values of the graph are named " + Quoted(tensor.name));
    }
    Result<uint64_t> count = Count(tensor.shape);
    if (!count.ok()) return count.error();
    elements_ += *count;
    if (elements_ > limits_.elements_max || network_.tensors.size() >= limits_.tensors_max) {
      return LimitReached("onnx.limit", "the graph has too many tensors or elements, at " + Quoted(tensor.name));
    }
    const size_t index = network_.tensors.size();
    index_.emplace(tensor.name, index);
    network_.tensors.push_back(std::move(tensor));
    return index;
  }

  // An initialiser or the value of a Constant node.
  Done AddConstant(std::string_view name, const TensorMessage& message) {
    Shape shape;
    if (message.dimensions.size() > limits_.rank_max) {
      return LimitReached("onnx.limit", "tensor " + Quoted(name) + " has too many axes");
    }
    for (const int64_t axis : message.dimensions) {
      if (axis < 0) return Malformed("onnx.shape", "tensor " + Quoted(name) + " has a negative axis");
      shape.push_back(static_cast<uint64_t>(axis));
    }
    if (message.data_type == kOnnxInt64) return AddIntegers(name, message, std::move(shape));
    if (message.data_type != kOnnxFloat && message.data_type != kOnnxDouble) {
      return Malformed("onnx.element-type", "tensor " + Quoted(name) + " has element type " +
                                                std::to_string(message.data_type) +
                                                "; float32 (1), float64 (11) and, for shapes, int64 (7) are supported");
    }
    const bool is_float32 = message.data_type == kOnnxFloat;
    Result<uint64_t> count = Count(shape);
    if (!count.ok()) return count.error();
    std::vector<double> values = is_float32 ? message.floats : message.doubles;
    if (!message.integers.empty() || !(is_float32 ? message.doubles : message.floats).empty() ||
        (message.raw && !values.empty())) {
      return Malformed("onnx.tensor-data", "tensor " + Quoted(name) + " has data in two places or of two types");
    }
    if (message.raw) {
      Field field;
      field.type = WireType::kBytes;
      field.bytes = *message.raw;
      Result<bool> read = is_float32 ? AppendFloats(field, values) : AppendDoubles(field, values);
      if (!read.ok()) return read.error();
    }
    if (values.size() != *count) {
      return Malformed("onnx.tensor-data", "tensor " + Quoted(name) + " of shape " + ShapeText(shape) + " has " +
                                               std::to_string(values.size()) + " values");
    }
    if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
      return Malformed("onnx.non-finite", "tensor " + Quoted(name) + " contains an infinity or NaN");
    }
    network_.parameter_count += *count;
    Tensor tensor{std::string(name), is_float32 ? ElementType::kFloat32 : ElementType::kFloat64,
                  std::move(shape),  true,
                  std::move(values), std::string(name)};
    Result<size_t> added = AddTensor(std::move(tensor));
    if (!added.ok()) return added.error();
    return {};
  }

  Done AddIntegers(std::string_view name, const TensorMessage& message, Shape shape) {
    std::vector<int64_t> values = message.integers;
    if (!message.floats.empty() || !message.doubles.empty() || (message.raw && !values.empty())) {
      return Malformed("onnx.tensor-data", "tensor " + Quoted(name) + " has data in two places or of two types");
    }
    const size_t size = message.raw ? message.raw->size() / 8 : values.size();
    // An axis or a shape is meant: at most a list of as many numbers as a tensor has axes.
    const uint64_t expected = shape.empty() ? 1 : shape.size() == 1 ? shape[0] : limits_.rank_max + 1;
    if (expected > limits_.rank_max) {
      return LimitReached("onnx.limit", "int64 tensor " + Quoted(name) + " is larger than any shape");
    }
    if (size != expected || (message.raw && message.raw->size() % 8 != 0)) {
      return Malformed("onnx.tensor-data", "tensor " + Quoted(name) + " has " + std::to_string(size) + " values");
    }
    for (size_t i = 0; message.raw && i < size; ++i) {
      values.push_back(static_cast<int64_t>(LittleEndian(message.raw->subspan(8 * i, 8))));
    }
    if (name.empty()) return Malformed("onnx.name", "a value of the graph has no name");
    if (index_.contains(name) || integers_.size() >= limits_.tensors_max ||
        !integers_.emplace(std::string(name), Integers{std::move(shape), std::move(values)}).second) {
      return Malformed("onnx.duplicate-name", "two values of the graph are named " + Quoted(name));
    }
    return {};
  }

  static Result<ElementType> FloatType(const ValueMessage& value) {
    if (value.element_type == kOnnxFloat) return ElementType::kFloat32;
    if (value.element_type == kOnnxDouble) return ElementType::kFloat64;
    return Malformed("onnx.element-type", Quoted(value.name) + " is declared with element type " +
                                              std::to_string(value.element_type) +
                                              "; float32 (1) and float64 (11) are supported");
  }

  // Whether a declared shape allows the shape: numbers must be equal, dynamic axes allow anything.
  static bool Allows(const ValueMessage& value, const Shape& shape) {
    if (!value.shape) return true;
    return std::equal(value.shape->begin(), value.shape->end(), shape.begin(), shape.end(),
                      [](const DeclaredAxis& declared, uint64_t axis) {
                        return !declared || (*declared >= 0 && static_cast<uint64_t>(*declared) == axis);
                      });
  }

  Done CheckDeclaration(const ValueMessage& value, const Tensor& tensor) const {
    Result<ElementType> type = FloatType(value);
    if (!type.ok()) return type.error();
    if (*type != tensor.type || !Allows(value, tensor.shape)) {
      return Malformed("onnx.shape", Quoted(value.name) +
                                         " is declared with another shape or type than it has, which is " +
                                         std::string(ElementTypeName(tensor.type)) + ShapeText(tensor.shape));
    }
    return {};
  }

  Done AddInput() {
    std::optional<Tensor> input;
    std::set<std::string_view> names;
    for (const ValueMessage& value : model_.inputs) {
      if (!names.insert(value.name).second) {
        return Malformed("onnx.duplicate-name", "two inputs are named " + Quoted(value.name));
      }
      if (integers_.contains(value.name)) continue;
      if (const auto found = index_.find(value.name); found != index_.end()) {  // an initialiser listed as input: IR 3
        if (auto done = CheckDeclaration(value, network_.tensors[found->second]); !done.ok()) return done;
        continue;
      }
      if (input)
        return Malformed("onnx.inputs", "the graph has more than one input, " + Quoted(value.name) + " is the second");
      Result<ElementType> type = FloatType(value);
      if (!type.ok()) return type.error();
      if (!value.shape) return Malformed("onnx.shape", "input " + Quoted(value.name) + " has no shape");
      Shape shape;
      for (const DeclaredAxis& axis : *value.shape) {
        if (!axis && !shape.empty()) {
          return Malformed("onnx.dynamic-axis",
                           "input " + Quoted(value.name) + " has a dynamic axis other than the first");
        }
        if (axis && *axis <= 0) return Malformed("onnx.shape", "input " + Quoted(value.name) + " has an axis below 1");
        shape.push_back(axis ? static_cast<uint64_t>(*axis) : 1);
      }
      input = Tensor{std::string(value.name), *type, std::move(shape), false, {}, std::string(value.name)};
    }
    if (!input) return Malformed("onnx.inputs", "the graph has no input");
    Result<size_t> added = AddTensor(std::move(*input));
    if (!added.ok()) return added.error();
    network_.input = *added;
    return {};
  }

  Done SetOutput() {
    if (model_.outputs.size() != 1) {
      return Malformed("onnx.outputs",
                       "the graph has " + std::to_string(model_.outputs.size()) + " outputs; one is supported");
    }
    const ValueMessage& value = model_.outputs.front();
    const auto found = index_.find(value.name);
    if (found == index_.end())
      return Malformed("onnx.undefined-value", "nothing computes the output " + Quoted(value.name));
    const Tensor& tensor = network_.tensors[found->second];
    if (tensor.is_constant)
      return Malformed("onnx.constant-output", "the output " + Quoted(value.name) + " is a constant");
    network_.output = found->second;
    return CheckDeclaration(value, tensor);
  }

  // ---- nodes ----

  // What an operator's rule gets: the node, its inputs as tensors, and its attributes, which it must all ask for.
  struct Context {
    const NodeMessage& message;
    std::vector<size_t> inputs;
    std::set<std::string_view> asked;

    Error Fail(const char* rule, const std::string& what) const {
      return Malformed(rule, message.Description() + " " + what);
    }
  };

  Result<const AttributeMessage*> Find(Context& context, std::string_view name, AttributeType type) const {
    context.asked.insert(name);
    for (const AttributeMessage& attribute : context.message.attributes) {
      if (attribute.name != name) continue;
      if (attribute.type == type) return &attribute;
      return context.Fail("onnx.attribute", "has an attribute " + Quoted(name) + " of the wrong type");
    }
    return static_cast<const AttributeMessage*>(nullptr);
  }

  Result<int64_t> IntegerAttribute(Context& context, std::string_view name, int64_t absent) const {
    auto found = Find(context, name, AttributeType::kInt);
    if (!found.ok()) return found.error();
    return *found ? (*found)->i : absent;
  }

  Result<bool> FlagAttribute(Context& context, std::string_view name) const {
    Result<int64_t> value = IntegerAttribute(context, name, 0);
    if (!value.ok()) return value.error();
    if (*value == 0 || *value == 1) return *value == 1;
    return context.Fail("onnx.unsupported-attribute", "has " + Quoted(name) + " other than 0 or 1");
  }

  Result<double> FactorAttribute(Context& context, std::string_view name) const {
    auto found = Find(context, name, AttributeType::kFloat);
    if (!found.ok()) return found.error();
    const double value = *found ? (*found)->f : 1.0;
    if (std::isfinite(value)) return value;
    return context.Fail("onnx.non-finite", "has a " + Quoted(name) + " that is not finite");
  }

  const Tensor& Input(const Context& context, size_t i) const { return network_.tensors[context.inputs[i]]; }

  Done AddNode(const NodeMessage& message) {
    if (!message.domain.empty() && message.domain != "ai.onnx") {
      return Malformed("onnx.unsupported-operator",
                       message.Description() + " is of the unsupported domain " + Quoted(message.domain));
    }
    if (message.outputs.size() != 1) {
      return Malformed("onnx.outputs",
                       message.Description() + " has " + std::to_string(message.outputs.size()) + " outputs, not 1");
    }
    std::set<std::string_view> names;
    for (const AttributeMessage& attribute : message.attributes) {
      if (!names.insert(attribute.name).second) {
        return Malformed("onnx.duplicate-name",
                         message.Description() + " has two attributes named " + Quoted(attribute.name));
      }
    }
    operators_.insert(std::string(message.onnx_operator));
    Context context{message, {}, {}};
    if (auto done = Dispatch(context); !done.ok()) return done;
    for (const std::string_view name : names) {
      if (!context.asked.contains(name)) {
        return context.Fail("onnx.unsupported-attribute", "has an unsupported attribute " + Quoted(name));
      }
    }
    return {};
  }

  Done Dispatch(Context& context) {
    struct Rule {
      std::string_view name;
      size_t inputs_min, inputs_max;  // float inputs
      bool may_have_axes;             // a further, int64 input
      Done (GraphBuilder::*add)(Context&);
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
    const NodeMessage& message = context.message;
    const auto rule = std::find_if(std::begin(kRules), std::end(kRules),
                                   [&](const Rule& candidate) { return candidate.name == message.onnx_operator; });
    if (rule == std::end(kRules)) {
      return context.Fail("onnx.unsupported-operator", "has an operator that is not supported");
    }
    size_t given = message.inputs.size();
    while (given > rule->inputs_min && message.inputs[given - 1].empty()) --given;  // optional inputs left out
    if (given < rule->inputs_min || given > rule->inputs_max + (rule->may_have_axes ? 1 : 0)) {
      return context.Fail("onnx.input-count", "has " + std::to_string(given) + " inputs");
    }
    for (size_t i = 0; i < std::min(given, rule->inputs_max); ++i) {
      if (auto done = ResolveInput(context, message.inputs[i]); !done.ok()) return done;
    }
    return (this->*rule->add)(context);
  }

  Done ResolveInput(Context& context, std::string_view name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) {
      if (integers_.contains(name))
        return context.Fail("onnx.element-type", "computes on the int64 tensor " + Quoted(name));
      for (const NodeMessage& other : model_.nodes) {
        if (std::find(other.outputs.begin(), other.outputs.end(), name) != other.outputs.end()) {
          return context.Fail("onnx.node-order", "uses " + Quoted(name) + ", which is computed later or from itself");
        }
      }
      return context.Fail("onnx.undefined-value", "uses " + Quoted(name) + ", which nothing defines");
    }
    context.inputs.push_back(found->second);
    if (network_.tensors[context.inputs[0]].type != network_.tensors[found->second].type) {
      return context.Fail("onnx.element-type", "mixes float32 and float64");
    }
    return {};
  }

  // Emits a node that computes a new activation of the given shape.
  Done Emit(const Context& context, NodeKind kind, Shape shape, GemmAttributes gemm = {}) {
    const std::string output(context.message.outputs.front());
    Result<size_t> added = AddTensor({output, Input(context, 0).type, std::move(shape), false, {}, output});
    if (!added.ok()) return added.error();
    const std::string name(context.message.name.empty() ? std::string_view(output) : context.message.name);
    network_.nodes.push_back({kind, name, std::string(context.message.onnx_operator), context.inputs, *added, gemm});
    return {};
  }

  // Emits the same flat values in another shape: a constant again where the input is one, else a kRelabel node.
  Done Relabel(const Context& context, Shape shape) {
    const Tensor& input = Input(context, 0);
    if (!input.is_constant) return Emit(context, NodeKind::kRelabel, std::move(shape));
    return AddDerivedConstant(context, std::move(shape), input.values);
  }

  Done AddDerivedConstant(const Context& context, Shape shape, std::vector<double> values) {
    const Tensor& input = Input(context, 0);
    Result<size_t> added = AddTensor({std::string(context.message.outputs.front()), input.type, std::move(shape), true,
                                      std::move(values), input.origin});
    if (!added.ok()) return added.error();
    return {};
  }

  // Of two inputs: which one is the constant (0 or 1), or nothing where both are activations.
  Result<std::optional<size_t>> ConstantSide(const Context& context) const {
    const bool first = Input(context, 0).is_constant, second = Input(context, 1).is_constant;
    if (first && second) {
      return context.Fail("onnx.constant-computation",
                          "computes on constants alone, which would have to be rounded: fold it before exporting");
    }
    if (!first && !second) return std::optional<size_t>();
    return std::optional<size_t>(first ? 0 : 1);
  }

  Done AddRelu(Context& context) {
    if (Input(context, 0).is_constant) return context.Fail("onnx.constant-computation", "computes on a constant");
    return Emit(context, NodeKind::kRelu, Input(context, 0).shape);
  }

  Done AddElementwise(Context& context) {
    Result<std::optional<size_t>> side = ConstantSide(context);
    if (!side.ok()) return side.error();
    const std::string_view name = context.message.onnx_operator;
    const NodeKind kind = name == "Add" ? NodeKind::kAdd : name == "Sub" ? NodeKind::kSub : NodeKind::kMul;
    const Shape &a = Input(context, 0).shape, &b = Input(context, 1).shape;
    if (!side->has_value()) {
      if (kind == NodeKind::kMul) return context.Fail("onnx.unsupported-operator", "multiplies two activations");
      if (a != b)
        return context.Fail("onnx.shape", "combines activations of shapes " + ShapeText(a) + " and " + ShapeText(b));
      return Emit(context, kind, a);
    }
    Shape shape(std::max(a.size(), b.size()), 1);
    for (size_t i = 1; i <= shape.size(); ++i) {
      const uint64_t axis_a = i <= a.size() ? a[a.size() - i] : 1, axis_b = i <= b.size() ? b[b.size() - i] : 1;
      if (axis_a != axis_b && axis_a != 1 && axis_b != 1) {
        return context.Fail("onnx.shape", "combines shapes " + ShapeText(a) + " and " + ShapeText(b));
      }
      shape[shape.size() - i] = std::max(axis_a, axis_b);
    }
    const Shape& activation = Input(context, 1 - **side).shape;
    Result<uint64_t> count = Count(shape);
    if (!count.ok()) return count.error();
    if (*count != ElementCount(activation)) {
      return context.Fail("onnx.shape",
                          "broadcasts an activation of shape " + ShapeText(activation) + " to " + ShapeText(shape));
    }
    return Emit(context, kind, std::move(shape));
  }

  Done AddMatMul(Context& context) {
    Result<std::optional<size_t>> side = ConstantSide(context);
    if (!side.ok()) return side.error();
    if (!side->has_value()) return context.Fail("onnx.unsupported-operator", "multiplies two activations");
    const bool constant_left = **side == 0;
    const Shape& matrix = Input(context, **side).shape;
    Shape shape = Input(context, 1 - **side).shape;
    const std::string shapes = ShapeText(Input(context, 0).shape) + " by " + ShapeText(Input(context, 1).shape);
    if (matrix.size() != 2 || shape.empty()) {
      return context.Fail("onnx.shape", "multiplies " + shapes + "; the constant must have two axes");
    }
    // The axis that is summed over; it must hold all elements, so that the product is a matrix times one vector.
    const size_t axis = constant_left && shape.size() > 1 ? shape.size() - 2 : shape.size() - 1;
    if (shape[axis] != ElementCount(shape) || shape[axis] != matrix[constant_left ? 1 : 0]) {
      return context.Fail("onnx.shape", "multiplies " + shapes + "; the activation must be a single matching vector");
    }
    shape[axis] = matrix[constant_left ? 0 : 1];
    return Emit(context, NodeKind::kMatMul, std::move(shape));
  }

  Done AddGemm(Context& context) {
    GemmAttributes gemm;
    Result<double> alpha = FactorAttribute(context, "alpha"), beta = FactorAttribute(context, "beta");
    Result<bool> transpose_a = FlagAttribute(context, "transA"), transpose_b = FlagAttribute(context, "transB");
    if (!alpha.ok()) return alpha.error();
    if (!beta.ok()) return beta.error();
    if (!transpose_a.ok()) return transpose_a.error();
    if (!transpose_b.ok()) return transpose_b.error();
    gemm = {*alpha, *beta, *transpose_a, *transpose_b};
    Result<std::optional<size_t>> side = ConstantSide(context);
    if (!side.ok()) return side.error();
    if (!side->has_value()) return context.Fail("onnx.unsupported-operator", "multiplies two activations");
    Shape a = Input(context, 0).shape, b = Input(context, 1).shape;
    if (a.size() != 2 || b.size() != 2) {
      return context.Fail("onnx.shape", "multiplies " + ShapeText(a) + " by " + ShapeText(b) + ", not two matrices");
    }
    if (gemm.transpose_a) std::swap(a[0], a[1]);
    if (gemm.transpose_b) std::swap(b[0], b[1]);
    const uint64_t vectors = **side == 0 ? b[1] : a[0];
    if (a[1] != b[0] || vectors != 1) {
      return context.Fail("onnx.shape", "multiplies " + ShapeText(a) + " by " + ShapeText(b) +
                                            "; the activation must be a single matching vector");
    }
    const Shape shape = {a[0], b[1]};
    if (context.inputs.size() == 3) {
      const Tensor& c = Input(context, 2);
      if (!c.is_constant) return context.Fail("onnx.unsupported-operator", "adds an activation");
      bool fits = c.shape.size() <= 2;
      for (size_t i = 1; fits && i <= c.shape.size(); ++i) {
        const uint64_t axis = c.shape[c.shape.size() - i];
        fits = axis == 1 || axis == shape[2 - i];
      }
      if (!fits) return context.Fail("onnx.shape", "adds " + ShapeText(c.shape) + " to " + ShapeText(shape));
    }
    return Emit(context, NodeKind::kGemm, shape, gemm);
  }

  Done AddIdentity(Context& context) { return Relabel(context, Input(context, 0).shape); }

  // An axis counted from the end where negative; `count` axes exist.
  static std::optional<size_t> Axis(int64_t axis, size_t count) {
    const auto signed_count = static_cast<int64_t>(count);
    if (axis < -signed_count || axis >= signed_count) return std::nullopt;
    return static_cast<size_t>(axis < 0 ? axis + signed_count : axis);
  }

  Done AddFlatten(Context& context) {
    const Shape& shape = Input(context, 0).shape;
    Result<int64_t> attribute = IntegerAttribute(context, "axis", 1);
    if (!attribute.ok()) return attribute.error();
    const bool at_end = *attribute == static_cast<int64_t>(shape.size());
    const std::optional<size_t> axis = at_end ? shape.size() : Axis(*attribute, shape.size());
    if (!axis) return context.Fail("onnx.shape", "has an 'axis' that " + ShapeText(shape) + " does not have");
    const uint64_t rows = ElementCount(Shape(shape.begin(), shape.begin() + static_cast<int64_t>(*axis)));
    return Relabel(context, {rows, ElementCount(shape) / rows});
  }

  // The int64 list that an operator takes as its second input or, before `input_since`, as an attribute.
  Result<std::optional<std::vector<int64_t>>> List(Context& context, std::string_view attribute,
                                                   int64_t input_since) const {
    const auto& inputs = context.message.inputs;
    const bool as_input = inputs.size() > 1 && !inputs[1].empty();
    if (opset_ < input_since) {
      if (as_input) return context.Fail("onnx.input-count", "has an input that its operator set version does not know");
      auto found = Find(context, attribute, AttributeType::kInts);
      if (!found.ok()) return found.error();
      if (!*found) return std::optional<std::vector<int64_t>>();
      return std::optional((*found)->integers);
    }
    if (!as_input) return std::optional<std::vector<int64_t>>();
    const auto found = integers_.find(inputs[1]);
    if (found == integers_.end()) {
      return context.Fail("onnx.dynamic-shape",
                          "takes " + Quoted(inputs[1]) + " as a shape, which is no int64 constant");
    }
    return std::optional(found->second.values);
  }

  Done AddReshape(Context& context) {
    const Shape& from = Input(context, 0).shape;
    Result<bool> zero_is_zero = opset_ >= 14 ? FlagAttribute(context, "allowzero") : Result<bool>(false);
    if (!zero_is_zero.ok()) return zero_is_zero.error();
    auto list = List(context, "", 0);
    if (!list.ok()) return list.error();
    if (!*list) return context.Fail("onnx.input-count", "has no shape");
    Shape to;
    std::optional<size_t> inferred;
    for (const int64_t axis : **list) {
      const size_t i = to.size();
      if (axis == -1 && !inferred) {
        inferred = i;
        to.push_back(1);
      } else if (axis == 0 && !*zero_is_zero && i < from.size()) {
        to.push_back(from[i]);
      } else if (axis > 0) {
        to.push_back(static_cast<uint64_t>(axis));
      } else {
        return context.Fail("onnx.shape", "has a shape with the impossible axis " + std::to_string(axis));
      }
    }
    Result<uint64_t> count = Count(to);
    if (!count.ok()) return count.error();
    const uint64_t elements = ElementCount(from);
    if (inferred && elements % *count == 0) to[*inferred] = elements / *count;
    if (ElementCount(to) != elements) {
      return context.Fail("onnx.shape", "reshapes " + ShapeText(from) + " to another number of elements");
    }
    return Relabel(context, std::move(to));
  }

  // Squeeze's or Unsqueeze's axes, as a set of those of `count` axes.
  Result<std::set<size_t>> AxisSet(Context& context, const std::vector<int64_t>& list, size_t count) const {
    std::set<size_t> axes;
    for (const int64_t listed : list) {
      const std::optional<size_t> axis = Axis(listed, count);
      if (!axis || !axes.insert(*axis).second)
        return context.Fail("onnx.shape", "lists an axis that does not exist or stands twice");
    }
    return axes;
  }

  Done AddSqueeze(Context& context) {
    const Shape& from = Input(context, 0).shape;
    auto list = List(context, "axes", 13);
    if (!list.ok()) return list.error();
    Result<std::set<size_t>> axes = AxisSet(context, list->value_or(std::vector<int64_t>()), from.size());
    if (!axes.ok()) return axes.error();
    Shape to;
    for (size_t i = 0; i < from.size(); ++i) {
      const bool drop = list->has_value() ? axes->contains(i) : from[i] == 1;
      if (drop && from[i] != 1)
        return context.Fail("onnx.shape", "squeezes an axis of " + ShapeText(from) + " that is not 1");
      if (!drop) to.push_back(from[i]);
    }
    return Relabel(context, std::move(to));
  }

  Done AddUnsqueeze(Context& context) {
    const Shape& from = Input(context, 0).shape;
    auto list = List(context, "axes", 13);
    if (!list.ok()) return list.error();
    if (!*list) return context.Fail("onnx.input-count", "has no axes");
    if ((*list)->size() > limits_.rank_max) return LimitReached("onnx.limit", "a tensor has too many axes");
    const size_t rank = from.size() + (*list)->size();
    Result<std::set<size_t>> axes = AxisSet(context, **list, rank);
    if (!axes.ok()) return axes.error();
    Shape to;
    for (size_t i = 0, taken = 0; i < rank; ++i) to.push_back(axes->contains(i) ? 1 : from[taken++]);
    return Relabel(context, std::move(to));
  }

  Done AddTranspose(Context& context) {
    const Shape& from = Input(context, 0).shape;
    auto attribute = Find(context, "perm", AttributeType::kInts);
    if (!attribute.ok()) return attribute.error();
    std::vector<int64_t> order;
    for (size_t i = from.size(); i > 0; --i) order.push_back(static_cast<int64_t>(i - 1));
    if (*attribute) order = (*attribute)->integers;
    Result<std::set<size_t>> axes = AxisSet(context, order, from.size());
    if (!axes.ok()) return axes.error();
    if (axes->size() != from.size()) return context.Fail("onnx.shape", "has a 'perm' that is no order of all axes");
    Shape to;
    std::vector<size_t> axis;     // the source axis of each new axis
    bool moves_elements = false;  // whether axes longer than 1 change their order
    size_t last = 0;
    for (const int64_t listed : order) {
      axis.push_back(*Axis(listed, from.size()));
      to.push_back(from[axis.back()]);
      if (to.back() == 1) continue;
      moves_elements = moves_elements || axis.back() < last;
      last = axis.back();
    }
    if (!moves_elements) return Relabel(context, std::move(to));
    const Tensor& input = Input(context, 0);
    if (!input.is_constant) return context.Fail("onnx.unsupported-operator", "reorders the elements of an activation");
    return AddDerivedConstant(context, to, Transposed(input, axis, to));
  }

  static std::vector<double> Transposed(const Tensor& input, const std::vector<size_t>& axis, const Shape& to) {
    std::vector<uint64_t> stride(input.shape.size(), 1);
    for (size_t i = stride.size(); i > 1; --i) stride[i - 2] = stride[i - 1] * input.shape[i - 1];
    std::vector<double> values(input.values.size());
    Shape at(to.size(), 0);
    for (double& value : values) {
      uint64_t source = 0;
      for (size_t i = 0; i < at.size(); ++i) source += at[i] * stride[axis[i]];
      value = input.values[source];
      for (size_t i = at.size(); i > 0 && ++at[i - 1] == to[i - 1]; --i) at[i - 1] = 0;
    }
    return values;
  }

  Done AddConstantNode(Context& context) {
    TensorMessage tensor;
    auto value = Find(context, "value", AttributeType::kTensor);
    auto number = Find(context, "value_float", AttributeType::kFloat);
    auto numbers = Find(context, "value_floats", AttributeType::kFloats);
    auto integer = Find(context, "value_int", AttributeType::kInt);
    auto integers = Find(context, "value_ints", AttributeType::kInts);
    for (const auto* found : {&value, &number, &numbers, &integer, &integers}) {
      if (!found->ok()) return found->error();
    }
    if (context.message.attributes.size() != 1)
      return context.Fail("onnx.attribute", "must have exactly one attribute");
    tensor.data_type = *number || *numbers ? kOnnxFloat : kOnnxInt64;
    if (*value) tensor = (*value)->tensor;
    if (*number) tensor.floats = {(*number)->f};
    if (*numbers) tensor.floats = (*numbers)->floats;
    if (*integer) tensor.integers = {(*integer)->i};
    if (*integers) tensor.integers = (*integers)->integers;
    if (*numbers) tensor.dimensions = {static_cast<int64_t>(tensor.floats.size())};
    if (*integers) tensor.dimensions = {static_cast<int64_t>(tensor.integers.size())};
    // An attribute of another name is refused here already: without a value there is nothing to add.
    if (!*value && !*number && !*numbers && !*integer && !*integers) {
      return context.Fail("onnx.unsupported-attribute", "has none of the supported attributes");
    }
    return AddConstant(context.message.outputs.front(), tensor);
  }

  const ModelMessage& model_;
  const int64_t opset_;
  const NetworkLimits& limits_;
  Network network_;
  std::map<std::string, size_t, std::less<>> index_;       // name -> tensor
  std::map<std::string, Integers, std::less<>> integers_;  // name -> int64 constant
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
