// Operators that are sums of products with constants.
#include <algorithm>
#include <cmath>

#include "model/onnx_graph.h"

namespace pawl::model {
namespace {

constexpr double kDivisorMax = 0x1p24;  // exact in float32

// Rows × columns, as stored in a constant of two axes, transposed or not.
Dense Matrix(const Operand& constant, bool transposed) {
  const uint64_t rows = constant.shape[0], columns = constant.shape[1];
  if (transposed) return {constant.index, columns, rows, 1, columns};
  return {constant.index, rows, columns, columns, 1};
}

}  // namespace

// ---- element by element ----

bool GraphBuilder::AddElementwise(NodeContext& context) {
  using Kind = Operand::Kind;
  const Operand &a = *context.operands[0], &b = *context.operands[1];
  if (a.kind == Kind::kIntegers && b.kind == Kind::kIntegers) return FoldIntegers(context);
  const bool swapped = a.kind != Kind::kActivation;  // the constant stands on the left
  const Operand &activation = swapped ? b : a, &other = swapped ? a : b;
  if (!ActivationAt(context, swapped ? 1 : 0)) return false;
  if (other.kind == Kind::kIntegers) return Fail(context, "onnx.element-type", "mixes int64 and float numbers");
  const std::string_view name = context.message.onnx_operator;
  const bool sum = name == "Add" || name == "Sub";
  if (!sum && other.kind == Kind::kActivation) return FailOperator(context, "multiplies or divides two activations");
  if (name == "Div" && swapped) return FailOperator(context, "divides by an activation");
  const std::optional<Shape> shape = BroadcastShape(context, a.shape, b.shape);
  if (!shape) return false;
  if (other.kind == Kind::kActivation) {
    const std::optional<Operand> first = Stretched(context, a, *shape), second = Stretched(context, b, *shape);
    if (!first || !second) return false;
    return Emit(context, Sum{name == "Add" ? 1.0 : -1.0}, {first->index, second->index}, *shape);
  }
  const std::vector<double>& values = network_.tensors[other.index].values;
  if (name == "Div" && std::find(values.begin(), values.end(), 0.0) != values.end()) {
    return Fail(context, "onnx.non-finite", "divides by 0");
  }
  if (sum && !(name == "Sub" && swapped) && FuseBias(context, other, name == "Add" ? 1 : -1, *shape)) return !error_;
  using Form = Elementwise::Form;
  const Form form = name == "Add"   ? Form::kAdd
                    : name == "Mul" ? Form::kMultiply
                    : name == "Div" ? Form::kDivide
                    : swapped       ? Form::kSubtractFrom
                                    : Form::kSubtract;
  const bool single = values.size() == 1;
  const std::optional<Operand> x = Stretched(context, activation, *shape);
  const std::optional<Operand> c = single ? other : Stretched(context, other, *shape);
  return x && c && Emit(context, Elementwise{form, c->index, single ? 0u : 1u}, {x->index}, *shape);
}

// Whether the sum of `constant` and the result of a MatMul that nothing else reads became that product's bias.
bool GraphBuilder::FuseBias(NodeContext& context, const Operand& constant, double sign, const Shape& shape) {
  const std::string_view name = context.message.inputs[&constant == context.operands[0] ? 1 : 0];
  const auto product = products_.find(name);
  if (product == products_.end() || uses_[name] != 1) return false;
  VectorNode& node = network_.graph.nodes[product->second - 1];
  Dense& dense = std::get<Dense>(node.function);
  if (dense.rows != ElementCount(shape)) return false;
  const bool single = ElementCount(constant.shape) == 1;
  const std::optional<Operand> bias = single ? constant : Stretched(context, constant, shape);
  if (!bias) return true;
  dense.bias = bias->index;
  dense.bias_step = single ? 0 : 1;
  dense.beta = sign;
  node.description = context.message.Description();
  Define(context.message.outputs.front(), {Operand::Kind::kActivation, shape, product->second, {}});
  return true;
}

// The product with −1.
bool GraphBuilder::AddNegation(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  if (!x) return false;
  const size_t minus_one = AddTensor(context.message.outputs.front(), {}, {-1}, "");
  return Emit(context, Elementwise{Elementwise::Form::kMultiply, minus_one, 0}, {x->index}, x->shape);
}

bool GraphBuilder::AddBatchNormalization(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  if (!x) return false;
  if (x->shape.size() < 2 || x->shape[0] != 1)
    return FailShape(context, "normalises a batch of " + ShapeText(x->shape));
  FloatAttribute(context, "momentum", 0);  // of training alone
  if (opset_ >= 14 && FlagAttribute(context, "training_mode")) return FailAttribute(context, "is in training mode");
  if (opset_ < 9 && IntegerAttribute(context, "spatial", 1) != 1) return FailAttribute(context, "is not spatial");
  BatchNormalization norm;
  norm.epsilon = FloatAttribute(context, "epsilon", static_cast<double>(1e-5f));
  norm.channel_size = ElementCount(x->shape) / x->shape[1];
  const Tensor* variance = nullptr;
  size_t* const constants[] = {&norm.scale, &norm.bias, &norm.mean, &norm.variance};
  for (size_t i = 0; i < 4; ++i) {
    variance = ConstantAt(context, i + 1, x->shape[1]);
    if (!variance) return false;
    *constants[i] = context.operands[i + 1]->index;
  }
  for (const double v : variance->values) {
    if (!(v >= 0 && v + norm.epsilon > 0))
      return Fail(context, "onnx.non-finite", "has a variance that is not positive");
  }
  return Emit(context, norm, {x->index}, x->shape);
}

// ---- matrices ----

// y = W·x for each of `positions` vectors x. They lie one behind the other or, where `upright`, as columns. Several
// vectors are a convolution with a kernel of one element: its channels are a vector's elements.
bool GraphBuilder::AddProduct(NodeContext& context, const Operand& x, Dense dense, const VectorLayout& layout,
                              Shape shape) {
  if (layout.positions == 1) return Emit(context, dense, {x.index}, std::move(shape));
  if (dense.alpha != 1 || dense.beta != 1) return FailOperator(context, "scales the products of several vectors");
  const uint64_t rows = dense.rows, columns = dense.columns, positions = layout.positions;
  const auto signed_of = [](uint64_t n) { return static_cast<int64_t>(n); };
  if (dense.column_step != 1) {  // a convolution's weights lie row by row
    const Operand stored{Operand::Kind::kConstant, {columns, rows}, dense.weights, {}};
    const Operand* operands[] = {&stored};
    const std::optional<Operand> turned =
        Relabelled(context, operands, {rows, columns},
                   Positions({rows, columns}, {signed_of(dense.row_step), signed_of(dense.column_step)}));
    if (!turned) return false;
    dense.weights = turned->index;
  }
  size_t value = x.index;
  if (!layout.input_upright) {
    const Operand* operands[] = {&x};
    value = AppendSelect(context, operands, Positions({columns, positions}, {1, signed_of(columns)}));
  }
  const Convolution convolution{{{{positions, positions}}}, columns, rows, 1, dense.weights, dense.bias, {}};
  if (layout.output_upright) return Emit(context, convolution, {value}, std::move(shape));
  value = Append(context, convolution, {value}, Count({rows, positions}));
  const Operand upright{Operand::Kind::kActivation, {rows, positions}, value, {}};
  const Operand* operands[] = {&upright};
  std::optional<Operand> result =
      Relabelled(context, operands, std::move(shape), Positions({positions, rows}, {1, signed_of(positions)}));
  return result && Define(context.message.outputs.front(), *std::move(result));
}

bool GraphBuilder::AddMatMul(NodeContext& context) {
  const Operand &a = *context.operands[0], &b = *context.operands[1];
  const bool constant_left = a.kind != Operand::Kind::kActivation;
  const Operand &matrix = constant_left ? a : b, &x = constant_left ? b : a;
  if (!ActivationAt(context, constant_left ? 1 : 0)) return false;
  if (matrix.kind != Operand::Kind::kConstant) return FailOperator(context, "multiplies two activations");
  const std::string shapes = ShapeText(a.shape) + " by " + ShapeText(b.shape);
  Shape shape = x.shape;
  if (matrix.shape.size() != 2 || shape.empty()) {
    return FailShape(context, "multiplies " + shapes + "; the constant must have two axes");
  }
  const Dense dense = Matrix(matrix, !constant_left);
  // The axis that is summed over.
  const size_t axis = constant_left && shape.size() > 1 ? shape.size() - 2 : shape.size() - 1;
  const uint64_t positions = ElementCount(shape) / shape[axis];
  const bool batch = constant_left && shape.size() > 1 && positions != shape.back();
  if (shape[axis] != dense.columns || batch) return FailShape(context, "multiplies " + shapes);
  shape[axis] = dense.rows;
  if (!AddProduct(context, x, dense, {positions, constant_left, constant_left}, std::move(shape))) return false;
  if (positions == 1) products_[context.message.outputs.front()] = network_.graph.nodes.size();
  return true;
}

bool GraphBuilder::AddGemm(NodeContext& context) {
  const double alpha = FloatAttribute(context, "alpha", 1), beta = FloatAttribute(context, "beta", 1);
  const bool transpose[] = {FlagAttribute(context, "transA"), FlagAttribute(context, "transB")};
  const size_t side = context.operands[0]->kind == Operand::Kind::kActivation ? 1 : 0;  // of the constant
  const Operand &matrix = *context.operands[side], &x = *context.operands[1 - side];
  if (!ActivationAt(context, 1 - side)) return false;
  if (matrix.kind != Operand::Kind::kConstant) return FailOperator(context, "multiplies two activations");
  const std::string shapes = ShapeText(context.operands[0]->shape) + " by " + ShapeText(context.operands[1]->shape);
  if (matrix.shape.size() != 2 || x.shape.size() != 2) {
    return FailShape(context, "multiplies " + shapes + ", not matrices");
  }
  Dense dense = Matrix(matrix, transpose[side] != (side == 1));
  dense.alpha = alpha;
  dense.beta = beta;
  // x has its vectors as columns where it is the right factor as it stands, or the left one transposed.
  const bool upright = (side == 0) != transpose[1 - side];
  const uint64_t positions = x.shape[upright ? 1 : 0];
  if (x.shape[upright ? 0 : 1] != dense.columns) return FailShape(context, "multiplies " + shapes);
  const Shape shape = side == 0 ? Shape{dense.rows, positions} : Shape{positions, dense.rows};
  if (Has(context, 2)) {
    const Operand& c = *context.operands[2];
    if (c.kind != Operand::Kind::kConstant) return FailOperator(context, "adds what is no float constant");
    const std::optional<Shape> sum = BroadcastShape(context, c.shape, shape);
    if (!sum || *sum != shape) return FailShape(context, "adds " + ShapeText(c.shape) + " to " + ShapeText(shape));
    const Shape vector = side == 0 ? Shape{dense.rows, 1} : Shape{1, dense.rows};
    const std::optional<Shape> row = BroadcastShape(context, c.shape, vector);
    if (!row || *row != vector) return FailShape(context, "adds different numbers to several vectors");
    const bool single = ElementCount(c.shape) == 1;
    const std::optional<Operand> bias = single && positions == 1 ? c : Stretched(context, c, vector);
    if (!bias) return false;
    dense.bias = bias->index;
    dense.bias_step = single && positions == 1 ? 0 : 1;
  }
  return AddProduct(context, x, dense, {positions, upright, side == 0}, shape);
}

// ---- windows ----

Shape GraphBuilder::WindowShape(const Window& window, uint64_t channels) {
  Shape shape = {1, channels};
  for (const WindowAxis& axis : window.axes) shape.push_back(axis.output);
  return shape;
}

// Pads and counts the windows along one axis, whose other members are known.
bool GraphBuilder::PlaceWindow(NodeContext& context, WindowAxis& axis, std::string_view automatic, uint64_t pad_end,
                               bool round_up) {
  const uint64_t extent = (axis.kernel - 1) * axis.dilation + 1;
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    axis.output = (axis.input + axis.stride - 1) / axis.stride;
    const uint64_t covered = (axis.output - 1) * axis.stride + extent;
    const uint64_t padding = covered > axis.input ? covered - axis.input : 0;
    axis.pad = automatic == "SAME_UPPER" ? padding / 2 : (padding + 1) / 2;
    return true;
  }
  const uint64_t padded = axis.input + axis.pad + pad_end;
  if (padded < extent) return FailShape(context, "has a window that is longer than what it slides over");
  axis.output = (padded - extent) / axis.stride + 1;
  if (!round_up || (padded - extent) % axis.stride == 0) return true;
  // Implementations disagree on a last window that begins in the padding behind.
  if (axis.output * axis.stride >= axis.input + axis.pad)
    return FailAttribute(context, "rounds up to a window in padding");
  ++axis.output;
  return true;
}

