// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "artifact/numpy_values.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::uint32_t kDims = 1;
constexpr std::uint32_t kDataType = 2;
constexpr std::uint32_t kName = 8;
constexpr std::uint32_t kRawData = 9;
constexpr std::uint32_t kExternalData = 13;
constexpr std::uint32_t kDataLocation = 14;

bool is_entries(std::uint32_t number) {
  // Compared as they are: a field's number has more bits than OnnxDataField.
  constexpr std::array<std::uint32_t, 6> kNumbers{4, 5, 6, 7, 10, 11};
  return std::ranges::contains(kNumbers, number);
}

std::uint64_t alone_value(const ProtobufField& field) {
  if (field.wire == Wire::varint) {
    return field.value;
  }
  std::uint64_t value = 0;
  std::memcpy(&value, field.content.data(), std::min(field.content.size(), sizeof(value)));
  return value;
}

void add_onnx_entries(OnnxTensor& tensor, const ProtobufField& field) {
  OnnxEntries& entries = tensor.entries[field.number];
  // A text stands alone although its bytes are counted.
  const bool is_text = field.number == static_cast<std::uint32_t>(OnnxDataField::string_data);
  if (field.wire == Wire::counted && !is_text) {
    entries.chunks.push_back(field.content);
    return;
  }
  ++entries.alone;
  if (is_text) {
    // their bytes together, since nobody asks for the texts
    entries.first_alone.resize(1);
    entries.first_alone[0] += field.content.size();
  } else if (entries.first_alone.size() < kMostSmall) {
    entries.first_alone.push_back(alone_value(field));
  }
}

// The first kMostSmall entries as 64 bits; nothing when there are more, or they cannot be read.
std::optional<std::vector<std::uint64_t>> few_entries(const OnnxTensor& tensor, OnnxDataField field) {
  const OnnxEntries& entries = tensor.entries_of(field);
  std::vector<std::uint64_t> values = entries.first_alone;
  const std::size_t fixed = field == OnnxDataField::float_data    ? 4
                            : field == OnnxDataField::double_data ? 8
                                                                  : 0;
  for (std::string_view chunk : entries.chunks) {
    while (!chunk.empty()) {
      std::uint64_t value = 0;
      if (fixed > 0) {
        if (chunk.size() < fixed) {
          return std::nullopt;
        }
        std::memcpy(&value, chunk.data(), fixed);
        chunk.remove_prefix(fixed);
      } else if (const auto number = take_varint(chunk)) {
        value = *number;
      } else {
        return std::nullopt;
      }
      if (values.size() >= kMostSmall) {
        return std::nullopt;
      }
      values.push_back(value);
    }
  }
  return entries.alone > entries.first_alone.size() ? std::nullopt : std::optional(std::move(values));
}

// The elements of a small tensor, each as the bits of its type.
std::optional<std::vector<std::uint64_t>> few_elements(const OnnxTensor& tensor, const OnnxType& type) {
  const auto count = onnx_elements(tensor);
  if (!count || *count > kMostSmall || tensor.external || !tensor.whole || type.bits % 8 != 0 ||
      type.bits > 64) {
    return std::nullopt;
  }
  const std::size_t item = type.bits / 8;
  if (!tensor.raw) {
    auto values = few_entries(tensor, type.field);
    return values && values->size() == *count ? values : std::nullopt;
  }
  if (tensor.raw->size() != *count * item) {
    return std::nullopt;
  }
  std::vector<std::uint64_t> values(*count);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::memcpy(&values[i], tensor.raw->data() + i * item, item);
  }
  return values;
}

}  // namespace

OnnxTensor read_onnx_tensor(OnnxReading& reading, std::string_view message, const std::string& where) {
  OnnxTensor tensor{.offset = reading.offset_of(message)};
  tensor.whole = reading.each_field(message, where, [&](const ProtobufField& field) {
    if (field.number == kDims) {
      add_onnx_dims(tensor, field);
    } else if (field.is(kDataType, Wire::varint)) {
      tensor.type = static_cast<std::int32_t>(field.value);
    } else if (field.is(kName, Wire::counted)) {
      tensor.name = field.content;
    } else if (field.is(kRawData, Wire::counted)) {
      tensor.raw = field.content;
    } else if (field.is(kDataLocation, Wire::varint)) {
      tensor.external = field.value == 1;
    } else if (field.is(kExternalData, Wire::counted)) {
      if (tensor.external_data.size() < kMostSmall) {
        tensor.external_data.push_back(read_onnx_pair(reading, field.content, where));
      }
    } else if (is_entries(field.number)) {
      add_onnx_entries(tensor, field);
    }
  }) && tensor.whole;
  return tensor;
}

void add_onnx_dims(OnnxTensor& tensor, const ProtobufField& field) {
  const auto add = [&](std::uint64_t value) {
    tensor.too_many_dims = tensor.too_many_dims || tensor.dims.size() >= kMostDims;
    if (!tensor.too_many_dims) {
      tensor.dims.push_back(static_cast<std::int64_t>(value));
    }
  };
  if (field.wire == Wire::varint) {
    add(field.value);
    return;
  }
  std::string_view rest = field.wire == Wire::counted ? field.content : std::string_view();
  while (!rest.empty() && !tensor.too_many_dims) {
    const auto value = take_varint(rest);
    if (!value) {
      tensor.whole = false;
      return;
    }
    add(*value);
  }
}

std::pair<std::string_view, std::string_view> read_onnx_pair(OnnxReading& reading, std::string_view message,
                                                             const std::string& where) {
  std::pair<std::string_view, std::string_view> pair;
  reading.each_field(message, where, [&](const ProtobufField& field) {
    if (field.is(1, Wire::counted)) {
      pair.first = field.content;
    } else if (field.is(2, Wire::counted)) {
      pair.second = field.content;
    }
  });
  return pair;
}

std::optional<std::uint64_t> onnx_elements(const OnnxTensor& tensor) {
  const bool negative = std::ranges::any_of(tensor.dims, [](std::int64_t size) { return size < 0; });
  return negative || tensor.too_many_dims ? std::nullopt : element_count(tensor.dims);
}

std::optional<std::vector<std::int64_t>> onnx_integers(const OnnxTensor& tensor) {
  const OnnxType* type = onnx_type(tensor.type);
  if (type == nullptr || (type->name != "int64" && type->name != "int32" && type->name != "bool")) {
    return std::nullopt;
  }
  const auto bits = few_elements(tensor, *type);
  if (!bits) {
    return std::nullopt;
  }
  std::vector<std::int64_t> values;
  for (const std::uint64_t value : *bits) {
    values.push_back(type->bits == 32 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value));
  }
  return values;
}

std::optional<double> onnx_scalar(const OnnxTensor& tensor) {
  const OnnxType* type = onnx_type(tensor.type);
  if (type == nullptr || onnx_elements(tensor) != 1) {
    return std::nullopt;
  }
  if (type->name == "float32" || type->name == "float64") {
    const auto bits = few_elements(tensor, *type);
    if (!bits) {
      return std::nullopt;
    }
    return type->bits == 64
               ? std::bit_cast<double>(bits->front())
               : static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits->front())));
  }
  const auto values = onnx_integers(tensor);
  return values ? std::optional(static_cast<double>(values->front())) : std::nullopt;
}

}  // namespace runup::artifact
