#include "model/onnx_message.h"

#include <bit>
#include <cmath>

#include "model/protobuf.h"

namespace pawl::model {
namespace {

// Reads the fields of one message. The first failure sticks: the calls below then do nothing, and Finish returns it.
class Decoder {
 public:
  Decoder(std::span<const uint8_t> bytes, std::string_view message, const NetworkLimits& limits)
      : reader_(bytes), message_(message), limits_(limits) {}

  // Moves to the next field; false at the end and after a failure.
  bool Next() {
    if (error_) return false;
    Result<bool> more = reader_.Next();
    if (!more.ok()) return Fail(more.error());
    return *more;
  }
  uint32_t number() const { return reader_.field().number; }

  void Integer(int64_t& value) {
    if (Once() && Expect(WireType::kVarint)) value = static_cast<int64_t>(reader_.field().value);
  }
  void Float(double& value) {
    if (Once() && Expect(WireType::kFixed32)) {
      value = std::bit_cast<float>(static_cast<uint32_t>(reader_.field().value));
    }
  }
  void Name(std::string_view& value) {
    if (Once() && Expect(WireType::kBytes)) value = CheckedName();
  }
  void Names(std::vector<std::string_view>& values) {
    if (Room(values.size(), limits_.tensors_max) && Expect(WireType::kBytes)) values.push_back(CheckedName());
  }
  void Bytes(std::optional<std::span<const uint8_t>>& value) {
    if (Once() && Expect(WireType::kBytes)) value = reader_.field().bytes;
  }
  template <typename T>
  void Numbers(Result<bool> (*append)(const Field&, std::vector<T>&), std::vector<T>& values) {
    Result<bool> matched = append(reader_.field(), values);
    if (!matched.ok()) Fail(matched.error());
    if (matched.ok() && !*matched) FailWireType();
  }
  // Decodes a sub-message with `decode`.
  template <typename T>
  void Message(Result<T> (*decode)(std::span<const uint8_t>, const NetworkLimits&), T& value) {
    if (!Once() || !Expect(WireType::kBytes)) return;
    Result<T> decoded = decode(reader_.field().bytes, limits_);
    if (!decoded.ok()) {
      Fail(decoded.error());
    } else {
      value = std::move(*decoded);
    }
  }
  template <typename T>
  void Messages(Result<T> (*decode)(std::span<const uint8_t>, const NetworkLimits&), std::vector<T>& values,
                uint64_t count_max) {
    if (!Room(values.size(), count_max) || !Expect(WireType::kBytes)) return;
    Result<T> decoded = decode(reader_.field().bytes, limits_);
    if (!decoded.ok()) {
      Fail(decoded.error());
    } else {
      values.push_back(std::move(*decoded));
    }
  }
  void Refuse(const char* rule, std::string_view what) {
    Fail(Malformed(rule, std::string(message_) + " contains " + std::string(what) + ", which Pawl does not support"));
  }
  bool Fail(Error error) {
    if (!error_) error_ = std::move(error);
    return false;
  }
  template <typename T>
  Result<T> Finish(T value) {
    if (error_) return *error_;
    return value;
  }

 private:
  bool Expect(WireType type) { return reader_.field().type == type ? true : FailWireType(); }
  bool FailWireType() {
    return Fail(Malformed("onnx.wire-type", "field " + std::to_string(number()) + " of " + std::string(message_) +
                                                " has the wrong wire type"));
  }
  // Readers of protobuf disagree in practice on a singular field given twice (last or merged): nobody needs it.
  bool Once() {
    const uint64_t bit = uint64_t{1} << (number() % 64);
    if ((seen_ & bit) != 0) {
      return Fail(Malformed("onnx.duplicate-field",
                            "field " + std::to_string(number()) + " of " + std::string(message_) + " stands twice"));
    }
    seen_ |= bit;
    return true;
  }
  bool Room(size_t size, uint64_t count_max) {
    if (size < count_max) return true;
    return Fail(LimitReached("onnx.limit", std::string(message_) + " has more than " + std::to_string(count_max) +
                                               " entries in field " + std::to_string(number())));
  }
  // Names go into messages for terminals and pages: control characters have no business in them.
  std::string_view CheckedName() {
    const std::string_view name = reader_.field().text();
    if (name.size() > limits_.name_bytes_max) {
      Fail(LimitReached("onnx.limit", "a name has " + std::to_string(name.size()) + " bytes"));
    }
    for (const char c : name) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        Fail(Malformed("onnx.name", "a name in " + std::string(message_) + " contains a control character"));
      }
    }
    return name;
  }