std::optional<Window> GraphBuilder::ReadWindow(NodeContext& context, const Shape& operand, const Shape& kernel,
                                               bool round_up) {
  const size_t rank = kernel.size();
  const std::string_view automatic = TextAttribute(context, "auto_pad", "NOTSET");
  const auto list = [&](std::string_view name, size_t size, int64_t absent) {
    const AttributeMessage* found = Find(context, name, AttributeType::kInts);
    const std::vector<int64_t> values = found ? found->integers : std::vector<int64_t>(size, absent);
    if (values.size() != size) FailShape(context, "has " + Quoted(name) + " of another number of axes");
    std::vector<uint64_t> numbers;
    for (const int64_t value : values) {
      if (value < absent)
        FailAttribute(context, "has a number below " + std::to_string(absent) + " in " + Quoted(name));
      numbers.push_back(static_cast<uint64_t>(value));
      if (numbers.back() > limits_.elements_max) FailLimit(Quoted(name) + " is too large");
    }
    return numbers;
  };
  const std::vector<uint64_t> strides = list("strides", rank, 1), dilations = list("dilations", rank, 1);
  const std::vector<uint64_t> pads = list("pads", 2 * rank, 0);
  const bool padded = std::any_of(pads.begin(), pads.end(), [](uint64_t pad) { return pad != 0; });
  if (automatic != "NOTSET" && automatic != "VALID" && automatic != "SAME_UPPER" && automatic != "SAME_LOWER") {
    FailAttribute(context, "has an unknown 'auto_pad'");
  } else if (automatic != "NOTSET" && padded) {
    FailAttribute(context, "has both 'pads' and 'auto_pad'");
  }
  if (rank == 0 || operand.size() != rank + 2 || operand[0] != 1) {
    FailShape(context, "slides a window of " + std::to_string(rank) + " axes over " + ShapeText(operand));
  }
  Window window;
  for (size_t i = 0; i < rank && !error_; ++i) {
    window.axes.push_back({operand[i + 2], 0, kernel[i], strides[i], dilations[i], pads[i]});
    PlaceWindow(context, window.axes.back(), automatic, pads[rank + i], round_up);
  }
  if (!error_) Count(WindowShape(window, operand[1]));
  return error_ ? std::nullopt : std::optional(std::move(window));
}

