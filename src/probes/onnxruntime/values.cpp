// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/values.h"

#include <array>
#include <format>
#include <utility>

#include "base/text.h"
#include "probes/runtime/values.h"

namespace runup {

namespace {

constexpr std::size_t kMostOutputs = 1000;
constexpr int kDeepestOutput = 16;

constexpr std::array<std::pair<ONNXTensorElementDataType, std::string_view>, 22> kTypes{
    {{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, "float32"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, "uint8"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, "int8"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, "uint16"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, "int16"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, "int32"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, "int64"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, "string"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, "bool"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, "float16"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, "float64"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, "uint32"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, "uint64"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64, "complex64"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128, "complex128"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, "bfloat16"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FN, "float8_e4m3fn"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FNUZ, "float8_e4m3fnuz"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2, "float8_e5m2"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ, "float8_e5m2fnuz"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT4, "uint4"},
     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4, "int4"}}};

std::size_t item_bytes(const std::string& dtype) {
  if (const std::size_t known = element_bytes(dtype); known > 0) {
    return known;
  }
  return dtype == "complex64" ? 8U : dtype == "complex128" ? 16U : dtype.starts_with("float8") ? 1U : 0U;
}

// The texts one after the other, each with its end, so that equal bytes are equal texts.
HeldOutput text_output(const std::string& name, const Ort::Value& value, std::vector<std::int64_t> shape,
                       std::size_t count) {
  auto bytes = std::make_shared<std::string>();
  for (std::size_t i = 0; i < count; ++i) {
    *bytes += value.GetStringTensorElement(i);
    *bytes += '\0';
  }
  return {.values = {.name = name,
                     .dtype = "string",
                     .shape = std::move(shape),
                     .bytes = std::as_bytes(std::span(bytes->data(), bytes->size()))},
          .owner = bytes};
}

Result<void> add_tensor(const std::string& name, Ort::Value value, std::vector<HeldOutput>& outputs) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  std::vector<std::int64_t> shape = info.GetShape();
  const std::string dtype = dtype_of(info.GetElementType());
  const std::size_t count = info.GetElementCount();
  if (dtype == "string") {
    outputs.push_back(text_output(name, value, std::move(shape), count));
    return {};
  }
  const std::size_t item = item_bytes(dtype);
  if (item == 0) {
    return fail(ErrorCode::unsupported,
                std::format("output `{}` is of type `{}`, which is not read", printable(name), dtype));
  }
  auto owner = std::make_shared<Ort::Value>(std::move(value));
  const auto* data = static_cast<const std::byte*>(std::as_const(*owner).GetTensorRawData());
  outputs.push_back({.values = {.name = name,
                                .dtype = dtype,
                                .shape = std::move(shape),
                                .bytes = Bytes(data, data == nullptr ? 0 : count * item)},
                     .owner = owner});
  return {};
}

Result<void> add_value(const std::string& name, Ort::Value value, int depth,
                       std::vector<HeldOutput>& outputs) {
  if (depth > kDeepestOutput || outputs.size() >= kMostOutputs) {
    return fail(ErrorCode::limit,
                std::format("the model's outputs are more than {} tensors, or nested deeper than {}",
                            kMostOutputs, kDeepestOutput));
  }
  if (!value.HasValue()) {
    return {};
  }
  const ONNXType type = value.GetTypeInfo().GetONNXType();
  if (type == ONNX_TYPE_TENSOR) {
    return add_tensor(name, std::move(value), outputs);
  }
  if (type != ONNX_TYPE_SEQUENCE && type != ONNX_TYPE_MAP) {
    return fail(
        ErrorCode::unsupported,
        std::format("output `{}` is neither a tensor nor a sequence or map of them", printable(name)));
  }
  const Ort::AllocatorWithDefaultOptions allocator;
  const std::size_t count = value.GetCount();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string part =
        type == ONNX_TYPE_MAP ? name + (i == 0 ? ".keys" : ".values") : std::format("{}[{}]", name, i);
    if (auto added = add_value(part, value.GetValue(static_cast<int>(i), allocator), depth + 1, outputs);
        !added) {
      return added;
    }
  }
  return {};
}

}  // namespace

std::string dtype_of(ONNXTensorElementDataType type) {
  for (const auto& [candidate, name] : kTypes) {
    if (candidate == type) {
      return std::string(name);
    }
  }
  return "undefined";
}

Result<Ort::Value> input_tensor(const InputValues& input) {
  const std::string_view dtype = enum_name(input.dtype);
  for (const auto& [type, name] : kTypes) {
    if (name == dtype) {
      const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
      // It is read only; the API has no other way to say so.
      return Ort::Value::CreateTensor(memory, const_cast<std::byte*>(input.bytes.data()), input.bytes.size(),
                                      input.shape.data(), input.shape.size(), type);
    }
  }
  return fail(ErrorCode::unsupported, std::format("inputs of type `{}` cannot be given", dtype));
}

Result<void> add_output(const std::string& name, Ort::Value value, std::vector<HeldOutput>& outputs) {
  return add_value(name, std::move(value), 0, outputs);
}

}  // namespace runup
