// Operators that move elements and compute none, and the whole numbers that say how.
#include <algorithm>
#include <limits>

#include "model/onnx_graph.h"

namespace pawl::model {
namespace {

// Elements between neighbours along each axis.
std::vector<int64_t> Strides(const Shape& shape) {
  std::vector<int64_t> stride(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i) stride[i - 2] = stride[i - 1] * static_cast<int64_t>(shape[i - 1]);
  return stride;
}

// Elements before, along and behind an axis.
struct AxisSplit {
  uint64_t outer = 1, length = 1, inner = 1;
  AxisSplit(const Shape& shape, size_t axis) : length(shape[axis]) {
    for (size_t i = 0; i < axis; ++i) outer *= shape[i];
    for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  }
};

}  // namespace

// ---- moving elements ----

std::vector<uint32_t> GraphBuilder::Positions(const Shape& shape, const std::vector<int64_t>& step, int64_t start) {
  const uint64_t count = Count(shape);
  if (!Reserve(count)) return {};
  std::vector<uint32_t> positions;
  positions.reserve(count);
  Shape at(shape.size(), 0);
  int64_t position = start;
  while (positions.size() < count) {
    positions.push_back(static_cast<uint32_t>(position));
    for (size_t i = shape.size(); i > 0; --i) {
      position += step[i - 1];
      if (++at[i - 1] < shape[i - 1]) break;
      position -= step[i - 1] * static_cast<int64_t>(shape[i - 1]);
      at[i - 1] = 0;
    }
  }
  return positions;
}

std::optional<Operand> GraphBuilder::Relabelled(const NodeContext& context, std::span<const Operand* const> operands,
                                                Shape shape, const std::vector<uint32_t>& source) {
  if (error_) return std::nullopt;
  const auto all = [&](Operand::Kind kind) {
    return std::all_of(operands.begin(), operands.end(), [&](const Operand* o) { return o->kind == kind; });
  };
  if (all(Operand::Kind::kConstant)) return RelabelledConstant(context, operands, std::move(shape), source);
  if (all(Operand::Kind::kIntegers)) {
    std::vector<int64_t> list, moved;
    for (const Operand* o : operands) list.insert(list.end(), o->integers.begin(), o->integers.end());
    for (const uint32_t i : source) moved.push_back(list[i]);
    return Operand{Operand::Kind::kIntegers, std::move(shape), 0, std::move(moved)};
  }
  for (const Operand* o : operands) {
    if (o->kind != Operand::Kind::kIntegers) continue;
    Fail(context, "onnx.element-type", "mixes int64 and float numbers");
    return std::nullopt;
  }
  return Operand{Operand::Kind::kActivation, std::move(shape), AppendSelect(context, operands, source), {}};
}

std::optional<Operand> GraphBuilder::RelabelledConstant(const NodeContext& context,
                                                        std::span<const Operand* const> operands, Shape shape,
                                                        const std::vector<uint32_t>& source) {
  std::string origin;
  std::vector<std::pair<uint64_t, const std::vector<double>*>> ends;  // where each operand's elements end
  uint64_t total = 0;
  for (const Operand* o : operands) {
    const Tensor& tensor = network_.tensors[o->index];
    ends.emplace_back(total += tensor.values.size(), &tensor.values);
    if (!origin.empty() && !tensor.origin.empty() && origin != tensor.origin) {
      Fail(context, "onnx.constant-computation", "joins two constants: join them before exporting");
      return std::nullopt;
    }
    if (origin.empty()) origin = tensor.origin;
  }
  std::vector<double> values;
  values.reserve(source.size());
  for (const uint32_t i : source) {
    const auto end =
        std::upper_bound(ends.begin(), ends.end(), i, [](uint32_t n, const auto& e) { return n < e.first; });
    values.push_back((*end->second)[end->second->size() - (end->first - i)]);
  }
  const size_t index = AddTensor(context.message.outputs.front(), shape, std::move(values), origin);
  return Operand{Operand::Kind::kConstant, std::move(shape), index, {}};
}

// A Select of a Select reads the first one's operands, so that a chain of relabelling nodes is one Select.
size_t GraphBuilder::AppendSelect(const NodeContext& context, std::span<const Operand* const> operands,
                                  const std::vector<uint32_t>& source) {
  const VectorGraph& graph = network_.graph;
  // A run of elements of one value or tensor, and where it begins in the new Select's list.
  struct Run {
    uint64_t size = 0, begin = 0;
  };
  std::map<std::pair<bool, size_t>, Run> list;  // (is a tensor, index): values first, as in the list
  // Where the elements of the operands come from, in order: a run, or a Select whose own runs follow.
  struct Part {
    uint64_t end = 0;  // the number of all elements up to here
    const Select* inner = nullptr;
    std::vector<std::pair<uint64_t, Run*>> runs;  // with the number of all elements of the runs up to here
  };
  std::vector<Part> parts;
  uint64_t total = 0;
  for (const Operand* o : operands) {
    Part part{total += ElementCount(o->shape), nullptr, {}};
    const auto add = [&](bool tensor, size_t index) {
      const uint64_t size = tensor ? network_.tensors[index].values.size() : graph.SizeOf(index);
      Run& run = list.try_emplace({tensor, index}, Run{size, 0}).first->second;
      part.runs.emplace_back((part.runs.empty() ? 0 : part.runs.back().first) + size, &run);
    };
    const bool tensor = o->kind == Operand::Kind::kConstant;
    if (!tensor && o->index > 0) part.inner = std::get_if<Select>(&graph.nodes[o->index - 1].function);
    if (part.inner) {
      for (const size_t value : graph.nodes[o->index - 1].inputs) add(false, value);
      for (const size_t constant : part.inner->constants) add(true, constant);
    } else {
      add(tensor, o->index);
    }
    parts.push_back(std::move(part));
  }
  Select select;
  std::vector<size_t> inputs;
  uint64_t length = 0;
  for (auto& [key, run] : list) {
    run.begin = length;
    length += run.size;
    (key.first ? select.constants : inputs).push_back(key.second);
  }
  if (length > std::numeric_limits<uint32_t>::max()) FailLimit("a relabelling has too many elements");
  if (error_) return 0;
  // The first entry that ends behind element i, and i's place in it.
  const auto locate = [](const auto& entries, uint64_t i, const auto& end) {
    const auto found = std::upper_bound(entries.begin(), entries.end(), i,
                                        [&](uint64_t n, const auto& entry) { return n < end(entry); });
    return std::pair(found, i - (found == entries.begin() ? 0 : end(*std::prev(found))));
  };
  select.source.reserve(source.size());
  for (const uint32_t i : source) {
    const auto [part, place] = locate(parts, i, [](const Part& p) { return p.end; });
    const uint64_t element = part->inner ? part->inner->source[place] : place;
    const auto [run, offset] = locate(part->runs, element, [](const auto& r) { return r.first; });
    select.source.push_back(static_cast<uint32_t>(run->second->begin + offset));
  }
  bool same = list.size() == 1 && source.size() == length;
  for (size_t i = 0; same && i < length; ++i) same = select.source[i] == i;
  return same ? inputs.front() : Append(context, std::move(select), std::move(inputs), source.size());
}

bool GraphBuilder::DefineRelabelled(const NodeContext& context, Shape shape, const std::vector<uint32_t>& source,
                                    size_t output) {
  std::optional<Operand> operand = Relabelled(context, {&context.operands[0], 1}, std::move(shape), source);
  return operand && Define(context.message.outputs[output], *std::move(operand));
}

bool GraphBuilder::DefineReshaped(const NodeContext& context, Shape shape) {
  Operand operand = *context.operands[0];
  operand.shape = std::move(shape);
  return Define(context.message.outputs.front(), std::move(operand));
}

std::optional<Shape> GraphBuilder::BroadcastShape(const NodeContext& context, const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()), 1);
  for (size_t i = 1; i <= shape.size(); ++i) {
    const uint64_t axis_a = i <= a.size() ? a[a.size() - i] : 1, axis_b = i <= b.size() ? b[b.size() - i] : 1;
    if (axis_a != axis_b && axis_a != 1 && axis_b != 1) {
      FailShape(context, "combines shapes " + ShapeText(a) + " and " + ShapeText(b));
      return std::nullopt;
    }
    shape[shape.size() - i] = std::max(axis_a, axis_b);
  }
  Count(shape);
  return error_ ? std::nullopt : std::optional(std::move(shape));
}