std::optional<Shape> GraphBuilder::KernelAttribute(NodeContext& context) {
  const AttributeMessage* found = Find(context, "kernel_shape", AttributeType::kInts);
  return found ? ReadShape(context, found->integers) : std::nullopt;
}

bool GraphBuilder::AddConvolution(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  if (!x) return false;
  const Operand& weights = *context.operands[1];
  if (weights.kind != Operand::Kind::kConstant) return FailOperator(context, "has weights that are no float constant");
  if (weights.shape.size() < 3) return FailShape(context, "has weights of shape " + ShapeText(weights.shape));
  const Shape kernel(weights.shape.begin() + 2, weights.shape.end());
  const std::optional<Shape> stated = KernelAttribute(context);
  if (stated && *stated != kernel) return FailShape(context, "has a 'kernel_shape' that is not that of its weights");
  const std::optional<Window> window = ReadWindow(context, x->shape, kernel, false);
  const int64_t groups = IntegerAttribute(context, "group", 1);
  if (!window) return false;
  const uint64_t input_channels = x->shape[1], output_channels = weights.shape[0];
  if (groups < 1 || input_channels % static_cast<uint64_t>(groups) != 0 ||
      output_channels % static_cast<uint64_t>(groups) != 0 ||
      weights.shape[1] != input_channels / static_cast<uint64_t>(groups)) {
    return FailShape(context, "has weights of shape " + ShapeText(weights.shape) + " for " + ShapeText(x->shape) +
                                  " in " + std::to_string(groups) + " groups");
  }
  if (Has(context, 2) && !ConstantAt(context, 2, output_channels)) return false;
  Convolution convolution{*window,
                          input_channels,
                          output_channels,
                          static_cast<uint64_t>(groups),
                          weights.index,
                          Has(context, 2) ? context.operands[2]->index : kNoConstant,
                          {}};
  return Emit(context, std::move(convolution), {x->index}, WindowShape(*window, output_channels));
}