  MessageReader reader_;
  std::string_view message_;
  const NetworkLimits& limits_;
  std::optional<Error> error_;
  uint64_t seen_ = 0;
};

// One line a field: these switches are tables.
// clang-format off

Result<TensorMessage> DecodeTensor(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "a tensor", limits);
  TensorMessage tensor;
  int64_t location = 0;
  while (in.Next()) {
    switch (in.number()) {
      case 1: in.Numbers(AppendVarints, tensor.dimensions); break;
      case 2: in.Integer(tensor.data_type); break;
      case 3: in.Refuse("onnx.unsupported-tensor", "a segment"); break;
      case 4: in.Numbers(AppendFloats, tensor.floats); break;
      case 5: case 6: case 11: in.Refuse("onnx.element-type", "data other than float32, float64 or int64"); break;
      case 7: in.Numbers(AppendVarints, tensor.integers); break;
      case 8: in.Name(tensor.name); break;
      case 9: in.Bytes(tensor.raw); break;
      case 10: in.Numbers(AppendDoubles, tensor.doubles); break;
      case 13: in.Refuse("onnx.external-data", "external data"); break;
      case 14:
        in.Integer(location);
        if (location != 0) in.Refuse("onnx.external-data", "external data");
        break;
      default: break;
    }
  }
  return in.Finish(std::move(tensor));
}

Result<AttributeMessage> DecodeAttribute(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "an attribute", limits);
  AttributeMessage attribute;
  int64_t type = 0;
  uint32_t value_field = 0;  // the field that holds the value
  while (in.Next()) {
    const uint32_t number = in.number();
    switch (number) {
      case 1: in.Name(attribute.name); break;
      case 2: in.Float(attribute.f); break;
      case 3: in.Integer(attribute.i); break;
      case 4: in.Name(attribute.text); break;
      case 5: in.Message(DecodeTensor, attribute.tensor); break;
      case 7: in.Numbers(AppendFloats, attribute.floats); break;
      case 8: in.Numbers(AppendVarints, attribute.integers); break;
      case 6: case 11: in.Refuse("onnx.subgraph", "a sub-graph"); break;
      case 22: case 23: in.Refuse("onnx.sparse-tensor", "a sparse tensor"); break;
      case 9: case 10: case 14: case 15: case 21:
        in.Refuse("onnx.unsupported-attribute", "a value that is neither number, text, list of numbers nor tensor");
        break;
      case 20: in.Integer(type); break;
      default: break;
    }
    if (number < 2 || number > 11) continue;
    if (value_field != 0 && value_field != number) {
      in.Fail(Malformed("onnx.attribute", "attribute '" + std::string(attribute.name) + "' has two values"));
    }
    value_field = number;
  }
  attribute.type = static_cast<AttributeType>(type);
  // A serialiser may leave a zero or an empty list out; what is there must be of the stated type.
  const bool known = (1 <= type && type <= 4) || type == 6 || type == 7;
  const uint32_t expected = known ? static_cast<uint32_t>(type) + 1 : 0;
  if (expected == 0 || (value_field != 0 && value_field != expected) || (type == 4 && value_field == 0)) {
    in.Fail(Malformed("onnx.attribute", "attribute '" + std::string(attribute.name) + "' has type " +
                                            std::to_string(type) + ", which does not go with its value"));
  }
  return in.Finish(std::move(attribute));
}

Result<NodeMessage> DecodeNode(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "a node", limits);
  NodeMessage node;
  while (in.Next()) {
    switch (in.number()) {
      case 1: in.Names(node.inputs); break;
      case 2: in.Names(node.outputs); break;
      case 3: in.Name(node.name); break;
      case 4: in.Name(node.onnx_operator); break;
      case 5: in.Messages(DecodeAttribute, node.attributes, 16); break;
      case 7: in.Name(node.domain); break;
      case 8: in.Refuse("onnx.unsupported-operator", "an overloaded operator"); break;
      default: break;
    }
  }
  return in.Finish(std::move(node));
}

