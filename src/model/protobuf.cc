#include "model/protobuf.h"

#include <bit>
#include <string>

namespace pawl::model {

uint64_t LittleEndian(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = (value << 8) | bytes[i - 1];
  return value;
}

Result<uint64_t> MessageReader::ReadVarint() {
  uint64_t value = 0;
  for (size_t i = 0; i < 10; ++i) {
    if (i >= rest_.size()) return Malformed("onnx.truncated", "the file ends within a number");
    const uint64_t bits = rest_[i] & 0x7f;
    if (i == 9 && bits > 1) break;
    value |= bits << (7 * i);
    if ((rest_[i] & 0x80) == 0) {
      rest_ = rest_.subspan(i + 1);
      return value;
    }
  }
  return Malformed("onnx.wire-format", "a number has more than 64 bits");
}

Result<std::span<const uint8_t>> MessageReader::Take(uint64_t size) {
  if (size > rest_.size()) {
    return Malformed("onnx.truncated", "a field says it has " + std::to_string(size) + " bytes where " +
                                           std::to_string(rest_.size()) + " are left");
  }
  const auto taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

Result<uint64_t> MessageReader::ReadFixed(size_t size) {
  auto bytes = Take(size);
  if (!bytes.ok()) return bytes.error();
  return LittleEndian(*bytes);
}

Result<bool> MessageReader::Next() {
  if (rest_.empty()) return false;
  Result<uint64_t> key = ReadVarint();
  if (!key.ok()) return key.error();
  if ((*key >> 3) == 0 || (*key >> 3) >= (1u << 29)) {
    return Malformed("onnx.wire-format", "the file contains a field numbered " + std::to_string(*key >> 3));
  }
  field_ = {static_cast<uint32_t>(*key >> 3), static_cast<WireType>(*key & 7), 0, {}};
  Result<uint64_t> value = uint64_t{0};
  switch (*key & 7) {
    case 0:
      value = ReadVarint();
      break;
    case 1:
      value = ReadFixed(8);
      break;
    case 5:
      value = ReadFixed(4);
      break;
    case 2: {
      Result<uint64_t> size = ReadVarint();
      if (!size.ok()) return size.error();
      auto bytes = Take(*size);
      if (!bytes.ok()) return bytes.error();
      field_.bytes = *bytes;
      break;
    }
    default:
      return Malformed("onnx.wire-type", "field " + std::to_string(*key >> 3) + " has the unsupported wire type " +
                                             std::to_string(*key & 7));
  }
  if (!value.ok()) return value.error();
  field_.value = *value;
  return true;
}

Result<bool> AppendVarints(const Field& field, std::vector<int64_t>& values) {
  if (field.type == WireType::kVarint) {
    values.push_back(static_cast<int64_t>(field.value));
    return true;
  }
  if (field.type != WireType::kBytes) return false;

  uint64_t value = 0;
  unsigned shift = 0;
  for (const uint8_t byte : field.bytes) {
    if (shift > 63 || (shift == 63 && (byte & 0x7f) > 1)) {
      return Malformed("onnx.wire-format", "a number has more than 64 bits");
    }
    value |= uint64_t{byte & 0x7fu} << shift;
    shift += 7;
    if ((byte & 0x80) == 0) {
      values.push_back(static_cast<int64_t>(value));
      value = 0;
      shift = 0;
    }
  }
  if (shift != 0) return Malformed("onnx.truncated", "a list of numbers ends within a number");
  return true;
}

namespace {

template <typename Float, typename Bits>
Result<bool> AppendFixed(const Field& field, WireType single, std::vector<double>& values) {
  const auto append = [&](uint64_t bits) { values.push_back(std::bit_cast<Float>(static_cast<Bits>(bits))); };
  if (field.type == single) {
    append(field.value);
    return true;
  }
  if (field.type != WireType::kBytes) return false;
  if (field.bytes.size() % sizeof(Float) != 0) {
    return Malformed("onnx.truncated", "a list of numbers ends within a number");
  }
  values.reserve(values.size() + field.bytes.size() / sizeof(Float));
  for (size_t at = 0; at < field.bytes.size(); at += sizeof(Float)) {
    append(LittleEndian(field.bytes.subspan(at, sizeof(Float))));
  }
  return true;
}

}  // namespace

Result<bool> AppendFloats(const Field& field, std::vector<double>& values) {
  return AppendFixed<float, uint32_t>(field, WireType::kFixed32, values);
}

Result<bool> AppendDoubles(const Field& field, std::vector<double>& values) {
  return AppendFixed<double, uint64_t>(field, WireType::kFixed64, values);
}

}  // namespace pawl::model