std::optional<Operand> GraphBuilder::Stretched(const NodeContext& context, const Operand& operand, const Shape& shape) {
  if (Count(operand.shape) == Count(shape)) {
    Operand same = operand;
    same.shape = shape;
    return same;
  }
  const std::vector<int64_t> stride = Strides(operand.shape);
  std::vector<int64_t> step(shape.size(), 0);
  for (size_t i = 1; i <= stride.size(); ++i) {
    if (operand.shape[stride.size() - i] != 1) step[shape.size() - i] = stride[stride.size() - i];
  }
  const Operand* operands[] = {&operand};
  return Relabelled(context, operands, shape, Positions(shape, step));
}

// ---- the same elements in the same order ----

bool GraphBuilder::AddIdentity(NodeContext& context) { return DefineReshaped(context, context.operands[0]->shape); }

// At inference, Dropout passes everything on. Its mask is not defined, so that using it is an error.
bool GraphBuilder::AddDropout(NodeContext& context) {
  FloatAttribute(context, "ratio", 0.5);
  IntegerAttribute(context, "seed", 0);
  return AddIdentity(context);
}

bool GraphBuilder::AddCast(NodeContext& context) {
  const int64_t from = context.operands[0]->kind == Operand::Kind::kIntegers ? kOnnxInt64
                       : network_.type == ElementType::kFloat32              ? kOnnxFloat
                                                                             : kOnnxDouble;
  if (IntegerAttribute(context, "to", 0) != from) return FailAttribute(context, "converts to another element type");
  return AddIdentity(context);
}

