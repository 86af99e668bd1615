// SPDX-License-Identifier: Apache-2.0
#pragma once

// Element types of ONNX: TensorProto.DataType of onnx.proto3, IR version 13 and older.

#include <cstdint>
#include <string_view>

namespace runup::artifact {

// Of a shape. ONNX sets no bound; ONNX Runtime and numpy have far fewer.
inline constexpr std::size_t kMostDims = 64;

// Where a tensor's elements are when they are not in `raw_data`, by the field's number in TensorProto.
enum class OnnxDataField : std::uint8_t {
  none = 0,
  // four bytes an element, little-endian
  float_data = 4,
  // a varint an element
  int32_data = 5,
  string_data = 6,
  int64_data = 7,
  // eight bytes an element, little-endian
  double_data = 10,
  uint64_data = 11,
};

struct OnnxType {
  std::int32_t number = 0;
  // PyTorch's name; of types that PyTorch has not, ONNX's in lower case
  std::string_view name;
  // 0 for strings
  std::uint32_t bits = 0;
  OnnxDataField field = OnnxDataField::none;
  // entries of `field` that one element takes: 2 of a complex number
  std::uint32_t entries = 1;
};

// Null for numbers that no IR version has.
const OnnxType* onnx_type(std::int32_t number);

}  // namespace runup::artifact
