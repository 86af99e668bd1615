// SPDX-License-Identifier: Apache-2.0
#pragma once

// TensorProto and SparseTensorProto (onnx.proto3).

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "artifact/onnx_reading.h"
#include "artifact/onnx_types.h"

namespace runup::artifact {

// Tensors of at most so many elements are shapes, axes and the like: their values are read where they stand
// in a Constant node, and those nodes are no tensors of the facts.
inline constexpr std::uint64_t kMostSmall = 64;

// The entries of one of the typed fields, such as `float_data`.
struct OnnxEntries {
  // packed ones
  std::vector<std::string_view> chunks;
  // those that stand alone: how many, and the first of them
  std::uint64_t alone = 0;
  std::vector<std::uint64_t> first_alone;
};

struct OnnxTensor {
  std::string_view name;
  std::vector<std::int64_t> dims;
  std::int32_t type = 0;
  bool external = false;
  std::optional<std::string_view> raw;
  std::array<OnnxEntries, 12> entries;
  std::vector<std::pair<std::string_view, std::string_view>> external_data;
  // where the message starts, and whether it could be read to its end
  std::uint64_t offset = 0;
  bool whole = true;
  bool too_many_dims = false;

  const OnnxEntries& entries_of(OnnxDataField field) const {
    return entries[static_cast<std::size_t>(field)];
  }
};

// StringStringEntryProto: key and value.
std::pair<std::string_view, std::string_view> read_onnx_pair(OnnxReading& reading, std::string_view message,
                                                             const std::string& where);

OnnxTensor read_onnx_tensor(OnnxReading& reading, std::string_view message, const std::string& where);

// One field of `dims`, which is a packed or an unpacked one.
void add_onnx_dims(OnnxTensor& tensor, const ProtobufField& field);

// Elements of a tensor whose dims make sense.
std::optional<std::uint64_t> onnx_elements(const OnnxTensor& tensor);
// The values of an int64, int32 or bool tensor of at most kMostSmall elements that are in this file.
std::optional<std::vector<std::int64_t>> onnx_integers(const OnnxTensor& tensor);
// The value of a float32, float64 or integer tensor of one element.
std::optional<double> onnx_scalar(const OnnxTensor& tensor);

}  // namespace runup::artifact