bool GraphBuilder::AddFlatten(NodeContext& context) {
  const Shape& shape = context.operands[0]->shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t axis = IntegerAttribute(context, "axis", 1);
  if (axis < -rank || axis > rank)
    return FailShape(context, "has an 'axis' that " + ShapeText(shape) + " does not have");
  const uint64_t rows = ElementCount(Shape(shape.begin(), shape.begin() + (axis < 0 ? axis + rank : axis)));
  return DefineReshaped(context, {rows, ElementCount(shape) / rows});
}

bool GraphBuilder::AddReshape(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  const bool zero_is_zero = opset_ >= 14 && FlagAttribute(context, "allowzero");
  const std::vector<int64_t>* list = IntegersAt(context, 1);
  if (!list) return false;
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
      return FailShape(context, "has a shape with the impossible axis " + std::to_string(axis));
    }
  }
  const uint64_t elements = ElementCount(from), count = Count(to);
  if (inferred && elements % count == 0) to[*inferred] = elements / count;
  if (!error_ && ElementCount(to) == elements) return DefineReshaped(context, std::move(to));
  return FailShape(context, "reshapes " + ShapeText(from) + " to another number of elements");
}

bool GraphBuilder::AddSqueeze(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  const std::vector<int64_t>* list = ListAt(context, 1, "axes", 13);
  if (error_) return false;
  std::vector<bool> drop;
  for (const uint64_t axis : from) drop.push_back(!list && axis == 1);
  if (list) {
    const auto axes = ResolveAxes(context, *list, from.size());
    if (!axes) return false;
    for (const size_t axis : *axes) {
      drop[axis] = true;
      if (from[axis] != 1) return FailShape(context, "squeezes an axis of " + ShapeText(from) + " that is not 1");
    }
  }
  Shape to;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!drop[i]) to.push_back(from[i]);
  }
  return DefineReshaped(context, std::move(to));
}

