// The protobuf wire format, read field by field without copying.
//
//   MessageReader reader(bytes);
//   while (true) {
//     Result<bool> more = reader.Next();
//     if (!more.ok()) return more.error();
//     if (!*more) break;
//     switch (reader.field().number) { case 7: ... reader.field().bytes ... }
//   }
//
// Refused: truncated fields (onnx.truncated), varints beyond 64 bits and field number 0 (onnx.wire-format), groups and
// undefined wire types (onnx.wire-type). Source: protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::model {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;              // kVarint, kFixed64, kFixed32: the bits
  std::span<const uint8_t> bytes;  // kBytes: points into the message

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

class MessageReader {
 public:
  // `bytes` must outlive the reader and its fields.
  explicit MessageReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  // True: field() is the next field. False: the message is complete.
  Result<bool> Next();
  const Field& field() const { return field_; }

 private:
  Result<uint64_t> ReadVarint();
  Result<uint64_t> ReadFixed(size_t size);
  Result<std::span<const uint8_t>> Take(uint64_t size);

  std::span<const uint8_t> rest_;
  Field field_;
};

// Appends the numbers of a repeated field, packed (one kBytes field) or not (one field a number). False: the wire type
// is neither. Allocates no more than eight bytes for each byte of the field.
Result<bool> AppendVarints(const Field& field, std::vector<int64_t>& values);
Result<bool> AppendFloats(const Field& field, std::vector<double>& values);   // fixed32, as float
Result<bool> AppendDoubles(const Field& field, std::vector<double>& values);  // fixed64, as double

// A little-endian number of up to eight bytes.
uint64_t LittleEndian(std::span<const uint8_t> bytes);

}  // namespace pawl::model
