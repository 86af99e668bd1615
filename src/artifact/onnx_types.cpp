// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_types.h"

#include <algorithm>
#include <array>

namespace runup::artifact {

namespace {

using enum OnnxDataField;

constexpr std::array<OnnxType, 26> kOnnxTypes{{{1, "float32", 32, float_data},
                                               {2, "uint8", 8, int32_data},
                                               {3, "int8", 8, int32_data},
                                               {4, "uint16", 16, int32_data},
                                               {5, "int16", 16, int32_data},
                                               {6, "int32", 32, int32_data},
                                               {7, "int64", 64, int64_data},
                                               {8, "string", 0, string_data},
                                               {9, "bool", 8, int32_data},
                                               {10, "float16", 16, int32_data},
                                               {11, "float64", 64, double_data},
                                               {12, "uint32", 32, uint64_data},
                                               {13, "uint64", 64, uint64_data},
                                               {14, "complex64", 64, float_data, 2},
                                               {15, "complex128", 128, double_data, 2},
                                               {16, "bfloat16", 16, int32_data},
                                               {17, "float8_e4m3fn", 8, int32_data},
                                               {18, "float8_e4m3fnuz", 8, int32_data},
                                               {19, "float8_e5m2", 8, int32_data},
                                               {20, "float8_e5m2fnuz", 8, int32_data},
                                               {21, "uint4", 4, int32_data},
                                               {22, "int4", 4, int32_data},
                                               {23, "float4_e2m1fn", 4, int32_data},
                                               {24, "float8_e8m0fnu", 8, int32_data},
                                               {25, "uint2", 2, int32_data},
                                               {26, "int2", 2, int32_data}}};

}  // namespace

const OnnxType* onnx_type(std::int32_t number) {
  const auto found = std::ranges::find(kOnnxTypes, number, &OnnxType::number);
  return found == kOnnxTypes.end() ? nullptr : &*found;
}

}  // namespace runup::artifact
