// SPDX-License-Identifier: Apache-2.0
#pragma once

// Floating-point formats without a C++ type, as float32, which holds each of their numbers exactly.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace runup::artifact {

// IEEE binary16.
constexpr float from_half(std::uint16_t bits) {
  const auto sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const auto rest = static_cast<std::uint32_t>(bits & 0x7FFFU);
  // Shifted into place, the exponent is 112 too small; a multiplication corrects it, subnormals included. Of
  // infinity and NaN, it keeps the mantissa. Without a branch, so that loops of it have vectors.
  const auto number = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest << 13U) * 0x1p112F);
  const std::uint32_t special = rest >= 0x7C00U ? 0x7F800000U : 0U;
  return std::bit_cast<float>(sign | number | special);
}

// The upper half of a binary32.
constexpr float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

// One of the formats of eight bits, by its exponent's size and bias. All have a sign, subnormals, and NaN
// where OCP's "8-bit Floating Point Specification" or, with `fnuz`, the paper arXiv:2206.02915 has it.
struct Float8 {
  int exponent_bits = 4;
  int bias = 7;
  // the largest exponent holds infinity and NaN, as in IEEE formats (e5m2); else it holds numbers too
  bool ieee = false;
  // no negative zero, whose bits are the only NaN
  bool fnuz = false;
};

constexpr float power_of_two(int exponent) {
  float value = 1;
  for (; exponent > 0; --exponent) {
    value *= 2;
  }
  for (; exponent < 0; ++exponent) {
    value /= 2;
  }
  return value;
}

constexpr std::array<float, 256> float8_values(Float8 format) {
  const int mantissa_bits = 7 - format.exponent_bits;
  std::array<float, 256> values{};
  for (int bits = 0; bits < 256; ++bits) {
    const int exponent = (bits & 0x7F) >> mantissa_bits;
    const int mantissa = bits & ((1 << mantissa_bits) - 1);
    const float sign = bits >= 128 ? -1.0F : 1.0F;
    const bool top = exponent == (1 << format.exponent_bits) - 1;
    const float fraction = static_cast<float>(mantissa) / static_cast<float>(1 << mantissa_bits);
    const bool nan = format.fnuz ? bits == 0x80 : format.ieee ? top && mantissa != 0 : (bits & 0x7F) == 0x7F;
    // A product with NaN is no constant expression.
    float& value = values[static_cast<std::size_t>(bits)];
    if (nan) {
      value = std::numeric_limits<float>::quiet_NaN();
    } else if (format.ieee && top) {
      value = sign * std::numeric_limits<float>::infinity();
    } else {
      value = sign * (exponent == 0 ? fraction * power_of_two(1 - format.bias)
                                    : (1 + fraction) * power_of_two(exponent - format.bias));
    }
  }
  return values;
}

inline constexpr auto kFloat8E4m3fn = float8_values({.exponent_bits = 4, .bias = 7});
inline constexpr auto kFloat8E4m3fnuz = float8_values({.exponent_bits = 4, .bias = 8, .fnuz = true});
inline constexpr auto kFloat8E5m2 = float8_values({.exponent_bits = 5, .bias = 15, .ieee = true});
inline constexpr auto kFloat8E5m2fnuz = float8_values({.exponent_bits = 5, .bias = 16, .fnuz = true});

}  // namespace runup::artifact