bool GraphBuilder::AddUnsqueeze(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  const std::vector<int64_t>* list = ListAt(context, 1, "axes", 13);
  if (!list) return Fail(context, "onnx.input-count", "has no axes");
  if (list->size() > limits_.rank_max) return FailLimit("a tensor has too many axes");
  const auto axes = ResolveAxes(context, *list, from.size() + list->size());
  if (!axes) return false;
  Shape to = from;
  std::set<size_t> added(axes->begin(), axes->end());
  for (const size_t axis : added) to.insert(to.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return DefineReshaped(context, std::move(to));
}

// ---- other orders ----

bool GraphBuilder::AddTranspose(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  const AttributeMessage* order = Find(context, "perm", AttributeType::kInts);
  std::vector<int64_t> reversed;
  for (size_t i = from.size(); i > 0; --i) reversed.push_back(static_cast<int64_t>(i) - 1);
  const auto axes = ResolveAxes(context, order ? order->integers : reversed, from.size());
  if (!axes) return false;
  if (axes->size() != from.size()) return FailShape(context, "has a 'perm' that is no order of all axes");
  const std::vector<int64_t> stride = Strides(from);
  Shape to;
  std::vector<int64_t> step;
  for (const size_t axis : *axes) {
    to.push_back(from[axis]);
    step.push_back(stride[axis]);
  }
  return DefineRelabelled(context, to, Positions(to, step));
}

bool GraphBuilder::AddExpand(NodeContext& context) {
  const std::vector<int64_t>* list = IntegersAt(context, 1);
  if (!list) return false;
  const std::optional<Shape> asked = ReadShape(context, *list);
  if (!asked) return false;
  const std::optional<Shape> shape = BroadcastShape(context, context.operands[0]->shape, *asked);
  if (!shape) return false;
  std::optional<Operand> operand = Stretched(context, *context.operands[0], *shape);
  return operand && Define(context.message.outputs.front(), *std::move(operand));
}

bool GraphBuilder::AddConcat(NodeContext& context) {
  const AttributeMessage* attribute = Find(context, "axis", AttributeType::kInt);
  if (!attribute) return FailAttribute(context, "has no 'axis'");
  Shape shape = context.operands[0]->shape;
  const size_t axis = ResolveAxis(context, attribute->i, shape.size());
  if (error_) return false;
  struct Part {
    uint64_t begin, size;  // the operand's first element among all, and how many follow one another
  };
  std::vector<Part> parts;
  uint64_t total = 0;
  shape[axis] = 0;
  for (const Operand* operand : context.operands) {
    Shape rest = operand ? operand->shape : Shape();
    if (rest.size() != shape.size()) return FailShape(context, "joins tensors with different numbers of axes");
    const AxisSplit split(rest, axis);
    shape[axis] += split.length;
    rest[axis] = shape[axis];
    if (rest != shape) return FailShape(context, "joins tensors whose other axes differ");
    parts.push_back({total, split.length * split.inner});
    total += ElementCount(operand->shape);
    if (total > limits_.elements_max) return FailLimit("a tensor is too large");
  }
  if (!Reserve(Count(shape))) return false;
  std::vector<uint32_t> source;
  source.reserve(total);
  for (uint64_t outer = 0; outer < AxisSplit(shape, axis).outer; ++outer) {
    for (const Part& part : parts) {
      const uint64_t begin = part.begin + outer * part.size;
      for (uint64_t i = 0; i < part.size; ++i) source.push_back(static_cast<uint32_t>(begin + i));
    }
  }
  std::optional<Operand> operand = Relabelled(context, context.operands, std::move(shape), source);
  return operand && Define(context.message.outputs.front(), *std::move(operand));
}

bool GraphBuilder::AddGather(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  const Operand& chosen = *context.operands[1];
  const size_t axis = ResolveAxis(context, IntegerAttribute(context, "axis", 0), from.size());
  if (error_) return false;
  if (chosen.kind != Operand::Kind::kIntegers) {
    return Fail(context, "onnx.dynamic-shape", "takes indices that are no int64 constant");
  }
  const AxisSplit split(from, axis);
  std::vector<size_t> indices;
  for (const int64_t index : chosen.integers) indices.push_back(ResolveAxis(context, index, split.length));
  Shape to(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(axis));
  to.insert(to.end(), chosen.shape.begin(), chosen.shape.end());
  to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(axis) + 1, from.end());
  if (!Reserve(Count(to))) return false;
  std::vector<uint32_t> source;
  for (uint64_t outer = 0; outer < split.outer; ++outer) {
    for (const size_t index : indices) {
      const uint64_t begin = (outer * split.length + index) * split.inner;
      for (uint64_t i = 0; i < split.inner; ++i) source.push_back(static_cast<uint32_t>(begin + i));
    }
  }
  return DefineRelabelled(context, std::move(to), source);
}

