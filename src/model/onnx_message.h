// The ONNX messages as they stand in the file, decoded and with nothing yet understood. Names and bytes point into the
// file. Field numbers: onnx.proto of github.com/onnx/onnx.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/network.h"
#include "result/result.h"

namespace pawl::model {

inline constexpr int64_t kOnnxFloat = 1, kOnnxInt64 = 7, kOnnxDouble = 11;  // TensorProto.DataType

struct TensorMessage {
  std::string_view name;
  std::vector<int64_t> dimensions;
  int64_t data_type = 0;
  std::optional<std::span<const uint8_t>> raw;
  std::vector<double> floats, doubles;  // float_data, double_data
  std::vector<int64_t> integers;        // int64_data
};

// AttributeProto.AttributeType, as far as supported.
enum class AttributeType : int64_t { kFloat = 1, kInt = 2, kString = 3, kTensor = 4, kFloats = 6, kInts = 7 };

struct AttributeMessage {
  std::string_view name;
  AttributeType type = AttributeType::kInt;
  double f = 0;
  int64_t i = 0;
  std::string_view text;
  TensorMessage tensor;
  std::vector<double> floats;
  std::vector<int64_t> integers;
};

struct NodeMessage {
  std::string_view name, onnx_operator, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<AttributeMessage> attributes;

  // "Gemm node 'fc1'", for error messages.
  std::string Description() const;
};

// One axis of a declared shape: a number, or a name or nothing (a dynamic axis).
using DeclaredAxis = std::optional<int64_t>;

struct ValueMessage {
  std::string_view name;
  int64_t element_type = 0;
  std::optional<std::vector<DeclaredAxis>> shape;
};

struct ModelMessage {
  int64_t ir_version = 0;
  std::optional<int64_t> default_opset;
  std::vector<NodeMessage> nodes;
  std::vector<TensorMessage> initializers;
  std::vector<ValueMessage> inputs, outputs;
};

// Decodes a model. Refused beside malformed bytes: wrong wire types of known fields, a singular field given twice, what
// carries meaning we do not model (functions, training, sub-graphs, sparse, segmented, external and quantised tensors).
Result<ModelMessage> DecodeModel(std::span<const uint8_t> bytes, const NetworkLimits& limits);

}  // namespace pawl::model
