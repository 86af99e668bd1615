// SPDX-License-Identifier: Apache-2.0
#include "artifact/torch_types.h"

#include <array>
#include <utility>

namespace runup::artifact {

namespace {

constexpr std::array<TorchType, 36> kTorchTypes{{{"float32", 4},         {"float64", 8},
                                                 {"float16", 2},         {"bfloat16", 2},
                                                 {"uint8", 1},           {"int8", 1},
                                                 {"int16", 2},           {"int32", 4},
                                                 {"int64", 8},           {"bool", 1},
                                                 {"uint16", 2},          {"uint32", 4},
                                                 {"uint64", 8},          {"complex32", 4},
                                                 {"complex64", 8},       {"complex128", 16},
                                                 {"float8_e4m3fn", 1},   {"float8_e5m2", 1},
                                                 {"float8_e4m3fnuz", 1}, {"float8_e5m2fnuz", 1},
                                                 {"float8_e8m0fnu", 1},  {"float4_e2m1fn_x2", 1},
                                                 {"qint8", 1},           {"quint8", 1},
                                                 {"qint32", 4},          {"quint4x2", 1, 2},
                                                 {"quint2x4", 1, 4},     {"bits1x8", 1, 8},
                                                 {"bits2x4", 1, 4},      {"bits4x2", 1, 2},
                                                 {"bits8", 1},           {"bits16", 2},
                                                 {"uint1", 1},           {"uint2", 1},
                                                 {"uint4", 1},           {"int4", 1}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kStorages{
    {{"FloatStorage", "float32"},
     {"DoubleStorage", "float64"},
     {"HalfStorage", "float16"},
     {"BFloat16Storage", "bfloat16"},
     {"ByteStorage", "uint8"},
     {"CharStorage", "int8"},
     {"ShortStorage", "int16"},
     {"IntStorage", "int32"},
     {"LongStorage", "int64"},
     {"BoolStorage", "bool"},
     {"ComplexFloatStorage", "complex64"},
     {"ComplexDoubleStorage", "complex128"},
     {"QInt8Storage", "qint8"},
     {"QUInt8Storage", "quint8"},
     {"QInt32Storage", "qint32"},
     {"QUInt4x2Storage", "quint4x2"},
     {"QUInt2x4Storage", "quint2x4"},
     {"UntypedStorage", "uint8"},
     {"_UntypedStorage", "uint8"}}};

// Other names that torch gives the same types.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kSynonyms{{{"float", "float32"},
                                                                                  {"double", "float64"},
                                                                                  {"half", "float16"},
                                                                                  {"short", "int16"},
                                                                                  {"int", "int32"},
                                                                                  {"long", "int64"},
                                                                                  {"chalf", "complex32"},
                                                                                  {"cfloat", "complex64"},
                                                                                  {"cdouble", "complex128"}}};

}  // namespace

std::optional<TorchType> torch_type_of_storage(std::string_view class_name) {
  for (const auto& [storage, type] : kStorages) {
    if (storage == class_name) {
      return torch_type(type);
    }
  }
  return std::nullopt;
}

std::optional<TorchType> torch_type(std::string_view name) {
  for (const auto& [synonym, real] : kSynonyms) {
    if (synonym == name) {
      name = real;
    }
  }
  for (const TorchType& type : kTorchTypes) {
    if (type.name == name) {
      return type;
    }
  }
  return std::nullopt;
}

}  // namespace runup::artifact