// Sums over windows, divided by `divisors` where there are any.
bool GraphBuilder::EmitAverage(const NodeContext& context, size_t value, const Window& window, uint64_t channels,
                               std::vector<double> divisors, Shape shape) {
  const uint64_t count = Count({channels, window.KernelSize()});
  if (!Reserve(count)) return false;
  const auto beyond = [](double divisor) { return divisor < 1 || divisor > kDivisorMax; };
  if (std::any_of(divisors.begin(), divisors.end(), beyond))
    return FailShape(context, "averages no or too many numbers");
  const size_t ones =
      AddTensor(context.message.outputs.front(), {channels, 1, window.KernelSize()}, std::vector<double>(count, 1), "");
  return Emit(context, Convolution{window, channels, channels, channels, ones, kNoConstant, std::move(divisors)},
              {value}, std::move(shape));
}

bool GraphBuilder::AddAveragePool(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  const std::optional<Shape> kernel = KernelAttribute(context);
  if (!x || !kernel) return FailAttribute(context, "has no 'kernel_shape'");
  const bool with_padding = FlagAttribute(context, "count_include_pad");
  // With padding counted, implementations disagree on windows that reach beyond it.
  const bool round_up = opset_ >= 10 && FlagAttribute(context, "ceil_mode");
  if (round_up && with_padding) return FailAttribute(context, "has 'ceil_mode' together with 'count_include_pad'");
  const std::optional<Window> window = ReadWindow(context, x->shape, *kernel, round_up);
  if (!window || !Reserve(Count({window->OutputSize(), window->KernelSize()}))) return false;
  std::vector<double> divisors;
  std::vector<WindowTap> taps;
  for (uint64_t p = 0; p < window->OutputSize(); ++p) {
    window->Taps(p, taps);
    divisors.push_back(static_cast<double>(with_padding ? window->KernelSize() : taps.size()));
  }
  return EmitAverage(context, x->index, *window, x->shape[1], std::move(divisors), WindowShape(*window, x->shape[1]));
}

