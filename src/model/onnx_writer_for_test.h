// Writes ONNX bytes field by field, so that tests can also write what no exporter would.
//
//   std::string bytes = onnx::Model(onnx::Graph({onnx::Node("Relu", {"x"}, {"y"})}, {}, {onnx::Value("x", {1, 4})},
//                                               {onnx::Value("y", {1, 4})}));
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::model::onnx {

inline std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
inline std::string Key(uint64_t number, uint64_t wire_type) { return Varint(number << 3 | wire_type); }
inline std::string Integer(uint64_t number, int64_t value) {
  return Key(number, 0) + Varint(static_cast<uint64_t>(value));
}
inline std::string Bytes(uint64_t number, std::string_view bytes) {
  return Key(number, 2) + Varint(bytes.size()) + std::string(bytes);
}
template <typename T>
std::string Raw(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
inline std::string Float(uint64_t number, float value) { return Key(number, 5) + Raw<float>({value}); }

template <typename T>
constexpr int64_t DataType() {
  return std::is_same_v<T, float> ? 1 : std::is_same_v<T, double> ? 11 : 7;
}
inline std::string TensorHead(std::string_view name, const std::vector<int64_t>& axes, int64_t data_type) {
  std::string bytes;
  for (const int64_t axis : axes) bytes += Integer(1, axis);
  return bytes + Integer(2, data_type) + Bytes(8, name);
}
// A tensor with raw data; T is float, double or int64_t.
template <typename T>
std::string Tensor(std::string_view name, const std::vector<int64_t>& axes, const std::vector<T>& values) {
  return TensorHead(name, axes, DataType<T>()) + Bytes(9, Raw(values));
}

inline std::string FloatAttribute(std::string_view name, float value) {
  return Bytes(1, name) + Float(2, value) + Integer(20, 1);
}
inline std::string IntegerAttribute(std::string_view name, int64_t value) {
  return Bytes(1, name) + Integer(3, value) + Integer(20, 2);
}
inline std::string TextAttribute(std::string_view name, std::string_view value) {
  return Bytes(1, name) + Bytes(4, value) + Integer(20, 3);
}
inline std::string TensorAttribute(std::string_view name, std::string_view tensor) {
  return Bytes(1, name) + Bytes(5, tensor) + Integer(20, 4);
}
inline std::string IntegersAttribute(std::string_view name, const std::vector<int64_t>& values) {
  std::string bytes = Bytes(1, name) + Integer(20, 7);
  for (const int64_t value : values) bytes += Integer(8, value);
  return bytes;
}

inline std::string Node(std::string_view onnx_operator, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::vector<std::string>& attributes = {},
                        std::string_view name = "") {
  std::string bytes;
  for (const std::string& input : inputs) bytes += Bytes(1, input);
  for (const std::string& output : outputs) bytes += Bytes(2, output);
  if (!name.empty()) bytes += Bytes(3, name);
  bytes += Bytes(4, onnx_operator);
  for (const std::string& attribute : attributes) bytes += Bytes(5, attribute);
  return bytes;
}

// A declared input or output; an axis of -1 is written as the symbolic axis "N".
inline std::string Value(std::string_view name, const std::vector<int64_t>& axes, int64_t data_type = 1) {
  std::string shape;
  for (const int64_t axis : axes) shape += Bytes(1, axis == -1 ? Bytes(2, "N") : Integer(1, axis));
  return Bytes(1, name) + Bytes(2, Bytes(1, Integer(1, data_type) + Bytes(2, shape)));
}

inline std::string Graph(const std::vector<std::string>& nodes, const std::vector<std::string>& initializers,
                         const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
  std::string bytes;
  for (const std::string& node : nodes) bytes += Bytes(1, node);
  bytes += Bytes(2, "graph");
  for (const std::string& initializer : initializers) bytes += Bytes(5, initializer);
  for (const std::string& input : inputs) bytes += Bytes(11, input);
  for (const std::string& output : outputs) bytes += Bytes(12, output);
  return bytes;
}

inline std::string Model(std::string_view graph, int64_t opset = 13, int64_t ir_version = 7) {
  return Integer(1, ir_version) + Bytes(8, Bytes(1, "") + Integer(2, opset)) + Bytes(7, graph);
}

inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace pawl::model::onnx