// Starts and ends beyond an axis are moved to its ends, as ONNX has it.
bool GraphBuilder::AddSlice(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  const std::vector<int64_t>* starts = ListAt(context, 1, "starts", 10);
  const std::vector<int64_t>* ends = ListAt(context, 2, "ends", 10);
  const std::vector<int64_t>* listed = ListAt(context, 3, "axes", 10);
  const std::vector<int64_t>* steps = Has(context, 4) ? IntegersAt(context, 4) : nullptr;
  if (!starts || !ends) return Fail(context, "onnx.input-count", "has no starts or no ends");
  if (starts->size() > from.size()) return FailShape(context, "slices more axes than there are");
  std::vector<int64_t> first;
  for (size_t i = 0; i < starts->size(); ++i) first.push_back(static_cast<int64_t>(i));
  const auto axes = ResolveAxes(context, listed ? *listed : first, from.size());
  if (!axes) return false;
  if (ends->size() != starts->size() || axes->size() != starts->size() || (steps && steps->size() != starts->size())) {
    return FailShape(context, "has lists of different lengths");
  }
  Shape to = from;
  std::vector<int64_t> step = Strides(from);
  int64_t origin = 0;
  for (size_t i = 0; i < axes->size(); ++i) {
    const size_t axis = (*axes)[i];
    const auto length = static_cast<int64_t>(from[axis]);
    const int64_t stride =
        std::clamp(steps ? (*steps)[i] : 1, -length, length);  // longer ones take one element as well
    if (stride == 0) return FailShape(context, "has a step of 0");
    const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? length : length - 1;
    const auto place = [&](int64_t at, int64_t lowest) { return std::clamp(at < 0 ? at + length : at, lowest, high); };
    const int64_t start = place((*starts)[i], 0), end = place((*ends)[i], low);
    const int64_t span = stride > 0 ? end - start : start - end, size = std::abs(stride);
    if (span <= 0) return FailShape(context, "leaves no elements");
    to[axis] = static_cast<uint64_t>((span + size - 1) / size);
    origin += start * step[axis];
    step[axis] *= stride;
  }
  return DefineRelabelled(context, to, Positions(to, step, origin));
}

bool GraphBuilder::AddSplit(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  const size_t outputs = context.message.outputs.size();
  const size_t axis = ResolveAxis(context, IntegerAttribute(context, "axis", 0), from.size());
  const std::vector<int64_t>* list = ListAt(context, 1, "split", 13);
  const int64_t parts = opset_ >= 18 ? IntegerAttribute(context, "num_outputs", static_cast<int64_t>(outputs)) : -1;
  if (error_) return false;
  if (opset_ >= 18 && parts != static_cast<int64_t>(outputs))
    return FailAttribute(context, "has another 'num_outputs'");
  std::vector<uint64_t> lengths;
  uint64_t rest = from[axis];
  for (size_t i = 0; i < outputs; ++i) {
    // Equal parts; from version 18 on, the last one may be smaller.
    uint64_t length = (from[axis] + outputs - 1) / outputs;
    if (!list && opset_ >= 18) length = std::min(length, rest);
    if (list && i < list->size()) length = static_cast<uint64_t>((*list)[i]);
    if (length > rest)
      return FailShape(context, "splits an axis of " + std::to_string(from[axis]) + " into longer parts");
    rest -= length;
    lengths.push_back(length);
  }
  if (rest != 0 || (list && list->size() != outputs)) return FailShape(context, "does not split the whole axis");
  const std::vector<int64_t> stride = Strides(from);
  int64_t begin = 0;
  for (size_t i = 0; i < outputs; ++i) {
    Shape to = from;
    to[axis] = lengths[i];
    if (!DefineRelabelled(context, to, Positions(to, stride, begin), i)) return false;
    begin += static_cast<int64_t>(lengths[i]) * stride[axis];
  }
  return true;
}