Result<DeclaredAxis> DecodeAxis(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "an axis", limits);
  int64_t number = 0;
  std::string_view symbol;
  bool has_number = false;
  while (in.Next()) {
    if (in.number() == 1) {
      in.Integer(number);
      has_number = true;
    } else if (in.number() == 2) {
      in.Name(symbol);
    }
  }
  if (has_number && !symbol.empty()) in.Fail(Malformed("onnx.shape", "an axis has both a number and a name"));
  return in.Finish(has_number ? DeclaredAxis(number) : DeclaredAxis());
}

Result<std::vector<DeclaredAxis>> DecodeShape(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "a shape", limits);
  std::vector<DeclaredAxis> shape;
  while (in.Next()) {
    if (in.number() == 1) in.Messages(DecodeAxis, shape, limits.rank_max);
  }
  return in.Finish(std::move(shape));
}

Result<ValueMessage> DecodeTensorType(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "a tensor type", limits);
  ValueMessage value;
  std::vector<DeclaredAxis> shape;
  while (in.Next()) {
    if (in.number() == 1) in.Integer(value.element_type);
    if (in.number() == 2) {
      in.Message(DecodeShape, shape);
      value.shape = shape;
    }
  }
  return in.Finish(std::move(value));
}

Result<ValueMessage> DecodeType(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "a type", limits);
  ValueMessage value;
  while (in.Next()) {
    switch (in.number()) {
      case 1: in.Message(DecodeTensorType, value); break;
      case 4: case 5: case 8: case 9: in.Refuse("onnx.element-type", "a type that is no dense tensor"); break;
      default: break;
    }
  }
  return in.Finish(std::move(value));
}

Result<ValueMessage> DecodeValue(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "a value's declaration", limits);
  ValueMessage value;
  std::string_view name;
  while (in.Next()) {
    if (in.number() == 1) in.Name(name);
    if (in.number() == 2) in.Message(DecodeType, value);
  }
  value.name = name;
  return in.Finish(std::move(value));
}

struct OperatorSet {
  std::string_view domain;
  int64_t version = 0;
};

Result<OperatorSet> DecodeOperatorSet(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "an operator set", limits);
  OperatorSet set;
  while (in.Next()) {
    if (in.number() == 1) in.Name(set.domain);
    if (in.number() == 2) in.Integer(set.version);
  }
  return in.Finish(set);
}

Result<ModelMessage> DecodeGraph(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "the graph", limits);
  ModelMessage model;
  while (in.Next()) {
    switch (in.number()) {
      case 1: in.Messages(DecodeNode, model.nodes, limits.nodes_max); break;
      case 5: in.Messages(DecodeTensor, model.initializers, limits.tensors_max); break;
      case 11: in.Messages(DecodeValue, model.inputs, limits.tensors_max); break;
      case 12: in.Messages(DecodeValue, model.outputs, limits.tensors_max); break;
      case 14: in.Refuse("onnx.quantised", "a quantisation annotation"); break;
      case 15: in.Refuse("onnx.sparse-tensor", "a sparse tensor"); break;
      default: break;
    }
  }
  return in.Finish(std::move(model));
}

// clang-format on

}  // namespace

std::string NodeMessage::Description() const {
  const std::string_view shown = !name.empty() ? name : !outputs.empty() ? outputs.front() : "";
  return std::string(onnx_operator) + " node '" + std::string(shown) + "'";
}

// clang-format off
Result<ModelMessage> DecodeModel(std::span<const uint8_t> bytes, const NetworkLimits& limits) {
  Decoder in(bytes, "the model", limits);
  ModelMessage graph;
  int64_t ir_version = 0;
  bool has_graph = false;
  std::vector<OperatorSet> sets;
  while (in.Next()) {
    switch (in.number()) {
      case 1: in.Integer(ir_version); break;
      case 7:
        in.Message(DecodeGraph, graph);
        has_graph = true;
        break;
      case 8: in.Messages(DecodeOperatorSet, sets, 64); break;
      case 20: in.Refuse("onnx.training", "training information"); break;
      case 25: in.Refuse("onnx.function", "a function"); break;
      default: break;
    }
  }
  if (!has_graph) in.Fail(Malformed("onnx.no-graph", "the file contains no graph: not an ONNX model"));
  graph.ir_version = ir_version;
  for (const OperatorSet& set : sets) {
    if (!set.domain.empty() && set.domain != "ai.onnx") continue;  // its operators are refused where they are used
    if (graph.default_opset) in.Fail(Malformed("onnx.opset", "the default operator set is imported twice"));
    graph.default_opset = set.version;
  }
  return in.Finish(std::move(graph));
}
// clang-format on

}  // namespace pawl::model