bool GraphBuilder::AddGlobalAveragePool(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  if (!x) return false;
  if (x->shape.size() < 3 || x->shape[0] != 1) return FailShape(context, "averages over " + ShapeText(x->shape));
  Window window;
  for (size_t i = 2; i < x->shape.size(); ++i) window.axes.push_back({x->shape[i], 1, x->shape[i]});
  const auto size = static_cast<double>(window.KernelSize());
  return EmitAverage(context, x->index, window, x->shape[1], {size}, WindowShape(window, x->shape[1]));
}

// ReduceSum and ReduceMean: the axes that stay become channels, the others one window.
bool GraphBuilder::AddReduction(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  if (!x) return false;
  const bool mean = context.message.onnx_operator == "ReduceMean";
  const int64_t since = mean ? 18 : 13;
  const std::vector<int64_t>* list = ListAt(context, 1, "axes", since);
  const bool nothing = opset_ >= since && FlagAttribute(context, "noop_with_empty_axes");
  const bool keep = IntegerAttribute(context, "keepdims", 1) != 0;
  const auto axes = ResolveAxes(context, list ? *list : std::vector<int64_t>(), x->shape.size());
  if (!axes || error_) return false;
  if (axes->empty() && nothing) return AddIdentity(context);
  Shape kept, summed, shape;
  std::vector<int64_t> kept_step, summed_step;
  auto stride = static_cast<int64_t>(ElementCount(x->shape));
  for (size_t i = 0; i < x->shape.size(); ++i) {
    stride /= static_cast<int64_t>(x->shape[i]);
    const bool sum = axes->empty() || std::find(axes->begin(), axes->end(), i) != axes->end();
    (sum ? summed : kept).push_back(x->shape[i]);
    (sum ? summed_step : kept_step).push_back(stride);
    if (!sum || keep) shape.push_back(sum ? 1 : x->shape[i]);
  }
  const uint64_t channels = ElementCount(kept), size = ElementCount(summed);
  kept.insert(kept.end(), summed.begin(), summed.end());
  kept_step.insert(kept_step.end(), summed_step.begin(), summed_step.end());
  const std::vector<uint32_t> source = Positions(kept, kept_step);
  if (error_) return false;
  const size_t value = AppendSelect(context, {&context.operands[0], 1}, source);
  std::vector<double> divisors;
  if (mean) divisors.push_back(static_cast<double>(size));
  return EmitAverage(context, value, Window{{{size, 1, size}}}, channels, std::move(divisors), std::move(shape));
}

}  // namespace pawl::model