bool GraphBuilder::AddPad(NodeContext& context) {
  const Shape& from = context.operands[0]->shape;
  if (TextAttribute(context, "mode", "constant") != "constant")
    return FailAttribute(context, "does not pad by a constant");
  const std::vector<int64_t>* pads = ListAt(context, 1, "pads", 11);
  const std::vector<int64_t>* listed = Has(context, 3) ? IntegersAt(context, 3) : nullptr;
  if (!pads) return Fail(context, "onnx.input-count", "has no pads");
  const double value = NumberAt(context, 2, "value", 11, 0);
  if (error_) return false;
  std::vector<int64_t> all;
  for (size_t i = 0; i < from.size(); ++i) all.push_back(static_cast<int64_t>(i));
  const auto axes = ResolveAxes(context, listed ? *listed : all, from.size());
  if (!axes) return false;
  if (pads->size() != 2 * axes->size()) return FailShape(context, "has another number of pads than axes");
  // Positions of the operand before which each axis of the result begins; negative pads cut.
  Shape to = from;
  std::vector<int64_t> before(from.size(), 0);
  const auto most = static_cast<int64_t>(limits_.elements_max);
  for (size_t i = 0; i < axes->size(); ++i) {
    const size_t axis = (*axes)[i];
    const int64_t low = (*pads)[i], high = (*pads)[axes->size() + i];
    if (low < -most || low > most || high < -most || high > most) return FailLimit("pads are too large");
    const int64_t length = static_cast<int64_t>(from[axis]) + low + high;
    if (length <= 0) return FailShape(context, "leaves no elements");
    to[axis] = static_cast<uint64_t>(length);
    before[axis] = low;
  }
  const uint64_t count = Count(to);
  if (!Reserve(count)) return false;
  const std::vector<int64_t> stride = Strides(from);
  const auto filler_at = static_cast<uint32_t>(ElementCount(from));
  std::vector<uint32_t> source;
  Shape at(to.size(), 0);
  while (source.size() < count) {
    int64_t position = 0;
    bool inside = true;
    for (size_t i = 0; i < at.size(); ++i) {
      const int64_t place = static_cast<int64_t>(at[i]) - before[i];
      inside = inside && place >= 0 && place < static_cast<int64_t>(from[i]);
      position += place * stride[i];
    }
    source.push_back(inside ? static_cast<uint32_t>(position) : filler_at);
    for (size_t i = at.size(); i > 0 && ++at[i - 1] == to[i - 1]; --i) at[i - 1] = 0;
  }
  Operand filler{Operand::Kind::kConstant, {}, 0, {}};
  if (Has(context, 2)) {
    filler = *context.operands[2];
  } else {
    filler.index = AddTensor(context.message.outputs.front(), {}, {value}, "");
  }
  const Operand* operands[] = {context.operands[0], &filler};
  std::optional<Operand> operand = Relabelled(context, operands, std::move(to), source);
  return operand && Define(context.message.outputs.front(), *std::move(operand));
}

// ---- whole numbers and constants ----

bool GraphBuilder::AddConstantNode(NodeContext& context) {
  const std::string_view name = context.message.outputs.front();
  TensorMessage message;
  int values = 0;
  const auto take = [&](std::string_view attribute, AttributeType type) {
    const AttributeMessage* found = Find(context, attribute, type);
    values += found != nullptr;
    return found;
  };
  if (const auto* tensor = take("value", AttributeType::kTensor)) message = tensor->tensor;
  if (const auto* number = take("value_float", AttributeType::kFloat)) {
    message.data_type = kOnnxFloat;
    message.floats = {number->f};
  }
  if (const auto* number = take("value_int", AttributeType::kInt)) {
    message.data_type = kOnnxInt64;
    message.integers = {number->i};
  }
  if (const auto* list = take("value_floats", AttributeType::kFloats)) {
    message.data_type = kOnnxFloat;
    message.floats = list->floats;
    message.dimensions = {static_cast<int64_t>(list->floats.size())};
  }
  if (const auto* list = take("value_ints", AttributeType::kInts)) {
    message.data_type = kOnnxInt64;
    message.integers = list->integers;
    message.dimensions = {static_cast<int64_t>(list->integers.size())};
  }
  if (values != 1) return FailAttribute(context, "has no attribute 'value', or several values");
  std::optional<Operand> constant = ReadConstant(name, message);
  return constant && Define(name, *std::move(constant));
}

// A list of axes as a shape.
std::optional<Shape> GraphBuilder::ReadShape(const NodeContext& context, const std::vector<int64_t>& list) {
  Shape shape;
  for (const int64_t axis : list) {
    if (axis <= 0) FailShape(context, "has a shape with the impossible axis " + std::to_string(axis));
    shape.push_back(static_cast<uint64_t>(axis));
  }
  Count(shape);
  return error_ ? std::nullopt : std::optional(std::move(shape));
}

bool GraphBuilder::AddConstantOfShape(NodeContext& context) {
  const AttributeMessage* value = Find(context, "value", AttributeType::kTensor);
  const std::vector<int64_t>* list = IntegersAt(context, 0);
  if (!list) return false;
  const std::optional<Shape> shape = ReadShape(context, *list);
  if (!shape) return false;
  TensorMessage zero;
  zero.data_type = network_.type == ElementType::kFloat32 ? kOnnxFloat : kOnnxDouble;
  (network_.type == ElementType::kFloat32 ? zero.floats : zero.doubles) = {0};
  const std::string_view name = context.message.outputs.front();
  const std::optional<Operand> one = ReadConstant(name, value ? value->tensor : zero);
  if (!one) return false;
  if (ElementCount(one->shape) != 1) return FailShape(context, "has a 'value' of several numbers");
  if (one->kind == Operand::Kind::kConstant && network_.tensors[one->index].type != network_.type)
    return Fail(context, "onnx.element-type", "mixes float32 and float64");
  std::optional<Operand> operand = Stretched(context, *one, *shape);
  return operand && Define(name, *std::move(operand));
}

bool GraphBuilder::AddShape(NodeContext& context) {
  const Shape& shape = context.operands[0]->shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const int64_t start = opset_ >= 15 ? place(IntegerAttribute(context, "start", 0)) : 0;
  const int64_t end = opset_ >= 15 ? place(IntegerAttribute(context, "end", rank)) : rank;
  std::vector<int64_t> axes;
  for (int64_t i = start; i < end; ++i) axes.push_back(static_cast<int64_t>(shape[static_cast<size_t>(i)]));
  Shape count = {axes.size()};
  return Define(context.message.outputs.front(), {Operand::Kind::kIntegers, std::move(count), 0, std::move(axes)});
}

// Add, Sub, Mul, Div of whole numbers: of two lists of equal length, or a list and one number.
bool GraphBuilder::FoldIntegers(NodeContext& context) {
  const Operand &a = *context.operands[0], &b = *context.operands[1];
  const std::optional<Shape> shape = BroadcastShape(context, a.shape, b.shape);
  if (!shape) return false;
  const uint64_t count = ElementCount(*shape);
  if ((a.integers.size() != count && a.integers.size() != 1) ||
      (b.integers.size() != count && b.integers.size() != 1)) {
    return FailShape(context, "combines tables of whole numbers");
  }
  std::vector<int64_t> result;
  for (size_t i = 0; i < count; ++i) {
    const int64_t x = a.integers[a.integers.size() == 1 ? 0 : i], y = b.integers[b.integers.size() == 1 ? 0 : i];
    int64_t z = 0;
    bool bad = false;
    switch (context.message.onnx_operator.front()) {
      case 'A':
        bad = __builtin_add_overflow(x, y, &z);
        break;
      case 'S':
        bad = __builtin_sub_overflow(x, y, &z);
        break;
      case 'M':
        bad = __builtin_mul_overflow(x, y, &z);
        break;
      default:
        bad = y == 0 || (y == -1 && x == std::numeric_limits<int64_t>::min());
        if (!bad) z = x / y;
        break;
    }
    if (bad) return FailShape(context, "computes a whole number that does not exist or is too large");
    result.push_back(z);
  }
  return Define(context.message.outputs.front(), {Operand::Kind::kIntegers, *shape, 0, std::move(result)});
}

}  // namespace pawl::model
